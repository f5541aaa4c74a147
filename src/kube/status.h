/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status - the metav1.Status that answers a failed request, and its HTTP code.
 */
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "kube/field_error.h"

struct kind;

/* A Failure Status; 'reason' as in metav1.StatusReason ("BadRequest"), may be "". */
json_t *status_new(int code, const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A Status with details{name, group, kind=plural}. */
json_t *status_for(int code, const char *reason, const struct kind *kind, const char *name,
                   const char *fmt, ...) __attribute__((format(printf, 5, 6)));

json_t *status_not_found(const struct kind *kind, const char *name);      /* 404 */
json_t *status_already_exists(const struct kind *kind, const char *name); /* 409 */
json_t *status_conflict(const struct kind *kind, const char *name); /* 409, "... the object has
                                                                             been modified; ..." */
json_t *status_invalid(const struct kind *kind, const char *name,
                       const struct field_errors *errs); /* 422 */
json_t *status_expired(uint64_t asked,
                       uint64_t oldest); /* 410, "too old resource version: a (b)" */

/* The "code" of a Status. */
int status_code(const json_t *status);
