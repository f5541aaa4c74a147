/* SPDX-License-Identifier: Apache-2.0 */
#include "server/openapi_proto.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kube/json.h"

#define WIRE_VARINT 0
#define WIRE_BLOCK  2

/* What a member of a JSON object becomes. */
enum shape {
	SHAPE_VALUE, /* a field: text, a truth value, a message */
	SHAPE_EACH,  /* an array: the field again for each element */
	SHAPE_ANY,   /* the same of values of any type */
	SHAPE_NAMED, /* an object: for each member a message of its name (1) and value (2) */
};

struct member {
	const char *name;
	uint8_t field;
	uint8_t inner;   /* the field is a message that only has the value, in this field; or 0 */
	uint8_t wrapped; /* likewise each value of SHAPE_NAMED */
	enum shape shape;
	const struct message *message; /* of values that are objects */
};

struct message {
	const struct member *members; /* ends with a NULL name */
	uint8_t extensions;           /* the field of members "x-…"; 0: there is none */
	bool parameter;               /* ParametersItem, which is one of several messages */
};

static const struct message schema;

static const struct member schema_members[] = {
	{ .name = "$ref", .field = 1 },
	{ .name = "format", .field = 2 },
	{ .name = "description", .field = 4 },
	{ .name = "required", .field = 19, .shape = SHAPE_EACH },
	{ .name = "enum", .field = 20, .shape = SHAPE_ANY },
	{ .name = "additionalProperties", .field = 21, .inner = 1, .message = &schema },
	{ .name = "type", .field = 22, .inner = 1 },
	{ .name = "items", .field = 23, .inner = 1, .message = &schema },
	{ .name = "properties", .field = 25, .inner = 1, .shape = SHAPE_NAMED, .message = &schema },
	{ .name = NULL },
};
static const struct message schema = { schema_members, 31, false };

static const struct member body_members[] = {
	{ .name = "name", .field = 2 },
	{ .name = "in", .field = 3 },
	{ .name = "required", .field = 4 },
	{ .name = "schema", .field = 5, .message = &schema },
	{ .name = NULL },
};
static const struct message body_parameter = { body_members, 6, false };

static const struct member query_members[] = {
	{ .name = "required", .field = 1 },
	{ .name = "in", .field = 2 },
	{ .name = "name", .field = 4 },
	{ .name = "type", .field = 6 },
	{ .name = NULL },
};
static const struct message query_parameter = { query_members, 23, false };

static const struct member path_members[] = {
	{ .name = "required", .field = 1 },
	{ .name = "in", .field = 2 },
	{ .name = "name", .field = 4 },
	{ .name = "type", .field = 5 },
	{ .name = NULL },
};
static const struct message path_parameter = { path_members, 22, false };

static const struct message parameter = { .parameter = true };

static const struct member response_members[] = {
	{ .name = "description", .field = 1 },
	{ .name = "schema", .field = 2, .inner = 1, .message = &schema },
	{ .name = NULL },
};
static const struct message response = { response_members, 5, false };

static const struct member operation_members[] = {
	{ .name = "tags", .field = 1, .shape = SHAPE_EACH },
	{ .name = "description", .field = 3 },
	{ .name = "operationId", .field = 5 },
	{ .name = "produces", .field = 6, .shape = SHAPE_EACH },
	{ .name = "consumes", .field = 7, .shape = SHAPE_EACH },
	{ .name = "parameters", .field = 8, .shape = SHAPE_EACH, .message = &parameter },
	{ .name = "responses",
	  .field = 9,
	  .inner = 1,
	  .wrapped = 1,
	  .shape = SHAPE_NAMED,
	  .message = &response },
	{ .name = NULL },
};
static const struct message operation = { operation_members, 13, false };

static const struct member item_members[] = {
	{ .name = "get", .field = 2, .message = &operation },
	{ .name = "put", .field = 3, .message = &operation },
	{ .name = "post", .field = 4, .message = &operation },
	{ .name = "delete", .field = 5, .message = &operation },
	{ .name = "patch", .field = 8, .message = &operation },
	{ .name = "parameters", .field = 9, .shape = SHAPE_EACH, .message = &parameter },
	{ .name = NULL },
};
static const struct message path_item = { item_members, 10, false };

static void put_varint(struct buf *b, uint64_t n)
{
	for (; n > 0x7f; n >>= 7)
		buf_addc(b, (char)(n | 0x80));
	buf_addc(b, (char)n);
}

static void put_block(struct buf *b, unsigned int field, const void *data, size_t n)
{
	put_varint(b, (uint64_t)field << 3 | WIRE_BLOCK);
	put_varint(b, n);
	buf_add(b, data, n);
}

static void put_text(struct buf *b, unsigned int field, const char *text)
{
	put_block(b, field, text, strlen(text));
}

