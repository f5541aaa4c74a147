/* SPDX-License-Identifier: Apache-2.0 */
/* What can be read of the pinned maps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "datapath/layout.h"
#include "datapath/pins.h"
#include "datapath/view.h"
#include "lab.h"

#define VIP       "10.96.0.1"
#define VIP6      "fd00:96::1"
#define NODE_PORT 30080

static struct datapath *dp;

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

static struct view *look(void)
{
	struct view *view = NULL;
	struct err err = { 0 };

	ASSERT_OK(view_read(lab_pin_dir, &view, &err), &err);
	return view;
}

static const struct view_service *service_named(const struct view *view, const char *name)
{
	for (size_t i = 0; i < view->n_services; i++) {
		if (strcmp(view->services[i].name, name) == 0)
			return &view->services[i];
	}
	fail_msg("no Service %s", name);
	return NULL;
}

static const struct view_backend *backend_at(const struct view *view, const char *service,
                                             const char *text)
{
	struct ipaddr addr;

	assert_int_equal(ipaddr_parse(text, &addr), 0);
	for (size_t i = 0; i < view->n_backends; i++) {
		const struct view_backend *b = &view->backends[i];

		if (ipaddr_equal(&b->addr, &addr) &&
		    strcmp(view->services[b->service].name, service) == 0)
			return b;
	}
	fail_msg("%s has no backend %s", service, text);
	return NULL;
}

static void apply_rich(void)
{
	struct plan_service *plan = plan_make("rich");
	struct plan_port *web = plan_add_port(plan, PROTOCOL_TCP, 80, 4);
	struct plan_port *dns = plan_add_port(plan, PROTOCOL_UDP, 53, 6);

	web->name = "http";
	web->affinity_seconds = 10800;
	plan_add_frontend(plan, web, PLAN_CLUSTER_IP, VIP, 80, PLAN_WINDOW_LOCAL);
	plan_add_frontend(plan, web, PLAN_NODE_PORT, NULL, NODE_PORT, PLAN_WINDOW_TOPOLOGY);
	plan_add_backend(plan, web, "10.1.0.1", 8080, ALL);
	plan_add_backend(plan, web, "10.1.0.2", 8080, ALL | LOCAL);
	plan_add_backend(plan, web, "10.1.0.3", 8080, ALL | TOPOLOGY);
	web->backends[2].ready = false;
	dns->name = "dns";
	plan_add_frontend(plan, dns, PLAN_CLUSTER_IP, VIP6, 53, PLAN_WINDOW_ALL);
	plan_add_backend(plan, dns, "fd00:1::1", 5353, ALL);
	lab_apply_plan(dp, plan);
}

static void check_rich(const struct view *view)
{
	const struct view_service *web = service_named(view, "rich"), *dns = web;
	const struct view_frontend *f;
	struct ipaddr any = { .family = 4 };

	/* 53 comes before 80 */
	web++;
	assert_string_equal(web->namespace, "test");
	assert_string_equal(web->port_name, "http");
	assert_int_equal(web->port, 80);
	assert_int_equal(web->protocol, PROTOCOL_TCP);
	assert_int_equal(web->family, 4);
	assert_int_equal(web->affinity_seconds, 10800);
	assert_int_equal(web->windows[PLAN_WINDOW_ALL].n, 3);
	assert_int_equal(web->windows[PLAN_WINDOW_LOCAL].n, 1);
	assert_int_equal(web->windows[PLAN_WINDOW_TOPOLOGY].n, 1);
	assert_ptr_equal(&view->backends[web->windows[PLAN_WINDOW_LOCAL].backends[0]],
	                 backend_at(view, "rich", "10.1.0.2"));
	assert_int_equal(backend_at(view, "rich", "10.1.0.2")->windows, ALL | LOCAL);
	assert_int_equal(backend_at(view, "rich", "10.1.0.2")->state, VIEW_ACTIVE);
	assert_int_equal(backend_at(view, "rich", "10.1.0.3")->state, VIEW_TERMINATING);
	assert_int_equal(backend_at(view, "rich", "10.1.0.3")->port, 8080);
	assert_string_equal(dns->port_name, "dns");
	assert_int_equal(dns->family, 6);
	assert_int_equal(dns->windows[PLAN_WINDOW_ALL].n, 1);
	f = view_find(view, &any, NODE_PORT, PROTOCOL_TCP);
	assert_non_null(f);
	assert_int_equal(f->type, PLAN_NODE_PORT);
	assert_int_equal(f->internal, PLAN_WINDOW_TOPOLOGY);
	assert_ptr_equal(&view->services[f->service], web);
	assert_null(view_find(view, &any, NODE_PORT, PROTOCOL_UDP));
}

