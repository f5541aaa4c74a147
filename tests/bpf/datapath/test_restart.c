/* SPDX-License-Identifier: Apache-2.0 */
/* The process comes and goes; the kernel keeps balancing, and what it has is taken over. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "datapath/maps.h"
#include "datapath/pins.h"
#include "lab.h"

#define VIP      "10.96.0.1"
#define ALL4     (1 << 1 | 1 << 2 | 1 << 3 | 1 << 4)
#define KILLS    40
#define SERVICES 12

static struct server *servers[5];

static int start(void **state)
{
	(void)state;
	for (int i = 1; i < 5; i++) {
		char addr[32];

		(void)snprintf(addr, sizeof(addr), "10.1.0.%d", i);
		servers[i] = server_new(PROTOCOL_TCP, addr, 8080, (char)('0' + i));
	}
	return 0;
}

static int stop(void **state)
{
	(void)state;
	for (int i = 1; i < 5; i++)
		server_free(servers[i]);
	return 0;
}

static int clean(void **state)
{
	struct err err = { 0 };

	(void)state;
	ASSERT_OK(datapath_cleanup(lab_pin_dir, &err), &err);
	return 0;
}

static void read_maps(struct maps *maps)
{
	auto_free char *dir = pins_dir(lab_pin_dir);
	struct err err = { 0 };

	maps_init(maps);
	ASSERT_OK(maps_adopt(maps, dir, &err), &err);
	assert_true(maps->generation > 0);
}

static bool all_answer(const char *vip, unsigned int backends)
{
	unsigned int seen = 0;

	for (int i = 0; i < 200; i++) {
		int r = ask_tcp(vip, 80);

		if (r < 0)
			return false;
		seen |= 1u << (r - '0');
	}
	return seen == backends;
}

/* Runs 'fn' in a process that is killed once it has written a byte, or 'after_us' later. */
static void run_and_kill(void (*fn)(int ready_fd, unsigned int seed), unsigned int seed,
                         long after_us)
{
	struct timespec wait = { .tv_nsec = after_us * 1000 };
	int fds[2], status;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(fds[0]);
		fn(fds[1], seed);
		_exit(1);
	}
	(void)close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	(void)nanosleep(&wait, NULL);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	(void)close(fds[0]);
}

static void hold(int ready_fd, unsigned int seed)
{
	struct datapath *dp = lab_open(NULL);

	(void)seed;
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, ALL4);
	lab_apply(dp, "gone", PROTOCOL_TCP, "10.96.0.2", 1 << 1);
	(void)!write(ready_fd, "r", 1);
	(void)pause();
}

static void test_kill_leaves_all_in_effect(void **state)
{
	(void)state;
	run_and_kill(hold, 0, 0);
	assert_true(all_answer(VIP, ALL4));
	assert_int_equal(ask_tcp("10.96.0.2", 80), '1');
}

struct snapshot {
	struct svc svcs[2];
	struct be backends[5];
	uint32_t slots[8];
	unsigned int generation;
	uint32_t svc_high, be_high;
};

static void take_snapshot(struct snapshot *s)
{
	struct maps maps;

	read_maps(&maps);
	memset(s, 0, sizeof(*s));
	memcpy(s->svcs, maps.svcs, sizeof(s->svcs));
	memcpy(s->backends, maps.backends, sizeof(s->backends));
	memcpy(s->slots, maps.slots, sizeof(s->slots));
	s->generation = maps.generation;
	s->svc_high = maps.config->svc_high;
	s->be_high = maps.config->be_high;
	maps_done(&maps);
}

/* Nothing is written where the plan says what is there already. */
static void test_adopted_unchanged(void **state)
{
	struct snapshot before, after;
	struct datapath *dp;

	(void)state;
	run_and_kill(hold, 0, 0);
	take_snapshot(&before);
	assert_int_equal(before.svc_high, 2);
	assert_int_equal(before.be_high, 5);
	dp = lab_open(NULL);
	lab_apply(dp, "gone", PROTOCOL_TCP, "10.96.0.2", 1 << 1);
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, ALL4);
	datapath_synced(dp);
	take_snapshot(&after);
	assert_memory_equal(&before, &after, sizeof(before));
	datapath_close(dp);
}

static void test_changes_while_away(void **state)
{
	struct datapath *dp;
	struct maps maps;

	(void)state;
	run_and_kill(hold, 0, 0);
	dp = lab_open(NULL);
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 2 | 1 << 3);
	assert_true(all_answer(VIP, 1 << 2 | 1 << 3));
	read_maps(&maps);
	/* the two that stay keep their ids and generations */
	assert_int_equal(maps.config->be_high, 5);
	assert_int_equal(WINDOW_GEN(maps.svcs[0].window[WINDOW_ALL]), 2);
	maps_done(&maps);
	datapath_close(dp);
}

