/* SPDX-License-Identifier: Apache-2.0 */
/* UDP sockets whose backend goes. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "lab.h"

#define VIP        "10.96.0.1"
#define VIP2       "10.96.0.2"
#define MAPPED_VIP "::ffff:10.96.0.1"
#define VIP6       "fd00:96::1"
#define WAIT_MS    3000
#define SETTLE_MS  200 /* several times what a pass waits for */
#define ONE        (1 << 1)
#define TWO        (1 << 2)

static struct server *servers[4];
static struct datapath *dp;

static int start(void **state)
{
	(void)state;
	servers[0] = server_new(PROTOCOL_UDP, "10.1.0.1", 8080, '1');
	servers[1] = server_new(PROTOCOL_UDP, "10.1.0.2", 8080, '2');
	servers[2] = server_new(PROTOCOL_UDP, "fd00:1::1", 8080, '1');
	servers[3] = server_new(PROTOCOL_UDP, "fd00:1::2", 8080, '2');
	return 0;
}

static int stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
		server_free(servers[i]);
	return 0;
}

static int open_dp(void **state)
{
	(void)state;
	dp = lab_open(NULL);
	return 0;
}

static int open_no_destroy(void **state)
{
	(void)state;
	dp = lab_open(&(struct datapath_config){ .no_sock_destroy = true });
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

static void apply6(unsigned int backends)
{
	struct plan_service *plan = plan_make("dns6");
	struct plan_port *port = plan_add_port(plan, PROTOCOL_UDP, 80, 6);
	struct err err = { 0 };

	plan_add_frontend(plan, port, PLAN_CLUSTER_IP, VIP6, 80, PLAN_WINDOW_ALL);
	if (backends & ONE)
		plan_add_backend(plan, port, "fd00:1::1", 8080, EVERY);
	if (backends & TWO)
		plan_add_backend(plan, port, "fd00:1::2", 8080, EVERY);
	ASSERT_OK(datapath_apply(dp, plan, &err), &err);
	plan_destroy(plan);
}

static int connected(const char *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t size = sock_addr(addr, port, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (void *)&ss, size), 0);
	return fd;
}

/* The answer to a datagram, or a negative errno. */
static int ask(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char answer;

	if (send(fd, "?", 1, 0) != 1)
		return -errno;
	if (poll(&p, 1, WAIT_MS) != 1)
		return -ETIMEDOUT;
	return recv(fd, &answer, 1, 0) == 1 ? answer : -errno;
}

/* What an application that waits for an answer gets: the socket's error. */
static int wait_for_error(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	socklen_t size = sizeof(int);
	int error = 0;

	if (poll(&p, 1, WAIT_MS) != 1 || !(p.revents & POLLERR))
		return -ETIMEDOUT;
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
	return -error;
}

static uint64_t destroyed(void)
{
	struct datapath_stats stats;

	datapath_stats(dp, &stats);
	assert_int_equal(stats.udp_destroy_failures, 0);
	return stats.udp_destroyed;
}

/* A pass is counted when it has been through all network namespaces. */
static void wait_destroyed(uint64_t n)
{
	for (int i = 0; i < WAIT_MS && destroyed() < n; i++)
		(void)poll(NULL, 0, 1);
	assert_int_equal(destroyed(), n);
}

static void reconnect(int fd, const char *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t size = sock_addr(addr, port, &ss);

	assert_int_equal(connect(fd, (void *)&ss, size), 0);
}

static void test_connected_socket_is_destroyed(void **state)
{
	auto_close int v4 = -1, mapped = -1, v6 = -1;

	(void)state;
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, ONE);
	apply6(ONE);
	v4 = connected(VIP, 80);
	mapped = connected(MAPPED_VIP, 80);
	v6 = connected(VIP6, 80);
	assert_int_equal(ask(v4), '1');
	assert_int_equal(ask(mapped), '1');
	assert_int_equal(ask(v6), '1');
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, TWO);
	apply6(TWO);
	assert_int_equal(wait_for_error(v4), -ECONNABORTED);
	assert_int_equal(wait_for_error(mapped), -ECONNABORTED);
	assert_int_equal(wait_for_error(v6), -ECONNABORTED);
	reconnect(v4, VIP, 80);
	reconnect(mapped, MAPPED_VIP, 80);
	reconnect(v6, VIP6, 80);
	assert_int_equal(ask(v4), '2');
	assert_int_equal(ask(mapped), '2');
	assert_int_equal(ask(v6), '2');
	wait_destroyed(3);
}

/* Those of living backends, dialled directly, connected elsewhere since, unconnected, TCP. */
static void test_others_are_left_alone(void **state)
{
	auto_close int direct = connected("10.1.0.1", 8080), moved = -1, stays = -1, goes = -1;
	auto_close int unconnected = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), tcp = -1;
	struct server *server = server_new(PROTOCOL_TCP, "10.1.0.3", 8080, 'T');
	struct sockaddr_storage ss;
	socklen_t size = sock_addr(VIP, 80, &ss);
	char answer = 0;

	(void)state;
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, ONE);
	lab_apply(dp, "other", PROTOCOL_UDP, VIP2, ONE | TWO);
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 3);
	goes = connected(VIP, 80);
	moved = connected(VIP, 80);
	reconnect(moved, "10.1.0.1", 8080);
	stays = connected(VIP2, 80);
	tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(tcp, (void *)&ss, size), 0);
	assert_int_equal(ask_udp(unconnected, VIP, 80), '1');
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 0);
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, TWO);
	assert_int_equal(wait_for_error(goes), -ECONNABORTED);
	/* one pass over all of them was made */
	wait_destroyed(1);
	assert_int_equal(ask(direct), '1');
	assert_int_equal(ask(moved), '1');
	assert_in_range(ask(stays), '1', '2');
	assert_int_equal(ask_udp(unconnected, VIP, 80), '2');
	assert_int_equal(recv(tcp, &answer, 1, 0), 1);
	assert_int_equal(answer, 'T');
	server_free(server);
}

