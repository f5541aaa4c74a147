/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/frontends.h"
#include "plan/health.h"

/* An endpoint of a slice at the number its slice gives the port, before anything is decided. */
struct candidate {
	const struct endpoint *endpoint;
	const struct endpoint_slice *slice;
	uint16_t port;
	bool local;
	unsigned int windows; /* bit PLAN_WINDOW_x: it is in that one */
};

/* How hints narrow the endpoints for this node (topologyModeFromHints). */
enum hints {
	HINTS_NONE,
	HINTS_NODE,
	HINTS_ZONE,
};

/* What a plan is made from; the slices sorted by name. */
struct input {
	const struct service *service;
	const struct endpoint_slice **slices; /* heap, borrowed elements */
	size_t n_slices;
	const struct plan_node *node;
};

/* A port under construction. */
struct build {
	struct arena *arena;
	const struct plan_node *node;
	const struct service *service;
	struct plan_port *port;
	struct candidate *candidates; /* heap */
	size_t n, cap;
	struct plan_left_out *out; /* heap, strings in the arena */
	size_t n_out, cap_out;
	enum hints hints;
};

static void leave_out(struct build *b, const char *endpoint, const struct endpoint_slice *slice,
                      const char *why)
{
	array_reserve(b->out, b->n_out, b->cap_out);
	b->out[b->n_out++] = (struct plan_left_out){
		.endpoint = arena_strdup(b->arena, endpoint),
		.slice = arena_strdup(b->arena, slice->meta.name),
		.why = why,
	};
}

static void leave_out_candidate(struct build *b, const struct candidate *c, const char *why)
{
	char text[IPADDR_TEXT_SIZE + 8];

	ipaddr_format_hostport(&c->endpoint->addr, c->port, text);
	leave_out(b, text, c->slice, why);
}

static void leave_out_addresses(struct build *b, const struct endpoint_slice *slice,
                                const char *why)
{
	char text[IPADDR_TEXT_SIZE];

	for (size_t i = 0; i < slice->n_endpoints; i++) {
		ipaddr_format(&slice->endpoints[i].addr, text);
		leave_out(b, text, slice, why);
	}
}

/* ---- gathering ---- */

/* What keeps a whole slice out, or NULL. */
static const char *slice_refused(const struct endpoint_slice *slice)
{
	if (labels_get(&slice->meta.labels, LABEL_HEADLESS))
		return "the slice has the label " LABEL_HEADLESS;
	if (slice->family == 0)
		return "the addresses of the slice are not IP addresses (addressType)";
	return NULL;
}

static void add_candidates(struct build *b, const struct endpoint_slice *slice, uint16_t port)
{
	for (size_t i = 0; i < slice->n_endpoints; i++) {
		const struct endpoint *endpoint = &slice->endpoints[i];

		if (endpoint->addr.family != b->port->family)
			continue;
		array_reserve(b->candidates, b->n, b->cap);
		b->candidates[b->n++] = (struct candidate){
			.endpoint = endpoint,
			.slice = slice,
			.port = port,
			.local = endpoint->node[0] && strcmp(endpoint->node, b->node->name) == 0,
		};
	}
}

/* A slice's ports are matched to the Service's by name and protocol, never by number. */
static void add_slice(struct build *b, const struct endpoint_slice *slice)
{
	const char *why = slice_refused(slice);
	bool named = false, numbered = false;

	if (why) {
		leave_out(b, "*", slice, why);
		return;
	}
	if (slice->family != b->port->family)
		return;
	if (slice->n_bad)
		leave_out(b, "*", slice,
		          arena_printf(b->arena, "invalid values in the slice: %u", slice->n_bad));
	for (size_t i = 0; i < slice->n_ports; i++) {
		const struct slice_port *port = &slice->ports[i];

		if (port->protocol != b->port->protocol || strcmp(port->name, b->port->name) != 0)
			continue;
		named = true;
		if (port->port == 0)
			continue;
		numbered = true;
		add_candidates(b, slice, port->port);
	}
	if (!named)
		leave_out_addresses(b, slice, "the slice has no port of this name and protocol");
	else if (!numbered)
		leave_out_addresses(b, slice, "the port has no number in the slice");
}

/* By address and port; among duplicates the one to keep comes first. */
static int candidate_cmp(const void *va, const void *vb)
{
	const struct candidate *a = va, *b = vb;
	int r = ipaddr_cmp(&a->endpoint->addr, &b->endpoint->addr);

	if (r == 0)
		r = (a->port > b->port) - (a->port < b->port);
	/* An address used again while its last Pod is still going down: the running Pod has it. */
	if (r == 0)
		r = a->endpoint->terminating - b->endpoint->terminating;
	if (r == 0)
		r = b->endpoint->ready - a->endpoint->ready;
	return r ? r : strcmp(a->slice->meta.name, b->slice->meta.name);
}

static bool same_endpoint(const struct candidate *a, const struct candidate *b)
{
	return a->port == b->port && ipaddr_equal(&a->endpoint->addr, &b->endpoint->addr);
}