static void test_unconfirmed_goes_when_synced(void **state)
{
	struct datapath_stats stats;
	struct datapath *dp;

	(void)state;
	run_and_kill(hold, 0, 0);
	dp = lab_open(NULL);
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, ALL4);
	assert_int_equal(ask_tcp("10.96.0.2", 80), '1');
	datapath_stats(dp, &stats);
	assert_int_equal(stats.frontends, 2);
	datapath_synced(dp);
	assert_int_equal(ask_tcp("10.96.0.2", 80), -ENETUNREACH);
	assert_true(all_answer(VIP, ALL4));
	datapath_stats(dp, &stats);
	assert_int_equal(stats.frontends, 1);
	datapath_close(dp);
}

/* The address belongs to another Service since: at once, not only when synced. */
static void test_frontend_moved_while_away(void **state)
{
	struct datapath_stats stats;
	struct datapath *dp;

	(void)state;
	run_and_kill(hold, 0, 0);
	dp = lab_open(NULL);
	lab_apply(dp, "heir", PROTOCOL_TCP, "10.96.0.2", 1 << 3);
	assert_int_equal(ask_tcp("10.96.0.2", 80), '3');
	datapath_synced(dp);
	assert_int_equal(ask_tcp("10.96.0.2", 80), '3');
	datapath_stats(dp, &stats);
	assert_int_equal(stats.frontends, 1);
	assert_int_equal(stats.conflicts, 0);
	datapath_close(dp);
}

/* What is pinned looks as if a release with another layout of the maps had left it. */
static void make_it_another_release(void)
{
	auto_free char *dir = pins_dir(lab_pin_dir);
	auto_free char *other = xasprintf("%s/v%d", lab_pin_dir, LAYOUT_VERSION + 1);

	assert_int_equal(rename(dir, other), 0);
}

static void test_upgrade(void **state)
{
	auto_free char *other = xasprintf("%s/v%d", lab_pin_dir, LAYOUT_VERSION + 1);
	struct err err = { 0 };
	struct datapath *dp;

	(void)state;
	run_and_kill(hold, 0, 0);
	make_it_another_release();
	dp = lab_open(NULL);
	/* its maps are nothing to us, but in effect as long as ours do not hold everything */
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 3);
	assert_true(all_answer(VIP, ALL4));
	assert_int_equal(ask_tcp("10.96.0.2", 80), '1');
	ASSERT_OK(datapath_check(dp, &err), &err);
	assert_true(all_answer(VIP, ALL4));
	/* killed and started once more: the same */
	datapath_close(dp);
	dp = lab_open(NULL);
	assert_true(all_answer(VIP, ALL4));
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, 1 << 3);
	datapath_synced(dp);
	assert_true(all_answer(VIP, 1 << 3));
	assert_int_equal(ask_tcp("10.96.0.2", 80), -ENETUNREACH);
	assert_int_not_equal(access(other, F_OK), 0);
	ASSERT_OK(datapath_check(dp, &err), &err);
	datapath_close(dp);
	dp = lab_open(NULL);
	assert_true(all_answer(VIP, 1 << 3));
	datapath_close(dp);
}

/* Killed between taking over the links of some hooks and of the others. */
static void test_upgrade_is_finished(void **state)
{
	auto_free char *dir = pins_dir(lab_pin_dir);
	auto_free char *other = xasprintf("%s/v%d", lab_pin_dir, LAYOUT_VERSION + 1);
	auto_free char *links = xasprintf("%s/links", other);
	auto_free char *from = xasprintf("%s/links/connect4", dir);
	auto_free char *to = xasprintf("%s/connect4", links);
	struct err err = { 0 };
	struct datapath *dp = lab_open(NULL);

	(void)state;
	lab_apply(dp, "web", PROTOCOL_TCP, VIP, ALL4);
	datapath_synced(dp);
	datapath_close(dp);
	assert_int_equal(mkdir(other, 0700), 0);
	assert_int_equal(mkdir(links, 0700), 0);
	assert_int_equal(rename(from, to), 0);
	dp = lab_open(NULL);
	assert_true(all_answer(VIP, ALL4));
	assert_int_not_equal(access(other, F_OK), 0);
	ASSERT_OK(datapath_check(dp, &err), &err);
	datapath_close(dp);
}

static void test_cleanup_removes_other_releases(void **state)
{
	struct err err = { 0 };

	(void)state;
	run_and_kill(hold, 0, 0);
	make_it_another_release();
	ASSERT_OK(datapath_cleanup(lab_pin_dir, &err), &err);
	assert_int_equal(ask_tcp(VIP, 80), -ENETUNREACH);
	assert_int_not_equal(access(lab_pin_dir, F_OK), 0);
}

static void test_conflict_is_handed_over(void **state)
{
	struct datapath_stats stats;
	struct err err = { 0 };
	struct datapath *dp = lab_open(NULL);

	(void)state;
	lab_apply(dp, "first", PROTOCOL_TCP, VIP, 1 << 1);
	lab_apply(dp, "second", PROTOCOL_TCP, VIP, 1 << 2);
	lab_apply(dp, "second", PROTOCOL_TCP, VIP, 1 << 2);
	assert_int_equal(ask_tcp(VIP, 80), '1');
	datapath_stats(dp, &stats);
	assert_int_equal(stats.conflicts, 1);
	ASSERT_OK(datapath_remove(dp, "test", "first", &err), &err);
	assert_int_equal(ask_tcp(VIP, 80), '2');
	/* deleted and made anew with the same address, in the unlucky order */
	lab_apply(dp, "third", PROTOCOL_TCP, VIP, 1 << 3);
	ASSERT_OK(datapath_remove(dp, "test", "second", &err), &err);
	assert_int_equal(ask_tcp(VIP, 80), '3');
	ASSERT_OK(datapath_remove(dp, "test", "third", &err), &err);
	assert_int_equal(ask_tcp(VIP, 80), -ENETUNREACH);
	datapath_close(dp);
}

