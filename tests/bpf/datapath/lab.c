/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "datapath/host.h"

#include "lab.h"

#define PLAN_MAX  1024 /* frontends or backends of a port built here */
#define TIMEOUT_S 3

char lab_cgroup[4096], lab_pin_dir[128];
static char cgroup_root[2048];
static pid_t owner;

static void cannot_run(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	exit(LAB_SKIP);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		perror(path);
		exit(1);
	}
	(void)close(fd);
}

static void move_to(const char *cgroup)
{
	char path[4200];

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	write_file(path, "0");
}

void lab_leave(void)
{
	struct err err = { 0 };

	if (getpid() != owner)
		return;
	if (datapath_cleanup(lab_pin_dir, &err) < 0)
		(void)fprintf(stderr, "cleanup: %s\n", err.msg);
	move_to(cgroup_root);
	(void)rmdir(lab_cgroup);
	owner = 0;
}

static const char *const node_addrs[] = {
	"10.1.0.1", "10.1.0.2",  "10.1.0.3",  "10.1.0.4",   "10.1.0.5",   "10.1.0.6", "10.1.0.7",
	"10.1.0.8", "fd00:1::1", "fd00:1::2", "192.0.2.10", "fd00:9::10", NULL,
};

void lab_enter(void)
{
	char *root = NULL;
	struct err err;

	if (host_check_bpf(&err) < 0)
		cannot_run(err.msg);
	if (host_cgroup_root(&root, &err) < 0)
		cannot_run(err.msg);
	owner = getpid();
	(void)snprintf(cgroup_root, sizeof(cgroup_root), "%s", root);
	free(root);
	(void)snprintf(lab_cgroup, sizeof(lab_cgroup), "%s/fairlead-test-%d", cgroup_root, owner);
	(void)snprintf(lab_pin_dir, sizeof(lab_pin_dir), "/sys/fs/bpf/fairlead-test-%d", owner);
	if (mkdir(lab_cgroup, 0755) < 0)
		cannot_run("no cgroup can be made");
	move_to(lab_cgroup);
	(void)atexit(lab_leave);
	lab_netns(node_addrs);
}

struct datapath *lab_open(const struct datapath_config *config)
{
	struct datapath_config c = config ? *config : (struct datapath_config){ 0 };
	struct datapath *dp = NULL;
	struct err err = { 0 };

	c.pin_dir = lab_pin_dir;
	c.cgroup = lab_cgroup;
	ASSERT_OK(datapath_open(&c, &dp, &err), &err);
	return dp;
}

static void lo_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
}

/* RTM_NEWADDR on the loopback, index 1 in every network namespace. */
static void add_address(int fd, const char *text)
{
	struct ipaddr addr;
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg a;
		struct rtattr attr;
		unsigned char bytes[16];
	} m = { 0 };
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char more[512];
	} ack;
	unsigned short size;

	assert_int_equal(ipaddr_parse(text, &addr), 0);
	size = addr.family == 4 ? 4 : 16;
	m.h.nlmsg_type = RTM_NEWADDR;
	m.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK;
	m.h.nlmsg_len = (uint32_t)(offsetof(typeof(m), bytes) + size);
	m.a.ifa_family = addr.family == 4 ? AF_INET : AF_INET6;
	m.a.ifa_prefixlen = (unsigned char)(size * 8);
	m.a.ifa_flags = IFA_F_NODAD;
	m.a.ifa_index = 1;
	m.attr.rta_type = IFA_LOCAL;
	m.attr.rta_len = (unsigned short)(sizeof(m.attr) + size);
	memcpy(m.bytes, addr.bytes, size);
	assert_int_equal(send(fd, &m, m.h.nlmsg_len, 0), m.h.nlmsg_len);
	assert_true(recv(fd, &ack, sizeof(ack), 0) > 0);
	assert_int_equal(ack.e.error, 0);
}

/* The kernel sets the route of an IPv6 address from a worker. */
static void wait_for_route(const char *text)
{
	auto_close int fd = -1;
	struct sockaddr_storage ss;
	socklen_t size = sock_addr(text, 9, &ss);

	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < TIMEOUT_S * 1000; i++) {
		if (connect(fd, (void *)&ss, size) == 0)
			return;
		(void)poll(NULL, 0, 1);
	}
	fail_msg("no route to %s: %s", text, strerror(errno));
}

