/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults of a Service, in the order of core/v1/defaults.go SetDefaults_Service. */
#include <string.h>

#include "kube/json.h"
#include "kube/service.h"

#define AFFINITY_SECONDS 10800

static void default_affinity(json_t *spec)
{
	if (!json_path_str(spec, "sessionAffinity")[0])
		json_path_set(spec, "sessionAffinity", json_string("None"));
	if (strcmp(json_path_str(spec, "sessionAffinity"), "None") == 0)
		json_object_del(spec, "sessionAffinityConfig");
	if (strcmp(json_path_str(spec, "sessionAffinity"), "ClientIP") == 0 &&
	    !json_path(spec, "sessionAffinityConfig.clientIP.timeoutSeconds"))
		json_path_set(spec, "sessionAffinityConfig.clientIP.timeoutSeconds",
		              json_integer(AFFINITY_SECONDS));
}

static void default_port(json_t *port)
{
	const json_t *target = json_path(port, "targetPort");
	json_t *number = json_path(port, "port");

	if (!json_is_object(port))
		return;
	if (!json_path_str(port, "protocol")[0])
		json_object_set_new(port, "protocol", json_string("TCP"));
	if (number && (!target || (json_is_integer(target) && json_integer_value(target) == 0) ||
	               (json_is_string(target) && json_string_length(target) == 0)))
		json_object_set(port, "targetPort", number);
}

static void default_load_balancer(json_t *object, json_t *spec)
{
	const json_t *ingress = json_path(object, "status.loadBalancer.ingress");
	json_t *point;
	size_t i;

	if (!json_path(spec, "allocateLoadBalancerNodePorts"))
		json_object_set_new(spec, "allocateLoadBalancerNodePorts", json_true());
	json_array_foreach(ingress, i, point)
		if (json_path_str(point, "ip")[0] && !json_path(point, "ipMode"))
			json_object_set_new(point, "ipMode", json_string("VIP"));
}

void service_set_defaults(json_t *object)
{
	json_t *spec = json_path(object, "spec");
	json_t *port;
	size_t i;

	if (!spec) {
		spec = json_object();
		json_object_set_new(object, "spec", spec);
	}
	if (!json_is_object(spec))
		return;
	default_affinity(spec);
	if (!json_path_str(spec, "type")[0])
		json_object_set_new(spec, "type", json_string("ClusterIP"));
	json_array_foreach(json_path(spec, "ports"), i, port)
		default_port(port);
	if (service_is_externally_accessible(spec) &&
	    !json_path_str(spec, "externalTrafficPolicy")[0])
		json_object_set_new(spec, "externalTrafficPolicy", json_string("Cluster"));
	if (!json_path(spec, "internalTrafficPolicy") &&
	    (service_is_type(spec, "ClusterIP") || service_uses_node_ports(spec)))
		json_object_set_new(spec, "internalTrafficPolicy", json_string("Cluster"));
	if (service_is_type(spec, "LoadBalancer"))
		default_load_balancer(object, spec);
}
