/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_internal - what http_server.c (listeners) and http_request.c (requests and streams) share.
 */
#pragma once

#include <event2/http.h>
#include <stdbool.h>
#include <sys/time.h>

#include "base/list.h"
#include "io/http_server.h"

#define HTTP_HEAD_MAX (64 * 1024)

struct http_server {
	struct loop *loop;
	size_t body_max;
	http_handler_fn handler;
	void *arg;
	struct list_node listeners;
	struct list_node requests; /* with the handler, not answered yet */
	size_t unsent;             /* answers on their way to the kernel */
	bool draining;             /* the loop is to stop once there are none of either */
	struct list_node closed;   /* streams whose client has gone, 'closed' not called yet */
	struct timer *tell_closed;
	struct timeval idle_timeout; /* silence of a connection that owes us something */
	uint16_t port;
};

/* Bytes of input that may wait in a connection's buffer. */
size_t http_input_max(const struct http_server *server);

/*
 * Hands a request to the server's handler, or refuses it (400) where its path is not properly
 * encoded.
 */
void http_request_dispatch(struct http_server *server, struct evhttp_request *ev, bool unix_socket);

/* Calls 'closed' of all streams whose client has gone. */
void http_streams_tell_closed(struct http_server *server);

/* Ends http_server_drain() if all is done. */
void http_server_check_drained(struct http_server *server);

/* Cuts the requests that still wait for an answer from a server that goes away. */
void http_requests_orphan(struct http_server *server);
