/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows apimachinery's strategicpatch (mergeMap and what it calls).  Both trees are private copies
 * here: the object is changed in place, the patch is used up.  Directives, and nulls, never get into
 * the result.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/hmap.h"
#include "base/mem.h"
#include "kube/go_text.h"
#include "kube/json.h"
#include "kube/patch.h"

#define PATCH_DIRECTIVE "$patch"
#define RETAIN_KEYS     "$retainKeys"
#define SET_ORDER       "$setElementOrder"         /* a slash and a member's name follow */
#define DELETE_FROM     "$deleteFromPrimitiveList" /* likewise */

struct strategic {
	const struct merge_key *keys;
	struct buf path; /* dotted, of the object or list being merged */
	struct err *err;
};

/* Where each key value of a list stands first. */
struct key_index {
	struct hmap map;
	struct key_place {
		struct hnode by_key;
		json_t *key; /* owned reference: merging replaces keys by equal ones */
		size_t place;
	} * places; /* owned */
};

/* A list while it is put in order. */
struct ranking {
	struct key_index order, server;
	struct ranked {
		json_t *element; /* borrowed */
		size_t rank, place;
	} * named, *others; /* owned: elements that 'order' has, and those only the server has */
	size_t n_named, n_others;
};

static int merge_object(struct strategic *ctx, json_t *object, json_t *patch);

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool is_directive(const char *name)
{
	return strcmp(name, PATCH_DIRECTIVE) == 0 || strcmp(name, RETAIN_KEYS) == 0 ||
	       has_prefix(name, SET_ORDER) || has_prefix(name, DELETE_FROM);
}

/* Appends ".name" to the path; path_up() takes it off again. */
static size_t path_down(struct strategic *ctx, const char *name)
{
	size_t before = ctx->path.n;

	buf_printf(&ctx->path, "%s%s", before > 0 ? "." : "", name);
	return before;
}

static void path_up(struct strategic *ctx, size_t before)
{
	ctx->path.n = before;
	if (ctx->path.p)
		ctx->path.p[before] = '\0';
}

/* The row of the list 'name' in the object at hand; NULL: the list is atomic. */
static const struct merge_key *find_merge_key(struct strategic *ctx, const char *name)
{
	size_t before = path_down(ctx, name);
	const struct merge_key *found = NULL;

	for (const struct merge_key *k = ctx->keys; k && k->path && !found; k++)
		if (strcmp(k->path, buf_str(&ctx->path)) == 0)
			found = k;
	path_up(ctx, before);
	return found;
}

static uint64_t hash_key(const json_t *key)
{
	double number = json_number_value(key);

	return json_is_string(key) ? hash_str(json_string_value(key))
	                           : hash_bytes(&number, sizeof(number));
}

/* What identifies an element: its member 'name', or the element itself where 'name' is NULL. */
static const json_t *key_of(const json_t *element, const char *name)
{
	return name ? json_object_get(element, name) : element;
}

static const struct key_place *index_find(const struct key_index *index, const json_t *key)
{
	struct key_place *p;

	hmap_for_each_with_hash(p, by_key, hash_key(key), &index->map)
		if (json_equal(p->key, key))
			return p;
	return NULL;
}

/* 'list' must have room for 'cap' elements in the end. */
static void index_add(struct key_index *index, const json_t *key, size_t place)
{
	struct key_place *p = &index->places[index->map.n];

	if (!key || index_find(index, key))
		return;
	*p = (struct key_place){ .key = json_incref((json_t *)key), .place = place };
	hmap_insert(&index->map, &p->by_key, hash_key(key));
}

static void index_init(struct key_index *index, const json_t *list, const char *name, size_t cap)
{
	json_t *element;
	size_t i;

	*index = (struct key_index){ .places = xcalloc(cap + 1, sizeof(*index->places)) };
	json_array_foreach(list, i, element)
		index_add(index, key_of(element, name), i);
}

static void index_done(struct key_index *index)
{
	for (size_t i = 0; i < index->map.n; i++)
		json_decref(index->places[i].key);
	hmap_done(&index->map);
	free(index->places);
}

