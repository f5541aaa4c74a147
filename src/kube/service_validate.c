/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of a Service in the order of core/validation ValidateService. */
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/service.h"
#include "kube/validate.h"

#define AFFINITY_SECONDS_MAX 86400
#define ONLY_LOAD_BALANCER   "may only be used when `type` is 'LoadBalancer'"

static void check_topology_annotations(const json_t *object, struct field_errors *errs)
{
	const json_t *annotations = json_path(object, "metadata.annotations");
	const char *mode =
		json_string_value(json_object_get(annotations, ANNOTATION_TOPOLOGY_MODE));
	const char *hints =
		json_string_value(json_object_get(annotations, ANNOTATION_TOPOLOGY_HINTS));

	if (mode && hints && strcmp(mode, hints) != 0)
		field_invalid_string(errs, "metadata.annotations[" ANNOTATION_TOPOLOGY_MODE "]",
		                     mode,
		                     "must match annotations[" ANNOTATION_TOPOLOGY_HINTS
		                     "] when both are specified");
}

static void check_external_name(const json_t *spec, struct field_errors *errs)
{
	static const char reason[] = "may not be set for ExternalName services";
	auto_free char *name = xstrdup(json_path_str(spec, "externalName"));
	size_t n = strlen(name);

	if (json_array_size(json_path(spec, "clusterIPs")) > 0)
		field_forbidden(errs, "spec.clusterIPs", reason);
	if (json_array_size(json_path(spec, "ipFamilies")) > 0)
		field_forbidden(errs, "spec.ipFamilies", reason);
	if (json_path(spec, "ipFamilyPolicy"))
		field_forbidden(errs, "spec.ipFamilyPolicy", reason);
	if (n > 0 && name[n - 1] == '.')
		name[n - 1] = '\0';
	if (name[0])
		validate_name(errs, "spec.externalName", name, name_check_dns_subdomain);
	else
		field_required(errs, "spec.externalName", "");
}

static void check_type_rules(const json_t *spec, struct field_errors *errs)
{
	const char *type = service_type(spec);
	bool headless = service_is_headless(spec);

	if (json_array_size(json_path(spec, "ports")) == 0 && !headless &&
	    strcmp(type, "ExternalName") != 0)
		field_required(errs, "spec.ports", "");
	if (headless && strcmp(type, "LoadBalancer") == 0)
		field_invalid_string(errs, "spec.clusterIPs[0]", "None",
		                     "may not be set to 'None' for LoadBalancer services");
	if (headless && strcmp(type, "NodePort") == 0)
		field_invalid_string(errs, "spec.clusterIPs[0]", "None",
		                     "may not be set to 'None' for NodePort services");
	if (strcmp(type, "ExternalName") == 0)
		check_external_name(spec, errs);
}

static void check_port(const json_t *port, size_t i, struct field_errors *errs)
{
	const char *app = json_path_string(port, "appProtocol");
	json_t *target = json_path(port, "targetPort");

	validate_port(errs, field_path("spec.ports[%zu].port", i), json_path(port, "port"));
	validate_protocol(errs, field_path("spec.ports[%zu].protocol", i),
	                  json_path_str(port, "protocol"));
	/* Where it is missing it had no port to default from, which is told already. */
	if (target)
		validate_port_or_name(errs, field_path("spec.ports[%zu].targetPort", i), target);
	if (app)
		validate_name(errs, field_path("spec.ports[%zu].appProtocol", i), app,
		              name_check_label_key);
}

static void check_ports(const json_t *ports, struct field_errors *errs)
{
	size_t i, n = json_array_size(ports);
	struct validate_set names = { 0 };
	const json_t *port;

	json_array_foreach(ports, i, port) {
		const char *name = json_path_str(port, "name");
		const char *path = field_path("spec.ports[%zu].name", i);

		if (!name[0] && n > 1)
			field_required(errs, path, "");
		if (name[0]) {
			validate_name(errs, path, name, name_check_dns_label);
			if (validate_set_has(&names, name, 0))
				field_duplicate(errs, path, json_path(port, "name"));
		}
		check_port(port, i, errs);
	}
	validate_set_done(&names);
}

