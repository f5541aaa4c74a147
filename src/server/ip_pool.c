/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ip_pool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"

void ip_pool_done(struct ip_pool *pool)
{
	struct ip_entry *entry, *after;

	hmap_for_each_safe(entry, after, node, &pool->entries) {
		hmap_remove(&pool->entries, &entry->node);
		free(entry);
	}
	hmap_done(&pool->entries);
	for (size_t i = 0; i < pool->n; i++)
		free(pool->blocks[i].owner);
	free(pool->blocks);
	free(pool->counts);
	*pool = (struct ip_pool){ 0 };
}

void ip_pool_add_block(struct ip_pool *pool, const char *owner, const struct ip_range *range,
                       bool ready)
{
	array_reserve(pool->blocks, pool->n, pool->cap);
	pool->blocks[pool->n++] = (struct ip_block){ xstrdup(owner), *range, ready };
}

void ip_pool_drop_blocks(struct ip_pool *pool, const char *owner)
{
	size_t kept = 0;

	for (size_t i = 0; i < pool->n; i++) {
		if (strcmp(pool->blocks[i].owner, owner) == 0)
			free(pool->blocks[i].owner);
		else
			pool->blocks[kept++] = pool->blocks[i];
	}
	pool->n = kept;
}

const struct ip_block *ip_pool_block(const struct ip_pool *pool, const struct ipaddr *addr,
                                     bool ready)
{
	uint64_t number;

	for (size_t i = 0; i < pool->n; i++)
		if ((pool->blocks[i].ready || !ready) &&
		    ip_range_number(&pool->blocks[i].range, addr, &number) == 0)
			return &pool->blocks[i];
	return NULL;
}

const struct ip_block *ip_pool_first_block(const struct ip_pool *pool, uint8_t family,
                                           const char *owner)
{
	const struct ip_block *first = NULL;

	for (size_t i = 0; i < pool->n; i++) {
		const struct ip_block *block = &pool->blocks[i];

		if (block->range.cidr.addr.family != family)
			continue;
		if (strcmp(block->owner, owner) == 0)
			return block;
		if (!first)
			first = block;
	}
	return first;
}

static uint64_t hash_addr(const struct ipaddr *addr)
{
	return hash_combine(addr->family, hash_bytes(addr->bytes, sizeof(addr->bytes)));
}

struct ip_entry *ip_pool_get(const struct ip_pool *pool, const struct ipaddr *addr)
{
	struct ip_entry *entry;

	hmap_for_each_with_hash(entry, node, hash_addr(addr), &pool->entries)
		if (ipaddr_equal(&entry->addr, addr))
			return entry;
	return NULL;
}

static struct ip_entry *add_entry(struct ip_pool *pool, const struct ipaddr *addr)
{
	struct ip_entry *entry = xnew(struct ip_entry);

	entry->addr = *addr;
	hmap_insert(&pool->entries, &entry->node, hash_addr(addr));
	return entry;
}

static void drop_unused(struct ip_pool *pool, struct ip_entry *entry)
{
	if (entry->stored || entry->claimed)
		return;
	hmap_remove(&pool->entries, &entry->node);
	free(entry);
}

int ip_pool_claim(struct ip_pool *pool, const struct ipaddr *addr)
{
	if (ip_pool_get(pool, addr))
		return -EEXIST;
	add_entry(pool, addr)->claimed = true;
	return 0;
}

int ip_pool_claim_from_block(struct ip_pool *pool, const struct ipaddr *addr)
{
	const struct ip_block *block = ip_pool_block(pool, addr, true);

	if (!block)
		return -ERANGE;
	return alloc_count(ip_pool_counts(pool, &block->range), ALLOC_STATIC,
	                   ip_pool_claim(pool, addr));
}

