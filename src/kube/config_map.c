/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "kube/bytes.h"
#include "kube/cell.h"
#include "kube/data.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/kind_meta.h"
#include "kube/schema.h"

static const char *const short_names[] = { "cm", NULL };

static const struct merge_key merge_keys[] = {
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique within a namespace.", 0 },
	{ "Data", "string", "", "How many keys the data has.", 0 },
	{ "Age", "string", "", "The time since the object was created.", 0 },
};

/* A key is in one of the two maps. */
static void check_twice(const json_t *data, const json_t *binary, struct field_errors *errs)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)data, key, value)
		if (json_object_get(binary, key))
			field_invalid_string(errs, field_path("data[%s]", key), key,
			                     "duplicate of key present in binaryData");
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	static const char *const members[] = { "data", "binaryData", NULL };
	const json_t *data = json_path(object, "data"), *binary = json_path(object, "binaryData");
	size_t size;

	(void)write;
	kind_validate_meta(&kind_config_map, object, old, errs);
	if (old)
		data_validate_immutable(object, old, members, errs);
	size = data_validate(data, "data", data_text_size, errs);
	check_twice(data, binary, errs);
	size += data_validate(binary, "binaryData", bytes_decoded_size, errs);
	if (size > DATA_SIZE_MAX)
		field_too_long(errs, "[]", DATA_SIZE_MAX);
}

static void row(const json_t *object, int64_t now, json_t *cells)
{
	size_t n = json_object_size(json_path(object, "data")) +
	           json_object_size(json_path(object, "binaryData"));

	cell_add_name(cells, object);
	cell_add_int(cells, (int64_t)n);
	cell_add_object_age(cells, object, now);
}

const struct kind kind_config_map = {
	.group = "",
	.version = "v1",
	.api_version = "v1",
	.name = "ConfigMap",
	.plural = "configmaps",
	.singular = "configmap",
	.short_names = short_names,
	.namespaced = true,
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_config_map,
	.check_name = name_check_dns_subdomain,
	.prepare = kind_meta_prepare,
	.validate = validate,
	.row = row,
};
