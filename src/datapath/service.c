/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "datapath/frontend.h"
#include "datapath/internal.h"
#include "datapath/port.h"

static uint64_t name_hash(const char *ns, const char *name)
{
	return hash_combine(hash_str(ns), hash_str(name));
}

static struct service_state *service_find(struct datapath *dp, const char *ns, const char *name)
{
	struct service_state *s;

	hmap_for_each_with_hash(s, by_name, name_hash(ns, name), &dp->services) {
		if (strcmp(s->ns, ns) == 0 && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

static struct service_state *service_get(struct datapath *dp, const char *ns, const char *name)
{
	struct service_state *s = service_find(dp, ns, name);

	if (s)
		return s;
	s = xnew(struct service_state);
	s->ns = xstrdup(ns);
	s->name = xstrdup(name);
	list_init(&s->ports);
	hmap_insert(&dp->services, &s->by_name, name_hash(ns, name));
	return s;
}

static void service_forget(struct datapath *dp, struct service_state *s)
{
	hmap_remove(&dp->services, &s->by_name);
	free(s->ns);
	free(s->name);
	free(s);
}

static struct port *find_port(const struct service_state *s, const struct plan_port *plan)
{
	struct port *port;

	list_for_each(port, in_service, &s->ports) {
		if (port->number == plan->port && port->proto == (uint8_t)plan->protocol &&
		    port->family == plan->family)
			return port;
	}
	return NULL;
}

/* What a process before us had programmed for this very port. */
static struct port *find_orphan(const struct datapath *dp, uint64_t owner,
                                const struct plan_port *plan)
{
	struct port *port;

	hmap_for_each_with_hash(port, by_owner, owner, &dp->orphans) {
		if (port->proto == (uint8_t)plan->protocol && port->family == plan->family)
			return port;
	}
	return NULL;
}

static int take_port(struct datapath *dp, struct service_state *s, const struct plan_port *plan,
                     struct port **ret, struct err *err)
{
	uint64_t owner = port_owner(s->ns, s->name, plan);
	struct port *port = find_port(s, plan);
	int r;

	if (port) {
		*ret = port;
		return 0;
	}
	port = find_orphan(dp, owner, plan);
	if (port) {
		hmap_remove(&dp->orphans, &port->by_owner);
		port->number = plan->port;
	} else {
		r = port_new(dp, owner, plan, &port, err);
		if (r < 0)
			return r;
	}
	port->service = s;
	list_add_tail(&s->ports, &port->in_service);
	*ret = port;
	return 0;
}

static uint32_t frontend_flags(const struct plan_frontend *plan)
{
	return (uint32_t)plan->internal << FE_INTERNAL_SHIFT |
	       (uint32_t)plan->external << FE_EXTERNAL_SHIFT |
	       (uint32_t)plan->type << FE_TYPE_SHIFT;
}

static int set_frontends(struct datapath *dp, struct port *port, const struct plan_port *plan,
                         struct err *err)
{
	for (size_t i = 0; i < plan->n_frontends; i++) {
		const struct plan_frontend *f = &plan->frontends[i];
		struct ipaddr addr = f->addr;
		struct frontend *frontend;
		struct claim *claim;
		bool waits;
		int r;

		addr.family = plan->family;
		frontend = frontend_get(dp, &addr, f->port, port->proto);
		claim = frontend_claim(frontend, port, frontend_flags(f));
		claim->wanted = true;
		waits = claim_waits(claim);
		dp->conflicts += waits && !claim->waiting;
		claim->waiting = waits;
		r = frontend_settle(dp, frontend, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Gives up the port's claims, or only those the plan does not want. */
static int drop_claims(struct datapath *dp, struct port *port, bool all, struct err *err)
{
	struct claim *c, *after;
	int r = 0, r2;

	list_for_each_safe(c, after, in_port, &port->claims)
	{
		if (!all && c->wanted)
			continue;
		r2 = frontend_drop(dp, c, err);
		r = r < 0 ? r : r2;
	}
	return r;
}

static void unwant(struct service_state *s)
{
	struct port *port;
	struct claim *c;

	list_for_each(port, in_service, &s->ports) {
		port->wanted = false;
		list_for_each(c, in_port, &port->claims)
			c->wanted = false;
	}
}

/* New and changed ports: all their backends first, then the frontends that lead to them. */
static int apply_ports(struct datapath *dp, struct service_state *s,
                       const struct plan_service *plan, struct err *err)
{
	struct port *port;
	int r;

	for (size_t i = 0; i < plan->n_ports; i++) {
		r = take_port(dp, s, &plan->ports[i], &port, err);
		if (r < 0)
			return r;
		port_set_name(dp, port, s->ns, s->name, &plan->ports[i]);
		r = port_update(dp, port, &plan->ports[i], err);
		if (r < 0)
			return r;
		port->wanted = true;
	}
	for (size_t i = 0; i < plan->n_ports; i++) {
		r = set_frontends(dp, find_port(s, &plan->ports[i]), &plan->ports[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int drop_unwanted(struct datapath *dp, struct service_state *s, struct err *err)
{
	struct port *port, *after;
	int r = 0, r2;

	list_for_each_safe(port, after, in_service, &s->ports)
	{
		r2 = drop_claims(dp, port, !port->wanted, err);
		r = r < 0 ? r : r2;
		if (!port->wanted)
			port_bury(dp, port);
	}
	return r;
}

int datapath_apply(struct datapath *dp, const struct plan_service *plan, struct err *err)
{
	struct service_state *s = service_get(dp, plan->namespace, plan->name);
	struct port *port;
	int r;

	unwant(s);
	r = apply_ports(dp, s, plan, err);
	if (r == 0)
		r = drop_unwanted(dp, s, err);
	list_for_each(port, in_service, &s->ports)
		port_finish(dp, port);
	if (r < 0)
		(void)err_wrap(err, r, "Service %s/%s", plan->namespace, plan->name);
	if (list_empty(&s->ports))
		service_forget(dp, s);
	return r;
}

int datapath_remove(struct datapath *dp, const char *ns, const char *name, struct err *err)
{
	struct service_state *s = service_find(dp, ns, name);
	int r;

	if (!s)
		return 0;
	unwant(s);
	r = drop_unwanted(dp, s, err);
	service_forget(dp, s);
	return r < 0 ? err_wrap(err, r, "Service %s/%s", ns, name) : 0;
}

void datapath_synced(struct datapath *dp)
{
	struct port *port, *after;

	hmap_for_each_safe(port, after, by_owner, &dp->orphans) {
		hmap_remove(&dp->orphans, &port->by_owner);
		(void)drop_claims(dp, port, true, NULL);
		port_bury(dp, port);
	}
	dp->maps.config->synced = 1;
	/* if it fails it is tried again by datapath_check() */
	if (dp->waiting)
		(void)datapath_attach(dp, NULL);
	/* what went while no process was there to see */
	evict_kick(&dp->evict, &dp->maps);
}

static void free_ports(struct list_node *ports)
{
	struct port *port, *after;

	list_for_each_safe(port, after, in_service, ports) port_free(port);
}

void services_done(struct datapath *dp)
{
	struct service_state *s, *after;
	struct port *port, *next;

	frontends_done(dp);
	hmap_for_each_safe(s, after, by_name, &dp->services) {
		free_ports(&s->ports);
		service_forget(dp, s);
	}
	hmap_done(&dp->services);
	hmap_for_each_safe(port, next, by_owner, &dp->orphans)
		port_free(port);
	hmap_done(&dp->orphans);
	free_ports(&dp->dying);
}
