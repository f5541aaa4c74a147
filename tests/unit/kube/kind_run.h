/* SPDX-License-Identifier: Apache-2.0 */
/* What a write does to an object, as far as the kind's hooks go. */
#pragma once

#include "base/cleanup.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "parse_json.h"

/* 'text' with the metadata every object has; 'ns' NULL for a cluster-scoped kind. */
static inline json_t *object_of(const char *text, const char *ns)
{
	json_t *object = parse_json(text);

	if (!json_path(object, "metadata.name"))
		json_path_set(object, "metadata.name", json_string("x"));
	if (ns && !json_path(object, "metadata.namespace"))
		json_path_set(object, "metadata.namespace", json_string(ns));
	return object;
}

static inline void run_hooks(const struct kind *kind, json_t *object, const json_t *old,
                             enum kind_write write)
{
	kind_normalise(kind_stored(kind), object); /* texts of tables are in the stored form */
	kind->prepare(object, old, write);
	if (kind->set_defaults)
		kind->set_defaults(object);
}

/* The errors of 'object', whose hooks ran, as "[e1, e2]"; "[]" for none.  Heap. */
static inline char *errors_of(const struct kind *kind, const json_t *object, const json_t *old,
                              enum kind_write write)
{
	struct field_errors errs = { 0 };
	char *text;

	kind->validate(object, old, write, &errs);
	text = field_errors_text(&errs);
	field_errors_done(&errs);
	return text;
}
