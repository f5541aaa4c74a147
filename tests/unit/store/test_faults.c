/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/rand.h"
#include "fault_vfs.h"
#include "harness.h"
#include "kube/json.h"

static void check_listing(struct harness *h, const char *expected)
{
	auto_free char *found = listing(h, NULL, NULL);

	assert_string_equal(found, expected);
}

static void all_that_gathers_is_one_commit(void **state)
{
	enum {
		N = 1500
	}; /* more than one batch may hold, less than two */
	struct harness *h = *state;
	struct op *ops = xcalloc(N + 1, sizeof(*ops));
	char(*names)[16] = xcalloc(N + 1, sizeof(*names));
	struct store_stats stats;
	uint64_t syncs;

	fault_vfs_hold();
	for (int i = 0; i <= N; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "n%04d", i);
		ops[i] = (struct op){ .ns = "a", .name = names[i], .op = STORE_PUT, .value = "v" };
		op_start(h, &ops[i]);
		if (i == 0)
			fault_vfs_await_held();
	}
	syncs = fault_vfs_syncs();
	/* Written, but not durable: nobody may see it. */
	store_dispatch(h->store);
	assert_int_equal(ops[0].done, 0);
	assert_int_equal(store_revision(h->store), 0);
	assert_null(store_get(h->store, &kind_service, "a", "n0000"));
	fault_vfs_release();
	for (int i = 0; i <= N; i++) {
		op_wait(h, &ops[i]);
		assert_int_equal(ops[i].r, 0);
		op_done(&ops[i]);
	}
	store_stats(h->store, &stats);
	assert_int_equal(stats.writes, N + 1);
	assert_int_equal(stats.commits, 3);
	assert_true(fault_vfs_syncs() - syncs >= 2);
	free(ops);
	free(names);
}

static void every_answer_was_synced(void **state)
{
	struct harness *h = *state;

	for (int i = 0; i < 20; i++) {
		uint64_t before = fault_vfs_syncs();

		put(h, "a", "x", "v");
		assert_true(fault_vfs_syncs() > before);
	}
}

static void a_failed_sync_ends_writing(void **state)
{
	struct harness *h = *state;
	struct store_stats stats;
	uint64_t revision;

	put(h, "a", "x", "1");
	fault_vfs_fail_syncs("-wal");
	assert_int_equal(try_put(h, "a", "x", "2"), -EIO);
	check_listing(h, "a/x=1@1 ");
	assert_int_equal(store_revision(h->store), 1);
	store_stats(h->store, &stats);
	assert_true(stats.broken);
	assert_non_null(strstr(stats.failure.msg, "read-only"));
	assert_non_null(strstr(stats.failure.msg, h->path));
	/* The disk says it is well again; what it lost it does not say. */
	fault_vfs_fail_syncs(NULL);
	assert_int_equal(try_put(h, "a", "y", "3"), -EIO);
	check_listing(h, "a/x=1@1 ");
	harness_close(h);
	harness_open(h);
	/* What failed may be there or not, but its revision is not given to anything else. */
	revision = store_revision(h->store);
	assert_true(revision == 1 || revision == 2);
	assert_int_equal(put(h, "a", "y", "4"), revision + 1);
	check_listing(h, revision == 1 ? "a/x=1@1 a/y=4@2 " : "a/x=2@2 a/y=4@3 ");
}

static void those_that_wait_fail_too(void **state)
{
	struct harness *h = *state;
	struct op ops[] = {
		{ .ns = "a", .name = "x", .op = STORE_PUT, .value = "1" },
		{ .ns = "a", .name = "x", .op = STORE_PUT, .value = "2" },
		{ .ns = "a", .name = "x", .op = STORE_KEEP },
		{ .ns = "a", .name = "y", .op = STORE_REMOVE },
	};

	put(h, "a", "y", "0");
	fault_vfs_fail_syncs("-wal");
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		op_start(h, &ops[i]);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		op_wait(h, &ops[i]);
		assert_int_equal(ops[i].r, ops[i].op == STORE_KEEP ? 0 : -EIO);
		assert_null(ops[i].text);
	}
	fault_vfs_fail_syncs(NULL);
	check_listing(h, "a/y=0@1 ");
}

