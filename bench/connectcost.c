/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connectcost - what the eBPF programs add to connect().
 *
 *	connectcost [ROUNDS [SERVICES...]]
 *
 * UDP, where connect() is nothing but a route look-up, and whole TCP connections over the loopback;
 * each without any program on the machine, with an empty one at the hook, and with ours: to an
 * address that is no Service's, to one Service again and again, and to 1,000 in turn, whose memory no
 * cache has.  A round measures all ways one after another, each as the lower quartile of batches
 * short enough that most are not interrupted; the figures are medians over the rounds, of the times
 * and of the differences within a round, because other work on the machine only ever adds, and its
 * speed wanders.  The last table is the kernel's own count of the time in the program alone.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "datapath/host.h"
#include "dplab.h"

#define USAGE        "connectcost [ROUNDS [SERVICES...]]"
#define ROUNDS_MAX   1000
#define SERVICES_MAX 60000
#define UDP_CONNECTS 250
#define TCP_CONNECTS 25
#define BATCHES      32
#define SAMPLE       1000 /* addresses asked in turn */

enum way {
	WAY_NONE,  /* no program on the machine */
	WAY_EMPTY, /* one that does nothing: what the kernel's hook costs */
	WAY_MISS,  /* ours, a Pod's own address */
	WAY_HIT,   /* ours, a Service's */
	WAY_TURN,  /* ours, those of many Services in turn */
	WAYS,
};

enum task {
	TASK_UDP,       /* one socket connects again and again */
	TASK_UDP_FRESH, /* socket, connect, close */
	TASK_TCP,       /* socket, connect, accept, close */
	TASKS,
};

static const char *const way_names[WAYS] = {
	"no program", "an empty program", "miss", "hit, one Service", "hit, Services in turn",
};
static const char *const task_names[TASKS] = {
	"UDP connect()",
	"UDP socket() connect() close()",
	"TCP socket() connect() accept() close()",
};

static double times[TASKS][WAYS][ROUNDS_MAX];
static unsigned int services, rounds = 20;
/* A Pod's address, one Service's, many Services'. */
static struct sockaddr_in direct[SAMPLE], one[SAMPLE], turn[SAMPLE];
static int listener = -1;

__attribute__((noreturn)) static void give_up(const char *what)
{
	perror(what);
	exit(1);
}

static void make_listener(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = dplab_backend(0).sin_port };
	int on = 1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
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
	return dplab_quantile(batches, BATCHES, 0.25);
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
	auto_close int fd = host_cgroup_open(dplab_cgroup, NULL);
	auto_close int program = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "empty", "GPL",
	                                       insns, ARRAY_SIZE(insns), &opts);
	int link = bpf_link_create(program, fd, BPF_CGROUP_INET4_CONNECT, NULL);

	if (link < 0)
		give_up("attach");
	return link;
}

static struct datapath *open_datapath(void)
{
	struct datapath *dp = dplab_open();

	for (unsigned int i = 0; i < services; i++) {
		dplab_apply(dp, i, PROTOCOL_UDP, 0);
		dplab_apply(dp, i, PROTOCOL_TCP, 0);
	}
	return dp;
}

/* Of the times, or of their distance to those of 'base'. */
static double median(const double *v, const double *base)
{
	double copy[ROUNDS_MAX];

	for (unsigned int i = 0; i < rounds; i++)
		copy[i] = base ? v[i] - base[i] : v[i];
	return dplab_quantile(copy, rounds, 0.5);
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
	auto_close int at = host_cgroup_open(dplab_cgroup, NULL);
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
	double batches[BATCHES];
	unsigned int at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(batches); i++) {
		uint64_t runs[2], ns[2];

		program_stats(&runs[0], &ns[0]);
		(void)measure_batch(task, to, &at);
		program_stats(&runs[1], &ns[1]);
		batches[i] = (double)(ns[1] - ns[0]) / (double)(runs[1] - runs[0]);
	}
	return dplab_quantile(batches, BATCHES, 0.25);
}

/* The kernel's count, whose two readings of the clock are in the empty program's as well. */
static void count_round(unsigned int round)
{
	auto_close int link = attach_empty();
	struct datapath *dp;

	for (enum task task = 0; task < TASKS; task++)
		times[task][WAY_EMPTY][round] = kernel_ns(task, direct);
	cleanup_close(&link);
	link = -1;
	dp = open_datapath();
	for (enum task task = 0; task < TASKS; task++) {
		times[task][WAY_MISS][round] = kernel_ns(task, direct);
		times[task][WAY_HIT][round] = kernel_ns(task, one);
		times[task][WAY_TURN][round] = kernel_ns(task, turn);
	}
	dplab_close(dp);
}

static void print_counts(void)
{
	auto_close int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (stats < 0)
		return;
	for (unsigned int round = 0; round < rounds; round++)
		count_round(round);
	printf("\n| connect4 as the kernel counts it, ns over the empty program, %u Services | miss "
	       "| hit, one Service | hit, in turn |\n|---|---|---|---|\n",
	       services);
	for (enum task task = 0; task < TASKS; task++) {
		double(*t)[ROUNDS_MAX] = times[task];

		printf("| %s | %+.0f | %+.0f | %+.0f |\n", task_names[task],
		       median(t[WAY_MISS], t[WAY_EMPTY]), median(t[WAY_HIT], t[WAY_EMPTY]),
		       median(t[WAY_TURN], t[WAY_EMPTY]));
	}
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
	measure_way(WAY_HIT, one, round);
	measure_way(WAY_TURN, turn, round);
	dplab_close(dp);
}

static void run_size(unsigned int n)
{
	services = n;
	for (unsigned int i = 0; i < SAMPLE; i++) {
		direct[i] = dplab_backend(i % DPLAB_BACKENDS);
		one[i] = dplab_service(services / 2);
		turn[i] = dplab_service(i * 7919u % services);
	}
	for (unsigned int round = 0; round < rounds; round++)
		run_round(round);
	for (enum task task = 0; task < TASKS; task++)
		print_table(task);
	print_counts();
}

int main(int argc, char **argv)
{
	rounds = argc > 1 ? dplab_number(argv[1], ROUNDS_MAX, USAGE) : rounds;
	dplab_enter();
	make_listener();
	for (int i = 2; i < argc; i++)
		run_size(dplab_number(argv[i], SERVICES_MAX, USAGE));
	for (unsigned int n = 1; argc <= 2 && n <= 10000; n = n == 1 ? 1000 : n * 10)
		run_size(n);
	return 0;
}
