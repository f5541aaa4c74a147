/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent - what runs on every node: it watches Services, EndpointSlices and its Node, plans, and
 * makes the datapath follow; it probes the node's Pods and reports their readiness.
 *
 * The catalog is rebuilt from the API at any time; an API outage changes nothing on the node.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "client/client.h"
#include "node/monitor.h"

struct agent;

struct agent_config {
	const char *node_name; /* never NULL */
	struct ipaddr node_ip; /* family 0: the source address of the default route, else loopback */
	const char *pin_dir, *cgroup;            /* NULL: as in datapath.h */
	bool register_node;                      /* make and refresh the Node object (standalone) */
	struct monitor_address healthz, metrics; /* of its HTTP servers */
};

/* Opens the datapath and starts watching through 'client' (borrowed). */
int agent_new(struct client *client, const struct agent_config *config, struct agent **ret,
              struct err *err);

/* Leaves the datapath in effect. */
void agent_free(struct agent *agent);

/* True once Services and EndpointSlices have synced and been applied. */
bool agent_ready(const struct agent *agent);
