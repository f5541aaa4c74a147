/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roles - the long-running roles of a process (server, controllers, agent), each with a loop and a
 * thread of its own, talking over the API as they would over the network.
 *
 * The main thread runs the server's loop, or just waits for signals where there is none.  SIGINT and
 * SIGTERM end all of them in the order agent, controllers, server; the datapath stays in effect.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "cli/command.h"
#include "client/kubeconfig.h"
#include "node/agent.h"
#include "server/server.h"

struct roles_config {
	const struct server_config *server; /* NULL: no server and no controllers in this process */
	const struct kubeconfig *api;       /* whom the agent talks to; NULL: the server above */
	const struct agent_config *agent;   /* NULL: no agent */
};

/* Runs until a signal; returns the exit status. */
int roles_run(const struct roles_config *config);

#define OPTION_CONFIG                                                                   \
	{                                                                               \
		"config", 0, "FILE", "a YAML file with these options by their names", 0 \
	}

/* The options of the server and of the agent, shared by 'up', 'server' and 'agent'. */
#define OPTIONS_SERVER                                                                          \
	{ "data-dir", 0, "DIR", "where everything is kept (default: /var/lib/fairlead)", 0 },   \
		{ "listen", 0, "ADDR:PORT", "where the API listens (default: 127.0.0.1:6443)",  \
		  0 },                                                                          \
		{ "service-cluster-ip-range", 0, "CIDR",                                        \
		  "the addresses of Services (default: 10.96.0.0/16; two for dual-stack)", 0 }, \
		{ "service-node-port-range", 0, "A-B",                                          \
		  "the ports of NodePorts (default: 30000-32767)", 0 },                         \
		OPTION_CONFIG,                                                                  \
		{ "token-auth-file", 0, "FILE",                                                 \
		  "bearer tokens: token,user,uid,\"group,group\" a line", 0 },                  \
	{                                                                                       \
		"tls-san", 0, "NAME", "a further name or address in the server's certificate",  \
			OPTION_LIST                                                             \
	}

#define OPTIONS_AGENT                                                                              \
	{ "node-name", 0, "NAME", "the name of this node (default: the host's name)", 0 },         \
		{ "node-ip", 0, "IP",                                                              \
		  "the address of this node (default: that of the default route)", 0 },            \
		{ "cgroup", 0, "DIR",                                                              \
		  "balance the connections of processes below this cgroup v2 (default: all)", 0 }, \
		{ "healthz-bind-address", 0, "ADDR:PORT",                                          \
		  "where /healthz, /livez and /readyz answer (default: 0.0.0.0:10256; '': "        \
		  "nowhere)",                                                                      \
		  0 },                                                                             \
		{ "metrics-bind-address", 0, "ADDR:PORT",                                          \
		  "where /metrics answers (default: 127.0.0.1:10249; '': nowhere)", 0 },           \
	{                                                                                          \
		"pin-dir", 0, "DIR",                                                               \
			"where programs and maps are pinned (default: /sys/fs/bpf/fairlead)", 0    \
	}

/*
 * Fill the configurations from the options above; 'name' has room for the node's name.  The
 * strings are those of 'args'.  -EINVAL with what is wrong.
 */
int roles_server_config(const struct args *args, struct server_config *ret, struct err *err);

#define ROLES_NODE_NAME_SIZE 256

int roles_agent_config(const struct args *args, char ret_name[static ROLES_NODE_NAME_SIZE],
                       struct agent_config *ret, struct err *err);
