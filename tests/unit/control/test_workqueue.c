/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "control/workqueue.h"

#define ITEMS 8

struct fixture {
	struct loop *loop;
	struct workqueue queue;
	struct work_item items[ITEMS];
	int runs[ITEMS];
	int fail;       /* so many more runs fail */
	bool at_once;   /* runs are finished within run() */
	int stop_after; /* runs of item 0 */
	int64_t last;
};

static void run(void *arg, struct work_item *item)
{
	struct fixture *f = arg;
	size_t i = (size_t)(item - f->items);
	bool ok = f->fail <= 0;

	f->runs[i]++;
	f->fail -= !ok;
	f->last = clock_now();
	if (f->at_once)
		(void)workqueue_finish(&f->queue, item, ok);
	if (i == 0 && f->runs[0] == f->stop_after)
		loop_stop(f->loop);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->loop = loop_new();
	workqueue_init(&f->queue, f->loop, run, f);
	f->queue.delay_min = 10 * NSEC_PER_MSEC;
	for (size_t i = 0; i < ITEMS; i++)
		work_item_init(&f->items[i], &f->queue);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ITEMS; i++)
		work_item_done(&f->items[i]);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void each_once(void **state)
{
	struct fixture *f = *state;

	workqueue_add(&f->queue, &f->items[0]);
	workqueue_add(&f->queue, &f->items[1]);
	workqueue_add(&f->queue, &f->items[0]);
	assert_int_equal(f->runs[0], 0);
	workqueue_drain(&f->queue);
	assert_int_equal(f->runs[0], 1);
	assert_int_equal(f->runs[1], 1);
	assert_int_equal(f->runs[2], 0);
	assert_true(work_item_busy(&f->items[0]));
	assert_false(work_item_busy(&f->items[2]));
}

static void one_run_at_a_time(void **state)
{
	struct fixture *f = *state;

	workqueue_add(&f->queue, &f->items[0]);
	workqueue_drain(&f->queue);
	/* twice while it runs: once more afterwards */
	workqueue_add(&f->queue, &f->items[0]);
	workqueue_add(&f->queue, &f->items[0]);
	workqueue_drain(&f->queue);
	assert_int_equal(f->runs[0], 1);
	assert_int_equal(workqueue_finish(&f->queue, &f->items[0], true), 0);
	workqueue_drain(&f->queue);
	assert_int_equal(f->runs[0], 2);
	assert_int_equal(workqueue_finish(&f->queue, &f->items[0], true), 0);
	workqueue_drain(&f->queue);
	assert_int_equal(f->runs[0], 2);
	assert_false(work_item_busy(&f->items[0]));
}

static void so_many_at_once(void **state)
{
	struct fixture *f = *state;

	f->queue.running_max = 2;
	for (size_t i = 0; i < 4; i++)
		workqueue_add(&f->queue, &f->items[i]);
	workqueue_drain(&f->queue);
	assert_int_equal(f->runs[1], 1);
	assert_int_equal(f->runs[2], 0);
	(void)workqueue_finish(&f->queue, &f->items[0], true);
	workqueue_drain(&f->queue);
	assert_int_equal(f->runs[2], 1);
	assert_int_equal(f->runs[3], 0);
	/* one that is taken out gives its place up */
	work_item_done(&f->items[1]);
	workqueue_drain(&f->queue);
	assert_int_equal(f->runs[3], 1);
}

static void finished_within(void **state)
{
	struct fixture *f = *state;

	f->at_once = true;
	f->queue.running_max = 1;
	for (size_t i = 0; i < ITEMS; i++)
		workqueue_add(&f->queue, &f->items[i]);
	workqueue_drain(&f->queue);
	for (size_t i = 0; i < ITEMS; i++)
		assert_int_equal(f->runs[i], 1);
}

static void delays(void **state)
{
	static const int64_t wanted[] = { 10, 20, 40, 50, 50 };
	struct fixture *f = *state;

	f->queue.delay_max = 50 * NSEC_PER_MSEC;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		workqueue_add(&f->queue, &f->items[0]);
		workqueue_drain(&f->queue);
		assert_int_equal(workqueue_finish(&f->queue, &f->items[0], false),
		                 wanted[i] * NSEC_PER_MSEC);
		assert_true(work_item_busy(&f->items[0]));
	}
	/* success forgets them */
	workqueue_add(&f->queue, &f->items[0]);
	workqueue_drain(&f->queue);
	assert_int_equal(workqueue_finish(&f->queue, &f->items[0], true), 0);
	workqueue_add(&f->queue, &f->items[0]);
	workqueue_drain(&f->queue);
	assert_int_equal(workqueue_finish(&f->queue, &f->items[0], false), 10 * NSEC_PER_MSEC);
}

static void tried_again(void **state)
{
	struct fixture *f = *state;
	int64_t start = clock_now();

	f->at_once = true;
	f->fail = 2;
	f->stop_after = 3;
	workqueue_add(&f->queue, &f->items[0]);
	workqueue_drain(&f->queue);
	loop_run(f->loop);
	assert_int_equal(f->runs[0], 3);
	assert_true(f->last - start >= 29 * NSEC_PER_MSEC);
	assert_false(work_item_busy(&f->items[0]));
}

/* News do not wait for the delay of an old failure. */
static void news_come_first(void **state)
{
	struct fixture *f = *state;

	f->queue.delay_min = 100 * NSEC_PER_SEC;
	f->at_once = true;
	f->fail = 1;
	workqueue_add(&f->queue, &f->items[0]);
	workqueue_drain(&f->queue);
	assert_true(work_item_busy(&f->items[0]));
	workqueue_add(&f->queue, &f->items[0]);
	workqueue_drain(&f->queue);
	assert_int_equal(f->runs[0], 2);
	assert_false(work_item_busy(&f->items[0]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(each_once),       TEST(one_run_at_a_time),
		TEST(so_many_at_once), TEST(finished_within),
		TEST(delays),          TEST(tried_again),
		TEST(news_come_first),
	};

	return cmocka_run_group_tests_name("control/workqueue", tests, NULL, NULL);
}
