/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_options - what a write may say in its query: CreateOptions, UpdateOptions, PatchOptions and
 * DeleteOptions of meta.k8s.io (apimachinery pkg/apis/meta/v1/validation).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "io/http_server.h"
#include "kube/field_error.h"

enum write_options {
	CREATE_OPTIONS,
	UPDATE_OPTIONS,
	PATCH_OPTIONS,
	DELETE_OPTIONS,
};

/* dryRun, fieldManager, fieldValidation and force; NULL, or the refusal. */
json_t *request_options_read(struct http_request *req, enum write_options options,
                             bool *ret_dry_run);

/* The values of a dryRun: an array of strings. */
void request_options_check_dry_run(const json_t *values, struct field_errors *errs);

/* 422 with the errors, e.g. of "ListOptions"; NULL if there are none.  'errs' is done. */
json_t *request_options_refusal(const char *options, struct field_errors *errs);
