/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/json_write.h"

/* Jansson's own writer is the judge. */
static void text_is_janssons(void **state)
{
	static const char *const cases[] = {
		"{}",
		"[]",
		"[[],{},[{}],null,true,false]",
		"{\"a\":{\"b\":[1,{\"c\":\"d\"}]},\"e\":\"\",\"\":0}",
		"[0,-1,1,10,-10,9223372036854775807,-9223372036854775808]",
		"[0.5,-0.0,1e300,1.0,3.141592653589793,5e-324]",
		"[\"\\\"\\\\\\b\\f\\n\\r\\t/\",\"a\\nb\",\"\\n\",\"\\u007f \\u00e9 \\u20ac \\ud83d\\ude00\"]",
		"{\"key \\\"with\\\" quotes\\n\":1}",
		"\"alone\"",
		"17",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *j = json_loads(cases[i], JSON_DECODE_ANY, NULL);
		auto_free char *expected = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
		auto_buf struct buf b = BUF_INIT;

		assert_non_null(j);
		json_write(&b, j);
		assert_string_equal(buf_str(&b), expected);
		assert_int_equal(b.n, strlen(expected));
	}
}

static void control_characters_come_back(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	char all[0x80];
	auto_json json_t *j = NULL, *back = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	j = json_stringn(all, sizeof(all));
	json_write(&b, j);
	back = json_loadb(b.p, b.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	assert_true(json_equal(j, back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_janssons),
		cmocka_unit_test(control_characters_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
