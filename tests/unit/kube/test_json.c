/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <string.h>

#include "base/cleanup.h"
#include "kube/json.h"
#include "parse_json.h"

static void paths_are_read(void **state)
{
	auto_json json_t *j =
		parse_json("{'s':'x','n':null,'i':5,'b':true,'o':{'s':'y','o':{'i':7}}}");

	(void)state;
	assert_string_equal(json_path_string(j, "s"), "x");
	assert_string_equal(json_path_string(j, "o.s"), "y");
	assert_null(json_path_string(j, "i"));
	assert_null(json_path_string(j, "s.x"));
	assert_null(json_path(j, "n"));
	assert_null(json_path(j, "none.at.all"));
	assert_null(json_path(NULL, "a.b"));
	assert_string_equal(json_path_str(j, "none"), "");
	assert_int_equal(json_path_int(j, "o.o.i", 1), 7);
	assert_int_equal(json_path_int(j, "s", 1), 1);
	assert_true(json_path_bool(j, "b", false));
	assert_true(json_path_bool(j, "n", true));
	assert_false(json_path_bool(j, "i", false));
}

static void paths_are_set(void **state)
{
	auto_json json_t *j = parse_json("{'s':'x','o':{'k':1}}");

	(void)state;
	json_path_set(j, "o.new", json_integer(2));
	json_path_set(j, "a.b.c", json_true());
	json_path_set(j, "s.in", json_null());
	assert_json(j, "{'s':{'in':null},'o':{'k':1,'new':2},'a':{'b':{'c':true}}}");
	json_path_del(j, "a.b.c");
	json_path_del(j, "a.none.c");
	json_path_del(j, "s");
	json_path_del(j, "none");
	assert_json(j, "{'o':{'k':1,'new':2},'a':{'b':{}}}");
}

static void text_is_compact(void **state)
{
	auto_json json_t *j = parse_json("{'z': [1, 'a/b'], 'a': '\xc3\xa9'}");
	auto_free char *text = json_text(j);

	(void)state;
	assert_string_equal(text, "{\"z\":[1,\"a/b\"],\"a\":\"\xc3\xa9\"}");
}

static void strings_are_cleaned(void **state)
{
	static const struct {
		const char *bytes, *expected;
	} cases[] = {
		{ "plain", "plain" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "a\xff"
		  "b",
		  "a\xef\xbf\xbd"
		  "b" },
		{ "\xc3", "\xef\xbf\xbd" },                                 /* cut */
		{ "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },                 /* overlong */
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* surrogate */
		{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *j = json_string_of(cases[i].bytes);

		assert_string_equal(json_string_value(j), cases[i].expected);
	}
}

static void size_and_depth_are_told(void **state)
{
	auto_json json_t *j = parse_json("{'a':[[1],{}],'b':'xxxxxxxxxx'}");

	(void)state;
	assert_true(json_depth_within(j, 3));
	assert_false(json_depth_within(j, 2));
	assert_false(json_depth_within(j, 0));
	assert_true(json_depth_within(json_null(), 0));
	assert_int_equal(json_weight(j, SIZE_MAX), 6 * json_weight(json_null(), 0) + 12);
	assert_true(json_weight(j, 100) > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_read),          cmocka_unit_test(paths_are_set),
		cmocka_unit_test(text_is_compact),         cmocka_unit_test(strings_are_cleaned),
		cmocka_unit_test(size_and_depth_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
