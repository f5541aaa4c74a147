/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_api - a small Kubernetes-like API in the loop of a test: lists in pages, watches, writes with
 * optimistic concurrency. What it adds to a real one are faults on command.
 *
 *	api = fake_api_new();
 *	fake_api_put(api, "/api/v1/namespaces/default/services/web", "{'spec': {}}");
 *	client = fake_api_client(api);
 *	fake_api_until(api, condition, arg);
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "client/client.h"
#include "io/http_server.h"
#include "io/loop.h"

struct fake_fault {
	const char *method, *path; /* the start of the path */
	const char *query;         /* part of the query: "continue"; NULL: any */
	int times;                 /* left */
	int status;
	const char *body;
};

struct fake_api {
	struct loop *loop;
	struct http_server *server;
	char folder[32], socket[64];
	uint64_t revision, oldest; /* of the history */
	json_t *objects;           /* path: object */
	json_t *events;            /* [{"rev", "collection", "line"}] */
	struct list_node watches;
	struct fake_fault fault;
	const char *hold; /* watches of this collection are told nothing; NULL: none */
	json_t *requests; /* ["GET /path", "WATCH /path REVISION"] as they came */
};

struct fake_api *fake_api_new(void);
void fake_api_free(struct fake_api *api);

/* A client of it; the caller frees it before the API. */
struct client *fake_api_client(struct fake_api *api);

/* Creates or replaces an object; JSON with ' for ".  Name, namespace and revision are set. */
void fake_api_put(struct fake_api *api, const char *path, const char *json);
void fake_api_delete(struct fake_api *api, const char *path);

/* Borrowed; NULL: there is none. */
json_t *fake_api_get(struct fake_api *api, const char *path);

/* The objects whose path begins with 'prefix', a new array. */
json_t *fake_api_list(struct fake_api *api, const char *prefix);

/* Forgets the history: a watch from before is answered 410. */
void fake_api_expire(struct fake_api *api);

/* Sends 'text' as it is to all watches; then ends them if 'end'. */
void fake_api_send(struct fake_api *api, const char *text, bool end);
void fake_api_bookmark(struct fake_api *api);

/* Lets out what 'hold' kept back. */
void fake_api_release(struct fake_api *api);
void fake_api_stop(struct fake_api *api);
void fake_api_start(struct fake_api *api);
size_t fake_api_watches(const struct fake_api *api);

/* How many requests so far begin with 'prefix'. */
size_t fake_api_requests(const struct fake_api *api, const char *prefix);

/* Runs the loop until 'condition' holds; fails the test if it does not within 10 s. */
void fake_api_until(struct fake_api *api, bool (*condition)(void *arg), void *arg);

/* Runs the loop for 'ns', for what must not happen. */
void fake_api_run(struct fake_api *api, int64_t ns);
