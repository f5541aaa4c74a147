/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "datapath/window.h"

#define N_MAX 8

/* Windows of each backend, one digit each: 1 all, 2 local, 4 topology, or-ed. */
static const struct row {
	const char *masks;
	uint32_t slots;               /* in all */
	const char *windows[WINDOWS]; /* backends, in order of the slots */
} rows[] = {
	{ "", 0, { "", "", "" } },
	{ "1", 1, { "0", "", "" } },
	{ "555", 3, { "012", "", "012" } },  /* one run for both */
	{ "575", 3, { "102", "1", "102" } }, /* local at its head */
	{ "577", 3, { "120", "12", "120" } },
	{ "511", 4, { "012", "", "0" } }, /* a topology of its own */
	{ "31", 2, { "01", "0", "" } },
	{ "12", 2, { "0", "1", "" } }, /* local terminating, not in all */
	{ "322", 4, { "0", "012", "" } },
	{ "66", 4, { "", "01", "01" } },
	{ "7", 1, { "0", "0", "0" } },
};

static void make_port(const struct row *row, struct plan_port *port, uint32_t index[WINDOWS][N_MAX])
{
	*port = (struct plan_port){ .n_backends = strlen(row->masks) };
	for (int w = 0; w < WINDOWS; w++) {
		port->windows[w].index = index[w];
		for (size_t i = 0; i < port->n_backends; i++) {
			if ((row->masks[i] - '0') >> w & 1)
				index[w][port->windows[w].n++] = (uint32_t)i;
		}
	}
}

static void test_windows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t index[WINDOWS][N_MAX];
		struct window_plan plan;
		struct plan_port port;
		uint8_t *masks;

		make_port(&rows[i], &port, index);
		window_plan_init(&plan, &port, &masks);
		for (int w = 0; w < WINDOWS; w++) {
			char text[N_MAX + 1] = "";

			for (uint32_t k = 0; k < plan.count[w]; k++)
				text[k] = (char)('0' + plan.index[plan.at[w] + k]);
			assert_string_equal(text, rows[i].windows[w]);
		}
		assert_int_equal(plan.n, rows[i].slots);
		for (size_t k = 0; k < port.n_backends; k++)
			assert_int_equal(masks[k], rows[i].masks[k] - '0');
		window_plan_done(&plan);
		free(masks);
	}
}

/* The words of the layout hold what is put in, up to the limits. */
static void test_words(void **state)
{
	uint64_t word = WINDOW_WORD(0xfffffff0u, WINDOW_COUNT_MAX, 0x1ffff);
	uint32_t be = BE_WORD(0x12345, 7, BE_TERMINATING);

	(void)state;
	assert_int_equal(WINDOW_BASE(word), 0xfffffff0u);
	assert_int_equal(WINDOW_COUNT(word), WINDOW_COUNT_MAX);
	assert_int_equal(WINDOW_GEN(word), 0xffff);
	assert_int_equal(BE_GEN(be), 0x2345);
	assert_int_equal(BE_WINDOWS(be), 7);
	assert_int_equal(BE_STATE(be), BE_TERMINATING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