void lab_netns(const char *const *addrs)
{
	const char *const *a;
	auto_close int fd = -1;

	if (unshare(CLONE_NEWNET) < 0)
		cannot_run("no network namespace can be made");
	lo_up();
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	assert_true(fd >= 0);
	for (a = addrs; *a; a++)
		add_address(fd, *a);
	wait_for_route("::1");
	for (a = addrs; *a; a++)
		wait_for_route(*a);
}

struct plan_service *plan_make(const char *name)
{
	struct plan_service *plan = xnew(struct plan_service);

	plan->namespace = "test";
	plan->name = arena_strdup(&plan->arena, name);
	plan->ports = arena_array(&plan->arena, struct plan_port, 8);
	plan->ignored = "";
	return plan;
}

struct plan_port *plan_add_port(struct plan_service *plan, enum protocol protocol, uint16_t port,
                                uint8_t family)
{
	struct plan_port *p = &plan->ports[plan->n_ports++];

	p->name = "";
	p->protocol = protocol;
	p->port = port;
	p->family = family;
	p->frontends = arena_array(&plan->arena, struct plan_frontend, PLAN_MAX);
	p->backends = arena_array(&plan->arena, struct plan_backend, PLAN_MAX);
	for (int w = 0; w < PLAN_WINDOWS; w++)
		p->windows[w].index = arena_array(&plan->arena, uint32_t, PLAN_MAX);
	return p;
}

void plan_add_frontend(struct plan_service *plan, struct plan_port *port,
                       enum plan_frontend_type type, const char *addr, uint16_t number,
                       enum plan_window_id internal)
{
	struct plan_frontend *f = &port->frontends[port->n_frontends++];

	(void)plan;
	f->type = type;
	if (type == PLAN_NODE_PORT)
		f->addr.family = port->family;
	else
		assert_int_equal(ipaddr_parse(addr, &f->addr), 0);
	f->port = number;
	f->internal = f->external = internal;
}

void plan_add_backend(struct plan_service *plan, struct plan_port *port, const char *addr,
                      uint16_t number, unsigned int windows)
{
	struct plan_backend *b = &port->backends[port->n_backends];

	(void)plan;
	assert_int_equal(ipaddr_parse(addr, &b->addr), 0);
	b->port = number;
	b->ready = true;
	b->node = b->zone = b->target = "";
	for (int w = 0; w < PLAN_WINDOWS; w++) {
		if (windows >> w & 1)
			port->windows[w].index[port->windows[w].n++] = (uint32_t)port->n_backends;
	}
	port->n_backends++;
}

void plan_destroy(struct plan_service *plan)
{
	arena_done(&plan->arena);
	free(plan);
}

void lab_apply_plan(struct datapath *dp, struct plan_service *plan)
{
	struct err err = { 0 };

	ASSERT_OK(datapath_apply(dp, plan, &err), &err);
	plan_destroy(plan);
}

void lab_apply(struct datapath *dp, const char *name, enum protocol protocol, const char *vip,
               unsigned int backends)
{
	struct plan_service *plan = plan_make(name);
	struct plan_port *port = plan_add_port(plan, protocol, 80, 4);

	plan_add_frontend(plan, port, PLAN_CLUSTER_IP, vip, 80, PLAN_WINDOW_ALL);
	for (unsigned int i = 1; i < 32; i++) {
		char addr[32];

		(void)snprintf(addr, sizeof(addr), "10.1.0.%u", i);
		if (backends >> i & 1)
			plan_add_backend(plan, port, addr, 8080, ALL | TOPOLOGY);
	}
	lab_apply_plan(dp, plan);
}

struct server {
	pid_t pid;
};

static void answer_one(int fd, bool tcp, char answer)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	char request[64];
	int client;

	if (!tcp) {
		if (recvfrom(fd, request, sizeof(request), 0, (void *)&from, &size) >= 0)
			(void)sendto(fd, &answer, 1, 0, (void *)&from, size);
		return;
	}
	client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (client < 0)
		return;
	(void)send(client, &answer, 1, MSG_NOSIGNAL);
	(void)close(client);
}

/* Keeps nothing of the test open: neither its pipes nor the lock of its datapath. */
static void serve(int fd, bool tcp, char answer)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(fd, STDERR_FILENO + 1) < 0 || close_range(STDERR_FILENO + 2, ~0u, 0) < 0)
		_exit(1);
	for (;;)
		answer_one(STDERR_FILENO + 1, tcp, answer);
}

