/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/command.h"
#include "kube/decode.h"
#include "kube/json.h"

#define CONFIG_OPTION "config"
#define CONFIG_MAX    (1 << 20)

#define OPTIONS_MAX 32
#define CODE_LONG   256 /* getopt codes of options without a letter start here */
#define CODE_HELP   (CODE_LONG + OPTIONS_MAX)

struct values {
	const char **list; /* owned array, NULL-terminated once it has elements */
	size_t n, cap;
};

struct args {
	const struct command *command;
	bool help;
	struct values values[OPTIONS_MAX]; /* by index in the command's table */
	struct values operands;
	char **pieces; /* owned strings: parts of comma-separated values */
	size_t n_pieces, cap_pieces;
};

static const char *const no_values[] = { NULL };

static void values_add(struct values *values, const char *value)
{
	array_reserve(values->list, values->n + 1, values->cap);
	values->list[values->n++] = value;
	values->list[values->n] = NULL;
}

static void add_pieces(struct args *args, struct values *values, const char *value)
{
	char *copy = xstrdup(value), *save = NULL;

	array_reserve(args->pieces, args->n_pieces, args->cap_pieces);
	args->pieces[args->n_pieces++] = copy;
	for (char *piece = strtok_r(copy, ",", &save); piece; piece = strtok_r(NULL, ",", &save))
		values_add(values, piece);
}

static size_t option_index(const struct command *command, const char *name)
{
	size_t i = 0;

	while (command->options[i].name && strcmp(command->options[i].name, name) != 0)
		i++;
	if (!command->options[i].name)
		abort(); /* a command asks for an option that its table does not have */
	return i;
}

/* getopt takes abbreviations of long options; a script that uses one breaks when another comes. */
static bool is_abbreviated(const char *word, const char *name)
{
	size_t n = strlen(name);

	return strncmp(word, "--", 2) == 0 &&
	       (strncmp(word + 2, name, n) != 0 || (word[2 + n] != '\0' && word[2 + n] != '='));
}

static void fill_tables(const struct command *command, struct option *longs, struct buf *letters)
{
	size_t i;

	buf_adds(letters, "+:h");
	for (i = 0; command->options[i].name; i++) {
		const struct option_spec *o = &command->options[i];

		longs[i] = (struct option){ o->name, o->value ? required_argument : no_argument,
			                    NULL, CODE_LONG + (int)i };
		if (o->letter)
			buf_printf(letters, "%c%s", o->letter, o->value ? ":" : "");
	}
	longs[i] = (struct option){ "help", no_argument, NULL, CODE_HELP };
	longs[i + 1] = (struct option){ 0 };
}

static const struct option_spec *option_of_code(const struct command *command, int code)
{
	const struct option_spec *o = command->options;

	if (code >= CODE_LONG)
		return &command->options[code - CODE_LONG];
	while (o->name && o->letter != code)
		o++;
	return o->name ? o : NULL;
}

static int take_option(struct args *args, int code, const char *word, struct err *err)
{
	const struct option_spec *o;
	struct values *values;

	if (code == 'h' || code == CODE_HELP) {
		args->help = true;
		return 0;
	}
	if (code == ':')
		return err_set(err, -EINVAL, "option %s needs a value", word);
	o = code == '?' ? NULL : option_of_code(args->command, code);
	if (!o || is_abbreviated(word, o->name)) {
		if (code == '?' && optopt >= CODE_LONG)
			return err_set(err, -EINVAL, "option --%s takes no value",
			               args->command->options[optopt - CODE_LONG].name);
		return err_set(err, -EINVAL, "unknown option %s", word);
	}
	values = &args->values[o - args->command->options];
	if (o->flags & OPTION_LIST)
		add_pieces(args, values, optarg);
	else
		values_add(values, o->value ? optarg : "true");
	return 0;
}

static int check_all_there(const struct args *args, struct err *err)
{
	const struct command *c = args->command;

	for (size_t i = 0; c->options[i].name; i++)
		if ((c->options[i].flags & OPTION_REQUIRED) && args->values[i].n == 0)
			return err_set(err, -EINVAL, "option --%s %s is missing",
			               c->options[i].name, c->options[i].value);
	if (args_count(args) < c->operands_min)
		return err_set(err, -EINVAL, "expected %s", c->operands);
	if (c->operands_max >= 0 && args_count(args) > c->operands_max)
		return err_set(err, -EINVAL, "unexpected argument '%s'",
		               args_operand(args, c->operands_max));
	return 0;
}

