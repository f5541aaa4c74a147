/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write - the requests that change something: create, update, patch, delete, deletecollection.
 */
#pragma once

#include "io/http_server.h"
#include "server/route.h"
#include "server/state.h"

void write_create(struct server *server, struct http_request *req, const struct route *route);
void write_update(struct server *server, struct http_request *req, const struct route *route);
void write_patch(struct server *server, struct http_request *req, const struct route *route);

/* PUT namespaces/NAME/finalize: only spec.finalizers is taken over. */
void write_finalize(struct server *server, struct http_request *req, const struct route *route);

void write_delete(struct server *server, struct http_request *req, const struct route *route);
void write_delete_collection(struct server *server, struct http_request *req,
                             const struct route *route);
