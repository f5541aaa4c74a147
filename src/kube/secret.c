/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/bytes.h"
#include "kube/cell.h"
#include "kube/data.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/kind_meta.h"
#include "kube/schema.h"
#include "kube/validate.h"

#define ANNOTATION_SERVICE_ACCOUNT "kubernetes.io/service-account.name"

static const char *const fields[] = { "type", NULL };

static const struct merge_key merge_keys[] = {
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique within a namespace.", 0 },
	{ "Type", "string", "", "What the secret is for.", 0 },
	{ "Data", "string", "", "How many keys the data has.", 0 },
	{ "Age", "string", "", "The time since the object was created.", 0 },
};

/* stringData is a way to write data, and never stored. */
static void merge_string_data(json_t *object)
{
	json_t *texts = json_object_get(object, "stringData"), *value;
	const char *key;

	json_object_foreach(texts, key, value) {
		json_t *data = json_path(object, "data");
		auto_free char *encoded = NULL;

		if (!json_is_string(value))
			continue;
		if (!json_is_object(data)) {
			data = json_object();
			json_object_set_new(object, "data", data);
		}
		encoded = bytes_encode(json_string_value(value), json_string_length(value));
		json_object_set_new(data, key, json_string(encoded));
	}
	json_object_del(object, "stringData");
}

static void set_defaults(json_t *object)
{
	if (!json_path_str(object, "type")[0])
		json_object_set_new(object, "type", json_string("Opaque"));
	merge_string_data(object);
}

static void require_key(const json_t *data, const char *key, struct field_errors *errs)
{
	if (!json_object_get(data, key))
		field_required(errs, field_path("data[%s]", key), "");
}

/* The login data of a registry: JSON, but its content is not for an error text. */
static void check_login(const json_t *data, const char *key, struct field_errors *errs)
{
	const char *text = json_string_value(json_object_get(data, key));
	auto_json json_t *tree = NULL;
	auto_free char *bytes = NULL;
	struct err err = { 0 };
	size_t n;

	if (!text) {
		field_required(errs, field_path("data[%s]", key), "");
		return;
	}
	if (bytes_decode(text, &bytes, &n) < 0)
		return; /* told by kind_check_types() */
	/* The decoder's own words would show what it met. */
	if (decode_json(bytes, n, &tree, &err) < 0)
		field_invalid_string(errs, field_path("data[%s]", key),
		                     "<secret contents redacted>",
		                     n == 0 ? "unexpected end of JSON input" : "is not JSON");
	else if (!json_is_object(tree) && !json_is_null(tree))
		field_invalid_string(errs, field_path("data[%s]", key),
		                     "<secret contents redacted>",
		                     "json: cannot unmarshal into Go value of type "
		                     "map[string]interface {}");
}

static void check_type(const json_t *object, const json_t *data, struct field_errors *errs)
{
	const json_t *annotations = json_path(object, "metadata.annotations");
	const char *type = json_path_str(object, "type");

	if (strcmp(type, "kubernetes.io/service-account-token") == 0) {
		const json_t *name = json_object_get(annotations, ANNOTATION_SERVICE_ACCOUNT);

		if (json_string_length(name) == 0)
			field_required(errs, "metadata.annotations[" ANNOTATION_SERVICE_ACCOUNT "]",
			               "");
	} else if (strcmp(type, "kubernetes.io/dockercfg") == 0) {
		check_login(data, ".dockercfg", errs);
	} else if (strcmp(type, "kubernetes.io/dockerconfigjson") == 0) {
		check_login(data, ".dockerconfigjson", errs);
	} else if (strcmp(type, "kubernetes.io/basic-auth") == 0) {
		if (!json_object_get(data, "username") && !json_object_get(data, "password")) {
			require_key(data, "username", errs);
			require_key(data, "password", errs);
		}
	} else if (strcmp(type, "kubernetes.io/ssh-auth") == 0) {
		if (json_string_length(json_object_get(data, "ssh-privatekey")) == 0)
			field_required(errs, "data[ssh-privatekey]", "");
	} else if (strcmp(type, "kubernetes.io/tls") == 0) {
		require_key(data, "tls.crt", errs);
		require_key(data, "tls.key", errs);
	}
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	static const char *const members[] = { "data", NULL };
	const json_t *data = json_path(object, "data");

	(void)write;
	kind_validate_meta(&kind_secret, object, old, errs);
	if (old) {
		validate_immutable(errs, "type", json_path(object, "type"), json_path(old, "type"));
		data_validate_immutable(object, old, members, errs);
	}
	if (data_validate(data, "data", bytes_decoded_size, errs) > DATA_SIZE_MAX)
		field_too_long(errs, "data", DATA_SIZE_MAX);
	check_type(object, data, errs);
}

static void row(const json_t *object, int64_t now, json_t *cells)
{
	cell_add_name(cells, object);
	cell_add(cells, json_path_str(object, "type"));
	cell_add_int(cells, (int64_t)json_object_size(json_path(object, "data")));
	cell_add_object_age(cells, object, now);
}

const struct kind kind_secret = {
	.group = "",
	.version = "v1",
	.api_version = "v1",
	.name = "Secret",
	.plural = "secrets",
	.singular = "secret",
	.namespaced = true,
	.fields = fields,
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_secret,
	.check_name = name_check_dns_subdomain,
	.prepare = kind_meta_prepare,
	.set_defaults = set_defaults,
	.validate = validate,
	.row = row,
};
