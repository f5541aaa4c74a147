/* SPDX-License-Identifier: Apache-2.0 */
/* Shell completion, written from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

static const struct option_spec options[] = { { 0 } };

static void print_words(const struct command *c)
{
	for (const struct option_spec *o = c->options; o->name; o++)
		if (!(o->flags & OPTION_HIDDEN))
			(void)printf("--%s ", o->name);
	(void)printf("--help");
}

static void print_bash(void)
{
	(void)printf("_fairlead() {\n"
	             "\tlocal words cur=${COMP_WORDS[COMP_CWORD]}\n"
	             "\tCOMPREPLY=()\n"
	             "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords=\"");
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			(void)printf("%s ", commands[i]->name);
	(void)printf("--help\"\n\telse\n\t\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; commands[i]; i++) {
		(void)printf("\t\t%s) words=\"", commands[i]->name);
		print_words(commands[i]);
		(void)printf("\" ;;\n");
	}
	(void)printf("\t\tesac\n"
	             "\t\tcase $cur in\n"
	             "\t\t-*) ;;\n"
	             "\t\t*) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
	             "\t\tesac\n"
	             "\tfi\n"
	             "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	             "}\n"
	             "complete -F _fairlead fairlead\n");
}

/* Help texts stand in single quotes in both zsh and fish. */
static void print_quoted(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			(void)printf("'\\''");
		else if (*text == '[' || *text == ']' || *text == ':')
			(void)printf("\\%c", *text);
		else
			(void)putchar(*text);
	}
}

static void print_zsh(void)
{
	(void)printf("#compdef fairlead\n_fairlead() {\n\tif (( CURRENT == 2 )); then\n"
	             "\t\tlocal -a names=(\n");
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			(void)printf("\t\t\t'%s:%s'\n", commands[i]->name, commands[i]->summary);
	(void)printf("\t\t)\n\t\t_describe command names\n\t\treturn\n\tfi\n"
	             "\tlocal name=$words[2]\n\tshift words; (( CURRENT-- ))\n\tcase $name in\n");
	for (size_t i = 0; commands[i]; i++) {
		(void)printf("\t%s) _arguments", commands[i]->name);
		for (const struct option_spec *o = commands[i]->options; o->name; o++) {
			(void)printf(" \\\n\t\t'%s--%s%s[", o->flags & OPTION_LIST ? "*" : "",
			             o->name, o->value ? "=" : "");
			print_quoted(o->help);
			(void)printf("]%s%s%s'", o->value ? ":" : "", o->value ? o->value : "",
			             o->value ? ":_files" : "");
		}
		(void)printf(" \\\n\t\t'--help[print help]' '*:file:_files' ;;\n");
	}
	(void)printf("\tesac\n}\ncompdef _fairlead fairlead\n");
}

static void print_fish(void)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];

		if (!c->hidden)
			(void)printf(
				"complete -c fairlead -n __fish_use_subcommand -f -a %s -d '%s'\n",
				c->name, c->summary);
		for (const struct option_spec *o = c->options; o->name; o++) {
			(void)printf(
				"complete -c fairlead -n '__fish_seen_subcommand_from %s' -l %s",
				c->name, o->name);
			if (o->letter)
				(void)printf(" -s %c", o->letter);
			(void)printf("%s -d '", o->value ? " -r" : "");
			for (const char *h = o->help; *h; h++)
				(void)printf(*h == '\'' ? "\\'" : "%c", *h);
			(void)printf("'\n");
		}
	}
}

static int run(const struct args *args)
{
	const char *shell = args_operand(args, 0);

	if (strcmp(shell, "bash") == 0)
		print_bash();
	else if (strcmp(shell, "zsh") == 0)
		print_zsh();
	else if (strcmp(shell, "fish") == 0)
		print_fish();
	else
		return command_usage_error(&command_completion,
		                           "no completion for '%s': expected bash, zsh or fish",
		                           shell);
	return 0;
}

const struct command command_completion = {
	.name = "completion",
	.operands = "bash|zsh|fish",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "print shell completion",
	.description = "Prints completion for a shell, to be sourced:\n"
		       "  . <(fairlead completion bash)",
	.options = options,
	.run = run,
};
