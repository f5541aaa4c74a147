/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connectcost - what the eBPF programs add to connect().
 *
 *	connectcost [SERVICES [ROUNDS]]
 *
 * In a network namespace and a cgroup of its own, pinned to one CPU.  UDP, where connect() is
 * nothing but a route look-up, and whole TCP connections over the loopback; each without any
 * program on the machine, with an empty one at the hook, and with ours at an address that is no
 * Service's and at one that is.  A round measures all ways one after another, each as the lower
 * quartile of batches short enough that most are not interrupted; the figures are medians over the
 * rounds, of the times and of the differences within a round, because other work on the machine
 * only ever adds, and its speed wanders.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "datapath/datapath.h"
#include "datapath/host.h"

#define ROUNDS_MAX   1000
#define SERVICES_MAX 60000
#define BACKENDS     4
#define UDP_CONNECTS 250
#define TCP_CONNECTS 25
#define BATCHES      32
#define SAMPLE       1000 /* addresses asked in turn */

enum way {
	WAY_NONE,  /* no program on the machine */
	WAY_EMPTY, /* one that does nothing: what the kernel's hook costs */
	WAY_MISS,  /* ours, a Pod's own address */
	WAY_HIT,   /* ours, a Service's */
	WAYS,
};

enum task {
	TASK_UDP,       /* one socket connects again and again */
	TASK_UDP_FRESH, /* socket, connect, close */
	TASK_TCP,       /* socket, connect, accept, close */
	TASKS,
};

static const char *const way_names[WAYS] = { "no program", "an empty program", "miss", "hit" };
static const char *const task_names[TASKS] = {
	"UDP connect()",
	"UDP socket() connect() close()",
	"TCP socket() connect() accept() close()",
};

static double times[TASKS][WAYS][ROUNDS_MAX];
static unsigned int services = 1000, rounds = 60;
static struct sockaddr_in direct[SAMPLE], service[SAMPLE];
static char cgroup[4096], pin_dir[128];
static int listener = -1;

__attribute__((noreturn)) static void give_up(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in address(uint32_t addr, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		                     .sin_port = htons(port),
		                     .sin_addr.s_addr = htonl(addr) };
}

/* Backends are on 127.1.0.0/24, which needs no address to be set. */
static uint32_t backend_addr(unsigned int i)
{
	return 0x7f010001 + i;
}

static uint32_t service_addr(unsigned int i)
{
	return 0x0a600100 + i;
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

static void enter_cgroup(void)
{
	auto_free char *root = NULL;
	struct err err;

	if (host_check_bpf(&err) < 0 || host_cgroup_root(&root, &err) < 0) {
		(void)fprintf(stderr, "connectcost: %s\n", err.msg);
		exit(1);
	}
	(void)snprintf(cgroup, sizeof(cgroup), "%s/fairlead-test-%d", root, getpid());
	(void)snprintf(pin_dir, sizeof(pin_dir), "/sys/fs/bpf/fairlead-test-%d", getpid());
	if (mkdir(cgroup, 0755) < 0)
		give_up(cgroup);
	move_to(cgroup);
}

static void leave_cgroup(void)
{
	auto_free char *root = NULL;

	(void)datapath_cleanup(pin_dir, NULL);
	if (host_cgroup_root(&root, NULL) == 0)
		move_to(root);
	(void)rmdir(cgroup);
}

static void pin_to_last_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((int)sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void make_listener(void)
{
	struct sockaddr_in any = address(INADDR_ANY, 8080);
	int one = 1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (void *)&any, sizeof(any)) < 0 || listen(listener, 16) < 0)
		give_up("listen");
}

static void connect_to(int fd, const struct sockaddr_in *to)
{
	if (connect(fd, (const void *)to, sizeof(*to)) < 0)
		give_up("connect");
}

