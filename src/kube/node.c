/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/kind_meta.h"
#include "kube/schema.h"
#include "kube/validate.h"

#define LABEL_ROLE_PREFIX "node-role.kubernetes.io/"
#define LABEL_ROLE        "kubernetes.io/role"

static const char *const short_names[] = { "no", NULL };
static const char *const fields[] = { "spec.unschedulable", NULL };

static const struct merge_key merge_keys[] = {
	{ "spec.podCIDRs", NULL },       { "status.conditions", "type" },
	{ "status.addresses", "type" },  { "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL }, { NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique.", 0 },
	{ "Status", "string", "", "The status of the node", 0 },
	{ "Roles", "string", "", "The roles of the node", 0 },
	{ "Age", "string", "", "The time since the object was created.", 0 },
	{ "Version", "string", "", "Kubelet Version reported by the node.", 0 },
	{ "Internal-IP", "string", "", "List of addresses reachable to the node.", 1 },
	{ "External-IP", "string", "", "List of addresses reachable to the node.", 1 },
	{ "OS-Image", "string", "", "OS Image reported by the node.", 1 },
	{ "Kernel-Version", "string", "", "Kernel Version reported by the node.", 1 },
	{ "Container-Runtime", "string", "", "ContainerRuntime Version reported by the node.", 1 },
};

static void set_defaults(json_t *object)
{
	const json_t *cidrs = json_path(object, "spec.podCIDRs");
	const char *cidr = json_path_str(object, "spec.podCIDR");
	const char *first = json_string_value(json_array_get(cidrs, 0));
	const json_t *capacity = json_path(object, "status.capacity");

	if (!json_path(object, "spec"))
		json_object_set_new(object, "spec", json_object());
	/* Twice the same; old clients write one of them only, which counts where they differ. */
	if (cidr[0] && (!first || strcmp(first, cidr) != 0))
		json_path_set(object, "spec.podCIDRs", json_pack("[s]", cidr));
	else if (!cidr[0] && first)
		json_path_set(object, "spec.podCIDR", json_string(first));
	if (json_object_size(capacity) &&
	    !json_object_size(json_path(object, "status.allocatable")))
		json_path_set(object, "status.allocatable", json_deep_copy(capacity));
}

static void check_taints(const json_t *taints, struct field_errors *errs)
{
	static const char *const effects[] = { "NoSchedule", "PreferNoSchedule", "NoExecute",
		                               NULL };
	const json_t *taint;
	size_t i;

	json_array_foreach(taints, i, taint) {
		const char *value = json_path_str(taint, "value");

		validate_name(errs, field_path("metadata.taints[%zu].key", i),
		              json_path_str(taint, "key"), name_check_label_key);
		if (value[0])
			validate_name(errs, field_path("metadata.taints[%zu].value", i), value,
			              name_check_label_value);
		validate_one_of(errs, field_path("metadata.taints[%zu].effect", i),
		                json_path_str(taint, "effect"), effects);
	}
}

static bool is_ipv6(const json_t *cidr)
{
	return json_is_string(cidr) && strchr(json_string_value(cidr), ':');
}

static void check_families(const json_t *cidrs, struct field_errors *errs)
{
	size_t n = json_array_size(cidrs);

	if (n > 2 ||
	    (n == 2 && is_ipv6(json_array_get(cidrs, 0)) == is_ipv6(json_array_get(cidrs, 1))))
		field_invalid(errs, "spec.podCIDRs", cidrs,
		              "may specify no more than one CIDR for each IP family");
}

