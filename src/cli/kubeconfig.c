/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "server/server.h"

static const struct option_spec options[] = {
	{ "data-dir", 0, "DIR", "the data directory of the server (default: /var/lib/fairlead)",
	  0 },
	{ "path", 0, NULL, "print where the file is instead of its content", 0 },
	{ 0 },
};

static int run(const struct args *args)
{
	auto_free char *path = xasprintf("%s/%s",
	                                 args_get_or(args, "data-dir", "/var/lib/fairlead"),
	                                 SERVER_KUBECONFIG_NAME);
	auto_free char *text = NULL;
	struct err err = { 0 };

	if (file_read(path, 1 << 20, &text, NULL, &err) < 0)
		return command_fail("%s; 'fairlead up' writes it at its first start", err.msg);
	if (args_flag(args, "path"))
		(void)printf("%s\n", path);
	else
		(void)fputs(text, stdout);
	return 0;
}

const struct command command_kubeconfig = {
	.name = "kubeconfig",
	.operands = "",
	.summary = "print the administrator's kubeconfig of a standalone server",
	.description =
		"Prints the kubeconfig with which kubectl and other clients reach the server "
		"as\nadministrator:\n"
		"  fairlead kubeconfig --data-dir DIR > ~/.kube/config\n"
		"  export KUBECONFIG=$(fairlead kubeconfig --path)",
	.options = options,
	.run = run,
};
