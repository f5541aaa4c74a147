/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply - answers in the forms of the API.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "io/http_server.h"
#include "server/accept.h"
#include "store/store.h"

#define TYPE_JSON "application/json"
#define TYPE_YAML "application/yaml"

/*
 * Each takes the reference of its json_t over and gives the request up.  The text is YAML where the
 * client prefers that, and indented for people (?pretty, curl, wget).
 */
void reply_json(struct http_request *req, int code, json_t *value);
void reply_status(struct http_request *req, json_t *status); /* with the code the Status says */

/* An object of 'kind' as JSON or Table (whose rows include what ?includeObject= says). */
void reply_tree(struct http_request *req, int code, const struct kind *kind, json_t *object,
                enum accept form);
void reply_object(struct http_request *req, int code, const struct store_object *object,
                  enum accept form);

/* True if such an answer is not what the store has as text. */
bool reply_needs_tree(struct http_request *req);

/* The form the client takes for answers about objects; answers 406 if none: ACCEPT_NONE. */
enum accept reply_form(struct http_request *req);

/* What ?includeObject= asks for, checked; NULL after answering 400. */
const char *reply_include(struct http_request *req);

/* A "Warning: 299" header a string of the array 'warnings' (RFC 7234 5.5). */
void reply_warnings(struct http_request *req, const json_t *warnings);