static void test_contents(void **state)
{
	struct ipaddr addrs[3];
	struct err err = { 0 };
	struct view *view;

	(void)state;
	assert_int_equal(ipaddr_parse("192.0.2.10", &addrs[0]), 0);
	assert_int_equal(ipaddr_parse("fd00:9::10", &addrs[1]), 0);
	assert_int_equal(ipaddr_parse("127.0.0.1", &addrs[2]), 0);
	ASSERT_OK(datapath_set_node_addresses(dp, addrs, 3, &err), &err);
	apply_rich();
	lab_apply(dp, "a", PROTOCOL_TCP, "10.96.0.9", 0);
	view = look();
	assert_int_equal(view->n_services, 3);
	assert_int_equal(view->n_frontends, 4);
	assert_int_equal(view->n_backends, 4);
	check_rich(view);
	assert_int_equal(service_named(view, "a")->windows[PLAN_WINDOW_ALL].n, 0);
	assert_int_equal(view->n_node_addrs, 2);
	assert_true(ipaddr_equal(&view->node_addrs[0], &addrs[0]));
	assert_true(view->loopback4 && !view->loopback6 && !view->synced);
	view_free(view);
	datapath_synced(dp);
	view = look();
	assert_true(view->synced);
	view_free(view);
}

/* Nobody confirmed anything yet, the maps are larger ones: all has its name. */
static void test_after_restart_and_growth(void **state)
{
	struct view *view;
	char name[32], vip[32];

	(void)close_dp(state);
	dp = lab_open(&(struct datapath_config){
		.ports = 4, .frontends = 4, .backends = 4, .slots = 16 });
	apply_rich();
	for (int i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "svc%02d", i);
		(void)snprintf(vip, sizeof(vip), "10.96.1.%d", i);
		lab_apply(dp, name, PROTOCOL_TCP, vip, 1u << (1 + i % 8));
	}
	datapath_close(dp);
	dp = lab_open(NULL);
	view = look();
	assert_int_equal(view->n_services, 42);
	assert_true(view->generation > 1);
	check_rich(view);
	(void)backend_at(view, "svc39", "10.1.0.8");
	view_free(view);
}

static void test_hooks(void **state)
{
	auto_free char *dir = pins_dir(lab_pin_dir);
	auto_free char *path = xasprintf("%s/links/connect6", dir);
	auto_close int fd = bpf_obj_get(path);
	struct view *view = look();
	struct stat st;

	(void)state;
	assert_int_equal(stat(lab_cgroup, &st), 0);
	for (size_t i = 0; i < VIEW_HOOKS; i++) {
		assert_true(view->hooks[i].attached && view->hooks[i].program);
		assert_int_equal(view->hooks[i].cgroup, st.st_ino);
	}
	view_free(view);
	assert_int_equal(bpf_link_detach(fd), 0);
	view = look();
	for (size_t i = 0; i < VIEW_HOOKS; i++)
		assert_int_equal(view->hooks[i].attached,
		                 strcmp(view->hooks[i].name, "connect6") != 0);
	view_free(view);
}

static void test_nothing_pinned(void **state)
{
	auto_free char *dir = pins_dir(lab_pin_dir);
	auto_free char *other = xasprintf("%s/v%d", lab_pin_dir, LAYOUT_VERSION + 1);
	struct err err = { 0 };
	struct view *view;

	(void)state;
	assert_int_equal(view_read("/sys/fs/bpf/fairlead-test-none", &view, &err), -ENOENT);
	datapath_close(dp);
	assert_int_equal(rename(dir, other), 0);
	assert_int_equal(view_read(lab_pin_dir, &view, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "another release"));
	assert_int_equal(rename(other, dir), 0);
	dp = lab_open(NULL);
}

