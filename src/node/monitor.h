/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor - the agent's HTTP servers: health for load balancers and kubelets (/healthz, /livez,
 * /readyz) and metrics (/metrics, /proxyMode, and the health too).
 *
 * An address that is taken does not stop the agent: it is told and tried again, as kube-proxy does.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/ipaddr.h"
#include "io/loop.h"
#include "node/proxy_health.h"

struct monitor;

struct monitor_address {
	struct ipaddr addr;
	uint16_t port; /* 0: no server */
};

struct monitor_source {
	struct proxy_health *health;
	/* Adds the metrics. */
	void (*metrics)(void *arg, struct buf *out);
	/* True if all is well; adds a line a check either way. */
	bool (*ready)(void *arg, struct buf *out);
	void *arg;
};

/* 'source' is borrowed. */
struct monitor *monitor_new(struct loop *loop, const struct monitor_address *healthz,
                            const struct monitor_address *metrics,
                            const struct monitor_source *source);
void monitor_free(struct monitor *monitor);
