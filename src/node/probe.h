/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe - readiness probes: a check every period, and the thresholds that make a verdict of them.
 *
 * As kubelet's prober: a verdict changes after 'failure_threshold' failures or 'success_threshold'
 * successes in a row.  The first check comes right after the initial delay (kubelet would spread it
 * over a period).  Each probe is one timer; at most PROBE_CHECKS_MAX checks are under way, others
 * wait their turn, so that thousands that start at once need few descriptors.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ipaddr.h"
#include "io/loop.h"
#include "kube/types.h"

#define PROBE_CHECKS_MAX 64

struct prober; /* what the probes of a loop share */
struct probe_worker;

int prober_new(struct loop *loop, struct prober **ret, struct err *err);

/* After all its workers. */
void prober_free(struct prober *prober);

struct probe_spec {
	const struct probe *probe; /* type PROBE_HTTP or PROBE_TCP; copied */
	struct ipaddr addr;
	uint16_t port;
	bool ready;       /* the verdict to begin with */
	int64_t delay_ns; /* what is left of the initial delay */
};

/*
 * 'decided' is told the first verdict (also where it confirms 'ready') and every change; 'why' is what
 * the last check said, "" for success.  It may free the worker.
 */
struct probe_worker *probe_worker_new(struct prober *prober, const struct probe_spec *spec,
                                      void (*decided)(void *arg, bool ready, const char *why),
                                      void *arg);
void probe_worker_free(struct probe_worker *worker);

/*
 * Where a Pod's probe goes: its own address or httpGet.host, and the port, by number or by the name of
 * a container's port.  -EINVAL with the reason.
 */
int probe_resolve(const struct pod *pod, struct ipaddr *ret_addr, uint16_t *ret_port,
                  struct err *err);
