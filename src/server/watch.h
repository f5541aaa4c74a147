/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch - watch streams: what changes, as it is committed, to each client that asked.
 *
 * An event's line is written once by the store and copied to each watcher.  With a selector an
 * object that begins to match is ADDED, one that ceases to is DELETED.  A watcher more than 16 MiB
 * behind is ended; it comes back with the last resourceVersion it saw.
 */
#pragma once

#include "io/http_server.h"
#include "server/route.h"
#include "server/state.h"

/* Readies 'server->watchers' and the timer of the bookmarks. */
void watch_init(struct server *server);

/* Ends all watches. */
void watch_done(struct server *server);

void watch_start(struct server *server, struct http_request *req, const struct route *route);
