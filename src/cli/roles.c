/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/roles.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "control/control.h"

#define DATA_DIR_DEFAULT "/var/lib/fairlead"
#define ROOT_CA_MAX      (64 * 1024)
#define READY_POLL_NS    (2 * NSEC_PER_MSEC)

/* One thread with its loop and its connection to the API. */
struct role {
	struct loop *loop;
	struct client *client;
	pthread_t thread;
	bool running;
};

struct process {
	const struct roles_config *config;
	int64_t started;
	struct loop *loop; /* of the main thread */
	struct server *server;
	struct role control_role, agent_role;
	struct control *control;
	struct agent *agent;
	struct timer *ready_timer; /* on the agent's loop */
};

static void *run_role(void *arg)
{
	struct role *role = arg;

	loop_run(role->loop);
	return NULL;
}

static int role_open(struct role *role, const struct kubeconfig *api, struct err *err)
{
	role->loop = loop_new();
	return client_new(role->loop, api, &role->client, err);
}

static int role_start(struct role *role, struct err *err)
{
	int r = pthread_create(&role->thread, NULL, run_role, role);

	if (r != 0)
		return err_set(err, -r, "cannot start a thread: %s", strerror(r));
	role->running = true;
	return 0;
}

static void role_stop(struct role *role)
{
	if (!role->running)
		return;
	loop_stop(role->loop);
	(void)pthread_join(role->thread, NULL);
	role->running = false;
}

static void role_close(struct role *role)
{
	client_free(role->client);
	if (role->loop)
		loop_free(role->loop);
}

/* Tells a service manager (sd_notify(3)) about a change of state, where there is one. */
static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_close int fd = -1;
	size_t n;

	if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof(addr.sun_path))
		return;
	n = strlen(path);
	memcpy(addr.sun_path, path, n);
	if (*path == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&addr,
	                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		log_warn("up", "cannot tell the service manager '%s': %s", state, strerror(errno));
}

static void say_ready(const struct process *p)
{
	const struct server_config *server = p->config->server;
	double ms = (double)(clock_now() - p->started) / NSEC_PER_MSEC;
	char listen[IPADDR_TEXT_SIZE + 8];

	notify("READY=1");
	if (server) {
		ipaddr_format_hostport(&server->listen, server->port, listen);
		log_info("up", "ready in %.0f ms: https://%s, kubeconfig %s/%s", ms, listen,
		         server->data_dir, SERVER_KUBECONFIG_NAME);
	} else {
		log_info("agent", "ready in %.0f ms: node %s", ms, p->config->agent->node_name);
	}
}

static void check_ready(void *arg)
{
	struct process *p = arg;

	if (!agent_ready(p->agent))
		return;
	timer_stop(p->ready_timer);
	say_ready(p);
}

static void on_signal(void *arg)
{
	struct process *p = arg;

	log_info("up", "stopping");
	notify("STOPPING=1");
	loop_stop(p->loop);
}

static int open_server(struct process *p, struct err *err)
{
	return p->config->server ? server_new(p->loop, p->config->server, &p->server, err) : 0;
}

/* The CA of our own server, for the controllers to publish. */
static struct control *open_control(struct process *p, struct err *err)
{
	auto_free char *path = xasprintf("%s/%s", p->config->server->data_dir, SERVER_CA_NAME);
	auto_free char *root_ca = NULL;

	if (file_read(path, ROOT_CA_MAX, &root_ca, NULL, err) < 0)
		return NULL;
	return control_new(p->control_role.client, &(struct control_config){ .root_ca = root_ca });
}

static int open_clients(struct process *p, const struct kubeconfig *api, struct err *err)
{
	int r = 0;

	if (p->server) {
		r = role_open(&p->control_role, api, err);
		if (r < 0)
			return r;
		p->control = open_control(p, err);
		if (!p->control)
			return err->code;
	}
	if (!p->config->agent)
		return 0;
	r = role_open(&p->agent_role, api, err);
	if (r < 0)
		return r;
	r = agent_new(p->agent_role.client, p->config->agent, &p->agent, err);
	if (r < 0)
		return r;
	p->ready_timer = timer_new(p->agent_role.loop, check_ready, p);
	timer_every(p->ready_timer, READY_POLL_NS);
	return 0;
}

static int open_all(struct process *p, struct err *err)
{
	char default_namespace[] = "default";
	struct kubeconfig local = { .namespace = default_namespace };
	auto_free char *data_dir = NULL, *socket_url = NULL;
	int r;

	r = open_server(p, err);
	if (r < 0)
		return r;
	if (p->server) {
		data_dir = realpath(p->config->server->data_dir, NULL);
		if (!data_dir)
			return err_errno(err, "cannot resolve %s", p->config->server->data_dir);
		socket_url = xasprintf("unix://%s/%s", data_dir, SERVER_SOCKET_NAME);
		local.server = socket_url;
	}
	r = open_clients(p, p->config->api ? p->config->api : &local, err);
	if (r == 0 && p->control)
		r = role_start(&p->control_role, err);
	if (r == 0 && p->agent)
		r = role_start(&p->agent_role, err);
	return r;
}

static void close_all(struct process *p)
{
	role_stop(&p->agent_role);
	timer_free(p->ready_timer);
	if (p->agent)
		agent_free(p->agent);
	role_stop(&p->control_role);
	if (p->control)
		control_free(p->control);
	role_close(&p->agent_role);
	role_close(&p->control_role);
	if (p->server)
		server_free(p->server);
}

