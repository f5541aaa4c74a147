/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/manifest.h"
#include "kube/json.h"

static int read_text(const char *text, json_t **ret, struct err *err)
{
	char path[] = "/tmp/manifest.XXXXXX";
	const char *files[] = { path, NULL };
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(file_write(path, text, strlen(text), 0600, err), 0);
	r = manifest_read_known(files, ret, err);
	(void)unlink(path);
	return r;
}

static void takes_lists_apart(void **state)
{
	auto_json json_t *objects = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(read_text("apiVersion: v1\nkind: List\nitems:\n"
	                           "- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n"
	                           "- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n"
	                           "---\n"
	                           "apiVersion: v1\nkind: Service\nmetadata:\n  name: c\n",
	                           &objects, &err),
	                 0);
	assert_int_equal(json_array_size(objects), 3);
	assert_string_equal(json_path_str(json_array_get(objects, 1), "metadata.name"), "b");
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *message;
	} table[] = {
		{ "", "no objects passed" },
		{ "kind: Service\nmetadata: {name: a}\n", "has no apiVersion" },
		{ "apiVersion: v1\nmetadata: {name: a}\n", "has no kind" },
		{ "apiVersion: v1\nkind: Servise\nmetadata: {name: a}\n",
		  "no matches for kind \"Servise\" in version \"v1\"" },
		{ "apiVersion: v1\nkind: Service\n", "has no metadata.name" },
		{ "apiVersion: v1\nkind: Service\nspec:\n\tports: []\n", ":4:" },
		{ "- 1\n", "is not an object" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		json_t *objects = NULL;
		struct err err = { 0 };

		assert_true(read_text(table[i].text, &objects, &err) < 0);
		assert_null(objects);
		if (!strstr(err.msg, table[i].message))
			fail_msg("expected '%s' in '%s'", table[i].message, err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_lists_apart),
		cmocka_unit_test(says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
