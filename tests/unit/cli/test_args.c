/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/command.h"

static const struct option_spec options[] = {
	{ "file", 'f', "FILE", "a file", OPTION_REQUIRED | OPTION_LIST },
	{ "all", 'A', NULL, "all", 0 },
	{ "output", 'o', "FORMAT", "how", 0 },
	{ "config", 0, "FILE", "more of these", 0 },
	{ 0 },
};

static const struct command command = {
	.name = "test",
	.operands = "KIND [NAME]",
	.operands_min = 1,
	.operands_max = 2,
	.options = options,
};

#define WORDS_MAX 10

static int count_words(const char *const *words)
{
	int n = 0;

	while (words[n])
		n++;
	return n;
}

static struct args *parse(const char *const *words, struct err *err)
{
	char *argv[WORDS_MAX + 1] = { NULL };

	for (int i = 0; words[i]; i++)
		argv[i] = (char *)words[i];
	return args_parse(&command, count_words(words), argv, err);
}

static void takes_words_in_any_order(void **state)
{
	const char *const words[] = { "test",     "svc", "-f",       "a,b",  "web",
		                      "--file=c", "-A",  "--output", "json", NULL };
	struct args *args = parse(words, NULL);

	(void)state;
	assert_non_null(args);
	assert_int_equal(args_count(args), 2);
	assert_string_equal(args_operand(args, 0), "svc");
	assert_string_equal(args_operand(args, 1), "web");
	assert_null(args_operand(args, 2));
	assert_string_equal(args_list(args, "file")[0], "a");
	assert_string_equal(args_list(args, "file")[1], "b");
	assert_string_equal(args_list(args, "file")[2], "c");
	assert_null(args_list(args, "file")[3]);
	assert_true(args_flag(args, "all"));
	assert_string_equal(args_get(args, "output"), "json");
	assert_false(args_knows(args, "namespace"));
	args_free(args);
}

static void takes_dashes_after_two_dashes(void **state)
{
	const char *const words[] = { "test", "-f", "a", "--", "-x", "--all", NULL };
	struct args *args = parse(words, NULL);

	(void)state;
	assert_non_null(args);
	assert_string_equal(args_operand(args, 0), "-x");
	assert_string_equal(args_operand(args, 1), "--all");
	assert_false(args_flag(args, "all"));
	args_free(args);
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *message;
	} table[] = {
		{ { "test", "svc" }, "option --file FILE is missing" },
		{ { "test", "-f", "a" }, "expected KIND [NAME]" },
		{ { "test", "svc", "web", "more", "-f", "a" }, "unexpected argument 'more'" },
		{ { "test", "svc", "--nothing" }, "unknown option --nothing" },
		{ { "test", "svc", "-x" }, "unknown option -x" },
		{ { "test", "svc", "--fil", "a" }, "unknown option --fil" },
		{ { "test", "svc", "-f" }, "option -f needs a value" },
		{ { "test", "svc", "--file" }, "option --file needs a value" },
		{ { "test", "svc", "--all=yes" }, "option --all takes no value" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct err err = { 0 };

		assert_null(parse(table[i].words, &err));
		assert_string_equal(err.msg, table[i].message);
	}
}

static void help_needs_nothing_else(void **state)
{
	const char *const words[] = { "test", "--help", NULL };
	struct args *args = parse(words, NULL);

	(void)state;
	assert_non_null(args);
	assert_true(args_help(args));
	args_free(args);
}

/* Every command's table is well-formed: names, a summary and a description, help for every option. */
static void tables_are_complete(void **state)
{
	(void)state;
	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];

		assert_ptr_equal(command_find(c->name), c);
		assert_non_null(c->run);
		assert_true(strlen(c->summary) > 5);
		assert_true(strlen(c->description) > 10);
		assert_non_null(c->operands);
		for (const struct option_spec *o = c->options; o->name; o++) {
			assert_true(strlen(o->help) > 3);
			assert_false(strcmp(o->name, "help") == 0 || o->letter == 'h');
			assert_true(o->value || !(o->flags & (OPTION_REQUIRED | OPTION_LIST)));
		}
	}
}

static struct args *parse_with_file(const char *yaml, struct err *err)
{
	static const char path[] = "test-args-config.yaml";
	const char *const words[] = { "test", "svc", "--config", path, "-o", "json", NULL };
	struct args *args;

	assert_int_equal(file_write(path, yaml, strlen(yaml), 0600, NULL), 0);
	args = parse(words, err);
	(void)unlink(path);
	return args;
}

static void takes_options_from_a_file(void **state)
{
	static const char *const bad[] = { "file: [a]\nnone: 1\n",    "file: {}\n", "file: [[a]]\n",
		                           "file: a\nall: 3\n",       "- a\n",      "config: x\n",
		                           "file: a\n--- \nfile: b\n" };
	struct args *args = parse_with_file("file: [\"a,b\", 7]\nall: true\noutput: yaml\n", NULL);

	(void)state;
	assert_non_null(args);
	assert_string_equal(args_list(args, "file")[0], "a,b");
	assert_string_equal(args_list(args, "file")[1], "7");
	assert_true(args_flag(args, "all"));
	assert_string_equal(args_get(args, "output"), "json");
	args_free(args);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = { 0 };

		if (parse_with_file(bad[i], &err))
			fail_msg("taken: %s", bad[i]);
		assert_string_not_equal(err.msg, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_words_in_any_order),
		cmocka_unit_test(takes_options_from_a_file),
		cmocka_unit_test(takes_dashes_after_two_dashes),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(help_needs_nothing_else),
		cmocka_unit_test(tables_are_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
