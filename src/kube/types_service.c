/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "kube/json.h"
#include "kube/service.h"
#include "kube/types.h"
#include "kube/types_decode.h"

#define AFFINITY_SECONDS     10800 /* where a stored object says ClientIP and no time */
#define AFFINITY_SECONDS_MAX 86400

static enum service_type type_of(const json_t *spec)
{
	static const char *const names[] = {
		[SERVICE_CLUSTER_IP] = "ClusterIP",
		[SERVICE_NODE_PORT] = "NodePort",
		[SERVICE_LOAD_BALANCER] = "LoadBalancer",
		[SERVICE_EXTERNAL_NAME] = "ExternalName",
	};

	for (int i = SERVICE_CLUSTER_IP; i <= SERVICE_EXTERNAL_NAME; i++)
		if (service_is_type(spec, names[i]))
			return (enum service_type)i;
	return SERVICE_CLUSTER_IP;
}

/* False if the port is none or has no protocol. */
static bool read_port(struct service_port *port, const json_t *json, struct arena *arena)
{
	const char *protocol = json_path_str(json, "protocol");
	const json_t *target = json_path(json, "targetPort");

	port->name = types_string(json, "name", arena);
	port->protocol = protocol_parse(protocol[0] ? protocol : "TCP");
	port->port = types_port(json, "port");
	port->node_port = types_port(json, "nodePort");
	port->target_port = types_port(json, "targetPort");
	port->target_name = types_string(json, "targetPort", arena);
	port->app_protocol = types_string(json, "appProtocol", arena);
	if (!target)
		port->target_port = port->port;
	return port->protocol && port->port && (port->target_port || port->target_name[0]);
}

static void read_ports(struct service *service, const json_t *list, struct arena *arena)
{
	const json_t *json;
	size_t i;

	service->ports = types_array(arena, struct service_port, json_array_size(list));
	json_array_foreach(list, i, json) {
		if (read_port(&service->ports[service->n_ports], json, arena))
			service->n_ports++;
		else
			service->n_bad++;
	}
}

static void read_cluster_ips(struct service *service, const json_t *spec, struct arena *arena)
{
	const char *ip = json_path_str(spec, "clusterIP");
	const json_t *ips = json_path(spec, "clusterIPs");
	auto_json json_t *single = json_pack("[s]", ip);

	if (json_array_size(ips) > 0)
		ip = json_is_string(json_array_get(ips, 0))
		             ? json_string_value(json_array_get(ips, 0))
		             : "";
	else
		ips = single;
	service->headless = !ip[0] || strcmp(ip, "None") == 0;
	if (!service->headless)
		service->cluster_ips = types_addresses(ips, arena, &service->n_cluster_ips,
		                                       &service->n_bad);
}

static void add_family(struct service *service, uint8_t family)
{
	if (service->n_families == 2 || (service->n_families && service->families[0] == family))
		return;
	service->families[service->n_families++] = family;
}

static void read_families(struct service *service, const json_t *list)
{
	const json_t *json;
	size_t i;

	json_array_foreach(list, i, json) {
		const char *name = json_is_string(json) ? json_string_value(json) : "";

		if (strcmp(name, "IPv4") == 0)
			add_family(service, 4);
		else if (strcmp(name, "IPv6") == 0)
			add_family(service, 6);
		else
			service->n_bad++;
	}
	/* Objects older than the field have the families of their addresses. */
	for (i = 0; service->n_families == 0 && i < service->n_cluster_ips; i++)
		add_family(service, service->cluster_ips[i].family);
}

static void read_ingress(struct service *service, const json_t *list, struct arena *arena)
{
	const json_t *json;
	size_t i;

	service->ingress = types_array(arena, struct ingress, json_array_size(list));
	json_array_foreach(list, i, json) {
		struct ingress *ingress = &service->ingress[service->n_ingress];
		const char *ip = json_path_str(json, "ip");

		if (ip[0] && ipaddr_parse(ip, &ingress->ip) < 0) {
			service->n_bad++;
			continue;
		}
		ingress->proxy = strcmp(json_path_str(json, "ipMode"), "Proxy") == 0;
		service->n_ingress++;
	}
}

/* One range of 'n' bytes; blanks around it were always allowed. */
static void add_range(struct service *service, const char *text, size_t n)
{
	char copy[IPADDR_TEXT_SIZE + 8];

	while (n > 0 && isspace((unsigned char)text[0])) {
		text++;
		n--;
	}
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	if (n >= sizeof(copy)) {
		service->n_bad++;
		return;
	}
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (cidr_parse(copy, &service->source_ranges[service->n_source_ranges]) == 0)
		service->n_source_ranges++;
	else
		service->n_bad++;
}

static size_t count_commas(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == ',';
	return n;
}

/* The annotation counts only where the field is empty. */
static void read_source_ranges(struct service *service, const json_t *list, struct arena *arena)
{
	const char *text = labels_get(&service->meta.annotations, ANNOTATION_SOURCE_RANGES);
	size_t i, n = json_array_size(list);
	const json_t *json;

	if (n > 0)
		text = NULL;
	else if (text && text[0])
		n = count_commas(text) + 1;
	service->source_ranges = types_array(arena, struct cidr, n);
	json_array_foreach(list, i, json) {
		const char *range = json_is_string(json) ? json_string_value(json) : "";

		add_range(service, range, strlen(range));
	}
	while (text && text[0]) {
		size_t length = strcspn(text, ",");

		add_range(service, text, length);
		text += length;
		text += *text == ',';
	}
}

static uint32_t affinity_of(const json_t *spec)
{
	int64_t seconds = json_path_int(spec, "sessionAffinityConfig.clientIP.timeoutSeconds",
	                                AFFINITY_SECONDS);

	if (strcmp(json_path_str(spec, "sessionAffinity"), "ClientIP") != 0)
		return 0;
	if (seconds <= 0 || seconds > AFFINITY_SECONDS_MAX)
		return AFFINITY_SECONDS;
	return (uint32_t)seconds;
}

static bool is_local(const json_t *spec, const char *member)
{
	return strcmp(json_path_str(spec, member), "Local") == 0;
}

struct service *service_from_json(const json_t *object)
{
	const json_t *spec = json_path(object, "spec");
	struct arena arena = ARENA_INIT;
	struct service *service = arena_new(&arena, struct service);

	service->meta = types_meta(object, &arena);
	service->type = type_of(spec);
	service->selector = labels_from_json(json_path(spec, "selector"), &arena);
	service->has_selector = service->selector.n > 0;
	service->external_local = is_local(spec, "externalTrafficPolicy");
	service->internal_local = is_local(spec, "internalTrafficPolicy");
	service->publish_not_ready = json_path_bool(spec, "publishNotReadyAddresses", false);
	service->affinity_seconds = affinity_of(spec);
	service->health_check_node_port = types_port(spec, "healthCheckNodePort");
	service->traffic_distribution = types_string(spec, "trafficDistribution", &arena);
	read_ports(service, json_path(spec, "ports"), &arena);
	read_cluster_ips(service, spec, &arena);
	read_families(service, json_path(spec, "ipFamilies"));
	service->external_ips = types_addresses(json_path(spec, "externalIPs"), &arena,
	                                        &service->n_external_ips, &service->n_bad);
	read_ingress(service, json_path(object, "status.loadBalancer.ingress"), &arena);
	read_source_ranges(service, json_path(spec, "loadBalancerSourceRanges"), &arena);
	service->arena = arena;
	return service;
}

void service_free(struct service *service)
{
	struct arena arena;

	if (!service)
		return;
	/* The object is in its own arena. */
	arena = service->arena;
	arena_done(&arena);
}
