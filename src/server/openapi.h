/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi - /openapi/v2 and /openapi/v3: the description of the API that kubectl checks fields,
 * makes patches and explains by.
 *
 * Nothing is made before it is asked for; a document is then kept as the text that is sent.
 */
#pragma once

#include <stdbool.h>

#include "io/http_server.h"

struct openapi;

/* 'version' is what documents say of the API, "v1.36.0+fairlead"; static. */
struct openapi *openapi_new(const char *version);
void openapi_free(struct openapi *openapi); /* after the last answer was sent */

/* Answers if 'path' is /openapi/v2, /openapi/v3 or below that; false, with nothing done, if not. */
bool openapi_handle(struct openapi *openapi, struct http_request *req, const char *path);