/* ---- connections ---- */

static int connection(int type, const char *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t size = sock_addr(addr, port, &ss);
	int fd = socket(ss.ss_family, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (connect(fd, (void *)&ss, size) < 0)
		fail_msg("connect to %s: %s", addr, strerror(errno));
	return fd;
}

static struct view *count(void)
{
	struct view *view = look();
	struct err err = { 0 };

	ASSERT_OK(view_count_connections(view, &err), &err);
	return view;
}

static void check_counts(uint64_t web, uint64_t web2, uint64_t dns)
{
	struct view *view = count();

	assert_int_equal(backend_at(view, "web", "10.1.0.1")->connections, web);
	assert_int_equal(backend_at(view, "web2", "10.1.0.2")->connections, web2);
	assert_int_equal(backend_at(view, "web2", "10.1.0.1")->connections, web);
	assert_int_equal(backend_at(view, "dns", "10.1.0.1")->connections, dns);
	view_free(view);
}

/* Holds what it has until told to go. */
static void client_elsewhere(int in, int out)
{
	static const char *const addrs[] = { "10.1.0.1", NULL };
	char byte = 'r';
	int udp;

	lab_netns(addrs);
	udp = connection(SOCK_DGRAM, VIP, 53);
	(void)!write(out, &byte, 1);
	(void)!read(in, &byte, 1);
	(void)close(udp);
	_exit(0);
}

static void test_connections(void **state)
{
	int listeners[2], fds[4], to[2], from[2], status, r;
	const char *backends[] = { "10.1.0.1", "10.1.0.2" };
	pid_t pid;
	char byte;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sockaddr_storage ss;
		socklen_t size = sock_addr(backends[i], 8080, &ss);

		listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(listeners[i], (void *)&ss, size), 0);
		assert_int_equal(listen(listeners[i], 16), 0);
	}
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 1);
	lab_apply(dp, "web2", PROTOCOL_TCP, "10.96.0.2", 1 << 1 | 1 << 2);
	struct plan_service *plan = plan_make("dns");
	struct plan_port *dns = plan_add_port(plan, PROTOCOL_UDP, 53, 4);

	plan_add_frontend(plan, dns, PLAN_CLUSTER_IP, VIP, 53, PLAN_WINDOW_ALL);
	plan_add_backend(plan, dns, "10.1.0.1", 8080, ALL);
	lab_apply_plan(dp, plan);
	check_counts(0, 0, 0);
	fds[0] = connection(SOCK_STREAM, VIP, 80);
	fds[1] = connection(SOCK_STREAM, "::ffff:" VIP, 80);
	fds[2] = connection(SOCK_STREAM, "10.1.0.2", 8080);
	fds[3] = connection(SOCK_DGRAM, VIP, 53);
	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(to[1]);
		client_elsewhere(to[0], from[1]);
	}
	assert_int_equal(read(from[0], &byte, 1), 1);
	check_counts(2, 1, 2);
	(void)close(fds[1]);
	(void)close(fds[3]);
	r = (int)write(to[1], "q", 1);
	assert_int_equal(r, 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	check_counts(1, 1, 0);
	(void)close(fds[0]);
	(void)close(fds[2]);
	for (int i = 0; i < 2; i++) {
		(void)close(listeners[i]);
		(void)close(to[i]);
		(void)close(from[i]);
	}
}

/* ---- trace ---- */

static struct view_trace trace(const struct view *view, const char *text, uint16_t port,
                               enum protocol protocol)
{
	struct view_trace t;
	struct ipaddr addr;

	assert_int_equal(ipaddr_parse(text, &addr), 0);
	view_trace(view, &addr, port, protocol, &t);
	return t;
}

static void trace_elsewhere(void *arg)
{
	static const char *const none[] = { NULL };
	struct view_trace t;

	lab_netns(none);
	t = trace(arg, "127.0.0.1", NODE_PORT, PROTOCOL_TCP);
	assert_int_equal(t.verdict, VIEW_DIRECT);
	assert_non_null(strstr(t.why, "network namespace"));
	t = trace(arg, "192.0.2.10", NODE_PORT, PROTOCOL_TCP);
	assert_int_equal(t.verdict, VIEW_BALANCED);
}

