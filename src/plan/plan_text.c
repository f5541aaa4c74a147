/* SPDX-License-Identifier: Apache-2.0 */
/* plan_text - a plan as people and scripts read it (plan.h). */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/plan.h"

#define COLUMNS_MAX 8

static const char *const type_names[] = {
	[PLAN_CLUSTER_IP] = "clusterIP",
	[PLAN_NODE_PORT] = "nodePort",
	[PLAN_EXTERNAL_IP] = "externalIP",
	[PLAN_LOAD_BALANCER] = "loadBalancer",
};

static const char *const window_names[PLAN_WINDOWS] = {
	[PLAN_WINDOW_ALL] = "all",
	[PLAN_WINDOW_LOCAL] = "local",
	[PLAN_WINDOW_TOPOLOGY] = "topology",
};

/* ---- aligned columns ---- */

struct table {
	struct arena arena;               /* for cells that are made */
	const char *(*rows)[COLUMNS_MAX]; /* heap; the cells are borrowed */
	size_t n, cap;
};

/* A new row, empty. */
static const char **table_row(struct table *table)
{
	array_reserve(table->rows, table->n, table->cap);
	memset(table->rows[table->n], 0, sizeof(table->rows[0]));
	return table->rows[table->n++];
}

static void trim(struct buf *out)
{
	while (out->n > 0 && out->p[out->n - 1] == ' ')
		out->p[--out->n] = '\0';
}

/* Prints the rows indented and gives everything back. */
static void table_finish(struct table *table, struct buf *out)
{
	int widths[COLUMNS_MAX] = { 0 };

	for (size_t r = 0; r < table->n; r++)
		for (size_t i = 0; i < COLUMNS_MAX && table->rows[r][i]; i++)
			if ((int)strlen(table->rows[r][i]) > widths[i])
				widths[i] = (int)strlen(table->rows[r][i]);
	for (size_t r = 0; r < table->n; r++) {
		buf_adds(out, "      ");
		for (size_t i = 0; i < COLUMNS_MAX && table->rows[r][i]; i++)
			buf_printf(out, "%-*s  ", widths[i], table->rows[r][i]);
		trim(out);
		buf_addc(out, '\n');
	}
	free(table->rows);
	arena_done(&table->arena);
}

/* ---- text ---- */

static const char *or_dash(const char *s)
{
	return s[0] ? s : "-";
}

static const char *hostport(struct arena *arena, const struct ipaddr *addr, uint16_t port)
{
	char text[IPADDR_TEXT_SIZE + 8];

	ipaddr_format_hostport(addr, port, text);
	return arena_strdup(arena, text);
}

/* Kubernetes refuses where there is no endpoint at all and drops where a policy Local finds none. */
static const char *window_text(struct arena *arena, const struct plan_port *port,
                               enum plan_window_id id)
{
	if (port->windows[id].n > 0)
		return window_names[id];
	return arena_printf(arena, "%s (%s)", window_names[id],
	                    port->windows[PLAN_WINDOW_ALL].n > 0 ? "none on this node"
	                                                         : "no endpoint");
}

static void print_frontends(const struct plan_port *port, struct buf *out)
{
	struct table table = { 0 };

	buf_adds(out, "    frontends\n");
	for (size_t i = 0; i < port->n_frontends; i++) {
		const struct plan_frontend *f = &port->frontends[i];
		const char **row = table_row(&table);

		row[0] = type_names[f->type];
		row[1] = f->type == PLAN_NODE_PORT ? arena_printf(&table.arena, "*:%u", f->port)
		                                   : hostport(&table.arena, &f->addr, f->port);
		row[2] = window_text(&table.arena, port, f->internal);
		if (f->external != f->internal)
			row[3] = arena_printf(&table.arena, "from outside: %s",
			                      window_text(&table.arena, port, f->external));
	}
	table_finish(&table, out);
}

static int index_cmp(const void *va, const void *vb)
{
	const uint32_t *a = va, *b = vb;

	return (*a > *b) - (*a < *b);
}

static bool in_window(const struct plan_port *port, enum plan_window_id id, uint32_t backend)
{
	const struct plan_window *window = &port->windows[id];

	return window->n > 0 &&
	       bsearch(&backend, window->index, window->n, sizeof(backend), index_cmp);
}

