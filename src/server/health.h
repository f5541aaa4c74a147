/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health - /healthz, /livez and /readyz, each check also below them (/livez/ping), and ?verbose and
 * ?exclude=CHECK, in the form of kube-apiserver (apiserver server/healthz).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "io/http_server.h"
#include "server/state.h"

/* Answers if 'path' is one of them; false if it is not, the request is then untouched. */
bool health_handle(const struct server *server, struct http_request *req, const char *path);

/* Appends their paths to the array. */
void health_add_paths(json_t *paths);
