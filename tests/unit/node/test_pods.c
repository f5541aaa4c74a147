/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pods and node_object against an API that is a small HTTP server in the same loop: it keeps what
 * was written last and fails when told to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/client.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/types.h"
#include "node/node_object.h"
#include "node/pods.h"

#define LIMIT_NS (20 * NSEC_PER_SEC)

static const struct ipaddr loopback = { 4, { 127, 0, 0, 1 } };
static const struct ipaddr host = { 4, { 192, 0, 2, 1 } };

struct fixture {
	struct loop *loop;
	struct http_server *server;
	struct client *client;
	struct pods *pods;
	struct timer *limit;
	bool too_late;
	uint16_t port;
	char folder[32], socket[64];

	/* the API */
	int fail; /* so many writes fail with 'fail_status' */
	int fail_status;
	unsigned int n_writes; /* of Pod status, successful */
	json_t *status;        /* the last one written, whole body */
	json_t *events;        /* array */
	char log[1024];        /* "PATCH path;" of everything else */
	int64_t revision;

	/* the Pod's own web server */
	int health;
	unsigned int n_probes;

	bool (*until)(struct fixture *f);
};

static void look(struct fixture *f)
{
	if (f->until && f->until(f))
		loop_stop(f->loop);
}

static void on_limit(void *arg)
{
	struct fixture *f = arg;

	f->too_late = true;
	loop_stop(f->loop);
}

/* Runs until 'until' is true. */
static void wait_for(struct fixture *f, bool (*until)(struct fixture *f))
{
	f->until = until;
	if (!until(f))
		loop_run(f->loop);
	f->until = NULL;
	assert_false(f->too_late);
}

static void reply_json(struct http_request *req, int status, json_t *j)
{
	char *text = json_text(j);

	http_reply(req, status, "application/json", text, strlen(text));
	free(text);
}

static void take_pod_status(struct fixture *f, struct http_request *req, json_t *body)
{
	auto_json json_t *answer = json_deep_copy(body);

	f->n_writes++;
	json_decref(f->status);
	f->status = json_incref(body);
	json_path_set(answer, "metadata.resourceVersion",
	              json_sprintf("%lld", (long long)++f->revision));
	reply_json(req, 200, answer);
}

/* True once the object that a path names was made. */
static bool exists(const struct fixture *f, const char *path)
{
	char *made = xasprintf("POST %.*s;", (int)(strrchr(path, '/') - path), path);
	bool found = strstr(f->log, made);

	free(made);
	return found || strstr(path, "/status");
}

static void take_other(struct fixture *f, struct http_request *req, json_t *body)
{
	bool missing = strcmp(http_method(req), "PATCH") == 0 && !exists(f, http_path(req));
	size_t n = strlen(f->log);

	(void)snprintf(f->log + n, sizeof(f->log) - n, "%s %s;", http_method(req), http_path(req));
	if (missing)
		http_reply(req, 404, "application/json", "{}", 2);
	else
		reply_json(req, 200, body);
}

