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

/* One of Kubernetes' own, or a name with a prefix.  The doubled path is Kubernetes', too. */
static void check_strategy(const char *strategy, struct field_errors *errs)
{
	static const char *const known[] = { "OldestEmulationVersion", NULL };
	static const char path[] = "spec.strategy.strategy";

	if (strchr(strategy, '/'))
		validate_name(errs, path, strategy, name_check_label_key);
	else if (strcmp(strategy, known[0]) != 0)
		field_unsupported(errs, path, strategy, known);
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	const char *strategy = json_path_str(object, "spec.strategy");
	const json_t *duration = json_path(object, "spec.leaseDurationSeconds");

	(void)write;
	kind_validate_meta(&kind_lease, object, old, errs);
	if (duration && json_integer_value(duration) <= 0)
		field_invalid(errs, "spec.leaseDurationSeconds", duration,
		              "must be greater than 0");
	validate_at_least(errs, "spec.leaseTransitions", json_path(object, "spec.leaseTransitions"),
	                  0);
	if (json_path(object, "spec.strategy"))
		check_strategy(strategy, errs);
	if (json_path_str(object, "spec.preferredHolder")[0] && !strategy[0])
		field_forbidden(errs, "spec.preferredHolder",
		                "may only be specified if `strategy` is defined");
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
	.prepare = kind_meta_prepare,
	.validate = validate,
	.row = row,
};
