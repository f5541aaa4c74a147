/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/known_set.h"
#include "client/reflector.h"
#include "fake_api.h"
#include "kube/json.h"

#define THINGS "/api/v1/namespaces/default/things/"

/* A consumer that mirrors what it is told and counts how. */
struct mirror {
	struct fake_api *api;
	struct client *client;
	struct reflector *reflector;
	json_t *things; /* "ns/name": object */
	int upserts, removes, synced, settled, troubles;
	const char *awaited; /* for conditions */
	const char *value;
	int number;
};

static void upsert(void *arg, const json_t *object)
{
	struct mirror *mirror = arg;
	auto_free char *key = xasprintf("%s/%s", json_path_str(object, "metadata.namespace"),
	                                json_path_str(object, "metadata.name"));

	mirror->upserts++;
	assert_string_equal(json_path_str(object, "kind"), "Thing");
	assert_string_equal(json_path_str(object, "apiVersion"), "v1");
	json_object_set_new(mirror->things, key, json_deep_copy(object));
}

static void removed(void *arg, const char *ns, const char *name)
{
	struct mirror *mirror = arg;
	auto_free char *key = xasprintf("%s/%s", ns, name);

	mirror->removes++;
	assert_int_equal(json_object_del(mirror->things, key), 0);
}

static void synced(void *arg)
{
	struct mirror *mirror = arg;

	mirror->synced++;
	assert_true(!mirror->reflector || reflector_synced(mirror->reflector));
}

static void settled(void *arg)
{
	struct mirror *mirror = arg;

	mirror->settled++;
}

static void trouble(void *arg, const struct err *err, int64_t retry_ns)
{
	struct mirror *mirror = arg;

	mirror->troubles++;
	assert_true(err->code < 0);
	assert_true(*err->msg);
	assert_true(retry_ns >= NSEC_PER_SEC / 2 && retry_ns <= 45 * NSEC_PER_SEC);
}

static const struct reflector_handler handler = { upsert, removed, synced, settled, trouble };

static bool is_synced(void *arg)
{
	struct mirror *mirror = arg;

	return mirror->synced > 0 && fake_api_watches(mirror->api) == 1;
}

/* The thing 'awaited' has the value 'value', or is not there where that is NULL. */
static bool has_value(void *arg)
{
	struct mirror *mirror = arg;
	auto_free char *key = xasprintf("default/%s", mirror->awaited);
	const json_t *thing = json_object_get(mirror->things, key);

	if (!mirror->value)
		return !thing;
	return thing && strcmp(json_path_str(thing, "value"), mirror->value) == 0;
}

static void await_value(struct mirror *mirror, const char *name, const char *value)
{
	mirror->awaited = name;
	mirror->value = value;
	fake_api_until(mirror->api, has_value, mirror);
}

static bool watched_often(void *arg)
{
	struct mirror *mirror = arg;

	return fake_api_requests(mirror->api, "WATCH") >= (size_t)mirror->number;
}

static void await_watches(struct mirror *mirror, int number)
{
	mirror->number = number;
	fake_api_until(mirror->api, watched_often, mirror);
}

static void put(struct mirror *mirror, const char *name, const char *value)
{
	auto_free char *path = xasprintf(THINGS "%s", name);
	auto_free char *json = xasprintf("{'kind': 'Thing', 'apiVersion': 'v1', 'value': '%s'}",
	                                 value);

	fake_api_put(mirror->api, path, json);
}

static void start(struct mirror *mirror)
{
	mirror->reflector = reflector_new(mirror->client, "/api/v1/things", "labelSelector=a%3Db",
	                                  &handler, mirror);
	assert_false(reflector_synced(mirror->reflector));
	assert_int_equal(mirror->upserts, 0);
}

/* One thing, listed and watched. */
static void start_synced(struct mirror *mirror)
{
	put(mirror, "a", "1");
	start(mirror);
	fake_api_until(mirror->api, is_synced, mirror);
	assert_int_equal(mirror->upserts, 1);
}

static int setup(void **state)
{
	struct mirror *mirror = xnew(struct mirror);

	mirror->api = fake_api_new();
	mirror->client = fake_api_client(mirror->api);
	mirror->things = json_object();
	*state = mirror;
	return 0;
}

