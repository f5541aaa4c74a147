/* SPDX-License-Identifier: Apache-2.0 */
/* In a network namespace of its own where that is allowed, so that addresses can come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/netaddr.h"

static bool isolated;

static bool listed(const char *text)
{
	struct ipaddr wanted, *addrs = NULL;
	struct err err = { 0 };
	bool found = false;
	size_t n = 0;

	assert_int_equal(ipaddr_parse(text, &wanted), 0);
	assert_int_equal(netaddr_list(&addrs, &n, &err), 0);
	for (size_t i = 0; i < n; i++) {
		found = found || ipaddr_equal(&addrs[i], &wanted);
		if (i > 0) /* sorted, each once */
			assert_true(ipaddr_cmp(&addrs[i - 1], &addrs[i]) < 0);
	}
	free(addrs);
	return found;
}

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void lists_loopback(void **state)
{
	(void)state;
	if (isolated) {
		assert_false(listed("127.0.0.1")); /* lo is down */
		run("ip link set lo up");
	}
	assert_true(listed("127.0.0.1"));
	assert_false(listed("203.0.113.77"));
}

static void lists_what_is_added(void **state)
{
	(void)state;
	if (!isolated)
		skip();
	run("ip link add v0 type veth peer name v1");
	run("ip link set v0 up");
	run("ip link set v1 up");
	run("ip addr add 203.0.113.77/24 dev v0");
	run("ip addr add 203.0.113.77/32 dev v1");
	run("ip -6 addr add 2001:db8:77::1/64 dev v0 nodad");
	run("ip addr add 10.1.1.1 peer 10.1.1.2 dev v0");
	assert_true(listed("203.0.113.77"));
	assert_true(listed("2001:db8:77::1"));
	assert_true(listed("10.1.1.1"));
	assert_false(listed("10.1.1.2"));
	run("ip link set v0 down");
	assert_false(listed("10.1.1.1"));
	run("ip link set v0 up");
}

static void finds_default_source(void **state)
{
	struct ipaddr addr, expected;

	(void)state;
	if (!isolated)
		skip();
	assert_int_equal(netaddr_default_source(4, &addr), -ENETUNREACH);
	assert_int_equal(netaddr_default_source(6, &addr), -ENETUNREACH);
	run("ip route add default via 203.0.113.1 dev v0");
	assert_int_equal(netaddr_default_source(4, &addr), 0);
	assert_int_equal(ipaddr_parse("203.0.113.77", &expected), 0);
	assert_true(ipaddr_equal(&addr, &expected));
	run("ip -6 addr add 2001:db8:77::1/64 dev v0 nodad");
	run("ip -6 route add default dev v0");
	assert_int_equal(netaddr_default_source(6, &addr), 0);
	assert_int_equal(ipaddr_parse("2001:db8:77::1", &expected), 0);
	assert_true(ipaddr_equal(&addr, &expected));
}

struct watching {
	struct loop *loop;
	int changes;
};

static void on_change(void *arg)
{
	struct watching *w = arg;

	w->changes++;
	loop_stop(w->loop);
}

static void on_limit(void *arg)
{
	loop_stop(arg);
}

static void watches(void **state)
{
	static const char *const commands[] = {
		"ip addr add 203.0.113.78/24 dev v0",
		"ip addr del 203.0.113.78/24 dev v0",
		"ip -6 addr add 2001:db8:77::2/64 dev v0 nodad",
		"ip link set v0 down",
	};
	struct watching w = { .loop = loop_new() };
	struct netaddr_watch *watch;
	struct timer *limit = timer_new(w.loop, on_limit, w.loop);
	struct err err = { 0 };

	(void)state;
	assert_int_equal(netaddr_watch_new(w.loop, on_change, &w, &watch, &err), 0);
	for (size_t i = 0; isolated && i < ARRAY_SIZE(commands); i++) {
		w.changes = 0;
		run(commands[i]);
		timer_once(limit, 10 * NSEC_PER_SEC);
		loop_run(w.loop);
		assert_true(w.changes > 0);
		/* what belongs to the same change comes at once */
		timer_once(limit, 20 * NSEC_PER_MSEC);
		loop_run(w.loop);
	}
	netaddr_watch_free(watch);
	timer_free(limit);
	loop_free(w.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_loopback),
		cmocka_unit_test(lists_what_is_added),
		cmocka_unit_test(finds_default_source),
		cmocka_unit_test(watches),
	};

	isolated = unshare(CLONE_NEWNET) == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