uint64_t ip_pool_used(const struct ip_pool *pool, const struct ip_range *range)
{
	const struct ip_entry *entry;
	uint64_t used = 0, number;

	hmap_for_each(entry, node, &pool->entries)
		used += ip_range_number(range, &entry->addr, &number) == 0;
	return used;
}

struct alloc_counts *ip_pool_counts(struct ip_pool *pool, const struct ip_range *range)
{
	char cidr[IP_RANGE_TEXT_SIZE];
	struct ip_counts *fresh;

	ip_range_format(range, cidr);
	for (size_t i = 0; i < pool->n_counts; i++)
		if (strcmp(pool->counts[i].cidr, cidr) == 0)
			return &pool->counts[i].counts;
	array_reserve(pool->counts, pool->n_counts, pool->cap_counts);
	fresh = &pool->counts[pool->n_counts++];
	*fresh = (struct ip_counts){ 0 };
	(void)strcpy(fresh->cidr, cidr);
	return &fresh->counts;
}

/*
 * Claims a free number of [from, to), looking from a random one onwards and round.  Of as many
 * addresses as are in use and one more, one is free: a vast block is not searched to its end.
 */
static int claim_between(struct ip_pool *pool, const struct ip_range *range, uint64_t from,
                         uint64_t to, struct ipaddr *ret_addr)
{
	uint64_t n = to - from, start, tries;

	if (n == 0)
		return -ENOSPC;
	rand_bytes(&start, sizeof(start));
	start %= n;
	tries = n <= pool->entries.n ? n : pool->entries.n + 1;
	for (uint64_t i = 0; i < tries; i++) {
		uint64_t left = n - start; /* up to the end, where it goes round */
		struct ipaddr addr;

		ip_range_address(range, from + (i < left ? start + i : i - left), &addr);
		if (ip_pool_claim(pool, &addr) == 0) {
			*ret_addr = addr;
			return 0;
		}
	}
	return -ENOSPC;
}

static int claim_of(struct ip_pool *pool, const struct ip_range *range, struct ipaddr *ret_addr)
{
	uint64_t band = range->band < range->size ? range->band : range->size;

	if (claim_between(pool, range, band, range->size, ret_addr) == 0)
		return 0;
	return claim_between(pool, range, 0, band, ret_addr);
}

int ip_pool_claim_any(struct ip_pool *pool, uint8_t family, struct ipaddr *ret_addr)
{
	size_t first = pool->n ? rand_below((uint32_t)pool->n) : 0;

	for (size_t i = 0; i < pool->n; i++) {
		const struct ip_block *block = &pool->blocks[(first + i) % pool->n];

		if (block->ready && block->range.cidr.addr.family == family &&
		    alloc_count(ip_pool_counts(pool, &block->range), ALLOC_DYNAMIC,
		                claim_of(pool, &block->range, ret_addr)) == 0)
			return 0;
	}
	return -ENOSPC;
}

void ip_pool_unclaim(struct ip_pool *pool, const struct ipaddr *addr)
{
	struct ip_entry *entry = ip_pool_get(pool, addr);

	assert(entry && entry->claimed);
	entry->claimed = false;
	drop_unused(pool, entry);
}

void ip_pool_put(struct ip_pool *pool, const struct ipaddr *addr, uint64_t parent)
{
	struct ip_entry *entry = ip_pool_get(pool, addr);

	if (!entry)
		entry = add_entry(pool, addr);
	entry->stored = true;
	entry->parent = parent;
}

void ip_pool_remove(struct ip_pool *pool, const struct ipaddr *addr)
{
	struct ip_entry *entry = ip_pool_get(pool, addr);

	if (!entry)
		return;
	entry->stored = false;
	entry->confirmed = false;
	drop_unused(pool, entry);
}

uint64_t ip_pool_parent(const char *group, const char *resource, const char *ns, const char *name)
{
	return hash_combine(hash_combine(hash_str(group), hash_str(resource)),
	                    hash_combine(hash_str(ns), hash_str(name)));
}
