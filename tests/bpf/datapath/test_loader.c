/* SPDX-License-Identifier: Apache-2.0 */
/* Loading, attaching, growing, removing, and what is said when that cannot be done. */
#include <errno.h>
#include <grp.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "datapath/host.h"
#include "datapath/maps.h"
#include "datapath/pins.h"
#include "datapath/programs.h"
#include "lab.h"

#define VIP "10.96.0.1"

static int clean(void **state)
{
	struct err err = { 0 };

	(void)state;
	ASSERT_OK(datapath_cleanup(lab_pin_dir, &err), &err);
	return 0;
}

static void test_cleanup_leaves_nothing(void **state)
{
	struct datapath *dp = lab_open(NULL);
	struct server *server = server_new(PROTOCOL_TCP, "10.1.0.1", 8080, '1');
	uint32_t ids[8], n = ARRAY_SIZE(ids);
	auto_close int cgroup = -1;
	struct err err = { 0 };
	json_t *dump;

	(void)state;
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 1);
	assert_int_equal(ask_tcp(VIP, 80), '1');
	assert_int_equal(datapath_cleanup(lab_pin_dir, &err), -EBUSY);
	datapath_close(dp);
	assert_int_equal(ask_tcp(VIP, 80), '1');
	ASSERT_OK(datapath_cleanup(lab_pin_dir, &err), &err);
	assert_int_equal(ask_tcp(VIP, 80), -ENETUNREACH);
	assert_int_not_equal(access(lab_pin_dir, F_OK), 0);
	cgroup = host_cgroup_open(lab_cgroup, &err);
	assert_int_equal(bpf_prog_query(cgroup, BPF_CGROUP_INET4_CONNECT, 0, NULL, ids, &n), 0);
	assert_int_equal(n, 0);
	ASSERT_OK(datapath_cleanup(lab_pin_dir, &err), &err);
	assert_int_equal(datapath_dump(lab_pin_dir, &dump, &err), -ENOENT);
	server_free(server);
}

static void test_attached(void **state)
{
	struct datapath *dp = lab_open(NULL);
	auto_free char *dir = pins_dir(lab_pin_dir);
	auto_free char *path = NULL;
	struct err err = { 0 };

	(void)state;
	assert_true(datapath_attached(dp, &err));
	path = xasprintf("%s/links/sendmsg6", dir);
	assert_int_equal(unlink(path), 0);
	/* the kernel lets go of the link only after an RCU grace period, later on some machines */
	for (int i = 0; i < 1000 && datapath_attached(dp, &err); i++)
		usleep(10 * 1000);
	assert_false(datapath_attached(dp, &err));
	assert_non_null(strstr(err.msg, "sendmsg6"));
	datapath_close(dp);
	/* the next start repairs it */
	dp = lab_open(NULL);
	assert_true(datapath_attached(dp, &err));
	datapath_close(dp);
}

static struct datapath *open_with_service(struct server **ret_server)
{
	struct datapath *dp = lab_open(NULL);

	*ret_server = server_new(PROTOCOL_TCP, "10.1.0.1", 8080, '1');
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 1);
	assert_int_equal(ask_tcp(VIP, 80), '1');
	return dp;
}

static uint64_t reattached(struct datapath *dp)
{
	struct datapath_stats stats;

	datapath_stats(dp, &stats);
	return stats.reattached;
}

static void detach(const char *name)
{
	auto_free char *dir = pins_dir(lab_pin_dir);
	auto_free char *path = xasprintf("%s/links/%s", dir, name);
	auto_close int fd = bpf_obj_get(path);

	assert_true(fd >= 0);
	assert_int_equal(bpf_link_detach(fd), 0);
}

static void test_check_attaches_anew(void **state)
{
	struct server *server;
	struct datapath *dp = open_with_service(&server);
	struct err err = { 0 };

	(void)state;
	ASSERT_OK(datapath_check(dp, &err), &err);
	assert_int_equal(reattached(dp), 0);
	detach("connect4");
	detach("recvmsg6");
	assert_int_equal(ask_tcp(VIP, 80), -ENETUNREACH);
	ASSERT_OK(datapath_check(dp, &err), &err);
	assert_int_equal(reattached(dp), 1);
	assert_int_equal(ask_tcp(VIP, 80), '1');
	assert_true(datapath_attached(dp, &err));
	ASSERT_OK(datapath_check(dp, &err), &err);
	assert_int_equal(reattached(dp), 1);
	datapath_close(dp);
	server_free(server);
}

