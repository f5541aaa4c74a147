/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a write does to a Service before anything else looks at it: values the server allocated
 * stay although the client left them out, and go when the new type has no use for them
 * (registry/core/service: patchAllocatedValues, normalizeClusterIPs, dropTypeDependentFields).
 */
#include <string.h>

#include "kube/json.h"
#include "kube/kind_meta.h"
#include "kube/service.h"

static bool is_external_name(const json_t *spec)
{
	return service_is_type(spec, "ExternalName");
}

static void copy_member(json_t *spec, const json_t *old, const char *member)
{
	json_t *value = json_path(old, member);

	if (value)
		json_object_set_new(spec, member, json_deep_copy(value));
	else
		json_object_del(spec, member);
}

static void keep_cluster_ips(json_t *spec, const json_t *old)
{
	if (!json_path_str(spec, "clusterIP")[0])
		copy_member(spec, old, "clusterIP");
	if (json_array_size(json_path(spec, "clusterIPs")) == 0)
		copy_member(spec, old, "clusterIPs");
}

/* A bit a port number. */
struct port_set {
	uint8_t bits[(UINT16_MAX + 1) / 8];
};

static bool port_set_has(const struct port_set *set, int64_t port)
{
	return port > 0 && port <= UINT16_MAX && (set->bits[port / 8] >> (port % 8) & 1);
}

static struct port_set node_ports_of(const json_t *spec)
{
	struct port_set set = { { 0 } };
	const json_t *port;
	size_t i;

	json_array_foreach(json_path(spec, "ports"), i, port) {
		int64_t number = json_path_int(port, "nodePort", 0);

		if (number > 0 && number <= UINT16_MAX)
			set.bits[number / 8] |= (uint8_t)(1 << (number % 8));
	}
	return set;
}

/* The nodePort of each port name; of several ports of a name, the last one's.  A new reference. */
static json_t *node_ports_by_name(const json_t *spec)
{
	json_t *map = json_object();
	const json_t *port;
	size_t i;

	json_array_foreach(json_path(spec, "ports"), i, port)
		json_object_set(map, json_path_str(port, "name"), json_path(port, "nodePort"));
	return map;
}

/* By the name of the port; a number that is asked for elsewhere in the new spec is not kept. */
static void keep_node_ports(json_t *spec, const json_t *old)
{
	auto_json json_t *by_name = node_ports_by_name(old);
	struct port_set asked = node_ports_of(spec);
	json_t *port;
	size_t i;

	json_array_foreach(json_path(spec, "ports"), i, port) {
		json_t *number = json_object_get(by_name, json_path_str(port, "name"));

		if (json_path_int(port, "nodePort", 0) == 0 && json_integer_value(number) > 0 &&
		    !port_set_has(&asked, json_integer_value(number)))
			json_object_set(port, "nodePort", number);
	}
}

/* Lets a client that sends a manifest without allocated values keep them. */
static void keep_allocated(json_t *spec, const json_t *old)
{
	if (!is_external_name(old) && !is_external_name(spec))
		keep_cluster_ips(spec, old);
	if (service_uses_node_ports(old) && service_uses_node_ports(spec))
		keep_node_ports(spec, old);
	if (service_needs_health_check(old) && service_needs_health_check(spec) &&
	    json_path_int(spec, "healthCheckNodePort", 0) == 0)
		copy_member(spec, old, "healthCheckNodePort");
}

/*
 * clusterIP and clusterIPs say the same twice; a client that knows only the first may change it.  One
 * that changes only the second is told so by validation.
 */
static void sync_cluster_ips(json_t *spec, const json_t *old)
{
	const char *ip = json_path_str(spec, "clusterIP");

	if (!old) {
		if (ip[0] && json_array_size(json_path(spec, "clusterIPs")) == 0)
			json_object_set_new(spec, "clusterIPs", json_pack("[s]", ip));
		return;
	}
	if (json_array_size(json_path(spec, "clusterIPs")) == 0 &&
	    service_same(spec, old, "clusterIP"))
		copy_member(spec, old, "clusterIPs");
	if (service_same(spec, old, "clusterIP") || !service_same(spec, old, "clusterIPs"))
		return;
	if (ip[0])
		json_object_set_new(spec, "clusterIPs", json_pack("[s]", ip));
	else
		json_object_del(spec, "clusterIPs");
}

