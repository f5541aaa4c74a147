/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan - Kubernetes policy as a pure function: a Service, its EndpointSlices and this node in;
 * frontends and the windows of backends they may use out.  No I/O, no clock, no globals.
 *
 * Services do not depend on each other, so the unit is one Service: after an event the agent plans
 * that Service anew and hands the result to the datapath.  Rules: kube-proxy 1.36 (endpoint
 * selection is CategorizeEndpoints).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/ipaddr.h"
#include "kube/types.h"

/* What the policy needs to know of the node it plans for. */
struct plan_node {
	const char *name; /* never NULL */
	const char *zone; /* "" if unknown */
};

enum plan_frontend_type {
	PLAN_CLUSTER_IP,
	PLAN_NODE_PORT, /* addr is all zeros: every address of the node */
	PLAN_EXTERNAL_IP,
	PLAN_LOAD_BALANCER,
};

/* The runs of backends of a service port. */
enum plan_window_id {
	PLAN_WINDOW_ALL,   /* every usable endpoint of the cluster */
	PLAN_WINDOW_LOCAL, /* those on this node, where a policy Local asks for them */
	PLAN_WINDOW_TOPOLOGY, /* the subset that topology hints choose for this node; without hints, all */
	PLAN_WINDOWS,
};

struct plan_frontend {
	enum plan_frontend_type type;
	struct ipaddr addr;
	uint16_t port;
	/*
	 * The window for clients of the node itself and its Pods (what the socket path sees), and for clients
	 * from outside (the packet path).  ALL where no hints are in effect, else TOPOLOGY; LOCAL by
	 * policy.  A window LOCAL without backends beside an ALL with some means "drop" to Kubernetes, an
	 * ALL without any "refuse".
	 */
	enum plan_window_id internal, external;
};

struct plan_backend {
	struct ipaddr addr;
	uint16_t port;
	bool local;
	bool ready;       /* false: serving while terminating, the fall-back */
	const char *node; /* "" if unknown */
	const char *zone;
	const char *target; /* "ns/name" of the Pod, "" */
};

struct plan_window {
	uint32_t *index; /* into backends, ascending */
	size_t n;
};

/* An endpoint that is in no window, and why ("not ready", "duplicate of slice x" ...). */
struct plan_left_out {
	const char *endpoint; /* "10.0.0.1:80" or the address where no port applies */
	const char *slice;
	const char *why;
};

/* One port of a Service in one address family. */
struct plan_port {
	const char *name; /* of the service port, "" */
	enum protocol protocol;
	uint16_t port;
	uint8_t family; /* 4 or 6 */
	struct plan_frontend *frontends;
	size_t n_frontends;
	struct plan_backend
		*backends; /* sorted by address and port; each is in at least one window */
	size_t n_backends;
	struct plan_window windows[PLAN_WINDOWS];
	uint32_t affinity_seconds; /* ClientIP; 0 = none */
	/* Who may use the PLAN_LOAD_BALANCER frontends; none: everybody. */
	struct cidr *source_ranges;
	size_t n_source_ranges;
	struct plan_left_out *left_out;
	size_t n_left_out;
};

struct plan_service {
	struct arena arena; /* owns all of it */
	const char *namespace, *name;
	struct plan_port *ports; /* none for a Service the proxy must ignore */
	size_t n_ports;
	const char *ignored; /* why it has none ("headless", "type ExternalName" ...), "" otherwise */
	uint16_t health_port; /* the healthCheckNodePort to answer on; 0: none */
	uint32_t local_ready; /* with it: the ready endpoints of this node, in the first family */
	unsigned int n_bad;   /* values of the Service and its slices that no client can use */
};

/* 'slices' are those labelled with the Service's name, in any order.  Never fails. */
struct plan_service *plan_service_new(const struct service *service,
                                      const struct endpoint_slice *const *slices, size_t n,
                                      const struct plan_node *node);
void plan_service_free(struct plan_service *plan);

/* What 'fairlead plan' prints. */
void plan_service_print(const struct plan_service *plan, struct buf *out);
json_t *plan_service_json(const struct plan_service *plan);
