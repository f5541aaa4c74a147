/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_slices - the EndpointSlice controller: keeps the slices of every Service with a selector
 * equal to its Pods.
 *
 * Services, Pods, Nodes and its own slices are watched into a slice_cache; a Service that changed is
 * planned by slice_plan and written by slice_writes at once, nothing is gathered.  Slices of Services that
 * are gone, or take no endpoints any more, are deleted; those of other managers are left alone.
 */
#pragma once

#include <stdbool.h>

#include "client/client.h"

struct endpoint_slices;
struct slice_cache;

struct endpoint_slices_config {
	size_t endpoints_max; /* of a slice; 0: 100 */
	int64_t retry_min;    /* first delay after a failed write; 0: 1 s */
	int64_t patience;     /* how long to wait until the watch shows a write; 0: 30 s */
};

struct endpoint_slices *endpoint_slices_new(struct client *client,
                                            const struct endpoint_slices_config *config);
/*
 * Its picture of Services and their Pods, for other controllers to listen to (a second copy of all Pods
 * would be dear); they end before it.  Complete once endpoint_slices_ready().
 */
struct slice_cache *endpoint_slices_cache(struct endpoint_slices *controller);
bool endpoint_slices_ready(const struct endpoint_slices *controller);

void endpoint_slices_free(struct endpoint_slices *controller);
