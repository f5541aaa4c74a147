/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/threeway.h"

#include <stdio.h>
#include <string.h>

#include "kube/json.h"

#define PATH_SIZE 512

/* Deeper parts are compared as a whole; no kind of the API merges lists that deep. */
#define DEPTH_MAX 32

struct threeway {
	const struct merge_key *keys;
	char path[PATH_SIZE]; /* of the object at hand, "spec.containers" */
	unsigned int depth;
};

static json_t *diff_objects(struct threeway *t, const json_t *last, const json_t *modified,
                            const json_t *current);

static const struct merge_key *merge_key_of(const struct threeway *t, const char *name)
{
	size_t n = strlen(t->path);

	for (const struct merge_key *k = t->keys; k && k->path; k++)
		if (strncmp(k->path, t->path, n) == 0 &&
		    (n == 0 ? strcmp(k->path, name) == 0
		            : k->path[n] == '.' && strcmp(k->path + n + 1, name) == 0))
			return k;
	return NULL;
}

static json_t *find_by_key(const json_t *list, const char *key, const json_t *value)
{
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
		if (json_equal(json_object_get(element, key), value))
			return element;
	return NULL;
}

static bool in_list(const json_t *list, const json_t *value)
{
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element)
		if (json_equal(element, value))
			return true;
	return false;
}

/* diff_objects() one step down, at "path.name". */
static json_t *diff_below(struct threeway *t, const char *name, const json_t *last,
                          const json_t *modified, const json_t *current)
{
	size_t n = strlen(t->path);
	json_t *patch;

	(void)snprintf(t->path + n, sizeof(t->path) - n, "%s%s", n ? "." : "", name);
	t->depth++;
	patch = diff_objects(t, json_is_object(last) ? last : NULL, modified, current);
	t->depth--;
	t->path[n] = '\0';
	return patch;
}

/* "$setElementOrder/NAME": the order the manifest has, by key. */
static json_t *element_order(const json_t *modified, const char *key)
{
	json_t *order = json_array(), *element;
	size_t i;

	json_array_foreach(modified, i, element) {
		json_t *entry = json_object();

		(void)json_object_set(entry, key, json_object_get(element, key));
		(void)json_array_append_new(order, entry);
	}
	return order;
}

static void diff_keyed_list(struct threeway *t, json_t *patch, const char *name, const char *key,
                            const json_t *lists[3])
{
	const json_t *last = lists[0], *modified = lists[1], *current = lists[2];
	json_t *changes = json_array(), *element;
	char order[PATH_SIZE];
	size_t i;

	json_array_foreach(modified, i, element) {
		json_t *id = json_object_get(element, key), *live = find_by_key(current, key, id);
		json_t *change;

		if (!live) {
			(void)json_array_append(changes, element);
			continue;
		}
		change = diff_below(t, name, find_by_key(last, key, id), element, live);
		if (json_object_size(change) > 0) {
			(void)json_object_set(change, key, id);
			(void)json_array_append(changes, change);
		}
		json_decref(change);
	}
	json_array_foreach(last, i, element) {
		json_t *id = json_object_get(element, key);

		if (find_by_key(modified, key, id) || !find_by_key(current, key, id))
			continue;
		(void)json_array_append_new(changes,
		                            json_pack("{s:s, s:O}", "$patch", "delete", key, id));
	}
	if (json_array_size(changes) > 0) {
		(void)snprintf(order, sizeof(order), "$setElementOrder/%s", name);
		(void)json_object_set_new(patch, order, element_order(modified, key));
		(void)json_object_set(patch, name, changes);
	}
	json_decref(changes);
}

static void diff_set(json_t *patch, const char *name, const json_t *last, const json_t *modified,
                     const json_t *current)
{
	json_t *added = json_array(), *gone = json_array(), *element;
	char directive[PATH_SIZE];
	size_t i;

	json_array_foreach(modified, i, element)
		if (!in_list(current, element))
			(void)json_array_append(added, element);
	json_array_foreach(last, i, element)
		if (!in_list(modified, element) && in_list(current, element))
			(void)json_array_append(gone, element);
	if (json_array_size(added) > 0)
		(void)json_object_set(patch, name, added);
	if (json_array_size(gone) > 0) {
		(void)snprintf(directive, sizeof(directive), "$deleteFromPrimitiveList/%s", name);
		(void)json_object_set(patch, directive, gone);
	}
	json_decref(added);
	json_decref(gone);
}

static void diff_lists(struct threeway *t, json_t *patch, const char *name, const json_t *lists[3])
{
	const struct merge_key *merge = merge_key_of(t, name);

	if (merge && merge->key)
		diff_keyed_list(t, patch, name, merge->key, lists);
	else if (merge)
		diff_set(patch, name, lists[0], lists[1], lists[2]);
	else if (!json_equal(lists[1], lists[2]))
		(void)json_object_set(patch, name, (json_t *)lists[1]);
}

static void diff_member(struct threeway *t, json_t *patch, const char *name,
                        const json_t *values[3])
{
	const json_t *modified = values[1], *current = values[2];

	if (json_is_null(modified)) {
		if (current && !json_is_null(current))
			(void)json_object_set_new(patch, name, json_null());
	} else if (json_is_object(modified) && json_is_object(current) && t->depth < DEPTH_MAX) {
		json_t *below = diff_below(t, name, values[0], modified, current);

		if (json_object_size(below) > 0)
			(void)json_object_set(patch, name, below);
		json_decref(below);
	} else if (json_is_array(modified) && json_is_array(current)) {
		diff_lists(t, patch, name, values);
	} else if (!json_equal(modified, current)) {
		(void)json_object_set(patch, name, (json_t *)modified);
	}
}

static json_t *diff_objects(struct threeway *t, const json_t *last, const json_t *modified,
                            const json_t *current)
{
	json_t *patch = json_object(), *value;
	const char *name;

	json_object_foreach((json_t *)modified, name, value) {
		const json_t *values[3] = { json_object_get(last, name), value,
			                    json_object_get(current, name) };

		diff_member(t, patch, name, values);
	}
	json_object_foreach((json_t *)last, name, value)
		if (!json_object_get(modified, name) && json_object_get(current, name))
			(void)json_object_set_new(patch, name, json_null());
	return patch;
}

json_t *threeway_patch(const json_t *last, const json_t *modified, const json_t *current,
                       const struct merge_key *keys)
{
	struct threeway t = { .keys = keys };

	return diff_objects(&t, last, modified, current);
}