#define auto_index __attribute__((cleanup(index_done)))

static int wrong_type(const struct strategic *ctx, const char *expected, const json_t *value)
{
	return err_set(ctx->err, -EPROTO, "expected a %s, but received a %s", expected,
	               go_text_type(value));
}

static int no_merge_key(const struct strategic *ctx, const json_t *element, const char *key)
{
	auto_buf struct buf b = BUF_INIT;

	go_text_value(&b, element);
	return err_set(ctx->err, -EPROTO, "map: %s does not contain declared merge key: %s",
	               buf_str(&b), key);
}

static int unknown_directive(const struct strategic *ctx, const json_t *directive,
                             const json_t *object)
{
	auto_buf struct buf what = BUF_INIT;
	auto_buf struct buf in = BUF_INIT;

	go_text_value(&what, directive);
	go_text_value(&in, object);
	if (json_is_null(directive))
		return err_set(ctx->err, -EPROTO, "unknown patch type: %%!s(<nil>) in map: %s",
		               buf_str(&in));
	if (json_is_number(directive) || json_is_boolean(directive))
		return err_set(ctx->err, -EPROTO, "unknown patch type: %%!s(%s=%s) in map: %s",
		               go_text_type(directive), buf_str(&what), buf_str(&in));
	return err_set(ctx->err, -EPROTO, "unknown patch type: %s in map: %s", buf_str(&what),
	               buf_str(&in));
}

static int mixed_types(const struct strategic *ctx, const json_t *list, const json_t *patch)
{
	auto_buf struct buf b = BUF_INIT;

	go_text_value(&b, list);
	buf_addc(&b, ' ');
	go_text_value(&b, patch);
	return err_set(ctx->err, -EPROTO, "list element types are not identical: [%s]",
	               buf_str(&b));
}

/* Every element of the same type, which is no list. */
static int check_types(const struct strategic *ctx, const json_t *list, const json_t *patch)
{
	const char *type = NULL;
	json_t *element;
	size_t i;

	for (int part = 0; part < 2; part++) {
		json_array_foreach(part == 0 ? list : patch, i, element) {
			if (!type && json_is_array(element))
				return err_set(ctx->err, -EBADMSG,
				               "lists of lists are not supported");
			if (type && strcmp(type, go_text_type(element)) != 0)
				return mixed_types(ctx, list, patch);
			type = go_text_type(element);
		}
	}
	return 0;
}

/* Every element an object with a scalar member 'name'. */
static int check_keys(const struct strategic *ctx, const json_t *list, const char *name)
{
	json_t *element;
	size_t i;

	json_array_foreach(list, i, element) {
		const json_t *key = json_object_get(element, name);

		if (!json_is_object(element))
			return wrong_type(ctx, "map[string]interface {}", element);
		if (!key)
			return no_merge_key(ctx, element, name);
		if (json_is_object(key) || json_is_array(key))
			return err_set(ctx->err, -EPROTO, "the merge key %s is no scalar: %s", name,
			               go_text_type(key));
	}
	return 0;
}

/* Takes directives and nulls out of a value that the patch brings new; false: keep nothing of it. */
static bool strip(json_t *value)
{
	const char *name;
	void *after;
	json_t *child;

	if (json_is_object(value)) {
		if (json_object_get(value, PATCH_DIRECTIVE))
			return false;
		json_object_foreach_safe(value, after, name, child)
			if (is_directive(name) || json_is_null(child) || !strip(child))
				json_object_del(value, name);
	}
	for (size_t i = json_array_size(value); i > 0; i--)
		if (!strip(json_array_get(value, i - 1)))
			json_array_remove(value, i - 1);
	return true;
}

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *l = a, *r = b;

	if (l->rank != r->rank)
		return l->rank < r->rank ? -1 : 1;
	return (l->place > r->place) - (l->place < r->place);
}

/*
 * Splits 'list' into the elements that 'order' names and the others, and sorts the first by 'order',
 * the second by 'server'.
 */