/* "all" is always told, the others where a frontend uses them. */
static bool window_used(const struct plan_port *port, enum plan_window_id id)
{
	if (id == PLAN_WINDOW_ALL)
		return true;
	for (size_t i = 0; i < port->n_frontends; i++)
		if (port->frontends[i].internal == id || port->frontends[i].external == id)
			return true;
	return false;
}

static void print_backends(const struct plan_port *port, struct buf *out)
{
	static const char *const titles[] = { "ADDRESS", "STATE", "NODE", "ZONE", "POD", "WINDOWS" };
	struct table table = { 0 };

	buf_adds(out, "    backends\n");
	if (port->n_backends == 0) {
		buf_adds(out, "      none\n");
		return;
	}
	memcpy((void *)table_row(&table), titles, sizeof(titles));
	for (uint32_t i = 0; i < port->n_backends; i++) {
		const struct plan_backend *b = &port->backends[i];
		const char **row = table_row(&table);
		size_t n = 0;

		row[n++] = hostport(&table.arena, &b->addr, b->port);
		row[n++] = b->ready ? "ready" : "terminating";
		row[n++] = or_dash(b->node);
		row[n++] = or_dash(b->zone);
		row[n++] = or_dash(b->target);
		for (unsigned int w = 0; w < PLAN_WINDOWS; w++)
			if (window_used(port, w))
				row[n++] = in_window(port, w, i) ? window_names[w] : "-";
	}
	table_finish(&table, out);
}

static void print_left_out(const struct plan_port *port, struct buf *out)
{
	struct table table = { 0 };

	if (port->n_left_out == 0)
		return;
	buf_adds(out, "    left out\n");
	for (size_t i = 0; i < port->n_left_out; i++) {
		const struct plan_left_out *l = &port->left_out[i];
		const char **row = table_row(&table);

		row[0] = l->endpoint;
		row[1] = arena_printf(&table.arena, "slice %s", or_dash(l->slice));
		row[2] = l->why;
	}
	table_finish(&table, out);
}

static const char *cidr_text(struct arena *arena, const struct cidr *cidr)
{
	char text[IPADDR_TEXT_SIZE];

	ipaddr_format(&cidr->addr, text);
	return arena_printf(arena, "%s/%u", text, cidr->prefix);
}

static void print_source_ranges(const struct plan_port *port, struct buf *out)
{
	struct arena arena = { 0 };

	if (port->n_source_ranges == 0)
		return;
	buf_adds(out, "    loadBalancer only from");
	for (size_t i = 0; i < port->n_source_ranges; i++)
		buf_printf(out, " %s", cidr_text(&arena, &port->source_ranges[i]));
	buf_addc(out, '\n');
	arena_done(&arena);
}

static void print_port(const struct plan_port *port, struct buf *out)
{
	buf_printf(out, "  %s%s%u/%s IPv%u", port->name, port->name[0] ? " " : "", port->port,
	           protocol_name(port->protocol), port->family);
	if (port->affinity_seconds)
		buf_printf(out, ", affinity ClientIP for %u s", port->affinity_seconds);
	buf_addc(out, '\n');
	print_frontends(port, out);
	print_source_ranges(port, out);
	print_backends(port, out);
	print_left_out(port, out);
}

void plan_service_print(const struct plan_service *plan, struct buf *out)
{
	buf_printf(out, "%s/%s\n", plan->namespace, plan->name);
	if (plan->ignored[0])
		buf_printf(out, "  ignored: %s\n", plan->ignored);
	else if (plan->n_ports == 0)
		buf_adds(out, "  no ports\n");
	if (plan->n_bad)
		buf_printf(out, "  invalid values left out: %u\n", plan->n_bad);
	if (plan->health_port)
		buf_printf(out, "  health check on port %u: %u local, %s\n", plan->health_port,
		           plan->local_ready, plan->local_ready ? "healthy" : "unhealthy");
	for (size_t i = 0; i < plan->n_ports; i++)
		print_port(&plan->ports[i], out);
}

/* ---- JSON ---- */

static json_t *address_json(const struct ipaddr *addr)
{
	char text[IPADDR_TEXT_SIZE];

	ipaddr_format(addr, text);
	return json_string(text);
}

