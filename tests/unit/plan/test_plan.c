/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The selection of endpoints row by row: the situations and results of kube-proxy's
 * TestCategorizeEndpoints (pkg/proxy/topology_test.go), in a notation of one word an endpoint.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "plan/plan.h"

#define ENDPOINTS_MAX 8

/*
 * An endpoint is a word: 'L' local or 'R' remote, then its state - 'r' ready, 'u' not ready, 't' serving
 * while terminating, 'd' terminating and not serving -, then zone hints ("ab" = zones a and b)
 * and, behind a '@', its node hints as digits ("@1" = node-1).  "Rra" is remote, ready, hinted to
 * zone a.  The results name endpoints by their position, "-" is the empty set, NULL: not asked for.
 */
struct row {
	const char *title;
	const char *node, *zone;
	const char *flags; /* i: internal Local, e: external Local, n: has a nodePort */
	const char *endpoints;
	const char *cluster; /* what policy Cluster gives */
	const char *local;   /* what policy Local gives */
};

static const struct row rows[] = {
	{ "zone hints", "", "a", "", "Rra Rrb Rrc Rra", "03", NULL },
	{ "external Local: hints do not narrow", "", "a", "en", "Lra Lrb Rrc Rra", "03", "01" },
	{ "internal Local: hints do not narrow", "", "a", "in", "Lra Lrb Rrc Rra", "03", "01" },
	{ "node without a zone", "", "", "", "Rra", "0", NULL },
	{ "node in another zone", "", "b", "", "Rra Rrc", "01", NULL },
	{ "unready endpoint in the zone", "", "a", "", "Rra Rrb Rrc Rua", "0", NULL },
	{ "only unready ones in the zone", "", "a", "", "Rua Rrb Rrc Rua", "12", NULL },
	{ "one without a hint", "", "a", "", "Rra Rrb Rr Rra", "0123", NULL },
	{ "several hints each", "", "c", "", "Rrabc Rrbc Rrbd Rrc", "013", NULL },
	{ "node hints", "1", "a", "", "Rra@1 Rrb@2 Rrc@3 Rra@4", "0", NULL },
	{ "node hints, one without any", "1", "a", "", "Rra@1 Rr Rrc@3 Rra@4", "0123", NULL },
	{ "node hints, none for here", "0", "a", "", "Rra@1 Rrb@2 Rrc@3 Rra@4", "03", NULL },
	{ "node hints, one missing, zones complete", "1", "a", "", "Rra@1 Rrb Rra@3", "02", NULL },
	{ "node hints, none for here nor zone", "0", "z", "", "Rra@1 Rrb@2", "01", NULL },
	{ "hints and localness", "", "a", "in", "Lra Lrb Rra Rrb", "02", "01" },
	{ "hints of unready ones do not count", "", "a", "", "Rra Ru Rrb", "0", NULL },
	{ "all terminating: hints do not count", "", "a", "", "Rta Rtb", "01", NULL },
	{ "internal Local without endpoints", "", "", "i", "", "-", "-" },
	{ "internal Local, all remote", "", "", "i", "Rr Rr", "01", "-" },
	{ "internal Local, all local", "", "", "i", "Lr Lr", "01", "01" },
	{ "internal Local, some local", "", "", "i", "Lr Rr", "01", "0" },
	{ "Cluster, none ready", "", "", "", "Ru Ru", "-", NULL },
	{ "Cluster, some ready", "", "", "", "Ru Rr", "1", NULL },
	{ "Cluster, all terminating", "", "", "", "Rt Rt", "01", NULL },
	{ "Cluster, terminating beside ready", "", "", "", "Rt Rr", "1", NULL },
	{ "Cluster, terminating and dead", "", "", "", "Rt Rd Ru", "0", NULL },
	{ "internal Local, external Cluster", "", "", "in", "Lr Rr", "01", "0" },
	{ "internal Cluster, external Local", "", "", "en", "Lr Rr", "01", "0" },
	{ "both Local, some local", "", "", "ien", "Lr Rr", "01", "0" },
	{ "both Local, all remote", "", "", "ien", "Rr Rr", "01", "-" },
	{ "both Local, remote and terminating", "", "", "ien", "Rt Rt", "01", "-" },
	{ "external Local, terminating fall-back", "", "", "en", "Rr Lu Lt Rt", "0", "2" },
	{ "external Local, not accessible from outside", "", "", "e", "Rr Lr", "01", NULL },
	{ "internal Local, nothing external", "", "", "i", "Rr Lr", "01", "1" },
	{ "external Local without endpoints", "", "", "en", "", "-", "-" },
	{ "external Local, all remote", "", "", "en", "Rr Rr", "01", "-" },
	{ "external Local, all local", "", "", "en", "Lr Lr", "01", "01" },
	{ "external Local, two local of four", "", "", "en", "Lr Lr Lt Ld Rr", "014", "01" },
	{ "external Local, local ones terminating", "", "", "en", "Lt Lt Ld Rr", "3", "01" },
	{ "external Local, one remote terminating", "", "", "en", "Rt", "0", "-" },
	{ "nothing serves", "", "", "en", "Ld Rd Lu", "-", "-" },
};