static void test_trace(void **state)
{
	static const struct {
		const char *addr, *why;
		uint16_t port;
		enum protocol protocol;
		enum view_verdict verdict;
		size_t backends;
	} rows[] = {
		{ VIP, "has this address", 80, PROTOCOL_TCP, VIEW_BALANCED, 1 },
		{ VIP, "no Service", 80, PROTOCOL_UDP, VIEW_DIRECT, 0 },
		{ VIP, "no Service", 81, PROTOCOL_TCP, VIEW_DIRECT, 0 },
		{ VIP6, "has this address", 53, PROTOCOL_UDP, VIEW_BALANCED, 1 },
		{ "192.0.2.10", "nodePort", NODE_PORT, PROTOCOL_TCP, VIEW_BALANCED, 1 },
		{ "127.0.0.1", "nodePort", NODE_PORT, PROTOCOL_TCP, VIEW_BALANCED, 1 },
		{ "0.0.0.0", "nodePort", NODE_PORT, PROTOCOL_TCP, VIEW_BALANCED, 1 },
		{ "10.1.0.2", "none of this node", NODE_PORT, PROTOCOL_TCP, VIEW_DIRECT, 0 },
		{ "10.96.0.9", "no usable endpoint", 80, PROTOCOL_TCP, VIEW_REFUSED, 0 },
		{ "10.96.0.8", "Local", 80, PROTOCOL_TCP, VIEW_REFUSED, 0 },
	};
	struct plan_service *plan = plan_make("local");
	struct plan_port *port = plan_add_port(plan, PROTOCOL_TCP, 80, 4);
	struct ipaddr addrs[2];
	struct err err = { 0 };
	struct view *view;

	(void)state;
	assert_int_equal(ipaddr_parse("192.0.2.10", &addrs[0]), 0);
	assert_int_equal(ipaddr_parse("127.0.0.1", &addrs[1]), 0);
	ASSERT_OK(datapath_set_node_addresses(dp, addrs, 2, &err), &err);
	plan_add_frontend(plan, port, PLAN_CLUSTER_IP, "10.96.0.8", 80, PLAN_WINDOW_LOCAL);
	plan_add_backend(plan, port, "10.1.0.1", 8080, ALL);
	lab_apply_plan(dp, plan);
	apply_rich();
	lab_apply(dp, "empty", PROTOCOL_TCP, "10.96.0.9", 0);
	view = look();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct view_trace t = trace(view, rows[i].addr, rows[i].port, rows[i].protocol);

		if (t.verdict != rows[i].verdict || !strstr(t.why, rows[i].why) ||
		    (t.window ? t.window->n : 0) != rows[i].backends)
			fail_msg("%s:%u: verdict %d, %s", rows[i].addr, rows[i].port,
			         (int)t.verdict, t.why);
	}
	in_child(trace_elsewhere, view);
	view_free(view);
}

static void test_trace_affinity(void **state)
{
	struct server *server = server_new(PROTOCOL_TCP, "10.1.0.2", 8080, '2');
	struct view_trace t;
	struct view *view;

	(void)state;
	apply_rich();
	view = look();
	assert_int_equal(trace(view, VIP, 80, PROTOCOL_TCP).affinity.backend, VIEW_NONE);
	view_free(view);
	assert_int_equal(ask_tcp(VIP, 80), '2');
	view = look();
	t = trace(view, VIP, 80, PROTOCOL_TCP);
	assert_ptr_equal(&view->backends[t.affinity.backend], backend_at(view, "rich", "10.1.0.2"));
	assert_in_range(t.affinity.left_seconds, 10700, 10800);
	view_free(view);
	server_free(server);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_dp, close_dp)
	const struct CMUnitTest tests[] = {
		TEST(test_contents),       TEST(test_after_restart_and_growth),
		TEST(test_hooks),          TEST(test_nothing_pinned),
		TEST(test_connections),    TEST(test_trace),
		TEST(test_trace_affinity),
	};

	lab_enter();
	return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
