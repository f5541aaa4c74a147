/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/kernel.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/printer.h"
#include "kube/json.h"
#include "kube/types.h"

/* What is shown of one word: the columns, their cells, and the same for programs. */
struct kernel_kind {
	const char *words[4];       /* the first is its name */
	const char *const *columns; /* those behind the first '|' are wide ones */
	void (*add)(const struct view *view, json_t *rows, json_t *items);
};

const char *kernel_type(enum plan_frontend_type type)
{
	static const char *const names[] = {
		[PLAN_CLUSTER_IP] = "ClusterIP",
		[PLAN_NODE_PORT] = "NodePort",
		[PLAN_EXTERNAL_IP] = "ExternalIP",
		[PLAN_LOAD_BALANCER] = "LoadBalancer",
	};

	return (size_t)type < ARRAY_SIZE(names) ? names[type] : "?";
}

const char *kernel_window(enum plan_window_id window)
{
	static const char *const names[] = {
		[PLAN_WINDOW_ALL] = "all",
		[PLAN_WINDOW_LOCAL] = "local",
		[PLAN_WINDOW_TOPOLOGY] = "topology",
	};

	return window < PLAN_WINDOWS ? names[window] : "?";
}

const char *kernel_service_name(const struct view_service *s, char text[KERNEL_NAME_SIZE])
{
	(void)snprintf(text, KERNEL_NAME_SIZE, "%s/%s%s%s", s->namespace, s->name,
	               *s->port_name ? ":" : "", s->port_name);
	return text;
}

static json_t *hostport(const struct ipaddr *addr, uint16_t port)
{
	char text[IPADDR_TEXT_SIZE + 8];

	ipaddr_format_hostport(addr, port, text);
	return json_string(text);
}

/* A nodePort has no address of its own. */
static json_t *frontend_address(const struct view_frontend *f)
{
	if (f->type == PLAN_NODE_PORT)
		return json_sprintf(f->addr.family == 6 ? "[*]:%u" : "*:%u", f->port);
	return hostport(&f->addr, f->port);
}

static const struct view_service *service_of(const struct view *view, size_t service)
{
	return service == VIEW_NONE ? NULL : &view->services[service];
}

static json_t *name_of(const struct view_service *service)
{
	char text[KERNEL_NAME_SIZE];

	return json_string(service ? kernel_service_name(service, text) : "<none>");
}

static json_t *windows_of(uint8_t windows)
{
	json_t *list = json_array();

	for (unsigned int w = 0; w < PLAN_WINDOWS; w++)
		if (windows & 1U << w)
			json_array_append_new(list, json_string(kernel_window(w)));
	return list;
}

static const char *state_of(const struct view_backend *b)
{
	static const char *const names[] = {
		[VIEW_DEAD] = "removed",
		[VIEW_ACTIVE] = "active",
		[VIEW_TERMINATING] = "terminating",
	};

	return names[b->state];
}

static json_t *address(const struct ipaddr *addr)
{
	char text[IPADDR_TEXT_SIZE];

	ipaddr_format(addr, text);
	return json_string(text);
}

json_t *kernel_frontend(const struct view *view, const struct view_frontend *f)
{
	const struct view_service *s = service_of(view, f->service);
	json_t *j = json_pack("{s:s, s:o, s:i, s:s, s:o, s:s, s:s, s:I}", "type",
	                      kernel_type(f->type), "address", address(&f->addr), "port",
	                      (int)f->port, "protocol", protocol_name(f->protocol), "service",
	                      name_of(s), "internal", kernel_window(f->internal), "external",
	                      kernel_window(f->external), "backends",
	                      (json_int_t)(s ? s->windows[f->internal].n : 0));

	return j;
}

json_t *kernel_backend(const struct view *view, const struct view_backend *b)
{
	const struct view_service *s = service_of(view, b->service);

	return json_pack("{s:o, s:i, s:s, s:o, s:s, s:o, s:I}", "address", address(&b->addr),
	                 "port", (int)b->port, "protocol", s ? protocol_name(s->protocol) : "",
	                 "service", name_of(s), "state", state_of(b), "windows",
	                 windows_of(b->windows), "connections", (json_int_t)b->connections);
}

static void add_row(json_t *rows, json_t *cells)
{
	json_array_append_new(rows, json_pack("{s:o}", "cells", cells));
}

static void add_frontends(const struct view *view, json_t *rows, json_t *items)
{
	for (size_t i = 0; i < view->n_frontends; i++) {
		const struct view_frontend *f = &view->frontends[i];
		const struct view_service *s = service_of(view, f->service);

		json_array_append_new(items, kernel_frontend(view, f));
		add_row(rows, json_pack("[o, s, s, o, I, s, s]", frontend_address(f),
		                        protocol_name(f->protocol), kernel_type(f->type),
		                        name_of(s), (json_int_t)(s ? s->windows[f->internal].n : 0),
		                        kernel_window(f->internal), kernel_window(f->external)));
	}
}

static void add_backends(const struct view *view, json_t *rows, json_t *items)
{
	for (size_t i = 0; i < view->n_backends; i++) {
		const struct view_backend *b = &view->backends[i];
		const struct view_service *s = service_of(view, b->service);
		auto_json json_t *windows = windows_of(b->windows);
		auto_buf struct buf names = BUF_INIT;
		json_t *name;
		size_t k;

		json_array_foreach(windows, k, name)
			buf_printf(&names, "%s%s", k ? "," : "", json_string_value(name));
		json_array_append_new(items, kernel_backend(view, b));
		add_row(rows, json_pack("[o, s, o, s, I, s]", hostport(&b->addr, b->port),
		                        s ? protocol_name(s->protocol) : "", name_of(s),
		                        state_of(b), (json_int_t)b->connections, buf_str(&names)));
	}
}

