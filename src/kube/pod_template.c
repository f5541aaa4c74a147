/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/kind_meta.h"
#include "kube/label_selector.h"
#include "kube/pod.h"
#include "kube/schema.h"
#include "kube/workload.h"

static const struct merge_key merge_keys[] = {
	WORKLOAD_MERGE_KEYS("template."),
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique within a namespace.", 0 },
	{ "Containers", "string", "", "Names of each container in the template.", 0 },
	{ "Images", "string", "", "Images referenced by each container in the template.", 0 },
	{ "Pod Labels", "string", "", "The labels for the pod template.", 0 },
};

static void set_defaults(json_t *object)
{
	pod_template_set_defaults(json_path(object, "template"));
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	(void)write;
	kind_validate_meta(&kind_pod_template, object, old, errs);
	pod_template_validate(json_path(object, "template"), "template", errs);
}

static void row(const json_t *object, int64_t now, json_t *cells)
{
	const json_t *template = json_path(object, "template");
	auto_json json_t *labels =
		label_selector_sorted_map(json_path(template, "metadata.labels"));
	auto_buf struct buf b = BUF_INIT;
	const char *key;
	json_t *value;

	(void)now;
	cell_add_name(cells, object);
	workload_add_containers(cells, template);
	json_object_foreach(labels, key, value)
		buf_printf(&b, "%s%s=%s", b.n ? "," : "", key,
		           json_is_string(value) ? json_string_value(value) : "");
	cell_add_or(cells, buf_str(&b), "<none>");
}

const struct kind kind_pod_template = {
	.group = "",
	.version = "v1",
	.api_version = "v1",
	.name = "PodTemplate",
	.plural = "podtemplates",
	.singular = "podtemplate",
	.namespaced = true,
	.has_generation = true,
	.delete_returns_object = true,
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_pod_template,
	.check_name = name_check_dns_subdomain,
	.prepare = kind_meta_prepare,
	.set_defaults = set_defaults,
	.validate = validate,
	.row = row,
};