static void check_affinity(const json_t *spec, struct field_errors *errs)
{
	static const char *const supported[] = { "ClientIP", "None", NULL };
	static const char path[] = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
	const char *affinity = json_path_str(spec, "sessionAffinity");
	const json_t *timeout = json_path(spec, "sessionAffinityConfig.clientIP.timeoutSeconds");
	int64_t seconds = json_integer_value(timeout);

	validate_one_of(errs, "spec.sessionAffinity", affinity, supported);
	if (strcmp(affinity, "ClientIP") != 0)
		return;
	if (!timeout)
		field_required(errs, path, "when session affinity type is ClientIP");
	else if (seconds <= 0 || seconds > AFFINITY_SECONDS_MAX)
		field_invalid(errs, path, timeout, "must be greater than 0 and less than 86400");
}

static void check_external_ips(const json_t *spec, const json_t *old_spec,
                               struct field_errors *errs)
{
	const json_t *value, *known = json_path(old_spec, "externalIPs");
	struct ipaddr addr;
	size_t i;

	json_array_foreach(json_path(spec, "externalIPs"), i, value) {
		const char *path = field_path("spec.externalIPs[%zu]", i);
		const char *text = json_string_value(value);

		if (!text || validate_has_string(known, text))
			continue;
		if (validate_ip(errs, path, text, &addr))
			validate_ordinary_ip(errs, path, text, &addr);
	}
}

/* The key of a port as Go prints the struct it compares by. */
static json_t *port_key(const char *protocol, int64_t port)
{
	return json_pack("{s:s, s:s, s:n, s:I, s:i, s:i}", "Name", "", "Protocol", protocol,
	                 "AppProtocol", "Port", (json_int_t)port, "TargetPort", 0, "NodePort", 0);
}

static void check_repeated_ports(const json_t *ports, struct field_errors *errs)
{
	struct validate_set met = { 0 };
	const json_t *port;
	size_t i;

	json_array_foreach(ports, i, port) {
		const char *protocol = json_path_str(port, "protocol");
		int64_t number = json_path_int(port, "port", 0);

		if (validate_set_has(&met, protocol, number)) {
			auto_json json_t *key = port_key(protocol, number);

			field_duplicate(errs, field_path("spec.ports[%zu]", i), key);
		}
	}
	validate_set_done(&met);
}

static void check_node_ports(const json_t *spec, struct field_errors *errs)
{
	const json_t *ports = json_path(spec, "ports"), *port;
	bool forbidden = service_is_type(spec, "ClusterIP");
	struct validate_set met = { 0 };
	size_t i;

	json_array_foreach(ports, i, port)
		if (forbidden && json_path_int(port, "nodePort", 0) != 0)
			field_forbidden(errs, field_path("spec.ports[%zu].nodePort", i),
			                "may not be used when `type` is 'ClusterIP'");
	json_array_foreach(ports, i, port) {
		int64_t number = json_path_int(port, "nodePort", 0);

		if (number != 0 && validate_set_has(&met, json_path_str(port, "protocol"), number))
			field_duplicate(errs, field_path("spec.ports[%zu].nodePort", i),
			                json_path(port, "nodePort"));
	}
	validate_set_done(&met);
}

/* 'text' without blanks around it; these were always allowed here.  Heap. */
static char *trimmed(const char *text, size_t n)
{
	while (n > 0 && isspace((unsigned char)text[0])) {
		text++;
		n--;
	}
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	return xstrndup(text, n);
}

static void check_source_ranges_annotation(const json_t *object, const json_t *spec,
                                           struct field_errors *errs)
{
	static const char path[] = "metadata.annotations[" ANNOTATION_SOURCE_RANGES "]";
	const json_t *annotations = json_path(object, "metadata.annotations");
	const char *text =
		json_string_value(json_object_get(annotations, ANNOTATION_SOURCE_RANGES));

	if (!text)
		return;
	if (!service_is_type(spec, "LoadBalancer"))
		field_forbidden(errs, path, ONLY_LOAD_BALANCER);
	if (text[strspn(text, " \t\n\v\f\r")] == '\0')
		return;
	for (;; text++) {
		size_t n = strcspn(text, ",");
		auto_free char *range = trimmed(text, n);

		validate_cidr(errs, path, range);
		text += n;
		if (!*text)
			return;
	}
}

static void check_source_ranges(const json_t *object, const json_t *spec, const json_t *old_spec,
                                struct field_errors *errs)
{
	const json_t *ranges = json_path(spec, "loadBalancerSourceRanges"), *value;
	const json_t *known = json_path(old_spec, "loadBalancerSourceRanges");
	size_t i;