int roles_run(const struct roles_config *config)
{
	struct process p = { .config = config, .started = clock_now() };
	struct signal_watch *interrupted, *terminated;
	struct err err = { 0 };
	int r;

	p.loop = loop_new();
	interrupted = signal_watch_new(p.loop, SIGINT, on_signal, &p);
	terminated = signal_watch_new(p.loop, SIGTERM, on_signal, &p);
	r = open_all(&p, &err);
	if (r == 0) {
		if (!p.agent)
			say_ready(&p);
		loop_run(p.loop);
	}
	close_all(&p);
	signal_watch_free(interrupted);
	signal_watch_free(terminated);
	loop_free(p.loop);
	return r < 0 ? command_fail("%s", err.msg) : 0;
}

static int parse_port_range(const char *text, struct server_config *config, struct err *err)
{
	const char *dash = strchr(text, '-');
	auto_free char *low = dash ? xstrndup(text, (size_t)(dash - text)) : NULL;
	uint64_t min, max;

	if (!dash || parse_u64(low, UINT16_MAX, &min) < 0 ||
	    parse_u64(dash + 1, UINT16_MAX, &max) < 0 || min == 0 || min > max)
		return err_set(
			err, -EINVAL,
			"--service-node-port-range %s: expected A-B with 1 <= A <= B <= 65535",
			text);
	config->node_port_min = (uint16_t)min;
	config->node_port_max = (uint16_t)max;
	return 0;
}

static int check_ranges(const char *text, struct err *err)
{
	auto_free char *copy = xstrdup(text);
	char *save = NULL;
	struct cidr cidr;

	for (char *one = strtok_r(copy, ",", &save); one; one = strtok_r(NULL, ",", &save))
		if (cidr_parse(one, &cidr) < 0)
			return err_set(err, -EINVAL,
			               "--service-cluster-ip-range %s: '%s' is not a CIDR like "
			               "10.96.0.0/16",
			               text, one);
	return 0;
}

int roles_server_config(const struct args *args, struct server_config *ret, struct err *err)
{
	const char *listen = args_get_or(args, "listen", "127.0.0.1:6443");
	const char *ports = args_get(args, "service-node-port-range");

	*ret = (struct server_config){
		.data_dir = args_get_or(args, "data-dir", DATA_DIR_DEFAULT),
		.service_cidr = args_get_or(args, "service-cluster-ip-range", "10.96.0.0/16"),
		.node_port_min = 30000,
		.node_port_max = 32767,
		.tls_sans = args_list(args, "tls-san"),
		.token_auth_file = args_get(args, "token-auth-file"),
	};
	if (ipaddr_parse_hostport(listen, &ret->listen, &ret->port) < 0 || ret->port == 0)
		return err_set(err, -EINVAL, "--listen %s: expected ADDR:PORT, like 127.0.0.1:6443",
		               listen);
	if (check_ranges(ret->service_cidr, err) < 0)
		return -EINVAL;
	return ports ? parse_port_range(ports, ret, err) : 0;
}

/* "ADDR:PORT", or "ADDR" with the port of 'fallback'; "" is no server. */
static int parse_address(const struct args *args, const char *option, const char *fallback,
                         struct monitor_address *ret, struct err *err)
{
	const char *text = args_get_or(args, option, fallback);

	*ret = (struct monitor_address){ 0 };
	if (!*text || ipaddr_parse_hostport(text, &ret->addr, &ret->port) == 0)
		return 0;
	(void)ipaddr_parse_hostport(fallback, &ret->addr, &ret->port);
	if (ipaddr_parse(text, &ret->addr) == 0)
		return 0;
	return err_set(err, -EINVAL, "--%s %s: expected ADDR:PORT, like %s", option, text,
	               fallback);
}

int roles_agent_config(const struct args *args, char ret_name[static ROLES_NODE_NAME_SIZE],
                       struct agent_config *ret, struct err *err)
{
	const char *name = args_get(args, "node-name"), *ip = args_get(args, "node-ip");

	*ret = (struct agent_config){
		.pin_dir = args_get(args, "pin-dir"),
		.cgroup = args_get(args, "cgroup"),
	};
	if (name && (!*name || strlen(name) >= ROLES_NODE_NAME_SIZE))
		return err_set(err, -EINVAL, "--node-name: expected 1 to 253 characters");
	if (name)
		(void)snprintf(ret_name, ROLES_NODE_NAME_SIZE, "%s", name);
	else if (gethostname(ret_name, ROLES_NODE_NAME_SIZE) < 0)
		return err_errno(err, "cannot tell this host's name; give one with --node-name");
	for (char *p = ret_name; *p; p++) /* object names are lower case; so does kubelet */
		*p = (char)tolower((unsigned char)*p);
	if (ip && ipaddr_parse(ip, &ret->node_ip) < 0)
		return err_set(err, -EINVAL, "--node-ip %s is not an IP address", ip);
	ret->node_name = ret_name;
	if (parse_address(args, "healthz-bind-address", "0.0.0.0:10256", &ret->healthz, err) < 0)
		return -EINVAL;
	return parse_address(args, "metrics-bind-address", "127.0.0.1:10249", &ret->metrics, err);
}
