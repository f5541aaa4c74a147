/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice_writes - carries plans out, and waits until the cache shows what was written.
 *
 * A plan made while the watch has not brought our own last writes would create slices twice.  So a
 * batch (all writes of one plan) is over only when every write was answered and the cache has the
 * revision that the answer named, or no longer has what was deleted; at the latest after 30 s.
 *
 * Creates and updates go out at once and together, deletes after them: consumers learn of the new
 * place of an endpoint before the old one goes.
 */
#pragma once

#include <stdbool.h>

#include "client/client.h"
#include "control/slice_cache.h"
#include "control/slice_plan.h"

struct slice_writes {
	struct client *client;
	struct slice_cache *cache;
	struct list_node pending; /* struct slice_write, for want of a free request */
	unsigned int n_running, running_max;
	int64_t patience;
	/* The batch is over and gone; 'err' is NULL if all went well. */
	void (*over)(void *arg, struct cached_service *service, const struct err *err);
	void *arg;
};

/* At most 32 requests are under way at a time. */
void slice_writes_init(
	struct slice_writes *writes, struct client *client, struct slice_cache *cache,
	void (*over)(void *arg, struct cached_service *service, const struct err *err), void *arg);

/* Starts a batch; the plan has changes, and may go when this returns. */
void slice_writes_start(struct slice_writes *writes, struct cached_service *service,
                        const struct slice_plan *plan, int64_t trigger);

/* The cache has got this slice: true if it shows what we wrote.  May end the batch. */
bool slice_writes_seen(struct slice_writes *writes, struct cached_slice *slice);

/* We are deleting that slice. */
bool slice_writes_deletes(const struct cached_service *service, const char *name);

/* The cache has lost that slice.  May end the batch, and 'over' may drop the Service's entry. */
void slice_writes_gone(struct slice_writes *writes, struct cached_service *service,
                       const char *name);

/* Gives the batch up, if there is one; 'over' is not called. */
void slice_writes_cancel(struct cached_service *service);
