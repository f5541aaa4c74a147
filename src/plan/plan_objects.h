/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_objects - plans every Service of a set of objects, as 'fairlead plan -f' and the golden tests
 * want it: manifests or a dump of a cluster in, text or JSON out.
 *
 * 'objects' is a JSON array; Lists in it are taken apart, kinds other than Service, EndpointSlice
 * and Node are passed over.  Objects without a namespace are of "default".  Services come in order of
 * namespace and name; what belongs to none of them is told at the end.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* For the node called 'node' ("": none), whose zone is that of the Node object among 'objects'. */
void plan_objects_print(const json_t *objects, const char *node, struct buf *out);

/* {"node","zone","services":[..],"unused":[{"slice","why"}]}; a new reference. */
json_t *plan_objects_json(const json_t *objects, const char *node);
