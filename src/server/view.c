/* SPDX-License-Identifier: Apache-2.0 */
#include "server/view.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "kube/json.h"

json_t *view_from_stored(const struct kind *kind, json_t *tree)
{
	if (kind->from_stored)
		kind->from_stored(tree);
	return tree;
}

json_t *view_tree(const struct kind *kind, const struct store_object *object)
{
	return view_from_stored(kind, store_object_json(object));
}

bool view_is_stored(const struct view *view)
{
	return view->form.as == ACCEPT_OBJECT && !view->kind->stored_as;
}

static const char *meta_version(const struct view *view)
{
	return view->form.beta ? "meta.k8s.io/v1beta1" : "meta.k8s.io/v1";
}

/* The references of the trees stay the caller's. */
static json_t *table_of(const struct view *view, json_t *const *trees, size_t n)
{
	json_t *table = kind_table(view->kind, trees, n, view->include, clock_wall()), *row;
	size_t i;

	json_object_set_new(table, "apiVersion", json_string(meta_version(view)));
	json_array_foreach(json_object_get(table, "rows"), i, row) {
		json_t *object = json_object_get(row, "object");

		if (!object)
			json_object_set_new(row, "object", json_null());
		else if (view->form.beta && view->include[0] == 'M')
			json_object_set_new(object, "apiVersion", json_string(meta_version(view)));
	}
	return table;
}

static json_t *table_of_one(const struct view *view, json_t *tree)
{
	json_t *table = table_of(view, &tree, 1);

	json_path_set(table, "metadata.resourceVersion",
	              json_string(json_path_str(tree, "metadata.resourceVersion")));
	json_decref(tree);
	return table;
}

static json_t *metadata_of(const struct view *view, json_t *tree)
{
	json_t *metadata = json_object_get(tree, "metadata");
	json_t *partial = json_pack("{s:s,s:s,s:O}", "kind", "PartialObjectMetadata", "apiVersion",
	                            meta_version(view), "metadata", metadata);

	json_decref(tree);
	return partial;
}

json_t *view_of(const struct view *view, json_t *tree)
{
	if (view->form.as == ACCEPT_TABLE)
		return table_of_one(view, tree);
	return view->form.as == ACCEPT_METADATA ? metadata_of(view, tree) : tree;
}

static json_t *table_of_list(const struct view *view, json_t *items)
{
	size_t n = json_array_size(items);
	auto_free json_t **trees = xcalloc(n + 1, sizeof(json_t *));

	for (size_t i = 0; i < n; i++)
		trees[i] = json_array_get(items, i);
	return table_of(view, trees, n);
}

/* A list of the objects, or of their metadata. */
static json_t *plain_list(const struct view *view, const json_t *items)
{
	bool whole = view->form.as != ACCEPT_METADATA_LIST;
	json_t *members = json_array(), *item;
	size_t i;

	json_array_foreach(items, i, item) {
		if (whole) {
			item = json_copy(item);
			/* The list says both for all of them. */
			json_object_del(item, "kind");
			json_object_del(item, "apiVersion");
		} else {
			item = metadata_of(view, json_incref(item));
		}
		json_array_append_new(members, item);
	}
	return json_pack("{s:o,s:s,s:{},s:o}", "kind",
	                 json_sprintf("%sList", whole ? view->kind->name : "PartialObjectMetadata"),
	                 "apiVersion", whole ? kind_api_version(view->kind) : meta_version(view),
	                 "metadata", "items", members);
}

json_t *view_list(const struct view *view, const struct view_page *page, json_t *items)
{
	json_t *list = view->form.as == ACCEPT_TABLE ? table_of_list(view, items)
	                                             : plain_list(view, items);
	json_t *metadata = json_object_get(list, "metadata");

	json_decref(items);
	json_object_set_new(metadata, "resourceVersion",
	                    json_sprintf("%llu", (unsigned long long)page->revision));
	if (page->token)
		json_object_set_new(metadata, "continue", json_string(page->token));
	if (page->remaining >= 0)
		json_object_set_new(metadata, "remainingItemCount", json_integer(page->remaining));
	return list;
}
