/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_client - HTTP/1.1 requests to one server, over TCP, TLS or a Unix socket, with streamed
 * answers.
 *
 * evhttp's client cannot speak over a Unix socket in libevent 2.1, so this is a response reader
 * of our own on a bufferevent (docs/decisions.md).  Connections are kept and reused; a call takes an
 * idle one or opens another, so that a watch never holds up a request.
 */
#pragma once

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ipaddr.h"
#include "io/loop.h"

struct http_client;
struct http_exchange;

struct http_target {
	const char *unix_path; /* or */
	struct ipaddr addr;
	uint16_t port;
	SSL_CTX *tls;            /* NULL: plain; a reference is taken */
	const char *server_name; /* what the certificate must name; NULL: the address */
	const char *host;        /* Host header; NULL: from the address */
};

struct http_client *http_client_new(struct loop *loop, const struct http_target *target);

/* Cancels what is under way without calling back.  Also from within a callback of a call. */
void http_client_free(struct http_client *client);

struct http_call {
	const char *method, *path; /* path with its query, encoded */
	const char *accept;        /* NULL: application/json */
	const char *content_type;  /* with a body */
	const void *body;          /* copied */
	size_t body_size;
	const char *authorization; /* NULL: none */
	int64_t timeout_ns;        /* for connecting and the head; 0: 30 s */
	int64_t idle_timeout_ns;   /* longest silence in the body; 0: none (a watch) */

	/* Head of the answer; may be NULL. */
	void (*on_head)(void *arg, int status, const char *content_type);
	/* A piece of the body as it comes; may be NULL. */
	void (*on_data)(void *arg, const void *data, size_t size);
	/*
	 * The end, exactly once unless cancelled: r 0, or -ECONNREFUSED, -ETIMEDOUT, -EPROTO,
	 * -ECONNRESET ... with 'err' saying it.  The exchange is gone afterwards.
	 */
	void (*on_done)(void *arg, int r, const struct err *err);
	void *arg;
};

/*
 * Never calls back before it returns.  A request on a kept connection that breaks before the answer
 * begins is repeated once on a new one if its method is idempotent (RFC 9110 section 9.2.2: GET,
 * HEAD, OPTIONS, PUT, DELETE), or if no byte of it was sent; others fail with -ECONNRESET.
 */
struct http_exchange *http_client_start(struct http_client *client, const struct http_call *call);

/* No further callback; NULL allowed; also from within the exchange's on_head and on_data. */
void http_exchange_cancel(struct http_exchange *exchange);

/* Percent-encodes 'text' for a query value or path step; heap. */
char *http_escape(const char *text) __attribute__((warn_unused_result));
