/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server - HTTP/1.1 requests in, answers and streams out, over libevent's evhttp.
 *
 *	static void handle(void *arg, struct http_request *req)
 *	{
 *		http_reply(req, 200, "text/plain", "ok", 2);
 *	}
 *
 *	server = http_server_new(loop, handle, arg);
 *	r = http_server_listen_tls(server, &addr, 6443, ctx, &err);
 *
 * A request belongs to the handler until it is answered with http_reply() or turned into a stream;
 * either may happen later than the handler returns, and also after the client has gone (the answer
 * is then dropped).  Every request must be answered exactly once.
 *
 * Limits: head 64 KiB, body as given at creation (3 MiB for the API server; larger is answered 413), idle
 * connections closed after 10 minutes.  A stream may be silent for ever; it is closed where the
 * client has not taken what was sent for 10 minutes, or does not answer TCP's keep-alive probes.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ipaddr.h"
#include "io/loop.h"

struct http_server;
struct http_request;
struct http_stream;

typedef void (*http_handler_fn)(void *arg, struct http_request *req);

struct http_server *http_server_new(struct loop *loop, size_t body_max, http_handler_fn handler,
                                    void *arg);

/*
 * Stops listening and closes every connection: 'closed' of each open stream is called from here,
 * and a request that still waits may be answered later, to nobody.  Not from within the handler or
 * 'closed'.
 */
void http_server_free(struct http_server *server);

/*
 * Before that: stops listening and runs the loop until every request is answered and every answer
 * and ended stream is with the kernel, for 'limit_ns' at most, or until loop_stop().  The handler may
 * still be called for connections that are open.  Not from within the loop.
 */
void http_server_drain(struct http_server *server, int64_t limit_ns);

/* For listeners added from now on, instead of 10 minutes. */
void http_server_set_idle_timeout(struct http_server *server, int64_t timeout_ns);

/*
 * 'port' 0 lets the kernel choose; http_server_port() tells that of the latest TCP or TLS listener.
 * -EADDRINUSE is said plainly.
 */
int http_server_listen_tcp(struct http_server *server, const struct ipaddr *addr, uint16_t port,
                           struct err *err);
int http_server_listen_tls(struct http_server *server, const struct ipaddr *addr, uint16_t port,
                           SSL_CTX *ctx, struct err *err);

/* Replaces a stale socket; refuses (-EADDRINUSE) one that another process answers. */
int http_server_listen_unix(struct http_server *server, const char *path, struct err *err);
uint16_t http_server_port(const struct http_server *server);

/* Who asks.  Strings live as long as the request. */
struct http_peer {
	bool unix_socket;          /* came through the Unix socket */
	bool certified;            /* presented a certificate that our CA signed */
	const char *user;          /* its common name, "" */
	const char *const *groups; /* its organizations, NULL-terminated, never NULL */
};

const char *http_method(const struct http_request *req); /* "GET" ..., "" where not known */
const char *http_path(const struct http_request *req);   /* percent-decoded, without the query */
const char *http_query(const struct http_request *req, const char *key); /* decoded; NULL: absent */
/* The values of a key that is there several times, by number from 0; NULL: there are not so many. */
const char *http_query_nth(const struct http_request *req, const char *key, size_t i);
const char *http_header(const struct http_request *req, const char *name); /* NULL: absent */

/* The header number 'i' of the request, from 0, in order; false: there are not so many. */
bool http_header_at(const struct http_request *req, size_t i, const char **ret_name,
                    const char **ret_value);
const char *http_body(const struct http_request *req, size_t *ret_size); /* NUL-terminated */
const struct http_peer *http_peer(struct http_request *req);

/*
 * 'fn' is called once with the status of the answer, from within the call that answers (of a stream:
 * that begins it), also where the client has gone.  One observer a request.
 */
void http_observe(struct http_request *req, void (*fn)(void *arg, int status), void *arg);

/* Adds a header to the answer to come; may be called several times with one name. */
void http_add_header(struct http_request *req, const char *name, const char *value);

/* Answers and gives the request up.  'body' is copied. */
void http_reply(struct http_request *req, int status, const char *type, const void *body,
                size_t size);

/*
 * The same with the body in pieces that are sent without copying: 'release' is called for each when
 * the library is done with it.
 */
struct http_piece {
	const void *data;
	size_t size;
	void (*release)(void *arg); /* NULL: static or copied */
	void *arg;
};
void http_reply_pieces(struct http_request *req, int status, const char *type,
                       const struct http_piece *pieces, size_t n);

/*
 * Begins a chunked answer (a watch).  'closed' is called once if the client goes away before
 * http_stream_end(); the stream is gone then.  It is called from the loop, never from within a call
 * of this header other than http_server_free().
 */
struct http_stream *http_stream_start(struct http_request *req, int status, const char *type,
                                      void (*closed)(void *arg), void *arg);
void http_stream_send(struct http_stream *stream, const void *data, size_t size); /* copied */

/* Bytes handed over that the client has not taken yet: a watcher too far behind is ended. */
size_t http_stream_backlog(const struct http_stream *stream);
void http_stream_end(struct http_stream *stream);

/*
 * Cuts the connection off with whatever was not sent yet; 'closed' is called from the loop afterwards, as if the client
 * had gone.
 */
void http_stream_abort(struct http_stream *stream);