static int teardown(void **state)
{
	struct mirror *mirror = *state;

	reflector_free(mirror->reflector);
	client_free(mirror->client);
	fake_api_free(mirror->api);
	json_decref(mirror->things);
	free(mirror);
	return 0;
}

static void pages(void **state)
{
	struct mirror *mirror = *state;

	for (int i = 0; i < 1201; i++) {
		auto_free char *name = xasprintf("t%d", i);

		put(mirror, name, "1");
		/* items of a list have no type of their own */
		if (i % 2) {
			auto_free char *path = xasprintf(THINGS "%s", name);

			json_object_del(fake_api_get(mirror->api, path), "kind");
			json_object_del(fake_api_get(mirror->api, path), "apiVersion");
		}
	}
	start(mirror);
	fake_api_until(mirror->api, is_synced, mirror);
	assert_int_equal(json_object_size(mirror->things), 1201);
	assert_int_equal(mirror->upserts, 1201);
	assert_int_equal(mirror->synced, 1);
	assert_int_equal(mirror->settled, 3);
	assert_int_equal(fake_api_requests(mirror->api, "GET"), 3);
}

static void empty_list(void **state)
{
	struct mirror *mirror = *state;

	start(mirror);
	fake_api_until(mirror->api, is_synced, mirror);
	assert_int_equal(mirror->upserts, 0);
	put(mirror, "first", "1");
	await_value(mirror, "first", "1");
}

static void follows(void **state)
{
	struct mirror *mirror = *state;

	start_synced(mirror);
	put(mirror, "b", "1");
	put(mirror, "a", "2");
	await_value(mirror, "a", "2");
	fake_api_delete(mirror->api, THINGS "a");
	await_value(mirror, "a", NULL);
	await_value(mirror, "b", "1");
	assert_int_equal(mirror->upserts, 3);
	assert_int_equal(mirror->removes, 1);
	assert_int_equal(fake_api_requests(mirror->api, "GET"), 1);
}

/* Sends a watch line about default/'name' at a revision far ahead. */
#define LINE(name, revision, value)                                                    \
	"{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Thing\",\"apiVersion\":\"v1\"," \
	"\"metadata\":{\"namespace\":\"default\",\"name\":\"" name "\","               \
	"\"resourceVersion\":\"" revision "\"},\"value\":\"" value "\"}}\n"

static void events_over_several_reads(void **state)
{
	static const char text[] = LINE("a", "70", "long") LINE("b", "71", "short");
	struct mirror *mirror = *state;

	start_synced(mirror);
	for (size_t i = 0; i < sizeof(text) - 1; i += 50) {
		char piece[51] = "";

		memcpy(piece, text + i, sizeof(text) - 1 - i < 50 ? sizeof(text) - 1 - i : 50);
		fake_api_send(mirror->api, piece, false);
		fake_api_run(mirror->api, 2 * NSEC_PER_MSEC);
	}
	await_value(mirror, "b", "short");
	await_value(mirror, "a", "long");
	assert_int_equal(mirror->upserts, 3);
}

static void one_read_settles_once(void **state)
{
	struct mirror *mirror = *state;
	int before;

	start_synced(mirror);
	before = mirror->settled;
	fake_api_send(mirror->api, LINE("a", "70", "x") LINE("b", "71", "y") LINE("c", "72", "z"),
	              false);
	await_value(mirror, "c", "z");
	fake_api_run(mirror->api, 5 * NSEC_PER_MSEC);
	assert_int_equal(mirror->settled, before + 1);
	/* pieces that were sent one by one come in one read as well */
	put(mirror, "d", "1");
	put(mirror, "e", "1");
	await_value(mirror, "e", "1");
	fake_api_run(mirror->api, 5 * NSEC_PER_MSEC);
	assert_int_equal(mirror->settled, before + 2);
}

static void resumes(void **state)
{
	struct mirror *mirror = *state;

	start_synced(mirror);
	put(mirror, "b", "1");
	await_value(mirror, "b", "1");
	/* the connection ends in the middle of an event: that one comes again, the rest does not */
	fake_api_send(mirror->api, "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Th", true);
	put(mirror, "a", "2");
	await_value(mirror, "a", "2");
	assert_int_equal(mirror->upserts, 3);
	assert_int_equal(mirror->removes, 0);
	assert_int_equal(mirror->synced, 1);
	assert_int_equal(fake_api_requests(mirror->api, "GET"), 1);
	assert_int_equal(fake_api_requests(mirror->api, "WATCH /api/v1/things 3"), 1);
}

