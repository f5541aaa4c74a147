/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scale_subresource - get, update and patch of /scale, for whatever kind has replicas.
 */
#pragma once

#include "io/http_server.h"
#include "server/route.h"
#include "server/state.h"

void scale_subresource(struct server *server, struct http_request *req, const struct route *route);
