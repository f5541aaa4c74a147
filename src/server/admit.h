/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit - what a write may have of the things the cluster has only once.
 *
 * A kind that needs something allocated (clusterIPs, nodePorts) has a row in the table of admit.c.
 * A number is taken before the write is handed to the store and given back if it fails; what an
 * object no longer uses is given back after the write is durable.  So no number is ever in two
 * objects, nor promised to two writes under way.
 *
 *	status = admit_object(admission, kind, object, old, write, &claim);
 *	... the store writes 'object' ...
 *	admit_settle(&claim, written);
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "kube/kind.h"
#include "server/ip_range.h"
#include "store/store.h"

struct admission {
	struct ip_range ranges[2]; /* of the service CIDRs, the primary family first */
	uint8_t families[2];       /* theirs, 4 or 6 */
	size_t n_ranges;
	struct alloc ports; /* number 0 is port_min */
	uint16_t port_min, port_max;
};

/* A number that an object has, or that a write has taken for one. */
struct holding {
	struct alloc *alloc;
	uint32_t number;
};

struct holdings {
	struct holding *list; /* owned */
	size_t n, cap;
};

void holdings_add(struct holdings *holdings, struct alloc *alloc, uint32_t number);
bool holdings_has(const struct holdings *holdings, const struct alloc *alloc, uint32_t number);

/* What one write holds until it is settled.  Zeroed: nothing. */
struct admit_claim {
	struct holdings taken;   /* given back if the write fails */
	struct holdings dropped; /* given back once it is done */
};

/* 'service_cidr' is one CIDR or two of different families, comma-separated. */
int admission_new(const char *service_cidr, uint16_t port_min, uint16_t port_max,
                  struct admission **ret, struct err *err);
void admission_free(struct admission *admission);

/*
 * Takes what the stored objects have.  Returns how many of their numbers another one has already
 * or no range has: ranges that were changed, or a database edited by hand.
 */
size_t admission_load(struct admission *admission, const struct store *store);

/*
 * Fills what 'object' needs and has not ('old' NULL on create) and notes it in '*claim'.  NULL, or
 * the Status of the refusal (422, 500); the claim is to be settled either way.
 */
json_t *admit_object(struct admission *admission, const struct kind *kind, json_t *object,
                     const json_t *old, enum kind_write write, struct admit_claim *claim);

/* Ends a claim: 'written' tells whether the object is now as admitted. */
void admit_settle(struct admit_claim *claim, bool written);

/* Gives back all that 'object' had, after it is gone. */
void admit_removed(struct admission *admission, const struct kind *kind, const json_t *object);
