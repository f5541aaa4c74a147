/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden plans: every folder beside this file that has an objects.yaml is a case (README.md).
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "plan/plan_objects.h"

#define NODE      "node-a"
#define FILE_MAX  (1 << 20)
#define CASES_MIN 40 /* fewer were found: the folder is not the one meant */

static const char *folder; /* of the cases */

static char *case_path(const char *name, const char *file)
{
	return xasprintf("%s/%s/%s", folder, name, file);
}

static json_t *read_objects(const char *name)
{
	auto_free char *path = case_path(name, "objects.yaml");
	auto_free char *text = NULL;
	json_t *objects = NULL;
	struct err err = { 0 };
	size_t size;

	if (file_read(path, FILE_MAX, &text, &size, &err) < 0 ||
	    decode_yaml(text, size, path, &objects, &err) < 0)
		fail_msg("%s", err.msg);
	return objects;
}

/* Compares with the golden file, or makes it so. */
static void check(const char *name, const char *file, const char *text)
{
	auto_free char *path = case_path(name, file);
	auto_free char *golden = NULL;
	struct err err = { 0 };
	int r;

	if (getenv("UPDATE_GOLDEN")) {
		r = file_write(path, text, strlen(text), 0644, &err);
		if (r < 0)
			fail_msg("%s", err.msg);
		return;
	}
	r = file_read(path, FILE_MAX, &golden, NULL, &err);
	if (r < 0)
		fail_msg("%s", err.msg);
	if (strcmp(golden, text) != 0)
		fail_msg("%s is:\n%s\nbut the plan is now:\n%s", path, golden, text);
}

static void golden_case(void **state)
{
	const char *name = *state;
	auto_json json_t *objects = read_objects(name);
	auto_free char *json_file = case_path(name, "plan.json");
	auto_buf struct buf text = BUF_INIT;

	plan_objects_print(objects, NODE, &text);
	check(name, "plan.txt", buf_str(&text));
	if (access(json_file, F_OK) == 0) {
		auto_json json_t *j = plan_objects_json(objects, NODE);
		auto_free char *dump = json_dumps(j, JSON_INDENT(2));

		buf_reset(&text);
		buf_printf(&text, "%s\n", dump);
		check(name, "plan.json", buf_str(&text));
	}
}

/* The objects in reverse order give the same plan. */
static void reversed_case(void **state)
{
	const char *name = *state;
	auto_json json_t *objects = read_objects(name), *reversed = json_array();
	auto_buf struct buf text = BUF_INIT, again = BUF_INIT;

	for (size_t i = json_array_size(objects); i > 0; i--)
		json_array_append(reversed, json_array_get(objects, i - 1));
	plan_objects_print(objects, NODE, &text);
	plan_objects_print(reversed, NODE, &again);
	assert_string_equal(buf_str(&text), buf_str(&again));
}

static int is_case(const struct dirent *entry)
{
	auto_free char *path = case_path(entry->d_name, "objects.yaml");

	return entry->d_name[0] != '.' && access(path, F_OK) == 0;
}

static int run(struct dirent **cases, int n)
{
	struct CMUnitTest *tests = xcalloc((size_t)n * 2, sizeof(*tests));
	char **titles = xcalloc((size_t)n, sizeof(*titles));
	int failed;

	for (int i = 0; i < n; i++) {
		titles[i] = xasprintf("%s, reversed", cases[i]->d_name);
		tests[2 * i] = (struct CMUnitTest){ .name = cases[i]->d_name,
			                            .test_func = golden_case,
			                            .initial_state = cases[i]->d_name };
		tests[2 * i + 1] = (struct CMUnitTest){ .name = titles[i],
			                                .test_func = reversed_case,
			                                .initial_state = cases[i]->d_name };
	}
	failed = _cmocka_run_group_tests("plan golden", tests, (size_t)n * 2, NULL, NULL);
	for (int i = 0; i < n; i++)
		free(titles[i]);
	free(titles);
	free(tests);
	return failed;
}

int main(int argc, char **argv)
{
	struct dirent **cases = NULL;
	int n, failed;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	folder = argv[1];
	n = scandir(folder, &cases, is_case, alphasort);
	if (n < CASES_MIN) {
		(void)fprintf(stderr, "%s: %d cases, at least %d expected\n", folder, n, CASES_MIN);
		return 1;
	}
	failed = run(cases, n);
	for (int i = 0; i < n; i++)
		free(cases[i]);
	free((void *)cases);
	return failed;
}
