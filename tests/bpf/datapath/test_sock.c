/* SPDX-License-Identifier: Apache-2.0 */
/* What a client sees of a Service. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "lab.h"

#define CONNECTIONS 3000
#define CHI2_DF2    27.6 /* p = 1e-6 */
#define VIP         "10.96.0.1"
#define MAPPED_VIP  "::ffff:10.96.0.1"
#define VIP6        "fd00:96::1"

static struct server *tcp[5], *udp[5], *tcp6[3], *udp6[3];
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
	for (int i = 1; i < 3; i++) {
		char addr[32];

		(void)snprintf(addr, sizeof(addr), "fd00:1::%d", i);
		tcp6[i] = server_new(PROTOCOL_TCP, addr, 8080, (char)('0' + i));
		udp6[i] = server_new(PROTOCOL_UDP, addr, 8080, (char)('0' + i));
	}
	return 0;
}

static int stop(void **state)
{
	(void)state;
	for (int i = 1; i < 5; i++) {
		server_free(tcp[i]);
		server_free(udp[i]);
	}
	for (int i = 1; i < 3; i++) {
		server_free(tcp6[i]);
		server_free(udp6[i]);
	}
	return 0;
}

static int open_dp(void **state)
{
	(void)state;
	dp = lab_open(NULL);
	return 0;
}

static int open_old_kernel(void **state)
{
	(void)state;
	dp = lab_open(&(struct datapath_config){ .no_set_retval = true });
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

static struct plan_service *plan6(struct plan_port **ret_port, enum protocol protocol)
{
	struct plan_service *plan = plan_make(protocol == PROTOCOL_TCP ? "six-tcp" : "six-udp");
	struct plan_port *port = plan_add_port(plan, protocol, 80, 6);

	plan_add_frontend(plan, port, PLAN_CLUSTER_IP, VIP6, 80, PLAN_WINDOW_TOPOLOGY);
	*ret_port = port;
	return plan;
}

static void apply(struct plan_service *plan)
{
	struct err err = { 0 };

	ASSERT_OK(datapath_apply(dp, plan, &err), &err);
	plan_destroy(plan);
}

static void test_spread(void **state)
{
	unsigned int hits[128] = { 0 };
	double chi2 = 0;

	(void)state;
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 1 | 1 << 2 | 1 << 3);
	for (int i = 0; i < CONNECTIONS; i++) {
		int r = ask_tcp(VIP, 80);

		assert_in_range(r, '1', '3');
		hits[r]++;
	}
	for (int i = '1'; i <= '3'; i++) {
		double d = hits[i] - CONNECTIONS / 3.0;

		chi2 += d * d / (CONNECTIONS / 3.0);
	}
	assert_true(chi2 < CHI2_DF2);
}

static void test_empty_is_refused(void **state)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 0);
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, 0);
	assert_int_equal(ask_tcp(VIP, 80), -ECONNREFUSED);
	assert_int_equal(ask_tcp(MAPPED_VIP, 80), -ECONNREFUSED);
	assert_int_equal(ask_udp_connected(VIP, 80), -ECONNREFUSED);
	assert_int_equal(ask_udp(fd, VIP, 80), -ECONNREFUSED);
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 1);
	assert_int_equal(ask_tcp(VIP, 80), '1');
}

/* Before 6.1 a datagram without a connection gets EINVAL: the kernel sees port 0. */
static void test_empty_is_refused_on_old_kernels(void **state)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct plan_port *port;

	(void)state;
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 0);
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, 0);
	apply(plan6(&port, PROTOCOL_TCP));
	assert_int_equal(ask_tcp(VIP, 80), -ECONNREFUSED);
	assert_int_equal(ask_tcp(MAPPED_VIP, 80), -ECONNREFUSED);
	assert_int_equal(ask_tcp(VIP6, 80), -ECONNREFUSED);
	assert_int_equal(ask_udp(fd, VIP, 80), -EINVAL);
}

