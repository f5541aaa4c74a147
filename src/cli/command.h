/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command - the table of subcommands and their options, from which the parser, --help, the man pages
 * and shell completion all come.
 *
 * A subcommand is one file with its options in a table and a 'run' that gets what was parsed:
 *
 *	static const struct option options[] = {
 *		OPTIONS_API,
 *		{ "address", 0, "IP", "where the process listens", OPTION_REQUIRED },
 *		{ 0 },
 *	};
 *
 * 'run' returns the exit status: 0, 1 (it failed) or 2 (it was called wrongly).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum {
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

enum option_flags {
	OPTION_REQUIRED = 1 << 0,
	OPTION_LIST = 1 << 1, /* may be given again; a value may hold several, comma-separated */
	OPTION_HIDDEN = 1 << 2,
};

struct option_spec {
	const char *name;  /* long, without dashes */
	char letter;       /* short, 0 if none */
	const char *value; /* what to call its value in help; NULL: a flag */
	const char *help;  /* one sentence without a full stop */
	unsigned int flags;
};

struct args;

struct command {
	const char *name;
	const char *operands;              /* "KIND [NAME]" */
	int operands_min, operands_max;    /* max -1: any number */
	const char *summary;               /* for the list of commands, lower case, no full stop */
	const char *description;           /* paragraphs for --help and the man page */
	const struct option_spec *options; /* ends with a NULL name */
	int (*run)(const struct args *args);
	bool hidden;
};

/* All subcommands, NULL-terminated. */
extern const struct command *const commands[];
const struct command *command_find(const char *name);

/* The options of every command that talks to an API. */
#define OPTIONS_API                                                                      \
	{ "kubeconfig", 0, "FILE",                                                       \
	  "how to reach the API (default: $KUBECONFIG, ~/.kube/config, then the one of " \
	  "/var/lib/fairlead)",                                                          \
	  0 },                                                                           \
	{                                                                                \
		"context", 0, "NAME", "the context of the kubeconfig to use", 0          \
	}

#define OPTION_NAMESPACE                                                              \
	{                                                                             \
		"namespace", 'n', "NAME", "the namespace (default: the context's)", 0 \
	}

/* ---- what was parsed ---- */

/*
 * Parses the words behind the command's name.  Of a command with an option --config FILE the file is
 * a YAML map of further options under their names, which the command line overrides.  NULL with a message in 'err' when they are wrong.
 * '--help' anywhere gives args with args_help() true and nothing else checked.
 */
struct args *args_parse(const struct command *command, int argc, char **argv, struct err *err);
void args_free(struct args *args);
bool args_help(const struct args *args);
const char *args_get(const struct args *args,
                     const char *option); /* the last one; NULL if absent */
const char *args_get_or(const struct args *args, const char *option, const char *otherwise);
bool args_flag(const struct args *args, const char *option);

/* True if the command has such an option; asking for one it does not have aborts. */
bool args_knows(const struct args *args, const char *option);

/* NULL-terminated, possibly empty; for an OPTION_LIST. */
const char *const *args_list(const struct args *args, const char *option);
int args_count(const struct args *args);
const char *args_operand(const struct args *args, int i);

/* ---- what is printed ---- */

void command_print_help(const struct command *command);
void command_print_usage(void); /* 'fairlead --help' */

/* "fairlead: MESSAGE" on standard error; returns EXIT_FAILED. */
int command_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same with a hint at --help; returns EXIT_USAGE. */
int command_usage_error(const struct command *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
