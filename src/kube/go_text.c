/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/go_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"

#define DIGITS_MAX   17 /* with which every double is exact */
#define REAL_SIZE    32
#define EXPONENT_MIN (-4) /* below this %v writes an exponent, */
#define EXPONENT_MAX 21   /* and from this on */

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_map(struct buf *b, const json_t *map)
{
	auto_free const char **keys = xcalloc(json_object_size(map) + 1, sizeof(*keys));
	size_t n = 0;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)map, key, value)
		keys[n++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	buf_adds(b, "map[");
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "%s%s:", i ? " " : "", keys[i]);
		go_text_value(b, json_object_get(map, keys[i]));
	}
	buf_addc(b, ']');
}

static void add_list(struct buf *b, const json_t *list)
{
	const json_t *element;
	size_t i;

	buf_addc(b, '[');
	json_array_foreach(list, i, element) {
		buf_adds(b, i ? " " : "");
		go_text_value(b, element);
	}
	buf_addc(b, ']');
}

/* The fewest digits that read back as the same number. */
static void add_real(struct buf *b, double number)
{
	char text[REAL_SIZE];
	int digits = 1;
	long exponent;

	do
		snprintf(text, sizeof(text), "%.*e", digits - 1, number);
	while (strtod(text, NULL) != number && ++digits <= DIGITS_MAX);
	exponent = strtol(strchr(text, 'e') + 1, NULL, 10);
	if (exponent < EXPONENT_MIN || exponent >= EXPONENT_MAX)
		buf_adds(b, text);
	else
		buf_printf(b, "%.*f", digits - 1 > exponent ? digits - 1 - (int)exponent : 0,
		           number);
}

void go_text_value(struct buf *b, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		add_map(b, value);
		break;
	case JSON_ARRAY:
		add_list(b, value);
		break;
	case JSON_STRING:
		buf_add(b, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		buf_printf(b, "%lld", (long long)json_integer_value(value));
		break;
	case JSON_REAL:
		add_real(b, json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_adds(b, json_is_true(value) ? "true" : "false");
		break;
	case JSON_NULL:
		buf_adds(b, "<nil>");
		break;
	}
}

struct names {
	const char *type, *kind, *json;
};

static const struct names *names_of(const json_t *value)
{
	static const struct names names[] = {
		[JSON_OBJECT] = { "map[string]interface {}", "map", "object" },
		[JSON_ARRAY] = { "[]interface {}", "slice", "array" },
		[JSON_STRING] = { "string", "string", "string" },
		[JSON_INTEGER] = { "int64", "int64", "number" },
		[JSON_REAL] = { "float64", "float64", "number" },
		[JSON_TRUE] = { "bool", "bool", "bool" },
		[JSON_FALSE] = { "bool", "bool", "bool" },
		[JSON_NULL] = { "%!s(<nil>)", "invalid", "null" },
	};

	return &names[json_typeof(value)];
}

const char *go_text_type(const json_t *value)
{
	return names_of(value)->type;
}

const char *go_text_kind(const json_t *value)
{
	return names_of(value)->kind;
}

const char *go_text_json(const json_t *value)
{
	return names_of(value)->json;
}
