/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/port.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "datapath/internal.h"
#include "datapath/window.h"

/* What an update leaves for later. */
struct port_pending {
	uint32_t *gone; /* backends without a window from then on */
	size_t n_gone;
	uint64_t words[WINDOWS]; /* the windows as they shall be */
	uint8_t *masks;          /* windows of each of port->ids */
	struct run old_runs[WINDOWS];
};

static void pending_free(struct port_pending *p)
{
	if (!p)
		return;
	free(p->gone);
	free(p->masks);
	free(p);
}

/* FNV-1a: the same in every process, unlike hash_bytes(). */
static uint64_t fnv1a(uint64_t hash, const void *p, size_t n)
{
	const unsigned char *bytes = p;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ull;
	return hash;
}

uint64_t port_owner(const char *ns, const char *name, const struct plan_port *plan)
{
	const unsigned char rest[] = { (unsigned char)(plan->port >> 8), (unsigned char)plan->port,
		                       (unsigned char)plan->protocol, plan->family };
	uint64_t hash = 0xcbf29ce484222325ull;

	hash = fnv1a(hash, ns, strlen(ns) + 1);
	hash = fnv1a(hash, name, strlen(name) + 1);
	return fnv1a(hash, rest, sizeof(rest));
}

/* One index, or a run, of a pool; the map grows if it is full. */
static int alloc_run(struct datapath *dp, struct pool *pool, enum map_id id, uint32_t n,
                     uint32_t *ret_base, struct err *err)
{
	int r;

	while ((r = pool_alloc(pool, n, ret_base)) == -ENOSPC) {
		r = datapath_grow(dp, id, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int backend_new(struct datapath *dp, const struct port *port,
                       const struct plan_backend *plan, uint8_t mask, uint32_t *ret_id,
                       struct err *err)
{
	uint32_t id, gen;
	struct be *be;
	int r;

	r = alloc_run(dp, &dp->backends, MAP_BACKENDS, 1, &id, err);
	if (r < 0)
		return r;
	dp->maps.config->be_high = dp->backends.high;
	be = &dp->maps.backends[id];
	gen = BE_GEN(be->word) + 1;
	memset(be->addr, 0, sizeof(be->addr));
	memcpy(be->addr, plan->addr.bytes, sizeof(be->addr));
	be->port = htons(plan->port);
	be->proto = port->proto;
	be->family = port->family;
	__atomic_store_n(&be->word, BE_WORD(gen, mask, plan->ready ? BE_ACTIVE : BE_TERMINATING),
	                 __ATOMIC_RELEASE);
	*ret_id = id;
	return 0;
}

int backend_cmp(const struct be *a, const struct be *b)
{
	int r = memcmp(a->addr, b->addr, sizeof(a->addr));

	return r ? r : (int)ntohs(a->port) - (int)ntohs(b->port);
}

static int plan_cmp(const struct plan_backend *plan, const struct be *be)
{
	int r = memcmp(plan->addr.bytes, be->addr, sizeof(be->addr));

	return r ? r : (int)plan->port - (int)ntohs(be->port);
}

static int check_plan(const struct plan_port *plan, struct err *err)
{
	for (size_t i = 0; i < plan->n_backends; i++) {
		const struct plan_backend *b = &plan->backends[i];
		int order = i ? ipaddr_cmp(&b[-1].addr, &b->addr) : -1;

		if (order > 0 || (order == 0 && b[-1].port >= b->port))
			return err_set(err, -EINVAL, "the backends of port %u are not in order",
			               plan->port);
		if (b->addr.family != plan->family)
			return err_set(err, -EINVAL, "a backend of port %u is of another family",
			               plan->port);
	}
	for (int w = 0; w < WINDOWS; w++) {
		if (plan->windows[w].n > WINDOW_COUNT_MAX)
			return err_set(err, -E2BIG, "port %u has more than %d endpoints",
			               plan->port, WINDOW_COUNT_MAX);
	}
	return 0;
}

/* For each backend of the plan the id it has or gets; what is left over is gone. */
static int match_backends(struct datapath *dp, struct port *port, const struct plan_port *plan,
                          uint32_t *ids, struct port_pending *pending, struct err *err)
{
	size_t old = 0, i;
	int r = 0;

	for (i = 0; i < plan->n_backends; i++) {
		const struct plan_backend *b = &plan->backends[i];
		int order = -1;

		while (old < port->n_ids &&
		       (order = plan_cmp(b, &dp->maps.backends[port->ids[old]])) > 0)
			pending->gone[pending->n_gone++] = port->ids[old++];
		if (old < port->n_ids && order == 0) {
			ids[i] = port->ids[old++];
			continue;
		}
		r = backend_new(dp, port, b, pending->masks[i], &ids[i], err);
		if (r < 0)
			break;
	}
	while (r == 0 && old < port->n_ids)
		pending->gone[pending->n_gone++] = port->ids[old++];
	return r < 0 ? r : (int)i;
}

/* Takes back the ids that 'ids' has and the port has not; nobody ever saw them. */
static void unmatch(struct datapath *dp, const struct port *port, const struct plan_port *plan,
                    const uint32_t *ids)
{
	for (size_t i = 0; i < plan->n_backends; i++) {
		bool known = ids[i] == UINT32_MAX;

		for (size_t k = 0; k < port->n_ids && !known; k++)
			known = port->ids[k] == ids[i];
		if (!known)
			pool_free(&dp->backends, ids[i], 1);
	}
}

/* Windows and state of a backend; a bit is added before a word leads to it, taken away after. */
static void set_backend(struct datapath *dp, uint32_t id, uint32_t windows, enum be_state state)
{
	struct be *be = &dp->maps.backends[id];
	uint32_t word = BE_WORD(BE_GEN(be->word), windows, state);

	if (word != be->word)
		__atomic_store_n(&be->word, word, __ATOMIC_RELEASE);
}

/* Writes the slots and computes the words. */
static void fill_run(struct datapath *dp, const struct port *port, const struct window_plan *plan,
                     const uint32_t *ids, uint32_t base, uint64_t words[WINDOWS])
{
	const struct svc *svc = &dp->maps.svcs[port->svc];

	for (uint32_t i = 0; i < plan->n; i++)
		dp->maps.slots[base + i] = ids[plan->index[i]];
	for (int w = 0; w < WINDOWS; w++)
		words[w] = WINDOW_WORD(base + plan->at[w], plan->count[w],
		                       WINDOW_GEN(svc->window[w]) + 1);
}

/* True if the windows hold these backends in this order already. */
static bool unchanged(const struct datapath *dp, const struct port *port,
                      const struct window_plan *plan, const uint32_t *ids)
{
	const struct svc *svc = &dp->maps.svcs[port->svc];

	for (int w = 0; w < WINDOWS; w++) {
		const uint32_t *slots = dp->maps.slots + WINDOW_BASE(svc->window[w]);

		if (WINDOW_COUNT(svc->window[w]) != plan->count[w])
			return false;
		for (uint32_t i = 0; i < plan->count[w]; i++) {
			if (slots[i] != ids[plan->index[plan->at[w] + i]])
				return false;
		}
	}
	return true;
}

/* An emptied window is left to port_finish(): a frontend may be about to leave it. */
static void publish(struct datapath *dp, struct port *port, bool empty)
{
	struct svc *svc = &dp->maps.svcs[port->svc];

	for (int w = 0; w < WINDOWS; w++) {
		uint64_t word = port->pending->words[w];

		if (word != svc->window[w] && (WINDOW_COUNT(word) == 0) == empty)
			__atomic_store_n(&svc->window[w], word, __ATOMIC_RELEASE);
	}
}

static int new_run(struct datapath *dp, struct port *port, const struct window_plan *plan,
                   const uint32_t *ids, struct err *err)
{
	struct port_pending *pending = port->pending;
	uint32_t base = 0;
	int r;

	if (plan->n > POOL_RUN_MAX)
		return err_set(err, -E2BIG, "a port has more than %u endpoints", POOL_RUN_MAX);
	if (plan->n) {
		r = alloc_run(dp, &dp->slots, MAP_SLOTS, plan->n, &base, err);
		if (r < 0)
			return r;
	}
	fill_run(dp, port, plan, ids, base, pending->words);
	memcpy(pending->old_runs, port->runs, sizeof(port->runs));
	memset(port->runs, 0, sizeof(port->runs));
	port->runs[0] = (struct run){ .base = base, .n = plan->n };
	return 0;
}

/* All that can fail, then all that is seen. */
static int update(struct datapath *dp, struct port *port, const struct plan_port *plan,
                  const struct window_plan *windows, uint32_t *ids, struct err *err)
{
	struct port_pending *pending = port->pending;
	struct svc *svc;
	int r;

	r = match_backends(dp, port, plan, ids, pending, err);
	if (r < 0)
		return r;
	if (unchanged(dp, port, windows, ids)) {
		svc = &dp->maps.svcs[port->svc];
		memcpy(pending->words, svc->window, sizeof(pending->words));
	} else {
		r = new_run(dp, port, windows, ids, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < plan->n_backends; i++) {
		uint32_t word = dp->maps.backends[ids[i]].word;

		set_backend(dp, ids[i], BE_WINDOWS(word) | pending->masks[i],
		            plan->backends[i].ready ? BE_ACTIVE : BE_TERMINATING);
	}
	svc = &dp->maps.svcs[port->svc];
	__atomic_store_n(&svc->affinity_s, plan->affinity_seconds, __ATOMIC_RELAXED);
	publish(dp, port, false);
	return 0;
}

int port_update(struct datapath *dp, struct port *port, const struct plan_port *plan,
                struct err *err)
{
	struct window_plan windows;
	uint32_t *ids;
	int r;

	assert(!port->pending);
	r = check_plan(plan, err);
	if (r < 0)
		return r;
	ids = xreallocarray(NULL, plan->n_backends + 1, sizeof(*ids));
	memset(ids, 0xff, (plan->n_backends + 1) * sizeof(*ids));
	port->pending = xnew(struct port_pending);
	port->pending->gone = xcalloc(port->n_ids + 1, sizeof(uint32_t));
	window_plan_init(&windows, plan, &port->pending->masks);
	r = update(dp, port, plan, &windows, ids, err);
	window_plan_done(&windows);
	if (r < 0) {
		unmatch(dp, port, plan, ids);
		free(ids);
		pending_free(port->pending);
		port->pending = NULL;
		return r;
	}
	free(port->ids);
	port->ids = ids;
	port->n_ids = plan->n_backends;
	return 0;
}

static void retire_runs(struct datapath *dp, const struct run runs[WINDOWS], int64_t now)
{
	for (int i = 0; i < WINDOWS; i++) {
		if (runs[i].n)
			pool_retire(&dp->slots, runs[i].base, runs[i].n, now);
	}
}

void port_finish(struct datapath *dp, struct port *port)
{
	struct port_pending *pending = port->pending;
	int64_t now = clock_now();

	if (!pending)
		return;
	publish(dp, port, true);
	for (size_t i = 0; i < port->n_ids; i++) {
		uint32_t word = dp->maps.backends[port->ids[i]].word;

		set_backend(dp, port->ids[i], pending->masks[i], BE_STATE(word));
	}
	for (size_t i = 0; i < pending->n_gone; i++) {
		set_backend(dp, pending->gone[i], 0, BE_DEAD);
		pool_retire(&dp->backends, pending->gone[i], 1, now);
	}
	if (pending->n_gone && port->proto == PROTOCOL_UDP)
		evict_kick(&dp->evict, &dp->maps);
	retire_runs(dp, pending->old_runs, now);
	pending_free(pending);
	port->pending = NULL;
}

int port_new(struct datapath *dp, uint64_t owner, const struct plan_port *plan, struct port **ret,
             struct err *err)
{
	struct port *port;
	struct svc *svc;
	uint32_t id;
	int r;

	r = alloc_run(dp, &dp->svcs, MAP_SVCS, 1, &id, err);
	if (r < 0)
		return r;
	dp->maps.config->svc_high = dp->svcs.high;
	svc = &dp->maps.svcs[id];
	*svc = (struct svc){ .gen = (uint16_t)(svc->gen + 1), .owner = owner };
	port = xnew(struct port);
	list_init(&port->in_service);
	list_init(&port->claims);
	port->svc = id;
	port->owner = owner;
	port->proto = (uint8_t)plan->protocol;
	port->family = plan->family;
	port->number = plan->port;
	*ret = port;
	return 0;
}

void port_set_name(struct datapath *dp, const struct port *port, const char *ns, const char *name,
                   const struct plan_port *plan)
{
	struct svc_name now = { .port = plan->port, .proto = port->proto, .family = port->family };
	struct svc_name *at = &dp->maps.names[port->svc];

	(void)snprintf(now.namespace, sizeof(now.namespace), "%s", ns);
	(void)snprintf(now.name, sizeof(now.name), "%s", name);
	(void)snprintf(now.port_name, sizeof(now.port_name), "%s", plan->name);
	if (memcmp(&now, at, sizeof(now)) != 0)
		*at = now;
}

void port_bury(struct datapath *dp, struct port *port)
{
	assert(list_empty(&port->claims) && !port->pending);
	list_remove(&port->in_service);
	list_add_tail(&dp->dying, &port->in_service);
	port->dead_since = clock_now();
}

static void reap(struct datapath *dp, struct port *port)
{
	struct svc *svc = &dp->maps.svcs[port->svc];

	for (int w = 0; w < WINDOWS; w++)
		__atomic_store_n(&svc->window[w], 0, __ATOMIC_RELEASE);
	for (size_t i = 0; i < port->n_ids; i++) {
		set_backend(dp, port->ids[i], 0, BE_DEAD);
		pool_free(&dp->backends, port->ids[i], 1);
	}
	if (port->n_ids && port->proto == PROTOCOL_UDP)
		evict_kick(&dp->evict, &dp->maps);
	for (int i = 0; i < WINDOWS; i++) {
		if (port->runs[i].n)
			pool_free(&dp->slots, port->runs[i].base, port->runs[i].n);
	}
	pool_free(&dp->svcs, port->svc, 1);
	list_remove(&port->in_service);
	port_free(port);
}

void port_reap(struct datapath *dp, int64_t now)
{
	struct port *port;

	while ((port = list_first(&dp->dying, struct port, in_service))) {
		if (now - port->dead_since < QUARANTINE_NS)
			break;
		reap(dp, port);
	}
}

void port_free(struct port *port)
{
	pending_free(port->pending);
	free(port->ids);
	free(port);
}