static void drop_cluster_ips(json_t *spec, const json_t *old)
{
	if (service_same(spec, old, "clusterIPs")) {
		json_object_del(spec, "clusterIP");
		json_object_del(spec, "clusterIPs");
	}
	if (service_same(spec, old, "ipFamilies"))
		json_object_del(spec, "ipFamilies");
	if (service_same(spec, old, "ipFamilyPolicy"))
		json_object_del(spec, "ipFamilyPolicy");
}

/* All of them, unless the client asks for a number the old object does not have. */
static void drop_node_ports(json_t *spec, const json_t *old)
{
	struct port_set known = node_ports_of(old);
	json_t *port;
	size_t i;

	json_array_foreach(json_path(spec, "ports"), i, port) {
		int64_t number = json_path_int(port, "nodePort", 0);

		if (number != 0 && !port_set_has(&known, number))
			return;
	}
	json_array_foreach(json_path(spec, "ports"), i, port)
		json_object_del(port, "nodePort");
}

static void drop_if_same(json_t *spec, const json_t *old, const char *member)
{
	if (service_same(spec, old, member))
		json_object_del(spec, member);
}

/*
 * Wipes what the old type needed and the new one may not have, if the client did not change it as
 * well: then it is an error for validation to tell.
 */
static void drop_unneeded(json_t *spec, const json_t *old)
{
	if (!is_external_name(old) && is_external_name(spec))
		drop_cluster_ips(spec, old);
	if (service_uses_node_ports(old) && !service_uses_node_ports(spec))
		drop_node_ports(spec, old);
	if (service_needs_health_check(old) && !service_needs_health_check(spec))
		drop_if_same(spec, old, "healthCheckNodePort");
	if (service_is_type(old, "LoadBalancer") && !service_is_type(spec, "LoadBalancer")) {
		drop_if_same(spec, old, "allocateLoadBalancerNodePorts");
		drop_if_same(spec, old, "loadBalancerClass");
	}
	if (service_is_externally_accessible(old) && !service_is_externally_accessible(spec))
		drop_if_same(spec, old, "externalTrafficPolicy");
}

/* What Kubernetes stores of an ExternalName and never shows (storage.go defaultOnRead). */
static void drop_unread(json_t *spec)
{
	const char *policy = json_path_str(spec, "internalTrafficPolicy");

	if (!is_external_name(spec))
		return;
	/* any other value is refused */
	if (strcmp(policy, "Cluster") == 0 || strcmp(policy, "Local") == 0)
		json_object_del(spec, "internalTrafficPolicy");
	if (!json_path_str(spec, "clusterIP")[0])
		json_object_del(spec, "clusterIP");
}

void service_prepare(json_t *object, const json_t *old, enum kind_write write)
{
	json_t *spec = json_path(object, "spec");
	const json_t *old_spec = json_path(old, "spec");

	kind_meta_prepare(object, old, write);
	if (write == KIND_CREATE)
		json_object_set_new(object, "status", json_pack("{s:{}}", "loadBalancer"));
	if (old && write != KIND_UPDATE_STATUS && !spec) {
		spec = json_object();
		json_object_set_new(object, "spec", spec);
	}
	if (write == KIND_UPDATE_STATUS || !json_is_object(spec))
		return;
	drop_unread(spec);
	if (!old) {
		sync_cluster_ips(spec, NULL);
		return;
	}
	keep_allocated(spec, old_spec);
	sync_cluster_ips(spec, old_spec);
	drop_unneeded(spec, old_spec);
	if (!service_is_type(spec, "LoadBalancer"))
		json_path_set(object, "status.loadBalancer", json_object());
}
