/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror - the EndpointSlice mirroring controller: the Endpoints of a Service without a selector are
 * told in EndpointSlices too.
 *
 * It listens to the picture that the EndpointSlice and Endpoints controllers keep, and reads the few
 * objects it needs when they change.
 */
#pragma once

#include "client/client.h"
#include "control/endpoint_slices.h"

struct mirror;

/* 'slices' outlives it; somebody has to run an endpoints controller beside it. */
struct mirror *mirror_new(struct client *client, struct endpoint_slices *slices);
void mirror_free(struct mirror *mirror);
