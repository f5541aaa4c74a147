/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller against an API in the same loop: objects go in, slices are looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "control/endpoint_slices.h"
#include "fake_api.h"
#include "kube/json.h"

#define NS     "/api/v1/namespaces/default/"
#define SLICES "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
#define WRITES(api)                                                                       \
	(fake_api_requests(api, "POST " SLICES) + fake_api_requests(api, "PUT " SLICES) + \
	 fake_api_requests(api, "DELETE " SLICES))

struct fixture {
	struct fake_api *api;
	struct client *client;
	struct endpoint_slices *controller;
	const char *wanted;
	size_t number;
};

/* ---- what is there, as text ---- */

static int text_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "IPv4 80,81 a b!" for each slice, in order of the text; '!': not ready, 't': terminating. */
static char *slice_text(const json_t *slice)
{
	struct buf b = BUF_INIT;
	const json_t *item;
	size_t i;

	buf_printf(&b, "%s", json_path_str(slice, "addressType"));
	json_array_foreach(json_path(slice, "ports"), i, item)
		buf_printf(&b, "%s%d", i ? "," : " ", (int)json_path_int(item, "port", 0));
	json_array_foreach(json_path(slice, "endpoints"), i, item)
		buf_printf(&b, " %s%s%s", json_path_str(item, "targetRef.name"),
		           json_path_bool(item, "conditions.ready", true) ? "" : "!",
		           json_path_bool(item, "conditions.terminating", false) ? "t" : "");
	return buf_take(&b);
}

static char *slices_text(struct fake_api *api)
{
	auto_json json_t *list = fake_api_list(api, SLICES "/");
	size_t n = json_array_size(list);
	char **texts = xcalloc(n + 1, sizeof(*texts));
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		texts[i] = slice_text(json_array_get(list, i));
	qsort(texts, n, sizeof(*texts), text_cmp);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&b, "%s%s", i ? "; " : "", texts[i]);
		free(texts[i]);
	}
	free(texts);
	buf_adds(&b, "");
	return b.p ? buf_take(&b) : xstrdup("");
}

static bool is_wanted(void *arg)
{
	struct fixture *f = arg;
	auto_free char *text = slices_text(f->api);

	return strcmp(text, f->wanted) == 0;
}

/* The slices come to be these, and stay so. */
static void expect(struct fixture *f, const char *wanted)
{
	auto_free char *text = NULL;

	f->wanted = wanted;
	fake_api_until(f->api, is_wanted, f);
	fake_api_run(f->api, 10 * NSEC_PER_MSEC);
	text = slices_text(f->api);
	assert_string_equal(text, wanted);
}

static json_t *only_slice(struct fixture *f)
{
	auto_json json_t *list = fake_api_list(f->api, SLICES "/");

	assert_int_equal(json_array_size(list), 1);
	return json_array_get(list, 0);
}

/* ---- objects ---- */

static void put_service(struct fixture *f, const char *selector, const char *more)
{
	auto_free char *json = xasprintf(
		"{'kind': 'Service', 'apiVersion': 'v1', 'metadata': {'creationTimestamp': "
		"'2026-01-01T00:00:00Z'}, 'spec': {'clusterIP': '10.96.0.1', 'clusterIPs': "
		"['10.96.0.1'], 'ipFamilies': ['IPv4'], 'selector': {%s}, 'ports': [{'port': 80, "
		"'protocol': 'TCP', 'targetPort': 8080}]%s}}",
		selector, more);

	fake_api_put(f->api, NS "services/web", json);
}

static void put_pod(struct fixture *f, const char *name, const char *app, int number, bool ready)
{
	auto_free char *path = xasprintf(NS "pods/%s", name);
	auto_free char *json = xasprintf(
		"{'kind': 'Pod', 'apiVersion': 'v1', 'metadata': {'labels': {'app': '%s', "
		"'tier': 'x'}}, 'spec': {'nodeName': 'n1'}, 'status': {'phase': 'Running', "
		"'podIPs': [{'ip': '10.0.%d.%d'}], 'conditions': [{'type': 'Ready', 'status': "
		"'%s', 'lastTransitionTime': '2026-01-02T00:00:%02dZ'}]}}",
		app, number / 200, number % 200 + 1, ready ? "True" : "False", number % 60);

	fake_api_put(f->api, path, json);
}

