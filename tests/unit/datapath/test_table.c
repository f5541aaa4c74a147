/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rand.h"
#include "datapath/table.h"

#define FRONTENDS 3000
#define STEPS     200000

static struct maps new_maps(uint32_t buckets)
{
	struct maps maps;

	maps_init(&maps);
	maps.max[MAP_FE4] = maps.max[MAP_FE6] = buckets;
	maps.fe4 = xcalloc(buckets, sizeof(*maps.fe4));
	maps.fe6 = xcalloc(buckets, sizeof(*maps.fe6));
	rand_bytes(maps.fe_mult, sizeof(maps.fe_mult));
	maps.fe_mult[0] |= 1;
	maps.fe_mult[1] |= 1;
	return maps;
}

static void free_maps(struct maps *maps)
{
	free(maps->fe4);
	free(maps->fe6);
}

/* Every third is IPv6; addresses that differ in one word, as those of Services do. */
static struct table_entry entry(uint32_t i, uint32_t svc)
{
	struct table_entry e = { .addr.family = i % 3 ? 4 : 6,
		                 .port = (uint16_t)(i % 7 ? 80 : 1024 + i),
		                 .proto = i % 2 ? 6 : 17,
		                 .value = { .svc = svc, .flags = i & 0xff } };

	if (e.addr.family == 6)
		memcpy(e.addr.bytes, "\xfd\x00\x00\x96", 4);
	e.addr.bytes[e.addr.family == 4 ? 0 : 12] = 10;
	memcpy(&e.addr.bytes[e.addr.family == 4 ? 1 : 13],
	       (unsigned char[]){ (unsigned char)(i >> 16), (unsigned char)(i >> 8),
	                          (unsigned char)i },
	       3);
	return e;
}

static uint32_t number_of(const struct table_entry *e)
{
	const unsigned char *b = &e->addr.bytes[e->addr.family == 4 ? 1 : 13];

	return (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2];
}

/* What the table holds is what 'svcs' says, 0 being nothing. */
static void check(const struct maps *maps, const uint32_t *svcs)
{
	bool *seen = xcalloc(FRONTENDS, sizeof(*seen));
	struct table_entry e;
	size_t at = 0;

	while (table_next(maps, &at, &e)) {
		uint32_t i = number_of(&e);
		struct table_entry want = entry(i, svcs[i]);

		assert_true(i < FRONTENDS && !seen[i] && svcs[i]);
		seen[i] = true;
		assert_true(ipaddr_equal(&e.addr, &want.addr));
		assert_int_equal(e.port, want.port);
		assert_int_equal(e.proto, want.proto);
		assert_int_equal(e.value.svc, want.value.svc);
		assert_int_equal(e.value.flags, want.value.flags);
	}
	for (uint32_t i = 0; i < FRONTENDS; i++)
		assert_true(seen[i] == (svcs[i] != 0));
	free(seen);
}

static void test_random_changes(void **state)
{
	struct maps maps = new_maps(table_buckets(FRONTENDS)), larger;
	uint32_t *svcs = xcalloc(FRONTENDS, sizeof(*svcs));

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		uint32_t i = rand_below(FRONTENDS);
		struct table_entry e = entry(i, 1 + rand_below(UINT32_MAX - 1));

		if (rand_below(3)) {
			assert_int_equal(table_set(&maps, &e), 0);
			svcs[i] = e.value.svc;
		} else {
			table_delete(&maps, &e);
			svcs[i] = 0;
		}
	}
	check(&maps, svcs);
	larger = new_maps(2 * maps.max[MAP_FE4]);
	memcpy(larger.fe_mult, maps.fe_mult, sizeof(maps.fe_mult));
	assert_int_equal(table_copy(&larger, &maps), 0);
	check(&larger, svcs);
	free_maps(&larger);
	free_maps(&maps);
	free(svcs);
}

/* An error that leaves all as it was. */
static void test_full(void **state)
{
	struct maps maps = new_maps(2);
	uint32_t *svcs = xcalloc(FRONTENDS, sizeof(*svcs));
	uint32_t i;

	(void)state;
	for (i = 0; i < FRONTENDS; i++) {
		struct table_entry e = entry(i, i + 1);
		int r = table_set(&maps, &e);

		if (r < 0) {
			assert_int_equal(r, -ENOSPC);
			break;
		}
		svcs[i] = i + 1;
	}
	assert_in_range(i, FE_CELLS, 4 * FE_CELLS);
	check(&maps, svcs);
	free_maps(&maps);
	free(svcs);
}

/* What a table is sized for it holds, whatever the multipliers. */
static void test_sizes(void **state)
{
	static const uint32_t sizes[] = { 64, 1000, 4096, 16384, 100000 };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
		struct maps maps = new_maps(table_buckets(sizes[k]));

		for (uint32_t i = 0; i < sizes[k]; i++) {
			struct table_entry e = entry(i * 3 + 1, i);

			assert_int_equal(table_set(&maps, &e), 0);
		}
		free_maps(&maps);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_changes),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
