/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that run: everything on one machine, the server alone, the agent alone. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/roles.h"
#include "datapath/datapath.h"

static const struct option_spec up_options[] = { OPTIONS_SERVER, OPTIONS_AGENT, { 0 } };

static int run_up(const struct args *args)
{
	char name[ROLES_NODE_NAME_SIZE];
	struct server_config server;
	struct agent_config agent;
	struct err err = { 0 };

	if (roles_server_config(args, &server, &err) < 0 ||
	    roles_agent_config(args, name, &agent, &err) < 0)
		return command_usage_error(&command_up, "%s", err.msg);
	agent.register_node = true;
	return roles_run(&(struct roles_config){ .server = &server, .agent = &agent });
}

const struct command command_up = {
	.name = "up",
	.operands = "",
	.summary = "run everything on this machine: API server, controllers, agent",
	.description = "Runs an API server that kubectl talks to, the controllers and the agent of "
		       "this node in one\nprocess, in the foreground. The first start makes a "
		       "certificate authority and admin.kubeconfig in\nthe data directory. "
		       "Connections go on, and new ones are balanced, also while it is stopped;\n"
		       "'fairlead agent --cleanup' ends that.",
	.options = up_options,
	.run = run_up,
};

static const struct option_spec server_options[] = { OPTIONS_SERVER, { 0 } };

static int run_server(const struct args *args)
{
	struct server_config server;
	struct err err = { 0 };

	if (roles_server_config(args, &server, &err) < 0)
		return command_usage_error(&command_server, "%s", err.msg);
	return roles_run(&(struct roles_config){ .server = &server });
}

const struct command command_server = {
	.name = "server",
	.operands = "",
	.summary = "run the API server and the controllers",
	.description =
		"Runs the API server and the controllers without an agent. Agents on this or "
		"other machines\nreach it with a kubeconfig.",
	.options = server_options,
	.run = run_server,
};

static const struct option_spec agent_options[] = {
	{ "kubeconfig", 0, "FILE", "how to reach the API (required)", 0 },
	{ "context", 0, "NAME", "the context of the kubeconfig to use", 0 },
	OPTION_CONFIG,
	OPTIONS_AGENT,
	{ "register-node", 0, NULL, "make the Node object of this node and keep it (standalone)",
	  0 },
	{ "cleanup", 0, NULL, "remove everything from the kernel and exit", 0 },
	{ 0 },
};

static int clean_up(const struct args *args)
{
	struct err err = { 0 };

	if (datapath_cleanup(args_get(args, "pin-dir"), &err) < 0)
		return command_fail("%s", err.msg);
	(void)printf("nothing of Fairlead is left in the kernel\n");
	return 0;
}

static int run_agent(const struct args *args)
{
	struct kubeconfig api = { 0 };
	char name[ROLES_NODE_NAME_SIZE];
	struct agent_config agent;
	struct err err = { 0 };
	int status;

	if (args_flag(args, "cleanup"))
		return clean_up(args);
	if (roles_agent_config(args, name, &agent, &err) < 0)
		return command_usage_error(&command_agent, "%s", err.msg);
	if (!args_get(args, "kubeconfig"))
		return command_usage_error(&command_agent, "option --kubeconfig FILE is missing");
	if (kubeconfig_load(args_get(args, "kubeconfig"), args_get(args, "context"), &api, &err) <
	    0)
		return command_fail("%s", err.msg);
	agent.register_node = args_flag(args, "register-node");
	status = roles_run(&(struct roles_config){ .api = &api, .agent = &agent });
	kubeconfig_done(&api);
	return status;
}

const struct command command_agent = {
	.name = "agent",
	.operands = "",
	.summary = "run the node agent against a Kubernetes API",
	.description =
		"Watches Services and EndpointSlices and makes the kernel balance the "
		"connections of this node's\nprocesses and Pods. What it did stays in effect "
		"when it ends; --cleanup removes it.",
	.options = agent_options,
	.run = run_agent,
};
