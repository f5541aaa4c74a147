/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness - a real server on a temporary data directory and a client of its socket, in one loop.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "io/http_client.h"
#include "io/loop.h"
#include "io/tls.h"
#include "kube/json.h"
#include "server/server.h"

struct harness {
	char dir[64];
	struct loop *loop;
	struct server *server;
	struct http_client *client; /* through the Unix socket */
	struct http_client *other;  /* the caller's, used instead where set */
	const char *authorization;  /* the caller's: the header of that name, or NULL */
	struct server_config config;
	json_t *answer; /* of the last call(), NULL if it was not JSON */
	struct buf body;
	char type[160];
};

/* Starts a server; 'config' may be NULL. */
void harness_start(struct harness *h, const struct server_config *config);

/* Ends server and loop and starts them again on the same data. */
void harness_restart(struct harness *h);

/* The same, with a change of the data while nothing runs. */
void harness_restart_with(struct harness *h, void (*change)(const char *dir));

/* Ends all and removes the data. */
void harness_stop(struct harness *h);

/*
 * Does it; returns the HTTP status, or a negative errno if the exchange failed.  'type' is that of
 * the 'body'; both and 'accept' may be NULL (JSON).
 */
int call(struct harness *h, const char *method, const char *path, const char *type,
         const char *accept, const char *body);

/* The same with a body of any bytes. */
int call_bytes(struct harness *h, const char *method, const char *path, const char *type,
               const char *accept, const void *body, size_t size);

/* The text of a file of the data directory; the caller frees. */
char *harness_file(const struct harness *h, const char *name);

/* A client over TLS; 'identity' NULL: without a certificate. */
struct http_client *harness_connect(const struct harness *h, const struct tls_identity *identity);

/* The common cases. */
int get(struct harness *h, const char *path);
int post(struct harness *h, const char *path, const char *body);
int put(struct harness *h, const char *path, const char *body);
int patch(struct harness *h, const char *path, const char *type, const char *body);
int del(struct harness *h, const char *path);

/* The string at 'path' of the last answer, "" if there is none. */
const char *said(const struct harness *h, const char *path);

/* A watch that is read while the loop runs. */
struct stream {
	struct harness *h;
	struct http_exchange *exchange; /* NULL: it has ended */
	int status;
	int r;
	struct buf text;
	json_t *events; /* those that came, in order */
	size_t wanted;
};

void stream_open(struct stream *s, struct harness *h, const char *path, const char *accept);
void stream_close(struct stream *s);

/* Runs the loop until there are 'n' events; fails the test after five seconds. */
void stream_wait(struct stream *s, size_t n);

/* The same until the server has ended it. */
void stream_wait_end(struct stream *s);

/* Runs the loop for a while in which nothing may come. */
void stream_idle(struct stream *s);

/* "TYPE NAME" of event 'i'. */
const char *stream_event(const struct stream *s, size_t i);

/* Runs the loop for 'ms'. */
void harness_run(struct harness *h, int ms);

#define MERGE     "application/merge-patch+json"
#define STRATEGIC "application/strategic-merge-patch+json"
#define JSONPATCH "application/json-patch+json"
#define TABLE     "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