static void test_endpoints_come_and_go(void **state)
{
	struct err err = { 0 };

	(void)state;
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask_tcp(VIP, 80), '1');
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 2 | 1 << 4);
	for (int i = 0; i < 50; i++)
		assert_int_not_equal(ask_tcp(VIP, 80), '1');
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 4);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask_tcp(VIP, 80), '4');
	ASSERT_OK(datapath_remove(dp, "test", "web", &err), &err);
	assert_int_equal(ask_tcp(VIP, 80), -ENETUNREACH);
}

static void test_udp_connected(void **state)
{
	(void)state;
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, 1 << 3);
	assert_int_equal(ask_udp_connected(VIP, 80), '3');
	assert_int_equal(ask_udp_connected(MAPPED_VIP, 80), '3');
	assert_int_equal(ask_udp_connected("10.1.0.2", 8080), '2');
}

static void test_udp_unconnected(void **state)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	auto_close int mapped = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, 1 << 1);
	lab_apply(dp, "dns2", PROTOCOL_UDP, "10.96.0.2", 1 << 2);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask_udp(fd, VIP, 80), '1');
		assert_int_equal(ask_udp(fd, "10.96.0.2", 80), '2');
		assert_int_equal(ask_udp(mapped, MAPPED_VIP, 80), '1');
	}
	/* what is sent to a backend itself is answered by the backend itself */
	assert_int_equal(ask_udp(fd, "10.1.0.1", 8080), '1');
	assert_int_equal(ask_udp(fd, VIP, 80), '1');
	assert_int_equal(ask_udp(fd, "10.1.0.3", 8080), '3');
}

static void test_udp_keeps_its_backend(void **state)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int first;

	(void)state;
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4);
	first = ask_udp(fd, VIP, 80);
	assert_in_range(first, '1', '4');
	for (int i = 0; i < 30; i++)
		assert_int_equal(ask_udp(fd, VIP, 80), first);
	/* gone: the next datagram goes elsewhere */
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP,
	          (1 << 1 | 1 << 2 | 1 << 3 | 1 << 4) & ~(1 << (first - '0')));
	assert_int_not_equal(ask_udp(fd, VIP, 80), first);
	assert_in_range(ask_udp(fd, VIP, 80), '1', '4');
	/* the address belongs to another Service now */
	lab_apply(dp, "other", PROTOCOL_UDP, VIP, 1 << (first - '0'));
	lab_apply(dp, "dns", PROTOCOL_UDP, "10.96.0.9", 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4);
	assert_int_equal(ask_udp(fd, VIP, 80), first);
}

/* More Services on one socket than are remembered: the answer of the newest is still translated. */
static void test_udp_many_services(void **state)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[32], vip[32];

	(void)state;
	for (int i = 1; i <= 8; i++) {
		(void)snprintf(name, sizeof(name), "dns%d", i);
		(void)snprintf(vip, sizeof(vip), "10.96.1.%d", i);
		lab_apply(dp, name, PROTOCOL_UDP, vip, 1 << (1 + i % 4));
	}
	for (int i = 1; i <= 16; i++) {
		(void)snprintf(vip, sizeof(vip), "10.96.1.%d", 1 + i % 8);
		assert_int_equal(ask_udp(fd, vip, 80), '1' + (1 + i % 8) % 4);
	}
}

/* ask_udp() wants the answer from the address it asked, so each turn must find its own. */
static void test_udp_two_services_of_one_backend(void **state)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, 1 << 1);
	lab_apply(dp, "dns2", PROTOCOL_UDP, "10.96.0.2", 1 << 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask_udp(fd, VIP, 80), '1');
		assert_int_equal(ask_udp(fd, "10.96.0.2", 80), '1');
	}
}

static void test_v6(void **state)
{
	auto_close int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	enum protocol protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct plan_port *port;
		struct plan_service *plan = plan6(&port, protocols[i]);

		plan_add_backend(plan, port, "fd00:1::1", 8080, ALL);
		plan_add_backend(plan, port, "fd00:1::2", 8080, TOPOLOGY);
		apply(plan);
	}
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ask_tcp(VIP6, 80), '2');
		assert_int_equal(ask_udp_connected(VIP6, 80), '2');
		assert_int_equal(ask_udp(fd, VIP6, 80), '2');
	}
}

