/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shelf - the visible objects of one kind, in order of namespace and name.
 *
 * A sorted array: a binary search finds, a list is a copy of a run.  Inserting moves what is behind,
 * 80 kB at 10,000 objects, far below the cost of the commit before it.
 */
#pragma once

#include <stddef.h>

#include "base/list.h"
#include "store/store.h"

struct shelf {
	const struct kind *kind;
	char *resource; /* owned; "services", "endpointslices.discovery.k8s.io": its name on disk */
	const struct store_object **objects; /* owned, one reference each */
	size_t n, cap;
	size_t bytes;             /* of memory of the objects */
	struct list_node watches; /* of this kind: watch.h */
};

struct shelf *shelf_new(const struct kind *kind);
void shelf_free(struct shelf *shelf); /* its watches must have ended */

/* Borrowed; NULL if there is none. */
const struct store_object *shelf_get(const struct shelf *shelf, const char *ns, const char *name);

/* Takes a reference to 'object' and gives up that to the one it replaces. */
void shelf_put(struct shelf *shelf, const struct store_object *object);

/* It must be there; gives its reference up. */
void shelf_remove(struct shelf *shelf, const char *ns, const char *name);

/* As store_list(). */
size_t shelf_list(const struct shelf *shelf, const char *ns, const char *after,
                  const struct store_object ***ret);