struct fixture {
	struct arena arena;
	struct service service;
	struct service_port spec;
	struct ipaddr cluster_ip;
	struct endpoint endpoints[ENDPOINTS_MAX];
	struct endpoint_slice slice;
	struct slice_port slice_port;
};

static void set_state(struct endpoint *e, char state)
{
	e->ready = state == 'r';
	e->serving = state == 'r' || state == 't';
	e->terminating = state == 't' || state == 'd';
}

/* "ab@12": the hints of one endpoint. */
static void set_hints(struct fixture *f, struct endpoint *e, const char *word, size_t n)
{
	const char **zones = arena_array(&f->arena, const char *, n);
	const char **nodes = arena_array(&f->arena, const char *, n);
	size_t i = 0;

	for (; i < n && word[i] != '@'; i++)
		zones[e->n_zone_hints++] = arena_strndup(&f->arena, word + i, 1);
	for (i++; i < n; i++)
		nodes[e->n_node_hints++] = arena_strndup(&f->arena, word + i, 1);
	e->zone_hints = zones;
	e->node_hints = nodes;
}

static void add_endpoint(struct fixture *f, const char *here, const char *word, size_t n)
{
	struct endpoint *e = &f->endpoints[f->slice.n_endpoints];

	assert_true(f->slice.n_endpoints < ENDPOINTS_MAX);
	e->addr = (struct ipaddr){ 4, { 10, 0, 0, (uint8_t)f->slice.n_endpoints } };
	e->node = word[0] == 'L' ? here : "elsewhere";
	e->zone = e->hostname = e->target_kind = e->target_namespace = e->target_name =
		e->target_uid = "";
	set_state(e, word[1]);
	set_hints(f, e, word + 2, n - 2);
	f->slice.n_endpoints++;
}

static void fixture_init(struct fixture *f, const struct row *row)
{
	const char *here = row->node[0] ? row->node : "here";

	memset(f, 0, sizeof(*f));
	f->cluster_ip = (struct ipaddr){ 4, { 10, 96, 0, 1 } };
	f->spec = (struct service_port){ .name = "",
		                         .protocol = PROTOCOL_TCP,
		                         .port = 80,
		                         .node_port = strchr(row->flags, 'n') ? 30080 : 0 };
	f->service.meta = (struct meta){ .namespace = "default", .name = "web", .uid = "" };
	f->service.type = strchr(row->flags, 'n') ? SERVICE_NODE_PORT : SERVICE_CLUSTER_IP;
	f->service.internal_local = strchr(row->flags, 'i');
	f->service.external_local = strchr(row->flags, 'e');
	f->service.ports = &f->spec;
	f->service.n_ports = 1;
	f->service.cluster_ips = &f->cluster_ip;
	f->service.n_cluster_ips = 1;
	f->slice_port = (struct slice_port){ .name = "", .protocol = PROTOCOL_TCP, .port = 8080 };
	f->slice.meta = (struct meta){ .namespace = "default", .name = "web-1", .uid = "" };
	f->slice.service = "web";
	f->slice.family = 4;
	f->slice.endpoints = f->endpoints;
	f->slice.ports = &f->slice_port;
	f->slice.n_ports = 1;
	for (const char *p = row->endpoints; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		add_endpoint(f, here, p, n);
		p += n;
	}
}

static struct plan_service *plan(const struct fixture *f, const struct row *row)
{
	const struct endpoint_slice *slices[] = { &f->slice };

	return plan_service_new(&f->service, slices, 1,
	                        &(struct plan_node){ .name = row->node[0] ? row->node : "here",
	                                             .zone = row->zone });
}

/* The window as the rows write it. */
static const char *window_word(const struct plan_port *port, enum plan_window_id id, char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < port->windows[id].n; i++) {
		const struct plan_backend *b = &port->backends[port->windows[id].index[i]];

		assert_int_equal(b->port, 8080);
		text[n++] = (char)('0' + b->addr.bytes[3]);
	}
	text[n] = '\0';
	return n ? text : "-";
}

