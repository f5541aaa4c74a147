/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/kind_meta.h"
#include "kube/schema.h"
#include "kube/validate.h"

static const struct merge_key merge_keys[] = {
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique within a namespace.", 0 },
	{ "Holder", "string", "", "The identity of the holder of the lease.", 0 },
	{ "Age", "string", "", "The time since the object was created.", 0 },
};

/* What is behind a feature that Kubernetes has switched off does not get in. */
static void prepare(json_t *object, const json_t *old, enum kind_write write)
{
	kind_meta_prepare(object, old, write);
	if (!json_path(old, "spec.strategy"))
		json_path_del(object, "spec.strategy");
	if (!json_path(old, "spec.preferredHolder"))
		json_path_del(object, "spec.preferredHolder");
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	const json_t *duration = json_path(object, "spec.leaseDurationSeconds");

	(void)write;
	kind_validate_meta(&kind_lease, object, old, errs);
	if (duration && json_integer_value(duration) <= 0)
		field_invalid(errs, "spec.leaseDurationSeconds", duration,
		              "must be greater than 0");
	validate_at_least(errs, "spec.leaseTransitions", json_path(object, "spec.leaseTransitions"),
	                  0);
}

static void row(const json_t *object, int64_t now, json_t *cells)
{
	cell_add_name(cells, object);
	cell_add(cells, json_path_str(object, "spec.holderIdentity"));
	cell_add_object_age(cells, object, now);
}

const struct kind kind_lease = {
	.group = "coordination.k8s.io",
	.version = "v1",
	.api_version = "coordination.k8s.io/v1",
	.name = "Lease",
	.plural = "leases",
	.singular = "lease",
	.namespaced = true,
	.create_on_update = true,
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_lease,
	.check_name = name_check_dns_subdomain,
	.prepare = prepare,
	.validate = validate,
	.row = row,
};
