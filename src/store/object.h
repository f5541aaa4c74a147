/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object - makes store_objects: canonical text and the fields it is looked up by, one allocation.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/db.h"
#include "store/store.h"

/*
 * From a tree, whose metadata.resourceVersion is set to 'revision' and whose kind and apiVersion
 * are those of 'kind', whatever it says.  One reference, the caller's.
 */
struct store_object *object_new(const struct kind *kind, const char *ns, const char *name,
                                json_t *tree, uint64_t revision);

/*
 * From text that object_new() made, as read back from disk.  -EUCLEAN if it does not look like that;
 * then the message says how.
 */
int object_load(const struct kind *kind, const struct db_row *row, struct store_object **ret,
                struct err *err) __attribute__((warn_unused_result));

/* Bytes of memory it takes. */
size_t object_footprint(const struct store_object *object);
