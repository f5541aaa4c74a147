/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "io/http_server.h"

#define BODY_MAX 65536

static const struct option_spec options[] = {
	{ "listen", 0, "ADDR:PORT", "where to listen (default: 127.0.0.1:8080)", 0 },
	{ "name", 0, "NAME", "what to answer (default: the host's name)", 0 },
	{ 0 },
};

static void answer(void *arg, struct http_request *req)
{
	const char *name = arg;
	auto_free char *body = xasprintf("%s\n", name);

	http_reply(req, 200, "text/plain", body, strlen(body));
}

static void stop(void *arg)
{
	loop_stop(arg);
}

static int run(const struct args *args)
{
	const char *listen = args_get_or(args, "listen", "127.0.0.1:8080");
	struct signal_watch *interrupted, *terminated;
	struct http_server *server;
	char name[256] = "";
	struct ipaddr addr;
	struct err err = { 0 };
	struct loop *loop;
	uint16_t port;
	int r;

	if (ipaddr_parse_hostport(listen, &addr, &port) < 0)
		return command_usage_error(&command_demo_server,
		                           "--listen %s: expected ADDR:PORT, like 127.0.0.1:8080",
		                           listen);
	if (gethostname(name, sizeof(name) - 1) < 0)
		return command_fail("cannot tell this host's name; give one with --name");
	if (args_get(args, "name"))
		(void)snprintf(name, sizeof(name), "%s", args_get(args, "name"));
	loop = loop_new();
	server = http_server_new(loop, BODY_MAX, answer, name);
	interrupted = signal_watch_new(loop, SIGINT, stop, loop);
	terminated = signal_watch_new(loop, SIGTERM, stop, loop);
	r = http_server_listen_tcp(server, &addr, port, &err);
	if (r == 0) {
		(void)printf("%s listens on %s\n", name, listen);
		(void)fflush(stdout);
		loop_run(loop);
	}
	signal_watch_free(interrupted);
	signal_watch_free(terminated);
	http_server_free(server);
	loop_free(loop);
	return r < 0 ? command_fail("%s", err.msg) : 0;
}

const struct command command_demo_server = {
	.name = "demo-server",
	.operands = "",
	.summary = "a web server that answers its name, to try Services with",
	.description = "Answers every HTTP request with its name, until it is interrupted.\n"
		       "  fairlead demo-server --listen 127.0.0.1:8081 --name web-1",
	.options = options,
	.run = run,
};
