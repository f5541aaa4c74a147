/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discovery - what clients learn the API from: /api, /apis and below, /version and /openapi, and
 * what lies beside it, the health paths and /metrics.  All of it follows from the kinds table.
 */
#pragma once

#include <stdbool.h>

#include "io/http_server.h"
#include "server/state.h"

/* Answers if 'path' is one of them; false if it is not, the request is then untouched. */
/* True if 'path' is below /api or below the /apis/GROUP of a group that there is. */
bool discovery_knows(const char *path);

bool discovery_handle(const struct server *server, struct http_request *req, const char *path);

/* The version of the API that is served, "v1.36.0+fairlead"; static. */
const char *discovery_version(void);