static void sort_and_unify(struct build *b)
{
	size_t n = 0;

	if (b->n == 0)
		return;
	qsort(b->candidates, b->n, sizeof(b->candidates[0]), candidate_cmp);
	for (size_t i = 0; i < b->n; i++) {
		struct candidate *c = &b->candidates[i];

		if (n > 0 && same_endpoint(c, &b->candidates[n - 1]))
			leave_out_candidate(b, c,
			                    arena_printf(b->arena, "duplicate of the one in %s",
			                                 b->candidates[n - 1].slice->meta.name));
		else
			b->candidates[n++] = *c;
	}
	b->n = n;
}

/* ---- selection (CategorizeEndpoints) ---- */

static bool fall_back(const struct candidate *c)
{
	return c->endpoint->serving && c->endpoint->terminating;
}

static bool hinted(const char *const *hints, size_t n, const char *to)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(hints[i], to) == 0)
			return true;
	return false;
}

static bool hinted_to_node(const struct build *b, const struct endpoint *e)
{
	return hinted(e->node_hints, e->n_node_hints, b->node->name);
}

static bool hinted_to_zone(const struct build *b, const struct endpoint *e)
{
	return hinted(e->zone_hints, e->n_zone_hints, b->node->zone);
}

/* Hints count only where every ready endpoint has them and at least one is meant for here. */
static enum hints hints_in_effect(const struct build *b)
{
	bool all_node = true, all_zone = true, any_node = false, any_zone = false;

	for (size_t i = 0; i < b->n; i++) {
		const struct endpoint *e = b->candidates[i].endpoint;

		if (!e->ready)
			continue;
		all_node &= e->n_node_hints > 0;
		all_zone &= e->n_zone_hints > 0;
		any_node |= hinted_to_node(b, e);
		any_zone |= hinted_to_zone(b, e);
	}
	if (all_node && any_node)
		return HINTS_NODE;
	return all_zone && any_zone ? HINTS_ZONE : HINTS_NONE;
}

static bool meant_for_here(const struct build *b, const struct endpoint *e)
{
	switch (b->hints) {
	case HINTS_NODE:
		return hinted_to_node(b, e);
	case HINTS_ZONE:
		return hinted_to_zone(b, e);
	case HINTS_NONE:
		break;
	}
	return true;
}

/*
 * The set of a window: the ready ones, or, where there is none at all, those that still serve while
 * they terminate.  The local set falls back on its own, and hints never narrow it.
 */
static void choose(struct build *b, bool local)
{
	bool any_ready = false, any_local_ready = false;

	for (size_t i = 0; i < b->n; i++) {
		any_ready |= b->candidates[i].endpoint->ready;
		any_local_ready |= b->candidates[i].endpoint->ready && b->candidates[i].local;
	}
	for (size_t i = 0; i < b->n; i++) {
		struct candidate *c = &b->candidates[i];

		if (any_ready ? c->endpoint->ready : fall_back(c)) {
			c->windows |= 1U << PLAN_WINDOW_ALL;
			if (meant_for_here(b, c->endpoint))
				c->windows |= 1U << PLAN_WINDOW_TOPOLOGY;
		}
		if (local && c->local && (any_local_ready ? c->endpoint->ready : fall_back(c)))
			c->windows |= 1U << PLAN_WINDOW_LOCAL;
	}
}

static const char *why_not_chosen(const struct endpoint *e)
{
	if (!e->terminating)
		return "not ready";
	return e->serving ? "terminating, and others are ready" : "terminating and not serving";
}

static struct plan_backend backend_of(struct arena *arena, const struct candidate *c)
{
	const struct endpoint *e = c->endpoint;

	return (struct plan_backend){
		.addr = e->addr,
		.port = c->port,
		.local = c->local,
		.ready = e->ready,
		.node = arena_strdup(arena, e->node),
		.zone = arena_strdup(arena, e->zone),
		.target = e->target_name[0] ? arena_printf(arena, "%s/%s", e->target_namespace,
		                                           e->target_name)
		                            : "",
	};
}

/* Puts what was chosen, in its order, into the port. */
static void fill(struct build *b)
{
	struct plan_port *port = b->port;

	port->backends = arena_array(b->arena, struct plan_backend, b->n);
	for (unsigned int w = 0; w < PLAN_WINDOWS; w++)
		port->windows[w].index = arena_array(b->arena, uint32_t, b->n);
	for (size_t i = 0; i < b->n; i++) {
		const struct candidate *c = &b->candidates[i];

		if (!c->windows) {
			leave_out_candidate(b, c, why_not_chosen(c->endpoint));
			continue;
		}
		for (unsigned int w = 0; w < PLAN_WINDOWS; w++)
			if (c->windows & 1U << w)
				port->windows[w].index[port->windows[w].n++] =
					(uint32_t)port->n_backends;
		port->backends[port->n_backends++] = backend_of(b->arena, c);
	}
	port->left_out = arena_array(b->arena, struct plan_left_out, b->n_out);
	if (b->n_out > 0)
		memcpy(port->left_out, b->out, b->n_out * sizeof(b->out[0]));
	port->n_left_out = b->n_out;
}

