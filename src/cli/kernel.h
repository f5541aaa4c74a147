/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel - what "fairlead get frontends|backends|services --kernel" and "trace" show: the pinned maps
 * of this node, whether an agent runs or not (datapath/view.h).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "cli/command.h"
#include "datapath/view.h"

#define OPTION_PIN_DIR                                                  \
	{                                                               \
		"pin-dir", 0, "DIR",                                    \
			"where programs and maps are pinned (default: " \
			"/sys/fs/bpf/fairlead)",                        \
			0                                               \
	}

/* True if 'word' (an operand of get) is what only the kernel has. */
bool kernel_is_kind(const char *word);

/* Runs "get WORD" against the kernel; returns the exit status. */
int kernel_get(const struct args *args, const char *word);

/* Parts of it, as JSON; new references. */
json_t *kernel_frontend(const struct view *view, const struct view_frontend *frontend);
json_t *kernel_backend(const struct view *view, const struct view_backend *backend);

/* "default/web:http", or "default/web" of the only port; into 'text'. */
#define KERNEL_NAME_SIZE 256
const char *kernel_service_name(const struct view_service *service, char text[KERNEL_NAME_SIZE]);

const char *kernel_type(enum plan_frontend_type type);
const char *kernel_window(enum plan_window_id window);
