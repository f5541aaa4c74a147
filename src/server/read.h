/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read - get and list.
 *
 * A list without field selector or Table is put together from the stored texts, nothing is parsed.
 */
#pragma once

#include "io/http_server.h"
#include "server/route.h"
#include "server/state.h"

void read_get(struct server *server, struct http_request *req, const struct route *route);
void read_list(struct server *server, struct http_request *req, const struct route *route);
