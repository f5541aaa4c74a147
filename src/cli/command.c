/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/commands.h"

#define HELP_COLUMN 30

const struct command *const commands[] = {
	&command_up,          &command_server,      &command_agent,
	&command_register,    &command_deregister,  &command_apply,
	&command_get,         &command_delete,      &command_plan,
	&command_status,      &command_trace,       &command_kubeconfig,
	&command_demo_server, &command_demo_client, &command_completion,
	&command_man,         &command_version,     NULL,
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static void print_option(const struct option_spec *o)
{
	auto_buf struct buf left = BUF_INIT;

	if (o->letter)
		buf_printf(&left, "  -%c, ", o->letter);
	else
		buf_adds(&left, "      ");
	buf_printf(&left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
	if (left.n >= HELP_COLUMN)
		(void)printf("%s\n%*s%s", left.p, HELP_COLUMN, "", o->help);
	else
		(void)printf("%-*s%s", HELP_COLUMN, left.p, o->help);
	(void)printf("%s%s\n", o->flags & OPTION_REQUIRED ? " (required)" : "",
	             o->flags & OPTION_LIST ? " (may be repeated)" : "");
}

void command_print_help(const struct command *command)
{
	static const struct option_spec help = { "help", 'h', NULL, "print this help", 0 };

	(void)printf("Usage: fairlead %s%s%s [OPTION]...\n\n%s\n\nOptions:\n", command->name,
	             *command->operands ? " " : "", command->operands, command->description);
	for (const struct option_spec *o = command->options; o->name; o++)
		if (!(o->flags & OPTION_HIDDEN))
			print_option(o);
	print_option(&help);
}

void command_print_usage(void)
{
	(void)printf(
		"Usage: fairlead COMMAND [OPTION]...\n\n"
		"Kubernetes Services - stable virtual IPs, service discovery, load balancing - "
		"with or without\nKubernetes.\n\nCommands:\n");
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			(void)printf("  %-14s%s\n", commands[i]->name, commands[i]->summary);
	(void)printf("\n'fairlead COMMAND --help' tells more of one.\n");
}

int command_fail(const char *fmt, ...)
{
	auto_buf struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	(void)fflush(stdout);
	(void)fprintf(stderr, "fairlead: %s\n", buf_str(&text));
	return EXIT_FAILED;
}

int command_usage_error(const struct command *command, const char *fmt, ...)
{
	auto_buf struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	(void)fflush(stdout);
	(void)fprintf(stderr, "fairlead: %s\nTry 'fairlead %s%s--help'.\n", buf_str(&text),
	              command ? command->name : "", command ? " " : "");
	return EXIT_USAGE;
}