static json_t *frontend_json(const struct plan_frontend *f)
{
	json_t *j = json_object();

	json_object_set_new(j, "type", json_string(type_names[f->type]));
	if (f->type != PLAN_NODE_PORT)
		json_object_set_new(j, "address", address_json(&f->addr));
	json_object_set_new(j, "port", json_integer(f->port));
	json_object_set_new(j, "internal", json_string(window_names[f->internal]));
	json_object_set_new(j, "external", json_string(window_names[f->external]));
	return j;
}

static json_t *backend_json(const struct plan_port *port, uint32_t i)
{
	const struct plan_backend *b = &port->backends[i];
	json_t *j = json_object(), *windows = json_array();

	json_object_set_new(j, "address", address_json(&b->addr));
	json_object_set_new(j, "port", json_integer(b->port));
	json_object_set_new(j, "state", json_string(b->ready ? "ready" : "terminating"));
	json_object_set_new(j, "local", json_boolean(b->local));
	json_object_set_new(j, "node", json_string(b->node));
	json_object_set_new(j, "zone", json_string(b->zone));
	json_object_set_new(j, "target", json_string(b->target));
	for (unsigned int w = 0; w < PLAN_WINDOWS; w++)
		if (in_window(port, w, i))
			json_array_append_new(windows, json_string(window_names[w]));
	json_object_set_new(j, "windows", windows);
	return j;
}

static json_t *left_out_json(const struct plan_left_out *l)
{
	json_t *j = json_object();

	json_object_set_new(j, "endpoint", json_string(l->endpoint));
	json_object_set_new(j, "slice", json_string(l->slice));
	json_object_set_new(j, "why", json_string(l->why));
	return j;
}

static json_t *source_ranges_json(const struct plan_port *port)
{
	struct arena arena = { 0 };
	json_t *list = json_array();

	for (size_t i = 0; i < port->n_source_ranges; i++)
		json_array_append_new(list,
		                      json_string(cidr_text(&arena, &port->source_ranges[i])));
	arena_done(&arena);
	return list;
}

static json_t *port_json(const struct plan_port *port)
{
	json_t *j = json_object(), *list = json_array();

	json_object_set_new(j, "name", json_string(port->name));
	json_object_set_new(j, "protocol", json_string(protocol_name(port->protocol)));
	json_object_set_new(j, "port", json_integer(port->port));
	json_object_set_new(j, "family", json_string(port->family == 6 ? "IPv6" : "IPv4"));
	if (port->affinity_seconds)
		json_object_set_new(j, "affinitySeconds", json_integer(port->affinity_seconds));
	for (size_t i = 0; i < port->n_frontends; i++)
		json_array_append_new(list, frontend_json(&port->frontends[i]));
	json_object_set_new(j, "frontends", list);
	if (port->n_source_ranges)
		json_object_set_new(j, "sourceRanges", source_ranges_json(port));
	list = json_array();
	for (uint32_t i = 0; i < port->n_backends; i++)
		json_array_append_new(list, backend_json(port, i));
	json_object_set_new(j, "backends", list);
	list = json_array();
	for (size_t i = 0; i < port->n_left_out; i++)
		json_array_append_new(list, left_out_json(&port->left_out[i]));
	json_object_set_new(j, "leftOut", list);
	return j;
}

json_t *plan_service_json(const struct plan_service *plan)
{
	json_t *j = json_object(), *ports = json_array();

	json_object_set_new(j, "namespace", json_string(plan->namespace));
	json_object_set_new(j, "name", json_string(plan->name));
	if (plan->ignored[0])
		json_object_set_new(j, "ignored", json_string(plan->ignored));
	if (plan->n_bad)
		json_object_set_new(j, "invalid", json_integer(plan->n_bad));
	if (plan->health_port) {
		json_object_set_new(j, "healthCheckNodePort", json_integer(plan->health_port));
		json_object_set_new(j, "localReady", json_integer(plan->local_ready));
	}
	for (size_t i = 0; i < plan->n_ports; i++)
		json_array_append_new(ports, port_json(&plan->ports[i]));
	json_object_set_new(j, "ports", ports);
	return j;
}
