/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world - an HTTP server and a client of it in one loop, over each transport, for the tests of io.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "io/tls.h"

#define BODY_MAX (4 * 1024 * 1024)

enum transport {
	OVER_TCP,
	OVER_TLS,
	OVER_UNIX,
};

#define N_TRANSPORTS 3

struct world {
	struct loop *loop;
	struct timer *tick; /* wakes the loop, so that run_until() looks at the clock */
	struct http_server *server;
	struct http_client *client;
	enum transport transport;
	struct ipaddr addr;
	char dir[64], path[96];
	struct tls_identity ca, server_id, user_id;
	SSL_CTX *server_tls;

	/* what the handler has */
	int handled;
	struct http_request *parked; /* of /later */
	struct http_stream *stream;  /* of /stream */
	int streams, parks;
	int closed;
	int released; /* pieces of /pieces */
};

void world_init(struct world *w, enum transport transport);
void world_done(struct world *w);

/* A client of the world's server; 'id' and 'ca' for TLS, may be NULL. */
struct http_client *world_client(struct world *w, const struct tls_identity *id, const char *ca,
                                 const char *server_name);

/* Runs the loop until '*counter' is at least 'target'; fails after 20 s. */
void run_until(struct world *w, const int *counter, int target);

/* Runs it for so long. */
void run_for(struct world *w, int64_t ns);

/* What a call brought. */
struct answer {
	int done, heads;
	int r, status;
	char type[64];
	int64_t size; /* of the body */
	int pieces;
	struct buf body; /* the body, up to 64 KiB of it */
	uint64_t sum;    /* of all its bytes, by place */
	struct err err;
};

void answer_done(struct answer *a);
struct http_call answer_call(struct answer *a, const char *method, const char *path);

/* Asks and waits for the end of the answer. */
void fetch(struct world *w, struct answer *a, const char *method, const char *path,
           const char *body);

/* The checksum that struct answer has. */
uint64_t sum_bytes(uint64_t sum, int64_t place, const void *data, size_t size);

/* The i-th piece of /pieces?n=, of differing sizes. */
size_t piece_size(size_t i);

/* A connection by hand. */
struct raw {
	struct world *world;
	int fd;
	struct fd_watch *watch;
	struct buf in;
	int ended; /* EOF or reset */
};

void raw_init(struct raw *raw, struct world *w);
void raw_done(struct raw *raw);
void raw_send(struct raw *raw, const char *text);
void raw_expect(struct raw *raw, const char *text); /* runs until it came */
void raw_expect_end(struct raw *raw);
