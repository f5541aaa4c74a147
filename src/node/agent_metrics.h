/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_metrics - what the agent counts, as Prometheus text under kube-proxy's names (what iptables,
 * nftables and conntrack have there is left out) and a few of our own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/prom.h"
#include "datapath/datapath.h"
#include "node/proxy_health.h"
#include "plan/plan.h"

#define FAMILIES     2 /* IPv4, IPv6 */
#define TRIGGERS_MAX 1024

enum metrics_policy {
	POLICY_INTERNAL,
	POLICY_EXTERNAL,
	POLICIES,
};

/* What the plan of one Service adds to the sums over all of them. */
struct metrics_sums {
	uint32_t no_local[POLICIES]
			 [FAMILIES]; /* ports with policy Local, and endpoints elsewhere only */
	uint32_t invalid;            /* values that were left out */
};

struct metrics_family {
	struct prom_histogram sync, full, partial, programming; /* seconds */
	int64_t synced, queued;                                 /* clock_wall() */
};

struct agent_metrics {
	int64_t started;                              /* clock_wall() */
	uint64_t services, endpoints;                 /* changes heard of */
	uint64_t services_pending, endpoints_pending; /* of these, not in effect */
	uint64_t failures;                            /* Services that could not be applied */
	uint64_t check_failures; /* times the hooks were found not to be in effect */
	bool in_effect;          /* at the last look */
	struct metrics_sums sums;
	struct metrics_family families[FAMILIES];
	/* When what is pending was caused, by the controller's annotation: clock_wall(). */
	int64_t triggers[TRIGGERS_MAX];
	size_t n_triggers;
};

void agent_metrics_init(struct agent_metrics *m);

/* A Service or EndpointSlice has changed; 'trigger' is clock_wall() of what caused it, 0: unknown. */
void agent_metrics_service(struct agent_metrics *m);
void agent_metrics_endpoints(struct agent_metrics *m, int64_t trigger);

/* All that is pending is in effect after 'seconds'; 'full': it was everything. */
void agent_metrics_synced(struct agent_metrics *m, double seconds, bool full);

/* Replaces what 'before' adds to the sums by what 'plan' (NULL: the Service is gone) does. */
void agent_metrics_plan(struct agent_metrics *m, struct metrics_sums *before,
                        const struct plan_service *plan);

void agent_metrics_text(const struct agent_metrics *m, const struct proxy_health *health,
                        const struct datapath_stats *stats, struct buf *out);
