/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reflector - keeps a consumer up to date with one kind of object: list, then watch, for ever.
 *
 * It lists in pages, watches from the list's resourceVersion with bookmarks, resumes a broken watch
 * from the last version seen, lists anew on 410 Gone, and waits with growing, jittered delays (1 s to
 * 30 s, the first retry at once) while the server cannot be reached.  The consumer sees only
 * differences: after a new list, 'remove' for what has gone and 'upsert' for what is new or has
 * another resourceVersion.
 *
 * A peer that vanished without a word is noticed by its silence: servers send a bookmark about every
 * minute.  Trees live for one page or one event; of an object the reflector itself keeps its name and
 * version only.
 *
 *	static const struct reflector_handler handler = { .upsert = got, .remove = gone };
 *
 *	reflector = reflector_new(client, "/api/v1/pods", "fieldSelector=spec.nodeName%3Dn1", &handler, agent);
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "client/client.h"

struct reflector;

struct reflector_handler {
	/* An object that is new or changed; 'object' is borrowed, with kind and apiVersion set. */
	void (*upsert)(void *arg, const json_t *object);
	void (*remove)(void *arg, const char *ns, const char *name);
	/* The first list has been handed over completely; once.  May be NULL. */
	void (*synced)(void *arg);
	/* All that one read brought has been handed over: the moment to act on it.  May be NULL. */
	void (*settled)(void *arg);
	/*
	 * The server cannot be followed: 'err' says why, the next try is in 'retry_ns' (a first retry
	 * is at once and not told).  For a log line; may be NULL.
	 */
	void (*trouble)(void *arg, const struct err *err, int64_t retry_ns);
};

/*
 * 'path' is the collection ("/apis/discovery.k8s.io/v1/endpointslices"), 'query' what is added to
 * list and watch ("labelSelector=..", encoded, no leading "?"; NULL: none).  Both are copied;
 * 'handler' must outlive the reflector.  Starts at once; calls back from the loop only, never before
 * it returns.  The handler may not free the reflector.
 */
struct reflector *reflector_new(struct client *client, const char *path, const char *query,
                                const struct reflector_handler *handler, void *arg);
void reflector_free(struct reflector *reflector);
bool reflector_synced(const struct reflector *reflector);
