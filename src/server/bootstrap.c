/* SPDX-License-Identifier: Apache-2.0 */
#include "server/bootstrap.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/netaddr.h"
#include "kube/json.h"
#include "kube/types.h"
#include "server/admit.h"
#include "server/default_cidr.h"
#include "server/mutate.h"

#define PERIOD_NS    (10 * NSEC_PER_SEC)
#define WAIT_MS      1000
#define SERVICE_NAME "kubernetes"
#define SERVICE_PORT 443

#define LABEL_SKIP_MIRROR "endpointslice.kubernetes.io/skip-mirror"

/* The round of writes at the start. */
struct round {
	size_t pending;
	int r;
	struct err *err;
};

static void on_later_done(struct mutation *m, const struct store_object *object)
{
	(void)object;
	if (m->refusal)
		log_warn("server", "cannot make the %s %s: %s; trying again in 10 s",
		         m->kind->singular, m->name, json_path_str(m->refusal, "message"));
}

/*
 * Without its namespaces the API is of no use; without the "kubernetes" Service (its address may be
 * another one's after a change of the ranges) it is.
 */
static void on_round_done(struct mutation *m, const struct store_object *object)
{
	struct round *round = m->arg;

	round->pending--;
	if (m->kind != &kind_namespace)
		on_later_done(m, object);
	else if (m->refusal && round->r == 0)
		round->r = err_set(round->err, -EIO, "%s %s: %s", m->kind->singular, m->name,
		                   json_path_str(m->refusal, "message"));
}

static void start(struct mutation *m, struct round *round)
{
	m->done = round ? on_round_done : on_later_done;
	m->arg = round;
	if (round)
		round->pending++;
	mutation_start(m);
}

/*
 * Creates 'object' or, where it is there, merges 'fixed' into it (nothing is written if that
 * changes nothing).  Takes both references over; 'fixed' may be NULL.
 */
static void ensure(struct server *server, const struct kind *kind, json_t *object, json_t *fixed,
                   struct round *round)
{
	auto_free char *name = xstrdup(json_path_str(object, "metadata.name"));
	const char *ns = kind->namespaced ? "default" : "";
	bool there = store_get(server->store, kind, ns, name) != NULL;
	struct mutation *m;

	if (there && !fixed) {
		json_decref(object);
		return;
	}
	if (there) {
		json_decref(object);
		m = mutation_new(server, kind, ns, name, MUTATE_PATCH_MERGE, fixed);
	} else {
		json_decref(fixed);
		m = mutation_new(server, kind, ns, name, MUTATE_CREATE, object);
	}
	m->own = true;
	start(m, round);
}

static void ensure_namespaces(struct server *server, struct round *round)
{
	static const char *const names[] = { "default", "kube-system", "kube-public",
		                             "kube-node-lease" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ensure(server, &kind_namespace,
		       json_pack("{s:{s:s}}", "metadata", "name", names[i]), NULL, round);
}

/* Where other machines find this server; its own loopback address where they cannot. */
static struct ipaddr advertised(const struct server *server)
{
	struct ipaddr addr = server->listen;

	if (!ipaddr_is_unspecified(&addr) || netaddr_default_source(addr.family, &addr) == 0)
		return addr;
	(void)ipaddr_parse(addr.family == 6 ? "::1" : "127.0.0.1", &addr);
	return addr;
}

static void ensure_service(struct server *server, struct round *round)
{
	char ip[IPADDR_TEXT_SIZE];
	struct ipaddr addr;
	json_t *fixed, *service;

	ip_range_address(&server->admission->ranges[0], 0, &addr);
	ipaddr_format(&addr, ip);
	fixed = json_pack("{s:{s:[{s:s,s:s,s:i,s:i}]}}", "spec", "ports", "name", "https",
	                  "protocol", "TCP", "port", SERVICE_PORT, "targetPort", server->port);
	service = json_pack("{s:{s:s,s:{s:s,s:s}},s:{s:s,s:s}}", "metadata", "name", SERVICE_NAME,
	                    "labels", "component", "apiserver", "provider", "kubernetes", "spec",
	                    "clusterIP", ip, "sessionAffinity", "None");
	json_object_set(json_object_get(service, "spec"), "ports", json_path(fixed, "spec.ports"));
	ensure(server, &kind_service, service, fixed, round);
}

static void ensure_slice(struct server *server, struct round *round)
{
	struct ipaddr addr = advertised(server);
	char text[IPADDR_TEXT_SIZE];
	json_t *fixed, *slice;

	ipaddr_format(&addr, text);
	fixed = json_pack("{s:s,s:[{s:[s],s:{s:b}}],s:[{s:s,s:s,s:i}]}", "addressType",
	                  addr.family == 6 ? "IPv6" : "IPv4", "endpoints", "addresses", text,
	                  "conditions", "ready", 1, "ports", "name", "https", "protocol", "TCP",
	                  "port", server->port);
	slice = json_deep_copy(fixed);
	json_object_set_new(slice, "metadata",
	                    json_pack("{s:s,s:{s:s}}", "name", SERVICE_NAME, "labels",
	                              LABEL_SERVICE_NAME, SERVICE_NAME));
	ensure(server, &kind_endpoint_slice, slice, fixed, round);
}

/* The same in the legacy API; the slice above is its mirror already. */
static void ensure_endpoints(struct server *server, struct round *round)
{
	struct ipaddr addr = advertised(server);
	char text[IPADDR_TEXT_SIZE];
	json_t *fixed, *endpoints;

	ipaddr_format(&addr, text);
	fixed = json_pack("{s:[{s:[{s:s}],s:[{s:s,s:i,s:s}]}]}", "subsets", "addresses", "ip", text,
	                  "ports", "name", "https", "port", server->port, "protocol", "TCP");
	endpoints = json_deep_copy(fixed);
	json_object_set_new(endpoints, "metadata",
	                    json_pack("{s:s,s:{s:s}}", "name", SERVICE_NAME, "labels",
	                              LABEL_SKIP_MIRROR, "true"));
	ensure(server, &kind_endpoints, endpoints, fixed, round);
}

static void ensure_cidr(struct server *server, struct round *round)
{
	struct mutation *m = default_cidr_sync(server);

	if (m)
		start(m, round);
}

static void on_timer(void *arg)
{
	struct server *server = arg;

	ensure_namespaces(server, NULL);
	ensure_cidr(server, NULL);
	ensure_service(server, NULL);
	ensure_slice(server, NULL);
	ensure_endpoints(server, NULL);
}

/* Lets the store finish the round; the loop does not run yet. */
static void wait_for(struct server *server, const struct round *round)
{
	while (round->pending) {
		struct pollfd fd = { .fd = store_fd(server->store), .events = POLLIN };

		if (poll(&fd, 1, WAIT_MS) >= 0)
			store_dispatch(server->store);
	}
}

int bootstrap_init(struct server *server, struct err *err)
{
	struct round round = { .err = err };

	ensure_namespaces(server, &round);
	ensure_cidr(server, &round);
	wait_for(server, &round);
	if (round.r < 0)
		return round.r;
	ensure_cidr(server, &round);
	ensure_service(server, &round);
	ensure_slice(server, &round);
	ensure_endpoints(server, &round);
	wait_for(server, &round);
	server->reconciles = timer_new(server->loop, on_timer, server);
	timer_every(server->reconciles, PERIOD_NS);
	return 0;
}

void bootstrap_done(struct server *server)
{
	timer_free(server->reconciles);
}