static void put_node(struct fixture *f, const char *zone)
{
	auto_free char *json = xasprintf("{'kind': 'Node', 'apiVersion': 'v1', 'metadata': "
	                                 "{'labels': {'topology.kubernetes.io/zone': '%s'}}}",
	                                 zone);

	fake_api_put(f->api, "/api/v1/nodes/n1", json);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->api = fake_api_new();
	f->client = fake_api_client(f->api);
	put_node(f, "z1");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	endpoint_slices_free(f->controller);
	client_free(f->client);
	fake_api_free(f->api);
	free(f);
	return 0;
}

static void start(struct fixture *f)
{
	f->controller = endpoint_slices_new(
		f->client, &(struct endpoint_slices_config){ .retry_min = 20 * NSEC_PER_MSEC });
}

/* ---- tests ---- */

static void service_and_pods(void **state)
{
	struct fixture *f = *state;
	json_t *slice;

	start(f);
	put_service(f, "'app': 'web'", "");
	expect(f, "IPv4");
	put_pod(f, "a", "web", 1, true);
	put_pod(f, "b", "web", 2, false);
	put_pod(f, "c", "other", 3, true);
	expect(f, "IPv4 8080 a b!");
	slice = only_slice(f);
	assert_int_equal(strncmp(json_path_str(slice, "metadata.name"), "web-", 4), 0);
	assert_string_equal(json_path_str(json_array_get(json_path(slice, "endpoints"), 0), "zone"),
	                    "z1");
	put_pod(f, "a", "web", 1, false);
	put_pod(f, "b", "web", 2, true);
	expect(f, "IPv4 8080 a! b");
	fake_api_delete(f->api, NS "pods/a");
	expect(f, "IPv4 8080 b");
	put_pod(f, "c", "web", 3, true);
	expect(f, "IPv4 8080 b c");
	/* a Pod that loses the label */
	put_pod(f, "b", "other", 2, true);
	expect(f, "IPv4 8080 c");
	put_service(f, "'app': 'other'", "");
	expect(f, "IPv4 8080 b");
	put_service(f, "'app': 'none', 'tier': 'x'", "");
	expect(f, "IPv4");
	put_service(f, "'app': 'web', 'tier': 'x'", "");
	expect(f, "IPv4 8080 c");
	fake_api_delete(f->api, NS "services/web");
	expect(f, "");
	/* and the same name once more, with another uid */
	put_service(f, "'app': 'web'", "");
	expect(f, "IPv4 8080 c");
}

static void pods_first(void **state)
{
	struct fixture *f = *state;

	put_pod(f, "a", "web", 1, true);
	put_service(f, "'app': 'web'", "");
	start(f);
	expect(f, "IPv4 8080 a");
	assert_int_equal(WRITES(f->api), 1);
}

/* A second controller finds everything as it is to be and writes nothing. */
static void restart_writes_nothing(void **state)
{
	struct fixture *f = *state;

	put_pod(f, "a", "web", 1, true);
	put_service(f, "'app': 'web'", "");
	start(f);
	expect(f, "IPv4 8080 a");
	endpoint_slices_free(take_ptr(&f->controller));
	start(f);
	fake_api_run(f->api, 50 * NSEC_PER_MSEC);
	assert_int_equal(WRITES(f->api), 1);
	put_pod(f, "b", "web", 2, true);
	expect(f, "IPv4 8080 a b");
	assert_int_equal(WRITES(f->api), 2);
}

static void no_endpoints_any_more(void **state)
{
	struct fixture *f = *state;

	put_pod(f, "a", "web", 1, true);
	put_service(f, "'app': 'web'", "");
	start(f);
	expect(f, "IPv4 8080 a");
	put_service(f, "", "");
	expect(f, "");
	put_service(f, "'app': 'web'", "");
	expect(f, "IPv4 8080 a");
	put_service(f, "'app': 'web'", ", 'type': 'ExternalName', 'externalName': 'x.org'");
	expect(f, "");
}

