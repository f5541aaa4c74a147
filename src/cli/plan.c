/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/manifest.h"
#include "cli/printer.h"
#include "kube/json.h"
#include "plan/plan_objects.h"

static const struct option_spec options[] = {
	{ "filename", 'f', "FILE",
	  "Services, EndpointSlices and Nodes: a file, a folder, or - for standard input",
	  OPTION_REQUIRED | OPTION_LIST },
	{ "node", 0, "NAME", "plan for this node (default: for a node without a name)", 0 },
	{ "output", 'o', "FORMAT", "text (the default) or json", 0 },
	{ 0 },
};

static int run(const struct args *args)
{
	const char *output = args_get_or(args, "output", "text");
	auto_json json_t *objects = NULL, *plan = NULL;
	auto_buf struct buf text = BUF_INIT;
	struct err err = { 0 };

	if (strcmp(output, "text") != 0 && strcmp(output, "json") != 0)
		return command_usage_error(
			&command_plan, "unknown output format '%s': expected text or json", output);
	if (manifest_read(args_list(args, "filename"), &objects, &err) < 0)
		return command_fail("%s", err.msg);
	if (strcmp(output, "json") == 0) {
		plan = plan_objects_json(objects, args_get_or(args, "node", ""));
		printer_json(stdout, plan);
		return 0;
	}
	plan_objects_print(objects, args_get_or(args, "node", ""), &text);
	(void)fputs(buf_str(&text), stdout);
	return 0;
}

const struct command command_plan = {
	.name = "plan",
	.operands = "-f FILE",
	.summary = "show what a node would do with Services and EndpointSlices, and why",
	.description =
		"Prints the plan for the Services of some files: the frontends, the backends "
		"each may use, and\nfor every endpoint left out the reason. Needs no server "
		"and no rights.\n"
		"  kubectl get svc,endpointslices,nodes -A -o yaml | fairlead plan -f - --node n1",
	.options = options,
	.run = run,
};
