/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/kernel.h"
#include "cli/printer.h"
#include "kube/json.h"

static const struct option_spec options[] = {
	{ "protocol", 0, "NAME", "tcp (the default), udp or sctp", 0 },
	OPTION_PIN_DIR,
	{ "output", 'o', "FORMAT", "text (the default) or json", 0 },
	{ 0 },
};

static const char *const verdicts[] = {
	[VIEW_DIRECT] = "direct",
	[VIEW_REFUSED] = "refused",
	[VIEW_BALANCED] = "balanced",
};

struct trace {
	struct ipaddr addr;
	uint16_t port;
	enum protocol protocol;
};

static int parse(const struct args *args, struct trace *ret)
{
	const char *to = args_operand(args, 0), *name = args_get_or(args, "protocol", "tcp");
	char upper[8] = "";

	for (size_t i = 0; name[i] && i < sizeof(upper) - 1; i++)
		upper[i] = (char)toupper((unsigned char)name[i]);
	ret->protocol = strlen(name) < sizeof(upper) ? protocol_parse(upper) : 0;
	if (!ret->protocol)
		return command_usage_error(&command_trace,
		                           "--protocol %s: expected tcp, udp or sctp", name);
	if (ipaddr_parse_hostport(to, &ret->addr, &ret->port) < 0 || ret->port == 0)
		return command_usage_error(&command_trace,
		                           "%s: expected ADDR:PORT, like 10.96.0.1:443 or "
		                           "[fd00::1]:443",
		                           to);
	return 0;
}

static json_t *window_json(const struct view *view, const struct view_window *window)
{
	json_t *list = json_array();

	for (size_t i = 0; window && i < window->n; i++)
		json_array_append_new(list,
		                      kernel_backend(view, &view->backends[window->backends[i]]));
	return list;
}

static void print_json(const struct view *view, const struct view_trace *t)
{
	auto_json json_t *j = json_pack("{s:s, s:s}", "verdict", verdicts[t->verdict], "why",
	                                t->why);

	if (t->frontend)
		json_object_set_new(j, "frontend", kernel_frontend(view, t->frontend));
	if (t->window)
		json_object_set_new(j, "backends", window_json(view, t->window));
	if (t->affinity.backend != VIEW_NONE) {
		json_object_set_new(j, "affinity",
		                    kernel_backend(view, &view->backends[t->affinity.backend]));
		json_object_set_new(j, "affinitySecondsLeft",
		                    json_integer(t->affinity.left_seconds));
	}
	printer_json(stdout, j);
}

static void print_backend(const struct view_backend *b)
{
	char text[IPADDR_TEXT_SIZE + 8];

	ipaddr_format_hostport(&b->addr, b->port, text);
	(void)printf("  %s%s, %llu connection%s\n", text,
	             b->state == VIEW_TERMINATING ? " (terminating)" : "",
	             (unsigned long long)b->connections, b->connections == 1 ? "" : "s");
}

static void print_affinity(const struct view *view, const struct view_trace *t)
{
	char text[IPADDR_TEXT_SIZE + 8];
	const struct view_backend *b;

	if (!t->service->affinity_seconds)
		return;
	if (t->affinity.backend == VIEW_NONE) {
		(void)printf(
			"affinity: this client has no backend yet; then it keeps it for %u s\n",
			t->service->affinity_seconds);
		return;
	}
	b = &view->backends[t->affinity.backend];
	ipaddr_format_hostport(&b->addr, b->port, text);
	(void)printf("affinity: this client goes to %s for another %u s\n", text,
	             t->affinity.left_seconds);
}

static void print_text(const struct args *args, const struct view *view, const struct view_trace *t)
{
	char name[KERNEL_NAME_SIZE];

	(void)printf("%s: %s\n", args_operand(args, 0), verdicts[t->verdict]);
	if (t->why[0])
		(void)printf("why: %s\n", t->why);
	if (t->service)
		(void)printf("Service: %s, %s\n", kernel_service_name(t->service, name),
		             kernel_type(t->frontend->type));
	if (t->verdict != VIEW_BALANCED)
		return;
	print_affinity(view, t);
	(void)printf("one of %zu backend%s (%s), at random:\n", t->window->n,
	             t->window->n == 1 ? "" : "s", kernel_window(t->frontend->internal));
	for (size_t i = 0; i < t->window->n; i++)
		print_backend(&view->backends[t->window->backends[i]]);
}

/* Programs that are not there balance nothing. */
static void warn_of_hooks(const struct view *view)
{
	for (size_t i = 0; i < VIEW_HOOKS; i++)
		if (!view->hooks[i].attached)
			(void)fprintf(stderr, "warning: the program %s is not attached\n",
			              view->hooks[i].name);
}

static int run(const struct args *args)
{
	const char *output = args_get_or(args, "output", "text");
	struct view_trace found;
	struct view *view = NULL;
	struct err err = { 0 };
	struct trace trace;
	int r = parse(args, &trace);

	if (r != 0)
		return r;
	if (strcmp(output, "text") != 0 && strcmp(output, "json") != 0)
		return command_usage_error(&command_trace,
		                           "unknown output format '%s': expected text or json",
		                           output);
	if (view_read(args_get(args, "pin-dir"), &view, &err) < 0)
		return command_fail("%s", err.msg);
	if (view_count_connections(view, &err) < 0)
		(void)fprintf(stderr, "warning: not all connections could be counted: %s\n",
		              err.msg);
	warn_of_hooks(view);
	view_trace(view, &trace.addr, trace.port, trace.protocol, &found);
	if (strcmp(output, "json") == 0)
		print_json(view, &found);
	else
		print_text(args, view, &found);
	view_free(view);
	return 0;
}

const struct command command_trace = {
	.name = "trace",
	.operands = "ADDR:PORT",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "say what would become of a connection, and why",
	.description =
		"Says what the kernel of this node would do with a connection to an address and port, "
		"made in the\nnetwork namespace it is called from. Nothing is sent. Needs root; the "
		"agent need not run.\n"
		"  fairlead trace 10.96.0.10:53 --protocol udp",
	.options = options,
	.run = run,
};
