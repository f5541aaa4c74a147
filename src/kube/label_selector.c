/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/label_selector.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/validate.h"

enum operator{
	OP_IN,
	OP_NOT_IN,
	OP_EXISTS,
	OP_NOT_EXISTS,
	OP_UNKNOWN,
};

static enum operator operator_of(const json_t *requirement)
{
	static const char *const names[] = { "In", "NotIn", "Exists", "DoesNotExist" };
	const char *name = json_path_str(requirement, "operator");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return (enum operator)i;
	return OP_UNKNOWN;
}

static bool takes_values(enum operator op)
{
	return op == OP_IN || op == OP_NOT_IN;
}

static void check_requirement(const json_t *requirement, const char *path,
                              struct field_errors *errs)
{
	const json_t *values = json_path(requirement, "values"), *value;
	enum operator op = operator_of(requirement);
	size_t i;

	if (op == OP_UNKNOWN)
		field_invalid_string(errs, field_path("%s.operator", path),
		                     json_path_str(requirement, "operator"),
		                     "not a valid selector operator");
	else if (takes_values(op) && json_array_size(values) == 0)
		field_required(errs, field_path("%s.values", path),
		               "must be specified when `operator` is 'In' or 'NotIn'");
	else if (!takes_values(op) && json_array_size(values) > 0)
		field_forbidden(errs, field_path("%s.values", path),
		                "may not be specified when `operator` is 'Exists' or "
		                "'DoesNotExist'");
	validate_name(errs, field_path("%s.key", path), json_path_str(requirement, "key"),
	              name_check_label_key);
	json_array_foreach(values, i, value)
		if (json_is_string(value))
			validate_name(errs, field_path("%s.values[%zu]", path, i),
			              json_string_value(value), name_check_label_value);
}

void label_selector_validate(struct field_errors *errs, const char *path, const json_t *selector)
{
	const json_t *requirement;
	size_t i;

	validate_labels(errs, field_path("%s.matchLabels", path),
	                json_path(selector, "matchLabels"));
	json_array_foreach(json_path(selector, "matchExpressions"), i, requirement) {
		auto_free char *at = xasprintf("%s.matchExpressions[%zu]", path, i);

		check_requirement(requirement, at, errs);
	}
}

bool label_selector_is_valid(const json_t *selector)
{
	struct field_errors errs = { 0 };
	bool valid;

	label_selector_validate(&errs, "", selector);
	valid = errs.n == 0;
	field_errors_done(&errs);
	return valid;
}

bool label_selector_is_empty(const json_t *selector)
{
	return json_object_size(json_path(selector, "matchLabels")) == 0 &&
	       json_array_size(json_path(selector, "matchExpressions")) == 0;
}

static bool requirement_matches(const json_t *requirement, const json_t *labels)
{
	const char *value =
		json_string_value(json_object_get(labels, json_path_str(requirement, "key")));
	const json_t *values = json_path(requirement, "values");

	switch (operator_of(requirement)) {
	case OP_IN:
		return value && validate_has_string(values, value);
	case OP_NOT_IN:
		return !value || !validate_has_string(values, value);
	case OP_EXISTS:
		return value;
	case OP_NOT_EXISTS:
		return !value;
	case OP_UNKNOWN:
		break;
	}
	return false;
}

bool label_selector_matches(const json_t *selector, const json_t *labels)
{
	const json_t *requirement;
	const char *key;
	json_t *value;
	size_t i;

	if (!json_is_object(selector))
		return false;
	json_object_foreach(json_path(selector, "matchLabels"), key, value) {
		const json_t *label = json_object_get(labels, key);

		if (!label || !json_equal(label, value))
			return false;
	}
	json_array_foreach(json_path(selector, "matchExpressions"), i, requirement)
		if (!requirement_matches(requirement, labels))
			return false;
	return true;
}

/* One term of the text. */
struct term {
	const char *key;
	char *text; /* owned */
};

static int compare_terms(const void *a, const void *b)
{
	const struct term *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	return order ? order : strcmp(x->text, y->text);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "in (a,b)", sorted. */
static char *values_text(const char *key, const char *word, const json_t *values)
{
	size_t i, n = 0;
	auto_free const char **texts = xcalloc(json_array_size(values) + 1, sizeof(*texts));
	struct buf b = BUF_INIT;
	const json_t *value;

	json_array_foreach(values, i, value)
		if (json_is_string(value))
			texts[n++] = json_string_value(value);
	qsort(texts, n, sizeof(*texts), compare_texts);
	buf_printf(&b, "%s %s (", key, word);
	for (i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i ? "," : "", texts[i]);
	buf_addc(&b, ')');
	return buf_take(&b);
}

static char *requirement_text(const json_t *requirement)
{
	const char *key = json_path_str(requirement, "key");
	const json_t *values = json_path(requirement, "values");

	switch (operator_of(requirement)) {
	case OP_IN:
		return values_text(key, "in", values);
	case OP_NOT_IN:
		return values_text(key, "notin", values);
	case OP_NOT_EXISTS:
		return xasprintf("!%s", key);
	case OP_EXISTS:
	case OP_UNKNOWN:
		break;
	}
	return xstrdup(key);
}

void label_selector_print(struct buf *b, const json_t *selector)
{
	const json_t *pairs = json_path(selector, "matchLabels"), *requirement;
	const json_t *requirements = json_path(selector, "matchExpressions");
	auto_free struct term *terms = xcalloc(
		json_object_size(pairs) + json_array_size(requirements) + 1, sizeof(*terms));
	const char *key;
	json_t *value;
	size_t i, n = 0;

	json_object_foreach((json_t *)pairs, key, value) {
		const char *text = json_string_value(value);

		terms[n++] = (struct term){ key, xasprintf("%s=%s", key, text ? text : "") };
	}
	json_array_foreach(requirements, i, requirement)
		terms[n++] = (struct term){ json_path_str(requirement, "key"),
			                    requirement_text(requirement) };
	qsort(terms, n, sizeof(*terms), compare_terms);
	for (i = 0; i < n; i++) {
		buf_printf(b, "%s%s", i ? "," : "", terms[i].text);
		free(terms[i].text);
	}
}

json_t *label_selector_sorted_map(const json_t *map)
{
	size_t n = 0, size = json_object_size(map);
	auto_free const char **keys = xcalloc(size + 1, sizeof(*keys));
	json_t *sorted = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)map, key, value)
		keys[n++] = key;
	qsort(keys, n, sizeof(*keys), compare_texts);
	for (size_t i = 0; i < n; i++)
		json_object_set(sorted, keys[i], json_object_get(map, keys[i]));
	return sorted;
}

json_t *label_selector_sorted(const json_t *selector)
{
	json_t *pairs = json_path(selector, "matchLabels");
	json_t *requirements = json_path(selector, "matchExpressions");
	json_t *sorted = json_object();

	if (json_object_size(pairs) > 0)
		json_object_set_new(sorted, "matchLabels", label_selector_sorted_map(pairs));
	if (json_array_size(requirements) > 0)
		json_object_set(sorted, "matchExpressions", requirements);
	return sorted;
}
