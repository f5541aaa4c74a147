/* SPDX-License-Identifier: Apache-2.0 */
/*
 * types - the objects controllers and agents keep, as typed structs.
 *
 * Read from a tree once, then the tree goes.  Every object owns an arena that holds it and all it
 * points to: x_free() is one call.  Objects are immutable after decoding and may be read by several
 * threads.  Decoding never fails on odd content (old objects may be anything): a field of a wrong
 * type reads as missing, an unparsable address leaves its endpoint out and counts in 'n_bad'.
 * Strings are never NULL, missing is "".
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/ipaddr.h"
#include "kube/selector.h"

struct meta {
	const char *namespace, *name, *uid;
	struct labels labels, annotations;
	uint64_t revision; /* metadata.resourceVersion */
	int64_t generation;
	int64_t created; /* wall ns */
	bool deleting;   /* deletionTimestamp is set */
};

enum protocol {
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_SCTP = 132
};

/* "TCP" ..., and back (0 if it is none). */
const char *protocol_name(enum protocol protocol);
enum protocol protocol_parse(const char *name);

enum service_type {
	SERVICE_CLUSTER_IP,
	SERVICE_NODE_PORT,
	SERVICE_LOAD_BALANCER,
	SERVICE_EXTERNAL_NAME
};

struct service_port {
	const char *name;
	enum protocol protocol;
	uint16_t port, node_port;
	uint16_t target_port;    /* 0 where it is a name */
	const char *target_name; /* "" where it is a number */
	const char *app_protocol;
};

struct ingress {
	struct ipaddr ip; /* family 0: hostname only */
	bool proxy;       /* ipMode Proxy */
};

struct service {
	struct arena arena;
	struct meta meta;
	enum service_type type;
	struct service_port *ports;
	size_t n_ports;
	bool has_selector;
	struct labels selector;
	bool headless; /* clusterIP "None" or none */
	struct ipaddr *cluster_ips;
	size_t n_cluster_ips;
	uint8_t families[2]; /* 4 or 6, in order of spec.ipFamilies */
	size_t n_families;
	struct ipaddr *external_ips;
	size_t n_external_ips;
	struct ingress *ingress; /* status.loadBalancer.ingress */
	size_t n_ingress;
	struct cidr *source_ranges;
	size_t n_source_ranges;
	bool external_local, internal_local; /* traffic policies */
	bool publish_not_ready;
	uint32_t affinity_seconds; /* 0 = None */
	uint16_t health_check_node_port;
	const char *traffic_distribution;
	unsigned int n_bad; /* values left out */
};

struct endpoint {
	struct ipaddr addr;               /* addresses[0] */
	bool ready, serving, terminating; /* nil conditions already resolved */
	const char *node, *zone, *hostname;
	const char *target_kind, *target_namespace, *target_name, *target_uid;
	const char *const *zone_hints; /* hints.forZones */
	size_t n_zone_hints;
	const char *const *node_hints; /* hints.forNodes */
	size_t n_node_hints;
};

struct slice_port {
	const char *name; /* "" where nil */
	enum protocol protocol;
	uint16_t port; /* 0 = nil: to be ignored */
	const char *app_protocol;
};

struct endpoint_slice {
	struct arena arena;
	struct meta meta;
	const char *service;    /* label kubernetes.io/service-name, "" if missing */
	const char *managed_by; /* label endpointslice.kubernetes.io/managed-by */
	const char *owner_uid;  /* of the controller ownerReference, "" */
	uint8_t family;         /* 4, 6; 0 for FQDN */
	struct endpoint *endpoints;
	size_t n_endpoints;
	struct slice_port *ports;
	size_t n_ports;
	unsigned int n_bad;
};

struct node {
	struct arena arena;
	struct meta meta;
	const char *zone,
		*hostname;        /* labels topology.kubernetes.io/zone, kubernetes.io/hostname */
	struct ipaddr *addresses; /* InternalIP, then ExternalIP */
	size_t n_addresses;
};

struct container_port {
	const char *name;
	enum protocol protocol;
	uint16_t port;
};

enum probe_type {
	PROBE_NONE,
	PROBE_HTTP,
	PROBE_TCP,
	PROBE_OTHER
};

/* The readinessProbe of the first container that has one. */
struct probe {
	enum probe_type type;
	const char *path;      /* httpGet.path, "/" by default */
	const char *scheme;    /* "HTTP" or "HTTPS" */
	const char *host;      /* "" = the Pod's address */
	const char *port_name; /* "" where 'port' is set */
	uint16_t port;
	uint32_t initial_delay_s, period_s, timeout_s; /* defaults 0, 10, 1 */
	uint32_t success_threshold, failure_threshold; /* defaults 1, 3 */
};

struct pod {
	struct arena arena;
	struct meta meta;
	const char *node; /* spec.nodeName */
	const char *hostname, *subdomain;
	const char *address;  /* annotation fairlead.dev/address: where a registered Pod is */
	const char *phase;    /* status.phase */
	bool ready;           /* condition Ready is True */
	struct ipaddr ips[2]; /* status.podIPs, at most one a family */
	size_t n_ips;
	struct container_port *ports; /* of all containers */
	size_t n_ports;
	struct probe probe;
};

/* 'object' is borrowed.  Each returns a new object on the heap (in its own arena). */
struct service *service_from_json(const json_t *object);
struct endpoint_slice *endpoint_slice_from_json(const json_t *object);
struct node *node_from_json(const json_t *object);
struct pod *pod_from_json(const json_t *object);

void service_free(struct service *service);
void endpoint_slice_free(struct endpoint_slice *slice);
void node_free(struct node *node);
void pod_free(struct pod *pod);

#define LABEL_SERVICE_NAME       "kubernetes.io/service-name"
#define LABEL_MANAGED_BY         "endpointslice.kubernetes.io/managed-by"
#define LABEL_HEADLESS           "service.kubernetes.io/headless"
#define LABEL_SERVICE_PROXY_NAME "service.kubernetes.io/service-proxy-name"
#define LABEL_ZONE               "topology.kubernetes.io/zone"
#define LABEL_HOSTNAME           "kubernetes.io/hostname"
#define ANNOTATION_ADDRESS       "fairlead.dev/address"
#define ANNOTATION_TRIGGER_TIME  "endpoints.kubernetes.io/last-change-trigger-time"