/* Slices of a Service that went while the controller was away. */
static void orphans(void **state)
{
	struct fixture *f = *state;

	put_service(f, "'app': 'web'", "");
	start(f);
	expect(f, "IPv4");
	endpoint_slices_free(take_ptr(&f->controller));
	fake_api_delete(f->api, NS "services/web");
	start(f);
	expect(f, "");
}

static void others_slices(void **state)
{
	struct fixture *f = *state;

	fake_api_put(f->api, SLICES "/foreign",
	             "{'metadata': {'labels': {'kubernetes.io/service-name': 'web', "
	             "'endpointslice.kubernetes.io/managed-by': 'me'}}, 'addressType': 'FQDN'}");
	put_service(f, "'app': 'web'", "");
	start(f);
	expect(f, "FQDN; IPv4");
	fake_api_delete(f->api, NS "services/web");
	expect(f, "FQDN");
}

static void deleted_and_edited_by_others(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = NULL;
	auto_json json_t *edited = NULL;
	auto_free char *text = NULL;

	put_pod(f, "a", "web", 1, true);
	put_service(f, "'app': 'web'", "");
	start(f);
	expect(f, "IPv4 8080 a");
	path = xasprintf(SLICES "/%s", json_path_str(only_slice(f), "metadata.name"));
	edited = json_deep_copy(only_slice(f));
	json_path_set(edited, "endpoints", json_array());
	text = json_text(edited);
	fake_api_put(f->api, path, text);
	expect(f, "IPv4 8080 a");
	fake_api_delete(f->api, path);
	expect(f, "IPv4 8080 a");
	assert_null(fake_api_get(f->api, path));
	/* a label that makes it somebody else's: ours is written anew, that one left alone */
	free(take_ptr(&path));
	path = xasprintf(SLICES "/%s", json_path_str(only_slice(f), "metadata.name"));
	free(take_ptr(&text));
	json_path_del(edited, "metadata.labels");
	text = json_text(edited);
	fake_api_put(f->api, path, text);
	expect(f, "IPv4 8080; IPv4 8080 a");
}

static void trigger_times(void **state)
{
	static const char path[] = "metadata.annotations";
	static const char key[] = "endpoints.kubernetes.io/last-change-trigger-time";
	struct fixture *f = *state;

	start(f);
	fake_api_run(f->api, 20 * NSEC_PER_MSEC);
	put_service(f, "'app': 'web'", "");
	expect(f, "IPv4");
	assert_string_equal(json_string_value(json_object_get(json_path(only_slice(f), path), key)),
	                    "2026-01-01T00:00:00Z");
	put_pod(f, "a", "web", 7, true);
	expect(f, "IPv4 8080 a");
	assert_string_equal(json_string_value(json_object_get(json_path(only_slice(f), path), key)),
	                    "2026-01-02T00:00:07Z");
	/* when a Pod was deleted is not known */
	fake_api_delete(f->api, NS "pods/a");
	expect(f, "IPv4");
	assert_null(json_object_get(json_path(only_slice(f), path), key));
}

static void nodes(void **state)
{
	struct fixture *f = *state;
	const json_t *endpoint;

	fake_api_delete(f->api, "/api/v1/nodes/n1");
	put_pod(f, "a", "web", 1, true);
	put_service(f, "'app': 'web'", "");
	start(f);
	expect(f, "IPv4");
	put_node(f, "z1");
	expect(f, "IPv4 8080 a");
	put_node(f, "z2");
	fake_api_run(f->api, 30 * NSEC_PER_MSEC);
	endpoint = json_array_get(json_path(only_slice(f), "endpoints"), 0);
	assert_string_equal(json_path_str(endpoint, "zone"), "z2");
	/* a heartbeat, and the loss of the object, write nothing */
	json_array_clear(f->api->requests);
	put_node(f, "z2");
	fake_api_delete(f->api, "/api/v1/nodes/n1");
	fake_api_run(f->api, 30 * NSEC_PER_MSEC);
	assert_int_equal(WRITES(f->api), 0);
}

