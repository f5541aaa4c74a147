/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client - requests to a Kubernetes API.
 *
 *	client_request(client, &(struct client_request){
 *		.method = "GET", .path = "/api/v1/nodes/n1", .done = got_node, .arg = agent });
 *
 * The caller cannot tell the embedded server from a real kube-apiserver; a Unix socket is just one
 * more kind of address.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "client/kubeconfig.h"
#include "io/http_client.h"
#include "io/loop.h"

struct client;
struct client_call;

/*
 * 'config' is read during the call only.  A server named by a name is looked up once, here.
 * -EINVAL: bad server address or PEM; -EHOSTUNREACH: no such name.
 */
int client_new(struct loop *loop, const struct kubeconfig *config, struct client **ret,
               struct err *err);

/* Cancels calls under way without calling back. */
void client_free(struct client *client);

#define CLIENT_PATCH_MERGE     "application/merge-patch+json"
#define CLIENT_PATCH_STRATEGIC "application/strategic-merge-patch+json"
#define CLIENT_PATCH_JSON      "application/json-patch+json"

struct client_request {
	const char *method, *path;
	const char *accept;       /* NULL: application/json */
	const char *content_type; /* NULL: application/json */
	const json_t *body;       /* borrowed for the call; NULL: none */
	int64_t timeout_ns;       /* 0: 30 s */
	/*
	 * The outcome, exactly once, never before client_request() returns: 'status' is the HTTP
	 * status with the decoded 'answer' (borrowed, NULL if it was not JSON), or 0 with 'err' if
	 * there was no answer, an answer that ended early or one above 256 MiB.  A failure Status is
	 * put into 'err' as well (its message), with err->code from the HTTP status: see
	 * client_status_code().  Must not free the client.
	 */
	void (*done)(void *arg, int status, json_t *answer, const struct err *err);
	void *arg;
};

struct client_call *client_request(struct client *client, const struct client_request *request);
void client_cancel(struct client_call *call);

/*
 * What an HTTP status means as an errno: -EINVAL (400, 422), -EACCES (401, 403), -ENOENT (404),
 * -EEXIST (409), -ESTALE (410), -EFBIG (413), -EAGAIN (429), -EOPNOTSUPP (405, 406, 415), -EIO for the rest;
 * 0 below 300.
 */
int client_status_code(int status);

/* Sets 'err' from the answer to a failed request: its Status message, or the bare HTTP status. */
int client_status_err(int status, const json_t *answer, struct err *err);

/*
 * For streams: the transport beneath, the Authorization header (NULL if none; good until the next
 * call, as a token file is read anew every minute), and what every path begins with ("" mostly).
 */
struct http_client *client_http(struct client *client);
const char *client_authorization(const struct client *client);
const char *client_prefix(const struct client *client);
struct loop *client_loop(const struct client *client);
