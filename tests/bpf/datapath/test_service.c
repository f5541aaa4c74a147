/* SPDX-License-Identifier: Apache-2.0 */
/* What the kinds and policies of a Service promise: to processes of the node and to Pods alike. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "lab.h"

#define VIP       "10.96.0.1"
#define VIP6      "fd00:96::1"
#define NODE_PORT 30080
#define ALL4      (1 << 1 | 1 << 2 | 1 << 3 | 1 << 4)
#define AT_ONCE   (200 * NSEC_PER_MSEC)

static struct server *tcp[5], *udp[5], *tcp6, *udp6;
static struct datapath *dp;

static int start(void **state)
{
	(void)state;
	for (int i = 1; i < 5; i++) {
		char addr[32];

		(void)snprintf(addr, sizeof(addr), "10.1.0.%d", i);
		tcp[i] = server_new(PROTOCOL_TCP, addr, 8080, (char)('0' + i));
		udp[i] = server_new(PROTOCOL_UDP, addr, 8080, (char)('0' + i));
	}
	tcp6 = server_new(PROTOCOL_TCP, "fd00:1::1", 8080, '1');
	udp6 = server_new(PROTOCOL_UDP, "fd00:1::1", 8080, '1');
	return 0;
}

static int stop(void **state)
{
	(void)state;
	for (int i = 1; i < 5; i++) {
		server_free(tcp[i]);
		server_free(udp[i]);
	}
	server_free(tcp6);
	server_free(udp6);
	return 0;
}

static int open_dp(void **state)
{
	(void)state;
	dp = lab_open(NULL);
	return 0;
}

static int close_dp(void **state)
{
	struct err err = { 0 };

	(void)state;
	datapath_close(dp);
	ASSERT_OK(datapath_cleanup(lab_pin_dir, &err), &err);
	return 0;
}

/* ---- addresses ---- */

/* clusterIP, nodePort, externalIP and load-balancer IP of one backend. */
static void apply_all_types(const char *name, uint8_t family, enum protocol protocol)
{
	static const char *const addrs[2][3] = { { VIP, "203.0.113.1", "203.0.113.2" },
		                                 { VIP6, "fd00:e::1", "fd00:e::2" } };
	const char *const *a = addrs[family == 6];
	struct plan_service *plan = plan_make(name);
	struct plan_port *port = plan_add_port(plan, protocol, 80, family);

	plan_add_frontend(plan, port, PLAN_CLUSTER_IP, a[0], 80, PLAN_WINDOW_ALL);
	plan_add_frontend(plan, port, PLAN_NODE_PORT, NULL, NODE_PORT, PLAN_WINDOW_ALL);
	plan_add_frontend(plan, port, PLAN_EXTERNAL_IP, a[1], 80, PLAN_WINDOW_ALL);
	plan_add_frontend(plan, port, PLAN_LOAD_BALANCER, a[2], 80, PLAN_WINDOW_ALL);
	plan_add_backend(plan, port, family == 4 ? "10.1.0.1" : "fd00:1::1", 8080, ALL);
	lab_apply_plan(dp, plan);
}

static void set_node_addresses(const char *const *texts)
{
	struct ipaddr addrs[8];
	struct err err = { 0 };
	size_t n = 0;

	for (; *texts; texts++)
		assert_int_equal(ipaddr_parse(*texts, &addrs[n++]), 0);
	ASSERT_OK(datapath_set_node_addresses(dp, addrs, n, &err), &err);
}

static const struct {
	const char *addr;
	uint16_t port;
} everywhere[] = {
	{ VIP, 80 },
	{ "::ffff:" VIP, 80 },
	{ VIP6, 80 },
	{ "203.0.113.1", 80 },
	{ "203.0.113.2", 80 },
	{ "fd00:e::1", 80 },
	{ "fd00:e::2", 80 },
	{ "192.0.2.10", NODE_PORT },
	{ "::ffff:192.0.2.10", NODE_PORT },
	{ "fd00:9::10", NODE_PORT },
};

static const char *const loopbacks[] = { "127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1" };

static void assert_all_ways(const char *addr, uint16_t port, int answer)
{
	int by_tcp = ask_tcp(addr, port), by_connected = ask_udp_connected(addr, port);
	int by_udp = ask_udp_fresh(addr, port);

	if (by_tcp != answer || by_connected != answer || by_udp != answer)
		fail_msg("%s:%u: TCP %d, connected UDP %d, UDP %d", addr, port, by_tcp,
		         by_connected, by_udp);
}

