/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/adopt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "datapath/filter.h"
#include "datapath/frontend.h"
#include "datapath/internal.h"
#include "datapath/port.h"
#include "datapath/table.h"

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

static void adopt_frontend(struct adoption *a, const struct table_entry *e)
{
	struct port *owner = orphan_get(a, e->value.svc, &e->addr, e->proto);
	struct frontend *f;

	/* cannot be: without its descriptor it is refused; the plan that wants it sets it anew */
	if (!owner)
		return;
	f = frontend_get(a->dp, &e->addr, e->port, e->proto);
	f->present = true;
	f->value = e->value;
	(void)frontend_claim(f, owner, e->value.flags);
	a->dp->n_frontends++;
	filter_add(a->dp, f);
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

void adopt_contents(struct datapath *dp)
{
	struct config *config = dp->maps.config;
	auto_free struct port **by_svc = NULL;
	struct adoption a = { .dp = dp };
	struct table_entry e;
	size_t at = 0;

	if (config->svc_high > dp->maps.max[MAP_SVCS])
		config->svc_high = dp->maps.max[MAP_SVCS];
	if (config->be_high > dp->maps.max[MAP_BACKENDS])
		config->be_high = dp->maps.max[MAP_BACKENDS];
	by_svc = xcalloc(config->svc_high + 1, sizeof(struct port *));
	a.by_svc = by_svc;
	while (table_next(&dp->maps, &at, &e))
		adopt_frontend(&a, &e);
	for (uint32_t i = 0; i < config->svc_high; i++) {
		if (!by_svc[i])
			continue;
		(void)pool_reserve(&dp->svcs, i, 1);
		adopt_port(dp, by_svc[i]);
	}
	bury_unreachable(dp, by_svc);
	filter_adopted(dp);
}
