/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hmap.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"

static uint64_t seed[2];

static void make_seed(void)
{
	rand_bytes(seed, sizeof(seed));
}

static inline uint64_t rotl(uint64_t x, unsigned int b)
{
	return (x << b) | (x >> (64 - b));
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"). */
uint64_t hash_bytes(const void *p, size_t n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const unsigned char *in = p;
	uint64_t word, last = (uint64_t)n << 56;
	uint64_t v[4];
	size_t i;

	(void)pthread_once(&once, make_seed);
	v[0] = seed[0] ^ 0x736f6d6570736575ULL;
	v[1] = seed[1] ^ 0x646f72616e646f6dULL;
	v[2] = seed[0] ^ 0x6c7967656e657261ULL;
	v[3] = seed[1] ^ 0x7465646279746573ULL;
	for (i = 0; i + 8 <= n; i += 8) {
		memcpy(&word, in + i, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t shift = 0; i < n; i++, shift += 8)
		last |= (uint64_t)in[i] << shift;
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_str(const char *s)
{
	return hash_bytes(s, strlen(s));
}

uint64_t hash_combine(uint64_t a, uint64_t b)
{
	return (rotl(a, 27) ^ b) * 0x9e3779b97f4a7c15ULL;
}

void hmap_done(struct hmap *map)
{
	free(map->buckets);
	*map = (struct hmap){ 0 };
}

static void grow(struct hmap *map)
{
	size_t size = map->buckets ? 2 * (map->mask + 1) : 16;
	struct hnode **buckets = xcalloc(size, sizeof(struct hnode *));

	for (size_t i = 0; map->buckets && i <= map->mask; i++) {
		struct hnode *node = map->buckets[i];

		while (node) {
			struct hnode *next = node->next;
			struct hnode **head = &buckets[node->hash & (size - 1)];

			node->next = *head;
			*head = node;
			node = next;
		}
	}
	free(map->buckets);
	map->buckets = buckets;
	map->mask = size - 1;
}

void hmap_insert(struct hmap *map, struct hnode *node, uint64_t hash)
{
	struct hnode **head;

	if (!map->buckets || map->n > map->mask)
		grow(map);
	head = &map->buckets[hash & map->mask];
	node->hash = hash;
	node->next = *head;
	*head = node;
	map->n++;
}

void hmap_remove(struct hmap *map, struct hnode *node)
{
	struct hnode **at = &map->buckets[node->hash & map->mask];

	while (*at != node) {
		assert(*at);
		at = &(*at)->next;
	}
	*at = node->next;
	node->next = NULL;
	map->n--;
}

static struct hnode *skip_to(struct hnode *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct hnode *hmap_first_with_hash(const struct hmap *map, uint64_t hash)
{
	return map->buckets ? skip_to(map->buckets[hash & map->mask], hash) : NULL;
}

struct hnode *hmap_next_with_hash(const struct hnode *node)
{
	return skip_to(node->next, node->hash);
}

static struct hnode *first_from(const struct hmap *map, size_t bucket)
{
	for (; map->buckets && bucket <= map->mask; bucket++)
		if (map->buckets[bucket])
			return map->buckets[bucket];
	return NULL;
}

struct hnode *hmap_first(const struct hmap *map)
{
	return first_from(map, 0);
}

struct hnode *hmap_next(const struct hmap *map, const struct hnode *node)
{
	return node->next ? node->next : first_from(map, (node->hash & map->mask) + 1);
}
