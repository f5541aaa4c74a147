/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"

static const struct option_spec options[] = { { 0 } };

static int run(const struct args *args)
{
	(void)args;
	(void)printf("fairlead " FAIRLEAD_VERSION "\n");
	return 0;
}

const struct command command_version = {
	.name = "version",
	.operands = "",
	.summary = "print the version",
	.description = "Prints the version of this program.",
	.options = options,
	.run = run,
};
