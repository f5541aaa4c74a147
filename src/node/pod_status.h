/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_status - the status of a registered Pod as JSON: what kubelet would write of a Pod that runs.
 *
 * Times are kept: startTime from the first time on, lastTransitionTime of a condition until the condition
 * flips, over restarts too, because they are read back from the API.
 *
 * Pure: no I/O, the time is an argument.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/ipaddr.h"

enum pod_condition {
	POD_SCHEDULED,
	POD_INITIALIZED,
	POD_CONTAINERS_READY,
	POD_READY,
	POD_CONDITIONS,
};

struct pod_container {
	const char *name, *image;
};

struct pod_status {
	struct arena arena; /* owns the containers */
	struct pod_container *containers;
	size_t n_containers;
	struct ipaddr pod_ip;  /* family 0: none */
	struct ipaddr host_ip; /* likewise */
	int64_t start_time;    /* wall ns, whole seconds */
	bool ready;
	char *why; /* heap; why it is not ready beyond the container's name, "" */
	int64_t since[POD_CONDITIONS]; /* wall ns, whole seconds: lastTransitionTime */
};

/* From a Pod of the API: its containers, and the times and readiness its status has already. */
void pod_status_init(struct pod_status *status, const json_t *pod, int64_t now);
void pod_status_done(struct pod_status *status);

/* The Pod changed: reads its containers anew. */
void pod_status_set_containers(struct pod_status *status, const json_t *pod);

/* The verdict; 'why' is copied. */
void pod_status_set_ready(struct pod_status *status, bool ready, const char *why, int64_t now);

/* {"status":{..}}: a merge patch of /status; a new reference. */
json_t *pod_status_patch(const struct pod_status *status);

/* True if the Pod has all that 'patch' would write. */
bool pod_status_is_written(const json_t *pod, const json_t *patch);