static void handle(void *arg, struct http_request *req)
{
	struct fixture *f = arg;
	auto_json json_t *body = NULL;
	const char *text;
	size_t size;

	if (strcmp(http_path(req), "/healthz") == 0) {
		f->n_probes++;
		http_reply(req, f->health, "text/plain", "", 0);
		look(f);
		return;
	}
	text = http_body(req, &size);
	assert_int_equal(decode_json(text, size, &body, NULL), 0);
	if (f->fail > 0) {
		f->fail--;
		http_reply(req, f->fail_status, "application/json", "{}", 2);
	} else if (strstr(http_path(req), "/pods/")) {
		assert_string_equal(http_method(req), "PATCH");
		assert_string_equal(http_path(req), "/api/v1/namespaces/a/pods/web-1/status");
		take_pod_status(f, req, body);
	} else if (strcmp(http_path(req), "/api/v1/namespaces/a/events") == 0) {
		json_array_append(f->events, body);
		reply_json(req, 201, body);
	} else {
		take_other(f, req, body);
	}
	look(f);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	struct kubeconfig config = { 0 };
	struct err err = { 0 };

	f->loop = loop_new();
	f->events = json_array();
	f->health = 200;
	f->server = http_server_new(f->loop, 1 << 20, handle, f);
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/test_pods_XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	(void)snprintf(f->socket, sizeof(f->socket), "%s/api.sock", f->folder);
	assert_int_equal(http_server_listen_unix(f->server, f->socket, &err), 0);
	assert_int_equal(http_server_listen_tcp(f->server, &loopback, 0, &err), 0);
	f->port = http_server_port(f->server);
	config.server = xasprintf("unix://%s", f->socket);
	assert_int_equal(client_new(f->loop, &config, &f->client, &err), 0);
	free(config.server);
	assert_int_equal(pods_new(f->client, "n1", &host, &f->pods, &err), 0);
	f->limit = timer_new(f->loop, on_limit, f);
	timer_once(f->limit, LIMIT_NS);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pods_free(f->pods);
	client_free(f->client);
	http_server_free(f->server);
	(void)unlink(f->socket);
	(void)rmdir(f->folder);
	json_decref(f->status);
	json_decref(f->events);
	timer_free(f->limit);
	loop_free(f->loop);
	free(f);
	return 0;
}

/* 'probe' (a new reference) may be NULL, 'status' a JSON text or NULL. */
static json_t *pod(const char *node, const char *address, json_t *probe, const char *status)
{
	json_t *j = json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:{s:s, s:[{s:s, s:s}]}}",
	                      "apiVersion", "v1", "kind", "Pod", "metadata", "namespace", "a",
	                      "name", "web-1", "uid", "u1", "resourceVersion", "1", "spec",
	                      "nodeName", node, "containers", "name", "web", "image", "nginx");

	if (address)
		json_path_set(j, "metadata.annotations",
		              json_pack("{s:s}", ANNOTATION_ADDRESS, address));
	if (probe)
		json_object_set_new(json_array_get(json_path(j, "spec.containers"), 0),
		                    "readinessProbe", probe);
	if (status)
		json_object_set_new(j, "status", json_loads(status, 0, NULL));
	return j;
}

static json_t *http_probe(const struct fixture *f)
{
	return json_pack("{s:{s:s, s:i}, s:i, s:i}", "httpGet", "path", "/healthz", "port", f->port,
	                 "periodSeconds", 1, "failureThreshold", 1);
}

static void upsert(struct fixture *f, json_t *object)
{
	pods_upsert(f->pods, object);
	json_decref(object);
}

/* The status of a condition as it was written last. */
static const char *condition(const struct fixture *f, const char *type, const char *field)
{
	json_t *c;
	size_t i;

	json_array_foreach(json_path(f->status, "status.conditions"), i, c)
		if (strcmp(json_path_str(c, "type"), type) == 0)
			return json_path_str(c, field);
	return "";
}

static bool wrote_ready(struct fixture *f)
{
	return strcmp(condition(f, "Ready", "status"), "True") == 0;
}

static bool wrote_unready(struct fixture *f)
{
	return strcmp(condition(f, "Ready", "status"), "False") == 0;
}

static bool wrote_event(struct fixture *f)
{
	return json_array_size(f->events) > 0;
}

/* Lets the loop work off what is at hand. */
static void stop(void *arg)
{
	loop_stop(arg);
}

static void settle(struct fixture *f)
{
	struct timer *timer = timer_new(f->loop, stop, f->loop);

	timer_once(timer, 200 * NSEC_PER_MSEC);
	loop_run(f->loop);
	timer_free(timer);
}

/* ---- */

