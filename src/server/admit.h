/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit - what a write may have of the things the cluster has only once.
 *
 * A kind that needs something allocated (clusterIPs, nodePorts) has a row in the table of admit.c.
 * A number or an address is taken before the write is handed to the store and given back if it
 * fails; what an object no longer uses is given back after the write is durable.  So none is ever in
 * two objects, nor promised to two writes under way.
 *
 * An address is in use because there is an IPAddress object of its name.  That of a Service is
 * written with the Service, as its companion in the store's transaction, and goes with it: whatever
 * happens, there are both or neither.
 *
 *	status = admit_object(admission, kind, object, old, write, &claim);
 *	admit_companions(&claim, object, change);
 *	... the store writes 'object' ...
 *	admit_settle(admission, &claim, written);
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "kube/kind.h"
#include "server/alloc.h"
#include "server/ip_pool.h"
#include "store/store.h"

#define DEFAULT_CIDR_NAME "kubernetes" /* the ServiceCIDR of the command line's ranges */

struct admission {
	struct ip_range ranges[2]; /* of the command line, the primary family first */
	uint8_t families[2];       /* theirs, 4 or 6 */
	size_t n_ranges;
	struct ip_pool pool;
	struct alloc ports; /* number 0 is port_min */
	struct alloc_counts port_counts;
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

/* An address that a write takes, or that goes with it. */
struct admit_ip {
	struct ipaddr addr;
	char name[IPADDR_TEXT_SIZE]; /* of its IPAddress */
	bool taken;                  /* else it goes */
};

/* What one write holds until it is settled.  Zeroed: nothing. */
struct admit_claim {
	bool dry_run;            /* to be set before: nothing is taken */
	struct holdings taken;   /* given back if the write fails */
	struct holdings dropped; /* given back once it is done */
	struct admit_ip ips[STORE_COMPANIONS_MAX];
	size_t n_ips;
	bool own; /* the one address is that of the IPAddress that is written itself */
};

/* 'service_cidr' is one CIDR or two of different families, comma-separated. */
int admission_new(const char *service_cidr, uint16_t port_min, uint16_t port_max,
                  struct admission **ret, struct err *err);
void admission_free(struct admission *admission);

/*
 * Takes what the stored objects have: the nodePorts of Services, the addresses of IPAddresses, the
 * blocks of ServiceCIDRs.
 */
void admission_load(struct admission *admission, const struct store *store);

/* A stored ServiceCIDR or IPAddress is there, has changed ('object'), or is gone. */
void admission_put_cidr(struct admission *admission, const json_t *object);
void admission_put_ip(struct admission *admission, const json_t *object);
void admission_remove_ip(struct admission *admission, const char *name);

/*
 * Fills what 'object' needs and has not ('old' NULL on create) and notes it in '*claim'.  NULL, or
 * the Status of the refusal (409, 422, 500); the claim is to be settled either way.
 */
json_t *admit_object(struct admission *admission, const struct kind *kind, json_t *object,
                     const json_t *old, enum kind_write write, struct admit_claim *claim);

/* Notes in '*claim' that 'object' goes, with all that it has. */
void admit_removal(struct admission *admission, const struct kind *kind, const json_t *object,
                   struct admit_claim *claim);

/* Adds the IPAddresses that come and go with the write of 'object'; 'claim' stays until it is done. */
void admit_companions(const struct admit_claim *claim, const json_t *object,
                      struct store_change *change);

/* Ends a claim: 'written' tells whether the object is now as admitted. */
void admit_settle(struct admission *admission, struct admit_claim *claim, bool written);
