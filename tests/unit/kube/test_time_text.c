/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/time_text.h"

static void times_are_read(void **state)
{
	static const struct {
		const char *text, *canonical;
		bool micro;
	} cases[] = {
		{ "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", false },
		{ "2026-01-02T03:04:05.999999999Z", "2026-01-02T03:04:05Z", false },
		{ "2026-01-02T3:04:05,5Z", "2026-01-02T03:04:05Z", false },
		{ "2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z", false },
		{ "2026-12-31T23:04:05-02:30", "2027-01-01T01:34:05Z", false },
		{ "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z", false },
		{ "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", false },
		{ "9999-12-31T23:59:59-01:00", "10000-01-01T00:59:59Z", false },
		{ "0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z", false },
		{ "0001-01-01T00:00:00Z", "", false },
		{ "2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05.123456Z", true },
		{ "2026-01-02T03:04:05.000000+00:00", "2026-01-02T03:04:05.000000Z", true },
		{ "0001-01-01T00:00:00.000001Z", "0001-01-01T00:00:00.000001Z", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char canonical[TIME_TEXT_SIZE];
		struct err err = { 0 };

		assert_int_equal(time_text_read(cases[i].text, cases[i].micro, canonical, &err), 0);
		assert_string_equal(canonical, cases[i].canonical);
	}
}

#define AS       " as \"2006-01-02T15:04:05Z07:00\": cannot parse "
#define AS_MICRO " as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse "

static void others_are_refused_in_words_of_go(void **state)
{
	static const struct {
		const char *text, *error; /* what follows the quoted text */
		bool micro;
	} cases[] = {
		{ "", AS "\"\" as \"2006\"", false },
		{ "yesterday", AS "\"yesterday\" as \"2006\"", false },
		{ "202", AS "\"202\" as \"2006\"", false },
		{ "2026", AS "\"\" as \"-\"", false },
		{ "2026-1-02T03:04:05Z", AS "\"1-02T03:04:05Z\" as \"01\"", false },
		{ "2026-01-02 03:04:05Z", AS "\" 03:04:05Z\" as \"T\"", false },
		{ "2026-01-02t03:04:05Z", AS "\"t03:04:05Z\" as \"T\"", false },
		{ "2026-01-02T03:04:05", AS "\"\" as \"Z07:00\"", false },
		{ "2026-01-02T03:04:05.Z", AS "\".Z\" as \"Z07:00\"", false },
		{ "2026-01-02T03:04:05z", AS "\"z\" as \"Z07:00\"", false },
		{ "2026-13-02T03:04:05Z", ": month out of range", false },
		{ "2026-02-29T03:04:05Z", ": day out of range", false },
		{ "2026-02-00T03:04:05Z", ": day out of range", false },
		{ "2026-01-02T24:04:05Z", ": hour out of range", false },
		{ "2026-01-02T03:60:05Z", ": minute out of range", false },
		{ "2026-01-02T03:04:60Z", ": second out of range", false },
		{ "2026-01-02T03:04:05+25:00", ": time zone offset hour out of range", false },
		{ "2026-01-02T03:04:05+01:61", ": time zone offset minute out of range", false },
		{ "2026-01-02T03:04:05Zx", ": extra text: \"x\"", false },
		{ "2026-01-02T03:04:05Z", AS_MICRO "\"Z\" as \".000000\"", true },
		{ "2026-01-02T03:04:05.123Z", AS_MICRO "\".123Z\" as \".000000\"", true },
		{ "2026-01-02T03:04:05.123456789Z", AS_MICRO "\"789Z\" as \"Z07:00\"", true },
		{ "2026-01-02T03:04:05+02:00", AS_MICRO "\"+02:00\" as \".000000\"", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *text = xasprintf("parsing time \"%s\"%s", cases[i].text,
		                                 cases[i].error);
		char canonical[TIME_TEXT_SIZE];
		struct err err = { 0 };

		assert_int_equal(time_text_read(cases[i].text, cases[i].micro, canonical, &err),
		                 -EBADMSG);
		assert_string_equal(err.msg, text);
	}
}

static void odd_bytes_are_escaped(void **state)
{
	char canonical[TIME_TEXT_SIZE];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(time_text_read("\"\\\n\xc3\xa9", false, canonical, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "parsing time \"\\\"\\\\\\x0a\\xc3\\xa9\" as "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(others_are_refused_in_words_of_go),
		cmocka_unit_test(odd_bytes_are_escaped),
	};

	return cmocka_run_group_tests_name("time_text", tests, NULL, NULL);
}
