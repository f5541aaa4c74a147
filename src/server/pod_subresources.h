/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_subresources - pods/binding, by which a scheduler puts a Pod on a node, and pods/eviction, by
 * which a drain takes it away.
 */
#pragma once

#include "io/http_server.h"
#include "server/route.h"
#include "server/state.h"

void pod_binding(struct server *server, struct http_request *req, const struct route *route);
void pod_eviction(struct server *server, struct http_request *req, const struct route *route);