struct server *server_new(enum protocol protocol, const char *addr, uint16_t port, char answer)
{
	struct server *s = xnew(struct server);
	struct sockaddr_storage ss;
	socklen_t size = sock_addr(addr, port, &ss);
	bool tcp = protocol == PROTOCOL_TCP;
	auto_close int fd = socket(ss.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC,
	                           0);
	int one = 1;

	assert_true(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (void *)&ss, size) < 0 || (tcp && listen(fd, 4096) < 0))
		fail_msg("cannot serve at %s:%u: %s", addr, port, strerror(errno));
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0)
		serve(fd, tcp, answer);
	return s;
}

void server_free(struct server *s)
{
	(void)kill(s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
	free(s);
}

socklen_t sock_addr(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *in6 = (void *)ret;
	struct ipaddr addr;

	memset(ret, 0, sizeof(*ret));
	/* ipaddr refuses the v4-mapped form */
	if (strncmp(text, "::ffff:", 7) == 0) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
		return sizeof(*in6);
	}
	assert_int_equal(ipaddr_parse(text, &addr), 0);
	return ipaddr_sockaddr(&addr, port, ret);
}

const char *addr_text(const struct sockaddr_storage *addr)
{
	static _Thread_local char text[128];
	const struct sockaddr_in *in = (const void *)addr;
	const struct sockaddr_in6 *in6 = (const void *)addr;
	char ip[64];

	if (addr->ss_family == AF_INET) {
		(void)inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
		(void)snprintf(text, sizeof(text), "%s:%u", ip, ntohs(in->sin_port));
	} else {
		(void)inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
		(void)snprintf(text, sizeof(text), "[%s]:%u", ip, ntohs(in6->sin6_port));
	}
	return text;
}

static int client(int type, const struct sockaddr_storage *ss)
{
	int fd = socket(ss->ss_family, type | SOCK_CLOEXEC, 0);
	struct timeval limit = { .tv_sec = TIMEOUT_S };

	assert_true(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

int ask_tcp(const char *addr, uint16_t port)
{
	struct linger reset = { .l_onoff = 1 }; /* no TIME_WAIT: thousands of connections follow */
	struct sockaddr_storage ss;
	socklen_t size = sock_addr(addr, port, &ss);
	auto_close int fd = client(SOCK_STREAM, &ss);
	char answer;

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(fd, (void *)&ss, size) < 0)
		return -errno;
	if (recv(fd, &answer, 1, 0) != 1)
		return errno ? -errno : -ECONNRESET;
	return answer;
}

int ask_udp_connected(const char *addr, uint16_t port)
{
	struct sockaddr_storage ss, from, peer;
	socklen_t size = sock_addr(addr, port, &ss), from_size = sizeof(from), n = sizeof(peer);
	auto_close int fd = client(SOCK_DGRAM, &ss);
	char answer;

	if (connect(fd, (void *)&ss, size) < 0 || send(fd, "?", 1, 0) < 0)
		return -errno;
	if (recvfrom(fd, &answer, 1, 0, (void *)&from, &from_size) != 1)
		return -errno;
	assert_int_equal(getpeername(fd, (void *)&peer, &n), 0);
	assert_memory_equal(&from, &ss, size);
	assert_memory_equal(&peer, &ss, size);
	return answer;
}

int ask_udp(int fd, const char *addr, uint16_t port)
{
	struct timeval limit = { .tv_sec = TIMEOUT_S };
	struct sockaddr_storage ss, from = { 0 };
	socklen_t size = sock_addr(addr, port, &ss), from_size = sizeof(from);
	char answer;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (sendto(fd, "?", 1, 0, (void *)&ss, size) < 0)
		return -errno;
	if (recvfrom(fd, &answer, 1, 0, (void *)&from, &from_size) != 1)
		return -errno;
	if (memcmp(&from, &ss, size) != 0) {
		(void)fprintf(stderr, "asked %s:%u, answered by %s\n", addr, port,
		              addr_text(&from));
		return -EPROTO;
	}
	return answer;
}

int ask_udp_fresh(const char *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	auto_close int fd = -1;

	(void)sock_addr(addr, port, &ss);
	fd = client(SOCK_DGRAM, &ss);
	return ask_udp(fd, addr, port);
}

void in_child(void (*fn)(void *), void *arg)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		fn(arg);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}
