/* SPDX-License-Identifier: Apache-2.0 */
#include "client/known_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct known {
	struct hnode node;
	uint64_t version; /* a hash: only equality counts, versions are opaque to clients */
	uint32_t round;
	const char *name; /* in 'ns', behind its NUL */
	char ns[];
};

static uint64_t key_hash(const char *ns, const char *name)
{
	return hash_combine(hash_str(ns), hash_str(name));
}

static struct known *find(const struct known_set *set, const char *ns, const char *name,
                          uint64_t hash)
{
	struct known *known;

	hmap_for_each_with_hash(known, node, hash, &set->map)
		if (strcmp(known->name, name) == 0 && strcmp(known->ns, ns) == 0)
			return known;
	return NULL;
}

void known_set_done(struct known_set *set)
{
	struct known *known, *after;

	hmap_for_each_safe(known, after, node, &set->map)
		free(known);
	hmap_done(&set->map);
	*set = KNOWN_SET_INIT;
}

void known_set_begin(struct known_set *set)
{
	set->round++;
}

bool known_set_see(struct known_set *set, const char *ns, const char *name, const char *version)
{
	uint64_t hash = key_hash(ns, name), number = hash_str(version);
	struct known *known = find(set, ns, name, hash);
	size_t ns_size = strlen(ns) + 1, name_size = strlen(name) + 1;
	bool news = !known || known->version != number;

	if (!known) {
		known = xmalloc(sizeof(*known) + ns_size + name_size);
		memcpy(known->ns, ns, ns_size);
		memcpy(known->ns + ns_size, name, name_size);
		known->name = known->ns + ns_size;
		hmap_insert(&set->map, &known->node, hash);
	}
	known->version = number;
	known->round = set->round;
	return news;
}

bool known_set_forget(struct known_set *set, const char *ns, const char *name)
{
	struct known *known = find(set, ns, name, key_hash(ns, name));

	if (!known)
		return false;
	hmap_remove(&set->map, &known->node);
	free(known);
	return true;
}

void known_set_sweep(struct known_set *set,
                     void (*gone)(void *arg, const char *ns, const char *name), void *arg)
{
	struct known *known, *after;

	hmap_for_each_safe(known, after, node, &set->map) {
		if (known->round == set->round)
			continue;
		hmap_remove(&set->map, &known->node);
		gone(arg, known->ns, known->name);
		free(known);
	}
}
