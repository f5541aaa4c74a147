/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool - which indices of an array are in use: single ids (descriptors, backends) and runs (slots).
 *
 * A buddy allocator over bitmaps, one bitmap a size: freed neighbours become one again, so that
 * churn does not eat the array up, and low indices are preferred, so that what is in use stays
 * together. A run of up to POOL_RUN_MAX starts at a multiple of its size rounded up to a power of
 * two; what rounding added is free for others.
 *
 * What is given back with pool_retire() is used again only after a quarantine (pool_tick()).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "datapath/quarantine.h"

#define POOL_ORDERS  17
#define POOL_RUN_MAX (1u << (POOL_ORDERS - 1))

struct pool {
	uint32_t size, used; /* indices; 'used' counts the quarantined too */
	uint32_t high;       /* no index from here on was ever in use */
	struct pool_order {
		uint64_t *bits; /* owned; bit i: the block at i << order is free */
		size_t words;
		size_t hint; /* no bit is set in words before this */
		uint32_t n;  /* bits set */
	} orders[POOL_ORDERS];
	struct quarantine quarantine;
};

void pool_init(struct pool *pool, uint32_t size);
void pool_done(struct pool *pool);

/* The run [*ret_base, *ret_base + n), 0 < n <= POOL_RUN_MAX; -ENOSPC. */
int pool_alloc(struct pool *pool, uint32_t n, uint32_t *ret_base);

/* Takes exactly the free range [base, base + n); -EBUSY if any of it is in use or outside. */
int pool_reserve(struct pool *pool, uint32_t base, uint32_t n);

/* Gives a range back; 'retire' after the quarantine. */
void pool_free(struct pool *pool, uint32_t base, uint32_t n);
void pool_retire(struct pool *pool, uint32_t base, uint32_t n, int64_t now);
void pool_tick(struct pool *pool, int64_t now);

/* Makes it larger; 'size' is not below what it is. */
void pool_grow(struct pool *pool, uint32_t size);