/* A program at 'hook' that sends everybody to 127.0.0.2; returns its link. */
static int attach_hijacker(const char *cgroup, enum bpf_attach_type hook)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ST | BPF_MEM | BPF_W,
		  .dst_reg = BPF_REG_1,
		  .off = offsetof(struct bpf_sock_addr, user_ip4),
		  .imm = 0x0200007f },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = hook);
	auto_close int fd = host_cgroup_open(cgroup, NULL), program = -1;
	int link;

	program = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "hijacker", "GPL", insns,
	                        ARRAY_SIZE(insns), &opts);
	assert_true(program >= 0);
	link = bpf_link_create(program, fd, hook, NULL);
	assert_true(link >= 0);
	return link;
}

/* Attached, and yet no connection gets there: the one before sends them elsewhere. */
static void test_check_tries(void **state)
{
	static const struct {
		enum bpf_attach_type type;
		const char *name;
	} hooks[] = { { BPF_CGROUP_INET4_CONNECT, "connect4" },
		      { BPF_CGROUP_UDP4_SENDMSG, "sendmsg4" } };
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		int link = attach_hijacker(lab_cgroup, hooks[i].type);
		struct datapath *dp = lab_open(NULL);

		assert_true(datapath_attached(dp, &err));
		assert_int_equal(datapath_check(dp, &err), -ENOENT);
		assert_non_null(strstr(err.msg, hooks[i].name));
		(void)close(link);
		for (int k = 0; k < 500 && datapath_check(dp, &err) < 0; k++)
			usleep(10 * 1000);
		ASSERT_OK(datapath_check(dp, &err), &err);
		datapath_close(dp);
		assert_int_equal(clean(NULL), 0);
	}
}

static void enter_cgroup(const char *cgroup)
{
	auto_free char *path = xasprintf("%s/cgroup.procs", cgroup);
	auto_fclose FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs("0", file) >= 0);
}

/* The agent of a test machine is outside of the machine's cgroup: a child tries in its place. */
static void test_check_from_outside(void **state)
{
	auto_free char *inner = xasprintf("%s/inner", lab_cgroup);
	struct datapath_config config = { .pin_dir = lab_pin_dir, .cgroup = inner };
	struct datapath *dp;
	struct err err = { 0 };
	int link;

	(void)state;
	assert_int_equal(mkdir(inner, 0755), 0);
	ASSERT_OK(datapath_open(&config, &dp, &err), &err);
	ASSERT_OK(datapath_check(dp, &err), &err);
	datapath_close(dp);
	assert_int_equal(clean(NULL), 0);
	link = attach_hijacker(inner, BPF_CGROUP_INET4_CONNECT);
	ASSERT_OK(datapath_open(&config, &dp, &err), &err);
	assert_int_equal(datapath_check(dp, &err), -ENOENT);
	(void)close(link);
	datapath_close(dp);
	assert_int_equal(rmdir(inner), 0);
}

/* ... and made anew under the same name. */
static void test_check_after_cgroup_is_removed(void **state)
{
	auto_free char *inner = xasprintf("%s/inner", lab_cgroup);
	struct datapath_config config = { .pin_dir = lab_pin_dir, .cgroup = inner };
	struct server *server = server_new(PROTOCOL_TCP, "10.1.0.1", 8080, '1');
	struct datapath *dp;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(mkdir(inner, 0755), 0);
	ASSERT_OK(datapath_open(&config, &dp, &err), &err);
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 1);
	assert_int_equal(rmdir(inner), 0);
	/* the kernel lets go of the programs a little later */
	for (int i = 0; i < 500 && datapath_attached(dp, &err); i++)
		usleep(10 * 1000);
	assert_int_equal(datapath_check(dp, &err), -ENOENT);
	assert_int_equal(mkdir(inner, 0755), 0);
	ASSERT_OK(datapath_check(dp, &err), &err);
	enter_cgroup(inner);
	assert_int_equal(ask_tcp(VIP, 80), '1');
	enter_cgroup(lab_cgroup);
	assert_int_equal(reattached(dp), 1);
	datapath_close(dp);
	assert_int_equal(rmdir(inner), 0);
	server_free(server);
}

