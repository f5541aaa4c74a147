/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/rand.h"
#include "kube/json.h"
#include "server/admit.h"
#include "server/admit_ips.h"
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
		uint64_t size, band;
		const char *first, *last;
	} cases[] = {
		{ "10.96.0.0/16", 65534, 256, "10.96.0.1", "10.96.255.254" },
		{ "10.0.0.0/24", 254, 16, "10.0.0.1", "10.0.0.254" },
		{ "10.0.0.16/28", 14, 0, "10.0.0.17", "10.0.0.30" },
		{ "10.0.0.4/30", 2, 0, "10.0.0.5", "10.0.0.6" },
		{ "10.0.0.0/8", 16777214, 256, "10.0.0.1", "10.255.255.254" },
		{ "0.0.0.0/0", 4294967294, 256, "0.0.0.1", "255.255.255.254" },
		{ "fd00::/108", 1048575, 256, "fd00::1", "fd00::f:ffff" },
		{ "fd00::ab00/120", 255, 16, "fd00::ab01", "fd00::abff" },
		{ "fd00::2/127", 1, 0, "fd00::3", "fd00::3" },
		{ "fd00:0:0:1::/64", UINT64_MAX, 256, "fd00:0:0:1::1",
		  "fd00::1:ffff:ffff:ffff:ffff" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[IPADDR_TEXT_SIZE], cidr[IP_RANGE_TEXT_SIZE];
		struct ip_range range;
		struct ipaddr addr;
		uint64_t number;

		assert_int_equal(ip_range_init(&range, cases[i].cidr), 0);
		assert_true(range.size == cases[i].size);
		assert_true(range.band == cases[i].band);
		ip_range_format(&range, cidr);
		assert_string_equal(cidr, cases[i].cidr);
		ip_range_address(&range, 0, &addr);
		ipaddr_format(&addr, text);
		assert_string_equal(text, cases[i].first);
		assert_int_equal(ip_range_number(&range, &addr, &number), 0);
		assert_int_equal(number, 0);
		ip_range_address(&range, range.size - 1, &addr);
		ipaddr_format(&addr, text);
		assert_string_equal(text, cases[i].last);
		assert_int_equal(ip_range_number(&range, &addr, &number), 0);
		assert_true(number == range.size - 1);
	}
}