static void put_buf(struct buf *b, unsigned int field, const struct buf *content)
{
	put_block(b, field, buf_str(content), content->n);
}

static void put_message(struct buf *b, const struct message *message, const json_t *object);

/* One field with 'value'; 'inner' as in struct member. */
static void put_value(struct buf *b, unsigned int field, unsigned int inner,
                      const struct message *message, const json_t *value)
{
	auto_buf struct buf content = BUF_INIT;

	if (inner) {
		put_value(&content, inner, 0, message, value);
		put_buf(b, field, &content);
	} else if (json_is_object(value) && message) {
		put_message(&content, message, value);
		put_buf(b, field, &content);
	} else if (json_is_string(value)) {
		put_text(b, field, json_string_value(value));
	} else if (json_is_true(value)) {
		put_varint(b, (uint64_t)field << 3 | WIRE_VARINT);
		put_varint(b, 1);
	}
}

static void put_named(struct buf *b, const struct member *member, const json_t *object)
{
	auto_buf struct buf all = BUF_INIT;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value) {
		auto_buf struct buf pair = BUF_INIT;

		put_text(&pair, 1, name);
		put_value(&pair, 2, member->wrapped, member->message, value);
		put_buf(&all, member->inner, &pair);
	}
	put_buf(b, member->field, &all);
}

/* Any: the value as YAML, and JSON is that. */
static void put_any(struct buf *b, unsigned int field, const json_t *value)
{
	auto_buf struct buf any = BUF_INIT;
	char *text = json_is_string(value) ? NULL : json_text(value);

	put_text(&any, 2, text ? text : json_string_value(value));
	put_buf(b, field, &any);
	free(text);
}

/* NamedAny */
static void put_extension(struct buf *b, unsigned int field, const char *name, const json_t *value)
{
	auto_buf struct buf pair = BUF_INIT;

	put_text(&pair, 1, name);
	put_any(&pair, 2, value);
	put_buf(b, field, &pair);
}

/* ParametersItem{1 Parameter{1 body, or 2 NonBodyParameter{3 query, 4 path}}} */
static void put_parameter(struct buf *b, const json_t *object)
{
	const char *in = json_path_str(object, "in");
	auto_buf struct buf any = BUF_INIT, other = BUF_INIT;

	if (strcmp(in, "body") == 0) {
		put_value(&any, 1, 0, &body_parameter, object);
	} else {
		if (strcmp(in, "path") == 0)
			put_value(&other, 4, 0, &path_parameter, object);
		else
			put_value(&other, 3, 0, &query_parameter, object);
		put_buf(&any, 2, &other);
	}
	put_buf(b, 1, &any);
}

static void put_member(struct buf *b, const struct member *member, const json_t *value)
{
	const json_t *element;
	size_t i;

	if (member->shape == SHAPE_NAMED) {
		put_named(b, member, value);
	} else if (member->shape == SHAPE_EACH) {
		json_array_foreach(value, i, element)
			put_value(b, member->field, 0, member->message, element);
	} else if (member->shape == SHAPE_ANY) {
		json_array_foreach(value, i, element)
			put_any(b, member->field, element);
	} else {
		put_value(b, member->field, member->inner, member->message, value);
	}
}

static void put_message(struct buf *b, const struct message *message, const json_t *object)
{
	const char *name;
	json_t *value;

	if (message->parameter) {
		put_parameter(b, object);
		return;
	}
	json_object_foreach((json_t *)object, name, value) {
		const struct member *member = message->members;

		while (member->name && strcmp(member->name, name) != 0)
			member++;
		if (member->name)
			put_member(b, member, value);
		else if (message->extensions && strncmp(name, "x-", 2) == 0)
			put_extension(b, message->extensions, name, value);
	}
}

static void put_pair(struct buf *b, unsigned int field, const char *name,
                     const struct message *message, const json_t *value)
{
	auto_buf struct buf pair = BUF_INIT;

	put_text(&pair, 1, name);
	put_value(&pair, 2, 0, message, value);
	put_buf(b, field, &pair);
}

void openapi_proto_path(struct buf *paths, const char *path, const json_t *item)
{
	put_pair(paths, 2, path, &path_item, item);
}

void openapi_proto_definition(struct buf *definitions, const char *name, const json_t *definition)
{
	put_pair(definitions, 1, name, &schema, definition);
}

void openapi_proto_document(struct buf *out, const char *version, const struct buf *paths,
                            const struct buf *definitions)
{
	auto_buf struct buf info = BUF_INIT;

	put_text(&info, 1, "Kubernetes");
	put_text(&info, 2, version);
	put_text(out, 1, "2.0");
	put_buf(out, 2, &info);
	put_buf(out, 8, paths);
	put_buf(out, 9, definitions);
}
