/* SPDX-License-Identifier: Apache-2.0 */
#include "dplab.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "datapath/host.h"

char dplab_cgroup[4096], dplab_pin_dir[128];

__attribute__((noreturn)) static void give_up(const char *what)
{
	perror(what);
	exit(1);
}

static void check(int r, const struct err *err)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "%s\n", err->msg);
	exit(1);
}

static void enter_netns(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	auto_close int fd = -1;

	if (unshare(CLONE_NEWNET) < 0)
		give_up("unshare");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		give_up("lo up");
}

static void move_to(const char *path)
{
	auto_free char *procs = xasprintf("%s/cgroup.procs", path);
	auto_fclose FILE *file = fopen(procs, "we");

	if (!file || fputs("0", file) < 0 || fflush(file) < 0)
		give_up(procs);
}

static void leave(void)
{
	auto_free char *root = NULL;

	(void)datapath_cleanup(dplab_pin_dir, NULL);
	if (host_cgroup_root(&root, NULL) == 0)
		move_to(root);
	(void)rmdir(dplab_cgroup);
}

static void enter_cgroup(void)
{
	auto_free char *root = NULL;
	struct err err = { 0 };

	check(host_check_bpf(&err), &err);
	check(host_cgroup_root(&root, &err), &err);
	(void)snprintf(dplab_cgroup, sizeof(dplab_cgroup), "%s/fairlead-bench-%d", root, getpid());
	(void)snprintf(dplab_pin_dir, sizeof(dplab_pin_dir), "/sys/fs/bpf/fairlead-bench-%d",
	               getpid());
	if (mkdir(dplab_cgroup, 0755) < 0)
		give_up(dplab_cgroup);
	move_to(dplab_cgroup);
}

static void pin_to_last_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((int)sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

void dplab_enter(void)
{
	enter_netns();
	enter_cgroup();
	(void)atexit(leave);
	pin_to_last_cpu();
}

unsigned int dplab_number(const char *text, uint64_t max, const char *usage)
{
	uint64_t n;

	if (parse_u64(text, max, &n) < 0 || n == 0) {
		(void)fprintf(stderr, "usage: %s\n", usage);
		exit(2);
	}
	return (unsigned int)n;
}

static struct sockaddr_in address(uint32_t addr, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		                     .sin_port = htons(port),
		                     .sin_addr.s_addr = htonl(addr) };
}

struct sockaddr_in dplab_backend(unsigned int i)
{
	return address(0x7f010001 + i % 250, 8080);
}

struct sockaddr_in dplab_service(unsigned int i)
{
	return address(0x0a600100 + i, 80);
}

struct datapath *dplab_open(void)
{
	struct datapath_config config = { .pin_dir = dplab_pin_dir, .cgroup = dplab_cgroup };
	struct datapath *dp = NULL;
	struct err err = { 0 };

	check(datapath_open(&config, &dp, &err), &err);
	return dp;
}

void dplab_close(struct datapath *dp)
{
	struct err err = { 0 };

	datapath_close(dp);
	check(datapath_cleanup(dplab_pin_dir, &err), &err);
}

static struct ipaddr addr_of(const struct sockaddr_in *sin)
{
	struct ipaddr addr = { .family = 4 };

	memcpy(addr.bytes, &sin->sin_addr, 4);
	return addr;
}

static void set_backends(struct plan_port *port, uint32_t *index, unsigned int shift)
{
	for (uint32_t k = 0; k < DPLAB_BACKENDS; k++) {
		struct sockaddr_in at = dplab_backend(shift + k);

		port->backends[k] = (struct plan_backend){ .addr = addr_of(&at),
			                                   .port = 8080,
			                                   .ready = true,
			                                   .node = "",
			                                   .zone = "",
			                                   .target = "" };
		index[k] = k;
	}
	for (int w = 0; w < PLAN_WINDOWS; w++)
		port->windows[w] = (struct plan_window){ .index = index, .n = DPLAB_BACKENDS };
}

void dplab_apply(struct datapath *dp, unsigned int i, enum protocol protocol, unsigned int shift)
{
	char name[32];
	struct plan_backend backends[DPLAB_BACKENDS];
	uint32_t index[DPLAB_BACKENDS];
	struct sockaddr_in vip = dplab_service(i);
	struct plan_frontend frontend = { .addr = addr_of(&vip), .port = 80 };
	struct plan_port port = { .name = "",
		                  .protocol = protocol,
		                  .port = 80,
		                  .family = 4,
		                  .frontends = &frontend,
		                  .n_frontends = 1,
		                  .backends = backends,
		                  .n_backends = DPLAB_BACKENDS };
	struct plan_service plan = {
		.namespace = "bench", .name = name, .ports = &port, .n_ports = 1, .ignored = ""
	};
	struct err err = { 0 };

	(void)snprintf(name, sizeof(name), "%c%u", protocol == PROTOCOL_TCP ? 't' : 'u', i);
	set_backends(&port, index, shift);
	check(datapath_apply(dp, &plan, &err), &err);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double dplab_quantile(double *v, size_t n, double part)
{
	size_t i = (size_t)(part * (double)n);

	qsort(v, n, sizeof(*v), compare);
	return v[i < n ? i : n - 1];
}
