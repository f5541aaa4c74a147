/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy_health - whether this node balances what it should, as load balancers and kubelets ask
 * (kube-proxy's pkg/proxy/healthcheck/proxy_health.go and KEP-3836).
 *
 * Healthy is who has put every change into effect, or has not failed to for a minute.  A node that
 * is on its way out says so on /healthz, so that load balancers take it out, and is alive still.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* The taint of a node that the cluster autoscaler is about to remove. */
#define TAINT_TO_BE_DELETED "ToBeDeletedByClusterAutoscaler"

/* Zeroed: nothing was in effect yet. */
struct proxy_health {
	int64_t pending; /* clock_now() when the oldest change came that is not in effect; 0: none */
	int64_t updated; /* clock_wall() when all was in effect last; 0: never */
	bool node_eligible;
	uint64_t healthz[2], livez[2]; /* answers: 200, 503 */
};

void proxy_health_queued(struct proxy_health *health);
void proxy_health_updated(struct proxy_health *health);

/* The Node as it is now; NULL: it is gone. */
void proxy_health_set_node(struct proxy_health *health, const json_t *node);

bool proxy_health_ok(const struct proxy_health *health);

/* The answer to /healthz, or with 'livez' to /livez: the HTTP status, and the body added to 'body'. */
int proxy_health_answer(struct proxy_health *health, bool livez, struct buf *body);
