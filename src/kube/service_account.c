/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "kube/cell.h"
#include "kube/kind.h"
#include "kube/kind_meta.h"
#include "kube/schema.h"

static const char *const short_names[] = { "sa", NULL };

static const struct merge_key merge_keys[] = {
	{ "secrets", "name" },
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique within a namespace.", 0 },
	{ "Age", "string", "", "The time since the object was created.", 0 },
};

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	(void)write;
	kind_validate_meta(&kind_service_account, object, old, errs);
}

static void row(const json_t *object, int64_t now, json_t *cells)
{
	cell_add_name(cells, object);
	cell_add_object_age(cells, object, now);
}

const struct kind kind_service_account = {
	.group = "",
	.version = "v1",
	.api_version = "v1",
	.name = "ServiceAccount",
	.plural = "serviceaccounts",
	.singular = "serviceaccount",
	.short_names = short_names,
	.namespaced = true,
	.delete_returns_object = true,
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_service_account,
	.check_name = name_check_dns_subdomain,
	.prepare = kind_meta_prepare,
	.validate = validate,
	.row = row,
};