static void ranking_init(struct ranking *r, const json_t *list, const json_t *order,
                         const json_t *server, const char *name)
{
	json_t *element;
	size_t i;

	*r = (struct ranking){
		.named = xcalloc(json_array_size(list) + 1, sizeof(*r->named)),
		.others = xcalloc(json_array_size(list) + 1, sizeof(*r->others)),
	};
	index_init(&r->order, order, name, json_array_size(order));
	index_init(&r->server, server, name, json_array_size(server));
	json_array_foreach(list, i, element) {
		const json_t *key = key_of(element, name);
		const struct key_place *named = index_find(&r->order, key);
		const struct key_place *place = named ? named : index_find(&r->server, key);
		struct ranked *at = named ? &r->named[r->n_named++] : &r->others[r->n_others++];

		*at = (struct ranked){ element, place ? place->place : SIZE_MAX, i };
	}
	qsort(r->named, r->n_named, sizeof(*r->named), compare_ranked);
	qsort(r->others, r->n_others, sizeof(*r->others), compare_ranked);
}

static void ranking_done(struct ranking *r)
{
	index_done(&r->order);
	index_done(&r->server);
	free(r->named);
	free(r->others);
}

/*
 * The elements of 'list' in the order of 'order' where that names them; the others keep the order of
 * 'server' and stand before the first named one that came later there (upstream
 * normalizeElementOrder).
 */
static json_t *in_order(const json_t *list, const json_t *order, const json_t *server,
                        const char *name)
{
	json_t *sorted = json_array();
	struct ranking r;
	size_t i = 0, j = 0;

	ranking_init(&r, list, order, server, name);
	while (i < r.n_named || j < r.n_others) {
		const struct key_place *at =
			i < r.n_named ? index_find(&r.server, key_of(r.named[i].element, name))
				      : NULL;

		if (j < r.n_others && (i == r.n_named || (at && r.others[j].rank < at->place)))
			json_array_append(sorted, r.others[j++].element);
		else
			json_array_append(sorted, r.named[i++].element);
	}
	ranking_done(&r);
	return sorted;
}

/* A list of the elements of 'list' without those of 'drop'. */
static json_t *without(const json_t *list, const json_t *drop, const char *name)
{
	auto_index struct key_index index = { 0 };
	json_t *kept = json_array(), *element;
	size_t i;

	index_init(&index, drop, name, json_array_size(drop));
	json_array_foreach(list, i, element)
		if (!key_of(element, name) || !index_find(&index, key_of(element, name)))
			json_array_append(kept, element);
	return kept;
}

static int merge_scalars(struct strategic *ctx, const json_t *list, const json_t *patch,
                         json_t **ret)
{
	auto_json json_t *both = json_array();
	auto_index struct key_index seen = { 0 };
	json_t *element;
	size_t i;
	int r;

	r = check_types(ctx, list, patch);
	if (r < 0)
		return r;
	if (json_is_object(json_array_get(list, 0)) || json_is_object(json_array_get(patch, 0)))
		return err_set(ctx->err, -EPROTO, "cannot merge lists without merge key for %s",
		               buf_str(&ctx->path));
	index_init(&seen, NULL, NULL, json_array_size(list) + json_array_size(patch));
	for (int part = 0; part < 2; part++) {
		json_array_foreach(part == 0 ? list : patch, i, element) {
			if (index_find(&seen, element))
				continue;
			index_add(&seen, element, 0);
			json_array_append(both, element);
		}
	}
	*ret = in_order(both, patch, list, NULL);
	return 0;
}

