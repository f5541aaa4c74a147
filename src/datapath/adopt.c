/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/adopt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "datapath/filter.h"
#include "datapath/frontend.h"
#include "datapath/internal.h"
#include "datapath/port.h"

#define BATCH 256

struct adoption {
	struct datapath *dp;
	struct port **by_svc; /* svc_high of them */
};

/*
 * The port of descriptor 'svc', made when its first frontend is met; NULL if there cannot be one.
 */
static struct port *orphan_get(const struct adoption *a, uint32_t svc, const struct ipaddr *addr,
                               uint8_t proto)
{
	struct datapath *dp = a->dp;
	struct port *port;

	if (svc >= dp->maps.config->svc_high)
		return NULL;
	if (a->by_svc[svc])
		return a->by_svc[svc];
	port = xnew(struct port);
	list_init(&port->in_service);
	list_init(&port->claims);
	port->svc = svc;
	port->owner = dp->maps.svcs[svc].owner;
	port->proto = proto;
	port->family = addr->family;
	hmap_insert(&dp->orphans, &port->by_owner, port->owner);
	a->by_svc[svc] = port;
	return port;
}

static void adopt_frontend(struct adoption *a, const struct ipaddr *addr, __be16 port,
                           uint8_t proto, const struct fe_val *value)
{
	struct port *owner = orphan_get(a, value->svc, addr, proto);
	struct frontend *f;

	/* cannot be: without its descriptor it is refused; the plan that wants it sets it anew */
	if (!owner)
		return;
	f = frontend_get(a->dp, addr, ntohs(port), proto);
	f->present = true;
	f->value = *value;
	(void)frontend_claim(f, owner, value->flags);
	a->dp->n_frontends++;
	filter_add(a->dp, f);
}

static int adopt_fe4(struct adoption *a, struct err *err)
{
	struct map_cursor cursor = { .fd = a->dp->maps.fd[MAP_FE4] };
	struct fe4_key keys[BATCH];
	struct fe_val values[BATCH];
	int n;

	while ((n = maps_read(&cursor, keys, values, BATCH, err)) > 0) {
		for (int i = 0; i < n; i++) {
			struct ipaddr addr = { .family = 4 };

			memcpy(addr.bytes, &keys[i].vip, 4);
			adopt_frontend(a, &addr, keys[i].port, keys[i].proto, &values[i]);
		}
	}
	return n;
}

static int adopt_fe6(struct adoption *a, struct err *err)
{
	struct map_cursor cursor = { .fd = a->dp->maps.fd[MAP_FE6] };
	struct fe6_key keys[BATCH];
	struct fe_val values[BATCH];
	int n;

	while ((n = maps_read(&cursor, keys, values, BATCH, err)) > 0) {
		for (int i = 0; i < n; i++) {
			struct ipaddr addr = { .family = 6 };

			memcpy(addr.bytes, keys[i].vip, 16);
			adopt_frontend(a, &addr, keys[i].port, keys[i].proto, &values[i]);
		}
	}
	return n;
}

static int cmp_run(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

/*
 * The slots of all windows as disjoint runs: a process killed while publishing leaves two versions.
 */
static void adopt_runs(struct datapath *dp, struct port *port)
{
	const struct svc *svc = &dp->maps.svcs[port->svc];
	struct run found[WINDOWS];
	size_t n = 0;

	for (int w = 0; w < WINDOWS; w++)
		found[w] = (struct run){ WINDOW_BASE(svc->window[w]),
			                 WINDOW_COUNT(svc->window[w]) };
	qsort(found, WINDOWS, sizeof(found[0]), cmp_run);
	for (int w = 0; w < WINDOWS; w++) {
		struct run *last = n ? &port->runs[n - 1] : NULL;

		if (!found[w].n)
			continue;
		if (!last || found[w].base >= last->base + last->n)
			port->runs[n++] = found[w];
		else if (found[w].base + found[w].n > last->base + last->n)
			last->n = found[w].base + found[w].n - last->base;
	}
}

static void adopt_ids(struct datapath *dp, struct port *port, const struct run *run)
{
	for (uint32_t i = 0; i < run->n; i++) {
		uint32_t id = dp->maps.slots[run->base + i];

		/* in use: a backend that several windows have */
		if (pool_reserve(&dp->backends, id, 1) == 0)
			port->ids[port->n_ids++] = id;
	}
}

static int cmp_id(const void *a, const void *b, void *backends)
{
	const uint32_t *x = a, *y = b;
	const struct be *be = backends;

	return backend_cmp(&be[*x], &be[*y]);
}

static void adopt_port(struct datapath *dp, struct port *port)
{
	struct svc *svc = &dp->maps.svcs[port->svc];
	size_t slots = 0;

	adopt_runs(dp, port);
	for (int i = 0; i < WINDOWS; i++)
		slots += port->runs[i].n;
	port->ids = xreallocarray(NULL, slots + 1, sizeof(*port->ids));
	for (int i = 0; i < WINDOWS; i++) {
		if (!port->runs[i].n)
			continue;
		if (pool_reserve(&dp->slots, port->runs[i].base, port->runs[i].n) == 0) {
			adopt_ids(dp, port, &port->runs[i]);
			continue;
		}
		/* damaged: somebody else's slots; the windows are set anew by the first plan */
		port->runs[i] = (struct run){ 0 };
		for (int w = 0; w < WINDOWS; w++)
			__atomic_store_n(&svc->window[w], 0, __ATOMIC_RELEASE);
	}
	qsort_r(port->ids, port->n_ids, sizeof(*port->ids), cmp_id, dp->maps.backends);
}

/* What no frontend leads to may be remembered by sockets: it must not look alive. */
static void bury_unreachable(struct datapath *dp, struct port *const *by_svc)
{
	struct config *config = dp->maps.config;

	for (uint32_t i = 0; i < config->svc_high; i++) {
		for (int w = 0; w < WINDOWS && !by_svc[i]; w++)
			__atomic_store_n(&dp->maps.svcs[i].window[w], 0, __ATOMIC_RELEASE);
	}
	for (uint32_t i = 0; i < config->be_high; i++) {
		struct be *be = &dp->maps.backends[i];

		if (pool_reserve(&dp->backends, i, 1) < 0)
			continue;
		pool_free(&dp->backends, i, 1);
		if (BE_STATE(be->word) != BE_DEAD)
			__atomic_store_n(&be->word, BE_WORD(BE_GEN(be->word), 0, BE_DEAD),
			                 __ATOMIC_RELEASE);
	}
}

int adopt_contents(struct datapath *dp, struct err *err)
{
	struct config *config = dp->maps.config;
	auto_free struct port **by_svc = NULL;
	struct adoption a = { .dp = dp };
	int r;

	if (config->svc_high > dp->maps.max[MAP_SVCS])
		config->svc_high = dp->maps.max[MAP_SVCS];
	if (config->be_high > dp->maps.max[MAP_BACKENDS])
		config->be_high = dp->maps.max[MAP_BACKENDS];
	by_svc = xcalloc(config->svc_high + 1, sizeof(struct port *));
	a.by_svc = by_svc;
	r = adopt_fe4(&a, err);
	if (r == 0)
		r = adopt_fe6(&a, err);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < config->svc_high; i++) {
		if (!by_svc[i])
			continue;
		(void)pool_reserve(&dp->svcs, i, 1);
		adopt_port(dp, by_svc[i]);
	}
	bury_unreachable(dp, by_svc);
	filter_adopted(dp);
	return 0;
}