static void test_check_on_old_kernels(void **state)
{
	struct datapath *dp = lab_open(&(struct datapath_config){ .no_set_retval = true });
	struct err err = { 0 };

	(void)state;
	ASSERT_OK(datapath_check(dp, &err), &err);
	detach("sendmsg6");
	ASSERT_OK(datapath_check(dp, &err), &err);
	assert_int_equal(reattached(dp), 1);
	datapath_close(dp);
}

static void test_one_process_at_a_time(void **state)
{
	struct datapath_config config = { .pin_dir = lab_pin_dir, .cgroup = lab_cgroup };
	struct datapath *dp = lab_open(NULL), *second;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(datapath_open(&config, &second, &err), -EBUSY);
	assert_non_null(strstr(err.msg, lab_pin_dir));
	datapath_close(dp);
}

static void test_not_a_cgroup(void **state)
{
	struct datapath_config config = { .pin_dir = lab_pin_dir, .cgroup = "/tmp" };
	struct datapath *dp;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(datapath_open(&config, &dp, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "cgroup v2"));
	config.cgroup = "/nonexistent";
	assert_int_equal(datapath_open(&config, &dp, &err), -ENOENT);
}

static void open_as_nobody(void *arg)
{
	struct datapath_config config = { .pin_dir = lab_pin_dir, .cgroup = lab_cgroup };
	struct datapath *dp;
	struct err err = { 0 };

	(void)arg;
	if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		_exit(2);
	if (datapath_open(&config, &dp, &err) != -EPERM || !strstr(err.msg, "root") ||
	    !strstr(err.msg, "CAP_BPF and CAP_NET_ADMIN"))
		_exit(3);
}

static void test_not_root(void **state)
{
	(void)state;
	in_child(open_as_nobody, NULL);
}

static void test_other_layout(void **state)
{
	struct datapath_config config = { .pin_dir = lab_pin_dir, .cgroup = lab_cgroup };
	struct datapath *dp = lab_open(NULL);
	auto_free char *dir = pins_dir(lab_pin_dir);
	auto_free char *path = xasprintf("%s/g1/fe4", dir);
	struct err err = { 0 };
	auto_close int fd = -1;

	(void)state;
	datapath_close(dp);
	assert_int_equal(unlink(path), 0);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "other", 4, 4, 16, NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	assert_int_equal(datapath_open(&config, &dp, &err), -ESTALE);
	assert_non_null(strstr(err.msg, "--cleanup"));
}

static void test_grows(void **state)
{
	struct datapath_config small = { .ports = 2, .frontends = 2, .backends = 3, .slots = 16 };
	struct datapath *dp = lab_open(&small);
	struct server *servers[9];
	struct datapath_stats stats;
	char name[32], vip[32];
	struct err err = { 0 };

	(void)state;
	for (int i = 1; i < 9; i++) {
		char addr[32];

		(void)snprintf(addr, sizeof(addr), "10.1.0.%d", i);
		servers[i] = server_new(PROTOCOL_TCP, addr, 8080, (char)('0' + i));
	}
	for (int i = 1; i <= 100; i++) {
		(void)snprintf(name, sizeof(name), "svc%d", i);
		(void)snprintf(vip, sizeof(vip), "10.96.4.%d", i);
		lab_apply(dp, name, PROTOCOL_TCP, vip, 1u << (1 + i % 8) | 1 << 8);
	}
	assert_true(datapath_attached(dp, &err));
	datapath_stats(dp, &stats);
	assert_int_equal(stats.ports, 100);
	assert_int_equal(stats.frontends, 100);
	/* twice what is full, and what is half full with it */
	assert_in_range(stats.ports_max, 100, 400);
	for (int round = 0; round < 2; round++) {
		for (int i = 1; i <= 100; i++) {
			(void)snprintf(vip, sizeof(vip), "10.96.4.%d", i);
			int r = ask_tcp(vip, 80);

			assert_true(r == '1' + i % 8 || r == '8');
		}
		datapath_close(dp);
		dp = lab_open(&small);
	}
	datapath_stats(dp, &stats);
	assert_int_equal(stats.ports, 100);
	datapath_close(dp);
	for (int i = 1; i < 9; i++)
		server_free(servers[i]);
}

