/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "harness.h"
#include "kube/json.h"

/* A watch that writes down what it is told: "+a/x@1 ~a/x@2(1) -a/x@3(2) ". */
struct seen {
	struct harness *h;
	struct store_watch *watch;
	struct buf told;
	void (*also)(struct seen *seen, struct store_event *event);
	void *arg;
};

static void on_event(void *arg, struct store_event *event)
{
	struct seen *seen = arg;

	assert_int_equal(event->object->revision, event->revision);
	assert_true(event->revision <= store_revision(seen->h->store));
	buf_printf(&seen->told, "%c%s/%s@%llu", "+~-"[event->type], event -> object -> namespace,
	           event->object->name, (unsigned long long)event->revision);
	if (event->old)
		buf_printf(&seen->told, "(%llu)", (unsigned long long)event->old->revision);
	buf_addc(&seen->told, ' ');
	if (seen->also)
		seen->also(seen, event);
}

static int watch_kind(struct harness *h, const struct kind *kind, uint64_t since, struct seen *seen)
{
	uint64_t oldest;

	seen->h = h;
	return store_watch_new(h->store, kind, since, on_event, seen, &seen->watch, &oldest);
}

static int watch(struct harness *h, uint64_t since, struct seen *seen)
{
	return watch_kind(h, &kind_service, since, seen);
}

static void end(struct seen *seen)
{
	store_watch_free(seen->watch);
	seen->watch = NULL;
	buf_done(&seen->told);
}

static void told(struct seen *seen, const char *expected)
{
	assert_string_equal(buf_str(&seen->told), expected);
}

static void watch_tells_in_order_and_resumes_anywhere(void **state)
{
	static const char *const all[] = { "+a/x@1 ",    "+a/y@2 ", "~a/x@3(1) ",
		                           "-a/x@4(3) ", "+a/x@5 ", "~a/y@6(2) " };
	struct harness *h = *state;
	struct seen live = { 0 };

	assert_int_equal(watch(h, 0, &live), 0);
	put(h, "a", "x", "1");
	put(h, "a", "y", "2");
	put(h, "a", "x", "3");
	drop(h, "a", "x");
	put(h, "a", "x", "5");
	put(h, "a", "y", "6");
	for (uint64_t since = 0; since <= 6; since++) {
		auto_buf struct buf expected = BUF_INIT;
		struct seen late = { 0 };

		for (size_t i = since; i < ARRAY_SIZE(all); i++)
			buf_adds(&expected, all[i]);
		assert_int_equal(watch(h, since, &late), 0);
		told(&late, buf_str(&expected));
		if (since == 0)
			told(&live, buf_str(&expected));
		end(&late);
	}
	end(&live);
}

static void watch_tells_of_its_kind_only(void **state)
{
	struct harness *h = *state;
	struct op node = {
		.kind = &kind_node, .ns = "", .name = "n", .op = STORE_PUT, .value = "v"
	};
	struct seen nodes = { 0 }, later = { 0 };

	assert_int_equal(watch_kind(h, &kind_node, 0, &nodes), 0);
	put(h, "a", "x", "1");
	op_start(h, &node);
	op_wait(h, &node);
	put(h, "a", "y", "1");
	told(&nodes, "+/n@2 ");
	assert_int_equal(watch_kind(h, &kind_node, 1, &later), 0);
	told(&later, "+/n@2 ");
	op_done(&node);
	end(&nodes);
	end(&later);
}

static void future_is_out_of_range(void **state)
{
	struct harness *h = *state;
	struct op op = { .ns = "a", .name = "x", .op = STORE_PUT, .value = "1" };
	struct seen seen = { 0 };

	assert_int_equal(watch(h, 1, &seen), -ERANGE);
	op_start(h, &op);
	/* Given out already, but not visible. */
	assert_int_equal(watch(h, 1, &seen), -ERANGE);
	op_wait(h, &op);
	assert_int_equal(watch(h, 1, &seen), 0);
	op_done(&op);
	end(&seen);
}

static void restart_makes_the_past_stale(void **state)
{
	struct harness *h = *state;
	struct seen seen = { 0 };
	uint64_t oldest = 0;

	put(h, "a", "x", "1");
	put(h, "a", "x", "2");
	harness_close(h);
	harness_open(h);
	assert_int_equal(store_watch_new(h->store, &kind_service, 1, on_event, &seen, &seen.watch,
	                                 &oldest),
	                 -ESTALE);
	assert_int_equal(oldest, 2);
	assert_null(seen.watch);
	assert_int_equal(watch(h, 2, &seen), 0);
	put(h, "a", "x", "3");
	told(&seen, "~a/x@3(2) ");
	end(&seen);
}