static void test_v4_mapped(void **state)
{
	(void)state;
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 2);
	assert_int_equal(ask_tcp(MAPPED_VIP, 80), '2');
}

static void check_peer(int fd, const char *addr, uint16_t port)
{
	struct sockaddr_storage want, peer = { 0 };
	socklen_t size = sock_addr(addr, port, &want), n = sizeof(peer);

	assert_int_equal(getpeername(fd, (void *)&peer, &n), 0);
	if (n != size || memcmp(&peer, &want, size) != 0)
		fail_msg("the peer is %s and not %s:%u", addr_text(&peer), addr, port);
}

static void connect_to(int fd, const char *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t size = sock_addr(addr, port, &ss);

	if (connect(fd, (void *)&ss, size) < 0)
		fail_msg("connect to %s: %s", addr, strerror(errno));
}

static void test_getpeername(void **state)
{
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_close int mapped = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_close int direct = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 2);
	connect_to(fd, VIP, 80);
	check_peer(fd, VIP, 80);
	connect_to(mapped, MAPPED_VIP, 80);
	check_peer(mapped, MAPPED_VIP, 80);
	connect_to(direct, "10.1.0.2", 8080);
	check_peer(direct, "10.1.0.2", 8080);
}

static void test_reconnected_socket(void **state)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	(void)state;
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, 1 << 2);
	connect_to(fd, VIP, 80);
	check_peer(fd, VIP, 80);
	/* the very backend, but asked for directly */
	connect_to(fd, "10.1.0.2", 8080);
	check_peer(fd, "10.1.0.2", 8080);
	connect_to(fd, VIP, 80);
	check_peer(fd, VIP, 80);
	assert_int_equal(connect(fd, &none, sizeof(none)), 0);
	assert_int_equal(ask_udp(fd, "10.1.0.2", 8080), '2');
}