/* In a Pod's network namespace the node's address is the node's and the loopback is the Pod's. */
static void from_a_pod(void *arg)
{
	static const char *const addrs[] = { "10.1.0.1", "fd00:1::1", NULL };
	static const char *const own[] = { "127.0.0.1", "::1" };
	struct server *servers[8];
	size_t n = 0;

	(void)arg;
	lab_netns(addrs);
	for (enum protocol p = PROTOCOL_TCP; n < 8; p = PROTOCOL_UDP) {
		for (int i = 0; i < 2; i++) {
			servers[n++] = server_new(p, addrs[i], 8080, 'P');
			servers[n++] = server_new(p, own[i], NODE_PORT, 'L');
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(everywhere); i++)
		assert_all_ways(everywhere[i].addr, everywhere[i].port, 'P');
	for (size_t i = 0; i < 2; i++)
		assert_all_ways(own[i], NODE_PORT, 'L');
	while (n)
		server_free(servers[--n]);
}

static void test_addresses(void **state)
{
	static const char *const node[] = { "192.0.2.10", "fd00:9::10", "127.0.0.1", "::1", NULL };
	static const char *const only_external[] = { "192.0.2.10", NULL };

	(void)state;
	set_node_addresses(node);
	apply_all_types("t4", 4, PROTOCOL_TCP);
	apply_all_types("t6", 6, PROTOCOL_TCP);
	apply_all_types("u4", 4, PROTOCOL_UDP);
	apply_all_types("u6", 6, PROTOCOL_UDP);
	for (size_t i = 0; i < ARRAY_SIZE(everywhere); i++)
		assert_all_ways(everywhere[i].addr, everywhere[i].port, '1');
	for (size_t i = 0; i < ARRAY_SIZE(loopbacks); i++)
		assert_all_ways(loopbacks[i], NODE_PORT, '1');
	in_child(from_a_pod, NULL);
	/* neither an address of the node nor a port of the Service */
	assert_int_equal(ask_tcp("10.1.0.2", NODE_PORT), -ECONNREFUSED);
	assert_int_equal(ask_tcp("192.0.2.10", 80), -ECONNREFUSED);
	assert_int_equal(ask_tcp(VIP, NODE_PORT), -ENETUNREACH);
	set_node_addresses(only_external);
	assert_int_equal(ask_tcp("192.0.2.10", NODE_PORT), '1');
	assert_int_equal(ask_tcp("127.0.0.1", NODE_PORT), -ECONNREFUSED);
	assert_int_equal(ask_tcp("fd00:9::10", NODE_PORT), -ECONNREFUSED);
}

static void check_peer(const char *asked, const char *seen)
{
	struct sockaddr_storage to, want, peer = { 0 };
	socklen_t size = sock_addr(asked, NODE_PORT, &to), n = sizeof(peer);
	auto_close int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (void *)&to, size), 0);
	assert_int_equal(getpeername(fd, (void *)&peer, &n), 0);
	assert_int_equal(sock_addr(seen, NODE_PORT, &want), n);
	if (memcmp(&peer, &want, n) != 0)
		fail_msg("asked %s, the peer is %s", asked, addr_text(&peer));
}

/* The kernel takes the address of nobody for the loopback, and says so to who asks. */
static void test_unspecified_is_loopback(void **state)
{
	static const char *const node[] = { "127.0.0.1", "::1", NULL };
	struct sockaddr_storage to, want, from = { 0 };
	socklen_t size = sock_addr("0.0.0.0", NODE_PORT, &to), n = sizeof(from);
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char answer = 0;

	(void)state;
	set_node_addresses(node);
	apply_all_types("t4", 4, PROTOCOL_TCP);
	apply_all_types("t6", 6, PROTOCOL_TCP);
	apply_all_types("u4", 4, PROTOCOL_UDP);
	assert_int_equal(ask_tcp("0.0.0.0", NODE_PORT), '1');
	assert_int_equal(ask_tcp("::", NODE_PORT), '1');
	check_peer("0.0.0.0", "127.0.0.1");
	check_peer("::", "::1");
	assert_int_equal(sendto(fd, "?", 1, 0, (void *)&to, size), 1);
	assert_int_equal(recvfrom(fd, &answer, 1, 0, (void *)&from, &n), 1);
	(void)sock_addr("127.0.0.1", NODE_PORT, &want);
	assert_memory_equal(&from, &want, n);
}

/* ---- policies ---- */

