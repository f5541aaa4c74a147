/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/kind_meta.h"
#include "kube/schema.h"

#define LABEL_NAME "kubernetes.io/metadata.name"

static const char *const short_names[] = { "ns", NULL };
static const char *const fields[] = { "status.phase", NULL };

static const struct merge_key merge_keys[] = {
	{ "status.conditions", "type" },
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique.", 0 },
	{ "Status", "string", "", "The status of the namespace.", 0 },
	{ "Age", "string", "", "The time since the object was created.", 0 },
};

/* spec.finalizers is only changed through /finalize, which is the server's own affair. */
static void prepare(json_t *object, const json_t *old, enum kind_write write)
{
	json_t *finalizers = json_path(old, "spec.finalizers");

	kind_meta_prepare(object, old, write);
	if (write == KIND_CREATE) {
		json_object_set_new(object, "status", json_pack("{s:s}", "phase", "Active"));
		json_path_set(object, "spec.finalizers", json_pack("[s]", "kubernetes"));
	} else if (write == KIND_UPDATE && finalizers) {
		json_path_set(object, "spec.finalizers", json_deep_copy(finalizers));
	} else if (write == KIND_UPDATE) {
		json_path_del(object, "spec.finalizers");
	}
}

static void set_defaults(json_t *object)
{
	const char *name = json_path_str(object, "metadata.name");
	json_t *labels = json_path(object, "metadata.labels");

	if (!name[0])
		return;
	if (!json_is_object(labels)) {
		labels = json_object();
		json_path_set(object, "metadata.labels", labels);
	}
	json_object_set_new(labels, LABEL_NAME, json_string(name));
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	(void)write;
	kind_validate_meta(&kind_namespace, object, old, errs);
}

static void row(const json_t *object, int64_t now, json_t *cells)
{
	cell_add_name(cells, object);
	cell_add(cells, json_path_str(object, "status.phase"));
	cell_add_object_age(cells, object, now);
}

const struct kind kind_namespace = {
	.group = "",
	.version = "v1",
	.api_version = "v1",
	.name = "Namespace",
	.plural = "namespaces",
	.singular = "namespace",
	.short_names = short_names,
	.has_status = true,
	.no_deletecollection = true,
	.fields = fields,
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_namespace,
	.check_name = name_check_dns_label,
	.prepare = prepare,
	.set_defaults = set_defaults,
	.validate = validate,
	.row = row,
};
