/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml's emitter is what go-yaml's was made from: with the styles chosen as go-yaml does, it
 * writes the same bytes.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/decode.h"
#include "kube/scalar.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Bytes beyond ASCII count as letters; in UTF-8 they sort as their code points do. */
static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* Adds the digits at 'p' to '*number' and returns how many there are. */
static size_t take_digits(const char *p, uint64_t *number)
{
	size_t n = 0;

	for (; is_digit(p[n]); n++)
		*number = *number * 10 + (uint64_t)(p[n] - '0');
	return n;
}

/* True if the digits that end just before 's[i]' have one that is not 0. */
static bool in_number(const char *s, size_t i)
{
	for (; i > 0 && is_digit(s[i - 1]); i--)
		if (s[i - 1] != '0')
			return true;
	return false;
}

static int three_way(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* go-yaml's order of keys: letters after all else, numbers by value ("a2" before "a10"). */
static int compare_keys(const void *left, const void *right)
{
	const char *a = *(const char *const *)left, *b = *(const char *const *)right;
	uint64_t number_a = 0, number_b = 0;
	size_t i = 0, digits_a, digits_b;

	while (a[i] && a[i] == b[i])
		i++;
	if (!a[i] || !b[i])
		return three_way((unsigned char)a[i], (unsigned char)b[i]);
	if (is_letter(a[i]) != is_letter(b[i]))
		return is_letter(a[i]) ? 1 : -1;
	if (is_letter(a[i]))
		return three_way((unsigned char)a[i], (unsigned char)b[i]);
	if ((a[i] == '0' || b[i] == '0') && in_number(a, i))
		number_a = number_b = 1;
	digits_a = take_digits(a + i, &number_a);
	digits_b = take_digits(b + i, &number_b);
	if (number_a != number_b)
		return three_way(number_a, number_b);
	if (digits_a != digits_b)
		return three_way(digits_a, digits_b);
	return three_way((unsigned char)a[i], (unsigned char)b[i]);
}

static int write_out(void *data, unsigned char *bytes, size_t size)
{
	buf_add(data, bytes, size);
	return 1;
}

static void emit(yaml_emitter_t *emitter, yaml_event_t *event, int made)
{
	int r = made ? yaml_emitter_emit(emitter, event) : 0;

	assert(r); /* the tree is well-formed and its strings are UTF-8: only memory can lack */
	(void)r;
}

static void emit_scalar(yaml_emitter_t *emitter, const char *text, size_t n,
                        yaml_scalar_style_t style)
{
	yaml_event_t event;

	emit(emitter, &event,
	     yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)n, 1,
	                                  1, style));
}

/* Line breaks of Unicode: libyaml does not read back all it writes with them outside of "". */
static bool has_unicode_break(const char *text)
{
	return strstr(text, "\xe2\x80\xa8") || strstr(text, "\xe2\x80\xa9");
}

static void emit_string(yaml_emitter_t *emitter, const char *text, size_t n)
{
	yaml_scalar_style_t style = YAML_PLAIN_SCALAR_STYLE;

	if (has_unicode_break(text))
		style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	else if (memchr(text, '\n', n))
		style = YAML_LITERAL_SCALAR_STYLE;
	else if (scalar_resolve(text).type != SCALAR_STRING || scalar_is_base60(text))
		style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	emit_scalar(emitter, text, n, style);
}

static void emit_plain(yaml_emitter_t *emitter, const char *text)
{
	emit_scalar(emitter, text, strlen(text), YAML_PLAIN_SCALAR_STYLE);
}

/* A plain << is no key but a merge. */
static void emit_key(yaml_emitter_t *emitter, const char *key)
{
	if (strcmp(key, "<<") == 0)
		emit_scalar(emitter, key, 2, YAML_DOUBLE_QUOTED_SCALAR_STYLE);
	else
		emit_string(emitter, key, strlen(key));
}

static void emit_value(yaml_emitter_t *emitter, const json_t *value);

static void emit_object(yaml_emitter_t *emitter, const json_t *object)
{
	size_t n = json_object_size(object), i = 0;
	auto_free const char **keys = xcalloc(n + 1, sizeof(*keys));
	yaml_event_t event;
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)object, key, member)
		keys[i++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	emit(emitter, &event,
	     yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
	for (i = 0; i < n; i++) {
		emit_key(emitter, keys[i]);
		emit_value(emitter, json_object_get(object, keys[i]));
	}
	emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
}

static void emit_array(yaml_emitter_t *emitter, const json_t *array)
{
	yaml_event_t event;
	json_t *element;
	size_t i;

	emit(emitter, &event,
	     yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
	                                          YAML_BLOCK_SEQUENCE_STYLE));
	json_array_foreach(array, i, element)
		emit_value(emitter, element);
	emit(emitter, &event, yaml_sequence_end_event_initialize(&event));
}

static void emit_number(yaml_emitter_t *emitter, const json_t *value)
{
	char text[SCALAR_FLOAT_SIZE];

	if (json_is_real(value))
		scalar_format_float(json_real_value(value), 64, text);
	else
		(void)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
		               json_integer_value(value));
	emit_plain(emitter, text);
}

static void emit_value(yaml_emitter_t *emitter, const json_t *value)
{
	if (json_is_object(value))
		emit_object(emitter, value);
	else if (json_is_array(value))
		emit_array(emitter, value);
	else if (json_is_string(value))
		emit_string(emitter, json_string_value(value), json_string_length(value));
	else if (json_is_number(value))
		emit_number(emitter, value);
	else if (json_is_boolean(value))
		emit_plain(emitter, json_is_true(value) ? "true" : "false");
	else
		emit_plain(emitter, "null");
}

char *encode_yaml(const json_t *value)
{
	struct buf out = BUF_INIT;
	yaml_emitter_t emitter;
	yaml_event_t event;
	int r = yaml_emitter_initialize(&emitter);

	assert(r);
	(void)r;
	yaml_emitter_set_output(&emitter, write_out, &out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	emit(&emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	emit(&emitter, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	emit_value(&emitter, value);
	emit(&emitter, &event, yaml_document_end_event_initialize(&event, 1));
	yaml_emitter_flush(&emitter);
	/* No end of the stream: libyaml marks it with "..." after some values, kubectl does not. */
	yaml_emitter_delete(&emitter);
	return buf_take(&out);
}