/* Neither end leaves a TIME_WAIT behind. */
static void tcp_connection(const struct sockaddr_in *to)
{
	struct linger reset = { .l_onoff = 1 };
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_close int other = -1;

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	connect_to(fd, to);
	other = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ns of one connection, of a batch of them */
static double measure_batch(enum task task, const struct sockaddr_in *to, unsigned int *at)
{
	unsigned int n = task == TASK_TCP ? TCP_CONNECTS : UDP_CONNECTS;
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int64_t start = clock_now();

	for (unsigned int i = 0; i < n; i++, *at = (*at + 1) % SAMPLE) {
		if (task == TASK_TCP) {
			tcp_connection(&to[*at]);
			continue;
		}
		if (task == TASK_UDP_FRESH) {
			(void)close(fd);
			fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		}
		connect_to(fd, &to[*at]);
	}
	return (double)(clock_now() - start) / n;
}

static double measure(enum task task, const struct sockaddr_in *to)
{
	double batches[BATCHES];
	unsigned int at = 0;

	(void)measure_batch(task, to, &at); /* warm */
	for (int i = 0; i < BATCHES; i++)
		batches[i] = measure_batch(task, to, &at);
	qsort(batches, BATCHES, sizeof(*batches), compare);
	return batches[BATCHES / 4];
}

static void measure_way(enum way way, const struct sockaddr_in *to, unsigned int round)
{
	for (enum task task = 0; task < TASKS; task++)
		times[task][way][round] = measure(task, to);
}

static int attach_empty(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_INET4_CONNECT);
	auto_close int fd = host_cgroup_open(cgroup, NULL);
	auto_close int program = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "empty", "GPL",
	                                       insns, ARRAY_SIZE(insns), &opts);
	int link = bpf_link_create(program, fd, BPF_CGROUP_INET4_CONNECT, NULL);

	if (link < 0)
		give_up("attach");
	return link;
}

static void check(int r, const struct err *err)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "connectcost: %s\n", err->msg);
	exit(1);
}

static void add_service(struct datapath *dp, unsigned int i, enum protocol protocol)
{
	char name[32];
	struct plan_backend backends[BACKENDS];
	uint32_t index[BACKENDS];
	struct plan_frontend frontend = { .addr.family = 4, .port = 80 };
	struct plan_port port = { .name = "",
		                  .protocol = protocol,
		                  .port = 80,
		                  .family = 4,
		                  .frontends = &frontend,
		                  .n_frontends = 1,
		                  .backends = backends,
		                  .n_backends = BACKENDS };
	struct plan_service plan = {
		.namespace = "bench", .name = name, .ports = &port, .n_ports = 1, .ignored = ""
	};
	uint32_t vip = htonl(service_addr(i));
	struct err err;

	(void)snprintf(name, sizeof(name), "%c%u", protocol == PROTOCOL_TCP ? 't' : 'u', i);
	memcpy(frontend.addr.bytes, &vip, sizeof(vip));
	for (uint32_t k = 0; k < BACKENDS; k++) {
		uint32_t addr = htonl(backend_addr(k));

		backends[k] = (struct plan_backend){ .addr.family = 4,
			                             .port = 8080,
			                             .ready = true,
			                             .node = "",
			                             .zone = "",
			                             .target = "" };
		memcpy(backends[k].addr.bytes, &addr, sizeof(addr));
		index[k] = k;
	}
	for (int w = 0; w < PLAN_WINDOWS; w++)
		port.windows[w] = (struct plan_window){ .index = index, .n = BACKENDS };
	check(datapath_apply(dp, &plan, &err), &err);
}

static struct datapath *open_datapath(void)
{
	struct datapath_config config = { .pin_dir = pin_dir, .cgroup = cgroup };
	struct datapath *dp;
	struct err err;

	check(datapath_open(&config, &dp, &err), &err);
	for (unsigned int i = 0; i < services; i++) {
		add_service(dp, i, PROTOCOL_UDP);
		add_service(dp, i, PROTOCOL_TCP);
	}
	return dp;
}

static void close_datapath(struct datapath *dp)
{
	struct err err;

	datapath_close(dp);
	check(datapath_cleanup(pin_dir, &err), &err);
}

/* Of the times, or of their distance to those of 'base'. */
static double median(const double *v, const double *base)
{
	double sorted[ROUNDS_MAX];

	for (unsigned int i = 0; i < rounds; i++)
		sorted[i] = base ? v[i] - base[i] : v[i];
	qsort(sorted, rounds, sizeof(*sorted), compare);
	return sorted[rounds / 2];
}

