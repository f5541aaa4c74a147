/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "kube/scalar.h"

/* What go-yaml v2 (of kubectl 1.32) makes of the same text. */
static void text_has_a_type(void **state)
{
	static const struct {
		const char *text;
		enum scalar_type type;
		int64_t i; /* SCALAR_INT, SCALAR_BOOL */
		double f;
	} cases[] = {
		{ "", SCALAR_NULL, 0, 0 },
		{ "~", SCALAR_NULL, 0, 0 },
		{ "Null", SCALAR_NULL, 0, 0 },
		{ "nUll", SCALAR_STRING, 0, 0 },
		{ "y", SCALAR_BOOL, 1, 0 },
		{ "N", SCALAR_BOOL, 0, 0 },
		{ "On", SCALAR_BOOL, 1, 0 },
		{ "oN", SCALAR_STRING, 0, 0 },
		{ "0", SCALAR_INT, 0, 0 },
		{ "-0", SCALAR_INT, 0, 0 },
		{ "+5", SCALAR_INT, 5, 0 },
		{ "1_000", SCALAR_INT, 1000, 0 },
		{ "1__0_", SCALAR_INT, 10, 0 },
		{ "_1", SCALAR_STRING, 0, 0 },
		{ "-_1", SCALAR_INT, -1, 0 },
		{ "0777", SCALAR_INT, 511, 0 },
		{ "0o777", SCALAR_INT, 511, 0 },
		{ "0888", SCALAR_FLOAT, 0, 888 },
		{ "0x1F", SCALAR_INT, 31, 0 },
		{ "-0xff", SCALAR_INT, -255, 0 },
		{ "0x", SCALAR_STRING, 0, 0 },
		{ "0b11", SCALAR_INT, 3, 0 },
		{ "0b2", SCALAR_STRING, 0, 0 },
		{ "-", SCALAR_STRING, 0, 0 },
		{ "+", SCALAR_STRING, 0, 0 },
		{ "+-1", SCALAR_STRING, 0, 0 },
		{ "9223372036854775807", SCALAR_INT, INT64_MAX, 0 },
		{ "-9223372036854775808", SCALAR_INT, INT64_MIN, 0 },
		{ "9223372036854775808", SCALAR_HUGE, 0, 0 },
		{ "-9223372036854775809", SCALAR_HUGE, 0, 0 },
		{ "99999999999999999999999", SCALAR_HUGE, 0, 0 },
		{ "0xFFFFFFFFFFFFFFFF", SCALAR_HUGE, 0, 0 },
		{ "0xFFFFFFFFFFFFFFFFFF", SCALAR_STRING, 0, 0 },
		{ "1.5", SCALAR_FLOAT, 0, 1.5 },
		{ "1.", SCALAR_FLOAT, 0, 1 },
		{ "+.5", SCALAR_FLOAT, 0, .5 },
		{ ".5", SCALAR_FLOAT, 0, .5 },
		{ ".5_0", SCALAR_FLOAT, 0, .5 },
		{ "._5", SCALAR_STRING, 0, 0 },
		{ ".", SCALAR_STRING, 0, 0 },
		{ "1e3", SCALAR_FLOAT, 0, 1000 },
		{ "1e", SCALAR_STRING, 0, 0 },
		{ "1e400", SCALAR_STRING, 0, 0 },
		{ "1.2.3", SCALAR_STRING, 0, 0 },
		{ "10.0.0.1", SCALAR_STRING, 0, 0 },
		{ "-.INF", SCALAR_NOT_FINITE, 0, 0 },
		{ ".nan", SCALAR_NOT_FINITE, 0, 0 },
		{ "2001-01-01", SCALAR_TIME, 0, 0 },
		{ "2001-1-1 1:2:3", SCALAR_TIME, 0, 0 },
		{ "2001-01-01T00:00:00Z", SCALAR_TIME, 0, 0 },
		{ "2001-01-01t00:00:00.25+01:00", SCALAR_TIME, 0, 0 },
		{ "2000-02-29", SCALAR_TIME, 0, 0 },
		{ "2001-02-29", SCALAR_STRING, 0, 0 },
		{ "2001-13-01", SCALAR_STRING, 0, 0 },
		{ "2001-01-01T25:00:00Z", SCALAR_STRING, 0, 0 },
		{ "2001-01-01T00:00:00", SCALAR_STRING, 0, 0 },
		{ "2001-01-0", SCALAR_STRING, 0, 0 },
		{ "1:30", SCALAR_STRING, 0, 0 },
		{ "web", SCALAR_STRING, 0, 0 },
		{ "<<", SCALAR_STRING, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scalar s = scalar_resolve(cases[i].text);

		if (s.type != cases[i].type)
			fail_msg("%s is of type %d", cases[i].text, s.type);
		if (s.type == SCALAR_INT)
			assert_int_equal(s.i, cases[i].i);
		if (s.type == SCALAR_BOOL)
			assert_int_equal(s.b, cases[i].i);
		if (s.type == SCALAR_FLOAT)
			assert_true(s.f == cases[i].f);
	}
}

static void base60_is_seen(void **state)
{
	static const char *const yes[] = { "1:30", "-1:30:59.5", "1_0:5", "12:00:00" };
	static const char *const no[] = { "1", "1:60", "1:", ":1", "1:2x", "a:1", "", "1:5_9" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(scalar_is_base60(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(scalar_is_base60(no[i]));
}

static void floats_are_written_as_go_does(void **state)
{
	static const struct {
		double f;
		int bits;
		const char *text;
	} cases[] = {
		{ 0, 64, "0" },
		{ 1, 64, "1" },
		{ -1.5, 64, "-1.5" },
		{ 0.1, 64, "0.1" },
		{ 100000, 64, "100000" },
		{ 123456.5, 64, "123456.5" },
		{ 1e6, 64, "1e+06" },
		{ 1234567.5, 64, "1.2345675e+06" },
		{ 1e21, 64, "1e+21" },
		{ 0.0001, 64, "0.0001" },
		{ 0.00001, 64, "1e-05" },
		{ 1e-7, 64, "1e-07" },
		{ 1e300, 64, "1e+300" },
		{ 2.0 / 3, 64, "0.6666666666666666" },
		{ 2.0 / 3, 32, "0.6666667" },
		{ 5e-324, 64, "5e-324" },
	};
	char text[SCALAR_FLOAT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scalar_format_float(cases[i].f, cases[i].bits, text);
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_has_a_type),
		cmocka_unit_test(base60_is_seen),
		cmocka_unit_test(floats_are_written_as_go_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
