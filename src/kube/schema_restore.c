/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes an object of what a strategic merge patch left: apimachinery's
 * runtime.DefaultUnstructuredConverter, whose words for a wrong type are not those of a decoder.
 */
#include <errno.h>

#include "kube/go_text.h"
#include "kube/kind.h"
#include "kube/schema.h"
#include "kube/time_text.h"

static int restore_fields(const struct schema *schema, const json_t *object, struct err *err);

static int cannot_restore(const char *what, const json_t *value, struct err *err)
{
	return err_set(err, -EBADMSG, "cannot restore %s %s", what, go_text_kind(value));
}

/* A type that decodes itself is given JSON. */
static int cannot_unmarshal(const json_t *value, const char *type, struct err *err)
{
	if (json_is_real(value) && json_real_value(value) != 0)
		return err_set(err, -EBADMSG,
		               "json: cannot unmarshal number %.15g into Go value of type %s",
		               json_real_value(value), type);
	return err_set(err, -EBADMSG, "json: cannot unmarshal %s into Go value of type %s",
	               go_text_json(value), type);
}

static int unrecognized(const char *kind, struct err *err)
{
	return err_set(err, -EBADMSG, "unrecognized type: %s", kind);
}

static int restore_string(const struct schema_field *field, const json_t *value, struct err *err)
{
	if (json_is_string(value))
		return 0;
	if (!json_is_integer(value))
		return unrecognized("string", err);
	return err_set(err, -EBADMSG, "cannot convert int64 to %s",
	               field->go_type ? field->go_type : "string");
}

static int restore_integer(const char *type, const json_t *value, struct err *err)
{
	if (json_is_integer(value))
		return 0;
	if (!json_is_real(value))
		return unrecognized(type, err);
	return err_set(err, -EBADMSG, "cannot convert float64 to %s", type);
}

static int restore_time(enum schema_type type, const json_t *value, struct err *err)
{
	char canonical[TIME_TEXT_SIZE];

	if (!json_is_string(value))
		return err_set(err, -EBADMSG,
		               "json: cannot unmarshal %s into Go value of type string",
		               go_text_json(value));
	return time_text_read(json_string_value(value), type == SCHEMA_MICRO_TIME, canonical, err);
}

static int restore_one(const struct schema_field *field, const json_t *value, struct err *err)
{
	switch (field->type) {
	case SCHEMA_STRING:
		return restore_string(field, value, err);
	case SCHEMA_BOOL:
		return json_is_boolean(value) ? 0 : unrecognized("bool", err);
	case SCHEMA_INT32:
		return restore_integer("int32", value, err);
	case SCHEMA_INT64:
		return restore_integer("int64", value, err);
	case SCHEMA_INT_OR_STRING:
		return json_is_string(value) || json_is_integer(value)
		               ? 0
		               : cannot_unmarshal(value, "int32", err);
	case SCHEMA_TIME:
	case SCHEMA_MICRO_TIME:
		return restore_time(field->type, value, err);
	case SCHEMA_BYTES:
		return json_is_string(value) ? 0 : cannot_restore("slice from", value, err);
	case SCHEMA_OBJECT:
		if (!json_is_object(value))
			return cannot_restore("struct from:", value, err);
		return field->schema ? restore_fields(field->schema, value, err) : 0;
	case SCHEMA_QUANTITY: /* its words are the same */
	case SCHEMA_ANY:
		break;
	}
	return 0;
}

static int restore_field(const struct schema_field *field, const json_t *value, struct err *err)
{
	const char *key;
	json_t *element;
	size_t i;
	int r = 0;

	if (json_is_null(value))
		return 0;
	if (field->shape == SCHEMA_ONE)
		return restore_one(field, value, err);
	if (field->shape == SCHEMA_LIST && !json_is_array(value))
		return cannot_restore("slice from", value, err);
	if (field->shape == SCHEMA_MAP && !json_is_object(value))
		return cannot_restore("map from", value, err);
	json_array_foreach(value, i, element)
		if (r == 0 && !json_is_null(element))
			r = restore_one(field, element, err);
	json_object_foreach((json_t *)value, key, element)
		if (r == 0 && !json_is_null(element))
			r = restore_one(field, element, err);
	return r;
}

/* In the order of the struct's fields. */
static int restore_fields(const struct schema *schema, const json_t *object, struct err *err)
{
	for (const struct schema_field *f = schema->fields; f->name; f++) {
		const json_t *value = json_object_get(object, f->name);
		int r = value ? restore_field(f, value, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int kind_check_restored(const struct kind *kind, const json_t *object, struct err *err)
{
	return kind->schema ? restore_fields(kind->schema, object, err) : 0;
}