/* One value of the file; strings and numbers as they would stand on the command line. */
static int add_file_value(struct args *args, size_t option, const json_t *value)
{
	const struct option_spec *o = &args->command->options[option];
	char *text;

	if (!o->value) {
		if (json_is_true(value))
			values_add(&args->values[option], "true");
		return json_is_boolean(value) ? 0 : -EINVAL;
	}
	if (!json_is_string(value) && !json_is_integer(value))
		return -EINVAL;
	text = json_is_string(value) ? xstrdup(json_string_value(value))
	                             : xasprintf("%lld", (long long)json_integer_value(value));
	array_reserve(args->pieces, args->n_pieces, args->cap_pieces);
	args->pieces[args->n_pieces++] = text;
	values_add(&args->values[option], text);
	return 0;
}

static int take_file_option(struct args *args, const char *name, const json_t *value)
{
	size_t option = option_index(args->command, name), i;
	const json_t *one;
	int r = 0;

	/* The command line knows better. */
	if (args->values[option].n)
		return 0;
	if (!(args->command->options[option].flags & OPTION_LIST) || !json_is_array(value))
		return add_file_value(args, option, value);
	json_array_foreach(value, i, one)
		if (r == 0)
			r = add_file_value(args, option, one);
	return r;
}

/* Takes the options that the file of --config has, where the command knows that option. */
static int take_file(struct args *args, struct err *err)
{
	const char *path = args_knows(args, CONFIG_OPTION) ? args_get(args, CONFIG_OPTION) : NULL;
	auto_free char *text = NULL;
	auto_json json_t *documents = NULL;
	const char *name;
	json_t *value;
	size_t size;
	int r;

	if (!path)
		return 0;
	r = file_read(path, CONFIG_MAX, &text, &size, err);
	if (r == 0)
		r = decode_yaml(text, size, path, &documents, err);
	if (r < 0)
		return r;
	if (json_array_size(documents) > 1 ||
	    (json_array_size(documents) == 1 && !json_is_object(json_array_get(documents, 0))))
		return err_set(err, -EINVAL, "%s: expected one map of options", path);
	json_object_foreach(json_array_get(documents, 0), name, value) {
		if (!args_knows(args, name) || strcmp(name, CONFIG_OPTION) == 0)
			return err_set(err, -EINVAL, "%s: unknown option '%s'", path, name);
		if (take_file_option(args, name, value) < 0)
			return err_set(err, -EINVAL,
			               "%s: option '%s' has a value of the wrong type", path, name);
	}
	return 0;
}

struct args *args_parse(const struct command *command, int argc, char **argv, struct err *err)
{
	struct option longs[OPTIONS_MAX + 2];
	auto_buf struct buf letters = BUF_INIT;
	struct args *args = xnew(struct args);
	int code, r = 0;

	args->command = command;
	fill_tables(command, longs, &letters);
	opterr = 0;
	optind = 0;
	while (r == 0 && !args->help) {
		int at = optind ? optind : 1;

		code = getopt_long(argc, argv, letters.p, longs, NULL);
		if (code != -1) {
			r = take_option(args, code, argv[at], err);
			continue;
		}
		if (optind >= argc)
			break;
		if (strcmp(argv[optind - 1], "--") == 0 && at != optind) {
			while (optind < argc)
				values_add(&args->operands, argv[optind++]);
			break;
		}
		values_add(&args->operands, argv[optind++]);
	}
	if (r == 0 && !args->help)
		r = take_file(args, err);
	if (r == 0 && !args->help)
		r = check_all_there(args, err);
	if (r < 0) {
		args_free(args);
		return NULL;
	}
	return args;
}

void args_free(struct args *args)
{
	if (!args)
		return;
	for (size_t i = 0; i < OPTIONS_MAX; i++)
		free(args->values[i].list);
	for (size_t i = 0; i < args->n_pieces; i++)
		free(args->pieces[i]);
	free(args->pieces);
	free(args->operands.list);
	free(args);
}

bool args_help(const struct args *args)
{
	return args->help;
}

const char *args_get(const struct args *args, const char *option)
{
	const struct values *values = &args->values[option_index(args->command, option)];

	return values->n ? values->list[values->n - 1] : NULL;
}

const char *args_get_or(const struct args *args, const char *option, const char *otherwise)
{
	const char *value = args_get(args, option);

	return value ? value : otherwise;
}

bool args_flag(const struct args *args, const char *option)
{
	return args_get(args, option) != NULL;
}

bool args_knows(const struct args *args, const char *option)
{
	const struct option_spec *o = args->command->options;

	while (o->name && strcmp(o->name, option) != 0)
		o++;
	return o->name != NULL;
}

const char *const *args_list(const struct args *args, const char *option)
{
	const struct values *values = &args->values[option_index(args->command, option)];

	return values->n ? values->list : no_values;
}

int args_count(const struct args *args)
{
	return (int)args->operands.n;
}

const char *args_operand(const struct args *args, int i)
{
	return i < args_count(args) ? args->operands.list[i] : NULL;
}
