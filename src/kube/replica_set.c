/* SPDX-License-Identifier: Apache-2.0 */
/* apps/v1 ReplicaSet. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/label_selector.h"
#include "kube/schema.h"
#include "kube/validate.h"
#include "kube/workload.h"

static const char *const short_names[] = { "rs", NULL };
static const char *const categories[] = { "all", NULL };
static const char *const fields[] = { "status.replicas", NULL };

static const struct merge_key merge_keys[] = {
	WORKLOAD_MERGE_KEYS("spec.template."),
	{ "status.conditions", "type" },
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique within a namespace.", 0 },
	{ "Desired", "integer", "", "Number of desired pods.", 0 },
	{ "Current", "integer", "", "Number of pods there are.", 0 },
	{ "Ready", "integer", "", "Number of pods that are ready.", 0 },
	{ "Age", "string", "", "The time since the object was created.", 0 },
	{ "Containers", "string", "", "Names of each container in the template.", 1 },
	{ "Images", "string", "", "Images referenced by each container in the template.", 1 },
	{ "Selector", "string", "", "The labels of the pods that are its own.", 1 },
};

static void prepare(json_t *object, const json_t *old, enum kind_write write)
{
	workload_prepare(object, old, write, json_pack("{s:i}", "replicas", 0));
}

static void check_status(const json_t *status, struct field_errors *errs)
{
	static const char *const counts[] = { "replicas",
		                              "fullyLabeledReplicas",
		                              "readyReplicas",
		                              "availableReplicas",
		                              "observedGeneration",
		                              "terminatingReplicas",
		                              NULL };
	static const char *const parts[] = { "fullyLabeledReplicas", "readyReplicas",
		                             "availableReplicas" };

	workload_validate_counts(status, counts, errs);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		workload_validate_part(status, parts[i], "replicas",
		                       "cannot be greater than status.replicas", errs);
	workload_validate_part(status, "availableReplicas", "readyReplicas",
	                       "cannot be greater than readyReplicas", errs);
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	const json_t *spec = json_path(object, "spec");

	kind_validate_meta(&kind_replica_set, object, old, errs);
	if (write == KIND_UPDATE_STATUS) {
		check_status(json_path(object, "status"), errs);
		return;
	}
	validate_at_least(errs, "spec.replicas", json_path(spec, "replicas"), 0);
	validate_at_least(errs, "spec.minReadySeconds", json_path(spec, "minReadySeconds"), 0);
	workload_validate_template(spec, errs);
	if (old) {
		auto_json json_t *now = label_selector_sorted(json_path(spec, "selector"));
		auto_json json_t *before = label_selector_sorted(json_path(old, "spec.selector"));

		validate_immutable(errs, "spec.selector", now, before);
	}
}

/* A status without the count has the count 0. */
static const char *field_value(const json_t *object, const char *field)
{
	if (strcmp(field, "status.replicas") == 0 && !json_path(object, field))
		return "0";
	return NULL;
}

static void row(const json_t *object, int64_t now, json_t *cells)
{
	const json_t *spec = json_path(object, "spec"), *status = json_path(object, "status");
	auto_buf struct buf selector = BUF_INIT;

	cell_add_name(cells, object);
	cell_add_int(cells, json_path_int(spec, "replicas", 0));
	cell_add_int(cells, json_path_int(status, "replicas", 0));
	cell_add_int(cells, json_path_int(status, "readyReplicas", 0));
	cell_add_object_age(cells, object, now);
	workload_add_containers(cells, json_path(spec, "template"));
	label_selector_print(&selector, json_path(spec, "selector"));
	cell_add_or(cells, buf_str(&selector), "<none>");
}

const struct kind kind_replica_set = {
	.group = "apps",
	.version = "v1",
	.api_version = "apps/v1",
	.name = "ReplicaSet",
	.plural = "replicasets",
	.singular = "replicaset",
	.short_names = short_names,
	.categories = categories,
	.namespaced = true,
	.has_status = true,
	.has_generation = true,
	.has_scale = true,
	.fields = fields,
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_replica_set,
	.check_name = name_check_dns_subdomain,
	.prepare = prepare,
	.set_defaults = workload_set_defaults,
	.validate = validate,
	.warn = workload_warn,
	.field_value = field_value,
	.row = row,
};