static bool has_writes(void *arg)
{
	struct fixture *f = arg;

	return WRITES(f->api) >= f->number;
}

/* While the watch does not show our own write, the Service is not planned again. */
static void no_duplicates(void **state)
{
	struct fixture *f = *state;

	start(f);
	f->api->hold = "/apis/discovery.k8s.io/v1/endpointslices";
	put_service(f, "'app': 'web'", "");
	f->number = 1;
	fake_api_until(f->api, has_writes, f);
	put_pod(f, "a", "web", 1, true);
	put_pod(f, "b", "web", 2, true);
	fake_api_run(f->api, 50 * NSEC_PER_MSEC);
	assert_int_equal(WRITES(f->api), 1);
	fake_api_release(f->api);
	expect(f, "IPv4 8080 a b");
	assert_int_equal(fake_api_requests(f->api, "POST " SLICES), 1);
}

/* A watch that never shows a write does not stop the Service for ever; what came of it is put right. */
static void patience_ends(void **state)
{
	struct fixture *f = *state;

	f->controller = endpoint_slices_new(
		f->client, &(struct endpoint_slices_config){ .retry_min = 20 * NSEC_PER_MSEC,
	                                                     .patience = 50 * NSEC_PER_MSEC });
	f->api->hold = "/apis/discovery.k8s.io/v1/endpointslices";
	put_pod(f, "a", "web", 1, true);
	put_service(f, "'app': 'web'", "");
	f->number = 2;
	fake_api_until(f->api, has_writes, f);
	fake_api_release(f->api);
	expect(f, "IPv4 8080 a");
}

/* Pods come while the answer to a create is under way, again and again: one slice all the time. */
static void bursts(void **state)
{
	struct fixture *f = *state;
	struct buf wanted = BUF_INIT;

	start(f);
	put_service(f, "'app': 'web'", "");
	buf_adds(&wanted, "IPv4 8080");
	for (int i = 10; i < 60; i++) {
		auto_free char *name = xasprintf("p%d", i);

		put_pod(f, name, "web", i, true);
		fake_api_run(f->api, NSEC_PER_MSEC / 2);
		buf_printf(&wanted, " %s", name);
	}
	f->wanted = buf_str(&wanted);
	fake_api_run(f->api, 50 * NSEC_PER_MSEC);
	assert_int_equal(json_array_size(json_path(only_slice(f), "endpoints")), 50);
	assert_int_equal(fake_api_requests(f->api, "POST " SLICES), 1);
	assert_int_equal(fake_api_requests(f->api, "DELETE " SLICES), 0);
	buf_done(&wanted);
}

static void failing_writes(void **state)
{
	static const struct {
		int status;
		const char *body;
		size_t events;
	} table[] = {
		{ 500, "{\"message\": \"on fire\"}", 1 },
		{ 409, "{\"message\": \"the object has been modified\"}", 0 },
		{ 503, "", 1 },
	};
	struct fixture *f = *state;

	put_service(f, "'app': 'web'", "");
	start(f);
	expect(f, "IPv4");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		json_array_clear(f->api->requests);
		f->api->fault = (struct fake_fault){ .method = "PUT",
			                             .path = SLICES,
			                             .times = 2,
			                             .status = table[i].status,
			                             .body = table[i].body };
		put_pod(f, "a", "web", 1, i % 2 == 0);
		expect(f, i % 2 == 0 ? "IPv4 8080 a" : "IPv4 8080 a!");
		assert_int_equal(WRITES(f->api), 3);
		assert_int_equal(fake_api_requests(f->api, "POST " NS "events"), table[i].events);
	}
}

/* A namespace on its way out refuses new objects: neither an error nor tried again. */
static void namespace_goes(void **state)
{
	struct fixture *f = *state;

	f->api->fault = (struct fake_fault){
		.method = "POST",
		.path = SLICES,
		.times = 10,
		.status = 403,
		.body = "{\"message\": \"forbidden\", \"details\": {\"causes\": [{\"reason\": "
			"\"NamespaceTerminating\"}]}}"
	};
	put_service(f, "'app': 'web'", "");
	start(f);
	f->number = 1;
	fake_api_until(f->api, has_writes, f);
	fake_api_run(f->api, 100 * NSEC_PER_MSEC);
	assert_int_equal(WRITES(f->api), 1);
	assert_int_equal(fake_api_requests(f->api, "POST " NS "events"), 0);
}

