/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json - what every user of jansson trees needs: paths, scoped references, limits.
 *
 * Objects of the API are jansson trees only while a request needs one.
 * Paths are dotted ("metadata.name"); a missing step or a step of another type gives NULL.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void json_cleanup(json_t **j)
{
	json_decref(*j);
}

#define auto_json __attribute__((cleanup(json_cleanup)))

/* Borrowed; NULL where there is nothing.  A JSON null counts as nothing (Kubernetes reads it so). */
json_t *json_path(const json_t *obj, const char *path);

/* The string there, or NULL. */
const char *json_path_string(const json_t *obj, const char *path);

/* The string there, or "". */
const char *json_path_str(const json_t *obj, const char *path);
int64_t json_path_int(const json_t *obj, const char *path, int64_t otherwise);
bool json_path_bool(const json_t *obj, const char *path, bool otherwise);

/*
 * Stores 'value' (whose reference is taken over) at 'path', making the objects on the way; a step
 * that exists with another type is replaced.
 */
void json_path_set(json_t *obj, const char *path, json_t *value);
void json_path_del(json_t *obj, const char *path);

/* Compact text on the heap, in insertion order, slashes as they are. */
char *json_text(const json_t *j) __attribute__((warn_unused_result));

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD. */
json_t *json_string_of(const char *s);

/* Bytes of the UTF-8 sequence at 's' (RFC 3629), 0 if it is none; ASCII, also NUL, ends every one. */
size_t json_utf8_length(const char *s);

/* About the bytes it takes in memory; counting stops once above 'max'. */
size_t json_weight(const json_t *j, size_t max);

/* True if no more than 'max' objects and arrays are open at once anywhere in it. */
bool json_depth_within(const json_t *j, unsigned int max);
