/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "harness.h"
#include "kube/json.h"

static void check_listing(struct harness *h, const char *ns, const char *after,
                          const char *expected)
{
	auto_free char *found = listing(h, ns, after);

	assert_string_equal(found, expected);
}

static void object_has_its_canonical_text(void **state)
{
	struct harness *h = *state;
	const struct store_object *object;

	put(h, "default", "web", "x");
	object = store_get(h->store, &kind_service, "default", "web");
	assert_non_null(object);
	assert_string_equal(
		object->text,
		"{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\","
		"\"namespace\":\"default\",\"labels\":{\"value\":\"x\"},"
		"\"resourceVersion\":\"1\"},\"spec\":{\"value\":\"x\"}}");
	assert_int_equal(object->size, strlen(object->text));
	assert_memory_equal(object->text + object->body, "\"metadata\":", 11);
	assert_string_equal(labels_get(&object->labels, "value"), "x");
	assert_ptr_equal(object->kind, &kind_service);
	assert_null(store_get(h->store, &kind_service, "default", "we"));
	assert_null(store_get(h->store, &kind_service, "", "web"));
	assert_null(store_get(h->store, &kind_pod, "default", "web"));
}

static void text_begins_with_type_and_metadata(void **state)
{
	struct harness *h = *state;
	struct op op = { .kind = &kind_namespace, .ns = "", .name = "b", .op = STORE_PUT };
	const struct store_object *object;

	op.json = "{\"status\":{},\"kind\":\"X\",\"spec\":[1,2.5,null,true],\"apiVersion\":\"Y\","
		  "\"metadata\":{\"resourceVersion\":\"77\",\"name\":\"b\",\"labels\":"
		  "{\"z\":\"1\",\"a\":\"2\",\"n\":3,\"m\":\"\"}}}";
	op_start(h, &op);
	op_wait(h, &op);
	assert_string_equal(op.text, "{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":"
	                             "{\"resourceVersion\":\"1\",\"name\":\"b\",\"labels\":"
	                             "{\"z\":\"1\",\"a\":\"2\",\"n\":3,\"m\":\"\"}},"
	                             "\"status\":{},\"spec\":[1,2.5,null,true]}");
	object = store_get(h->store, &kind_namespace, NULL, "b");
	assert_string_equal(object->namespace, "");
	assert_int_equal(object->labels.n, 3);
	assert_string_equal(object->labels.list[0].key, "a");
	assert_string_equal(object->labels.list[1].key, "m");
	assert_string_equal(object->labels.list[2].key, "z");
	assert_string_equal(object->labels.list[2].value, "1");
	op_done(&op);
}

static void revisions_rise_by_every_write(void **state)
{
	struct harness *h = *state;

	assert_int_equal(store_revision(h->store), 0);
	assert_int_equal(put(h, "a", "x", "1"), 1);
	assert_int_equal(put(h, "a", "x", "2"), 2);
	assert_int_equal(drop(h, "a", "x"), 3);
	assert_int_equal(put(h, "a", "x", "3"), 4);
	assert_int_equal(store_revision(h->store), 4);
	check_listing(h, NULL, NULL, "a/x=3@4 ");
}

static void lists_are_in_order_and_page(void **state)
{
	struct harness *h = *state;
	static const char *const keys[][2] = { { "b", "m" }, { "a", "z" },  { "b", "a" },
		                               { "c", "a" }, { "a", "b" },  { "a-b", "q" },
		                               { "b", "z" }, { "a", "bb" }, { "ab", "a" } };
	static const struct {
		const char *ns, *after, *expected;
	} table[] = {
		{ NULL, NULL, "a/b a/bb a/z a-b/q ab/a b/a b/m b/z c/a " },
		{ "", NULL, "a/b a/bb a/z a-b/q ab/a b/a b/m b/z c/a " },
		{ "b", NULL, "b/a b/m b/z " },
		{ "a", NULL, "a/b a/bb a/z " },
		{ "nobody", NULL, "" },
		{ NULL, "b/a", "b/m b/z c/a " },
		{ NULL, "b/aa", "b/m b/z c/a " }, /* gone meanwhile */
		{ NULL, "c/a", "" },
		{ "b", "b/a", "b/m b/z " },
		{ "b", "b/z", "" },
		{ "b", "a/b", "b/a b/m b/z " },
		{ "b", "c/a", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		put(h, keys[i][0], keys[i][1], "v");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		auto_free const struct store_object **objects = NULL;
		size_t n = store_list(h->store, &kind_service, table[i].ns, table[i].after,
		                      &objects);
		char found[256] = "";

		for (size_t j = 0; j < n; j++)
			(void)snprintf(found + strlen(found), sizeof(found) - strlen(found),
			               "%s/%s ", objects[j]->namespace, objects[j]->name);
		assert_string_equal(found, table[i].expected);
	}
}

static void cluster_scoped_lists_page(void **state)
{
	struct harness *h = *state;
	const char *names[] = { "c", "a", "b" };
	const struct store_object **objects;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct op op = { .kind = &kind_node,
			         .ns = "",
			         .name = names[i],
			         .op = STORE_PUT,
			         .value = "v" };

		op_start(h, &op);
		op_wait(h, &op);
		op_done(&op);
	}
	n = store_list(h->store, &kind_node, NULL, "/a", &objects);
	assert_int_equal(n, 2);
	assert_string_equal(objects[0]->name, "b");
	assert_string_equal(objects[1]->name, "c");
	free(objects);
}

