/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* A frontend with what its place depends on. */
struct place {
	__u64 key;
	__be32 vip[4]; /* of IPv6 */
	uint32_t bucket[2];
	uint32_t tag;
	uint8_t family;
};

/* One cell of either table. */
struct cell {
	__u64 *key, *value; /* NULL: none */
	__be32 *vip;        /* NULL with IPv4 */
};

uint32_t table_buckets(uint32_t frontends)
{
	uint32_t n = 2;

	while (n < frontends / (FE_CELLS / 2) && n < 1u << 31)
		n *= 2;
	return n;
}

static struct cell cell_at(const struct maps *maps, uint8_t family, uint32_t bucket, unsigned int i)
{
	struct fe4_cell *c4;
	struct fe6_cell *c6;

	if (family == 4) {
		c4 = &maps->fe4[bucket].cell[i];
		return (struct cell){ .key = &c4->key, .value = &c4->value };
	}
	c6 = &maps->fe6[bucket].cell[i];
	return (struct cell){ .key = &c6->key, .value = &c6->value, .vip = c6->vip };
}

static struct place place_of(const struct maps *maps, const struct table_entry *e)
{
	enum map_id id = e->addr.family == 4 ? MAP_FE4 : MAP_FE6;
	unsigned int shift = maps_shift(maps, id);
	struct place p = { .family = e->addr.family };
	uint64_t hash;

	memcpy(p.vip, e->addr.bytes, sizeof(p.vip));
	if (p.family == 4) {
		p.key = FE_KEY(p.vip[0], htons(e->port), e->proto);
		hash = fe_hash4(p.key, maps->fe_mult[0]);
	} else {
		p.key = FE_KEY(addr_sum(p.vip), htons(e->port), e->proto);
		hash = fe_hash6(p.vip, p.key, maps->fe_mult[0]);
	}
	p.bucket[0] = (uint32_t)(hash >> shift);
	p.bucket[1] = (uint32_t)(hash * maps->fe_mult[1] >> shift);
	p.tag = FE_TAG(hash);
	return p;
}

static bool is_at(const struct cell *c, const struct place *p)
{
	return *c->key == p->key && (!c->vip || memcmp(c->vip, p->vip, sizeof(p->vip)) == 0);
}

static struct cell find(const struct maps *maps, const struct place *p)
{
	for (int k = 0; k < 2; k++) {
		for (unsigned int i = 0; i < FE_CELLS; i++) {
			struct cell c = cell_at(maps, p->family, p->bucket[k], i);

			if (is_at(&c, p))
				return c;
		}
	}
	return (struct cell){ 0 };
}

/* The first free cell of a bucket, and how many it has. */
static struct cell free_cell(const struct maps *maps, const struct place *p, int k,
                             unsigned int *ret_n)
{
	struct cell first = { 0 };

	*ret_n = 0;
	for (unsigned int i = 0; i < FE_CELLS; i++) {
		struct cell c = cell_at(maps, p->family, p->bucket[k], i);

		if (*c.key)
			continue;
		if (!first.key)
			first = c;
		++*ret_n;
	}
	return first;
}

/*
 * In the bucket that is looked in first, unless its first cache line is full and the other has more
 * room.
 */
static struct cell choose(const struct maps *maps, const struct place *p)
{
	unsigned int n[2];
	struct cell a = free_cell(maps, p, 0, &n[0]), b = free_cell(maps, p, 1, &n[1]);

	return n[0] > FE_CELLS / 2 || n[0] >= n[1] ? a : b;
}

int table_set(struct maps *maps, const struct table_entry *entry)
{
	struct place p = place_of(maps, entry);
	uint64_t value = FE_VALUE(&entry->value, p.tag);
	struct cell c = find(maps, &p);

	if (c.key) {
		__atomic_store_n(c.value, value, __ATOMIC_RELEASE);
		return 0;
	}
	c = choose(maps, &p);
	if (!c.key)
		return -ENOSPC;
	if (c.vip)
		memcpy(c.vip, p.vip, sizeof(p.vip));
	__atomic_store_n(c.value, value, __ATOMIC_RELAXED);
	__atomic_store_n(c.key, p.key, __ATOMIC_RELEASE);
	return 0;
}

void table_delete(struct maps *maps, const struct table_entry *entry)
{
	struct place p = place_of(maps, entry);
	struct cell c = find(maps, &p);

	if (c.key)
		__atomic_store_n(c.key, 0, __ATOMIC_RELEASE);
}

static void read_cell(const struct cell *c, uint8_t family, struct table_entry *ret)
{
	uint64_t key = __atomic_load_n(c->key, __ATOMIC_ACQUIRE);
	uint64_t value = __atomic_load_n(c->value, __ATOMIC_RELAXED);
	__be32 addr = FE_KEY_ADDR(key);

	*ret = (struct table_entry){
		.addr.family = family,
		.port = ntohs(FE_KEY_PORT(key)),
		.proto = FE_KEY_PROTO(key),
		.value = { .svc = FE_VALUE_SVC(value), .flags = FE_VALUE_FLAGS(value) },
	};
	if (c->vip)
		memcpy(ret->addr.bytes, c->vip, sizeof(ret->addr.bytes));
	else
		memcpy(ret->addr.bytes, &addr, sizeof(addr));
}

/* What is no longer there, or not where it is looked for, is not. */
static bool is_there(const struct maps *maps, const struct cell *c, const struct table_entry *e)
{
	struct place p = place_of(maps, e);
	struct cell found = find(maps, &p);

	return found.key == c->key &&
	       FE_VALUE_TAG(__atomic_load_n(c->value, __ATOMIC_ACQUIRE)) == p.tag;
}

bool table_next(const struct maps *maps, size_t *at, struct table_entry *ret)
{
	size_t n4 = (size_t)maps->max[MAP_FE4] * FE_CELLS,
	       n6 = (size_t)maps->max[MAP_FE6] * FE_CELLS;

	while (*at < n4 + n6) {
		uint8_t family = *at < n4 ? 4 : 6;
		size_t i = *at < n4 ? *at : *at - n4;
		struct cell c = cell_at(maps, family, (uint32_t)(i / FE_CELLS), i % FE_CELLS);

		++*at;
		if (!__atomic_load_n(c.key, __ATOMIC_ACQUIRE))
			continue;
		read_cell(&c, family, ret);
		if (is_there(maps, &c, ret))
			return true;
	}
	return false;
}

size_t table_used(const struct maps *maps, enum map_id id)
{
	size_t cells = (size_t)maps->max[id] * FE_CELLS, used = 0;

	for (size_t i = 0; i < cells; i++) {
		struct cell c = cell_at(maps, id == MAP_FE4 ? 4 : 6, (uint32_t)(i / FE_CELLS),
		                        i % FE_CELLS);

		used += *c.key != 0;
	}
	return used;
}

/* As it is where the size is the same: what fits in one order might not in another. */
int table_copy(struct maps *to, const struct maps *from)
{
	uint32_t n4 = from->max[MAP_FE4], n6 = from->max[MAP_FE6];
	bool same4 = to->max[MAP_FE4] == n4, same6 = to->max[MAP_FE6] == n6;
	struct table_entry e;
	size_t at = 0;
	int r = 0;

	if (same4)
		memcpy(to->fe4, from->fe4, n4 * sizeof(*to->fe4));
	if (same6)
		memcpy(to->fe6, from->fe6, n6 * sizeof(*to->fe6));
	while (r == 0 && !(same4 && same6) && table_next(from, &at, &e)) {
		if (!(e.addr.family == 4 ? same4 : same6))
			r = table_set(to, &e);
	}
	return r;
}
