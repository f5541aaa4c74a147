/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view - what a client sees of stored objects: in the version of the API that it speaks, and in
 * the form that it asked for (the object, a row of a Table, or its metadata only).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/accept.h"
#include "store/store.h"

struct view {
	const struct kind *kind; /* of the request; its objects may be stored as another */
	struct accept form;
	const char *include; /* of a Table: ?includeObject=; a static string */
};

/* Makes 'tree', a stored object, what clients of 'kind' see; returns it. */
json_t *view_from_stored(const struct kind *kind, json_t *tree);

/* The object as clients of 'kind' see it; a new reference. */
json_t *view_tree(const struct kind *kind, const struct store_object *object);

/* True if the answer has the text of the store as it is. */
bool view_is_stored(const struct view *view);

/* The answer about one object; takes the reference of 'tree', which is in the kind's version. */
json_t *view_of(const struct view *view, json_t *tree);

/*
 * The answer about a list; takes the reference of 'items', an array of such trees.  The revision,
 * and the continue token with how many are left (or less than none), go into its metadata.
 */
struct view_page {
	uint64_t revision;
	const char *token; /* NULL: the last page */
	int64_t remaining; /* -1: not told */
};
json_t *view_list(const struct view *view, const struct view_page *page, json_t *items);
