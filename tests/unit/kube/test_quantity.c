/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <errno.h>

#include "base/mem.h"
#include "kube/quantity.h"

#define FORMAT_ERROR                                    \
	"quantities must match the regular expression " \
	"'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
#define SUFFIX_ERROR "unable to parse quantity's suffix"

static void amounts_have_one_text(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{ "0", "0" },
		{ "-0", "0" },
		{ "0Gi", "0" },
		{ "1", "1" },
		{ "+5", "5" },
		{ "-1.5", "-1500m" },
		{ "1000m", "1" },
		{ "0.5", "500m" },
		{ ".5", "500m" },
		{ "5.", "5" },
		{ "1234567", "1234567" },
		{ "1000000", "1M" },
		{ "1500k", "1500k" },
		{ "0.1m", "100u" },
		{ "0.0000000001", "1n" },
		{ "1024Mi", "1Gi" },
		{ "1025Mi", "1025Mi" },
		{ "1.5Gi", "1536Mi" },
		{ "0.5Ki", "512" },
		{ "0.001Ki", "1024m" },
		{ "1023Ki", "1023Ki" },
		{ "1Ei", "1Ei" },
		{ "1e3", "1e3" },
		{ "12e-3", "12e-3" },
		{ "1E", "1E" },
		{ "1E3", "1e3" },
		{ "10E", "9223372036854775807" },
		{ "8Ei", "9223372036854775807" },
		{ "99999999999999999999999", "9223372036854775807" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "1e100", "9223372036854775807" },
		{ "1e-100", "1e-9" },
		{ "0.1234567890123456789012345", "123456790n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[QUANTITY_TEXT_SIZE];
		struct err err = { 0 };
		struct quantity q;

		if (quantity_parse(cases[i].text, &q, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.msg);
		quantity_format(&q, text);
		assert_string_equal(text, cases[i].canonical);
	}
}

static void others_are_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", FORMAT_ERROR },     { "foo", FORMAT_ERROR },  { "-", FORMAT_ERROR },
		{ "1 ", FORMAT_ERROR },   { "1g", FORMAT_ERROR },   { "1.2.3", FORMAT_ERROR },
		{ "1e3m", FORMAT_ERROR }, { "1Kii", SUFFIX_ERROR }, { "1ki", SUFFIX_ERROR },
		{ "1K", SUFFIX_ERROR },   { "1i", SUFFIX_ERROR },   { "1e", SUFFIX_ERROR },
		{ "1mm", SUFFIX_ERROR },  { "1e-", SUFFIX_ERROR },  { "1m3", SUFFIX_ERROR },
		{ "1-3", SUFFIX_ERROR },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };
		struct quantity q;

		assert_int_equal(quantity_parse(cases[i].text, &q, &err), -EBADMSG);
		assert_string_equal(err.msg, cases[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts_have_one_text),
		cmocka_unit_test(others_are_refused),
	};

	return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