static void server_restarts(void **state)
{
	struct fixture *f = *state;

	put_service(f, "'app': 'web'", "");
	put_pod(f, "a", "web", 1, true);
	start(f);
	expect(f, "IPv4 8080 a");
	fake_api_stop(f->api);
	fake_api_run(f->api, 20 * NSEC_PER_MSEC);
	put_pod(f, "b", "web", 2, true);
	fake_api_delete(f->api, NS "pods/a");
	fake_api_expire(f->api);
	fake_api_start(f->api);
	expect(f, "IPv4 8080 b");
	assert_int_equal(WRITES(f->api), 2);
}

static void many_slices(void **state)
{
	struct fixture *f = *state;
	auto_json json_t *list = NULL;
	size_t total = 0;

	put_service(f, "'app': 'web'", "");
	for (int i = 0; i < 250; i++) {
		auto_free char *name = xasprintf("p%d", i);

		put_pod(f, name, "web", i, true);
	}
	start(f);
	f->number = 3;
	fake_api_until(f->api, has_writes, f);
	fake_api_run(f->api, 20 * NSEC_PER_MSEC);
	list = fake_api_list(f->api, SLICES "/");
	assert_int_equal(json_array_size(list), 3);
	for (size_t i = 0; i < 3; i++)
		total += json_array_size(json_path(json_array_get(list, i), "endpoints"));
	assert_int_equal(total, 250);
	assert_int_equal(WRITES(f->api), 3);
}

static bool so_many(void *arg)
{
	struct fixture *f = arg;
	auto_json json_t *list = fake_api_list(f->api, SLICES "/");

	return json_array_size(list) == f->number;
}

/* More Services than requests may be under way; and none is written twice. */
static void many_services(void **state)
{
	struct fixture *f = *state;

	f->number = 300;
	for (int i = 0; i < 300; i++) {
		auto_free char *path = xasprintf(NS "services/s%d", i);
		auto_free char *json = xasprintf("{'spec': {'clusterIP': '10.96.0.1', "
		                                 "'ipFamilies': ['IPv4'], 'selector': "
		                                 "{'app': 'a%d'}}}",
		                                 i);

		fake_api_put(f->api, path, json);
	}
	start(f);
	fake_api_until(f->api, so_many, f);
	fake_api_run(f->api, 20 * NSEC_PER_MSEC);
	assert_int_equal(WRITES(f->api), 300);
	for (int i = 0; i < 300; i++) {
		auto_free char *path = xasprintf(NS "services/s%d", i);

		fake_api_delete(f->api, path);
	}
	expect(f, "");
	assert_int_equal(WRITES(f->api), 600);
}

static void stopped_in_the_middle(void **state)
{
	struct fixture *f = *state;

	put_service(f, "'app': 'web'", "");
	/* the answer comes, the watch says nothing */
	f->api->hold = "/apis/discovery.k8s.io/v1/endpointslices";
	start(f);
	f->number = 1;
	fake_api_until(f->api, has_writes, f);
	endpoint_slices_free(take_ptr(&f->controller));
	fake_api_release(f->api);
	fake_api_run(f->api, 10 * NSEC_PER_MSEC);
	assert_int_equal(WRITES(f->api), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(service_and_pods),
		TEST(pods_first),
		TEST(restart_writes_nothing),
		TEST(no_endpoints_any_more),
		TEST(orphans),
		TEST(others_slices),
		TEST(deleted_and_edited_by_others),
		TEST(trigger_times),
		TEST(nodes),
		TEST(no_duplicates),
		TEST(patience_ends),
		TEST(bursts),
		TEST(failing_writes),
		TEST(namespace_goes),
		TEST(server_restarts),
		TEST(many_slices),
		TEST(many_services),
		TEST(stopped_in_the_middle),
	};

	return cmocka_run_group_tests_name("control/endpoint_slices", tests, NULL, NULL);
}
