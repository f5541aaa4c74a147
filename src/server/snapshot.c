/* SPDX-License-Identifier: Apache-2.0 */
#include "server/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"

/* The first change of a key behind the revision, which tells what there was before. */
struct change {
	const struct store_object *key; /* for its names */
	const struct store_object *old; /* NULL: there was none */
	size_t seq;
};

struct changes {
	struct change *list; /* owned */
	size_t n, cap;
	const char *ns;
};

static int compare_keys(const struct store_object *a, const struct store_object *b)
{
	int order = strcmp(a->namespace, b->namespace);

	return order ? order : strcmp(a->name, b->name);
}

static int compare_changes(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	int order = compare_keys(x->key, y->key);

	return order ? order : x->seq < y->seq ? -1 : 1;
}

static void on_event(void *arg, struct store_event *event)
{
	struct changes *changes = arg;

	if (changes->ns[0] && strcmp(changes->ns, event->object->namespace) != 0)
		return;
	array_reserve(changes->list, changes->n, changes->cap);
	changes->list[changes->n] = (struct change){ event->object, event->old, changes->n };
	changes->n++;
}

static int collect(struct store *store, const struct kind *kind, uint64_t revision,
                   struct changes *changes)
{
	struct store_watch *watch = NULL;
	uint64_t oldest;
	size_t n = 0;
	int r = store_watch_new(store, kind, revision, on_event, changes, &watch, &oldest);

	if (r < 0)
		return r;
	store_watch_free(watch);
	if (changes->n == 0)
		return 0;
	qsort(changes->list, changes->n, sizeof(*changes->list), compare_changes);
	for (size_t i = 0; i < changes->n; i++)
		if (n == 0 || compare_keys(changes->list[n - 1].key, changes->list[i].key) != 0)
			changes->list[n++] = changes->list[i];
	changes->n = n;
	return 0;
}

/* Whether 'object' is behind the key "ns/name" in the order of a list. */
static bool is_behind(const struct store_object *object, const char *after)
{
	const char *slash = after ? strchr(after, '/') : NULL;
	auto_free char *ns = slash ? xstrndup(after, (size_t)(slash - after)) : NULL;
	int order;

	if (!slash)
		return true;
	order = strcmp(object->namespace, ns);
	return order ? order > 0 : strcmp(object->name, slash + 1) > 0;
}

int snapshot_list(struct store *store, const struct kind *kind, const char *ns, const char *after,
                  uint64_t revision, const struct store_object ***ret, size_t *ret_n)
{
	struct changes changes = { .ns = ns };
	auto_free const struct store_object **now = NULL;
	const struct store_object **then;
	size_t n = 0, n_now, i = 0;
	int r = collect(store, kind, revision, &changes);

	if (r < 0) {
		free(changes.list);
		return r;
	}
	n_now = store_list(store, kind, ns, after, &now);
	then = xcalloc(n_now + changes.n + 1, sizeof(*then));
	for (size_t c = 0; c < changes.n; c++) {
		const struct change *change = &changes.list[c];

		while (i < n_now && compare_keys(now[i], change->key) < 0)
			then[n++] = now[i++];
		if (i < n_now && compare_keys(now[i], change->key) == 0)
			i++;
		if (change->old && is_behind(change->old, after))
			then[n++] = change->old;
	}
	while (i < n_now)
		then[n++] = now[i++];
	free(changes.list);
	*ret = then;
	*ret_n = n;
	return 0;
}