static const struct plan_frontend *frontend(const struct plan_port *port,
                                            enum plan_frontend_type type)
{
	for (size_t i = 0; i < port->n_frontends; i++)
		if (port->frontends[i].type == type)
			return &port->frontends[i];
	return NULL;
}

/* Every endpoint is a backend or left out with a reason, never both. */
static void check_accounted(const struct plan_port *port, size_t n)
{
	assert_int_equal(port->n_backends + port->n_left_out, n);
	for (size_t i = 0; i < port->n_left_out; i++)
		assert_true(port->left_out[i].why[0]);
}

static void check_row(const struct row *row, const struct plan_port *port, size_t n)
{
	const struct plan_frontend *cluster_ip = frontend(port, PLAN_CLUSTER_IP);
	const struct plan_frontend *node_port = frontend(port, PLAN_NODE_PORT);
	bool internal = strchr(row->flags, 'i'), external = strchr(row->flags, 'e');
	char text[ENDPOINTS_MAX + 1];

	check_accounted(port, n);
	assert_non_null(cluster_ip);
	assert_int_equal(cluster_ip->internal, cluster_ip->external);
	assert_string_equal(window_word(port, cluster_ip->internal, text),
	                    internal ? row->local : row->cluster);
	assert_int_equal(node_port != NULL, strchr(row->flags, 'n') != NULL);
	if (node_port) {
		assert_string_equal(window_word(port, node_port->internal, text), row->cluster);
		assert_string_equal(window_word(port, node_port->external, text),
		                    external ? row->local : row->cluster);
	}
	assert_string_equal(window_word(port, PLAN_WINDOW_TOPOLOGY, text), row->cluster);
	assert_string_equal(window_word(port, PLAN_WINDOW_LOCAL, text),
	                    row->local ? row->local : "-");
}

static void selection(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plan_service *p;
		struct fixture f;

		print_message("# %s\n", rows[i].title);
		fixture_init(&f, &rows[i]);
		p = plan(&f, &rows[i]);
		assert_int_equal(p->n_ports, 1);
		check_row(&rows[i], &p->ports[0], f.slice.n_endpoints);
		plan_service_free(p);
		arena_done(&f.arena);
	}
}

/* The order in which slices and endpoints come must not show in the plan. */
static void order_does_not_matter(void **state)
{
	static const struct row row = { "", "", "", "", "Rr Rr Rr Rr Rr", "", NULL };
	struct plan_service *p;
	struct fixture f;

	(void)state;
	fixture_init(&f, &row);
	for (size_t i = 0; i < 5; i++)
		f.endpoints[i].addr.bytes[3] = (uint8_t)(4 - i);
	p = plan(&f, &row);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(p->ports[0].backends[i].addr.bytes[3], i);
	plan_service_free(p);
	arena_done(&f.arena);
}

/* A plan outlives what it was made from. */
static void owns_its_strings(void **state)
{
	static const struct row row = { "", "", "", "", "Rr Ru", "", NULL };
	char name[] = "pod-1", slice[] = "slice-1";
	struct plan_service *p;
	struct fixture f;

	(void)state;
	fixture_init(&f, &row);
	f.endpoints[0].target_namespace = "default";
	f.endpoints[0].target_name = name;
	f.slice.meta.name = slice;
	p = plan(&f, &row);
	memset(name, 'x', strlen(name));
	memset(slice, 'x', strlen(slice));
	assert_string_equal(p->ports[0].backends[0].target, "default/pod-1");
	assert_string_equal(p->ports[0].left_out[0].slice, "slice-1");
	plan_service_free(p);
	arena_done(&f.arena);
}

/* Without a node to plan for, an endpoint of no node is not local to it. */
static void no_node(void **state)
{
	static const struct row row = { "", "", "", "en", "Rr", "", NULL };
	const struct plan_node nowhere = { .name = "", .zone = "" };
	const struct endpoint_slice *slices[1];
	struct plan_service *p;
	struct fixture f;

	(void)state;
	fixture_init(&f, &row);
	f.endpoints[0].node = "";
	slices[0] = &f.slice;
	p = plan_service_new(&f.service, slices, 1, &nowhere);
	assert_int_equal(p->ports[0].windows[PLAN_WINDOW_ALL].n, 1);
	assert_int_equal(p->ports[0].windows[PLAN_WINDOW_LOCAL].n, 0);
	assert_false(p->ports[0].backends[0].local);
	plan_service_free(p);
	arena_done(&f.arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(selection),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(owns_its_strings),
		cmocka_unit_test(no_node),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
