/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body - the body of a request as a tree, by its Content-Type.
 */
#pragma once

#include <jansson.h>

#include "io/http_server.h"
#include "kube/kind.h"

/*
 * The object in the body: JSON, YAML or protobuf.  '*ret' gets a new reference.  Returns NULL, or the Status
 * of the refusal: 400, 413, 415.
 */
json_t *body_object(struct http_request *req, const struct kind *kind, json_t **ret);

/*
 * The same, checked to be of 'kind' with fields of the right types: for what is not stored, and so
 * does not go through mutate.
 */
json_t *body_virtual(struct http_request *req, const struct kind *kind, json_t **ret);

enum patch_type {
	PATCH_JSON,
	PATCH_MERGE,
	PATCH_STRATEGIC
};

/*
 * The patch in the body, likewise.  Why a patch cannot be read is not told before its object is
 * found: then '*ret' is NULL and '*ret_unreadable' the Status to tell.
 */
json_t *body_patch(struct http_request *req, enum patch_type *ret_type, json_t **ret,
                   json_t **ret_unreadable);

/*
 * Of a JSON body: 'duplicate field "spec.x"' for each member that is there twice, and of a JSON patch
 * 'json patch unknown field "[0].x"' for each that operations do not have; a new array.
 */
json_t *body_duplicates(struct http_request *req);

/* DeleteOptions; an empty body gives an empty object. */
json_t *body_delete_options(struct http_request *req, json_t **ret);