static uint64_t connections_of(const struct view *view, size_t service)
{
	uint64_t n = 0;

	for (size_t i = 0; i < view->n_backends; i++)
		if (view->backends[i].service == service)
			n += view->backends[i].connections;
	return n;
}

static json_t *affinity_text(const struct view_service *s)
{
	return s->affinity_seconds ? json_sprintf("ClientIP %us", s->affinity_seconds)
	                           : json_string("None");
}

static json_t *service_json(const struct view *view, size_t i)
{
	const struct view_service *s = &view->services[i];
	json_t *windows = json_object();

	for (unsigned int w = 0; w < PLAN_WINDOWS; w++)
		json_object_set_new(windows, kernel_window(w),
		                    json_integer((json_int_t)s->windows[w].n));
	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:I, s:o, s:I}", "namespace", s->namespace,
	                 "name", s->name, "portName", s->port_name, "port", (int)s->port,
	                 "protocol", protocol_name(s->protocol), "family",
	                 s->family == 6 ? "IPv6" : "IPv4", "affinitySeconds",
	                 (json_int_t)s->affinity_seconds, "windows", windows, "connections",
	                 (json_int_t)connections_of(view, i));
}

static void add_services(const struct view *view, json_t *rows, json_t *items)
{
	for (size_t i = 0; i < view->n_services; i++) {
		const struct view_service *s = &view->services[i];

		json_array_append_new(items, service_json(view, i));
		add_row(rows, json_pack("[o, o, s, I, I, I, o, I]", name_of(s),
		                        json_sprintf("%u/%s", s->port, protocol_name(s->protocol)),
		                        s->family == 6 ? "IPv6" : "IPv4",
		                        (json_int_t)s->windows[PLAN_WINDOW_ALL].n,
		                        (json_int_t)s->windows[PLAN_WINDOW_LOCAL].n,
		                        (json_int_t)s->windows[PLAN_WINDOW_TOPOLOGY].n,
		                        affinity_text(s), (json_int_t)connections_of(view, i)));
	}
}

static const char *const frontend_columns[] = { "Address",  "Protocol", "Type",     "Service",
	                                        "Backends", "|Window",  "|Outside", NULL };
static const char *const backend_columns[] = { "Address",     "Protocol", "Service", "State",
	                                       "Connections", "|Windows", NULL };
static const char *const service_columns[] = { "Service",  "Port",        "Family",
	                                       "All",      "Local",       "Topology",
	                                       "Affinity", "Connections", NULL };

static const struct kernel_kind kinds_of_kernel[] = {
	{ { "frontends", "frontend" }, frontend_columns, add_frontends },
	{ { "backends", "backend" }, backend_columns, add_backends },
	{ { "services", "service", "svc" }, service_columns, add_services },
};

static const struct kernel_kind *find_kind(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds_of_kernel); i++)
		for (size_t k = 0; k < ARRAY_SIZE(kinds_of_kernel[i].words); k++)
			if (kinds_of_kernel[i].words[k] &&
			    strcmp(kinds_of_kernel[i].words[k], word) == 0)
				return &kinds_of_kernel[i];
	return NULL;
}

bool kernel_is_kind(const char *word)
{
	const struct kernel_kind *kind = find_kind(word);

	return kind &&
	       kind->add != add_services; /* those are the API's, unless --kernel is given */
}

static json_t *columns_json(const struct kernel_kind *kind)
{
	json_t *list = json_array();

	for (size_t i = 0; kind->columns[i]; i++) {
		bool wide = kind->columns[i][0] == '|';

		json_array_append_new(list, json_pack("{s:s, s:i}", "name", kind->columns[i] + wide,
		                                      "priority", (int)wide));
	}
	return list;
}

static int show(const struct args *args, const struct kernel_kind *kind, const struct view *view)
{
	const char *output = args_get_or(args, "output", "");
	struct printer_style style = { .wide = strcmp(output, "wide") == 0,
		                       .no_headers = args_flag(args, "no-headers"),
		                       .prefix = "" };
	auto_json json_t *items = json_array(), *rows = json_array(), *table = NULL;

	kind->add(view, rows, items);
	if (strcmp(output, "json") == 0) {
		printer_json(stdout, items);
	} else if (strcmp(output, "yaml") == 0) {
		printer_yaml(stdout, items);
	} else if (json_array_size(rows) == 0) {
		(void)fprintf(stderr, "No %s in the kernel\n", kind->words[0]);
	} else {
		table = json_pack("{s:o, s:O}", "columnDefinitions", columns_json(kind), "rows",
		                  rows);
		printer_table(stdout, table, &style);
	}
	return 0;
}

int kernel_get(const struct args *args, const char *word)
{
	const struct kernel_kind *kind = find_kind(word);
	struct view *view = NULL;
	struct err err = { 0 };
	int status;

	if (!kind)
		return command_usage_error(&command_get,
		                           "the kernel has frontends, backends and services; '%s' "
		                           "is none of them",
		                           word);
	if (strcmp(args_get_or(args, "output", ""), "name") == 0)
		return command_usage_error(&command_get,
		                           "what the kernel has is shown as a table, wide, json or "
		                           "yaml");
	if (view_read(args_get(args, "pin-dir"), &view, &err) < 0)
		return command_fail("%s", err.msg);
	if (kind->add != add_frontends && view_count_connections(view, &err) < 0)
		(void)fprintf(stderr, "warning: not all connections could be counted: %s\n",
		              err.msg);
	status = show(args, kind, view);
	view_free(view);
	return status;
}
