/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "datapath/pool.h"

#define MODEL_SIZE  3000
#define MODEL_STEPS 20000

static void test_ids_are_low_and_distinct(void **state)
{
	struct pool pool;
	uint32_t id;

	(void)state;
	pool_init(&pool, 128);
	for (uint32_t i = 0; i < 128; i++) {
		assert_int_equal(pool_alloc(&pool, 1, &id), 0);
		assert_int_equal(id, i);
	}
	assert_int_equal(pool_alloc(&pool, 1, &id), -ENOSPC);
	assert_int_equal(pool.used, 128);
	assert_int_equal(pool.high, 128);
	pool_free(&pool, 42, 1);
	assert_int_equal(pool_alloc(&pool, 1, &id), 0);
	assert_int_equal(id, 42);
	pool_done(&pool);
}

static void test_runs_are_aligned(void **state)
{
	static const struct {
		uint32_t n, base;
	} rows[] = {
		{ 3, 0 }, /* of a block of 4 */
		{ 1, 3 }, /* what rounding had left */
		{ 16, 16 }, { 2, 4 }, { 8, 8 }, { 33, 64 },
	};
	struct pool pool;
	uint32_t base;

	(void)state;
	pool_init(&pool, 1024);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(pool_alloc(&pool, rows[i].n, &base), 0);
		assert_int_equal(base, rows[i].base);
	}
	pool_done(&pool);
}

static void test_freed_neighbours_join(void **state)
{
	struct pool pool;
	uint32_t base;

	(void)state;
	pool_init(&pool, 64);
	for (int i = 0; i < 64; i++)
		assert_int_equal(pool_alloc(&pool, 1, &base), 0);
	for (uint32_t i = 0; i < 64; i += 2)
		pool_free(&pool, i, 1);
	assert_int_equal(pool_alloc(&pool, 2, &base), -ENOSPC);
	for (uint32_t i = 1; i < 64; i += 2)
		pool_free(&pool, i, 1);
	assert_int_equal(pool_alloc(&pool, 64, &base), 0);
	assert_int_equal(base, 0);
	pool_done(&pool);
}

static void test_reserve(void **state)
{
	static const struct {
		uint32_t base, n;
		int r;
	} rows[] = {
		{ 5, 7, 0 },   { 11, 1, -EBUSY },         { 4, 2, -EBUSY },          { 12, 1, 0 },
		{ 0, 5, 0 },   { 99, 2, -EBUSY },         { 100, 1, -EBUSY },        { 99, 1, 0 },
		{ 13, 86, 0 }, { UINT32_MAX, 1, -EBUSY }, { 0, UINT32_MAX, -EBUSY },
	};
	struct pool pool;
	uint32_t id;

	(void)state;
	pool_init(&pool, 100);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(pool_reserve(&pool, rows[i].base, rows[i].n), rows[i].r);
	assert_int_equal(pool.used, 100);
	assert_int_equal(pool_alloc(&pool, 1, &id), -ENOSPC);
	pool_free(&pool, 0, 100);
	assert_int_equal(pool_alloc(&pool, 64, &id), 0);
	pool_done(&pool);
}

static void test_quarantine(void **state)
{
	struct pool pool;
	uint32_t id;

	(void)state;
	pool_init(&pool, 2);
	assert_int_equal(pool_alloc(&pool, 1, &id), 0);
	assert_int_equal(pool_alloc(&pool, 1, &id), 0);
	pool_retire(&pool, 1, 1, 1000);
	pool_retire(&pool, 0, 1, 2000);
	pool_tick(&pool, 999 + QUARANTINE_NS);
	assert_int_equal(pool_alloc(&pool, 1, &id), -ENOSPC);
	pool_tick(&pool, 1000 + QUARANTINE_NS);
	assert_int_equal(pool_alloc(&pool, 1, &id), 0);
	assert_int_equal(id, 1);
	assert_int_equal(pool_alloc(&pool, 1, &id), -ENOSPC);
	pool_tick(&pool, 2000 + QUARANTINE_NS);
	assert_int_equal(pool_alloc(&pool, 1, &id), 0);
	assert_int_equal(id, 0);
	pool_done(&pool);
}

static void test_quarantine_is_a_ring(void **state)
{
	struct quarantine q = { 0 };
	uint32_t next = 0, base, n;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		quarantine_push(&q, i, 1, 0);
		if (i % 3 == 0) {
			assert_true(quarantine_pop(&q, QUARANTINE_NS, &base, &n));
			assert_int_equal(base, next++);
		}
	}
	while (quarantine_pop(&q, QUARANTINE_NS, &base, &n))
		assert_int_equal(base, next++);
	assert_int_equal(next, 1000);
	quarantine_done(&q);
}

static void test_grow(void **state)
{
	struct pool pool;
	uint32_t base;

	(void)state;
	pool_init(&pool, 3);
	assert_int_equal(pool_alloc(&pool, 4, &base), -ENOSPC);
	pool_grow(&pool, 6);
	assert_int_equal(pool_alloc(&pool, 4, &base), 0);
	assert_int_equal(base, 0);
	pool_grow(&pool, 200000);
	assert_int_equal(pool_alloc(&pool, POOL_RUN_MAX, &base), 0);
	assert_int_equal(base, POOL_RUN_MAX);
	pool_done(&pool);
}

static void set(bool *used, uint32_t base, uint32_t n, bool to)
{
	for (uint32_t i = base; i < base + n; i++) {
		assert_int_equal(used[i], !to);
		used[i] = to;
	}
}

/* Random steps against an array of what is in use. */
static void test_against_a_model(void **state)
{
	struct {
		uint32_t base, n;
	} runs[MODEL_SIZE];
	bool used[MODEL_SIZE] = { 0 };
	size_t n_runs = 0;
	struct pool pool;
	uint32_t total = 0, base, n;

	(void)state;
	srand(1);
	pool_init(&pool, MODEL_SIZE);
	for (int i = 0; i < MODEL_STEPS; i++) {
		if (n_runs && rand() % 2) {
			size_t k = (size_t)rand() % n_runs;

			set(used, runs[k].base, runs[k].n, false);
			pool_free(&pool, runs[k].base, runs[k].n);
			total -= runs[k].n;
			runs[k] = runs[--n_runs];
			continue;
		}
		n = 1 + (uint32_t)rand() % 40;
		if (pool_alloc(&pool, n, &base) < 0)
			continue;
		assert_true(base + n <= MODEL_SIZE);
		set(used, base, n, true);
		runs[n_runs].base = base;
		runs[n_runs++].n = n;
		total += n;
		assert_int_equal(pool.used, total);
	}
	while (n_runs) {
		n_runs--;
		pool_free(&pool, runs[n_runs].base, runs[n_runs].n);
	}
	assert_int_equal(pool_alloc(&pool, 2048, &base), 0);
	pool_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids_are_low_and_distinct),
		cmocka_unit_test(test_runs_are_aligned),
		cmocka_unit_test(test_freed_neighbours_join),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_quarantine),
		cmocka_unit_test(test_quarantine_is_a_ring),
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_against_a_model),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