/* The copying of the WAL into the database: what was acknowledged before must not depend on it. */
static void a_failed_checkpoint_ends_writing(void **state)
{
	struct harness *h = *state;
	auto_free char *before = NULL, *after = NULL;
	struct store_stats stats = { 0 };
	char value[4000];
	int r = 0;

	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	fault_vfs_fail_syncs("state.db");
	for (int i = 0; i < 2000 && r == 0; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "n%d", i % 100);
		r = try_put(h, "a", name, value);
	}
	assert_int_equal(r, -EIO);
	store_stats(h->store, &stats);
	assert_true(stats.broken);
	assert_true(stats.writes > 100);
	fault_vfs_fail_syncs(NULL);
	before = listing(h, NULL, NULL);
	harness_close(h);
	harness_open(h);
	after = listing(h, NULL, NULL);
	assert_string_equal(before, after);
	assert_int_equal(store_revision(h->store), stats.revision);
}

/*
 * Writes until there is no room, then makes room.  One failure is not the end: the WAL is then
 * copied into the database and begun anew, which may help for a while.
 */
static void fill_up(struct harness *h, void (*make_room)(void *arg), void *arg)
{
	auto_free char *before = NULL, *full = NULL, *after = NULL;
	char name[16], value[8000];
	struct store_stats stats;
	int failures = 0, i;

	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	for (i = 0; i < 2000 && failures < 4; i++) {
		int r;

		if (failures == 0) {
			free(before);
			before = listing(h, NULL, NULL);
		}
		(void)snprintf(name, sizeof(name), "n%d", i);
		r = try_put(h, "a", name, value);
		store_stats(h->store, &stats);
		if (r != 0 && r != -ENOSPC)
			fail_msg("write %d gave %d: %s", i, r, stats.failure.msg);
		failures = r ? failures + 1 : 0;
	}
	assert_int_equal(failures, 4);
	assert_true(i > 10);
	assert_false(stats.broken);
	assert_int_equal(stats.failure.code, -ENOSPC);
	full = listing(h, NULL, NULL);
	assert_string_equal(full, before); /* reads go on, and nothing of what failed is seen */
	assert_null(store_get(h->store, &kind_service, "a", name));
	make_room(arg);
	put(h, "a", "znew", value);
	harness_close(h);
	harness_open(h);
	after = listing(h, NULL, NULL);
	assert_memory_equal(after, before, strlen(before));
	assert_memory_equal(after + strlen(before), "a/znew=vvv", 10);
}

static struct rlimit limit_before;

static void limit_files(rlim_t size)
{
	struct rlimit small = limit_before;

	small.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
}

static void lift_limit(void *arg)
{
	(void)arg;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit_before), 0);
}

static void a_file_size_limit_is_a_full_disk(void **state)
{
	limit_files(300000);
	fill_up(*state, lift_limit, NULL);
}

static void no_room_for_a_new_one_leaves_nothing(void **state)
{
	struct harness *h = *state;
	auto_free char *beside = xasprintf("%s.new", h->path);
	struct err err = { 0 };
	int r;

	harness_close(h);
	assert_int_equal(unlink(h->path), 0);
	limit_files(5000);
	r = store_open(&h->config, &h->store, &err);
	lift_limit(NULL);
	assert_true(r == -ENOSPC || r == -EIO);
	assert_int_equal(err.code, r);
	assert_non_null(strstr(err.msg, h->path));
	assert_int_equal(access(h->path, F_OK), -1);
	assert_int_equal(access(beside, F_OK), -1);
}

static void remove_ballast(void *arg)
{
	assert_int_equal(unlink(arg), 0);
}

static void a_full_disk_can_be_emptied(void **state)
{
	struct harness *h = *state;
	char ballast[96];

	harness_close(h);
	assert_int_equal(unlink(h->path), 0);
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("fairlead-test", h->dir, "tmpfs", 0, "size=1m") < 0) {
		print_message("# needs the right to mount a tmpfs: %s\n", strerror(errno));
		skip();
	}
	(void)snprintf(ballast, sizeof(ballast), "%s/ballast", h->dir);
	harness_open(h);
	{
		auto_fclose FILE *f = fopen(ballast, "w");

		for (int i = 0; i < 300000; i++)
			assert_int_equal(fputc('b', f), 'b');
	}
	fill_up(h, remove_ballast, ballast);
	harness_close(h);
	assert_int_equal(umount(h->dir), 0);
}

