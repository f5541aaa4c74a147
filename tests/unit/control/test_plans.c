/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the Endpoints, mirroring and garbage collecting controllers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "control/endpoints_plan.h"
#include "control/gc_graph.h"
#include "control/gc_plan.h"
#include "control/mirror_plan.h"
#include "kube/json.h"

/* JSON with ' for ". */
static json_t *parse(const char *text)
{
	auto_free char *copy = xstrdup(text);
	json_error_t error;
	json_t *json;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	json = json_loads(copy, 0, &error);
	if (!json)
		fail_msg("%s: %s", error.text, text);
	return json;
}

static void expect_json(const json_t *json, const char *wanted)
{
	auto_json json_t *want = parse(wanted);

	if (!json_equal(json, want)) {
		auto_free char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);

		fail_msg("%s\nwanted %s", text, wanted);
	}
}

/* ---- Endpoints ---- */

static struct pod *make_pod(const char *name, const char *ip, bool ready, const char *ports)
{
	auto_free char *text = xasprintf(
		"{'metadata': {'namespace': 'd', 'name': '%s', 'uid': 'u-%s'}, 'spec': {"
		"'containers': [{'ports': [%s]}]}, 'status': {'phase': 'Running', 'podIPs': [{'ip': "
		"'%s'}], 'conditions': [{'type': 'Ready', 'status': '%s'}]}}",
		name, name, ports, ip, ready ? "True" : "False");
	auto_json json_t *json = parse(text);

	return pod_from_json(json);
}

#define TARGET(name) \
	"'targetRef': {'kind': 'Pod', 'namespace': 'd', 'name': '" name "', 'uid': 'u-" name "'}"

/* Ports of the same Pods share a subset; a Pod without the named port is left out of it. */
static void endpoints_subsets(void **state)
{
	auto_json json_t *json = parse(
		"{'metadata': {'namespace': 'd', 'name': 'web', 'labels': {'a': '1'}}, 'spec': {"
		"'clusterIP': '10.96.0.9', 'clusterIPs': ['10.96.0.9'], 'ipFamilies': ['IPv4'], "
		"'ports': [{'name': 'q', 'port': 90, 'protocol': 'TCP', 'targetPort': 'q'}, "
		"{'name': 'p', 'port': 80, 'protocol': 'TCP', 'targetPort': 8080}]}}");
	struct service *service = service_from_json(json);
	struct pod *pods[] = { make_pod("b", "10.0.0.2", false, ""),
		               make_pod("a", "10.0.0.1", true,
		                        "{'name': 'q', 'containerPort': 9090}"),
		               make_pod("six", "fd00::1", true, "") };
	struct slice_pod list[] = { { pods[0], true, "" },
		                    { pods[1], true, "" },
		                    { pods[2], true, "" } };
	auto_json json_t *planned = endpoints_plan(service, list, 3);

	(void)state;
	expect_json(
		json_path(planned, "subsets"),
		"[{'addresses': [{'ip': '10.0.0.1', " TARGET(
			"a") "}], 'notReadyAddresses': "
			     "[{'ip': '10.0.0.2', " TARGET(
				     "b") "}], 'ports': [{'name': 'p', 'port': 8080, "
					  "'protocol': 'TCP'}]}, {'addresses': [{'ip': '10.0.0.1', " TARGET(
						  "a") "}], "
						       "'ports': [{'name': 'q', 'port': 9090, 'protocol': 'TCP'}]}]");
	expect_json(json_path(planned, "metadata.labels"),
	            "{'a': '1', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller'}");
	service_free(service);
	for (size_t i = 0; i < 3; i++)
		pod_free(pods[i]);
}

