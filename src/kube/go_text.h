/* SPDX-License-Identifier: Apache-2.0 */
/*
 * go_text - a JSON value in the words of Go, which Kubernetes' messages about patches use: what fmt
 * prints for it, and what its type, its kind and encoding/json call it.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* fmt's %v, "map[a:1 b:[x <nil>]]"; recurses, so the depth of 'value' is to be limited. */
void go_text_value(struct buf *b, const json_t *value);

/* "map[string]interface {}", "int64"; "%!s(<nil>)" for null, as %s of no type prints. */
const char *go_text_type(const json_t *value);

/* "map", "slice", "int64", "string". */
const char *go_text_kind(const json_t *value);

/* "object", "array", "number", "bool". */
const char *go_text_json(const json_t *value);
