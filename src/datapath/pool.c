/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/pool.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool bit_test(const struct pool_order *o, uint32_t i)
{
	return i / 64 < o->words && (o->bits[i / 64] >> i % 64 & 1);
}

static void bit_set(struct pool_order *o, uint32_t i)
{
	o->bits[i / 64] |= 1ull << i % 64;
	o->n++;
	if (i / 64 < o->hint)
		o->hint = i / 64;
}

static void bit_clear(struct pool_order *o, uint32_t i)
{
	o->bits[i / 64] &= ~(1ull << i % 64);
	o->n--;
}

/* The lowest free block of the order, which has one. */
static uint32_t bit_first(struct pool_order *o)
{
	assert(o->n);
	while (!o->bits[o->hint])
		o->hint++;
	return (uint32_t)(o->hint * 64) + (uint32_t)__builtin_ctzll(o->bits[o->hint]);
}

/* Frees one aligned block and joins it with its free neighbours. */
static void block_free(struct pool *pool, uint32_t base, unsigned int order)
{
	while (order < POOL_ORDERS - 1) {
		struct pool_order *o = &pool->orders[order];
		uint32_t buddy = base >> order ^ 1;

		if (!bit_test(o, buddy))
			break;
		bit_clear(o, buddy);
		base &= ~(1u << order);
		order++;
	}
	bit_set(&pool->orders[order], base >> order);
}

/* The order of the largest aligned block at 'base' within 'n' indices. */
static unsigned int block_order(uint32_t base, uint32_t n)
{
	unsigned int order = 0;

	while (order < POOL_ORDERS - 1 && !(base & 1u << order) && 2u << order <= n)
		order++;
	return order;
}

static void range_free(struct pool *pool, uint32_t base, uint32_t n)
{
	while (n) {
		unsigned int order = block_order(base, n);

		block_free(pool, base, order);
		base += 1u << order;
		n -= 1u << order;
	}
}

void pool_grow(struct pool *pool, uint32_t size)
{
	uint32_t old = pool->size;

	assert(size >= old);
	for (unsigned int i = 0; i < POOL_ORDERS; i++) {
		struct pool_order *o = &pool->orders[i];
		size_t words = (size >> i) / 64 + 1;

		o->bits = xreallocarray(o->bits, words, sizeof(*o->bits));
		memset(o->bits + o->words, 0, (words - o->words) * sizeof(*o->bits));
		o->words = words;
	}
	pool->size = size;
	range_free(pool, old, size - old);
}

void pool_init(struct pool *pool, uint32_t size)
{
	*pool = (struct pool){ 0 };
	pool_grow(pool, size);
}

void pool_done(struct pool *pool)
{
	for (unsigned int i = 0; i < POOL_ORDERS; i++)
		free(pool->orders[i].bits);
	quarantine_done(&pool->quarantine);
	*pool = (struct pool){ 0 };
}

static void note_used(struct pool *pool, uint32_t base, uint32_t n)
{
	pool->used += n;
	if (base + n > pool->high)
		pool->high = base + n;
}

int pool_alloc(struct pool *pool, uint32_t n, uint32_t *ret_base)
{
	unsigned int want = 0, order;
	uint32_t base;

	assert(n && n <= POOL_RUN_MAX);
	while (1u << want < n)
		want++;
	for (order = want; order < POOL_ORDERS && !pool->orders[order].n; order++)
		;
	if (order == POOL_ORDERS)
		return -ENOSPC;
	base = bit_first(&pool->orders[order]) << order;
	bit_clear(&pool->orders[order], base >> order);
	range_free(pool, base + n, (1u << order) - n);
	note_used(pool, base, n);
	*ret_base = base;
	return 0;
}

/* Takes the one index 'at' out of the free block it is in. */
static int reserve_one(struct pool *pool, uint32_t at)
{
	for (unsigned int order = 0; order < POOL_ORDERS; order++) {
		struct pool_order *o = &pool->orders[order];
		uint32_t base = at >> order << order;

		if (!bit_test(o, at >> order))
			continue;
		bit_clear(o, at >> order);
		range_free(pool, base, at - base);
		range_free(pool, at + 1, base + (1u << order) - at - 1);
		return 0;
	}
	return -EBUSY;
}

int pool_reserve(struct pool *pool, uint32_t base, uint32_t n)
{
	if (n > pool->size || base > pool->size - n)
		return -EBUSY;
	for (uint32_t i = 0; i < n; i++) {
		if (reserve_one(pool, base + i) < 0) {
			range_free(pool, base, i);
			return -EBUSY;
		}
	}
	note_used(pool, base, n);
	return 0;
}

void pool_free(struct pool *pool, uint32_t base, uint32_t n)
{
	assert(n <= pool->used);
	pool->used -= n;
	range_free(pool, base, n);
}

void pool_retire(struct pool *pool, uint32_t base, uint32_t n, int64_t now)
{
	quarantine_push(&pool->quarantine, base, n, now);
}

void pool_tick(struct pool *pool, int64_t now)
{
	uint32_t base, n;

	while (quarantine_pop(&pool->quarantine, now, &base, &n))
		pool_free(pool, base, n);
}