static void history_is_bounded_by_bytes(void **state)
{
	struct harness *h = *state;
	struct store_stats stats;
	struct seen seen = { 0 };
	uint64_t oldest = 0, last;

	harness_close(h);
	h->config.history_bytes_max = 10000;
	harness_open(h);
	for (int i = 0; i < 500; i++)
		last = put(h, "a", "x", "v");
	store_stats(h->store, &stats);
	/* Trimmed as each dispatch begins: at most what one brings may be above. */
	assert_true(stats.history_bytes < 10000 + 2000);
	assert_true(stats.history_events > 5);
	assert_int_equal(store_watch_new(h->store, &kind_service, 1, on_event, &seen, &seen.watch,
	                                 &oldest),
	                 -ESTALE);
	assert_int_equal(oldest, last - stats.history_events);
	assert_int_equal(store_watch_new(h->store, &kind_service, oldest - 1, on_event, &seen,
	                                 &seen.watch, &oldest),
	                 -ESTALE);
	assert_int_equal(watch(h, oldest, &seen), 0);
	end(&seen);
}

static void history_is_bounded_by_age(void **state)
{
	struct harness *h = *state;
	struct store_stats stats;

	harness_close(h);
	h->config.history_age_max = 1; /* ns */
	harness_open(h);
	for (int i = 0; i < 10; i++)
		put(h, "a", "x", "v");
	store_stats(h->store, &stats);
	assert_int_equal(stats.history_events, 1); /* of the last dispatch */
}

static void check_line(struct seen *seen, struct store_event *event)
{
	static const char *const names[] = { "ADDED", "MODIFIED", "DELETED" };
	size_t size, again;

	for (int type = STORE_ADDED; type <= STORE_DELETED; type++) {
		const char *line = store_event_line(event, (enum store_event_type)type, &size);
		auto_json json_t *tree = json_loadb(line, size, 0, NULL);
		char revision[24];

		assert_non_null(tree);
		assert_int_equal(line[size - 1], '\n');
		assert_null(memchr(line, '\n', size - 1));
		assert_string_equal(json_path_str(tree, "type"), names[type]);
		assert_string_equal(json_path_str(tree, "object.kind"), "Service");
		(void)snprintf(revision, sizeof(revision), "%llu",
		               (unsigned long long)event->revision);
		assert_string_equal(json_path_str(tree, "object.metadata.resourceVersion"),
		                    revision);
		assert_ptr_equal(store_event_line(event, (enum store_event_type)type, &again),
		                 line);
		assert_int_equal(again, size);
		/* What leaves a selection is shown as it was. */
		if (type == STORE_DELETED && event->type == STORE_MODIFIED)
			assert_string_equal(json_path_str(tree, "object.spec.value"), "before");
		else
			assert_string_equal(json_path_str(tree, "object.spec.value"), seen->arg);
	}
}

/* ... and not kept: an event is of the same size in the history whether it had watches or not. */
static void lines_are_written_once(void **state)
{
	struct harness *h = *state;
	struct seen seen = { .also = check_line };
	struct store_stats before, after, unwatched;

	assert_int_equal(watch(h, 0, &seen), 0);
	seen.arg = (void *)"before";
	put(h, "a", "x", "before");
	store_stats(h->store, &before);
	seen.arg = (void *)"now";
	put(h, "a", "x", "now");
	store_stats(h->store, &after);
	drop(h, "a", "x");
	told(&seen, "+a/x@1 ~a/x@2(1) -a/x@3(2) ");
	end(&seen);
	put(h, "a", "x", "before");
	store_stats(h->store, &unwatched);
	after.history_bytes -= before.history_bytes;
	before = unwatched;
	put(h, "a", "x", "now");
	store_stats(h->store, &unwatched);
	assert_int_equal(after.history_bytes, unwatched.history_bytes - before.history_bytes);
}

static void end_other(struct seen *seen, struct store_event *event)
{
	struct seen *other = seen->arg;

	(void)event;
	store_watch_free(other->watch);
	other->watch = NULL;
}

static void watches_may_end_watches(void **state)
{
	struct harness *h = *state;
	struct seen last = { 0 }, self = { .also = end_other }, third = { 0 };
	struct seen first = { .also = end_other, .arg = &third };

	self.arg = &self;
	assert_int_equal(watch(h, 0, &first), 0);
	assert_int_equal(watch(h, 0, &self), 0);
	assert_int_equal(watch(h, 0, &third), 0);
	assert_int_equal(watch(h, 0, &last), 0);
	put(h, "a", "x", "1");
	put(h, "a", "x", "2");
	told(&first, "+a/x@1 ~a/x@2(1) ");
	told(&self, "+a/x@1 ");
	told(&third, "");
	told(&last, "+a/x@1 ~a/x@2(1) ");
	end(&first);
	end(&self);
	end(&third);
	end(&last);
}

