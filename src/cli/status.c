/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/printer.h"
#include "cli/session.h"
#include "datapath/datapath.h"
#include "datapath/view.h"
#include "kube/json.h"

static const struct option_spec options[] = {
	OPTIONS_API,
	{ "pin-dir", 0, "DIR", "where programs and maps are pinned (default: /sys/fs/bpf/fairlead)",
	  0 },
	{ "output", 'o', "FORMAT", "text (the default) or json", 0 },
	{ 0 },
};

/* What the API says: its version, and how many objects of each kind there are. */
static json_t *ask_api(const struct args *args)
{
	auto_session struct session session = { 0 };
	auto_json json_t *version = NULL;
	struct client_request request = { .method = "GET", .path = "/version" };
	struct err err = { 0 };
	json_t *api;
	int r;

	r = session_open(&session, args, &err);
	if (r == 0)
		r = session_request(&session, &request, &version, &err);
	if (r < 0 || r >= 400)
		return json_pack("{s:b, s:s}", "reachable", 0, "error", err.msg);
	api = json_pack("{s:b, s:s, s:s}", "reachable", 1, "server", session.config.server,
	                "version", json_path_str(version, "gitVersion"));
	for (size_t i = 0; kinds[i]; i++) {
		auto_free char *path = kind_path(kinds[i], NULL, NULL);
		auto_json json_t *list = NULL;

		if (kinds[i]->stored_as)
			continue;
		request.path = path;
		r = session_request(&session, &request, &list, &err);
		if (r == 200)
			(void)json_object_set_new(api, kinds[i]->plural,
			                          json_integer((json_int_t)json_array_size(
							  json_object_get(list, "items"))));
	}
	return api;
}

/* The programs that are not attached, as names; empty: all are. */
static json_t *missing_programs(const char *pin_dir, struct err *err)
{
	json_t *missing = json_array();
	struct view *view = NULL;

	if (view_read(pin_dir, &view, err) < 0) {
		json_decref(missing);
		return NULL;
	}
	for (size_t i = 0; i < VIEW_HOOKS; i++)
		if (!view->hooks[i].attached)
			json_array_append_new(missing, json_string(view->hooks[i].name));
	view_free(view);
	return missing;
}

/* What the kernel really has. */
static json_t *ask_kernel(const struct args *args)
{
	auto_json json_t *frontends = NULL;
	auto_json json_t *missing = NULL;
	struct err err = { 0 };
	json_t *frontend;
	size_t backends = 0, empty = 0, i;

	missing = missing_programs(args_get(args, "pin-dir"), &err);
	if (!missing || datapath_dump(args_get(args, "pin-dir"), &frontends, &err) < 0)
		return json_pack("{s:b, s:s}", "inEffect", 0, "error", err.msg);
	json_array_foreach(frontends, i, frontend) {
		size_t n = json_array_size(json_object_get(frontend, "backends"));

		backends += n;
		empty += n == 0;
	}
	return json_pack("{s:b, s:O, s:i, s:i, s:i, s:O}", "inEffect",
	                 json_array_size(missing) == 0, "programsMissing", missing, "frontends",
	                 (int)json_array_size(frontends), "backends", (int)backends,
	                 "frontendsWithoutBackend", (int)empty, "list", frontends);
}

static void print_api(const json_t *api)
{
	if (!json_path_bool(api, "reachable", false)) {
		(void)printf("API       not reachable: %s\n", json_path_str(api, "error"));
		return;
	}
	(void)printf("API       %s, %s\n         ", json_path_str(api, "server"),
	             json_path_str(api, "version"));
	for (size_t i = 0; kinds[i]; i++)
		if (!kinds[i]->stored_as)
			(void)printf("%s %s %lld", i ? "," : "", kinds[i]->plural,
			             (long long)json_path_int(api, kinds[i]->plural, 0));
	(void)putchar('\n');
}

static void print_kernel(const json_t *kernel)
{
	const json_t *name;
	size_t i;

	if (json_path_string(kernel, "error")) {
		(void)printf("datapath  not in effect: %s\n", json_path_str(kernel, "error"));
		return;
	}
	if (!json_path_bool(kernel, "inEffect", false)) {
		(void)printf("datapath  not in effect, programs that are not attached:");
		json_array_foreach(json_path(kernel, "programsMissing"), i, name)
			(void)printf(" %s", json_string_value(name));
		(void)putchar('\n');
	}
	(void)printf("datapath  eBPF at connect(): %lld frontends (%lld without a backend), "
	             "%lld backends\n",
	             (long long)json_path_int(kernel, "frontends", 0),
	             (long long)json_path_int(kernel, "frontendsWithoutBackend", 0),
	             (long long)json_path_int(kernel, "backends", 0));
}

static int run(const struct args *args)
{
	const char *output = args_get_or(args, "output", "text");
	auto_json json_t *status = NULL;
	bool well;

	if (strcmp(output, "text") != 0 && strcmp(output, "json") != 0)
		return command_usage_error(&command_status,
		                           "unknown output format '%s': expected text or json",
		                           output);
	status = json_pack("{s:o, s:o}", "api", ask_api(args), "datapath", ask_kernel(args));
	well = json_path_bool(status, "api.reachable", false) &&
	       json_path_bool(status, "datapath.inEffect", false);
	if (strcmp(output, "json") == 0) {
		printer_json(stdout, status);
	} else {
		print_api(json_object_get(status, "api"));
		print_kernel(json_object_get(status, "datapath"));
	}
	return well ? 0 : EXIT_FAILED;
}

const struct command command_status = {
	.name = "status",
	.operands = "",
	.summary = "show whether the API answers and what the kernel has",
	.description = "Says whether the API can be reached and what the pinned maps of this node "
		       "hold. The exit status\nis 1 unless both are well.",
	.options = options,
	.run = run,
};
