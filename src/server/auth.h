/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth - who asks, and may they?
 *
 * The Unix socket is root's own (mode 0600) and speaks as system:masters.  A client certificate of
 * our CA speaks as its common name with its organizations as groups.  Who shows nothing may look at
 * the health paths and /version.  system:masters may do everything, every other certificate may
 * read the discovery documents (Kubernetes' role system:discovery).
 */
#pragma once

#include <jansson.h>

#include "io/http_server.h"
#include "server/route.h"

/* NULL if allowed, else the Status that says no: 401 or 403; a new reference. */
json_t *auth_check(const struct http_peer *peer, const struct route *route, const char *method,
                   const char *path);
