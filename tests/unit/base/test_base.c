/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hmap.h"
#include "base/ipaddr.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/rand.h"

static void err_wraps(void **state)
{
	struct err err = { 0 };

	(void)state;
	errno = ENOENT;
	assert_int_equal(err_errno(&err, "cannot open %s", "x"), -ENOENT);
	assert_string_equal(err.msg, "cannot open x: No such file or directory");
	assert_int_equal(err_wrap(&err, err.code, "agent"), -ENOENT);
	assert_string_equal(err.msg, "agent: cannot open x: No such file or directory");
	assert_int_equal(err_set(NULL, -EINVAL, "nobody looks"), -EINVAL);
}

static void buf_builds(void **state)
{
	auto_buf struct buf b = BUF_INIT;

	(void)state;
	assert_string_equal(buf_str(&b), "");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i);
	assert_int_equal(b.n, 3890);
	assert_memory_equal(b.p + b.n - 5, ",999,", 6);
	buf_reset(&b);
	buf_add_json_string(&b, "a\"b\\c\n\x01é");
	assert_string_equal(b.p, "\"a\\\"b\\\\c\\n\\u0001é\"");
}

struct element {
	struct hnode node;
	int key;
};

static struct element *find(struct hmap *map, int key)
{
	struct element *e;

	hmap_for_each_with_hash(e, node, hash_bytes(&key, sizeof(key)), map)
		if (e->key == key)
			return e;
	return NULL;
}

static void hmap_keeps(void **state)
{
	struct hmap map = { 0 };
	struct element *e, *after;
	size_t n = 0;

	(void)state;
	assert_null(find(&map, 1));
	for (int i = 0; i < 1000; i++) {
		e = xnew(struct element);
		e->key = i;
		hmap_insert(&map, &e->node, hash_bytes(&i, sizeof(i)));
	}
	for (int i = 0; i < 1000; i += 2) {
		e = find(&map, i);
		assert_non_null(e);
		hmap_remove(&map, &e->node);
		free(e);
	}
	assert_int_equal(map.n, 500);
	assert_null(find(&map, 10));
	assert_int_equal(find(&map, 11)->key, 11);
	hmap_for_each_safe(e, after, node, &map) {
		hmap_remove(&map, &e->node);
		free(e);
		n++;
	}
	assert_int_equal(n, 500);
	hmap_done(&map);
}

static void list_keeps_order(void **state)
{
	struct job {
		struct list_node in;
		int n;
	} jobs[3], *job, *after;
	struct list_node head;
	int want = 0;

	(void)state;
	list_init(&head);
	assert_null(list_first(&head, struct job, in));
	for (int i = 0; i < 3; i++) {
		jobs[i].n = i;
		list_add_tail(&head, &jobs[i].in);
	}
	list_for_each(job, in, &head)
		assert_int_equal(job->n, want++);
	list_for_each_safe(job, after, in, &head) list_remove(&job->in);
	assert_true(list_empty(&head));
}

static void clock_reads_and_writes(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{ "1970-01-01T00:00:01Z", NSEC_PER_SEC },
		{ "1970-01-01T01:00:01+01:00", NSEC_PER_SEC },
		{ "1970-01-01T00:00:01.25Z", NSEC_PER_SEC + 250 * NSEC_PER_MSEC },
		{ "2026-01-02T03:04:05Z", 1767323045 * NSEC_PER_SEC },
	};
	static const char *const bad[] = { "",
		                           "2026-01-02",
		                           "2026-13-02T03:04:05Z",
		                           "2026-01-02 03:04:05Z",
		                           "2026-01-02T03:04:05",
		                           "2026-01-02T03:04:05+1:00" };
	char text[CLOCK_TEXT_SIZE];
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(clock_parse(good[i].text, &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(clock_parse(bad[i], &ns), -EINVAL);
	clock_format(1767323045 * NSEC_PER_SEC, text);
	assert_string_equal(text, "2026-01-02T03:04:05Z");
	clock_format_micro(1767323045 * NSEC_PER_SEC + 1500, text);
	assert_string_equal(text, "2026-01-02T03:04:05.000001Z");
}

/* The table of apimachinery's duration_test.go TestHumanDuration. */
static void clock_ages(void **state)
{
	static const struct {
		int64_t s;
		const char *text;
	} table[] = {
		{ 0, "0s" },
		{ 1, "1s" },
		{ 70, "70s" },
		{ 190, "3m10s" },
		{ 600, "10m" },
		{ 47 * 60, "47m" },
		{ 180 * 60, "3h" },
		{ 5 * 3600 + 300, "5h5m" },
		{ 8 * 3600, "8h" },
		{ 47 * 3600, "47h" },
		{ 48 * 3600, "2d" },
		{ 50 * 3600, "2d2h" },
		{ 8 * 86400, "8d" },
		{ 2 * 365 * 86400LL, "2y" },
		{ (2 * 365 + 1) * 86400LL, "2y1d" },
		{ -5, "<invalid>" },
	};
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		clock_format_age(table[i].s * NSEC_PER_SEC, text);
		assert_string_equal(text, table[i].text);
	}
}

