/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip_pool - the addresses that are in use and the blocks that new ones are taken from.
 *
 * An address is in use as long as an IPAddress object of its name is stored, or a write under way
 * has claimed it; blocks are the CIDRs of the ServiceCIDR objects (MetaAllocator of
 * registry/core/service/ipallocator).  No I/O: who owns the pool says what is stored.
 *
 *	if (ip_pool_claim_any(&pool, 4, &addr) == 0)
 *		... write the IPAddress; once it is stored:
 *	ip_pool_put(&pool, &addr, parent);
 *	ip_pool_unclaim(&pool, &addr);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hmap.h"
#include "server/alloc.h"
#include "server/ip_range.h"

struct ip_block {
	char *owner; /* owned: the name of the ServiceCIDR */
	struct ip_range range;
	bool ready; /* new addresses may be taken from it */
};

struct ip_entry {
	struct hnode node;
	struct ipaddr addr;
	bool stored, claimed;
	bool confirmed;  /* its parent has it: the owner's mark */
	uint64_t parent; /* of a stored one: ip_pool_parent() of its parentRef */
};

/* Of a CIDR; the blocks come and go with each change of their ServiceCIDR. */
struct ip_counts {
	char cidr[IP_RANGE_TEXT_SIZE];
	struct alloc_counts counts;
};

struct ip_pool {
	struct hmap entries;
	struct ip_block *blocks; /* owned */
	size_t n, cap;
	struct ip_counts *counts; /* owned */
	size_t n_counts, cap_counts;
};

void ip_pool_done(struct ip_pool *pool);

void ip_pool_add_block(struct ip_pool *pool, const char *owner, const struct ip_range *range,
                       bool ready);
void ip_pool_drop_blocks(struct ip_pool *pool, const char *owner);

/* A block that has 'addr', only ready ones with 'ready'; NULL: none has. */
const struct ip_block *ip_pool_block(const struct ip_pool *pool, const struct ipaddr *addr,
                                     bool ready);

/* The first block of 'family', that of 'owner' if it has one; NULL: there is none. */
const struct ip_block *ip_pool_first_block(const struct ip_pool *pool, uint8_t family,
                                           const char *owner);

/* Borrowed; NULL: the address is free. */
struct ip_entry *ip_pool_get(const struct ip_pool *pool, const struct ipaddr *addr);

/* -EEXIST: it is in use. */
int ip_pool_claim(struct ip_pool *pool, const struct ipaddr *addr);

/* The same for an address that must be of a ready block: else -ERANGE. */
int ip_pool_claim_from_block(struct ip_pool *pool, const struct ipaddr *addr);

/*
 * One of a ready block: of its upper band from a random start on, else of the static one.  -ENOSPC:
 * all are in use.
 */
int ip_pool_claim_any(struct ip_pool *pool, uint8_t family, struct ipaddr *ret_addr);
void ip_pool_unclaim(struct ip_pool *pool, const struct ipaddr *addr);

/* Addresses of the range that are in use. */
uint64_t ip_pool_used(const struct ip_pool *pool, const struct ip_range *range);

/* What was claimed from blocks of this CIDR. */
struct alloc_counts *ip_pool_counts(struct ip_pool *pool, const struct ip_range *range);

/* What is stored. */
void ip_pool_put(struct ip_pool *pool, const struct ipaddr *addr, uint64_t parent);
void ip_pool_remove(struct ip_pool *pool, const struct ipaddr *addr);

/* A number for what an address belongs to, of a parentRef. */
uint64_t ip_pool_parent(const char *group, const char *resource, const char *ns, const char *name);