static void bookmark_moves_on(void **state)
{
	struct mirror *mirror = *state;

	start_synced(mirror);
	mirror->api->revision = 500; /* others wrote other kinds of objects */
	fake_api_bookmark(mirror->api);
	fake_api_send(mirror->api, "", true);
	await_watches(mirror, 2);
	assert_int_equal(fake_api_requests(mirror->api, "WATCH /api/v1/things 500"), 1);
	assert_int_equal(mirror->upserts, 1);
}

/* What changes while the history is lost reaches the consumer as differences. */
static void expect_differences(struct mirror *mirror)
{
	await_value(mirror, "a", "2");
	await_value(mirror, "gone", NULL);
	await_value(mirror, "new", "1");
	assert_int_equal(mirror->upserts, 5); /* a, gone, same; a again, new */
	assert_int_equal(mirror->removes, 1);
	assert_int_equal(mirror->synced, 1);
	assert_int_equal(fake_api_requests(mirror->api, "GET"), 2);
}

static void start_with_three(struct mirror *mirror)
{
	put(mirror, "gone", "1");
	put(mirror, "same", "1");
	put(mirror, "a", "1");
	start(mirror);
	fake_api_until(mirror->api, is_synced, mirror);
}

static void change_unseen(struct mirror *mirror)
{
	put(mirror, "a", "2");
	put(mirror, "new", "1");
	fake_api_delete(mirror->api, THINGS "gone");
	fake_api_expire(mirror->api);
}

static void gone_answer(void **state)
{
	struct mirror *mirror = *state;

	start_with_three(mirror);
	mirror->api->hold = "/api/v1/things";
	change_unseen(mirror);
	fake_api_send(mirror->api, "", true);
	fake_api_release(mirror->api);
	expect_differences(mirror);
}

static void gone_event(void **state)
{
	struct mirror *mirror = *state;

	start_with_three(mirror);
	mirror->api->hold = "/api/v1/things";
	change_unseen(mirror);
	fake_api_release(mirror->api);
	/* the watch stays open: that it is of no use any more is the client's conclusion */
	fake_api_send(mirror->api,
	              "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,"
	              "\"message\":\"too old resource version: 5 (10)\"}}\n",
	              false);
	expect_differences(mirror);
	assert_int_equal(fake_api_watches(mirror->api), 1);
}

static void bad_streams(void **state)
{
	static const char *const table[] = {
		("{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":500,"
		 "\"message\":\"etcd\"}}\n"),
		"{\"type\":\"ERROR\"}\n",
		"no json\n",
		"[]\n",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"x\"}}}\n",
		"{\"type\":\"ADDED\",\"object\":7}\n",
	};
	struct mirror *mirror = *state;

	start_synced(mirror);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		auto_free char *value = xasprintf("v%zu", i);

		fake_api_send(mirror->api, table[i], false);
		put(mirror, "a", value);
		await_value(mirror, "a", value);
		/* a good event in between: each of these is a first failure, tried again at once */
		assert_int_equal(mirror->troubles, 0);
	}
	assert_int_equal(fake_api_requests(mirror->api, "GET"), 1);
	assert_int_equal(fake_api_requests(mirror->api, "WATCH"), 1 + ARRAY_SIZE(table));
	assert_int_equal(mirror->upserts, 1 + (int)ARRAY_SIZE(table));
}

static void expired_page(void **state)
{
	static const int statuses[] = { 410, 400 };
	struct mirror *mirror = *state;

	for (int i = 0; i < 700; i++) {
		auto_free char *name = xasprintf("t%d", i);

		put(mirror, name, "1");
	}
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		mirror->api->fault = (struct fake_fault){ .method = "GET",
			                                  .path = "/api/v1/things",
			                                  .query = "continue",
			                                  .times = 1,
			                                  .status = statuses[i],
			                                  .body = "{\"message\":\"expired\"}" };
		start(mirror);
		fake_api_until(mirror->api, is_synced, mirror);
		assert_int_equal(json_object_size(mirror->things), 700);
		assert_int_equal(mirror->upserts, 700);
		assert_int_equal(fake_api_requests(mirror->api, "GET"), 4);
		assert_int_equal(mirror->synced, 1);
		reflector_free(take_ptr(&mirror->reflector));
		json_object_clear(mirror->things);
		json_array_clear(mirror->api->requests);
		mirror->upserts = mirror->synced = 0;
	}
}

