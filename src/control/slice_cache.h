/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice_cache - what the EndpointSlice controller knows of the cluster, and which Services a change
 * concerns.  No I/O.
 *
 * Services, Pods, Nodes and slices go in as typed objects as they arrive; 'touched' is called for
 * each Service that has to be looked at again: its own change, a matching Pod that came, changed in
 * what slices tell, or went, a Node whose zone became known.  Slices touch nothing here: whether one
 * is news or the echo of our own write is for the controller to say.
 *
 * Selectors are matched through groups, one for each (namespace, label, value): a Pod is in the group
 * of each of its labels, a Service in the group of one pair of its selector.  So a Pod finds its
 * Services, and a Service its Pods, without a look at all the others.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/hmap.h"
#include "base/list.h"
#include "control/slice_plan.h"
#include "control/workqueue.h"

struct label_group;
struct slice_batch;

/* A Service that exists or that slices name; both NULL 'service' and no slices: slice_cache_drop(). */
struct cached_service {
	struct hnode by_name;
	struct service *service; /* owned; NULL: there is none */
	struct list_node slices; /* struct cached_slice */
	size_t n_slices;
	struct list_node in_group;
	struct label_group *group; /* NULL: no selector */
	int64_t trigger;           /* earliest change no slice tells of yet, wall ns; 0: none */

	int64_t told;              /* the controller's: 'trigger' of what is being written */
	struct work_item work;     /* the controller's */
	struct slice_batch *batch; /* of slice_writes: what is being written; NULL: nothing */

	const char *name; /* in 'ns', behind its NUL */
	char ns[];
};

struct cached_slice {
	struct hnode by_name;
	struct list_node in_service;
	struct cached_service *owner; /* the Service its label names */
	struct endpoint_slice *slice; /* owned */
	/* the revision that was planned with or that we wrote: any other is somebody else's doing */
	uint64_t known;
};

struct slice_cache {
	struct hmap services, pods, nodes, slices, groups;
	struct workqueue *queue; /* for the work items of new entries */
	void (*touched)(void *arg, struct cached_service *service);
	void *arg;
};

void slice_cache_init(struct slice_cache *cache, struct workqueue *queue,
                      void (*touched)(void *arg, struct cached_service *service), void *arg);

/* The controller has given up what it put into the entries. */
void slice_cache_done(struct slice_cache *cache);

/* Each takes the object over. */
void slice_cache_put_service(struct slice_cache *cache, struct service *service);
void slice_cache_put_pod(struct slice_cache *cache, struct pod *pod, int64_t ready_since);
void slice_cache_put_node(struct slice_cache *cache, struct node *node);

/* A slice that came to name another Service has to be removed first. */
struct cached_slice *slice_cache_put_slice(struct slice_cache *cache, struct endpoint_slice *slice);

void slice_cache_remove_service(struct slice_cache *cache, const char *ns, const char *name);
void slice_cache_remove_pod(struct slice_cache *cache, const char *ns, const char *name);
void slice_cache_remove_node(struct slice_cache *cache, const char *name);

/* The Service entry the slice belonged to; NULL if it was not there. */
struct cached_service *slice_cache_remove_slice(struct slice_cache *cache, const char *ns,
                                                const char *name);

/* NULL: none. */
struct cached_slice *slice_cache_find_slice(const struct slice_cache *cache, const char *ns,
                                            const char *name);

/*
 * The Pods the Service's selector matches, in order of name; a heap array that the caller frees and that is
 * good until the cache changes.  Returns their number.
 */
size_t slice_cache_pods(const struct slice_cache *cache, const struct cached_service *service,
                        struct slice_pod **ret);

/* Removes the entry of a Service that does not exist and has no slices. */
void slice_cache_drop(struct slice_cache *cache, struct cached_service *service);
