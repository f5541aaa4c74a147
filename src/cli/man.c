/* SPDX-License-Identifier: Apache-2.0 */
/* Man pages, written from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

static const struct option_spec options[] = { { 0 } };

/* Text in roff: backslashes, dashes and dots at the start of a line mean something there. */
static void print_text(const char *text)
{
	bool line_start = true;

	for (; *text; text++) {
		if (line_start && (*text == '.' || *text == '\''))
			(void)printf("\\&");
		if (line_start && *text == ' ')
			(void)printf(".br\n");
		line_start = *text == '\n';
		if (*text == '\\')
			(void)printf("\\e");
		else if (*text == '-')
			(void)printf("\\-");
		else if (*text == '\n' && text[1] == '\n')
			(void)printf("\n.PP");
		else
			(void)putchar(*text);
	}
}

static void print_head(const char *title, const char *name, const char *summary)
{
	(void)printf(".TH \"%s\" 8 \"\" \"fairlead " FAIRLEAD_VERSION "\" \"Fairlead\"\n"
	             ".SH NAME\n%s \\- %s\n",
	             title, name, summary);
}

static void print_page(const struct command *c)
{
	char title[64];

	(void)snprintf(title, sizeof(title), "fairlead-%s", c->name);
	print_head(title, title, c->summary);
	(void)printf(".SH SYNOPSIS\n.B fairlead %s\n%s [OPTION]...\n.SH DESCRIPTION\n", c->name,
	             c->operands);
	print_text(c->description);
	(void)printf("\n.SH OPTIONS\n");
	for (const struct option_spec *o = c->options; o->name; o++) {
		(void)printf(".TP\n\\fB");
		if (o->letter)
			(void)printf("\\-%c\\fR, \\fB", o->letter);
		(void)printf("\\-\\-");
		print_text(o->name);
		(void)printf("\\fR%s\\fI%s\\fR\n", o->value ? " " : "", o->value ? o->value : "");
		print_text(o->help);
		(void)printf("%s\n", o->flags & OPTION_LIST ? " (may be repeated)" : "");
	}
	(void)printf(".SH EXIT STATUS\n0 on success, 1 on failure, 2 when called wrongly.\n"
	             ".SH SEE ALSO\n.BR fairlead (8)\n");
}

static void print_main_page(void)
{
	print_head("fairlead", "fairlead", "Kubernetes Services, with or without Kubernetes");
	(void)printf(".SH SYNOPSIS\n.B fairlead\nCOMMAND [OPTION]...\n.SH COMMANDS\n");
	for (size_t i = 0; commands[i]; i++) {
		if (commands[i]->hidden)
			continue;
		(void)printf(".TP\n.BR fairlead\\-");
		print_text(commands[i]->name);
		(void)printf(" (8)\n");
		print_text(commands[i]->summary);
		(void)printf("\n");
	}
}

static int run(const struct args *args)
{
	const char *name = args_operand(args, 0);
	const struct command *c;

	if (!name) {
		print_main_page();
		return 0;
	}
	c = command_find(name);
	if (!c)
		return command_usage_error(&command_man, "there is no command '%s'", name);
	print_page(c);
	return 0;
}

const struct command command_man = {
	.name = "man",
	.operands = "[COMMAND]",
	.operands_max = 1,
	.summary = "print a man page",
	.description = "Prints the man page of the program or of one command, in roff:\n"
		       "  fairlead man get | man -l -",
	.options = options,
	.run = run,
};