static void watch_more(struct seen *seen, struct store_event *event)
{
	struct seen *other = seen->arg;

	if (!other->watch)
		assert_int_equal(watch(seen->h, event->revision - 1, other), 0);
}

static void watches_may_begin_watches(void **state)
{
	struct harness *h = *state;
	struct seen second = { 0 };
	struct seen first = { .also = watch_more, .arg = &second };

	assert_int_equal(watch(h, 0, &first), 0);
	put(h, "a", "x", "1");
	told(&second, "+a/x@1 "); /* from the history, and not once more */
	put(h, "a", "x", "2");
	told(&second, "+a/x@1 ~a/x@2(1) ");
	end(&first);
	end(&second);
}

static void mutate_too(struct seen *seen, struct store_event *event)
{
	struct op *op = seen->arg;

	if (event->type == STORE_ADDED)
		op_start(seen->h, op);
}

static void watches_may_mutate(void **state)
{
	struct harness *h = *state;
	struct op op = { .ns = "a", .name = "x", .op = STORE_PUT, .value = "2" };
	struct seen seen = { .also = mutate_too, .arg = &op };

	assert_int_equal(watch(h, 0, &seen), 0);
	put(h, "a", "x", "1");
	assert_int_equal(op.changed, 1);
	op_wait(h, &op);
	told(&seen, "+a/x@1 ~a/x@2(1) ");
	op_done(&op);
	end(&seen);
}

static void watch_when_done(struct op *op, const struct store_object *object)
{
	(void)object;
	assert_int_equal(watch(op->h, 0, op->arg), 0);
	/* Whoever lists now and watches from here misses nothing and sees nothing twice. */
	assert_int_equal(store_revision(op->h->store), op->revision);
}

static void done_may_begin_and_end_watches(void **state)
{
	struct harness *h = *state;
	struct seen seen = { 0 };
	struct op ops[] = {
		{ .ns = "a", .name = "x", .op = STORE_PUT, .value = "1" },
		{ .ns = "a",
		  .name = "y",
		  .op = STORE_PUT,
		  .value = "2",
		  .on_done = watch_when_done,
		  .arg = &seen },
		{ .ns = "a", .name = "z", .op = STORE_PUT, .value = "3" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		op_start(h, &ops[i]);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		op_wait(h, &ops[i]);
		op_done(&ops[i]);
	}
	told(&seen, "+a/x@1 +a/y@2 +a/z@3 ");
	end(&seen);
}

static void borrowed_objects_stay_until_the_next_dispatch(void **state)
{
	struct harness *h = *state;
	struct op op = { .ns = "a", .name = "x", .op = STORE_PUT, .value = "2" };
	const struct store_object *old, *kept;
	struct pollfd ready = { .events = POLLIN };

	harness_close(h);
	h->config.history_bytes_max = 1; /* nothing is kept longer than it must */
	harness_open(h);
	put(h, "a", "x", "1");
	old = store_get(h->store, &kind_service, "a", "x");
	kept = store_object_ref(old);
	op_start(h, &op);
	ready.fd = store_fd(h->store);
	assert_int_equal(poll(&ready, 1, 10000), 1);
	assert_non_null(strstr(old->text, "\"value\":\"1\""));
	op_wait(h, &op);
	put(h, "a", "x", "3");
	assert_non_null(strstr(kept->text, "\"value\":\"1\"")); /* a reference is for longer */
	assert_int_equal(kept->refs, 1);
	store_object_unref(kept);
	op_done(&op);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(watch_tells_in_order_and_resumes_anywhere),
		TEST(watch_tells_of_its_kind_only),
		TEST(future_is_out_of_range),
		TEST(restart_makes_the_past_stale),
		TEST(history_is_bounded_by_bytes),
		TEST(history_is_bounded_by_age),
		TEST(lines_are_written_once),
		TEST(watches_may_end_watches),
		TEST(watches_may_begin_watches),
		TEST(watches_may_mutate),
		TEST(done_may_begin_and_end_watches),
		TEST(borrowed_objects_stay_until_the_next_dispatch),
	};

	return cmocka_run_group_tests_name("store_watch", tests, NULL, NULL);
}
