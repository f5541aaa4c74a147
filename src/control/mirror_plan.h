/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror_plan - the EndpointSlices that tell what an Endpoints object of the user's tells (Kubernetes'
 * EndpointSlice mirroring controller).  Pure.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#define MIRROR_MANAGER       "endpointslicemirroring-controller.k8s.io"
#define MIRROR_ADDRESSES_MAX 1000 /* of one subset */

/*
 * The writes, in their order, as an array of objects {"method", "name" (but for POST), "body"};
 * 'endpoints' NULL: there is nothing to be mirrored.  'slices' are those there are.  What cannot be
 * mirrored is counted: '*ret_bad' addresses that are none, '*ret_beyond' above the limit.
 */
json_t *mirror_plan(const json_t *endpoints, const json_t *slices, size_t *ret_bad,
                    size_t *ret_beyond);