static void bad_lists(void **state)
{
	static const struct {
		int status;
		const char *body;
	} table[] = {
		{ 200, "[]" },
		{ 200, "{\"items\": 7, \"metadata\": {\"resourceVersion\": \"1\"}}" },
		{ 200, "{\"items\": []}" },
		{ 200, "<html>" },
		{ 500, "{\"message\": \"on fire\"}" },
		{ 403, "" },
	};
	struct mirror *mirror = *state;

	put(mirror, "a", "1");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		mirror->api->fault = (struct fake_fault){ .method = "GET",
			                                  .path = "/api/v1/things",
			                                  .times = 1,
			                                  .status = table[i].status,
			                                  .body = table[i].body };
		mirror->upserts = mirror->synced = 0;
		start(mirror);
		/* the first retry is at once */
		fake_api_until(mirror->api, is_synced, mirror);
		assert_int_equal(mirror->upserts, 1);
		assert_int_equal(mirror->troubles, 0);
		reflector_free(take_ptr(&mirror->reflector));
		fake_api_run(mirror->api, 5 * NSEC_PER_MSEC);
	}
}

static void server_restarts(void **state)
{
	struct mirror *mirror = *state;

	start_synced(mirror);
	fake_api_stop(mirror->api);
	fake_api_run(mirror->api, 50 * NSEC_PER_MSEC);
	assert_int_equal(mirror->troubles, 1); /* the second try, after the one at once */
	put(mirror, "a", "2");
	fake_api_start(mirror->api);
	await_value(mirror, "a", "2");
	assert_int_equal(mirror->upserts, 2);
	assert_int_equal(mirror->removes, 0);
	/* caught up with a watch: no list is needed for a short absence */
	assert_int_equal(fake_api_requests(mirror->api, "GET"), 1);
}

static bool in_trouble(void *arg)
{
	struct mirror *mirror = arg;

	return mirror->troubles > 0;
}

/* A server that answers each watch and ends it at once is not asked in a tight loop. */
static void useless_watches(void **state)
{
	struct mirror *mirror = *state;

	put(mirror, "a", "1");
	mirror->api->fault = (struct fake_fault){ .method = "GET",
		                                  .path = "/api/v1/things",
		                                  .query = "watch",
		                                  .times = 1000,
		                                  .status = 200,
		                                  .body = "" };
	start(mirror);
	fake_api_until(mirror->api, in_trouble, mirror);
	fake_api_run(mirror->api, 100 * NSEC_PER_MSEC);
	assert_int_equal(fake_api_requests(mirror->api, "WATCH"), 2);
}

static void known_set_differences(void **state)
{
	struct known_set set = KNOWN_SET_INIT;
	struct mirror *mirror = *state;

	known_set_begin(&set);
	assert_true(known_set_see(&set, "default", "a", "5"));
	assert_false(known_set_see(&set, "default", "a", "5"));
	/* another version is news also where the number is lower: another history */
	assert_true(known_set_see(&set, "default", "a", "4"));
	assert_true(known_set_see(&set, "other", "a", "4"));
	known_set_begin(&set);
	assert_false(known_set_see(&set, "default", "a", "4"));
	json_object_set_new(mirror->things, "other/a", json_true());
	known_set_sweep(&set, removed, mirror);
	assert_int_equal(mirror->removes, 1);
	assert_true(known_set_forget(&set, "default", "a"));
	assert_false(known_set_forget(&set, "default", "a"));
	known_set_done(&set);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(pages),
		TEST(empty_list),
		TEST(follows),
		TEST(events_over_several_reads),
		TEST(one_read_settles_once),
		TEST(resumes),
		TEST(bookmark_moves_on),
		TEST(gone_answer),
		TEST(gone_event),
		TEST(bad_streams),
		TEST(expired_page),
		TEST(bad_lists),
		TEST(server_restarts),
		TEST(useless_watches),
		TEST(known_set_differences),
	};

	return cmocka_run_group_tests_name("client/reflector", tests, NULL, NULL);
}
