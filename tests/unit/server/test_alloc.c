/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rand.h"
#include "server/admit.h"
#include "server/alloc.h"
#include "server/ip_range.h"

/* KEP-3070 and KEP-3682: what the bands are. */
static void bands(void **state)
{
	static const struct {
		uint64_t total;
		uint32_t step, max, want;
	} cases[] = {
		{ 16, 16, 256, 0 },      { 17, 16, 256, 16 },    { 256, 16, 256, 16 },
		{ 512, 16, 256, 32 },    { 4096, 16, 256, 256 }, { 65536, 16, 256, 256 },
		{ 2768, 32, 128, 86 },   { 16, 32, 128, 0 },     { 100, 32, 128, 16 },
		{ 60000, 32, 128, 128 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(alloc_band(cases[i].total, cases[i].step, cases[i].max),
		                 cases[i].want);
}

/* The upper band first, the lower when it is used up, then nothing; each number once. */
static void exhausts_in_order(void **state)
{
	bool seen[100] = { false };
	struct alloc alloc;
	uint32_t number;

	(void)state;
	alloc_init(&alloc, 100, 16);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(alloc_any(&alloc, &number), 0);
		assert_in_range(number, i < 84 ? 16 : 0, i < 84 ? 99 : 15);
		assert_false(seen[number]);
		seen[number] = true;
	}
	assert_int_equal(alloc_any(&alloc, &number), -ENOSPC);
	assert_int_equal(alloc_take(&alloc, 5), -EEXIST);
	assert_int_equal(alloc_take(&alloc, 100), -ERANGE);
	alloc_release(&alloc, 5);
	assert_int_equal(alloc_any(&alloc, &number), 0);
	assert_int_equal(number, 5);
	alloc_done(&alloc);
}

/* Whatever is done at random, the bitmap agrees with a plain model. */
static void agrees_with_a_model(void **state)
{
	bool model[300] = { false };
	struct alloc alloc;
	uint32_t used = 0;

	(void)state;
	alloc_init(&alloc, 300, 18);
	for (int i = 0; i < 200000; i++) {
		uint32_t number = rand_below(300);

		switch (rand_below(3)) {
		case 0:
			assert_int_equal(alloc_take(&alloc, number), model[number] ? -EEXIST : 0);
			used += !model[number];
			model[number] = true;
			break;
		case 1:
			if (!model[number])
				break;
			alloc_release(&alloc, number);
			model[number] = false;
			used--;
			break;
		default:
			if (alloc_any(&alloc, &number) < 0) {
				assert_int_equal(used, 300);
				break;
			}
			assert_false(model[number]);
			model[number] = true;
			used++;
			break;
		}
		assert_int_equal(alloc.used, used);
	}
	alloc_done(&alloc);
}

static void dynamic_numbers_differ(void **state)
{
	uint32_t first, number, same = 0;
	struct alloc alloc;

	(void)state;
	alloc_init(&alloc, 60000, 256);
	assert_int_equal(alloc_any(&alloc, &first), 0);
	alloc_release(&alloc, first);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(alloc_any(&alloc, &number), 0);
		alloc_release(&alloc, number);
		same += number == first;
	}
	assert_true(same < 5); /* a random start: 1 in 60,000 each */
	alloc_done(&alloc);
}

