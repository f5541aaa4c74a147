/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

static int run_command(const struct command *command, int argc, char **argv)
{
	struct err err = { 0 };
	struct args *args = args_parse(command, argc, argv, &err);
	int status = 0;

	if (!args)
		return command_usage_error(command, "%s", err.msg);
	if (args_help(args))
		command_print_help(command);
	else
		status = command->run(args);
	args_free(args);
	if (fflush(stdout) != 0 || ferror(stdout))
		return command_fail("cannot write to standard output");
	return status;
}

static int help_on(const char *name)
{
	const struct command *command = command_find(name);

	if (!command)
		return command_usage_error(NULL, "there is no command '%s'", name);
	command_print_help(command);
	return 0;
}

int main(int argc, char **argv)
{
	const struct command *command;

	(void)mallopt(M_ARENA_MAX, 2); /* glibc would make eight a core, and keep them */
	if (argc < 2) {
		command_print_usage();
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    (strcmp(argv[1], "help") == 0 && argc == 2)) {
		command_print_usage();
		return 0;
	}
	if (strcmp(argv[1], "help") == 0)
		return help_on(argv[2]);
	command = command_find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
	if (!command)
		return command_usage_error(
			NULL, argv[1][0] == '-' ? "unknown option %s" : "there is no command '%s'",
			argv[1]);
	return run_command(command, argc - 1, argv + 1);
}