static void test_dump(void **state)
{
	struct plan_service *plan = plan_make("web");
	struct plan_port *port = plan_add_port(plan, PROTOCOL_UDP, 53, 6);
	struct datapath *dp = lab_open(NULL);
	struct err err = { 0 };
	json_t *dump, *want;

	(void)state;
	plan_add_frontend(plan, port, PLAN_CLUSTER_IP, "fd00:96::53", 53, PLAN_WINDOW_LOCAL);
	plan_add_backend(plan, port, "fd00:1::1", 5353, ALL | LOCAL);
	plan_add_backend(plan, port, "fd00:1::2", 5353, ALL);
	ASSERT_OK(datapath_apply(dp, plan, &err), &err);
	plan_destroy(plan);
	/* emptied: the window itself, not only its backends */
	lab_apply(dp, "empty", PROTOCOL_TCP, VIP, 1 << 1);
	lab_apply(dp, "empty", PROTOCOL_TCP, VIP, 0);
	ASSERT_OK(datapath_dump(lab_pin_dir, &dump, &err), &err);
	want = json_pack("[{s:s,s:i,s:s,s:s,s:s,s:[]},"
	                 "{s:s,s:i,s:s,s:s,s:s,s:[{s:s,s:i,s:s}]}]",
	                 "address", VIP, "port", 80, "protocol", "TCP", "type", "ClusterIP",
	                 "window", "all", "backends", "address", "fd00:96::53", "port", 53,
	                 "protocol", "UDP", "type", "ClusterIP", "window", "local", "backends",
	                 "address", "fd00:1::1", "port", 5353, "state", "active");
	assert_true(json_equal(dump, want));
	json_decref(dump);
	json_decref(want);
	datapath_close(dp);
}

static void test_bad_plans(void **state)
{
	struct plan_service *plan = plan_make("bad");
	struct plan_port *port = plan_add_port(plan, PROTOCOL_TCP, 80, 4);
	struct datapath *dp = lab_open(NULL);
	struct err err = { 0 };

	(void)state;
	plan_add_frontend(plan, port, PLAN_CLUSTER_IP, VIP, 80, PLAN_WINDOW_ALL);
	plan_add_backend(plan, port, "10.1.0.2", 80, ALL);
	plan_add_backend(plan, port, "10.1.0.1", 80, ALL);
	assert_int_equal(datapath_apply(dp, plan, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "test/bad"));
	/* the Service is not half there */
	assert_int_equal(ask_tcp(VIP, 80), -ENETUNREACH);
	plan_destroy(plan);
	datapath_close(dp);
}

/* Instructions the verifier looked at; the limit is a million, and old kernels look at more. */
static void test_verifier_effort(void **state)
{
	static const struct {
		enum program_id program;
		uint32_t ceiling;
	} rows[] = {
		{ PROGRAM_GETPEERNAME4, 200 }, { PROGRAM_GETPEERNAME6, 500 },
		{ PROGRAM_RECVMSG4, 2000 },    { PROGRAM_RECVMSG6, 5000 },
		{ PROGRAM_SENDMSG4, 20000 },   { PROGRAM_SENDMSG6, 30000 },
		{ PROGRAM_CONNECT4, 10000 },   { PROGRAM_CONNECT6, 15000 },
	};
	struct programs programs;
	struct maps maps;
	struct err err = { 0 };

	(void)state;
	programs_init(&programs);
	maps_init(&maps);
	maps.max[MAP_FE4] = maps.max[MAP_FE6] = 2;
	ASSERT_OK(programs_load(&programs, &maps, &(struct programs_options){ 0 }, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);

		assert_int_equal(bpf_obj_get_info_by_fd(programs.fd[rows[i].program], &info, &size),
		                 0);
		printf("# %s: %u instructions verified\n", program_names[rows[i].program],
		       info.verified_insns);
		assert_in_range(info.verified_insns, 1, rows[i].ceiling);
	}
	programs_done(&programs);
	maps_done(&maps);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, clean)
	const struct CMUnitTest tests[] = {
		TEST(test_cleanup_leaves_nothing),
		TEST(test_attached),
		TEST(test_check_attaches_anew),
		TEST(test_check_tries),
		TEST(test_check_from_outside),
		TEST(test_check_after_cgroup_is_removed),
		TEST(test_check_on_old_kernels),
		TEST(test_one_process_at_a_time),
		TEST(test_not_a_cgroup),
		TEST(test_not_root),
		TEST(test_other_layout),
		TEST(test_grows),
		TEST(test_dump),
		TEST(test_bad_plans),
		TEST(test_verifier_effort),
	};

	lab_enter();
	return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
