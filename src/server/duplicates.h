/* SPDX-License-Identifier: Apache-2.0 */
/*
 * duplicates - members that a JSON text has twice in one object.  The decoder keeps the last one,
 * as Kubernetes does; fieldValidation wants to hear of it.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

/*
 * Appends 'duplicate field "spec.ports[0].name"' for each to the array 'ret_texts'.  'text' is JSON
 * that decode_json() has taken.
 */
void duplicates_find(const char *text, size_t size, json_t *ret_texts);