static void test_windows(void **state)
{
	struct plan_service *plan = plan_make("web");
	struct plan_port *port = plan_add_port(plan, PROTOCOL_TCP, 80, 4);

	(void)state;
	plan_add_frontend(plan, port, PLAN_CLUSTER_IP, VIP, 80, PLAN_WINDOW_LOCAL);
	plan_add_frontend(plan, port, PLAN_EXTERNAL_IP, "203.0.113.1", 80, PLAN_WINDOW_TOPOLOGY);
	plan_add_frontend(plan, port, PLAN_LOAD_BALANCER, "203.0.113.2", 80, PLAN_WINDOW_ALL);
	plan_add_backend(plan, port, "10.1.0.1", 8080, ALL | LOCAL);
	plan_add_backend(plan, port, "10.1.0.2", 8080, LOCAL);
	plan_add_backend(plan, port, "10.1.0.3", 8080, ALL | TOPOLOGY);
	plan_add_backend(plan, port, "10.1.0.4", 8080, ALL);
	lab_apply_plan(dp, plan);
	for (int i = 0; i < 60; i++) {
		assert_in_range(ask_tcp(VIP, 80), '1', '2');
		assert_int_equal(ask_tcp("203.0.113.1", 80), '3');
		assert_int_not_equal(ask_tcp("203.0.113.2", 80), '2');
	}
}

static void apply_local(enum protocol protocol, uint8_t family, unsigned int windows)
{
	struct plan_service *plan = plan_make(protocol == PROTOCOL_TCP ? "local" : "local-dns");
	struct plan_port *port = plan_add_port(plan, protocol, 80, family);

	plan_add_frontend(plan, port, PLAN_CLUSTER_IP, family == 4 ? VIP : VIP6, 80,
	                  PLAN_WINDOW_LOCAL);
	plan_add_frontend(plan, port, PLAN_EXTERNAL_IP, family == 4 ? "203.0.113.1" : "fd00:e::1",
	                  80, PLAN_WINDOW_ALL);
	plan_add_backend(plan, port, family == 4 ? "10.1.0.1" : "fd00:1::1", 8080, windows);
	lab_apply_plan(dp, plan);
}

/* Internal policy Local, all endpoints on other nodes. */
static void test_local_without_endpoint(void **state)
{
	static const struct {
		const char *vip, *external;
		uint8_t family;
	} rows[] = { { VIP, "203.0.113.1", 4 }, { VIP6, "fd00:e::1", 6 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t before;

		apply_local(PROTOCOL_TCP, rows[i].family, ALL);
		apply_local(PROTOCOL_UDP, rows[i].family, ALL);
		before = clock_now();
		assert_all_ways(rows[i].vip, 80, -ECONNREFUSED);
		assert_true(clock_now() - before < AT_ONCE);
		assert_all_ways(rows[i].external, 80, '1');
		apply_local(PROTOCOL_TCP, rows[i].family, ALL | LOCAL);
		apply_local(PROTOCOL_UDP, rows[i].family, ALL | LOCAL);
		assert_all_ways(rows[i].vip, 80, '1');
	}
}

/* A datagram socket that has a backend already loses it with the last local one. */
static void test_local_goes_away(void **state)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	apply_local(PROTOCOL_UDP, 4, ALL | LOCAL);
	assert_int_equal(ask_udp(fd, VIP, 80), '1');
	apply_local(PROTOCOL_UDP, 4, ALL);
	assert_int_equal(ask_udp(fd, VIP, 80), -ECONNREFUSED);
}

/* ---- session affinity ---- */

static void apply_affine(uint32_t seconds, unsigned int backends)
{
	struct plan_service *plan = plan_make("affine");
	enum protocol protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP };

	for (size_t p = 0; p < ARRAY_SIZE(protocols); p++) {
		struct plan_port *port = plan_add_port(plan, protocols[p], 80, 4);

		plan_add_frontend(plan, port, PLAN_CLUSTER_IP, VIP, 80, PLAN_WINDOW_ALL);
		port->affinity_seconds = seconds;
		for (int i = 1; i < 5; i++) {
			char addr[32];

			(void)snprintf(addr, sizeof(addr), "10.1.0.%d", i);
			if (backends >> i & 1)
				plan_add_backend(plan, port, addr, 8080, ALL);
		}
	}
	lab_apply_plan(dp, plan);
}

static bool always(int answer, int times)
{
	for (int i = 0; i < times; i++) {
		if (ask_tcp(VIP, 80) != answer)
			return false;
	}
	return true;
}

static void test_affinity(void **state)
{
	int first, second;

	(void)state;
	apply_affine(100, ALL4);
	first = ask_tcp(VIP, 80);
	assert_true(always(first, 50));
	/* an endpoint that goes takes its clients' affinity along */
	apply_affine(100, ALL4 & ~(1u << (first - '0')));
	second = ask_tcp(VIP, 80);
	assert_int_not_equal(second, first);
	assert_true(always(second, 50));
	/* ... and a new one does not win it back */
	apply_affine(100, ALL4);
	assert_true(always(second, 50));
	apply_affine(0, ALL4);
	assert_false(always(second, 100));
}