static void apply_node_port(const char *name, uint8_t family, enum protocol protocol)
{
	struct plan_service *plan = plan_make(name);
	struct plan_port *port = plan_add_port(plan, protocol, 80, family);

	plan_add_frontend(plan, port, PLAN_CLUSTER_IP, family == 4 ? VIP : VIP6, 80,
	                  PLAN_WINDOW_ALL);
	plan_add_frontend(plan, port, PLAN_NODE_PORT, NULL, 30080, PLAN_WINDOW_ALL);
	plan_add_backend(plan, port, family == 4 ? "10.1.0.1" : "fd00:1::1", 8080, ALL);
	apply(plan);
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

/* In a Pod's network namespace the node's address is the node's and the loopback is the Pod's. */
static void from_other_netns(void *arg)
{
	static const char *const addrs[] = { "10.1.0.1", "fd00:1::1", NULL };

	(void)arg;
	lab_netns(addrs);
	(void)server_new(PROTOCOL_TCP, "10.1.0.1", 8080, 'T');
	(void)server_new(PROTOCOL_TCP, "fd00:1::1", 8080, 'T');
	(void)server_new(PROTOCOL_TCP, "127.0.0.1", 30080, 'L');
	(void)server_new(PROTOCOL_TCP, "::1", 30080, 'L');
	assert_int_equal(ask_tcp("192.0.2.10", 30080), 'T');
	assert_int_equal(ask_tcp("127.0.0.1", 30080), 'L');
	assert_int_equal(ask_tcp("fd00:9::10", 30080), 'T');
	assert_int_equal(ask_tcp("::1", 30080), 'L');
}

static void test_node_port(void **state)
{
	static const char *const node[] = { "192.0.2.10", "fd00:9::10", "127.0.0.1", "::1", NULL };
	static const char *const only_external[] = { "192.0.2.10", NULL };
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	static const char *const asked[] = {
		"192.0.2.10",       "127.0.0.1",  "127.3.2.1", "0.0.0.0", "::ffff:192.0.2.10",
		"::ffff:127.0.0.1", "fd00:9::10", "::1",       "::"
	};

	(void)state;
	set_node_addresses(node);
	apply_node_port("np4", 4, PROTOCOL_TCP);
	apply_node_port("np6", 6, PROTOCOL_TCP);
	apply_node_port("npu", 4, PROTOCOL_UDP);
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		assert_int_equal(ask_tcp(asked[i], 30080), '1');
	assert_int_equal(ask_udp(fd, "192.0.2.10", 30080), '1');
	assert_int_equal(ask_udp(fd, "127.0.0.1", 30080), '1');
	/* not an address of the node */
	assert_int_equal(ask_tcp("10.1.0.2", 30080), -ECONNREFUSED);
	assert_int_equal(ask_tcp("192.0.2.10", 80), -ECONNREFUSED);
	in_child(from_other_netns, NULL);
	set_node_addresses(only_external);
	assert_int_equal(ask_tcp("192.0.2.10", 30080), '1');
	assert_int_equal(ask_tcp("127.0.0.1", 30080), -ECONNREFUSED);
	assert_int_equal(ask_tcp("fd00:9::10", 30080), -ECONNREFUSED);
}

static void apply_affine(uint32_t seconds, unsigned int backends)
{
	struct plan_service *plan = plan_make("affine");
	struct plan_port *port = plan_add_port(plan, PROTOCOL_TCP, 80, 4);

	plan_add_frontend(plan, port, PLAN_CLUSTER_IP, VIP, 80, PLAN_WINDOW_ALL);
	port->affinity_seconds = seconds;
	for (int i = 1; i < 5; i++) {
		char addr[32];

		(void)snprintf(addr, sizeof(addr), "10.1.0.%d", i);
		if (backends >> i & 1)
			plan_add_backend(plan, port, addr, 8080, ALL);
	}
	apply(plan);
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
	unsigned int all = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4;
	int first, second;

	(void)state;
	apply_affine(100, all);
	first = ask_tcp(VIP, 80);
	assert_true(always(first, 50));
	/* an endpoint that goes takes its clients' affinity along */
	apply_affine(100, all & ~(1u << (first - '0')));
	second = ask_tcp(VIP, 80);
	assert_int_not_equal(second, first);
	assert_true(always(second, 50));
	apply_affine(0, all);
	assert_false(always(second, 100));
}

static void test_affinity_times_out(void **state)
{
	struct timespec over = { .tv_sec = 1, .tv_nsec = 10000000 };
	bool moved = false;
	int before = 0;

	(void)state;
	apply_affine(1, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4);
	/* each time-out leaves the same backend with 1/4 */
	for (int i = 0; i < 8 && !moved; i++) {
		int now = ask_tcp(VIP, 80);

		assert_true(always(now, 5));
		moved = before && now != before;
		before = now;
		(void)nanosleep(&over, NULL);
	}
	assert_true(moved);
}

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
	apply(plan);
	for (int i = 0; i < 60; i++) {
		assert_in_range(ask_tcp(VIP, 80), '1', '2');
		assert_int_equal(ask_tcp("203.0.113.1", 80), '3');
		assert_int_not_equal(ask_tcp("203.0.113.2", 80), '2');
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_dp, close_dp)
	const struct CMUnitTest tests[] = {
		TEST(test_spread),
		TEST(test_empty_is_refused),
		cmocka_unit_test_setup_teardown(test_empty_is_refused_on_old_kernels,
		                                open_old_kernel, close_dp),
		TEST(test_endpoints_come_and_go),
		TEST(test_udp_connected),
		TEST(test_udp_unconnected),
		TEST(test_udp_keeps_its_backend),
		TEST(test_udp_many_services),
		TEST(test_udp_two_services_of_one_backend),
		TEST(test_v6),
		TEST(test_v4_mapped),
		TEST(test_getpeername),
		TEST(test_reconnected_socket),
		TEST(test_node_port),
		TEST(test_affinity),
		TEST(test_affinity_times_out),
		TEST(test_windows),
	};

	lab_enter();
	return cmocka_run_group_tests_name("sock", tests, start, stop);
}
