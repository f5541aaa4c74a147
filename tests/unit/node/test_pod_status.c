/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "node/pod_status.h"

#define T0          1767322800LL /* 2026-01-02T03:00:00Z */
#define AT(seconds) ((T0 + (seconds)) * NSEC_PER_SEC)

#define POD_HEAD                                                                                               \
	"{\"metadata\":{\"name\":\"web-1\"},\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"nginx\"}," \
	"{\"name\":\"log\",\"image\":\"busybox\"}]}"

static json_t *decode(const char *text)
{
	struct err err = { 0 };
	json_t *j = NULL;

	if (decode_json(text, strlen(text), &j, &err) < 0)
		fail_msg("%s in %s", err.msg, text);
	return j;
}

static void expect_patch(const struct pod_status *s, const char *expected)
{
	auto_json json_t *patch = pod_status_patch(s), *want = decode(expected);

	if (!json_equal(patch, want)) {
		char *text = json_dumps(patch, JSON_INDENT(1));

		fail_msg("the patch is\n%s\nbut expected was\n%s", text, expected);
	}
}

#define CONDITION(type, status, time)                 \
	"{\"type\":\"" type "\",\"status\":\"" status \
	"\",\"lastProbeTime\":null,\"lastTransitionTime\":\"" time "\"}"
#define UNREADY(type, time, more)                                                       \
	"{\"type\":\"" type                                                             \
	"\",\"status\":\"False\",\"lastProbeTime\":null,\"lastTransitionTime\":\"" time \
	"\",\"reason\":\"ContainersNotReady\","                                         \
	"\"message\":\"containers with unready status: [web log]" more "\"}"
#define CONTAINER(name, image, ready)                                                      \
	"{\"name\":\"" name "\",\"image\":\"" image "\",\"imageID\":\"\",\"ready\":" ready \
	",\"restartCount\":0,\"started\":true,\"lastState\":{},"                           \
	"\"state\":{\"running\":{\"startedAt\":\"2026-01-02T03:00:00Z\"}}}"
#define CONTAINERS(ready)                                                                          \
	"\"containerStatuses\":[" CONTAINER("web", "nginx", ready) "," CONTAINER("log", "busybox", \
	                                                                         ready) "]"

static void new_pod(void **state)
{
	auto_json json_t *pod = decode(POD_HEAD "}");
	struct pod_status s;

	(void)state;
	pod_status_init(&s, pod, AT(0) + 123456789);
	assert_false(s.ready);
	s.pod_ip = (struct ipaddr){ 4, { 10, 0, 0, 5 } };
	s.host_ip = (struct ipaddr){ 4, { 192, 0, 2, 1 } };
	expect_patch(
		&s,
		"{\"status\":{\"phase\":\"Running\",\"conditions\":[" CONDITION("PodScheduled", "True", "2026-01-02T03:00:00Z") "," CONDITION(
			"Initialized", "True",
			"2026-01-02T03:00:00Z") "," UNREADY("ContainersReady",
	                                                    "2026-01-02T03:00:00Z",
	                                                    "") "," UNREADY("Ready",
	                                                                    "2026-01-02T03:00:00Z",
	                                                                    "") "],"
										"\"hostIP\":\"192.0.2.1\",\"podIP\":\"10.0.0.5\",\"podIPs\":[{\"ip\":\"10.0.0.5\"}],"
										"\"startTime\":\"2026-01-02T03:00:00Z\"," CONTAINERS(
											"false") "}}");
	pod_status_done(&s);
}

/* lastTransitionTime moves when the condition flips and only then. */
static void flips(void **state)
{
	auto_json json_t *pod = decode(POD_HEAD "}");
	struct pod_status s;

	(void)state;
	pod_status_init(&s, pod, AT(0));
	pod_status_set_ready(&s, true, "unused", AT(5));
	pod_status_set_ready(&s, true, "", AT(9));
	expect_patch(
		&s,
		"{\"status\":{\"phase\":\"Running\",\"conditions\":[" CONDITION("PodScheduled", "True", "2026-01-02T03:00:00Z") "," CONDITION(
			"Initialized", "True",
			"2026-01-02T03:00:00Z") "," CONDITION("ContainersReady", "True",
	                                                      "2026-01-02T03:00:05Z") "," CONDITION("Ready",
	                                                                                            "True",
	                                                                                            "2026-01-02T03:00:05Z") "],"
															    "\"podIP\":null,\"podIPs\":null,"
															    "\"startTime\":\"2026-01-02T03:00:00Z\"," CONTAINERS(
																    "true") "}}");
	pod_status_set_ready(&s, false, "it \"broke\"", AT(10));
	pod_status_set_ready(&s, false, "and stays so", AT(11));
	expect_patch(
		&s,
		"{\"status\":{\"phase\":\"Running\",\"conditions\":[" CONDITION("PodScheduled", "True", "2026-01-02T03:00:00Z") "," CONDITION(
			"Initialized", "True",
			"2026-01-02T03:00:00Z") "," UNREADY("ContainersReady",
	                                                    "2026-01-02T03:00:10Z",
	                                                    ": and stays so") "," UNREADY("Ready",
	                                                                                  "2026-01-02T03:00:10Z",
	                                                                                  ": and stays so") "],"
													    "\"podIP\":null,\"podIPs\":null,"
													    "\"startTime\":\"2026-01-02T03:00:00Z\"," CONTAINERS(
														    "false") "}}");
	pod_status_done(&s);
}

