/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoints - the controller of the legacy Endpoints API: one object for each Service with a selector,
 * beside its EndpointSlices.
 *
 * It listens to the EndpointSlice controller's picture of Services and Pods.  Of the Endpoints objects
 * it keeps a digest only: what differs from what is planned is written.
 */
#pragma once

#include "client/client.h"
#include "control/endpoint_slices.h"

struct endpoints;

/* 'slices' outlives it. */
struct endpoints *endpoints_new(struct client *client, struct endpoint_slices *slices);
void endpoints_free(struct endpoints *controller);
