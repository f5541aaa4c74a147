/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply - answers in the forms of the API.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "io/http_server.h"
#include "server/view.h"
#include "store/store.h"

#define TYPE_JSON "application/json"
#define TYPE_YAML "application/yaml"

/*
 * Each takes the reference of its json_t over and gives the request up.  The text is YAML where the
 * client prefers that, and indented for people (?pretty, curl, wget).
 */
void reply_json(struct http_request *req, int code, json_t *value);
void reply_status(struct http_request *req, json_t *status); /* with the code the Status says */

/*
 * How the client wants answers about objects of 'kind', out of 'offered' (accept.h) and the plain
 * object; answers 406, or 400 for ?includeObject=, and returns false otherwise.
 */
bool reply_view(struct http_request *req, const struct kind *kind, unsigned int offered,
                struct view *ret);

#define REPLY_ONE  (ACCEPT_TABLE | ACCEPT_METADATA) /* 'offered' where one object is answered */
#define REPLY_LIST (ACCEPT_TABLE | ACCEPT_METADATA_LIST) /* where a list is */

/* An object as the client wants it; a tree is in the kind's version and taken over. */
void reply_tree(struct http_request *req, int code, const struct view *view, json_t *tree);
void reply_object(struct http_request *req, int code, const struct view *view,
                  const struct store_object *object);

/* Anything else that was made for 'view'; taken over. */
void reply_viewed(struct http_request *req, int code, const struct view *view, json_t *value);

/* True if the answer is not what the store has as text. */
bool reply_needs_tree(struct http_request *req, const struct view *view);

/* A "Warning: 299" header a string of the array 'warnings' (RFC 7234 5.5). */
void reply_warnings(struct http_request *req, const json_t *warnings);
