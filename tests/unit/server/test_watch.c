/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"

#define SERVICES "/api/v1/namespaces/default/services"

static int setup(void **state)
{
	struct harness *h = xnew(struct harness);

	harness_start(h, NULL);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	harness_stop(*state);
	free(*state);
	return 0;
}

static void add(struct harness *h, const char *name, const char *label)
{
	auto_free char *body =
		xasprintf("{\"metadata\":{\"name\":\"%s\",\"labels\":{\"app\":\"%s\"}},"
	                  "\"spec\":{\"ports\":[{\"port\":80}]}}",
	                  name, label);

	assert_int_equal(post(h, SERVICES, body), 201);
}

static void relabel(struct harness *h, const char *name, const char *label)
{
	auto_free char *path = xasprintf(SERVICES "/%s", name);
	auto_free char *body = xasprintf("{\"metadata\":{\"labels\":{\"app\":\"%s\"}}}", label);

	assert_int_equal(patch(h, path, MERGE, body), 200);
}

static void begins_with_the_state(void **state)
{
	struct harness *h = *state;
	struct stream s;

	add(h, "a", "x");
	stream_open(&s, h, SERVICES "?watch=1", NULL);
	stream_wait(&s, 2);
	assert_string_equal(stream_event(&s, 0), "ADDED a");
	assert_string_equal(stream_event(&s, 1), "ADDED kubernetes");
	add(h, "b", "x");
	relabel(h, "b", "y");
	assert_int_equal(del(h, SERVICES "/b"), 200);
	stream_wait(&s, 5);
	assert_string_equal(stream_event(&s, 2), "ADDED b");
	assert_string_equal(stream_event(&s, 3), "MODIFIED b");
	assert_string_equal(stream_event(&s, 4), "DELETED b");
	assert_string_equal(json_path_str(json_array_get(s.events, 4), "object.kind"), "Service");
	stream_close(&s);
}

/* From a version on: what came behind it, once each, in order; nothing of what was before. */
static void resumes(void **state)
{
	struct harness *h = *state;
	auto_free char *path = NULL;
	struct stream s;

	add(h, "a", "x");
	path = xasprintf(SERVICES "?watch=true&resourceVersion=%s",
	                 said(h, "metadata.resourceVersion"));
	add(h, "b", "x");
	relabel(h, "a", "y");
	stream_open(&s, h, path, NULL);
	stream_wait(&s, 2);
	assert_string_equal(stream_event(&s, 0), "ADDED b");
	assert_string_equal(stream_event(&s, 1), "MODIFIED a");
	add(h, "c", "x");
	stream_wait(&s, 3);
	assert_string_equal(stream_event(&s, 2), "ADDED c");
	stream_idle(&s);
	stream_close(&s);
}

static void follows_a_label_selector(void **state)
{
	struct harness *h = *state;
	struct stream s;

	add(h, "a", "other");
	stream_open(&s, h, SERVICES "?watch=1&labelSelector=app%3Dweb", NULL);
	stream_idle(&s);
	relabel(h, "a", "web");
	stream_wait(&s, 1);
	assert_string_equal(stream_event(&s, 0), "ADDED a");
	assert_int_equal(
		patch(h, SERVICES "/a", MERGE, "{\"metadata\":{\"labels\":{\"b\":\"c\"}}}"), 200);
	stream_wait(&s, 2);
	assert_string_equal(stream_event(&s, 1), "MODIFIED a");
	relabel(h, "a", "other");
	stream_wait(&s, 3);
	assert_string_equal(stream_event(&s, 2), "DELETED a");
	/* What is not selected is not told of, not even its end. */
	assert_int_equal(del(h, SERVICES "/a"), 200);
	stream_idle(&s);
	stream_close(&s);
}

static void follows_field_selectors(void **state)
{
	struct harness *h = *state;
	struct stream named, typed;

	stream_open(&named, h, SERVICES "?watch=1&fieldSelector=metadata.name%3Da", NULL);
	stream_open(&typed, h, SERVICES "?watch=1&fieldSelector=spec.type%3DNodePort", NULL);
	add(h, "a", "x");
	add(h, "b", "x");
	assert_int_equal(patch(h, SERVICES "/b", MERGE, "{\"spec\":{\"type\":\"NodePort\"}}"), 200);
	assert_int_equal(patch(h, SERVICES "/b", MERGE, "{\"spec\":{\"type\":\"ClusterIP\"}}"),
	                 200);
	stream_wait(&named, 1);
	assert_string_equal(stream_event(&named, 0), "ADDED a");
	stream_wait(&typed, 2);
	assert_string_equal(stream_event(&typed, 0), "ADDED b");
	assert_string_equal(stream_event(&typed, 1), "DELETED b");
	stream_idle(&named);
	stream_close(&named);
	stream_close(&typed);
}

static void keeps_to_its_namespace(void **state)
{
	struct harness *h = *state;
	struct stream here, everywhere;

	stream_open(&here, h, "/api/v1/namespaces/kube-system/services?watch=1", NULL);
	stream_open(&everywhere, h, "/api/v1/services?watch=1", NULL);
	stream_wait(&everywhere, 1);
	add(h, "a", "x");
	stream_wait(&everywhere, 2);
	assert_int_equal(
		post(h, "/api/v1/namespaces/kube-system/services",
	             "{\"metadata\":{\"name\":\"dns\"},\"spec\":{\"ports\":[{\"port\":53}]}}"),
		201);
	stream_wait(&here, 1);
	assert_string_equal(stream_event(&here, 0), "ADDED dns");
	stream_wait(&everywhere, 3);
	stream_close(&here);
	stream_close(&everywhere);
}