	if (json_array_size(ranges) == 0) {
		check_source_ranges_annotation(object, spec, errs);
		return;
	}
	if (!service_is_type(spec, "LoadBalancer"))
		field_forbidden(errs, "spec.LoadBalancerSourceRanges", ONLY_LOAD_BALANCER);
	json_array_foreach(ranges, i, value) {
		const char *text = json_string_value(value);
		auto_free char *range = text ? trimmed(text, strlen(text)) : NULL;

		if (range && !validate_has_string(known, text))
			validate_cidr(errs, field_path("spec.LoadBalancerSourceRanges[%zu]", i),
			              range);
	}
}

static void check_load_balancer(const json_t *spec, struct field_errors *errs)
{
	const char *class = json_path_string(spec, "loadBalancerClass");
	bool load_balancer = service_is_type(spec, "LoadBalancer");

	if (json_path(spec, "allocateLoadBalancerNodePorts") && !load_balancer)
		field_forbidden(errs, "spec.allocateLoadBalancerNodePorts", ONLY_LOAD_BALANCER);
	if (class && load_balancer)
		validate_name(errs, "spec.loadBalancerClass", class, name_check_label_key);
	else if (class)
		field_forbidden(errs, "spec.loadBalancerClass", ONLY_LOAD_BALANCER);
}

static void check_health_port(const json_t *spec, struct field_errors *errs)
{
	const json_t *port = json_path(spec, "healthCheckNodePort");
	bool set = json_integer_value(port) != 0;

	if (!service_needs_health_check(spec)) {
		if (set)
			field_invalid(errs, "spec.healthCheckNodePort", port,
			              "may only be set when `type` is 'LoadBalancer' and "
			              "`externalTrafficPolicy` is 'Local'");
	} else if (!set) {
		field_required(errs, "spec.healthCheckNodePort", "");
	} else {
		validate_port(errs, "spec.healthCheckNodePort", port);
	}
}

static void check_policies(const json_t *spec, struct field_errors *errs)
{
	static const char *const policies[] = { "Cluster", "Local", NULL };
	static const char *const distributions[] = { "PreferClose", "PreferSameZone",
		                                     "PreferSameNode", NULL };
	const char *external = json_path_str(spec, "externalTrafficPolicy");
	const char *internal = json_path_string(spec, "internalTrafficPolicy");
	const char *distribution = json_path_string(spec, "trafficDistribution");

	if (service_is_externally_accessible(spec))
		validate_one_of(errs, "spec.externalTrafficPolicy", external, policies);
	else if (external[0])
		field_invalid_string(errs, "spec.externalTrafficPolicy", external,
		                     "may only be set for externally-accessible services");
	check_health_port(spec, errs);
	if (internal && !internal[0])
		field_unsupported(errs, "spec.internalTrafficPolicy", "", policies);
	else if (internal)
		validate_one_of(errs, "spec.internalTrafficPolicy", internal, policies);
	if (distribution && !distribution[0])
		field_unsupported(errs, "spec.trafficDistribution", "", distributions);
	else if (distribution)
		validate_one_of(errs, "spec.trafficDistribution", distribution, distributions);
}

static void check_spec(const json_t *object, const json_t *spec, const json_t *old_spec,
                       struct field_errors *errs)
{
	static const char *const types[] = { "ClusterIP", "ExternalName", "LoadBalancer",
		                             "NodePort", NULL };

	check_type_rules(spec, errs);
	check_ports(json_path(spec, "ports"), errs);
	validate_labels(errs, "spec.selector", json_path(spec, "selector"));
	check_affinity(spec, errs);
	service_validate_ips(spec, old_spec, errs);
	check_external_ips(spec, old_spec, errs);
	validate_one_of(errs, "spec.type", json_path_str(spec, "type"), types);
	check_node_ports(spec, errs);
	check_repeated_ports(json_path(spec, "ports"), errs);
	check_source_ranges(object, spec, old_spec, errs);
	check_load_balancer(spec, errs);
	check_policies(spec, errs);
}

void service_validate(const json_t *object, const json_t *old, enum kind_write write,
                      struct field_errors *errs)
{
	const json_t *spec = json_path(object, "spec"), *old_spec = json_path(old, "spec");

	kind_validate_meta(&kind_service, object, old, errs);
	if (write == KIND_UPDATE_STATUS) {
		service_validate_status(object, old, errs);
		return;
	}
	if (old)
		service_validate_update(spec, old_spec, errs);
	check_topology_annotations(object, errs);
	check_spec(object, spec, old_spec, errs);
}