static void check_addresses(const json_t *addresses, struct field_errors *errs)
{
	auto_json json_t *met = json_object();
	const json_t *address;
	size_t i;

	json_array_foreach(addresses, i, address) {
		auto_json json_t *shown = json_pack("{s:s,s:s}", "Type",
		                                    json_path_str(address, "type"), "Address",
		                                    json_path_str(address, "address"));
		auto_free char *text = json_text(shown);

		if (json_object_get(met, text))
			field_duplicate(errs, field_path("status.addresses[%zu]", i), shown);
		json_object_set_new(met, text, json_true());
	}
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	const json_t *cidrs = json_path(object, "spec.podCIDRs"), *cidr;
	const json_t *old_cidrs = json_path(old, "spec.podCIDRs");
	size_t i;

	(void)write;
	kind_validate_meta(&kind_node, object, old, errs);
	json_array_foreach(cidrs, i, cidr)
		if (json_is_string(cidr))
			validate_cidr(errs, field_path("spec.podCIDRs[%zu]", i),
			              json_string_value(cidr));
	check_families(cidrs, errs);
	if (old)
		check_addresses(json_path(object, "status.addresses"), errs);
	if (json_array_size(old_cidrs) > 0 && (!cidrs || !json_equal(cidrs, old_cidrs)))
		field_forbidden(errs, "spec.podCIDRs",
		                "node updates may not change podCIDR except from \"\" to valid");
	check_taints(json_path(object, "spec.taints"), errs);
}

static void add_status(json_t *cells, const json_t *object)
{
	const char *status = "Unknown";
	auto_buf struct buf b = BUF_INIT;
	const json_t *condition;
	size_t i;

	json_array_foreach(json_path(object, "status.conditions"), i, condition) {
		if (strcmp(json_path_str(condition, "type"), "Ready") != 0)
			continue;
		status = strcmp(json_path_str(condition, "status"), "True") == 0 ? "Ready"
		                                                                 : "NotReady";
	}
	buf_adds(&b, status);
	if (json_path_bool(object, "spec.unschedulable", false))
		buf_adds(&b, ",SchedulingDisabled");
	cell_add(cells, buf_str(&b));
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_roles(json_t *cells, const json_t *object)
{
	const json_t *labels = json_path(object, "metadata.labels");
	auto_free const char **roles = xcalloc(json_object_size(labels) + 1, sizeof(*roles));
	auto_buf struct buf b = BUF_INIT;
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)labels, key, value) {
		if (strncmp(key, LABEL_ROLE_PREFIX, strlen(LABEL_ROLE_PREFIX)) == 0 &&
		    key[strlen(LABEL_ROLE_PREFIX)])
			roles[n++] = key + strlen(LABEL_ROLE_PREFIX);
		else if (strcmp(key, LABEL_ROLE) == 0 && json_string_length(value) > 0)
			roles[n++] = json_string_value(value);
	}
	qsort(roles, n, sizeof(*roles), compare_texts);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(roles[i], roles[i - 1]) != 0)
			buf_printf(&b, "%s%s", b.n ? "," : "", roles[i]);
	cell_add_or(cells, buf_str(&b), "<none>");
}

static void add_address(json_t *cells, const json_t *object, const char *type)
{
	const json_t *address;
	size_t i;

	json_array_foreach(json_path(object, "status.addresses"), i, address) {
		if (strcmp(json_path_str(address, "type"), type) == 0) {
			cell_add(cells, json_path_str(address, "address"));
			return;
		}
	}
	cell_add(cells, "<none>");
}

static void row(const json_t *object, int64_t now, json_t *cells)
{
	const json_t *info = json_path(object, "status.nodeInfo");

	cell_add_name(cells, object);
	add_status(cells, object);
	add_roles(cells, object);
	cell_add_object_age(cells, object, now);
	cell_add(cells, json_path_str(info, "kubeletVersion"));
	add_address(cells, object, "InternalIP");
	add_address(cells, object, "ExternalIP");
	cell_add_or(cells, json_path_str(info, "osImage"), "<unknown>");
	cell_add_or(cells, json_path_str(info, "kernelVersion"), "<unknown>");
	cell_add_or(cells, json_path_str(info, "containerRuntimeVersion"), "<unknown>");
}

const struct kind kind_node = {
	.group = "",
	.version = "v1",
	.api_version = "v1",
	.name = "Node",
	.plural = "nodes",
	.singular = "node",
	.short_names = short_names,
	.has_status = true,
	.fields = fields,
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_node,
	.check_name = name_check_dns_subdomain,
	.prepare = kind_meta_prepare,
	.set_defaults = set_defaults,
	.validate = validate,
	.row = row,
};
