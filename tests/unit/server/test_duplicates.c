/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "server/duplicates.h"

static void are_found_where_they_are(void **state)
{
	static const struct {
		const char *text, *expected; /* the fields, one a line */
	} cases[] = {
		{ "{}", "" },
		{ "[]", "" },
		{ "\"a\"", "" },
		{ "{\"a\":1,\"b\":\"a\",\"c\":[\"a\",\"a\"]}", "" },
		{ "{\"a\":1,\"a\":2}", "a\n" },
		{ "{\"a\":1,\"a\":2,\"a\":3}", "a\na\n" },
		{ "{\"a\":{\"b\":1},\"c\":{\"b\":1}}", "" },
		{ "{\"a\":{\"b\":1,\"b\" :2}}", "a.b\n" },
		{ "{\"a\":{\"b\":1},\"a\":{\"b\":1}}", "a\n" },
		{ "{\"a\":[{\"b\":1},{\"b\":1,\"b\":1}]}", "a[1].b\n" },
		{ "{\"a\":[[1,{}],[{\"x\":0},{\"b\":{\"c\":1,\"c\":2}}]]}", "a[1][1].b.c\n" },
		{ "[{\"a\":1,\"a\":1}]", "[0].a\n" },
		/* what looks like structure in a string is none */
		{ "{\"a\":\"{\\\"a\\\":1,\\\"a\\\":2}\",\"b\":\"\\\\\"}", "" },
		/* the same key in other words */
		{ "{\"a\\u0062\":1,\"ab\":2}", "ab\n" },
		{ "{\"a\\\"\":1,\"a\\\"\":2}", "a\"\n" },
		{ "{\"a\":1,\"aa\":2,\"\":3,\"\":4}", "\n" },
		{ " { \"a\" : 1 ,\n\"a\"\t: 2 } ", "a\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *texts = json_array();
		auto_buf struct buf b = BUF_INIT;
		json_t *text;
		size_t k;

		duplicates_find(cases[i].text, strlen(cases[i].text), texts);
		json_array_foreach(texts, k, text) {
			const char *field = strchr(json_string_value(text), '"') + 1;

			buf_printf(&b, "%.*s\n", (int)strlen(field) - 1, field);
		}
		assert_string_equal(buf_str(&b), cases[i].expected);
	}
}

/* Enough keys that they are looked up rather than compared. */
static void among_many_keys(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	auto_json json_t *texts = json_array();

	(void)state;
	buf_adds(&b, "{\"data\":{");
	for (int i = 0; i < 5000; i++)
		buf_printf(&b, "\"k%d\":{\"x\":1},", i);
	buf_adds(&b, "\"k3\":1,\"k4999\":{\"y\":1,\"y\":2},\"new\":1,\"new\":2},\"data\":1}");
	duplicates_find(b.p, b.n, texts);
	assert_int_equal(json_array_size(texts), 5);
	assert_string_equal(json_string_value(json_array_get(texts, 0)),
	                    "duplicate field \"data.k3\"");
	assert_string_equal(json_string_value(json_array_get(texts, 1)),
	                    "duplicate field \"data.k4999\"");
	assert_string_equal(json_string_value(json_array_get(texts, 2)),
	                    "duplicate field \"data.k4999.y\"");
	assert_string_equal(json_string_value(json_array_get(texts, 3)),
	                    "duplicate field \"data.new\"");
	assert_string_equal(json_string_value(json_array_get(texts, 4)),
	                    "duplicate field \"data\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(are_found_where_they_are),
		cmocka_unit_test(among_many_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
