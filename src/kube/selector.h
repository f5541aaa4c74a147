/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selector - label selectors and field selectors.
 *
 * Label selectors in text are those of apimachinery labels.Parse: "a=b,c!=d,e in (f,g),!h,i".
 * A Service's selector is a map: every pair must match.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct kind;

/* One label or annotation. */
struct label {
	const char *key, *value;
};

/* A set of labels sorted by key; the strings are the owner's (an arena, a store object). */
struct labels {
	struct label *list;
	size_t n;
};

/* From a JSON object of strings (members of other types are left out), into 'arena'. */
struct labels labels_from_json(const json_t *map, struct arena *arena);
const char *labels_get(const struct labels *labels, const char *key);

/* True if every pair of 'wanted' is in 'labels'; an empty 'wanted' matches all. */
bool labels_contain(const struct labels *labels, const struct labels *wanted);
bool labels_equal(const struct labels *a, const struct labels *b);

struct selector; /* parsed; immutable */

/* Parses a labelSelector; "" selects all.  -EINVAL with Kubernetes' text. */
int selector_parse(const char *text, struct selector **ret, struct err *err);
void selector_free(struct selector *selector);
bool selector_matches(const struct selector *selector, const struct labels *labels);

struct field_selector;

/*
 * Parses a fieldSelector ("spec.clusterIP!=None,metadata.name=x") against what 'kind' supports.
 * -EINVAL with "field label not supported: x".
 */
int field_selector_parse(const struct kind *kind, const char *text, struct field_selector **ret,
                         struct err *err);
void field_selector_free(struct field_selector *selector);

/* True if the object is selected. */
bool field_selector_matches(const struct field_selector *selector, const json_t *object);

/*
 * False if its terms about metadata.name and metadata.namespace alone rule the object out; cheap.  '*ret_decided'
 * is whether that is all it asks: otherwise field_selector_matches() has the last word.
 */
bool field_selector_matches_key(const struct field_selector *selector, const char *ns,
                                const char *name, bool *ret_decided);
