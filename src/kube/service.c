/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/service.h"

#include <string.h>

#include "base/mem.h"
#include "kube/json.h"
#include "kube/schema.h"

static const char *const short_names[] = { "svc", NULL };
static const char *const categories[] = { "all", NULL };
static const char *const fields[] = { "spec.clusterIP", "spec.type", NULL };

static const struct merge_key merge_keys[] = {
	{ "spec.ports", "port" },
	{ "status.conditions", "type" },
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique within a namespace.", 0 },
	{ "Type", "string", "", "How the Service is exposed.", 0 },
	{ "Cluster-IP", "string", "", "The IP address of the service.", 0 },
	{ "External-IP", "string", "", "Addresses from outside the cluster.", 0 },
	{ "Port(s)", "string", "", "The ports that are exposed by this service.", 0 },
	{ "Age", "string", "", "The time since the object was created.", 0 },
	{ "Selector", "string", "", "Labels of the Pods traffic goes to.", 1 },
};

const struct kind kind_service = {
	.group = "",
	.version = "v1",
	.api_version = "v1",
	.name = "Service",
	.plural = "services",
	.singular = "service",
	.short_names = short_names,
	.categories = categories,
	.namespaced = true,
	.has_status = true,
	.create_on_update = true,
	.delete_returns_object = true,
	.fields = fields,
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_service,
	.check_name = name_check_dns_label,
	.prepare = service_prepare,
	.set_defaults = service_set_defaults,
	.validate = service_validate,
	.warn = service_warn,
	.row = service_row,
};

const char *service_type(const json_t *spec)
{
	const char *type = json_path_str(spec, "type");

	return type[0] ? type : "ClusterIP";
}

bool service_is_type(const json_t *spec, const char *type)
{
	return strcmp(service_type(spec), type) == 0;
}

bool service_is_headless(const json_t *spec)
{
	const json_t *ips = json_path(spec, "clusterIPs");
	const char *ip = json_string_value(json_array_get(ips, 0));

	return json_array_size(ips) == 1 && ip && strcmp(ip, "None") == 0;
}

bool service_uses_node_ports(const json_t *spec)
{
	return service_is_type(spec, "NodePort") || service_is_type(spec, "LoadBalancer");
}

bool service_is_externally_accessible(const json_t *spec)
{
	return service_uses_node_ports(spec) ||
	       (service_is_type(spec, "ClusterIP") &&
	        json_array_size(json_path(spec, "externalIPs")) > 0);
}

bool service_needs_health_check(const json_t *spec)
{
	return service_is_type(spec, "LoadBalancer") &&
	       strcmp(json_path_str(spec, "externalTrafficPolicy"), "Local") == 0;
}

static bool is_empty(const json_t *value)
{
	return !value || (json_is_string(value) && json_string_length(value) == 0) ||
	       (json_is_integer(value) && json_integer_value(value) == 0) ||
	       (json_is_array(value) && json_array_size(value) == 0);
}

bool service_same(const json_t *spec, const json_t *other, const char *member)
{
	const json_t *a = json_path(spec, member), *b = json_path(other, member);

	return (is_empty(a) && is_empty(b)) || (a && b && json_equal(a, b));
}