static void endpoints_over_capacity(void **state)
{
	auto_json json_t *json = parse(
		"{'metadata': {'namespace': 'd', 'name': 'web'}, 'spec': {'clusterIP': '10.96.0.9', "
		"'clusterIPs': ['10.96.0.9'], 'ports': [{'port': 80, 'protocol': 'TCP'}]}}");
	struct service *service = service_from_json(json);
	struct slice_pod list[1003] = { 0 };
	auto_json json_t *planned = NULL, *few = NULL, *copy = NULL;
	const json_t *subset;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		auto_free char *name = xasprintf("p%zu", i);
		auto_free char *ip = xasprintf("10.0.%zu.%zu", i / 250, i % 250 + 1);

		list[i].pod = make_pod(name, ip, i >= 2, "");
	}
	planned = endpoints_plan(service, list, ARRAY_SIZE(list));
	subset = json_array_get(json_path(planned, "subsets"), 0);
	assert_int_equal(json_array_size(json_path(subset, "addresses")), 1000);
	assert_null(json_path(subset, "notReadyAddresses"));
	expect_json(json_path(planned, "metadata.annotations"),
	            "{'endpoints.kubernetes.io/over-capacity': 'truncated'}");
	/* two that are not ready and 998 that are: none is left out */
	few = endpoints_plan(service, list, 1000);
	subset = json_array_get(json_path(few, "subsets"), 0);
	assert_int_equal(json_array_size(json_path(subset, "notReadyAddresses")), 2);
	expect_json(json_path(few, "metadata.annotations"), "{}");
	/* the time is not among what makes a difference, addresses are */
	copy = json_deep_copy(few);
	endpoints_set_trigger(copy, 1);
	assert_true(endpoints_digest(copy) == endpoints_digest(few));
	assert_true(endpoints_digest(planned) != endpoints_digest(few));
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		pod_free((struct pod *)list[i].pod);
	service_free(service);
}

/* ---- mirroring ---- */

/* "POST IPv4 80: 10.0.0.1 10.0.0.2!" for each write. */
static void expect_writes(const char *endpoints, const json_t *slices, const char *wanted)
{
	auto_json json_t *json = endpoints ? parse(endpoints) : NULL;
	size_t bad, beyond, i, j;
	auto_json json_t *writes = mirror_plan(json, slices, &bad, &beyond);
	const json_t *write, *one;
	char text[512] = "";

	json_array_foreach(writes, i, write) {
		const json_t *body = json_path(write, "body");
		size_t n = strlen(text);

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %s %s",
		                      json_path_str(write, "method"), json_path_str(write, "name"),
		                      json_path_str(body, "addressType"));
		json_array_foreach(json_path(body, "endpoints"), j, one)
			n += (size_t)snprintf(
				text + n, sizeof(text) - n, " %s%s",
				json_string_value(json_array_get(json_path(one, "addresses"), 0)),
				json_path_bool(one, "conditions.ready", true) ? "" : "!");
		json_array_foreach(json_path(body, "ports"), j, one)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " :%d",
			                      (int)json_path_int(one, "port", 0));
		(void)snprintf(text + n, sizeof(text) - n, ";");
	}
	assert_string_equal(text, wanted);
}

#define ENDPOINTS(labels, subsets)                                                               \
	"{'metadata': {'name': 'web', 'uid': 'e', 'labels': {" labels "}}, 'subsets': [" subsets \
	"]}"
#define LABELS                                                                                            \
	"'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': '" MIRROR_MANAGER \
	"'"
#define SLICE(name, uid, address, port)                                                                \
	"{'metadata': {'name': '" name "', 'resourceVersion': '7', 'labels': {" LABELS "}, "           \
	"'ownerReferences': [{'uid': '" uid                                                            \
	"'}]}, 'addressType': 'IPv4', 'endpoints': [{'addresses': ['" address                          \
	"'], 'conditions': {'ready': true}}], 'ports': [{'name': '', 'protocol': 'TCP', 'port': " port \
	"}]}"

