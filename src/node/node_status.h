/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_status - the bodies that node_object sends, pure but for what is read of this machine.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/ipaddr.h"

/* {"metadata":{"labels":{..}}}: the well-known labels, as a merge patch or part of a new Node. */
json_t *node_status_labels(const char *name);

/*
 * {"status":{..}}: a merge patch of /status.  'node' is the object as it is: conditions of others are
 * kept, Ready keeps its lastTransitionTime while it was True.
 */
json_t *node_status_patch(const json_t *node, const char *name, const struct ipaddr *ip,
                          int64_t now);

/* {"spec":{..}}: the heartbeat, as a merge patch or part of a new Lease. */
json_t *node_status_lease(const char *name, int64_t now);

/* GOARCH of this machine, "amd64"; uname's word where there is no other. */
const char *node_status_arch(void);
