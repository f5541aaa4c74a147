/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/schema.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/bytes.h"
#include "kube/go_text.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/quantity.h"
#include "kube/time_text.h"

/* Where a walk is: a field, or an element of it, and what is around it; lives on the stack. */
struct place {
	const struct place *up;
	const struct schema *owner; /* the struct the field is in */
	const char *name;
	long index; /* in a list, or -1 */
};

static const struct schema_field *find_field(const struct schema *schema, const char *name)
{
	for (const struct schema_field *f = schema->fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* "spec.ports.port", as Go names it; "spec.ports[0].port" with indices. */
static void add_path(struct buf *b, const struct place *place, bool indices)
{
	if (place->up) {
		add_path(b, place->up, indices);
		buf_addc(b, '.');
	}
	buf_adds(b, place->name);
	if (indices && place->index >= 0)
		buf_printf(b, "[%ld]", place->index);
}

/* What encoding/json calls the value it met. */
static void add_value(struct buf *b, const json_t *value, bool whole_number)
{
	buf_adds(b, go_text_json(value));
	if (whole_number && json_is_integer(value))
		buf_printf(b, " %lld", (long long)json_integer_value(value));
	else if (whole_number && json_is_real(value))
		buf_printf(b, " %.17g", json_real_value(value));
}

static const char *basic_type(enum schema_type type)
{
	switch (type) {
	case SCHEMA_BOOL:
		return "bool";
	case SCHEMA_INT32:
	case SCHEMA_INT_OR_STRING:
		return "int32";
	case SCHEMA_INT64:
		return "int64";
	case SCHEMA_STRING:
	case SCHEMA_TIME:
	case SCHEMA_MICRO_TIME:
	case SCHEMA_QUANTITY:
	case SCHEMA_OBJECT:
	case SCHEMA_ANY:
		break;
	case SCHEMA_BYTES:
		return "[]uint8";
	}
	return "string";
}

static bool is_time(enum schema_type type)
{
	return type == SCHEMA_TIME || type == SCHEMA_MICRO_TIME;
}

static int wrong_type(const struct schema_field *field, enum schema_shape shape,
                      const struct place *place, const json_t *value, struct err *err)
{
	const char *prefix = shape == SCHEMA_LIST ? "[]" : shape == SCHEMA_MAP ? "map[string]" : "";
	bool number = shape == SCHEMA_ONE &&
	              (field->type == SCHEMA_INT32 || field->type == SCHEMA_INT64);
	auto_buf struct buf b = BUF_INIT;

	buf_adds(&b, "json: cannot unmarshal ");
	add_value(&b, value, number);
	buf_printf(&b, " into Go struct field %s.", place->owner->go_name);
	add_path(&b, place, false);
	buf_printf(&b, " of type %s%s", prefix,
	           field->go_type ? field->go_type : basic_type(field->type));
	return err_set(err, -EBADMSG, "%s", buf_str(&b));
}

static bool is_of_type(enum schema_type type, const json_t *value)
{
	int64_t n = json_integer_value(value);

	switch (type) {
	case SCHEMA_STRING:
	case SCHEMA_TIME:
	case SCHEMA_MICRO_TIME:
	case SCHEMA_BYTES:
		return json_is_string(value);
	case SCHEMA_BOOL:
		return json_is_boolean(value);
	case SCHEMA_INT32:
		return json_is_integer(value) && n >= INT32_MIN && n <= INT32_MAX;
	case SCHEMA_INT64:
		return json_is_integer(value);
	case SCHEMA_INT_OR_STRING:
		return json_is_string(value) ||
		       (json_is_integer(value) && n >= INT32_MIN && n <= INT32_MAX);
	case SCHEMA_QUANTITY:
		return json_is_string(value) || json_is_number(value);
	case SCHEMA_OBJECT:
		return json_is_object(value);
	case SCHEMA_ANY:
		return true;
	}
	return true;
}

static int check_fields(const struct schema *schema, const struct place *up, const json_t *object,
                        struct err *err);

static int check_bytes(const char *text, struct err *err)
{
	auto_free char *bytes = NULL;
	size_t n;
	int r = bytes_decode(text, &bytes, &n);

	if (r < 0)
		return err_set(err, -EBADMSG, "illegal base64 data at input byte %zu", n);
	return 0;
}

/* A number is as good as its text. */
static int read_quantity(const json_t *value, struct quantity *ret, struct err *err)
{
	auto_free char *text = json_is_string(value) ? xstrdup(json_string_value(value))
	                                             : json_text(value);

	char *begin = text + strspn(text, " \t\r\n"), *end = begin + strlen(begin);

	while (end > begin && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	return quantity_parse(begin, ret, err);
}

static int check_quantity(const json_t *value, struct err *err)
{
	struct quantity quantity;

	return read_quantity(value, &quantity, err);
}

static int check_one(const struct schema_field *field, const struct place *place,
                     const json_t *value, struct err *err)
{
	char canonical[TIME_TEXT_SIZE];

	if (json_is_null(value))
		return 0;
	if (!is_of_type(field->type, value))
		return wrong_type(field, SCHEMA_ONE, place, value, err);
	if (is_time(field->type))
		return time_text_read(json_string_value(value), field->type == SCHEMA_MICRO_TIME,
		                      canonical, err);
	if (field->type == SCHEMA_QUANTITY)
		return check_quantity(value, err);
	if (field->type == SCHEMA_BYTES)
		return check_bytes(json_string_value(value), err);
	if (field->type == SCHEMA_OBJECT && field->schema)
		return check_fields(field->schema, place, value, err);
	return 0;
}

static int check_list(const struct schema_field *field, struct place *place, const json_t *list,
                      struct err *err)
{
	const json_t *element;
	size_t i;
	int r;

	json_array_foreach(list, i, element) {
		place->index = (long)i;
		r = check_one(field, place, element, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_map(const struct schema_field *field, const struct place *place, const json_t *map,
                     struct err *err)
{
	const char *key;
	json_t *value;
	int r;

	json_object_foreach((json_t *)map, key, value) {
		r = check_one(field, place, value, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_field(const struct schema_field *field, struct place *place, const json_t *value,
                       struct err *err)
{
	if (json_is_null(value))
		return 0;
	if (field->shape == SCHEMA_LIST)
		return json_is_array(value) ? check_list(field, place, value, err)
		                            : wrong_type(field, SCHEMA_LIST, place, value, err);
	if (field->shape == SCHEMA_MAP)
		return json_is_object(value) ? check_map(field, place, value, err)
		                             : wrong_type(field, SCHEMA_MAP, place, value, err);
	return check_one(field, place, value, err);
}

static int check_fields(const struct schema *schema, const struct place *up, const json_t *object,
                        struct err *err)
{
	const struct schema_field *field;
	const char *name;
	json_t *value;
	int r;

	json_object_foreach((json_t *)object, name, value) {
		struct place place = { .up = up, .owner = schema, .name = name, .index = -1 };

		field = find_field(schema, name);
		if (!field)
			continue;
		r = check_field(field, &place, value, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int kind_check_type_meta(const json_t *value, struct err *err)
{
	static const char *const members[] = { "apiVersion", "kind" };
	const char *version = json_path_str(value, "apiVersion");
	const char *slash = strchr(version, '/');
	auto_buf struct buf b = BUF_INIT;

	if (!json_is_object(value)) {
		add_value(&b, value, false);
		return err_set(
			err, -EBADMSG,
			"json: cannot unmarshal %s into Go value of type struct { APIVersion "
			"string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
			"\"json:\\\"kind,omitempty\\\"\" }",
			buf_str(&b));
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const json_t *member = json_path(value, members[i]);

		if (!member || json_is_string(member))
			continue;
		add_value(&b, member, false);
		return err_set(err, -EBADMSG,
		               "json: cannot unmarshal %s into Go struct field .%s of type string",
		               buf_str(&b), members[i]);
	}
	if (slash && strchr(slash + 1, '/'))
		return err_set(err, -ENOTSUP, "unexpected GroupVersion string: %s", version);
	return 0;
}

int schema_check(const struct schema *schema, const json_t *object, struct err *err)
{
	return check_fields(schema, NULL, object, err);
}

int kind_check_types(const struct kind *kind, const json_t *object, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;
	int r;

	if (!kind->schema)
		return 0;
	if (json_is_object(object)) {
		r = check_fields(kind->schema, NULL, object, err);
	} else {
		add_value(&b, object, false);
		r = err_set(err, -EBADMSG, "json: cannot unmarshal %s into Go value of type %s.%s",
		            buf_str(&b), kind->version, kind->name);
	}
	if (r < 0)
		return err_wrap(err, r, "%s in version \"%s\" cannot be handled as a %s",
		                kind->name, kind->version, kind->name);
	return 0;
}

/* Go's zero value, which a null in a list or map decodes to. */
static json_t *zero_value(enum schema_type type)
{
	switch (type) {
	case SCHEMA_BOOL:
		return json_false();
	case SCHEMA_INT32:
	case SCHEMA_INT64:
	case SCHEMA_INT_OR_STRING:
		return json_integer(0);
	case SCHEMA_OBJECT:
		return json_object();
	case SCHEMA_STRING:
	case SCHEMA_BYTES:
		return json_string("");
	case SCHEMA_QUANTITY:
		return json_string("0");
	case SCHEMA_TIME:
	case SCHEMA_MICRO_TIME:
	case SCHEMA_ANY:
		break;
	}
	return json_null();
}

/* What Go leaves out of its output as empty. */
static bool is_omitted(const struct schema_field *field, const json_t *value)
{
	if (json_is_null(value))
		return true;
	if (field->presence != SCHEMA_OMITTED)
		return false;
	if (field->shape != SCHEMA_ONE)
		return json_array_size(value) == 0 && json_object_size(value) == 0;
	switch (field->type) {
	case SCHEMA_STRING:
	case SCHEMA_BYTES:
		return json_is_string(value) && json_string_length(value) == 0;
	case SCHEMA_BOOL:
		return json_is_false(value);
	case SCHEMA_INT32:
	case SCHEMA_INT64:
		return json_is_integer(value) && json_integer_value(value) == 0;
	case SCHEMA_INT_OR_STRING:
	case SCHEMA_TIME:
	case SCHEMA_MICRO_TIME:
	case SCHEMA_QUANTITY:
	case SCHEMA_OBJECT:
	case SCHEMA_ANY:
		break;
	}
	return false;
}

/* The form a time is stored in, if 'value' is not in it; a new reference, null for no time. */
static json_t *canonical_time(enum schema_type type, const json_t *value)
{
	const char *text = json_string_value(value);
	char canonical[TIME_TEXT_SIZE];
	struct err err = { 0 };

	if (!text || time_text_read(text, type == SCHEMA_MICRO_TIME, canonical, &err) < 0)
		return NULL;
	if (!canonical[0])
		return json_null();
	return strcmp(text, canonical) == 0 ? NULL : json_string(canonical);
}

static json_t *canonical_quantity(const json_t *value)
{
	char text[QUANTITY_TEXT_SIZE];
	struct quantity quantity;
	struct err err = { 0 };

	if ((!json_is_string(value) && !json_is_number(value)) ||
	    read_quantity(value, &quantity, &err) < 0 || !quantity_round(&quantity))
		return json_incref((json_t *)value);
	quantity_format(&quantity, text);
	return json_string(text);
}

static void normalise_fields(const struct schema *schema, json_t *object);

static void normalise_elements(const struct schema_field *field, json_t *container)
{
	const char *key;
	json_t *value;
	void *after;
	size_t i;

	json_array_foreach(container, i, value) {
		if (json_is_null(value))
			json_array_set_new(container, i, zero_value(field->type));
		if (field->schema)
			normalise_fields(field->schema, json_array_get(container, i));
	}
	json_object_foreach_safe(container, after, key, value) {
		if (json_is_null(value))
			json_object_set_new(container, key, zero_value(field->type));
		else if (field->type == SCHEMA_QUANTITY)
			json_object_set_new(container, key, canonical_quantity(value));
		if (field->schema)
			normalise_fields(field->schema, json_object_get(container, key));
	}
}

static void normalise_member(const struct schema_field *field, json_t *object, json_t *value)
{
	json_t *canonical = NULL;

	if (field->shape != SCHEMA_ONE)
		normalise_elements(field, value);
	else if (field->schema)
		normalise_fields(field->schema, value);
	else if (is_time(field->type))
		canonical = canonical_time(field->type, value);
	if (json_is_null(canonical) || is_omitted(field, value))
		json_object_del(object, field->name);
	else if (canonical)
		json_object_set_new(object, field->name, canonical);
}

static void add_missing(const struct schema *schema, json_t *object)
{
	for (const struct schema_field *f = schema->fields; f->name; f++) {
		json_t *zero;

		if (f->presence != SCHEMA_ALWAYS || json_object_get(object, f->name))
			continue;
		zero = f->shape == SCHEMA_ONE ? zero_value(f->type) : json_null();
		if (f->schema)
			normalise_fields(f->schema, zero);
		json_object_set_new(object, f->name, zero);
	}
}

static void normalise_fields(const struct schema *schema, json_t *object)
{
	const struct schema_field *field;
	const char *name;
	json_t *value;
	void *after;

	if (!json_is_object(object))
		return;
	json_object_foreach_safe(object, after, name, value) {
		field = find_field(schema, name);
		if (field)
			normalise_member(field, object, value);
		else
			json_object_del(object, name);
	}
	add_missing(schema, object);
}

void kind_normalise(const struct kind *kind, json_t *object)
{
	if (kind->schema)
		normalise_fields(kind->schema, object);
}

static void unknown_fields(const struct schema *schema, const struct place *up,
                           const json_t *object, json_t *texts);

static void unknown_in_field(const struct schema_field *field, struct place *place,
                             const json_t *value, json_t *texts)
{
	json_t *element;
	size_t i;

	if (!field->schema || field->shape == SCHEMA_MAP)
		return;
	if (field->shape == SCHEMA_ONE)
		unknown_fields(field->schema, place, value, texts);
	json_array_foreach(value, i, element) {
		place->index = (long)i;
		unknown_fields(field->schema, place, element, texts);
	}
}

static void unknown_fields(const struct schema *schema, const struct place *up,
                           const json_t *object, json_t *texts)
{
	const struct schema_field *field;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value) {
		struct place place = { .up = up, .owner = schema, .name = name, .index = -1 };
		auto_buf struct buf b = BUF_INIT;

		field = find_field(schema, name);
		if (field) {
			unknown_in_field(field, &place, value, texts);
		} else {
			add_path(&b, &place, true);
			json_array_append_new(texts,
			                      json_sprintf("unknown field \"%s\"", buf_str(&b)));
		}
	}
}

void kind_unknown_fields(const struct kind *kind, const json_t *object, json_t *ret_texts)
{
	if (kind->schema)
		unknown_fields(kind->schema, NULL, object, ret_texts);
}
