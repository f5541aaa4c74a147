/* SPDX-License-Identifier: Apache-2.0 */
/* Writes of several objects in one transaction. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/rand.h"
#include "fault_vfs.h"
#include "harness.h"
#include "kube/json.h"

/* "name=value@revision " for each IPAddress. */
static char *addresses(struct harness *h)
{
	auto_free const struct store_object **objects = NULL;
	size_t n = store_list(h->store, &kind_ip_address, NULL, NULL, &objects);
	struct buf b = BUF_INIT;

	buf_adds(&b, "");
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s=%s@%llu ", objects[i]->name,
		           labels_get(&objects[i]->labels, "value"),
		           (unsigned long long)objects[i]->revision);
	return buf_take(&b);
}

static void check(struct harness *h, const char *services, const char *ips)
{
	auto_free char *left = listing(h, NULL, NULL), *right = addresses(h);

	assert_string_equal(left, services);
	assert_string_equal(right, ips);
}

static int run(struct harness *h, struct op *op)
{
	op_start(h, op);
	op_wait(h, op);
	op_done(op);
	return op->r;
}

static void log_event(void *arg, struct store_event *event)
{
	static const char *const types[] = { "+", "*", "-" };

	buf_printf(arg, "%s%s@%llu ", types[event->type], event->object->name,
	           (unsigned long long)event->revision);
}

/* Companions come before what they belong to and go after it. */
static void are_seen_in_order(void **state)
{
	struct harness *h = *state;
	struct op op = { .ns = "a",
		         .name = "s",
		         .op = STORE_PUT,
		         .value = "1",
		         .with = { { "10.0.0.1", "x" }, { "10.0.0.2", "y" } } };
	struct store_watch *services, *ips;
	auto_buf struct buf events = BUF_INIT;
	uint64_t oldest;

	assert_int_equal(store_watch_new(h->store, &kind_service, 0, log_event, &events, &services,
	                                 &oldest),
	                 0);
	assert_int_equal(store_watch_new(h->store, &kind_ip_address, 0, log_event, &events, &ips,
	                                 &oldest),
	                 0);
	assert_int_equal(run(h, &op), 0);
	assert_int_equal(op.revision, 3);
	check(h, "a/s=1@3 ", "10.0.0.1=x@1 10.0.0.2=y@2 ");
	op = (struct op){ .ns = "a",
		          .name = "s",
		          .op = STORE_PUT,
		          .value = "2",
		          .with = { { "10.0.0.1", NULL }, { "10.0.0.2", "z" } } };
	assert_int_equal(run(h, &op), 0);
	check(h, "a/s=2@5 ", "10.0.0.2=z@4 ");
	op = (struct op){ .ns = "a",
		          .name = "s",
		          .op = STORE_REMOVE,
		          .with = { { "10.0.0.9", NULL }, { "10.0.0.2", NULL } } };
	assert_int_equal(run(h, &op), 0);
	check(h, "", "");
	assert_string_equal(buf_str(&events), "+10.0.0.1@1 +10.0.0.2@2 +s@3 *10.0.0.2@4 *s@5 "
	                                      "-10.0.0.1@6 -s@7 -10.0.0.2@8 ");
	store_watch_free(services);
	store_watch_free(ips);
	harness_close(h);
	harness_open(h);
	check(h, "", "");
}

/* A write that is not made brings nothing with it. */
static void refused_writes_have_none(void **state)
{
	struct harness *h = *state;
	struct op op = { .ns = "a",
		         .name = "s",
		         .op = STORE_PUT,
		         .value = "1",
		         .refuse = -EPERM,
		         .with = { { "10.0.0.1", "x" } } };

	assert_int_equal(run(h, &op), -EPERM);
	check(h, "", "");
}

/* What is under way for the key of a companion comes first, what begins later sees its outcome. */
static void wait_for_their_keys(void **state)
{
	struct harness *h = *state;
	struct op other = { .ns = "a", .name = "o", .op = STORE_PUT, .value = "1" };
	struct op before = { .kind = &kind_ip_address,
		             .ns = "",
		             .name = "10.0.0.1",
		             .op = STORE_PUT,
		             .value = "before" };
	struct op main = { .ns = "a",
		           .name = "s",
		           .op = STORE_PUT,
		           .value = "1",
		           .with = { { "10.0.0.1", "x" }, { "10.0.0.2", "y" } } };
	struct op second = { .ns = "a",
		             .name = "t",
		             .op = STORE_PUT,
		             .value = "1",
		             .with = { { "10.0.0.2", "t" }, { "10.0.0.1", NULL } } };
	struct op after = {
		.kind = &kind_ip_address, .ns = "", .name = "10.0.0.2", .op = STORE_REMOVE
	};
	struct op *all[] = { &other, &before, &main, &second, &after };

	fault_vfs_hold();
	op_start(h, &other);
	fault_vfs_await_held();
	for (size_t i = 1; i < ARRAY_SIZE(all); i++)
		op_start(h, all[i]);
	assert_int_equal(main.changed, 1);
	assert_int_equal(after.changed, 0);
	fault_vfs_release();
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		op_wait(h, all[i]);
		assert_int_equal(all[i]->r, 0);
		op_done(all[i]);
	}
	assert_true(before.revision < main.revision && main.revision < second.revision);
	assert_true(second.revision < after.revision);
	assert_int_equal(after.old_revision, second.revision - 1);
	check(h, "a/o=1@1 a/s=1@5 a/t=1@7 ", "");
}