static const char *vip_of(unsigned int i)
{
	static _Thread_local char text[32];

	(void)snprintf(text, sizeof(text), "10.96.2.%u", i);
	return text;
}

/* Service i always has backend 1 + i % 4; others come and go, small maps grow. */
static void churn(int ready_fd, unsigned int seed)
{
	struct datapath *dp = lab_open(&(struct datapath_config){
		.ports = 4, .frontends = 4, .backends = 4, .slots = 16 });
	char name[32];

	srand(seed);
	for (unsigned int n = 0;; n++) {
		unsigned int i = n < SERVICES ? n : (unsigned int)rand() % SERVICES;

		(void)snprintf(name, sizeof(name), "svc%u", i);
		lab_apply(dp, name, PROTOCOL_TCP, vip_of(i),
		          ((unsigned int)rand() & ALL4) | 1u << (1 + i % 4));
		(void)snprintf(name, sizeof(name), "fleeting%u", (unsigned int)rand() % 4);
		if (rand() % 2)
			(void)datapath_remove(dp, "test", name, NULL);
		else
			lab_apply(dp, name, PROTOCOL_TCP, "10.96.3.1", (unsigned int)rand() & ALL4);
		datapath_tick(dp);
		if (n == SERVICES)
			(void)!write(ready_fd, "r", 1);
	}
}

/* What every reader relies on, for every descriptor in use. */
static void check_consistent(void)
{
	struct maps maps;
	json_t *dump, *frontend, *backend;
	struct err err = { 0 };
	size_t i, k;

	read_maps(&maps);
	for (uint32_t s = 0; s < maps.config->svc_high; s++) {
		for (int w = 0; w < WINDOWS; w++) {
			uint64_t word = maps.svcs[s].window[w];

			assert_true((uint64_t)WINDOW_BASE(word) + WINDOW_COUNT(word) <=
			            (uint64_t)maps.max[MAP_SLOTS] * SLOTS_PER_LINE);
		}
	}
	maps_done(&maps);
	ASSERT_OK(datapath_dump(lab_pin_dir, &dump, &err), &err);
	json_array_foreach(dump, i, frontend) {
		json_array_foreach(json_object_get(frontend, "backends"), k, backend) {
			assert_string_equal(json_string_value(json_object_get(backend, "state")),
			                    "active");
		}
	}
	json_decref(dump);
}

static void test_killed_at_any_instant(void **state)
{
	unsigned int seed = (unsigned int)time(NULL);
	struct datapath_stats stats;
	struct datapath *dp;
	char name[32];

	(void)state;
	printf("# seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < KILLS; round++) {
		run_and_kill(churn, seed + (unsigned int)round, rand() % 20000);
		check_consistent();
		for (unsigned int i = 0; i < SERVICES; i++)
			assert_in_range(ask_tcp(vip_of(i), 80), '1', '4');
		if (round % 8)
			continue;
		dp = lab_open(NULL);
		for (unsigned int i = 0; i < SERVICES; i++) {
			(void)snprintf(name, sizeof(name), "svc%u", i);
			lab_apply(dp, name, PROTOCOL_TCP, vip_of(i), 1u << (1 + i % 4));
		}
		datapath_synced(dp);
		for (unsigned int i = 0; i < SERVICES; i++)
			assert_int_equal(ask_tcp(vip_of(i), 80), '1' + i % 4);
		datapath_stats(dp, &stats);
		assert_int_equal(stats.frontends, SERVICES);
		assert_int_equal(ask_tcp("10.96.3.1", 80), -ENETUNREACH);
		check_consistent();
		datapath_close(dp);
		/* with the quarantine gone nothing is left over */
		dp = lab_open(NULL);
		datapath_stats(dp, &stats);
		assert_int_equal(stats.ports, SERVICES);
		assert_int_equal(stats.backends, SERVICES);
		datapath_close(dp);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, clean)
	const struct CMUnitTest tests[] = {
		TEST(test_kill_leaves_all_in_effect),
		TEST(test_adopted_unchanged),
		TEST(test_changes_while_away),
		TEST(test_unconfirmed_goes_when_synced),
		TEST(test_frontend_moved_while_away),
		TEST(test_conflict_is_handed_over),
		TEST(test_upgrade),
		TEST(test_upgrade_is_finished),
		TEST(test_cleanup_removes_other_releases),
		TEST(test_killed_at_any_instant),
	};

	lab_enter();
	return cmocka_run_group_tests_name("restart", tests, start, stop);
}
