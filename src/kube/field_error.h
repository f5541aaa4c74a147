/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field_error - what validation found, as Kubernetes words it (apimachinery validation/field).
 *
 * Errors are collected, not thrown: validation goes on to find all of them.  Equal messages are
 * kept once.  From the list the server makes the 422 Status with its causes.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define FIELD_ERRORS_MAX 1000 /* found errors that are kept; nobody reads more */

enum field_error_type {
	FIELD_REQUIRED,     /* "Required value" */
	FIELD_INVALID,      /* "Invalid value: ..." */
	FIELD_DUPLICATE,    /* "Duplicate value: ..." */
	FIELD_UNSUPPORTED,  /* "Unsupported value: ..." */
	FIELD_FORBIDDEN,    /* "Forbidden: ..." */
	FIELD_TOO_LONG,     /* "Too long: may not be more than N bytes" */
	FIELD_TOO_MANY,     /* "Too many: N: must have at most M items" */
	FIELD_NOT_FOUND,    /* "Not found: ..." */
	FIELD_INTERNAL,     /* "Internal error: ..." */
	FIELD_TYPE_INVALID, /* "Invalid value: ...", reason FieldValueTypeInvalid */
};

struct field_error {
	enum field_error_type type;
	char *path;    /* "spec.ports[0].name"; owned */
	char *message; /* what follows "path: ", the "causes[].message"; owned */
};

struct field_errors {
	struct field_error *list; /* owned */
	size_t n, cap;
};

void field_errors_done(struct field_errors *errs);

/* Adds those from number 'first' on again: causes that Kubernetes has twice. */
void field_errors_repeat(struct field_errors *errs, size_t first);

/* 'path' is printf-formatted together with nothing else; use field_path() to build one. */
void field_required(struct field_errors *errs, const char *path, const char *detail);
void field_forbidden(struct field_errors *errs, const char *path, const char *detail);

/* 'detail' may be NULL.  'value' is borrowed and rendered as Go's %#v-like JSON: "str", 123, {..}; NULL renders null. */
void field_invalid(struct field_errors *errs, const char *path, const json_t *value,
                   const char *detail);
void field_invalid_string(struct field_errors *errs, const char *path, const char *value,
                          const char *detail);
void field_duplicate(struct field_errors *errs, const char *path, const json_t *value);

/* 'supported' is NULL-terminated and printed in the order given. */
void field_unsupported(struct field_errors *errs, const char *path, const char *value,
                       const char *const *supported);
void field_unsupported_value(struct field_errors *errs, const char *path, const json_t *value,
                             const char *const *supported);
void field_too_long(struct field_errors *errs, const char *path, size_t max);

void field_too_many(struct field_errors *errs, const char *path, size_t actual, size_t max);
void field_not_found(struct field_errors *errs, const char *path, const char *value);
void field_internal(struct field_errors *errs, const char *path, const char *detail);
void field_type_invalid(struct field_errors *errs, const char *path, const json_t *value,
                        const char *detail);

/* Adds 's' in double quotes as Go's %q writes it. */
void field_quote(struct buf *b, const char *s);

/* A path on a per-thread ring of buffers, good until eight calls later. */
const char *field_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* causes[] of a Status: [{"reason","message","field"}]; a new reference. */
json_t *field_errors_causes(const struct field_errors *errs);

/* "e1" or "[e1, e2]", as in the Status message; heap. */
char *field_errors_text(const struct field_errors *errs);