static void restart_finds_everything(void **state)
{
	struct harness *h = *state;
	struct op slice = { .kind = &kind_endpoint_slice,
		            .ns = "a",
		            .name = "web-1",
		            .op = STORE_PUT,
		            .value = "s" };
	const struct store_object *object;

	put(h, "a", "x", "1");
	put(h, "b", "y", "2");
	put(h, "b", "y", "3");
	op_start(h, &slice);
	op_wait(h, &slice);
	put(h, "c", "z", "5");
	drop(h, "c", "z"); /* the last revision is one of a removal: it must not come again */
	harness_close(h);
	harness_open(h);
	check_listing(h, NULL, NULL, "a/x=1@1 b/y=3@3 ");
	object = store_get(h->store, &kind_endpoint_slice, "a", "web-1");
	assert_non_null(object);
	assert_string_equal(object->text, slice.text);
	assert_memory_equal(object->text + object->body, "\"metadata\":", 11);
	assert_string_equal(labels_get(&object->labels, "value"), "s");
	assert_int_equal(store_revision(h->store), 6);
	assert_int_equal(put(h, "a", "x", "7"), 7);
	op_done(&slice);
}

static void done_tells_what_was_removed(void **state)
{
	struct harness *h = *state;
	struct op last = { .ns = "a", .name = "x", .op = STORE_REMOVE };
	struct op other = { .ns = "a", .name = "x", .op = STORE_REMOVE, .value = "farewell" };

	put(h, "a", "x", "1");
	op_start(h, &last);
	op_wait(h, &last);
	assert_int_equal(last.revision, 2);
	assert_non_null(strstr(last.text, "\"value\":\"1\""));
	assert_non_null(strstr(last.text, "\"resourceVersion\":\"2\""));
	put(h, "a", "x", "1");
	op_start(h, &other);
	op_wait(h, &other);
	assert_non_null(strstr(other.text, "\"value\":\"farewell\""));
	assert_non_null(strstr(other.text, "\"resourceVersion\":\"4\""));
	assert_null(store_get(h->store, &kind_service, "a", "x"));
	op_done(&last);
	op_done(&other);
}

static void keep_and_refusal_write_nothing(void **state)
{
	struct harness *h = *state;
	struct op keep = { .ns = "a", .name = "x", .op = STORE_KEEP, .value = "dropped" };
	struct op none = { .ns = "a", .name = "none", .op = STORE_KEEP };
	struct op refused = { .ns = "a", .name = "x", .op = STORE_PUT, .refuse = -EEXIST };
	struct store_stats before, after;

	put(h, "a", "x", "1");
	store_stats(h->store, &before);
	op_start(h, &keep);
	op_start(h, &none);
	op_start(h, &refused);
	/* All of them from within store_mutate(). */
	assert_int_equal(keep.done, 1);
	assert_int_equal(keep.r, 0);
	assert_int_equal(keep.revision, 1);
	assert_int_equal(none.done, 1);
	assert_int_equal(none.r, 0);
	assert_null(none.text);
	assert_int_equal(refused.done, 1);
	assert_int_equal(refused.r, -EEXIST);
	assert_null(refused.text);
	store_stats(h->store, &after);
	assert_int_equal(after.commits, before.commits);
	assert_int_equal(store_revision(h->store), 1);
	op_done(&keep);
}

