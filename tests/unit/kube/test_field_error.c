/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/field_error.h"
#include "kube/json.h"
#include "parse_json.h"

static void add_required(struct field_errors *errs)
{
	field_required(errs, "spec.ports", "");
}

static void add_required_detail(struct field_errors *errs)
{
	field_required(errs, "p", "why");
}

static void add_forbidden(struct field_errors *errs)
{
	field_forbidden(errs, "p", "may not");
}

static void add_invalid_string(struct field_errors *errs)
{
	field_invalid_string(errs, "p", "a\"b\n\x01", "bad");
}

static void add_unsupported(struct field_errors *errs)
{
	field_unsupported(errs, "p", "X", (const char *const[]){ "A", "B", NULL });
}

static void add_too_long(struct field_errors *errs)
{
	field_too_long(errs, "p", 63);
}

static void add_too_long_one(struct field_errors *errs)
{
	field_too_long(errs, "p", 1);
}

static void add_too_many(struct field_errors *errs)
{
	field_too_many(errs, "p", 3, 2);
}

static void add_not_found(struct field_errors *errs)
{
	field_not_found(errs, "p", "x");
}

static void add_internal(struct field_errors *errs)
{
	field_internal(errs, "p", "oh");
}

static void errors_are_rendered(void **state)
{
	static const struct {
		void (*add)(struct field_errors *errs);
		const char *text, *reason;
	} cases[] = {
		{ add_required, "spec.ports: Required value", "FieldValueRequired" },
		{ add_required_detail, "p: Required value: why", "FieldValueRequired" },
		{ add_forbidden, "p: Forbidden: may not", "FieldValueForbidden" },
		{ add_invalid_string, "p: Invalid value: \"a\\\"b\\n\\x01\": bad",
		  "FieldValueInvalid" },
		{ add_unsupported, "p: Unsupported value: \"X\": supported values: \"A\", \"B\"",
		  "FieldValueNotSupported" },
		{ add_too_long, "p: Too long: may not be more than 63 bytes", "FieldValueTooLong" },
		{ add_too_long_one, "p: Too long: may not be more than 1 byte",
		  "FieldValueTooLong" },
		{ add_too_many, "p: Too many: 3: must have at most 2 items", "FieldValueTooMany" },
		{ add_not_found, "p: Not found: \"x\"", "FieldValueNotFound" },
		{ add_internal, "p: Internal error: oh", "InternalError" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct field_errors errs = { 0 };
		auto_json json_t *causes = NULL;
		auto_free char *text = NULL;

		cases[i].add(&errs);
		text = field_errors_text(&errs);
		causes = field_errors_causes(&errs);
		assert_string_equal(text, cases[i].text);
		assert_string_equal(json_path_str(json_array_get(causes, 0), "reason"),
		                    cases[i].reason);
		field_errors_done(&errs);
	}
}

static void values_are_rendered(void **state)
{
	static const struct {
		const char *value, *text;
	} cases[] = {
		{ "'x'", "p: Invalid value: \"x\": d" },
		{ "123", "p: Invalid value: 123: d" },
		{ "true", "p: Invalid value: true: d" },
		{ "null", "p: Invalid value: null: d" },
		{ "['a']", "p: Invalid value: [\"a\"]: d" },
		{ "{'Name':'','Port':80}", "p: Invalid value: {\"Name\":\"\",\"Port\":80}: d" },
		{ "['<&>']", "p: Invalid value: [\"\\u003c\\u0026\\u003e\"]: d" },
	};
	struct field_errors errs = { 0 };
	auto_free char *text = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct field_errors one = { 0 };
		auto_json json_t *value = parse_json(cases[i].value);
		auto_free char *rendered = NULL;

		field_invalid(&one, "p", value, "d");
		rendered = field_errors_text(&one);
		assert_string_equal(rendered, cases[i].text);
		field_errors_done(&one);
	}
	field_invalid(&errs, "p", NULL, NULL);
	field_duplicate(&errs, "p", json_true());
	field_type_invalid(&errs, "p", json_true(), "must be a string");
	text = field_errors_text(&errs);
	assert_string_equal(text, "[p: Invalid value: null, p: Duplicate value: true, "
	                          "p: Invalid value: true: must be a string]");
	field_errors_done(&errs);
}

static void equal_errors_are_kept_once(void **state)
{
	struct field_errors errs = { 0 };
	auto_json json_t *causes = NULL;
	auto_free char *text = NULL;

	(void)state;
	field_required(&errs, "a", "");
	field_required(&errs, "a", "");
	field_required(&errs, field_path("b[%d].%s", 1, "c"), NULL);
	text = field_errors_text(&errs);
	causes = field_errors_causes(&errs);
	assert_string_equal(text, "[a: Required value, b[1].c: Required value]");
	assert_json(causes,
	            "[{'reason':'FieldValueRequired','message':'Required value','field':'a'},"
	            "{'reason':'FieldValueRequired','message':'Required value','field':'b[1].c'}]");
	field_errors_done(&errs);
}

static void errors_are_bounded(void **state)
{
	struct field_errors errs = { 0 };

	(void)state;
	for (int i = 0; i < 2 * FIELD_ERRORS_MAX; i++)
		field_required(&errs, field_path("a[%d]", i), "");
	assert_int_equal(errs.n, FIELD_ERRORS_MAX);
	field_errors_done(&errs);
}

static void paths_last_for_eight_calls(void **state)
{
	const char *first = field_path("first");

	(void)state;
	for (int i = 0; i < 7; i++)
		field_path("%d", i);
	assert_string_equal(first, "first");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_rendered),        cmocka_unit_test(values_are_rendered),
		cmocka_unit_test(equal_errors_are_kept_once), cmocka_unit_test(errors_are_bounded),
		cmocka_unit_test(paths_last_for_eight_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