static void print_table(enum task task)
{
	printf("\n| %s, %u Services | ns | over no program | over an empty one |\n|---|---|---|---|\n",
	       task_names[task], services);
	for (enum way way = 0; way < WAYS; way++) {
		const double *v = times[task][way];

		printf("| %s | %.0f | %+.0f | %+.0f |\n", way_names[way], median(v, NULL),
		       median(v, times[task][WAY_NONE]), median(v, times[task][WAY_EMPTY]));
	}
}

/* Runs of the program effective at connect4, and ns in all of them, as the kernel counts. */
static void program_stats(uint64_t *ret_runs, uint64_t *ret_ns)
{
	auto_close int at = host_cgroup_open(cgroup, NULL);
	uint32_t ids[8], n = ARRAY_SIZE(ids);
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	auto_close int program = -1;

	if (bpf_prog_query(at, BPF_CGROUP_INET4_CONNECT, BPF_F_QUERY_EFFECTIVE, NULL, ids, &n) <
	            0 ||
	    n == 0)
		give_up("query");
	program = bpf_prog_get_fd_by_id(ids[0]);
	if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &size) < 0)
		give_up("program");
	*ret_runs = info.run_cnt;
	*ret_ns = info.run_time_ns;
}

static double kernel_ns(enum task task, const struct sockaddr_in *to)
{
	double batches[BATCHES * 4];
	unsigned int at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(batches); i++) {
		uint64_t runs[2], ns[2];

		program_stats(&runs[0], &ns[0]);
		(void)measure_batch(task, to, &at);
		program_stats(&runs[1], &ns[1]);
		batches[i] = (double)(ns[1] - ns[0]) / (double)(runs[1] - runs[0]);
	}
	qsort(batches, ARRAY_SIZE(batches), sizeof(*batches), compare);
	return batches[ARRAY_SIZE(batches) / 4];
}

/* The kernel's own count, whose two readings of the clock are in the empty program's as well. */
static void print_kernel_stats(void)
{
	auto_close int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	double empty[TASKS];
	struct datapath *dp;
	int link;

	if (stats < 0)
		return;
	link = attach_empty();
	for (enum task task = 0; task < TASKS; task++)
		empty[task] = kernel_ns(task, direct);
	(void)close(link);
	dp = open_datapath();
	printf("\n| connect4 as the kernel counts it, ns over the empty program, %u Services | miss "
	       "| hit |\n|---|---|---|\n",
	       services);
	for (enum task task = 0; task < TASKS; task++)
		printf("| %s | %+.0f | %+.0f |\n", task_names[task],
		       kernel_ns(task, direct) - empty[task],
		       kernel_ns(task, service) - empty[task]);
	close_datapath(dp);
}

static void run_round(unsigned int round)
{
	struct datapath *dp;
	int link;

	measure_way(WAY_NONE, direct, round);
	link = attach_empty();
	measure_way(WAY_EMPTY, direct, round);
	(void)close(link);
	dp = open_datapath();
	measure_way(WAY_MISS, direct, round);
	measure_way(WAY_HIT, service, round);
	close_datapath(dp);
}

static unsigned int number(const char *text, uint64_t max)
{
	uint64_t n;

	if (parse_u64(text, max, &n) < 0 || n == 0) {
		(void)fprintf(stderr, "usage: connectcost [SERVICES [ROUNDS]]\n");
		exit(2);
	}
	return (unsigned int)n;
}

int main(int argc, char **argv)
{
	services = argc > 1 ? number(argv[1], SERVICES_MAX) : services;
	rounds = argc > 2 ? number(argv[2], ROUNDS_MAX) : rounds;
	enter_netns();
	enter_cgroup();
	(void)atexit(leave_cgroup);
	pin_to_last_cpu();
	make_listener();
	for (unsigned int i = 0; i < SAMPLE; i++) {
		direct[i] = address(backend_addr(i % BACKENDS), 8080);
		service[i] = address(service_addr(i * 7919u % services), 80);
	}
	for (unsigned int round = 0; round < rounds; round++)
		run_round(round);
	for (enum task task = 0; task < TASKS; task++)
		print_table(task);
	print_kernel_stats();
	return 0;
}