static void nothing_is_seen_before_it_is_done(void **state)
{
	struct harness *h = *state;
	struct op op = { .ns = "a", .name = "x", .op = STORE_PUT, .value = "1" };

	op_start(h, &op);
	assert_int_equal(op.changed, 1);
	assert_null(store_get(h->store, &kind_service, "a", "x"));
	assert_int_equal(store_revision(h->store), 0);
	op_wait(h, &op);
	assert_non_null(store_get(h->store, &kind_service, "a", "x"));
	op_done(&op);
}

static void a_key_is_a_queue(void **state)
{
	struct harness *h = *state;
	struct op ops[] = {
		{ .ns = "a", .name = "x", .op = STORE_PUT, .value = "1" },
		{ .ns = "a", .name = "x", .op = STORE_KEEP },
		{ .ns = "a", .name = "x", .op = STORE_PUT, .value = "2" },
		{ .ns = "a", .name = "x", .op = STORE_PUT, .refuse = -EPERM },
		{ .ns = "a", .name = "x", .op = STORE_REMOVE },
		{ .ns = "a", .name = "x", .op = STORE_PUT, .value = "3" },
		{ .ns = "a", .name = "y", .op = STORE_PUT, .value = "4" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		op_start(h, &ops[i]);
	/* Only the first of each key may look. */
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		assert_int_equal(ops[i].changed, i == 0 || i == 6);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		op_wait(h, &ops[i]);
	assert_int_equal(ops[1].revision, ops[0].revision);
	assert_int_equal(ops[2].old_revision, ops[0].revision);
	assert_int_equal(ops[3].r, -EPERM);
	assert_int_equal(ops[4].old_revision, ops[2].revision);
	assert_int_equal(ops[5].old_revision, 0);
	assert_true(ops[5].revision > ops[4].revision);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		op_done(&ops[i]);
}

static void again(struct op *op, const struct store_object *object)
{
	struct op *next = op->arg;

	(void)object;
	op_start(op->h, next);
	op->arg = (void *)(intptr_t)next->changed;
}

static void done_may_mutate_the_same_key(void **state)
{
	struct harness *h = *state;
	struct op second = { .ns = "a", .name = "x", .op = STORE_PUT, .value = "2" };
	struct op kept = {
		.ns = "a", .name = "x", .op = STORE_KEEP, .on_done = again, .arg = &second
	};
	struct op first = {
		.ns = "a", .name = "x", .op = STORE_PUT, .value = "1", .on_done = again, .arg = &kept
	};

	op_start(h, &first);
	op_wait(h, &first);
	/* Nothing was pending, so both changes were called at once. */
	assert_int_equal((intptr_t)first.arg, 1);
	assert_int_equal((intptr_t)kept.arg, 1);
	assert_int_equal(kept.old_revision, 1);
	op_wait(h, &second);
	assert_int_equal(second.old_revision, 1);
	check_listing(h, NULL, NULL, "a/x=2@2 ");
	op_done(&first);
	op_done(&kept);
	op_done(&second);
}

static void done_queues_behind_those_that_wait(void **state)
{
	struct harness *h = *state;
	struct op third = { .ns = "a", .name = "x", .op = STORE_PUT, .value = "3" };
	struct op first = { .ns = "a",
		            .name = "x",
		            .op = STORE_PUT,
		            .value = "1",
		            .on_done = again,
		            .arg = &third };
	struct op second = { .ns = "a", .name = "x", .op = STORE_PUT, .value = "2" };

	op_start(h, &first);
	op_start(h, &second);
	op_wait(h, &first);
	assert_int_equal((intptr_t)first.arg, 0);
	op_wait(h, &second);
	op_wait(h, &third);
	assert_int_equal(second.old_revision, first.revision);
	assert_int_equal(third.old_revision, second.revision);
	op_done(&first);
	op_done(&second);
	op_done(&third);
}

static void read_all(struct op *op, const struct store_object *old)
{
	const struct store_object **objects;
	size_t n = store_list(op->h->store, &kind_service, NULL, NULL, &objects);

	assert_ptr_equal(store_get(op->h->store, &kind_service, op->ns, op->name), old);
	op->arg = (void *)(intptr_t)n;
	free(objects);
}

static void change_may_read(void **state)
{
	struct harness *h = *state;
	struct op op = {
		.ns = "a", .name = "x", .op = STORE_PUT, .value = "2", .on_change = read_all
	};

	put(h, "a", "w", "1");
	put(h, "a", "x", "1");
	op_start(h, &op);
	assert_int_equal((intptr_t)op.arg, 2);
	op_wait(h, &op);
	op_done(&op);
}

static void many_writes_end_in_order(void **state)
{
	enum {
		N = 2000
	};
	struct harness *h = *state;
	struct op *ops = xcalloc(N, sizeof(*ops));
	char(*names)[16] = xcalloc(N, sizeof(*names));
	struct store_stats stats;
	uint64_t last = 0;

	for (int i = 0; i < N; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "n%d", (i * 7919) % N);
		ops[i] = (struct op){ .ns = "a", .name = names[i], .op = STORE_PUT, .value = "v" };
		op_start(h, &ops[i]);
	}
	for (int i = 0; i < N; i++) {
		op_wait(h, &ops[i]);
		assert_int_equal(ops[i].r, 0);
		assert_true(ops[i].revision > last);
		last = ops[i].revision;
		op_done(&ops[i]);
	}
	store_stats(h->store, &stats);
	assert_int_equal(stats.writes, N);
	assert_int_equal(stats.objects, N);
	assert_int_equal(stats.revision, N);
	assert_int_equal(stats.history_events, N);
	assert_true(stats.object_bytes > N * sizeof(struct store_object));
	assert_true(stats.commits >= 2); /* a batch is bounded */
	free(ops);
	free(names);
}

static void too_many_at_once_are_refused(void **state)
{
	enum {
		LIMIT = 16384
	};
	struct harness *h = *state;
	struct op *ops = xcalloc(LIMIT + 1, sizeof(*ops));

	/* One key, so that all but the first wait in memory. */
	for (int i = 0; i <= LIMIT; i++) {
		ops[i] = (struct op){ .ns = "a", .name = "x", .op = STORE_KEEP };
		if (i == 0)
			ops[i] = (struct op){
				.ns = "a", .name = "x", .op = STORE_PUT, .value = "v"
			};
		op_start(h, &ops[i]);
	}
	assert_int_equal(ops[LIMIT].done, 1);
	assert_int_equal(ops[LIMIT].r, -EAGAIN);
	for (int i = 0; i < LIMIT; i++) {
		op_wait(h, &ops[i]);
		assert_int_equal(ops[i].r, 0);
		op_done(&ops[i]);
	}
	put(h, "a", "x", "later");
	free(ops);
}

static void close_finishes_what_is_pending(void **state)
{
	struct harness *h = *state;
	struct op late = { .ns = "a", .name = "late", .op = STORE_PUT, .value = "x" };
	struct op ops[] = {
		{ .ns = "a", .name = "x", .op = STORE_PUT, .value = "1" },
		{ .ns = "a", .name = "x", .op = STORE_PUT, .value = "2" },
		{ .ns = "a",
		  .name = "y",
		  .op = STORE_PUT,
		  .value = "3",
		  .on_done = again,
		  .arg = &late },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		op_start(h, &ops[i]);
	harness_close(h);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		assert_int_equal(ops[i].done, 1);
		assert_int_equal(ops[i].r, 0);
		op_done(&ops[i]);
	}
	assert_int_equal(late.done, 1);
	assert_int_equal(late.r, -ESHUTDOWN);
	harness_open(h);
	check_listing(h, NULL, NULL, "a/x=2@3 a/y=3@2 ");
}

static void odd_content_survives(void **state)
{
	struct harness *h = *state;
	const char *value = "\"\\/ \n\t\x01 \xc3\xa9 \xf0\x9f\xa6\x80 ' -- ;";
	const struct store_object *object;
	char *text;

	put(h, "a", "x", value);
	text = xstrdup(store_get(h->store, &kind_service, "a", "x")->text);
	harness_close(h);
	harness_open(h);
	object = store_get(h->store, &kind_service, "a", "x");
	assert_string_equal(object->text, text);
	assert_string_equal(labels_get(&object->labels, "value"), value);
	free(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(object_has_its_canonical_text),
		TEST(text_begins_with_type_and_metadata),
		TEST(revisions_rise_by_every_write),
		TEST(lists_are_in_order_and_page),
		TEST(cluster_scoped_lists_page),
		TEST(restart_finds_everything),
		TEST(done_tells_what_was_removed),
		TEST(keep_and_refusal_write_nothing),
		TEST(nothing_is_seen_before_it_is_done),
		TEST(a_key_is_a_queue),
		TEST(done_may_mutate_the_same_key),
		TEST(done_queues_behind_those_that_wait),
		TEST(change_may_read),
		TEST(many_writes_end_in_order),
		TEST(too_many_at_once_are_refused),
		TEST(close_finishes_what_is_pending),
		TEST(odd_content_survives),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