/* ---- windows of the frontends ---- */

/*
 * clusterIPs follow the internal policy for everybody; the others follow the external policy for clients
 * from outside, while the node and its Pods get the cluster's endpoints (the short circuit).
 */
static void assign_windows(const struct build *b)
{
	enum plan_window_id cluster = b->hints == HINTS_NONE ? PLAN_WINDOW_ALL
	                                                     : PLAN_WINDOW_TOPOLOGY;
	enum plan_window_id internal = b->service->internal_local ? PLAN_WINDOW_LOCAL : cluster;
	enum plan_window_id external = b->service->external_local ? PLAN_WINDOW_LOCAL : cluster;

	for (size_t i = 0; i < b->port->n_frontends; i++) {
		struct plan_frontend *frontend = &b->port->frontends[i];
		bool is_cluster_ip = frontend->type == PLAN_CLUSTER_IP;

		frontend->internal = is_cluster_ip ? internal : cluster;
		frontend->external = is_cluster_ip ? internal : external;
	}
}

/* ---- the whole ---- */

static void build_port(struct plan_service *plan, const struct input *in,
                       const struct service_port *spec, const struct ipaddr *cluster_ip)
{
	struct plan_port *port = &plan->ports[plan->n_ports++];
	const struct service *service = in->service;
	struct build b = {
		.arena = &plan->arena, .node = in->node, .service = service, .port = port
	};

	port->name = arena_strdup(&plan->arena, spec->name);
	port->protocol = spec->protocol;
	port->port = spec->port;
	port->family = cluster_ip->family;
	port->affinity_seconds = service->affinity_seconds;
	frontends_add(&plan->arena, service, spec, cluster_ip, port);
	for (size_t i = 0; i < in->n_slices; i++)
		add_slice(&b, in->slices[i]);
	sort_and_unify(&b);
	b.hints = hints_in_effect(&b);
	choose(&b,
	       service->internal_local || (service->external_local && frontends_accessible(port)));
	fill(&b);
	assign_windows(&b);
	free(b.candidates);
	free(b.out);
}

static const char *why_ignored(const struct service *service)
{
	if (labels_get(&service->meta.labels, LABEL_SERVICE_PROXY_NAME))
		return "label " LABEL_SERVICE_PROXY_NAME ": left to another proxy";
	if (service->type == SERVICE_EXTERNAL_NAME)
		return "type ExternalName: a name in DNS only";
	if (service->headless || service->n_cluster_ips == 0)
		return "no clusterIP: headless, or the API server has not given it one";
	return "";
}

/* True for the first clusterIP of its family: there is one port a family. */
static bool first_of_family(const struct service *service, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (service->cluster_ips[j].family == service->cluster_ips[i].family)
			return false;
	return service->cluster_ips[i].family != 0;
}

static int slice_cmp(const void *va, const void *vb)
{
	const struct endpoint_slice *const *a = va, *const *b = vb;

	return strcmp((*a)->meta.name, (*b)->meta.name);
}

static void build_ports(struct plan_service *plan, struct input *in,
                        const struct endpoint_slice *const *slices)
{
	const struct service *service = in->service;

	in->slices = xcalloc(in->n_slices + 1, sizeof(slices[0]));
	for (size_t i = 0; i < in->n_slices; i++)
		in->slices[i] = slices[i];
	qsort(in->slices, in->n_slices, sizeof(slices[0]), slice_cmp);
	plan->ports = arena_array(&plan->arena, struct plan_port,
	                          service->n_ports * service->n_cluster_ips);
	for (size_t p = 0; p < service->n_ports; p++)
		for (size_t i = 0; i < service->n_cluster_ips; i++)
			if (first_of_family(service, i))
				build_port(plan, in, &service->ports[p], &service->cluster_ips[i]);
	free(in->slices);
}

struct plan_service *plan_service_new(const struct service *service,
                                      const struct endpoint_slice *const *slices, size_t n,
                                      const struct plan_node *node)
{
	struct plan_service *plan = xnew(struct plan_service);
	struct input in = { .service = service, .n_slices = n, .node = node };

	plan->namespace = arena_strdup(&plan->arena, service->meta.namespace);
	plan->name = arena_strdup(&plan->arena, service->meta.name);
	plan->ignored = why_ignored(service);
	plan->n_bad = service->n_bad;
	for (size_t i = 0; i < n; i++)
		plan->n_bad += slices[i]->n_bad;
	if (!plan->ignored[0]) {
		build_ports(plan, &in, slices);
		health_plan(plan, service, slices, n, node);
	}
	return plan;
}

void plan_service_free(struct plan_service *plan)
{
	if (!plan)
		return;
	arena_done(&plan->arena);
	free(plan);
}
