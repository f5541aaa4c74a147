/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespace_conditions - what status.conditions of a Namespace on its way out say: what is left in
 * it, and why (pkg/controller/namespace/deletion/status_condition_utils.go).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Zeroed: nothing is left.  All are owned; NULL is empty. */
struct namespace_remains {
	json_t *resources;  /* {"pods.": 2}: RESOURCE.GROUP and how many */
	json_t *finalizers; /* {"example.com/f": 2}: of those */
	json_t *errors;     /* what deletions were refused with: an array of strings */
};

/* Counts 'object' of the resource. */
void namespace_remains_add(struct namespace_remains *remains, const char *plural, const char *group,
                           const json_t *object);

/* What nobody needs to be told more than once is kept once. */
void namespace_remains_add_error(struct namespace_remains *remains, const char *message);
void namespace_remains_done(struct namespace_remains *remains);

/* Makes the conditions of the Namespace say so; true if they said something else before. */
bool namespace_conditions_update(json_t *namespace, const struct namespace_remains *remains);