static void test_service_is_removed(void **state)
{
	auto_close int fd = -1;
	struct err err = { 0 };
	int64_t start;
	int r = -ETIMEDOUT;

	(void)state;
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, ONE);
	fd = connected(VIP, 80);
	ASSERT_OK(datapath_remove(dp, "test", "dns", &err), &err);
	for (start = clock_now(); r && clock_now() - start < WAIT_MS * NSEC_PER_MSEC;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		datapath_tick(dp);
		r = poll(&p, 1, 50) == 1 ? 0 : -ETIMEDOUT;
	}
	assert_int_equal(wait_for_error(fd), -ECONNABORTED);
}

/* A Pod with its own two servers at the backends' addresses: says 'c' when connected, then what became of the socket. */
static void pod(int out)
{
	static const char *const addrs[] = { "10.1.0.1", "10.1.0.2", NULL };
	struct server *one, *two;
	auto_close int fd = -1;
	bool ok;

	lab_netns(addrs);
	one = server_new(PROTOCOL_UDP, "10.1.0.1", 8080, '1');
	two = server_new(PROTOCOL_UDP, "10.1.0.2", 8080, '2');
	fd = connected(VIP, 80);
	ok = ask(fd) == '1' && write(out, "c", 1) == 1 && wait_for_error(fd) == -ECONNABORTED;
	if (ok) {
		reconnect(fd, VIP, 80);
		ok = ask(fd) == '2';
	}
	server_free(one);
	server_free(two);
	_exit(ok ? 0 : 1);
}

static void test_other_network_namespaces(void **state)
{
	pid_t pids[3];
	int pipes[2];
	char c;

	(void)state;
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, ONE);
	assert_int_equal(pipe(pipes), 0);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			pod(pipes[1]);
	}
	(void)close(pipes[1]);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		assert_int_equal(read(pipes[0], &c, 1), 1);
	(void)close(pipes[0]);
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, TWO);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	wait_destroyed(ARRAY_SIZE(pids));
}

/* The backend goes while no process has the datapath open. */
static void test_restart(void **state)
{
	auto_close int gone = -1, stays = -1;

	(void)state;
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, ONE);
	lab_apply(dp, "other", PROTOCOL_UDP, VIP2, ONE);
	gone = connected(VIP, 80);
	stays = connected(VIP2, 80);
	datapath_close(dp);
	dp = lab_open(NULL);
	lab_apply(dp, "other", PROTOCOL_UDP, VIP2, ONE);
	/* with the sync the Service no plan confirmed goes, its backends a second later */
	datapath_synced(dp);
	for (int i = 0; i < WAIT_MS / 50; i++) {
		struct pollfd p = { .fd = gone, .events = POLLIN };

		datapath_tick(dp);
		if (poll(&p, 1, 50) == 1)
			break;
	}
	assert_int_equal(wait_for_error(gone), -ECONNABORTED);
	assert_int_equal(ask(stays), '1');
}

/* The maps are larger ones by the time the backend goes. */
static void test_after_growth(void **state)
{
	auto_close int fd = -1;

	(void)state;
	datapath_close(dp);
	dp = lab_open(&(struct datapath_config){ .backends = 4, .ports = 4, .slots = 16 });
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, ONE);
	lab_apply(dp, "dns2", PROTOCOL_UDP, VIP2, ONE);
	fd = connected(VIP2, 80);
	lab_apply(dp, "dns", PROTOCOL_UDP, VIP, 0x1fe);
	lab_apply(dp, "dns2", PROTOCOL_UDP, VIP2, TWO);
	assert_int_equal(wait_for_error(fd), -ECONNABORTED);
}

/* A thousand changes a second must not mean a thousand walks over the machine's sockets. */
static void test_many_changes(void **state)
{
	auto_close int fd = -1;

	(void)state;
	lab_apply(dp, "still", PROTOCOL_UDP, VIP2, TWO);
	fd = connected(VIP2, 80);
	for (int i = 0; i < 300; i++)
		lab_apply(dp, "dns", PROTOCOL_UDP, VIP, i % 2 ? ONE : TWO);
	(void)poll(NULL, 0, SETTLE_MS);
	assert_int_equal(ask(fd), '2');
	assert_int_equal(destroyed(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_dp, close_dp)
#define BOTH(name) TEST(name), cmocka_unit_test_setup_teardown(name, open_no_destroy, close_dp)
	const struct CMUnitTest tests[] = {
		BOTH(test_connected_socket_is_destroyed),
		BOTH(test_others_are_left_alone),
		TEST(test_service_is_removed),
		BOTH(test_other_network_namespaces),
		TEST(test_restart),
		TEST(test_after_growth),
		TEST(test_many_changes),
	};

	lab_enter();
	return cmocka_run_group_tests_name("udp", tests, start, stop);
}