static void test_affinity_of_udp(void **state)
{
	int first;

	(void)state;
	apply_affine(100, ALL4);
	first = ask_udp_fresh(VIP, 80);
	assert_in_range(first, '1', '4');
	for (int i = 0; i < 30; i++) {
		assert_int_equal(ask_udp_fresh(VIP, 80), first);
		assert_int_equal(ask_udp_connected(VIP, 80), first);
	}
}

/* Each time-out leaves the same backend with 1/4. */
static bool moves_after(const struct timespec *pause)
{
	int before = 0;

	for (int i = 0; i < 8; i++) {
		int now = ask_tcp(VIP, 80);

		assert_true(always(now, 5));
		if (before && now != before)
			return true;
		before = now;
		(void)nanosleep(pause, NULL);
	}
	return false;
}

/* Counted from the client's last connection, not its first. */
static void test_affinity_times_out(void **state)
{
	const struct timespec over = { .tv_sec = 1, .tv_nsec = 10000000 };
	const struct timespec half = { .tv_nsec = 500000000 };

	(void)state;
	apply_affine(1, ALL4);
	assert_false(moves_after(&half));
	assert_true(moves_after(&over));
}

#define PODS 8

/* Says which backend it has; when asked again, whether that is so still. */
static void affine_pod(int in, int out)
{
	static const char *const addrs[] = { "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4", NULL };
	struct server *servers[4];
	char answer, byte;

	lab_netns(addrs);
	for (int i = 0; i < 4; i++)
		servers[i] = server_new(PROTOCOL_TCP, addrs[i], 8080, (char)('1' + i));
	answer = (char)ask_tcp(VIP, 80);
	if (write(out, always(answer, 20) ? &answer : "x", 1) != 1 || read(in, &byte, 1) != 1)
		_exit(1);
	byte = always(answer, 20) ? 'y' : 'n';
	(void)!write(out, &byte, 1);
	for (int i = 0; i < 4; i++)
		server_free(servers[i]);
	_exit(0);
}

static void start_pods(int to[2], int from[2])
{
	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	for (int i = 0; i < PODS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid > 0)
			continue;
		/* not with the lock of the datapath */
		if (dup2(to[0], STDIN_FILENO) < 0 || dup2(from[1], STDOUT_FILENO) < 0 ||
		    close_range(STDERR_FILENO + 1, ~0u, 0) < 0)
			_exit(1);
		affine_pod(STDIN_FILENO, STDOUT_FILENO);
	}
	(void)close(to[0]);
	(void)close(from[1]);
}

/* A client is a network namespace; what it was given outlives the process and larger maps. */
static void test_affinity_of_pods(void **state)
{
	unsigned int seen = 0;
	int to[2], from[2], first;
	char c;

	(void)state;
	datapath_close(dp);
	dp = lab_open(&(struct datapath_config){ .ports = 4, .backends = 8, .slots = 16 });
	apply_affine(100, ALL4);
	first = ask_tcp(VIP, 80);
	start_pods(to, from);
	for (int i = 0; i < PODS; i++) {
		assert_int_equal(read(from[0], &c, 1), 1);
		assert_in_range(c, '1', '4');
		seen |= 1u << (c - '0');
	}
	/* all eight alike by chance: once in 16,384 runs */
	assert_true(seen & (seen - 1));
	lab_apply(dp, "other", PROTOCOL_TCP, "10.96.0.2", 0xffff0);
	datapath_close(dp);
	dp = lab_open(NULL);
	apply_affine(100, ALL4);
	datapath_synced(dp);
	assert_true(always(first, 20));
	for (int i = 0; i < PODS; i++) {
		assert_int_equal(write(to[1], "?", 1), 1);
		assert_int_equal(read(from[0], &c, 1), 1);
		assert_int_equal(c, 'y');
	}
	(void)close(to[1]);
	(void)close(from[0]);
	for (int i = 0; i < PODS; i++)
		(void)wait(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_dp, close_dp)
	const struct CMUnitTest tests[] = {
		TEST(test_addresses),        TEST(test_unspecified_is_loopback),
		TEST(test_windows),          TEST(test_local_without_endpoint),
		TEST(test_local_goes_away),  TEST(test_affinity),
		TEST(test_affinity_of_udp),  TEST(test_affinity_times_out),
		TEST(test_affinity_of_pods),
	};

	lab_enter();
	return cmocka_run_group_tests_name("service", tests, start, stop);
}
