/* SPDX-License-Identifier: Apache-2.0 */
#include "control/slice_endpoint.h"

#include <string.h>

#include "base/hmap.h"

#define ANNOTATION_TOPOLOGY_MODE  "service.kubernetes.io/topology-mode"
#define ANNOTATION_TOPOLOGY_HINTS "service.kubernetes.io/topology-aware-hints"

const struct ipaddr *slice_pod_address(const struct pod *pod, uint8_t family)
{
	for (size_t i = 0; i < pod->n_ips; i++)
		if (pod->ips[i].family == family)
			return &pod->ips[i];
	return NULL;
}

bool slice_pod_counts(const struct service *service, const struct slice_pod *pod)
{
	const char *phase = pod->pod->phase;

	if (strcmp(phase, "Failed") == 0 || strcmp(phase, "Succeeded") == 0)
		return false;
	/*
	 * A Pod that outlived its Node's object is not to be connected to, unless the user wants
	 * every address published.  A registered Pod may be on no Node at all.
	 */
	return !*pod->pod->node || pod->node_known || service->publish_not_ready;
}

/* topology-mode takes precedence over trafficDistribution, and hints of its own are not made yet. */
static bool topology_mode(const struct service *service)
{
	static const char *const keys[] = { ANNOTATION_TOPOLOGY_MODE, ANNOTATION_TOPOLOGY_HINTS };

	for (size_t i = 0; i < 2; i++) {
		const char *value = labels_get(&service->meta.annotations, keys[i]);

		if (value && (strcmp(value, "Auto") == 0 || strcmp(value, "auto") == 0))
			return true;
	}
	return false;
}

static const char *const *one_hint(struct arena *arena, const char *name)
{
	const char **list = arena_array(arena, const char *, 1);

	list[0] = name;
	return list;
}

static void add_hints(const struct service *service, struct endpoint *endpoint, struct arena *arena)
{
	const char *wish = service->traffic_distribution;
	bool same_node = strcmp(wish, "PreferSameNode") == 0;

	if (!same_node && strcmp(wish, "PreferClose") != 0 && strcmp(wish, "PreferSameZone") != 0)
		return;
	if (!endpoint->ready || !*endpoint->zone || topology_mode(service))
		return;
	endpoint->zone_hints = one_hint(arena, endpoint->zone);
	endpoint->n_zone_hints = 1;
	if (same_node && *endpoint->node) {
		endpoint->node_hints = one_hint(arena, endpoint->node);
		endpoint->n_node_hints = 1;
	}
}

struct endpoint slice_endpoint_make(const struct service *service,
                                    const struct slice_pod *slice_pod, uint8_t family,
                                    struct arena *arena)
{
	const struct pod *pod = slice_pod->pod;
	bool named = *pod->hostname && strcmp(pod->subdomain, service->meta.name) == 0;
	struct endpoint endpoint = {
		.addr = *slice_pod_address(pod, family),
		.serving = pod->ready,
		.terminating = pod->meta.deleting,
		.ready = service->publish_not_ready || (pod->ready && !pod->meta.deleting),
		.node = pod->node,
		.zone = slice_pod->zone,
		.hostname = named ? pod->hostname : "",
		.target_kind = "Pod",
		.target_namespace = pod->meta.namespace,
		.target_name = pod->meta.name,
		.target_uid = pod->meta.uid,
	};

	add_hints(service, &endpoint, arena);
	return endpoint;
}

bool slice_endpoint_same(const struct endpoint *a, const struct endpoint *b)
{
	return ipaddr_equal(&a->addr, &b->addr) && strcmp(a->hostname, b->hostname) == 0 &&
	       strcmp(a->target_namespace, b->target_namespace) == 0 &&
	       strcmp(a->target_name, b->target_name) == 0;
}

uint64_t slice_endpoint_hash(const struct endpoint *endpoint)
{
	return hash_combine(hash_bytes(endpoint->addr.bytes, sizeof(endpoint->addr.bytes)),
	                    hash_str(endpoint->target_name));
}

static bool names_equal(const char *const *a, size_t n_a, const char *const *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

bool slice_endpoint_state_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->ready == b->ready && a->serving == b->serving &&
	       a->terminating == b->terminating && strcmp(a->node, b->node) == 0 &&
	       strcmp(a->zone, b->zone) == 0 && strcmp(a->target_kind, b->target_kind) == 0 &&
	       strcmp(a->target_uid, b->target_uid) == 0 &&
	       names_equal(a->zone_hints, a->n_zone_hints, b->zone_hints, b->n_zone_hints) &&
	       names_equal(a->node_hints, a->n_node_hints, b->node_hints, b->n_node_hints);
}

/* podutil.FindPort; 0: the Pod has none of that name and protocol. */
static uint16_t find_port(const struct service_port *port, const struct pod *pod)
{
	if (!*port->target_name)
		return port->target_port ? port->target_port : port->port;
	for (size_t i = 0; i < pod->n_ports; i++)
		if (pod->ports[i].protocol == port->protocol &&
		    strcmp(pod->ports[i].name, port->target_name) == 0)
			return pod->ports[i].port;
	return 0;
}

size_t slice_ports_make(const struct service *service, const struct pod *pod, struct arena *arena,
                        struct slice_port **ret)
{
	struct slice_port *ports = arena_array(arena, struct slice_port, service->n_ports);
	size_t n = 0;

	for (size_t i = 0; i < service->n_ports; i++) {
		const struct service_port *port = &service->ports[i];
		uint16_t number = find_port(port, pod);

		if (number)
			ports[n++] = (struct slice_port){ .name = port->name,
				                          .protocol = port->protocol,
				                          .port = number,
				                          .app_protocol = port->app_protocol };
	}
	*ret = ports;
	return n;
}

static bool port_equal(const struct slice_port *a, const struct slice_port *b)
{
	return a->protocol == b->protocol && a->port == b->port && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->app_protocol, b->app_protocol) == 0;
}

bool slice_ports_equal(const struct slice_port *a, size_t n_a, const struct slice_port *b,
                       size_t n_b)
{
	size_t found = 0;

	if (n_a != n_b)
		return false;
	/* names are unique within a slice, so each of 'a' can be only one of 'b' */
	for (size_t i = 0; i < n_a; i++)
		for (size_t j = 0; j < n_b; j++)
			found += port_equal(&a[i], &b[j]);
	return found == n_a;
}
