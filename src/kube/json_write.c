/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/json_write.h"

#include <assert.h>
#include <stdint.h>

#define INTEGER_SIZE 24

static void write_integer(struct buf *b, json_int_t value)
{
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char digits[INTEGER_SIZE], *at = digits + sizeof(digits);

	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		*--at = '-';
	buf_add(b, at, (size_t)(digits + sizeof(digits) - at));
}

static int add_piece(const char *data, size_t size, void *arg)
{
	buf_add(arg, data, size);
	return 0;
}

/* The shortest text of a double is a science; jansson's is good. */
static void write_real(struct buf *b, const json_t *value)
{
	int r = json_dump_callback(value, add_piece, b, JSON_ENCODE_ANY);

	assert(r == 0);
	(void)r;
}

static void write_array(struct buf *b, const json_t *array)
{
	const json_t *value;
	size_t i;

	buf_addc(b, '[');
	json_array_foreach(array, i, value) {
		if (i)
			buf_addc(b, ',');
		json_write(b, value);
	}
	buf_addc(b, ']');
}

static void write_object(struct buf *b, json_t *object)
{
	char before = '{';

	for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
		buf_addc(b, before);
		before = ',';
		buf_add_json_stringn(b, json_object_iter_key(at), json_object_iter_key_len(at));
		buf_addc(b, ':');
		json_write(b, json_object_iter_value(at));
	}
	if (before == '{')
		buf_addc(b, '{');
	buf_addc(b, '}');
}

void json_write(struct buf *b, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		write_object(b, (json_t *)value);
		break;
	case JSON_ARRAY:
		write_array(b, value);
		break;
	case JSON_STRING:
		buf_add_json_stringn(b, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		write_integer(b, json_integer_value(value));
		break;
	case JSON_REAL:
		write_real(b, value);
		break;
	case JSON_TRUE:
		buf_adds(b, "true");
		break;
	case JSON_FALSE:
		buf_adds(b, "false");
		break;
	case JSON_NULL:
		buf_adds(b, "null");
		break;
	}
}
