/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/selector.h"
#include "parse_json.h"

static struct labels make_labels(const char *text, struct arena *arena)
{
	auto_json json_t *map = parse_json(text);

	return labels_from_json(map, arena);
}

static void labels_are_sorted_and_found(void **state)
{
	struct arena arena = ARENA_INIT;
	struct labels labels = make_labels("{'b':'2','a':'1','x':5,'c':''}", &arena);
	struct labels none = make_labels("null", &arena);

	(void)state;
	assert_int_equal(labels.n, 3);
	assert_string_equal(labels.list[0].key, "a");
	assert_string_equal(labels.list[2].key, "c");
	assert_string_equal(labels_get(&labels, "b"), "2");
	assert_string_equal(labels_get(&labels, "c"), "");
	assert_null(labels_get(&labels, "x"));
	assert_null(labels_get(&none, "a"));
	arena_done(&arena);
}

static void labels_contain_others(void **state)
{
	static const struct {
		const char *labels, *wanted;
		bool contain, equal;
	} cases[] = {
		{ "{'a':'1','b':'2'}", "{}", true, false },
		{ "{'a':'1','b':'2'}", "{'b':'2'}", true, false },
		{ "{'a':'1','b':'2'}", "{'b':'2','a':'1'}", true, true },
		{ "{'a':'1','b':'2'}", "{'b':'3'}", false, false },
		{ "{'a':'1'}", "{'a':'1','b':'2'}", false, false },
		{ "{'b':'1'}", "{'a':'1'}", false, false },
		{ "{}", "{}", true, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = ARENA_INIT;
		struct labels labels = make_labels(cases[i].labels, &arena);
		struct labels wanted = make_labels(cases[i].wanted, &arena);

		assert_int_equal(labels_contain(&labels, &wanted), cases[i].contain);
		assert_int_equal(labels_equal(&labels, &wanted), cases[i].equal);
		arena_done(&arena);
	}
}

static void selectors_match(void **state)
{
	static const struct {
		const char *selector, *labels;
		bool matches;
	} cases[] = {
		{ "", "{}", true },
		{ " ", "{'a':'b'}", true },
		{ "a", "{'a':''}", true },
		{ "a", "{'b':''}", false },
		{ "!a", "{'b':''}", true },
		{ "! a", "{'a':''}", false },
		{ "a=b", "{'a':'b'}", true },
		{ "a == b", "{'a':'b'}", true },
		{ "a=b", "{'a':'c'}", false },
		{ "a=", "{'a':''}", true },
		{ "a=", "{}", false },
		{ "a!=b", "{'a':'b'}", false },
		{ "a!=b", "{}", true },
		{ "a in (b, c)", "{'a':'c'}", true },
		{ "a in (b,c)", "{'a':'d'}", false },
		{ "a in (b,c)", "{}", false },
		{ "a notin (b,c)", "{}", true },
		{ "a notin (b,c)", "{'a':'b'}", false },
		{ "a in ()", "{'a':''}", true },
		{ "a in (,b)", "{'a':''}", true },
		{ "a in (b,)", "{'a':''}", true },
		{ "in in (in,notin)", "{'in':'notin'}", true },
		{ "a>5", "{'a':'6'}", true },
		{ "a>5", "{'a':'5'}", false },
		{ "a<5", "{'a':'4'}", true },
		{ "a<5", "{'a':'x'}", false },
		{ "a<5", "{}", false },
		{ "a=b,c!=d,!e,x.y/z in (1),f", "{'a':'b','x.y/z':'1','f':''}", true },
		{ "a=b,c!=d,!e,x.y/z in (1),f", "{'a':'b','x.y/z':'1'}", false },
		{ "\ta =\nb , c ", "{'a':'b','c':''}", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = ARENA_INIT;
		struct labels labels = make_labels(cases[i].labels, &arena);
		struct selector *selector;
		struct err err = { 0 };

		if (selector_parse(cases[i].selector, &selector, &err) < 0)
			fail_msg("%s: %s", cases[i].selector, err.msg);
		if (selector_matches(selector, &labels) != cases[i].matches)
			fail_msg("%s on %s", cases[i].selector, cases[i].labels);
		selector_free(selector);
		arena_done(&arena);
	}
}

#define KEY_RULE                                                                            \
	"must consist of alphanumeric characters, '-', '_' or '.', and must start and end " \
	"with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', "     \
	"regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define VALUE_RULE                                                                           \
	"a valid label must be an empty string or consist of alphanumeric characters, '-', " \
	"'_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue'," \
	"  or 'my_value',  or '12345', regex used for validation is "                        \
	"'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

/* The texts are those of apimachinery's labels.Parse. */
static void selectors_are_refused(void **state)
{
	static const struct {
		const char *selector, *message;
	} cases[] = {
		{ ",", "found ',', expected: !, identifier, or 'end of string'" },
		{ "a,", "found '', expected: identifier after ','" },
		{ "a=b c", "found 'c', expected: ',' or 'end of string'" },
		{ "!", "unable to parse requirement: found '', expected: identifier" },
		{ "a b",
		  "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt" },
		{ "a in b", "unable to parse requirement: found 'b' expected: '('" },
		{ "a in (=)",
		  "unable to parse requirement: found '=', expected: ',', ')' or identifier" },
		{ "a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'" },
		{ "a in (b", "unable to parse requirement: found '', expected: ',' or ')'" },
		{ "a==(", "unable to parse requirement: found '(', expected: identifier" },
		{ "-a",
		  "unable to parse requirement: <nil>: Invalid value: \"-a\": name part " KEY_RULE },
		{ "a=-",
		  "unable to parse requirement: values[0][a]: Invalid value: \"-\": " VALUE_RULE },
		{ "a>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', "
		         "'Lt' operators, the value must be an integer" },
		{ "!a=b", "found '=', expected: ',' or 'end of string'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct selector *selector;
		struct err err = { 0 };

		if (selector_parse(cases[i].selector, &selector, &err) != -EINVAL)
			fail_msg("%s is taken", cases[i].selector);
		assert_string_equal(err.msg, cases[i].message);
	}
}

static const char *const fields[] = { "spec.clusterIP", "spec.type", NULL };
static const struct kind service = { .name = "Service", .fields = fields };

static void field_selectors_match(void **state)
{
	static const struct {
		const char *selector;
		bool matches;
	} cases[] = {
		{ "", true },
		{ ",", true },
		{ "metadata.name=web", true },
		{ "metadata.name==web,metadata.namespace=default", true },
		{ "metadata.name!=web", false },
		{ "metadata.name=", false },
		{ "spec.clusterIP!=None", true },
		{ "spec.clusterIP=", true },
		{ "spec.type=a\\,b\\=c\\\\", true },
		{ "spec.type=a", false },
	};
	auto_json json_t *object = parse_json("{'metadata':{'name':'web','namespace':'default'},"
	                                      "'spec':{'type':'a,b=c\\\\'}}");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct field_selector *selector;
		struct err err = { 0 };

		if (field_selector_parse(&service, cases[i].selector, &selector, &err) < 0)
			fail_msg("%s: %s", cases[i].selector, err.msg);
		if (field_selector_matches(selector, object) != cases[i].matches)
			fail_msg("%s", cases[i].selector);
		field_selector_free(selector);
	}
}

static void field_values_are_text(void **state)
{
	static const char *const some[] = { "spec.n", "spec.b", NULL };
	static const struct kind kind = { .name = "X", .fields = some };
	auto_json json_t *object = parse_json("{'spec':{'n':80,'b':true}}");
	struct field_selector *selector;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(field_selector_parse(&kind, "spec.n=80,spec.b=true", &selector, &err), 0);
	assert_true(field_selector_matches(selector, object));
	field_selector_free(selector);
}

static void field_selectors_are_refused(void **state)
{
	static const struct {
		const char *selector, *message;
	} cases[] = {
		{ "spec.ports=1", "field label not supported: spec.ports" },
		{ "=x", "field label not supported: " },
		{ "spec.type", "invalid selector: 'spec.type'; can't understand 'spec.type'" },
		{ "spec.type=a=b", "invalid field selector: unescaped character in value: 61" },
		{ "spec.type=a\\b", "invalid field selector: invalid escape sequence: \\b" },
		{ "spec.type=a\\", "invalid field selector: invalid escape sequence: \\" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct field_selector *selector;
		struct err err = { 0 };

		if (field_selector_parse(&service, cases[i].selector, &selector, &err) != -EINVAL)
			fail_msg("%s is taken", cases[i].selector);
		assert_string_equal(err.msg, cases[i].message);
	}
}

static void the_key_may_decide(void **state)
{
	static const struct {
		const char *selector;
		bool matches, decided;
	} cases[] = {
		{ "", true, true },
		{ "metadata.name=web", true, true },
		{ "metadata.name=web,metadata.namespace=default", true, true },
		{ "metadata.name=web,metadata.namespace!=default", false, true },
		{ "metadata.name!=web", false, true },
		{ "metadata.name=we", false, true },
		{ "spec.type=x,metadata.name==web", true, false },
		{ "metadata.name=b,spec.type=x", false, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct field_selector *selector;
		struct err err = { 0 };
		bool decided;

		assert_int_equal(field_selector_parse(&service, cases[i].selector, &selector, &err),
		                 0);
		assert_int_equal(field_selector_matches_key(selector, "default", "web", &decided),
		                 cases[i].matches);
		if (cases[i].matches)
			assert_int_equal(decided, cases[i].decided);
		field_selector_free(selector);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_sorted_and_found),
		cmocka_unit_test(labels_contain_others),
		cmocka_unit_test(selectors_match),
		cmocka_unit_test(selectors_are_refused),
		cmocka_unit_test(field_selectors_match),
		cmocka_unit_test(field_values_are_text),
		cmocka_unit_test(field_selectors_are_refused),
		cmocka_unit_test(the_key_may_decide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