/* Sorts the elements of a patch list by their "$patch" into those to merge and those to delete. */
static int split_directives(struct strategic *ctx, const json_t *patch, json_t *merged,
                            json_t *deleted, bool *ret_replace)
{
	bool replace = false;
	json_t *element;
	size_t i;

	json_array_foreach(patch, i, element) {
		const json_t *directive = json_object_get(element, PATCH_DIRECTIVE);
		const char *what = json_string_value(directive);

		if (!directive) {
			json_array_append(merged, element);
		} else if (what && strcmp(what, "delete") == 0) {
			json_array_append(deleted, element);
		} else if (what && strcmp(what, "replace") == 0) {
			replace = true;
		} else if (what && strcmp(what, "merge") == 0) {
			return err_set(ctx->err, -EPROTO,
			               "merging lists cannot yet be specified in the patch");
		} else {
			return unknown_directive(ctx, directive, element);
		}
	}
	*ret_replace = replace;
	return 0;
}

/* Each element of 'patch' into the one of 'list' with the same key, or behind the last. */
static int merge_elements(struct strategic *ctx, json_t *list, const json_t *patch,
                          const char *name)
{
	auto_index struct key_index index = { 0 };
	json_t *element;
	size_t i;

	index_init(&index, list, name, json_array_size(list) + json_array_size(patch));
	json_array_foreach(patch, i, element) {
		const json_t *key = key_of(element, name);
		const struct key_place *place = index_find(&index, key);
		int r = 0;

		if (place) {
			r = merge_object(ctx, json_array_get(list, place->place), element);
		} else {
			index_add(&index, key, json_array_size(list));
			strip(element);
			json_array_append(list, element);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int merge_keyed(struct strategic *ctx, const json_t *list, const json_t *patch,
                       const char *name, json_t **ret)
{
	auto_json json_t *elements = json_array();
	auto_json json_t *deleted = json_array();
	auto_json json_t *merged = NULL;
	bool replace;
	int r;

	r = check_types(ctx, list, patch);
	if (r == 0)
		r = split_directives(ctx, patch, elements, deleted, &replace);
	if (r == 0)
		r = check_keys(ctx, deleted, name);
	if (r == 0)
		r = check_keys(ctx, elements, name);
	if (r == 0)
		r = check_keys(ctx, list, name);
	if (r < 0)
		return r;
	if (replace) {
		strip(elements);
		*ret = json_incref(elements);
		return 0;
	}
	merged = without(list, deleted, name);
	r = merge_elements(ctx, merged, elements, name);
	if (r == 0)
		r = check_keys(ctx, merged, name);
	if (r == 0)
		*ret = in_order(merged, elements, list, name);
	return r;
}

/* 'row' NULL: the list is atomic and the patch's stands for it. */
static int merge_list(struct strategic *ctx, const struct merge_key *row, const char *name,
                      const json_t *list, json_t *patch, json_t **ret)
{
	size_t before;
	int r;

	if (!row) {
		strip(patch);
		*ret = json_incref(patch);
		return 0;
	}
	if (!row->key)
		return merge_scalars(ctx, list, patch, ret);
	before = path_down(ctx, name);
	r = merge_keyed(ctx, list, patch, row->key, ret);
	path_up(ctx, before);
	return r;
}

static json_t *name_set(const json_t *list)
{
	json_t *set = json_object(), *element;
	size_t i;

	json_array_foreach(list, i, element)
		if (json_is_string(element))
			json_object_set_new(set, json_string_value(element), json_true());
	return set;
}

/* "$retainKeys": the members that stay; the patch may bring no other. */
static int retain_keys(struct strategic *ctx, json_t *object, json_t *patch)
{
	const json_t *list = json_object_get(patch, RETAIN_KEYS);
	auto_json json_t *kept = NULL;
	const char *name;
	json_t *value;
	void *after;

	if (!list)
		return 0;
	if (!json_is_array(list))
		return err_set(ctx->err, -EINVAL, "invalid patch format of retainKeys");
	kept = name_set(list);
	json_object_foreach(patch, name, value)
		if (!is_directive(name) && !json_is_null(value) && !json_object_get(kept, name))
			return err_set(ctx->err, -EINVAL, "invalid patch format of retainKeys");
	json_object_foreach_safe(object, after, name, value)
		if (!json_object_get(kept, name))
			json_object_del(object, name);
	return 0;
}

static int wrong_order(const struct strategic *ctx, const json_t *patch, const json_t *order)
{
	auto_buf struct buf list = BUF_INIT;
	auto_buf struct buf wanted = BUF_INIT;

	go_text_value(&list, patch);
	go_text_value(&wanted, order);
	return err_set(ctx->err, -EPROTO,
	               "The order in patch list:\n%s\n doesn't match %s list:\n%s\n",
	               buf_str(&list), SET_ORDER, buf_str(&wanted));
}

/* That both can be compared by the member 'name'; nothing is said of scalars. */
static int check_pair(const struct strategic *ctx, const json_t *element, const json_t *place,
                      const char *name)
{
	const json_t *const pair[] = { element, place };

	for (size_t i = 0; name && i < ARRAY_SIZE(pair); i++)
		if (!json_is_object(pair[i]))
			return wrong_type(ctx, "map[string]interface {}", pair[i]);
	for (size_t i = 0; name && i < ARRAY_SIZE(pair); i++)
		if (!json_object_get(pair[i], name))
			return no_merge_key(ctx, pair[i], name);
	return 0;
}

/* The elements of the patch list must stand in 'order', as a subsequence. */
static int check_order(struct strategic *ctx, const json_t *patch, const json_t *order,
                       const char *name)
{
	size_t at = 0, i;
	json_t *element;

	if (json_array_size(order) == 0)
		return 0;
	json_array_foreach(patch, i, element) {
		bool found = json_object_get(element, PATCH_DIRECTIVE);

		for (; !found && at < json_array_size(order); at++) {
			const json_t *place = json_array_get(order, at);
			int r = check_pair(ctx, element, place, name);

			if (r < 0)
				return r;
			found = json_equal(key_of(element, name), key_of(place, name));
		}
		if (!found)
			return wrong_order(ctx, patch, order);
	}
	return 0;
}

/* Where the list is merged by a key, its order is one of objects. */
static int check_order_elements(const struct strategic *ctx, const json_t *order, const char *name)
{
	json_t *element;
	size_t i;

	json_array_foreach(order, i, element)
		if (name && !json_is_object(element))
			return err_set(ctx->err, -EPROTO, "value for key %zu is not a map", i);
	return 0;
}

/* Merges the list 'name' as 'patch' says and puts it into the order of "$setElementOrder/name". */
static int merge_ordered(struct strategic *ctx, json_t *object, const char *name, json_t *patch,
                         const json_t *order)
{
	const struct merge_key *row = find_merge_key(ctx, name);
	json_t *list = json_object_get(object, name);
	json_t *patch_list = json_object_get(patch, name);
	auto_json json_t *empty = json_array();
	auto_json json_t *merged = NULL;
	const json_t *const lists[] = { order, list, patch_list };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i] && !json_is_array(lists[i]))
			return wrong_type(ctx, "[]interface {}", lists[i]);
	if (!row || (!list && !patch_list))
		return 0; /* an atomic list has the patch's order */
	r = check_order(ctx, patch_list, order, row->key);
	if (r == 0)
		r = check_order_elements(ctx, order, row->key);
	if (r == 0)
		r = merge_list(ctx, row, name, list ? list : empty, patch_list ? patch_list : empty,
		               &merged);
	if (r < 0)
		return r;
	json_object_set_new(object, name, in_order(merged, order, list ? list : empty, row->key));
	json_object_del(patch, name);
	return 0;
}

/* The members SET_ORDER of 'patch', which cannot be walked while members are taken out. */
static json_t *ordered_names(const json_t *patch)
{
	json_t *names = json_array(), *value;
	const char *name;

	json_object_foreach((json_t *)patch, name, value)
		if (has_prefix(name, SET_ORDER))
			json_array_append_new(names, json_string(name));
	return names;
}

static int merge_ordered_lists(struct strategic *ctx, json_t *object, json_t *patch)
{
	auto_json json_t *names = ordered_names(patch);
	json_t *element;
	size_t i;

	json_array_foreach(names, i, element) {
		const char *directive = json_string_value(element);
		const char *name = directive + strlen(SET_ORDER);
		int r;

		if (*name++ != '/')
			return err_set(ctx->err, -EINVAL,
			               "invalid patch format of setElementOrder list");
		r = merge_ordered(ctx, object, name, patch, json_object_get(patch, directive));
		if (r < 0)
			return r;
	}
	return 0;
}

static int delete_from_lists(struct strategic *ctx, json_t *object, json_t *patch)
{
	const char *name;
	json_t *drop;

	json_object_foreach(patch, name, drop) {
		const char *field = name + strlen(DELETE_FROM);
		json_t *list;
		int r;

		if (!has_prefix(name, DELETE_FROM))
			continue;
		if (*field++ != '/')
			return err_set(ctx->err, -EINVAL, "invalid patch format of primitive list");
		list = json_object_get(object, field);
		if (!json_is_array(list) || !json_is_array(drop))
			continue;
		r = check_types(ctx, list, drop);
		if (r < 0)
			return r;
		json_object_set_new(object, field, without(list, drop, NULL));
	}
	return 0;
}

static int merge_member(struct strategic *ctx, json_t *object, const char *name, json_t *value)
{
	json_t *old = json_object_get(object, name);
	json_t *merged = NULL;
	size_t before;
	int r;

	if (json_is_object(old) && json_is_object(value)) {
		before = path_down(ctx, name);
		r = merge_object(ctx, old, value);
		path_up(ctx, before);
		return r;
	}
	if (json_is_array(old) && json_is_array(value)) {
		r = merge_list(ctx, find_merge_key(ctx, name), name, old, value, &merged);
		if (r == 0)
			json_object_set_new(object, name, merged);
		return r;
	}
	if (json_is_null(value) || !strip(value))
		json_object_del(object, name);
	else
		json_object_set(object, name, value);
	return 0;
}

/* "$patch" in an object; true in '*ret_done' if nothing is left to merge. */
static int apply_directive(struct strategic *ctx, json_t *object, json_t *patch, bool *ret_done)
{
	const json_t *directive = json_object_get(patch, PATCH_DIRECTIVE);
	const char *what = json_string_value(directive);
	bool replace = what && strcmp(what, "replace") == 0;

	*ret_done = directive;
	if (!directive)
		return 0;
	if (!replace && (!what || strcmp(what, "delete") != 0))
		return unknown_directive(ctx, directive, patch);
	json_object_del(patch, PATCH_DIRECTIVE);
	json_object_clear(object);
	if (replace) {
		strip(patch);
		json_object_update(object, patch);
	}
	return 0;
}

static int merge_object(struct strategic *ctx, json_t *object, json_t *patch)
{
	const char *name;
	json_t *value;
	bool done;
	int r;

	r = apply_directive(ctx, object, patch, &done);
	if (r < 0 || done)
		return r;
	r = retain_keys(ctx, object, patch);
	if (r == 0)
		r = merge_ordered_lists(ctx, object, patch);
	if (r == 0)
		r = delete_from_lists(ctx, object, patch);
	if (r < 0)
		return r;
	json_object_foreach(patch, name, value) {
		if (is_directive(name))
			continue;
		r = merge_member(ctx, object, name, value);
		if (r < 0)
			return r;
	}
	return 0;
}

int patch_strategic(const json_t *object, const json_t *patch, const struct merge_key *keys,
                    json_t **ret, struct err *err)
{
	struct strategic ctx = { .keys = keys, .err = err };
	auto_json json_t *copy = json_deep_copy(object);
	auto_json json_t *patch_copy = json_is_null(patch) ? json_object() : json_deep_copy(patch);
	int r;

	if (!json_is_object(patch_copy))
		return err_set(
			err, -EINVAL,
			"json: cannot unmarshal %s into Go value of type map[string]interface {}",
			go_text_json(patch));
	r = merge_object(&ctx, copy, patch_copy);
	buf_done(&ctx.path);
	if (r == 0)
		*ret = json_incref(copy);
	return r;
}
