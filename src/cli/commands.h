/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands - the rows of the table of subcommands; each is the file of its name.
 */
#pragma once

#include "cli/command.h"

extern const struct command command_up, command_server, command_agent, command_register,
	command_deregister, command_apply, command_get, command_delete, command_plan,
	command_status, command_trace, command_kubeconfig, command_demo_server, command_demo_client,
	command_completion, command_man, command_version;