static void sends_rows(void **state)
{
	struct harness *h = *state;
	const json_t *event;
	struct stream s;

	stream_open(&s, h, SERVICES "?watch=1&fieldSelector=metadata.name%3Da", TABLE);
	add(h, "a", "x");
	relabel(h, "a", "y");
	stream_wait(&s, 2);
	event = json_array_get(s.events, 0);
	assert_string_equal(json_path_str(event, "type"), "ADDED");
	assert_string_equal(json_path_str(event, "object.kind"), "Table");
	assert_true(json_array_size(json_path(event, "object.columnDefinitions")) > 0);
	assert_int_equal(json_array_size(json_path(event, "object.rows")), 1);
	event = json_array_get(s.events, 1);
	assert_string_equal(json_path_str(event, "type"), "MODIFIED");
	assert_int_equal(json_array_size(json_path(event, "object.columnDefinitions")), 0);
	assert_int_equal(json_array_size(json_path(event, "object.rows")), 1);
	stream_close(&s);
}

/* KEP-3157: the state as events, then a bookmark that says it is complete. */
static void streams_lists(void **state)
{
	struct harness *h = *state;
	const json_t *bookmark;
	struct stream s;

	add(h, "a", "x");
	stream_open(&s, h,
	            SERVICES "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&"
	                     "allowWatchBookmarks=true",
	            NULL);
	stream_wait(&s, 3);
	assert_string_equal(stream_event(&s, 0), "ADDED a");
	assert_string_equal(stream_event(&s, 2), "BOOKMARK -");
	bookmark = json_array_get(s.events, 2);
	assert_string_equal(json_path_str(bookmark, "object.kind"), "Service");
	assert_string_not_equal(json_path_str(bookmark, "object.metadata.resourceVersion"), "");
	assert_string_equal(json_string_value(json_object_get(
				    json_path(bookmark, "object.metadata.annotations"),
				    "k8s.io/initial-events-end")),
	                    "true");
	add(h, "b", "x");
	stream_wait(&s, 4);
	assert_string_equal(stream_event(&s, 3), "ADDED b");
	stream_close(&s);
}

static void ends_in_time(void **state)
{
	struct harness *h = *state;
	struct stream s;

	stream_open(&s, h, SERVICES "?watch=1&timeoutSeconds=1", NULL);
	stream_wait_end(&s);
	assert_int_equal(s.r, 0);
	assert_int_equal(s.status, 200);
	stream_close(&s);
}

/* What happened before a restart cannot be told any more. */
static void too_old(void **state)
{
	struct harness *h = *state;
	auto_free char *path = NULL;
	struct stream s;

	add(h, "a", "x");
	path = xasprintf(SERVICES "?watch=1&resourceVersion=%s",
	                 said(h, "metadata.resourceVersion"));
	add(h, "b", "x");
	harness_restart(h);
	stream_open(&s, h, path, NULL);
	stream_wait_end(&s);
	assert_int_equal(s.status, 200);
	assert_int_equal(json_array_size(s.events), 1);
	assert_string_equal(stream_event(&s, 0), "ERROR -");
	assert_int_equal(json_path_int(json_array_get(s.events, 0), "object.code", 0), 410);
	assert_string_equal(json_path_str(json_array_get(s.events, 0), "object.reason"), "Expired");
	stream_close(&s);
}

/* Sends the request of a watch and reads nothing. */
static int open_silent(const struct harness *h)
{
	static const char request[] = "GET " SERVICES "?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/" SERVER_SOCKET_NAME, h->dir);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
	return fd;
}

/* All that comes until the last chunk, while the loop runs. */
static void read_to_end(struct harness *h, int fd, struct buf *ret)
{
	static const char last[] = "\r\n0\r\n\r\n";
	int64_t until = clock_now() + 20 * NSEC_PER_SEC;
	static char part[1 << 20];

	while (clock_now() < until) {
		ssize_t n = recv(fd, part, sizeof(part), MSG_DONTWAIT);

		if (n == 0)
			return;
		if (n > 0)
			buf_add(ret, part, (size_t)n);
		else
			harness_run(h, 1);
		if (ret->n > sizeof(last) &&
		    strcmp(ret->p + ret->n - (sizeof(last) - 1), last) == 0)
			return;
	}
	fail_msg("the watch did not end");
}

/* Who takes nothing is ended before it costs more than 16 MiB. */
static void slow_watchers_are_ended(void **state)
{
	enum {
		CHANGES = 160,
		BLOB = 150 << 10
	};
	struct harness *h = *state;
	auto_free char *blob = xmalloc(BLOB + 1);
	auto_buf struct buf text = BUF_INIT;
	int fd, seen = 0;

	add(h, "a", "x");
	fd = open_silent(h);
	memset(blob, 'x', BLOB);
	blob[BLOB] = '\0';
	for (int i = 0; i < CHANGES; i++) {
		auto_free char *body = xasprintf(
			"{\"metadata\":{\"annotations\":{\"n\":\"%d\",\"b\":\"%s\"}}}", i, blob);

		assert_int_equal(patch(h, SERVICES "/a", MERGE, body), 200);
	}
	read_to_end(h, fd, &text);
	close(fd);
	for (const char *p = text.p; (p = strstr(p, "\"type\":\"MODIFIED\"")); p++)
		seen++;
	assert_in_range(seen, (16 << 20) / BLOB - 1, CHANGES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(begins_with_the_state, setup, teardown),
		cmocka_unit_test_setup_teardown(resumes, setup, teardown),
		cmocka_unit_test_setup_teardown(follows_a_label_selector, setup, teardown),
		cmocka_unit_test_setup_teardown(follows_field_selectors, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_to_its_namespace, setup, teardown),
		cmocka_unit_test_setup_teardown(sends_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(streams_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_in_time, setup, teardown),
		cmocka_unit_test_setup_teardown(too_old, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_watchers_are_ended, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
