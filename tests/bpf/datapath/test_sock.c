/* SPDX-License-Identifier: Apache-2.0 */
/* What a client sees of a Service. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "datapath/layout.h"
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
	static const char *const vips[] = { VIP, MAPPED_VIP, VIP6 };
	struct plan_port *port;

	(void)state;
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 0);
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, 0);
	lab_apply_plan(dp, plan6(&port, PROTOCOL_TCP));
	lab_apply_plan(dp, plan6(&port, PROTOCOL_UDP));
	for (size_t i = 0; i < ARRAY_SIZE(vips); i++) {
		assert_int_equal(ask_tcp(vips[i], 80), -ECONNREFUSED);
		assert_int_equal(ask_udp_connected(vips[i], 80), -ECONNREFUSED);
		assert_int_equal(ask_udp_fresh(vips[i], 80), -ECONNREFUSED);
	}
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
	lab_apply_plan(dp, plan6(&port, PROTOCOL_TCP));
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
		lab_apply_plan(dp, plan);
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

/* A socket of both families, as most of today's resolvers have. */
static void test_dual_stack_socket(void **state)
{
	auto_close int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct plan_port *port;
	struct plan_service *plan = plan6(&port, PROTOCOL_UDP);

	(void)state;
	plan_add_backend(plan, port, "fd00:1::2", 8080, TOPOLOGY);
	lab_apply_plan(dp, plan);
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, 1 << 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask_udp(fd, VIP6, 80), '2');
		assert_int_equal(ask_udp(fd, MAPPED_VIP, 80), '3');
		assert_int_equal(ask_udp(fd, "::ffff:10.1.0.1", 8080), '1');
	}
}

/* connect() and the first bytes in one call. */
static void test_fast_open(void **state)
{
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage ss;
	socklen_t size = sock_addr(VIP, 80, &ss);
	char answer = 0;

	(void)state;
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 2);
	assert_int_equal(sendto(fd, "?", 1, MSG_FASTOPEN, (void *)&ss, size), 1);
	assert_int_equal(recv(fd, &answer, 1, 0), 1);
	assert_int_equal(answer, '2');
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

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	return cookie;
}

/* A socket whose cookie falls on the same element of the ring as 'cookie'. */
static int socket_that_meets(uint64_t cookie)
{
	for (int i = 0; i < 32 * (int)RECENT_MAX; i++) {
		auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (cookie_of(fd) % RECENT_MAX == cookie % RECENT_MAX)
			return take_fd(&fd);
	}
	fail_msg("no cookie comes round again");
	return -1;
}

/* Its element is a later connection's: the peer is the backend, never another Service's address. */
static void test_getpeername_overrun(void **state)
{
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), later = -1;

	(void)state;
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 2);
	lab_apply(dp, "web2", PROTOCOL_TCP, "10.96.0.2", 1 << 2);
	connect_to(fd, VIP, 80);
	later = socket_that_meets(cookie_of(fd));
	check_peer(fd, VIP, 80);
	connect_to(later, "10.96.0.2", 80);
	check_peer(later, "10.96.0.2", 80);
	check_peer(fd, "10.1.0.2", 8080);
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
		TEST(test_dual_stack_socket),
		TEST(test_fast_open),
		TEST(test_getpeername),
		TEST(test_getpeername_overrun),
		TEST(test_reconnected_socket),
	};

	lab_enter();
	return cmocka_run_group_tests_name("sock", tests, start, stop);
}
