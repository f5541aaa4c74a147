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

struct endpoints_job;
struct label_group;
struct mirror_job;
struct slice_batch;

/* What is known of the Endpoints object of a Service's name. */
struct endpoints_note {
	bool exists;
	bool managed;    /* by the Endpoints controller */
	bool mirrorable; /* its owner does not refuse that it is mirrored */
	uint64_t revision, digest;
};

/*
 * A Service that exists or that slices or Endpoints name; one that nobody has a use for:
 * slice_cache_drop().
 */
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

	struct endpoints_note endpoints; /* the Endpoints controller's, like the following */
	struct work_item endpoints_work;
	struct endpoints_job *endpoints_job; /* NULL: nothing under way */
	int64_t endpoints_trigger;           /* as 'trigger', for Endpoints */
	bool went;                           /* there was a Service, and its Endpoints go with it */

	size_t n_mirrored; /* the mirroring controller's, like the following */
	struct work_item mirror_work;
	struct mirror_job *mirror_job;

	const char *name; /* in 'ns', behind its NUL */
	char ns[];
};

/* Another controller that wants to know which Services a change concerns. */
struct service_listener {
	struct list_node in_cache;
	void (*settled)(void *arg); /* all that was to be told has been: the moment to act */
	void (*touched)(void *arg, struct cached_service *service);
	void *arg;
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
	struct list_node listeners; /* struct service_listener */
	bool endpoints_known;       /* the first list of Endpoints is in */
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

/* The entry of that name, made if need be. */
struct cached_service *slice_cache_need(struct slice_cache *cache, const char *ns,
                                        const char *name);

/* From now on 'listener' (the caller's) is told as well. */
void slice_cache_listen(struct slice_cache *cache, struct service_listener *listener);

/* All listeners may act. */
void slice_cache_settled(struct slice_cache *cache);

/* Something that only listeners care for has changed. */
void slice_cache_tell(struct slice_cache *cache, struct cached_service *service);

/* Removes the entry if it stands for nothing any more. */
void slice_cache_drop(struct slice_cache *cache, struct cached_service *service);
