/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hmap - an intrusive hash map: the node is a member of the element, so inserting allocates
 * nothing per element, elements never move, and one element can be in several maps.
 *
 *	struct pod {
 *		struct hnode by_name;
 *		char *name;
 *	};
 *
 *	hmap_insert(&map, &pod->by_name, hash_str(pod->name));
 *	hmap_for_each_with_hash(p, by_name, hash_str(name), &map)
 *		if (strcmp(p->name, name) == 0)
 *			return p;
 *
 * The map owns its bucket array, never the elements.  The hash is seeded per process (SipHash-1-3),
 * because keys come from users.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hnode {
	struct hnode *next;
	uint64_t hash;
};

struct hmap {
	struct hnode **buckets; /* owned; NULL while empty and never used */
	size_t mask;
	size_t n;
};

uint64_t hash_bytes(const void *p, size_t n);
uint64_t hash_str(const char *s);

/* Mixes a second hash into a first, for keys of several parts. */
uint64_t hash_combine(uint64_t a, uint64_t b);

/* Frees the buckets; the elements are the caller's, hmap_for_each_safe() first where they go too. */
void hmap_done(struct hmap *map);
void hmap_insert(struct hmap *map, struct hnode *node, uint64_t hash);

/* Takes 'node' out; it must be in 'map'. */
void hmap_remove(struct hmap *map, struct hnode *node);

struct hnode *hmap_first_with_hash(const struct hmap *map, uint64_t hash);
struct hnode *hmap_next_with_hash(const struct hnode *node);
struct hnode *hmap_first(const struct hmap *map);
struct hnode *hmap_next(const struct hmap *map, const struct hnode *node);

#define hmap_entry_(node, var, member) \
	((node) ? (__typeof__(var))((char *)(node)-offsetof(__typeof__(*(var)), member)) : NULL)

#define hmap_for_each_with_hash(var, member, hash, map)                                    \
	for ((var) = hmap_entry_(hmap_first_with_hash((map), (hash)), var, member); (var); \
	     (var) = hmap_entry_(hmap_next_with_hash(&(var)->member), var, member))

#define hmap_for_each(var, member, map)                                \
	for ((var) = hmap_entry_(hmap_first(map), var, member); (var); \
	     (var) = hmap_entry_(hmap_next((map), &(var)->member), var, member))

/* The same where the body may remove or free 'var'; 'after' is of the same type. */
#define hmap_for_each_safe(var, after, member, map)                                              \
	for ((var) = hmap_entry_(hmap_first(map), var, member);                                  \
	     (var) && ((after) = hmap_entry_(hmap_next((map), &(var)->member), var, member), 1); \
	     (var) = (after))