static void ipaddr_reads_and_writes(void **state)
{
	static const char *const same[] = { "1.2.3.4", "::1", "2001:db8::1", "0.0.0.0" };
	static const char *const bad[] = { "",         "1.2.3",       "01.2.3.4", "::ffff:1.2.3.4",
		                           "1.2.3.4 ", "fe80::1%eth0" };
	char text[IPADDR_TEXT_SIZE], hostport[IPADDR_TEXT_SIZE + 8];
	struct ipaddr addr;
	struct cidr cidr;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		assert_int_equal(ipaddr_parse(same[i], &addr), 0);
		ipaddr_format(&addr, text);
		assert_string_equal(text, same[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ipaddr_parse(bad[i], &addr), -EINVAL);
	assert_int_equal(cidr_parse("10.96.0.0/20", &cidr), 0);
	assert_int_equal(ipaddr_parse("10.96.15.255", &addr), 0);
	assert_true(cidr_contains(&cidr, &addr));
	assert_int_equal(ipaddr_parse("10.96.16.0", &addr), 0);
	assert_false(cidr_contains(&cidr, &addr));
	assert_int_equal(cidr_parse("10.96.0.0/33", &cidr), -EINVAL);
	assert_int_equal(ipaddr_parse_hostport("[::1]:80", &addr, &port), 0);
	ipaddr_format_hostport(&addr, port, hostport);
	assert_string_equal(hostport, "[::1]:80");
	assert_int_equal(ipaddr_parse_hostport("::1:80", &addr, &port), -EINVAL);
	assert_int_equal(ipaddr_parse_hostport("1.2.3.4:65536", &addr, &port), -EINVAL);
}

static void parse_is_strict(void **state)
{
	uint64_t v = 7;
	int64_t ns;

	(void)state;
	assert_int_equal(parse_u64("18446744073709551615", UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(parse_u64("18446744073709551616", UINT64_MAX, &v), -ERANGE);
	assert_int_equal(parse_u64("5", 4, &v), -ERANGE);
	assert_int_equal(parse_u64("-1", 4, &v), -EINVAL);
	assert_int_equal(parse_u64("", 4, &v), -EINVAL);
	assert_int_equal(parse_u64("1 ", 4, &v), -EINVAL);
	assert_int_equal(parse_duration("1m30s", &ns), 0);
	assert_int_equal(ns, 90 * NSEC_PER_SEC);
	assert_int_equal(parse_duration("250ms", &ns), 0);
	assert_int_equal(ns, 250 * NSEC_PER_MSEC);
	assert_int_equal(parse_duration("5", &ns), -EINVAL);
	assert_int_equal(parse_duration("99999999999999h", &ns), -EINVAL);
}

static void file_round_trip(void **state)
{
	char dir[] = "/tmp/test_base.XXXXXX";
	auto_free char *path = NULL, *text = NULL, *deep = NULL;
	struct err err = { 0 };
	struct stat st;
	size_t size;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/a", dir);
	deep = xasprintf("%s/b/c", dir);
	assert_int_equal(file_write(path, "hello\n", 6, 0600, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_read(path, 6, &text, &size, &err), 0);
	assert_int_equal(size, 6);
	assert_string_equal(text, "hello\n");
	assert_int_equal(file_read(path, 5, &text, &size, &err), -EFBIG);
	assert_int_equal(file_read("/nowhere", 5, &text, &size, &err), -ENOENT);
	assert_string_equal(err.msg, "cannot open /nowhere: No such file or directory");
	assert_int_equal(file_mkdirs(deep, 0700, &err), 0);
	assert_int_equal(file_mkdirs(deep, 0700, &err), 0);
	assert_int_equal(file_mkdirs(path, 0700, &err), -ENOTDIR);
	assert_int_equal(rmdir(deep), 0);
	deep[strlen(deep) - 2] = '\0';
	assert_int_equal(rmdir(deep), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void arena_gives(void **state)
{
	struct arena arena = ARENA_INIT;
	char *first = arena_strdup(&arena, "first");

	(void)state;
	for (int i = 1; i < 2000; i++) {
		char *p = arena_alloc(&arena, (size_t)i);

		assert_int_equal((uintptr_t)p % 16, 0);
		memset(p, 0xff, (size_t)i);
	}
	assert_string_equal(first, "first");
	assert_string_equal(arena_printf(&arena, "%s-%d", "x", 5), "x-5");
	arena_done(&arena);
}

static void rand_is_well_formed(void **state)
{
	char uuid[RAND_UUID_SIZE], suffix[RAND_SUFFIX_SIZE];

	(void)state;
	rand_uuid(uuid);
	assert_int_equal(strlen(uuid), 36);
	assert_int_equal(uuid[14], '4');
	rand_suffix(suffix);
	assert_int_equal(strspn(suffix, "bcdfghjklmnpqrstvwxz2456789"), 5);
	for (int i = 0; i < 1000; i++)
		assert_true(rand_below(7) < 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_wraps),
		cmocka_unit_test(buf_builds),
		cmocka_unit_test(hmap_keeps),
		cmocka_unit_test(list_keeps_order),
		cmocka_unit_test(clock_reads_and_writes),
		cmocka_unit_test(clock_ages),
		cmocka_unit_test(ipaddr_reads_and_writes),
		cmocka_unit_test(parse_is_strict),
		cmocka_unit_test(file_round_trip),
		cmocka_unit_test(arena_gives),
		cmocka_unit_test(rand_is_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
