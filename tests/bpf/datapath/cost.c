/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs add to connect(), by UDP sockets, where connect() is nothing but a route
 * look-up: without programs, at an address that is no Service's, and at a Service; interleaved, the
 * least of many short rounds, because other work on the machine only ever adds.
 */
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/host.h"
#include "lab.h"

#define ROUNDS   60
#define CONNECTS 5000
#define SERVICES 1000

enum path {
	PATH_MISS,  /* the Pods' own addresses */
	PATH_HIT,   /* through the Services' */
	PATH_FRESH, /* the same, a new socket each time: storage has to be made */
	PATHS,
};

static double least(const double *v)
{
	double min = v[0];

	for (int i = 1; i < ROUNDS; i++)
		min = v[i] < min ? v[i] : min;
	return min;
}

static void make_addrs(struct sockaddr_storage *addrs, bool service)
{
	char text[32];

	for (unsigned int i = 0; i < SERVICES; i++) {
		if (service)
			(void)snprintf(text, sizeof(text), "10.96.%u.%u", 8 + i / 250, 1 + i % 250);
		else
			(void)snprintf(text, sizeof(text), "10.1.0.%u", 1 + i % 4);
		(void)sock_addr(text, service ? 80 : 8080, &addrs[i]);
	}
}

/* ns of one connect() */
static double measure(const struct sockaddr_storage *addrs, bool fresh)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int64_t start = clock_now();

	for (unsigned int i = 0; i < CONNECTS; i++) {
		if (fresh) {
			(void)close(fd);
			fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		}
		if (connect(fd, (const void *)&addrs[i % SERVICES], sizeof(struct sockaddr_in)) <
		    0) {
			perror("connect");
			exit(1);
		}
	}
	return (double)(clock_now() - start) / CONNECTS;
}

/* A link that holds a program which does nothing: what the hook itself costs. */
static int attach_empty(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_INET4_CONNECT);
	auto_close int prog = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "empty", "GPL", insns,
	                                    2, &opts);
	auto_close int cgroup = host_cgroup_open(lab_cgroup, NULL);

	return bpf_link_create(prog, cgroup, BPF_CGROUP_INET4_CONNECT, NULL);
}

static void program(struct datapath *dp)
{
	char name[32], vip[32];

	for (unsigned int i = 0; i < SERVICES; i++) {
		(void)snprintf(name, sizeof(name), "svc%u", i);
		(void)snprintf(vip, sizeof(vip), "10.96.%u.%u", 8 + i / 250, 1 + i % 250);
		lab_apply(dp, name, PROTOCOL_UDP, vip, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4);
	}
}

int main(void)
{
	static struct sockaddr_storage direct[SERVICES], service[SERVICES];
	static double with[PATHS][ROUNDS], without[2][ROUNDS], empty[ROUNDS];
	struct datapath *dp;
	struct err err;
	int64_t start;
	int link;

	lab_enter();
	make_addrs(direct, false);
	make_addrs(service, true);
	for (int i = 0; i < ROUNDS; i++) {
		without[0][i] = measure(direct, false);
		without[1][i] = measure(direct, true);
		link = attach_empty();
		empty[i] = measure(direct, false);
		(void)close(link);
		dp = lab_open(NULL);
		start = clock_now();
		program(dp);
		if (i == 0)
			printf("%d Services applied in %.1f ms\n", SERVICES,
			       (double)(clock_now() - start) / NSEC_PER_MSEC);
		with[PATH_MISS][i] = measure(direct, false);
		with[PATH_HIT][i] = measure(service, false);
		with[PATH_FRESH][i] = measure(service, true);
		datapath_close(dp);
		if (datapath_cleanup(lab_pin_dir, &err) < 0)
			return 1;
	}
	printf("connect() of a UDP socket, %d Services, ns, least of %d rounds\n", SERVICES,
	       ROUNDS);
	printf("no programs          %6.0f\n", least(without[0]));
	printf("an empty program     %6.0f  (%+.0f)\n", least(empty),
	       least(empty) - least(without[0]));
	printf("miss                 %6.0f  (%+.0f)\n", least(with[PATH_MISS]),
	       least(with[PATH_MISS]) - least(without[0]));
	printf("hit                  %6.0f  (%+.0f)\n", least(with[PATH_HIT]),
	       least(with[PATH_HIT]) - least(without[0]));
	printf("new socket, none     %6.0f\n", least(without[1]));
	printf("new socket, hit      %6.0f  (%+.0f)\n", least(with[PATH_FRESH]),
	       least(with[PATH_FRESH]) - least(without[1]));
	return 0;
}
