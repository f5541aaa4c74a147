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

/* 'config' is read during the call only.  -EINVAL: bad server address or PEM. */
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
	 * The outcome, exactly once: 'status' is the HTTP status with the decoded 'answer' (borrowed,
	 * NULL if it was not JSON), or 0 with 'err' if there was no answer.  A failure Status is
	 * put into 'err' as well (its message), with err->code from the HTTP status.
	 */
	void (*done)(void *arg, int status, json_t *answer, const struct err *err);
	void *arg;
};

struct client_call *client_request(struct client *client, const struct client_request *request);
void client_cancel(struct client_call *call);

/* For streams: the transport beneath, and the Authorization header (NULL if none). */
struct http_client *client_http(struct client *client);
const char *client_authorization(const struct client *client);
struct loop *client_loop(const struct client *client);
