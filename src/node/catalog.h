/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog - the Services of the cluster with their EndpointSlices, and which of them changed.
 *
 * An event costs the one Service it is about: slices are kept at their Service, in whatever order
 * the two arrive, and what changed waits in a list until the agent takes it.
 *
 *	catalog_set_slice(catalog, slice);
 *	...
 *	while ((entry = catalog_take_changed(catalog)))
 *		apply(entry);
 *
 * Threads.  That of the loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/hmap.h"
#include "base/list.h"
#include "kube/types.h"
#include "node/agent_metrics.h"

/* A Service, or slices that name one that is not there. */
struct catalog_entry {
	struct hnode by_key;
	struct list_node in_changed; /* or in 'failed', or in no list */
	bool changed;                /* it is in 'changed', where it keeps its place */
	char *namespace, *name;
	struct service *service;  /* owned; NULL if there is none */
	struct metrics_sums sums; /* of its last plan */
	struct endpoint_slice **slices;
	size_t n_slices, cap_slices; /* the slices are owned by their own map */
};

struct catalog {
	struct hmap entries, slices;
	struct list_node changed, failed;
	struct catalog_entry *taken; /* the last one handed out */
	size_t n_services;
};

void catalog_init(struct catalog *catalog);
void catalog_done(struct catalog *catalog);

/* "" if there is no such Service. */
const char *catalog_uid(const struct catalog *catalog, const char *ns, const char *name);

/* New or changed; the catalog owns the object from now on. */
void catalog_set_service(struct catalog *catalog, struct service *service);
void catalog_set_slice(struct catalog *catalog, struct endpoint_slice *slice);

/* One that is not there: nothing happens. */
void catalog_remove_service(struct catalog *catalog, const char *ns, const char *name);
void catalog_remove_slice(struct catalog *catalog, const char *ns, const char *name);

/*
 * The next that changed since it was taken last, or NULL: to be applied if it has a 'service', else
 * to be removed.  Valid until the next call of any function here.
 */
struct catalog_entry *catalog_take_changed(struct catalog *catalog);

/* 'entry', just taken, could not be applied: it is kept aside until catalog_retry(). */
void catalog_set_failed(struct catalog *catalog, struct catalog_entry *entry);

/* What failed counts as changed again; true if there is any. */
bool catalog_retry(struct catalog *catalog);

/* Every Service counts as changed (the node's zone did). */
void catalog_change_all(struct catalog *catalog);