static void without_a_probe(void **state)
{
	struct fixture *f = *state;

	upsert(f, pod("n1", "10.0.0.5", NULL, NULL));
	wait_for(f, wrote_ready);
	assert_string_equal(json_path_str(f->status, "status.phase"), "Running");
	assert_string_equal(json_path_str(f->status, "status.podIP"), "10.0.0.5");
	assert_string_equal(json_path_str(f->status, "status.hostIP"), "192.0.2.1");
	settle(f);
	assert_int_equal(json_array_size(f->events), 0);
}

static void left_alone(void **state)
{
	struct fixture *f = *state;

	upsert(f, pod("n1", NULL, NULL, NULL));
	upsert(f, pod("n2", "10.0.0.5", NULL, NULL));
	upsert(f, pod("n1", "10.0.0.5", NULL, "{\"phase\":\"Succeeded\"}"));
	settle(f);
	assert_int_equal(f->n_writes, 0);
}

/* What was written and read back needs no writing, whatever the server adds. */
static void nothing_to_do(void **state)
{
	struct fixture *f = *state;
	json_t *j;

	upsert(f, pod("n1", "10.0.0.5", NULL, NULL));
	wait_for(f, wrote_ready);
	settle(f);
	assert_int_equal(f->n_writes, 1);
	j = pod("n1", "10.0.0.5", NULL, NULL);
	json_object_set(j, "status", json_object_get(f->status, "status"));
	json_path_set(j, "status.qosClass", json_string("BestEffort"));
	json_path_set(j, "metadata.resourceVersion", json_string("7"));
	upsert(f, json_incref(j));
	settle(f);
	assert_int_equal(f->n_writes, 1);
	/* and what another spoils is put right */
	json_path_set(j, "status.podIP", json_string("10.9.9.9"));
	json_path_set(j, "metadata.resourceVersion", json_string("8"));
	upsert(f, j);
	settle(f);
	assert_int_equal(f->n_writes, 2);
}

static void follows_the_probe(void **state)
{
	struct fixture *f = *state;
	const json_t *event;

	upsert(f, pod("n1", "127.0.0.1", http_probe(f), NULL));
	wait_for(f, wrote_unready); /* until it was probed */
	wait_for(f, wrote_ready);
	f->health = 503;
	wait_for(f, wrote_unready);
	assert_string_equal(condition(f, "Ready", "reason"), "ContainersNotReady");
	assert_string_equal(condition(f, "ContainersReady", "message"),
	                    "containers with unready status: [web]: Readiness probe failed: HTTP "
	                    "probe failed with statuscode: 503");
	wait_for(f, wrote_event);
	event = json_array_get(f->events, 0);
	assert_string_equal(json_path_str(event, "reason"), "Unhealthy");
	assert_string_equal(json_path_str(event, "type"), "Warning");
	assert_string_equal(json_path_str(event, "message"),
	                    "Readiness probe failed: HTTP probe failed with statuscode: 503");
	assert_string_equal(json_path_str(event, "involvedObject.name"), "web-1");
	assert_string_equal(json_path_str(event, "involvedObject.uid"), "u1");
	f->health = 200;
	wait_for(f, wrote_ready);
	assert_int_equal(json_array_size(f->events), 1);
}

/* An agent that starts anew believes the API until a probe says otherwise. */
static void keeps_the_verdict(void **state)
{
	struct fixture *f = *state;
	json_t *j = pod("n1", "127.0.0.1", http_probe(f),
	                "{\"podIP\":\"127.0.0.1\",\"podIPs\":[{\"ip\":\"127.0.0.1\"}],"
	                "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
	                "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}");

	upsert(f, j);
	wait_for(f, wrote_ready); /* the missing rest was written, still ready */
	assert_string_equal(condition(f, "Ready", "lastTransitionTime"), "2026-01-01T00:00:00Z");
	assert_int_equal(f->n_writes, 1);
}

static void retries(void **state)
{
	static const int statuses[] = { 500, 503, 429, 409 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		f->fail = 2;
		f->fail_status = statuses[i];
		json_decref(f->status);
		f->status = NULL;
		upsert(f, pod("n1", "10.0.0.5", NULL, NULL));
		wait_for(f, wrote_ready);
		assert_int_equal(f->fail, 0);
		settle(f); /* the answer comes back */
		pods_remove(f->pods, "a", "web-1");
	}
	assert_int_equal(f->n_writes, ARRAY_SIZE(statuses));
}