static void ranges_refuse_what_is_outside(void **state)
{
	static const char *const outside[] = { "10.0.0.0", "10.0.0.255", "10.0.1.1",
		                               "9.255.255.255", "fd00::1" };
	static const char *const bad[] = { "10.0.0.1/24", "fd00::/63",   "fd00::1/64",
		                           "x",           "10.0.0.0/33", "010.0.0.0/24" };
	static const char *const empty[] = { "10.0.0.0/31", "10.0.0.1/32", "fd00::1/128" };
	struct ip_range range;
	struct ipaddr addr;
	uint64_t number;

	(void)state;
	assert_int_equal(ip_range_init(&range, "10.0.0.0/24"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
		assert_int_equal(ipaddr_parse(outside[i], &addr), 0);
		assert_int_equal(ip_range_number(&range, &addr, &number), -ERANGE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ip_range_init(&range, bad[i]), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		assert_int_equal(ip_range_init(&range, empty[i]), 0);
		assert_int_equal(range.size, 0);
	}
}

static void add_block(struct ip_pool *pool, const char *owner, const char *cidr, bool ready)
{
	struct ip_range range;

	assert_int_equal(ip_range_init(&range, cidr), 0);
	ip_pool_add_block(pool, owner, &range, ready);
}

/* The dynamic band, then the static one, then the next block; then nothing.  Each address once. */
static void pools_are_exhausted_in_order(void **state)
{
	struct ip_pool pool = { 0 };
	struct ipaddr addr, last;
	uint64_t number;

	(void)state;
	assert_int_equal(ip_pool_claim_any(&pool, 4, &addr), -ENOSPC);
	add_block(&pool, "one", "10.0.0.0/27", true);
	assert_int_equal(ip_pool_claim_any(&pool, 6, &addr), -ENOSPC);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(ip_pool_claim_any(&pool, 4, &addr), 0);
		assert_int_equal(ip_range_number(&pool.blocks[0].range, &addr, &number), 0);
		assert_in_range(number, i < 14 ? 16 : 0, i < 14 ? 29 : 15);
	}
	assert_int_equal(pool.entries.n, 30);
	assert_int_equal(ip_pool_claim_any(&pool, 4, &last), -ENOSPC);
	add_block(&pool, "off", "10.0.2.0/24", false);
	assert_int_equal(ip_pool_claim_any(&pool, 4, &last), -ENOSPC);
	add_block(&pool, "two", "10.0.1.0/24", true);
	assert_int_equal(ip_pool_claim_any(&pool, 4, &last), 0);
	assert_string_equal(ip_pool_block(&pool, &last, true)->owner, "two");
	ip_pool_drop_blocks(&pool, "two");
	assert_null(ip_pool_block(&pool, &last, false));
	ip_pool_unclaim(&pool, &addr);
	assert_int_equal(ip_pool_claim_any(&pool, 4, &last), 0);
	assert_true(ipaddr_equal(&last, &addr));
	ip_pool_done(&pool);
}

/* A block as large as it can be, with its first addresses taken: the search is short. */
static void vast_blocks_are_not_searched(void **state)
{
	struct ip_pool pool = { 0 };
	struct ipaddr addr;

	(void)state;
	add_block(&pool, "six", "fd00::/64", true);
	add_block(&pool, "four", "0.0.0.0/0", true);
	for (int i = 0; i < 20000; i++)
		assert_int_equal(ip_pool_claim_any(&pool, i % 2 ? 6 : 4, &addr), 0);
	assert_int_equal(pool.entries.n, 20000);
	ip_pool_done(&pool);
}

static void stored_addresses_are_in_use(void **state)
{
	struct ip_pool pool = { 0 };
	struct ipaddr addr;

	(void)state;
	add_block(&pool, "b", "10.0.0.0/24", true);
	add_block(&pool, DEFAULT_CIDR_NAME, "10.1.0.0/24", false);
	assert_string_equal(ip_pool_first_block(&pool, 4, DEFAULT_CIDR_NAME)->owner,
	                    DEFAULT_CIDR_NAME);
	assert_string_equal(ip_pool_first_block(&pool, 4, "x")->owner, "b");
	assert_null(ip_pool_first_block(&pool, 6, DEFAULT_CIDR_NAME));
	assert_int_equal(ipaddr_parse("10.0.0.7", &addr), 0);
	assert_int_equal(ip_pool_claim(&pool, &addr), 0);
	assert_int_equal(ip_pool_claim(&pool, &addr), -EEXIST);
	ip_pool_put(&pool, &addr, 5);
	ip_pool_unclaim(&pool, &addr);
	assert_int_equal(ip_pool_claim(&pool, &addr), -EEXIST);
	assert_int_equal(ip_pool_get(&pool, &addr)->parent, 5);
	ip_pool_remove(&pool, &addr);
	assert_null(ip_pool_get(&pool, &addr));
	ip_pool_remove(&pool, &addr);
	assert_int_equal(ip_pool_claim(&pool, &addr), 0);
	ip_pool_done(&pool);
}

static void parents_differ(void **state)
{
	uint64_t a = ip_pool_parent("", "services", "x", "y");

	(void)state;
	assert_true(a == ip_pool_parent("", "services", "x", "y"));
	assert_true(a != ip_pool_parent("", "services", "y", "x"));
	assert_true(a != ip_pool_parent("services", "", "x", "y"));
	assert_true(a != ip_pool_parent("", "services", "", "xy"));
}

static void configurations_are_checked(void **state)
{
	static const struct {
		const char *cidr;
		uint16_t min, max;
		const char *message;
	} cases[] = {
		{ "nonsense", 1, 2, "service CIDR \"nonsense\": want a network such as" },
		{ "10.0.0.0/31", 1, 2, "service CIDR 10.0.0.0/31: too small" },
		{ "fd00::/63", 1, 2, "service CIDR \"fd00::/63\": want a network such as" },
		{ "10.96.0.1/16", 1, 2, "service CIDR \"10.96.0.1/16\": want a network such as" },
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

/* A write of the slot's Service, settled at random later. */
struct slot {
	json_t *object;
	struct admit_claim claim;
	bool under_way, stored, going;
};

/* As the store's events tell it. */
static void store_ips(struct admission *admission, struct slot *slot, bool there)
{
	const char *name = json_path_str(slot->object, "spec.clusterIP");

	if (there) {
		auto_json json_t *ip = admit_ips_object(name, slot->object);

		admission_put_ip(admission, ip);
	} else {
		admission_remove_ip(admission, name);
	}
}

static void settle(struct admission *admission, struct slot *slot)
{
	bool written = rand_below(2);

	slot->under_way = false;
	if (written && !slot->going)
		store_ips(admission, slot, true);
	admit_settle(admission, &slot->claim, written);
	if (written && slot->going)
		store_ips(admission, slot, false);
	slot->stored = slot->going ? !written : written;
	slot->going = false;
	if (slot->stored)
		return;
	json_decref(slot->object);
	slot->object = NULL;
}

static void begin(struct admission *admission, struct slot *slot)
{
	struct store_change change = { 0 };
	json_t *status;

	if (slot->stored) {
		slot->under_way = slot->going = true;
		admit_removal(admission, &kind_service, slot->object, &slot->claim);
		admit_companions(&slot->claim, slot->object, &change);
		assert_int_equal(change.n_companions, 1);
		assert_null(change.companions[0].object);
		return;
	}
	slot->object = service("{\"type\":\"NodePort\",\"ports\":[{\"port\":80}]}");
	status = admit_object(admission, &kind_service, slot->object, NULL, KIND_CREATE,
	                      &slot->claim);
	slot->under_way = !status;
	if (status) {
		assert_int_equal(json_integer_value(json_object_get(status, "code")), 500);
		json_decref(status);
		admit_settle(admission, &slot->claim, false);
		json_decref(slot->object);
		slot->object = NULL;
		return;
	}
	admit_companions(&slot->claim, slot->object, &change);
	assert_int_equal(change.n_companions, 1);
	assert_string_equal(change.companions[0].name,
	                    json_path_str(slot->object, "spec.clusterIP"));
	json_decref(change.companions[0].object);
}

/*
 * Many writes at once, half of which fail, and deletions in between: whatever the order, no number
 * and no address is ever in two objects, and at the end all are free.
 */
static void writes_never_share(void **state)
{
	enum {
		SLOTS = 40
	};
	struct slot slots[SLOTS] = { 0 };
	struct admission *admission = NULL;

	(void)state;
	assert_int_equal(admission_new("10.0.0.0/27", 30000, 30039, &admission, NULL), 0);
	add_block(&admission->pool, DEFAULT_CIDR_NAME, "10.0.0.0/27", true);
	for (int i = 0; i < 20000; i++) {
		struct slot *slot = &slots[rand_below(SLOTS)];
		size_t held = 0;

		if (slot->under_way)
			settle(admission, slot);
		else
			begin(admission, slot);
		/* What is held by the slots is exactly what is taken. */
		for (int k = 0; k < SLOTS; k++)
			held += slots[k].object != NULL;
		assert_int_equal(admission->pool.entries.n, held);
		assert_int_equal(admission->ports.used, held);
	}
	for (int k = 0; k < SLOTS; k++) {
		while (slots[k].object) {
			if (slots[k].under_way)
				settle(admission, &slots[k]);
			else
				begin(admission, &slots[k]);
		}
	}
	assert_int_equal(admission->pool.entries.n, 0);
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
		cmocka_unit_test(pools_are_exhausted_in_order),
		cmocka_unit_test(vast_blocks_are_not_searched),
		cmocka_unit_test(stored_addresses_are_in_use),
		cmocka_unit_test(parents_differ),
		cmocka_unit_test(configurations_are_checked),
		cmocka_unit_test(writes_never_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