/* Whatever the disk does, there is never one without the other. */
static void stand_and_fall_together(void **state)
{
	struct harness *h = *state;
	struct op first = { .ns = "a", .name = "f", .op = STORE_PUT, .value = "1" };
	struct op op = { .ns = "a",
		         .name = "s",
		         .op = STORE_PUT,
		         .value = "1",
		         .with = { { "10.0.0.1", "x" } } };

	assert_int_equal(run(h, &first), 0);
	fault_vfs_fail_syncs("-wal");
	assert_int_equal(run(h, &op), -EIO);
	check(h, "a/f=1@1 ", "");
	fault_vfs_fail_syncs(NULL);
}

/*
 * More than a batch holds, and its end would be within a group: after each batch there are as many
 * addresses as Services that have one.
 */
static void are_not_divided(void **state)
{
	enum {
		N = 1200
	};
	struct harness *h = *state;
	struct pollfd ready = { .fd = store_fd(h->store), .events = POLLIN };
	struct op *ops = xcalloc(N, sizeof(*ops));
	char(*names)[24] = xcalloc(N, sizeof(*names));
	struct op held = { .ns = "b", .name = "h", .op = STORE_PUT, .value = "1" };
	struct op odd = { .ns = "b", .name = "o", .op = STORE_PUT, .value = "1" };
	struct store_stats stats;

	fault_vfs_hold();
	op_start(h, &held);
	fault_vfs_await_held();
	op_start(h, &odd);
	for (size_t i = 0; i < N; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "10.0.%zu.%zu", i / 250, i % 250);
		ops[i] = (struct op){ .ns = "a",
			              .name = names[i],
			              .op = STORE_PUT,
			              .value = "1",
			              .with = { { names[i], "x" } } };
		op_start(h, &ops[i]);
	}
	fault_vfs_release();
	while (!ops[N - 1].done) {
		auto_free const struct store_object **services = NULL, **ips = NULL;

		assert_int_equal(poll(&ready, 1, 10000), 1);
		store_dispatch(h->store);
		assert_int_equal(store_list(h->store, &kind_service, "a", NULL, &services),
		                 store_list(h->store, &kind_ip_address, NULL, NULL, &ips));
	}
	for (size_t i = 0; i < N; i++)
		op_done(&ops[i]);
	op_done(&held);
	op_done(&odd);
	store_stats(h->store, &stats);
	assert_int_equal(stats.writes, 2 * N + 2);
	assert_int_equal(stats.commits, 4);
	free(ops);
	free(names);
}

/* Few keys, many writes at random: all end, and the addresses are those of the last write of each. */
static void never_wait_for_each_other(void **state)
{
	enum {
		N = 3000,
		KEYS = 6
	};
	static const char *const services[KEYS] = { "a", "b", "c", "d", "e", "f" };
	static const char *const ips[KEYS] = { "1", "2", "3", "4", "5", "6" };
	struct harness *h = *state;
	struct op *ops = xcalloc(N, sizeof(*ops));

	for (size_t i = 0; i < N; i++) {
		size_t first = rand_below(KEYS);

		ops[i] = (struct op){
			.ns = "a", .name = services[rand_below(KEYS)], .op = STORE_PUT, .value = "1"
		};
		for (size_t k = 0; k < 3; k++) {
			ops[i].with[k].name = ips[(first + k * (1 + first % 2)) % KEYS];
			ops[i].with[k].value = rand_below(2) ? "x" : NULL;
		}
		if (rand_below(4) == 0) {
			ops[i].kind = &kind_ip_address;
			ops[i].ns = "";
			ops[i].name = ips[first];
			ops[i].with[0].name = NULL;
		}
		op_start(h, &ops[i]);
	}
	for (size_t i = 0; i < N; i++) {
		op_wait(h, &ops[i]);
		assert_int_equal(ops[i].r, 0);
		assert_int_equal(ops[i].changed, 1);
		op_done(&ops[i]);
	}
	free(ops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(are_seen_in_order, harness_setup, harness_teardown),
		cmocka_unit_test_setup_teardown(refused_writes_have_none, harness_setup,
		                                harness_teardown),
		cmocka_unit_test_setup_teardown(wait_for_their_keys, harness_setup,
		                                harness_teardown),
		cmocka_unit_test_setup_teardown(stand_and_fall_together, harness_setup,
		                                harness_teardown),
		cmocka_unit_test_setup_teardown(are_not_divided, harness_setup, harness_teardown),
		cmocka_unit_test_setup_teardown(never_wait_for_each_other, harness_setup,
		                                harness_teardown),
	};

	fault_vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
