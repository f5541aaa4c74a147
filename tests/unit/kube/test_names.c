/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <string.h>

#include "base/mem.h"
#include "kube/names.h"

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A253                    \
	A63 "." A63 "." A63 "." \
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void names_are_checked(void **state)
{
	static const struct {
		void (*check)(const char *value, struct name_errors *errs);
		const char *value;
		const char *starts[NAME_ERRORS_MAX]; /* of the messages expected */
	} cases[] = {
		{ name_check_label_key, "app", { NULL } },
		{ name_check_label_key, "a.b_c-D9", { NULL } },
		{ name_check_label_key, "kubernetes.io/service-name", { NULL } },
		{ name_check_label_key, A253 "/" A63, { NULL } },
		{ name_check_label_key,
		  "",
		  { "name part must be non-empty", "name part must consist" } },
		{ name_check_label_key, "-a", { "name part must consist of alphanumeric" } },
		{ name_check_label_key, "a b", { "name part must consist of alphanumeric" } },
		{ name_check_label_key, A63 "a", { "name part must be no more than 63 bytes" } },
		{ name_check_label_key, "/a", { "prefix part must be non-empty" } },
		{ name_check_label_key, "A/a", { "prefix part a lowercase RFC 1123 subdomain" } },
		{ name_check_label_key, "a..b/a", { "prefix part a lowercase RFC 1123 subdomain" } },
		{ name_check_label_key, A253 "a/a", { "prefix part must be no more than 253" } },
		{ name_check_label_key,
		  A253 "A/-" A63,
		  { "prefix part must be", "prefix part a lower", "name part must be no more",
		    "name part must consist" } },
		{ name_check_label_key,
		  "a/b/c",
		  { "a valid label key must consist of alphanumeric" } },
		{ name_check_label_value, "", { NULL } },
		{ name_check_label_value, "My_value.1", { NULL } },
		{ name_check_label_value, "a/b", { "a valid label must be an empty string or" } },
		{ name_check_label_value,
		  A63 "-",
		  { "must be no more than 63 bytes", "a valid label must be" } },
		{ name_check_dns_label, "a-1", { NULL } },
		{ name_check_dns_label, "1a", { NULL } },
		{ name_check_dns_label, "a.b", { "must not contain dots" } },
		{ name_check_dns_label, "", { "a lowercase RFC 1123 label must consist" } },
		{ name_check_dns_label, A63 "a", { "must be no more than 63 characters" } },
		{ name_check_dns_subdomain, "a.b-1.c", { NULL } },
		{ name_check_dns_subdomain, "a.", { "a lowercase RFC 1123 subdomain must" } },
		{ name_check_dns_subdomain, ".a", { "a lowercase RFC 1123 subdomain must" } },
		{ name_check_dns_subdomain, A253 "a", { "must be no more than 253 characters" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct name_errors errs = { 0 };
		size_t n = 0;

		cases[i].check(cases[i].value, &errs);
		for (; n < NAME_ERRORS_MAX && cases[i].starts[n]; n++)
			if (n >= errs.n || strncmp(errs.list[n], cases[i].starts[n],
			                           strlen(cases[i].starts[n])) != 0)
				fail_msg("\"%s\": %s", cases[i].value,
				         n < errs.n ? errs.list[n] : "no error");
		if (errs.n != n)
			fail_msg("\"%s\": %zu errors", cases[i].value, errs.n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names_are_checked) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
