/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port - a service port in the kernel: its descriptor, backends and windows.
 *
 * An update is two steps with the frontends set between them:
 *
 *	port_update()   new backends, a new run of slots, the window words (an emptied window stays)
 *	... frontends that now use another window are told ...
 *	port_finish()   emptied windows, backends that left are marked dead, all goes to quarantine
 *
 * A failure before the first word is published leaves everything as it was.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hmap.h"
#include "base/list.h"
#include "datapath/layout.h"
#include "plan/plan.h"

struct datapath;
struct service_state;

struct run {
	uint32_t base, n;
};

struct port {
	struct list_node in_service;   /* or in datapath.dying */
	struct hnode by_owner;         /* in datapath.orphans while 'service' is NULL */
	struct service_state *service; /* NULL: left from before a restart, unconfirmed */
	struct list_node claims;
	uint32_t svc;
	uint64_t owner; /* of port_owner() */
	uint8_t proto, family;
	uint16_t number; /* of the Service's port; 0 while unconfirmed */
	bool wanted;     /* by the plan being applied */
	uint32_t *ids;   /* owned; backends sorted by address and port */
	size_t n_ids;
	struct run runs[WINDOWS];     /* of slots, disjoint; more than one only after a restart */
	int64_t dead_since;           /* in datapath.dying */
	struct port_pending *pending; /* between update and finish, owned */
};

/* The identity of a Service's port across restarts. */
uint64_t port_owner(const char *ns, const char *name, const struct plan_port *plan);

/* A new port with an empty descriptor. */
int port_new(struct datapath *dp, uint64_t owner, const struct plan_port *plan, struct port **ret,
             struct err *err);

/* Writes down whose it is, for those who read the maps. */
void port_set_name(struct datapath *dp, const struct port *port, const char *ns, const char *name,
                   const struct plan_port *plan);

int port_update(struct datapath *dp, struct port *port, const struct plan_port *plan,
                struct err *err);
void port_finish(struct datapath *dp, struct port *port);

/*
 * The port is reachable by no frontend any more.  A program that read its frontend just before
 * still gets a backend: all is taken back only by port_reap(), after the quarantine.
 */
void port_bury(struct datapath *dp, struct port *port);
void port_reap(struct datapath *dp, int64_t now);

/* Forgets the port in user space only. */
void port_free(struct port *port);

/* Order of backends in 'ids'. */
int backend_cmp(const struct be *a, const struct be *b);