/* Keys written in turn by ops in flight; what of them was acknowledged. */
struct key {
	char name[16], value[32];
	struct op op;
	bool running;
	uint64_t acknowledged; /* revision, 0: none */
	bool removed;          /* by the acknowledged write */
};

enum {
	KEYS = 24,
	CUTS = 40
};

static void acknowledged(struct op *op, const struct store_object *object)
{
	struct key *key = op->arg;

	assert_int_equal(op->r, 0);
	key->acknowledged = object->revision;
	key->removed = op->op == STORE_REMOVE;
	key->running = false;
}

static void write_more(struct harness *h, struct key *keys, int *counter)
{
	for (int i = 0; i < KEYS; i++) {
		struct key *key = &keys[i];

		if (key->running || rand_below(2))
			continue;
		op_done(&key->op);
		(void)snprintf(key->name, sizeof(key->name), "k%d", i);
		(void)snprintf(key->value, sizeof(key->value), "v%d", ++*counter);
		key->op = (struct op){ .ns = "a",
			               .name = key->name,
			               .op = STORE_PUT,
			               .value = key->value,
			               .on_done = acknowledged,
			               .arg = key };
		if (key->acknowledged && !key->removed && rand_below(5) == 0) {
			key->op.op = STORE_REMOVE;
			key->op.value = NULL;
		}
		key->running = true;
		op_start(h, &key->op);
	}
}

static void check_key(const struct harness *left, const struct key *key, uint64_t seed)
{
	const struct store_object *object = store_get(left->store, &kind_service, "a", key->name);

	if (!key->acknowledged)
		return;
	if (store_revision(left->store) < key->acknowledged)
		fail_msg("seed %llu: the revision went back", (unsigned long long)seed);
	/* A newer write may be there that was not acknowledged yet. */
	if (!object && !key->removed && !(key->running && key->op.op == STORE_REMOVE))
		fail_msg("seed %llu: %s is lost", (unsigned long long)seed, key->name);
	if (object && object->revision < key->acknowledged)
		fail_msg("seed %llu: %s is old", (unsigned long long)seed, key->name);
	if (object && object->revision == key->acknowledged && key->removed)
		fail_msg("seed %llu: %s is back", (unsigned long long)seed, key->name);
}

static void a_power_cut_loses_nothing_acknowledged(void **state)
{
	struct harness *h = *state, left;
	struct key *keys = xcalloc(KEYS, sizeof(*keys));
	struct pollfd ready = { .fd = store_fd(h->store), .events = POLLIN };
	int counter = 0;
	uint64_t seed;

	rand_bytes(&seed, sizeof(seed));
	print_message("# seed %llu\n", (unsigned long long)seed);
	harness_init(&left);
	for (int i = 0; i < CUTS; i++, seed++) {
		for (uint32_t turns = rand_below(12); turns > 0; turns--) {
			write_more(h, keys, &counter);
			(void)poll(&ready, 1, (int)rand_below(2));
			store_dispatch(h->store);
		}
		fault_vfs_power_cut(h->path, left.path, seed);
		harness_open(&left);
		for (int k = 0; k < KEYS; k++)
			check_key(&left, &keys[k], seed);
		put(&left, "a", "after", "v");
		harness_close(&left);
		assert_int_equal(unlink(left.path), 0);
	}
	assert_true(counter > CUTS);
	for (int i = 0; i < KEYS; i++) {
		if (keys[i].running)
			op_wait(h, &keys[i].op);
		op_done(&keys[i].op);
	}
	harness_done(&left);
	free(keys);
}

/* A test that failed must not make those after it fail. */
static int teardown(void **state)
{
	lift_limit(NULL);
	fault_vfs_fail_syncs(NULL);
	fault_vfs_release();
	return harness_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_that_gathers_is_one_commit),
		TEST(every_answer_was_synced),
		TEST(a_failed_sync_ends_writing),
		TEST(those_that_wait_fail_too),
		TEST(a_failed_checkpoint_ends_writing),
		TEST(a_file_size_limit_is_a_full_disk),
		TEST(no_room_for_a_new_one_leaves_nothing),
		TEST(a_full_disk_can_be_emptied),
		TEST(a_power_cut_loses_nothing_acknowledged),
	};

	(void)signal(SIGXFSZ, SIG_IGN);
	if (getrlimit(RLIMIT_FSIZE, &limit_before) < 0)
		return 1;
	fault_vfs_install();
	return cmocka_run_group_tests_name("store_faults", tests, NULL, NULL);
}
