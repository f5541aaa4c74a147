/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frontend - which service port an address and port lead to.
 *
 * Several may claim the same; the first claim is in effect.  When it goes, the next one takes over
 * in the same step, so a frontend that moves between Services is never missing.  The claim of a
 * port left from before a restart that no plan has confirmed yields to any other.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/hmap.h"
#include "base/ipaddr.h"
#include "base/list.h"
#include "datapath/layout.h"

struct datapath;
struct port;

struct frontend {
	struct hnode by_key;
	struct ipaddr addr; /* all zeros: nodePort */
	uint16_t port;
	uint8_t proto;
	bool present; /* in the kernel, as 'value' */
	struct fe_val value;
	struct list_node claims; /* of struct claim; the first is in effect */
};

struct claim {
	struct list_node in_frontend, in_port;
	struct frontend *frontend;
	struct port *port;
	uint32_t flags; /* FE_* */
	bool wanted;    /* by the plan being applied */
	bool waiting;   /* behind another Service's claim; counted as a conflict */
};

/* The frontend there is, or a new one without claims; it is freed with its last claim. */
struct frontend *frontend_get(struct datapath *dp, const struct ipaddr *addr, uint16_t port,
                              uint8_t proto);

/*
 * The port's claim of 'frontend', made if there is none, with 'flags'.  The kernel is not told yet.
 */
struct claim *frontend_claim(struct frontend *frontend, struct port *port, uint32_t flags);

/* True if another Service's claim comes first. */
bool claim_waits(const struct claim *claim);

/* Brings the kernel in line with the first claim. */
int frontend_settle(struct datapath *dp, struct frontend *frontend, struct err *err);

/* Gives the claim up, settles. */
int frontend_drop(struct datapath *dp, struct claim *claim, struct err *err);

void frontends_done(struct datapath *dp);
