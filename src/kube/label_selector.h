/* SPDX-License-Identifier: Apache-2.0 */
/*
 * label_selector - metav1.LabelSelector, the selector of Deployments and ReplicaSets: pairs that
 * must match (matchLabels) and requirements (matchExpressions), all of them.
 *
 * 'selector' is the JSON object; NULL selects nothing, an empty one everything.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "kube/field_error.h"

void label_selector_validate(struct field_errors *errs, const char *path, const json_t *selector);

/* False if a requirement has no meaning: an unknown operator, In without values, a bad key. */
bool label_selector_is_valid(const json_t *selector);
bool label_selector_is_empty(const json_t *selector);

/* 'labels' is the JSON object of labels, or NULL. */
bool label_selector_matches(const json_t *selector, const json_t *labels);

/* Adds it as a labelSelector parameter: "app=web,!gone,tier in (a,b)", sorted by key. */
void label_selector_print(struct buf *b, const json_t *selector);

/* A new reference to a copy with members in the order Go prints them in, for error texts. */
json_t *label_selector_sorted(const json_t *selector);

/* A new reference to a copy of a map with its keys in order. */
json_t *label_selector_sorted_map(const json_t *map);