static bool write_failed(struct fixture *f)
{
	return f->fail < 1000;
}

static bool probed_twice(struct fixture *f)
{
	return f->n_probes >= 2;
}

/* Verdicts while the API is away: the newest one is written when it is back, and only that. */
static void outage(void **state)
{
	struct fixture *f = *state;

	upsert(f, pod("n1", "127.0.0.1", http_probe(f), NULL));
	wait_for(f, wrote_ready);
	f->fail = 1000;
	f->fail_status = 503;
	f->health = 500;
	wait_for(f, write_failed);
	f->health = 200;
	f->n_probes = 0;
	wait_for(f, probed_twice);
	f->fail = 0;
	f->n_writes = 0;
	json_decref(f->status);
	f->status = NULL;
	wait_for(f, wrote_ready);
	assert_int_equal(f->n_writes, 1);
}

static void cannot_be_probed(void **state)
{
	static const struct {
		const char *address, *probe, *message;
	} rows[] = {
		{ "10.0.0.5", "{\"exec\":{\"command\":[\"true\"]}}",
		  "this kind of readiness probe is not supported here, only httpGet and tcpSocket "
		  "are" },
		{ "10.0.0.5", "{\"grpc\":{\"port\":80}}",
		  "this kind of readiness probe is not supported here, only httpGet and tcpSocket "
		  "are" },
		{ "10.0.0.5", "{\"tcpSocket\":{\"port\":\"nope\"}}",
		  "no container port has the name \"nope\" of the readiness probe" },
		{ "web.example.com", "{\"tcpSocket\":{\"port\":80}}",
		  "annotation fairlead.dev/address: \"web.example.com\" is not an IP address" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char expected[256];

		json_decref(f->status);
		f->status = NULL;
		upsert(f, pod("n1", rows[i].address, json_loads(rows[i].probe, 0, NULL), NULL));
		wait_for(f, wrote_unready);
		(void)snprintf(expected, sizeof(expected),
		               "containers with unready status: [web]: %s", rows[i].message);
		assert_string_equal(condition(f, "Ready", "message"), expected);
		pods_remove(f->pods, "a", "web-1");
	}
}

/* Gone while its write is under way: nothing is called back. */
static void removed_midway(void **state)
{
	struct fixture *f = *state;

	upsert(f, pod("n1", "127.0.0.1", http_probe(f), NULL));
	pods_remove(f->pods, "a", "web-1");
	pods_remove(f->pods, "a", "web-1");
	settle(f);
	assert_int_equal(f->n_writes, 0);
}

static bool node_written(struct fixture *f)
{
	return strstr(f->log, "PATCH /api/v1/nodes/n1/status;") &&
	       strstr(f->log,
	              "POST /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases;");
}

/* A missing Node and Lease are made, the Node's status written. */
static void registers_the_node(void **state)
{
	struct fixture *f = *state;
	struct node_object *node;

	f->fail = 2; /* both are tried again */
	f->fail_status = 503;
	node = node_object_new(f->client, "n1", &host);
	wait_for(f, node_written);
	assert_non_null(strstr(f->log, "PATCH /api/v1/nodes/n1;"));
	assert_non_null(strstr(f->log, "POST /api/v1/nodes;"));
	node_object_free(node);
}

#define with_api(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		with_api(without_a_probe),
		with_api(left_alone),
		with_api(nothing_to_do),
		with_api(follows_the_probe),
		with_api(keeps_the_verdict),
		with_api(retries),
		with_api(outage),
		with_api(cannot_be_probed),
		with_api(removed_midway),
		with_api(registers_the_node),
	};

	return cmocka_run_group_tests_name("node pods", tests, NULL, NULL);
}