static void ranges_number_their_addresses(void **state)
{
	static const struct {
		const char *cidr;
		uint32_t size, band;
		const char *first, *last;
	} cases[] = {
		{ "10.96.0.0/16", 65534, 256, "10.96.0.1", "10.96.255.254" },
		{ "10.0.0.0/24", 254, 16, "10.0.0.1", "10.0.0.254" },
		{ "10.0.0.16/28", 14, 0, "10.0.0.17", "10.0.0.30" },
		{ "10.0.0.4/30", 2, 0, "10.0.0.5", "10.0.0.6" },
		{ "fd00::/108", 1048575, 256, "fd00::1", "fd00::f:ffff" },
		{ "fd00::ab00/120", 255, 16, "fd00::ab01", "fd00::abff" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[IPADDR_TEXT_SIZE];
		struct ip_range range;
		struct ipaddr addr;
		uint32_t number;

		assert_int_equal(ip_range_init(&range, cases[i].cidr, NULL), 0);
		assert_int_equal(range.alloc.size, cases[i].size);
		assert_int_equal(range.alloc.band, cases[i].band);
		ip_range_address(&range, 0, &addr);
		ipaddr_format(&addr, text);
		assert_string_equal(text, cases[i].first);
		assert_int_equal(ip_range_number(&range, &addr, &number), 0);
		assert_int_equal(number, 0);
		ip_range_address(&range, range.alloc.size - 1, &addr);
		ipaddr_format(&addr, text);
		assert_string_equal(text, cases[i].last);
		assert_int_equal(ip_range_number(&range, &addr, &number), 0);
		assert_int_equal(number, range.alloc.size - 1);
		ip_range_done(&range);
	}
}

static void ranges_refuse_what_is_outside(void **state)
{
	static const char *const outside[] = { "10.0.0.0", "10.0.0.255", "10.0.1.1",
		                               "9.255.255.255", "fd00::1" };
	struct ip_range range;
	struct ipaddr addr;
	uint32_t number;

	(void)state;
	assert_int_equal(ip_range_init(&range, "10.0.0.0/24", NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
		assert_int_equal(ipaddr_parse(outside[i], &addr), 0);
		assert_int_equal(ip_range_number(&range, &addr, &number), -ERANGE);
	}
	ip_range_done(&range);
}

static void configurations_are_checked(void **state)
{
	static const struct {
		const char *cidr;
		uint16_t min, max;
		const char *message;
	} cases[] = {
		{ "nonsense", 1, 2, "service CIDR \"nonsense\": not a CIDR such as 10.96.0.0/16" },
		{ "10.0.0.0/31", 1, 2,
		  "service CIDR 10.0.0.0/31: between 4 and 1048576 addresses" },
		{ "10.0.0.0/8", 1, 2, "service CIDR 10.0.0.0/8: between 4 and 1048576 addresses" },
		{ "fd00::/64", 1, 2, "service CIDR fd00::/64: between 4 and 1048576 addresses" },
		{ "10.96.0.1/16", 1, 2, "service CIDR 10.96.0.1/16: bits are set beyond" },
		{ "10.0.0.0/24,10.1.0.0/24", 1, 2, "service CIDRs: two must be of different" },
		{ "10.0.0.0/24,fd00::/112,10.1.0.0/24", 1, 2, "service CIDRs: at most two" },
		{ "10.0.0.0/24", 5, 4, "node port range 5-4: want FIRST-LAST" },
		{ "10.0.0.0/24", 0, 4, "node port range 0-4: want FIRST-LAST" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct admission *admission = NULL;
		struct err err = { 0 };

		assert_int_equal(admission_new(cases[i].cidr, cases[i].min, cases[i].max,
		                               &admission, &err),
		                 -EINVAL);
		if (strncmp(err.msg, cases[i].message, strlen(cases[i].message)) != 0)
			fail_msg("%s: %s", cases[i].cidr, err.msg);
	}
}

/* A made-up Service through the hooks it takes before admission. */
static json_t *service(const char *spec)
{
	json_t *object = json_pack("{s:{s:s},s:o}", "metadata", "name", "web", "spec",
	                           json_loads(spec, 0, NULL));

	assert_non_null(json_object_get(object, "spec"));
	kind_service.prepare(object, NULL, KIND_CREATE);
	kind_service.set_defaults(object);
	return object;
}

/*
 * Many writes at once, half of which fail, and deletions in between: whatever the order, no number
 * is ever in two objects, and at the end all are free.
 */
static void writes_never_share(void **state)
{
	enum {
		SLOTS = 40
	};
	struct slot {
		json_t *object;
		struct admit_claim claim;
		bool under_way;
	} slots[SLOTS] = { 0 };
	struct admission *admission = NULL;

	(void)state;
	assert_int_equal(admission_new("10.0.0.0/27", 30000, 30039, &admission, NULL), 0);
	for (int i = 0; i < 20000; i++) {
		struct slot *slot = &slots[rand_below(SLOTS)];

		if (slot->under_way) {
			bool written = rand_below(2);

			admit_settle(&slot->claim, written);
			slot->under_way = false;
			if (!written) {
				json_decref(slot->object);
				slot->object = NULL;
			}
		} else if (slot->object) {
			admit_removed(admission, &kind_service, slot->object);
			json_decref(slot->object);
			slot->object = NULL;
		} else {
			json_t *status;

			slot->object = service("{\"type\":\"NodePort\",\"ports\":[{\"port\":80}]}");
			status = admit_object(admission, &kind_service, slot->object, NULL,
			                      KIND_CREATE, &slot->claim);
			slot->under_way = !status;
			if (status) {
				assert_int_equal(
					json_integer_value(json_object_get(status, "code")), 500);
				json_decref(status);
				admit_settle(&slot->claim, false);
				json_decref(slot->object);
				slot->object = NULL;
			}
		}
		/* What is held by the slots is exactly what is taken. */
		size_t held = 0;

		for (int k = 0; k < SLOTS; k++)
			held += slots[k].object != NULL;
		assert_int_equal(admission->ranges[0].alloc.used, held);
		assert_int_equal(admission->ports.used, held);
	}
	for (int k = 0; k < SLOTS; k++) {
		if (slots[k].under_way)
			admit_settle(&slots[k].claim, false);
		else if (slots[k].object)
			admit_removed(admission, &kind_service, slots[k].object);
		json_decref(slots[k].object);
	}
	assert_int_equal(admission->ranges[0].alloc.used, 0);
	assert_int_equal(admission->ports.used, 0);
	admission_free(admission);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bands),
		cmocka_unit_test(exhausts_in_order),
		cmocka_unit_test(agrees_with_a_model),
		cmocka_unit_test(dynamic_numbers_differ),
		cmocka_unit_test(ranges_number_their_addresses),
		cmocka_unit_test(ranges_refuse_what_is_outside),
		cmocka_unit_test(configurations_are_checked),
		cmocka_unit_test(writes_never_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