/* What a restarted agent reads back is what it would write: nothing flips, nothing is written. */
static void round_trip(void **state)
{
	(void)state;
	for (int ready = 0; ready < 2; ready++) {
		auto_json json_t *pod = decode(POD_HEAD "}"), *patch = NULL, *again = NULL;
		struct pod_status s;

		pod_status_init(&s, pod, AT(0));
		s.pod_ip = (struct ipaddr){ 6, { 0xfd, [15] = 1 } };
		pod_status_set_ready(&s, true, "", AT(3));
		pod_status_set_ready(&s, ready, "probe: [x]: no", AT(4));
		patch = pod_status_patch(&s);
		assert_false(pod_status_is_written(pod, patch));
		json_object_set(pod, "status", json_object_get(patch, "status"));
		pod_status_done(&s);

		pod_status_init(&s, pod, AT(1000));
		s.pod_ip = (struct ipaddr){ 6, { 0xfd, [15] = 1 } };
		assert_int_equal(s.ready, ready);
		assert_string_equal(s.why, ready ? "" : "probe: [x]: no");
		again = pod_status_patch(&s);
		assert_true(json_equal(patch, again));
		assert_true(pod_status_is_written(pod, again));
		pod_status_done(&s);
	}
}

/* A server that drops nulls and adds members of its own has what was written. */
static void is_written(void **state)
{
	static const struct {
		const char *status, *patch;
		bool expected;
	} rows[] = {
		{ "{\"a\":1,\"b\":2}", "{\"a\":1}", true },
		{ "{\"a\":1}", "{\"a\":2}", false },
		{ "{}", "{\"a\":null}", true },
		{ "{\"a\":null}", "{\"a\":null}", true },
		{ "{\"a\":\"x\"}", "{\"a\":null}", false },
		{ "{\"l\":[{\"t\":\"x\",\"more\":1}]}", "{\"l\":[{\"t\":\"x\",\"gone\":null}]}",
		  true },
		{ "{\"l\":[{\"t\":\"x\"},{\"t\":\"y\"}]}", "{\"l\":[{\"t\":\"x\"}]}", false },
		{ "{}", "{\"l\":[]}", true },
		{ "{}", "{\"o\":{}}", true },
		{ "{\"o\":{}}", "{\"o\":{}}", true },
		{ "null", "{\"a\":1}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		auto_json json_t *pod = json_pack(
			"{s:o}", "status", json_loads(rows[i].status, JSON_DECODE_ANY, NULL));
		auto_json json_t *patch = json_pack("{s:o}", "status", decode(rows[i].patch));

		print_message("# %s in %s\n", rows[i].patch, rows[i].status);
		assert_int_equal(pod_status_is_written(pod, patch), rows[i].expected);
	}
}

/* Odd content of other writers: times and types that are none. */
static void odd_status(void **state)
{
	auto_json json_t *pod = decode(
		POD_HEAD
		",\"status\":{\"startTime\":7,\"conditions\":[1,{},"
		"{\"type\":\"Ready\",\"status\":\"True\",\"lastTransitionTime\":\"yesterday\"}]}}");
	struct pod_status s;

	(void)state;
	pod_status_init(&s, pod, AT(1));
	assert_true(s.ready);
	assert_int_equal(s.start_time, AT(1));
	assert_int_equal(s.since[POD_READY], AT(1));
	assert_int_equal(s.since[POD_CONTAINERS_READY], AT(1));
	pod_status_done(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_pod),    cmocka_unit_test(flips),
		cmocka_unit_test(round_trip), cmocka_unit_test(is_written),
		cmocka_unit_test(odd_status),
	};

	return cmocka_run_group_tests_name("node pod_status", tests, NULL, NULL);
}
