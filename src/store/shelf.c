/* SPDX-License-Identifier: Apache-2.0 */
#include "store/shelf.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "store/object.h"

struct shelf *shelf_new(const struct kind *kind)
{
	struct shelf *shelf = xnew(struct shelf);

	shelf->kind = kind;
	shelf->resource = kind->group[0] ? xasprintf("%s.%s", kind->plural, kind->group)
	                                 : xstrdup(kind->plural);
	list_init(&shelf->watches);
	return shelf;
}

void shelf_free(struct shelf *shelf)
{
	assert(list_empty(&shelf->watches));
	for (size_t i = 0; i < shelf->n; i++)
		store_object_unref(shelf->objects[i]);
	free(shelf->objects);
	free(shelf->resource);
	free(shelf);
}

/* 'name' NULL stands for any. */
static int compare(const struct store_object *object, const char *ns, const char *name)
{
	int order = strcmp(object->namespace, ns);

	return order || !name ? order : strcmp(object->name, name);
}

/* The first place whose object is not before ns/name, or with 'behind' the first behind it. */
static size_t place_of(const struct shelf *shelf, const char *ns, const char *name, bool behind)
{
	size_t low = 0, high = shelf->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(shelf->objects[middle], ns, name);

		if (order < 0 || (behind && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct shelf *shelf, size_t place, const char *ns, const char *name)
{
	return place < shelf->n && compare(shelf->objects[place], ns, name) == 0;
}

const struct store_object *shelf_get(const struct shelf *shelf, const char *ns, const char *name)
{
	size_t place = place_of(shelf, ns, name, false);

	return is_at(shelf, place, ns, name) ? shelf->objects[place] : NULL;
}

static void give_up(struct shelf *shelf, const struct store_object *object)
{
	shelf->bytes -= object_footprint(object);
	store_object_unref(object);
}

void shelf_put(struct shelf *shelf, const struct store_object *object)
{
	size_t place = place_of(shelf, object->namespace, object->name, false);
	const struct store_object **at;

	if (is_at(shelf, place, object->namespace, object->name)) {
		at = &shelf->objects[place];
		give_up(shelf, *at);
	} else {
		array_reserve(shelf->objects, shelf->n, shelf->cap);
		at = &shelf->objects[place];
		memmove(at + 1, at, (shelf->n - place) * sizeof(*at));
		shelf->n++;
	}
	*at = store_object_ref(object);
	shelf->bytes += object_footprint(object);
}

void shelf_remove(struct shelf *shelf, const char *ns, const char *name)
{
	size_t place = place_of(shelf, ns, name, false);
	const struct store_object **at = &shelf->objects[place];

	assert(is_at(shelf, place, ns, name));
	give_up(shelf, *at);
	shelf->n--;
	memmove(at, at + 1, (shelf->n - place) * sizeof(*at));
}

/* The place to go on from behind "ns/name". */
static size_t place_behind(const struct shelf *shelf, const char *after)
{
	const char *slash = strchr(after, '/');
	auto_free char *ns = slash ? xstrndup(after, (size_t)(slash - after)) : xstrdup("");

	return place_of(shelf, ns, slash ? slash + 1 : after, true);
}

size_t shelf_list(const struct shelf *shelf, const char *ns, const char *after,
                  const struct store_object ***ret)
{
	bool all = !ns || !ns[0];
	size_t first = all ? 0 : place_of(shelf, ns, NULL, false);
	size_t end = all ? shelf->n : place_of(shelf, ns, NULL, true);
	size_t behind = after ? place_behind(shelf, after) : 0;

	if (first < behind)
		first = behind;
	if (first >= end) {
		*ret = NULL;
		return 0;
	}
	*ret = xmemdup(shelf->objects + first, (end - first) * sizeof(**ret));
	return end - first;
}