static void mirror_plans(void **state)
{
	static const struct {
		const char *endpoints, *slices, *writes;
	} table[] = {
		{ ENDPOINTS("",
		            "{'addresses': [{'ip': '10.0.0.1'}, {'ip': 'fd00::1'}], "
		            "'notReadyAddresses': [{'ip': '10.0.0.2'}], 'ports': [{'port': 80}]}"),
		  "[]", "POST  IPv4 10.0.0.1 10.0.0.2! :80;POST  IPv6 fd00::1 :80;" },
		/* the same ports: one slice; others: two */
		{ ENDPOINTS("", "{'addresses': [{'ip': '10.0.0.1'}], 'ports': [{'port': 80}]}, "
		                "{'addresses': [{'ip': '10.0.0.2'}], 'ports': [{'port': 80}]}, "
		                "{'addresses': [{'ip': '10.0.0.1'}], 'ports': [{'port': 81}]}"),
		  "[]", "POST  IPv4 10.0.0.1 10.0.0.2 :80;POST  IPv4 10.0.0.1 :81;" },
		/* nothing to do */
		{ ENDPOINTS("", "{'addresses': [{'ip': '10.0.0.1'}], 'ports': [{'port': 80}]}"),
		  "[" SLICE("s", "e", "10.0.0.1", "80") "]", "" },
		/* another address, another label, other ports: written over */
		{ ENDPOINTS("", "{'addresses': [{'ip': '10.0.0.3'}], 'ports': [{'port': 80}]}"),
		  "[" SLICE("s", "e", "10.0.0.1", "80") "]", "PUT s IPv4 10.0.0.3 :80;" },
		{ ENDPOINTS("'a': 'b'",
		            "{'addresses': [{'ip': '10.0.0.1'}], 'ports': [{'port': 80}]}"),
		  "[" SLICE("s", "e", "10.0.0.1", "80") "]", "PUT s IPv4 10.0.0.1 :80;" },
		{ ENDPOINTS("", "{'addresses': [{'ip': '10.0.0.1'}], 'ports': [{'port': 81}]}"),
		  "[" SLICE("s", "e", "10.0.0.1", "80") "]", "PUT s IPv4 10.0.0.1 :81;" },
		/* of Endpoints that were there before */
		{ ENDPOINTS("", "{'addresses': [{'ip': '10.0.0.1'}], 'ports': [{'port': 80}]}"),
		  "[" SLICE("s", "old", "10.0.0.1", "80") "]",
		  "POST  IPv4 10.0.0.1 :80;DELETE s ;" },
		{ NULL, "[" SLICE("s", "e", "10.0.0.1", "80") "]", "DELETE s ;" },
		{ ENDPOINTS("", "{'addresses': [{'ip': 'nonsense'}], 'ports': [{'port': 80}]}"),
		  "[]", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		auto_json json_t *slices = parse(table[i].slices);

		expect_writes(table[i].endpoints, slices, table[i].writes);
	}
}

/* ---- garbage ---- */

#define OBJECT(finalizers)                                                                   \
	"{'metadata': {'uid': 'u', 'resourceVersion': '7', 'finalizers': [" finalizers "], " \
	"'ownerReferences': [{'uid': 'a', 'blockOwnerDeletion': true}, {'uid': 'b'}]}}"

static void gc_decisions(void **state)
{
	static const struct {
		const char *finalizers;
		enum gc_owner owners[2];
		bool has_dependents, circle;
		const char *policy; /* of the deletion; "": none */
		const char *left;   /* owners the patch leaves, NULL: no patch */
	} table[] = {
		{ "", { GC_OWNER_THERE, GC_OWNER_THERE }, false, false, "", NULL },
		{ "",
		  { GC_OWNER_THERE, GC_OWNER_GONE },
		  false,
		  false,
		  "",
		  "[{'uid': 'a', 'blockOwnerDeletion': true}]" },
		{ "", { GC_OWNER_WAITING, GC_OWNER_THERE }, true, false, "", "[{'uid': 'b'}]" },
		{ "", { GC_OWNER_GONE, GC_OWNER_GONE }, true, false, "Background", NULL },
		{ "'orphan'", { GC_OWNER_GONE, GC_OWNER_GONE }, false, false, "Orphan", NULL },
		{ "'foregroundDeletion'",
		  { GC_OWNER_GONE, GC_OWNER_GONE },
		  false,
		  false,
		  "Foreground",
		  NULL },
		{ "", { GC_OWNER_WAITING, GC_OWNER_GONE }, false, false, "Background", NULL },
		{ "", { GC_OWNER_WAITING, GC_OWNER_GONE }, true, false, "Foreground", NULL },
		{ "",
		  { GC_OWNER_WAITING, GC_OWNER_GONE },
		  true,
		  true,
		  "Foreground",
		  "[{'uid': 'a', 'blockOwnerDeletion': false}, {'uid': 'b', 'blockOwnerDeletion': false}]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		auto_free char *finalizers = xstrdup(table[i].finalizers);
		auto_json json_t *object = parse(OBJECT(""));
		auto_json json_t *list = NULL;
		auto_free char *text = xasprintf("[%s]", finalizers);
		struct gc_decision decision;

		list = parse(text);
		json_path_set(object, "metadata.finalizers", json_incref(list));
		gc_decide(object,
		          &(struct gc_situation){ table[i].owners, table[i].has_dependents,
		                                  table[i].circle },
		          &decision);
		assert_string_equal(json_path_str(decision.options, "propagationPolicy"),
		                    table[i].policy);
		if (table[i].left)
			expect_json(json_path(decision.patch, "metadata.ownerReferences"),
			            table[i].left);
		else
			assert_null(decision.patch);
		json_decref(decision.patch);
		json_decref(decision.options);
	}
}

static void count_touched(void *arg, struct gc_node *node)
{
	(void)node;
	(*(int *)arg)++;
}

static void ignore(void *arg, struct gc_node *node)
{
	(void)arg;
	(void)node;
}

static void put(struct gc_graph *graph, const char *name, const char *uid, const char *more)
{
	auto_free char *text = xasprintf(
		"{'metadata': {'namespace': 'd', 'name': '%s', 'uid': '%s'%s}}", name, uid, more);
	auto_json json_t *object = parse(text);

	gc_graph_put(graph, &kind_pod, object);
}

#define OWNED_BY(name, uid)                                                        \
	", 'ownerReferences': [{'apiVersion': 'v1', 'kind': 'Pod', 'name': '" name \
	"', 'uid': '" uid "'}]"

static void gc_graph_touches(void **state)
{
	struct workqueue queue;
	int touched = 0;
	struct gc_graph graph = {
		.queue = &queue, .touched = count_touched, .dropped = ignore, .arg = &touched
	};

	(void)state;
	workqueue_init(&queue, NULL, NULL, NULL);
	put(&graph, "a", "1", "");
	put(&graph, "b", "2", OWNED_BY("a", "1"));
	assert_int_equal(touched, 0);
	/* an owner that is not there */
	put(&graph, "c", "3", OWNED_BY("x", "9"));
	assert_int_equal(touched, 1);
	put(&graph, "x", "9", "");
	touched = 0;
	put(&graph, "c", "3", OWNED_BY("x", "9"));
	assert_int_equal(touched, 0);
	/* it goes; another of its name comes; one of 'a' is told when 'a' waits for it */
	gc_graph_remove(&graph, &kind_pod, "d", "x");
	assert_int_equal(touched, 1);
	put(&graph, "x", "10", "");
	assert_int_equal(touched, 2);
	touched = 0;
	put(&graph, "a", "1", ", 'deletionTimestamp': 't', 'finalizers': ['foregroundDeletion']");
	assert_int_equal(touched, 2); /* b, and a itself */
	gc_graph_remove(&graph, &kind_pod, "d", "b");
	assert_int_equal(touched, 3);
	gc_graph_done(&graph);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_subsets), cmocka_unit_test(endpoints_over_capacity),
		cmocka_unit_test(mirror_plans),      cmocka_unit_test(gc_decisions),
		cmocka_unit_test(gc_graph_touches),
	};

	return cmocka_run_group_tests_name("control/plans", tests, NULL, NULL);
}
