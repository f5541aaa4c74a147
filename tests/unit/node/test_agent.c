/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent between an API that is a small HTTP server in the same loop and a datapath that only
 * writes down what it is told (its functions are defined here, so the real ones are not linked).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/client.h"
#include "datapath/datapath.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "kube/json.h"
#include "kube/types.h"
#include "node/agent.h"

#define LIMIT_NS (20 * NSEC_PER_SEC)

/* ---- the datapath ---- */

struct datapath {
	struct buf log; /* "a/web:2 " applied with two backends, "-a/web " removed, "synced " */
	int fail;       /* so many applies fail */
	size_t n_addresses;
	int opened;
	bool broken; /* the programs are not in effect */
};

static struct datapath fake;

int datapath_open(const struct datapath_config *config, struct datapath **ret, struct err *err)
{
	if (strcmp(config->pin_dir, "fails") == 0)
		return err_set(err, -EPERM, "no BPF today");
	fake.opened++;
	*ret = &fake;
	return 0;
}

void datapath_close(struct datapath *datapath)
{
	if (datapath)
		datapath->opened--;
}

int datapath_apply(struct datapath *datapath, const struct plan_service *plan, struct err *err)
{
	size_t n = plan->n_ports ? plan->ports[0].windows[PLAN_WINDOW_TOPOLOGY].n : 0;

	if (datapath->fail > 0) {
		datapath->fail--;
		return err_set(err, -ENOSPC, "full");
	}
	buf_printf(&datapath->log, "%s/%s:%zu ", plan->namespace, plan->name, n);
	return 0;
}

int datapath_remove(struct datapath *datapath, const char *ns, const char *name, struct err *err)
{
	(void)err;
	buf_printf(&datapath->log, "-%s/%s ", ns, name);
	return 0;
}

void datapath_synced(struct datapath *datapath)
{
	buf_adds(&datapath->log, "synced ");
}

int datapath_set_node_addresses(struct datapath *datapath, const struct ipaddr *addrs, size_t n,
                                struct err *err)
{
	(void)addrs;
	(void)err;
	datapath->n_addresses = n;
	return 0;
}

void datapath_tick(struct datapath *datapath)
{
	(void)datapath;
}

void datapath_stats(struct datapath *datapath, struct datapath_stats *ret)
{
	(void)datapath;
	*ret = (struct datapath_stats){ .ports = 3 };
}

int datapath_check(struct datapath *datapath, struct err *err)
{
	return datapath->broken ? err_set(err, -ENOENT, "somebody took it away") : 0;
}

/* ---- the API ---- */

enum collection {
	SERVICES,
	SLICES,
	NODES,
	PODS,
	COLLECTIONS,
};

static const struct {
	const char *path, *list_kind, *api_version, *label_selector, *field_selector;
} collections[COLLECTIONS] = {
	[SERVICES] = { "/api/v1/services", "ServiceList", "v1",
	               "!service.kubernetes.io/service-proxy-name", "spec.clusterIP!=None" },
	[SLICES] = { "/apis/discovery.k8s.io/v1/endpointslices", "EndpointSliceList",
	             "discovery.k8s.io/v1", "!service.kubernetes.io/headless", NULL },
	[NODES] = { "/api/v1/nodes", "NodeList", "v1", NULL, "metadata.name=n1" },
	[PODS] = { "/api/v1/pods", "PodList", "v1", NULL, "spec.nodeName=n1" },
};

struct served {
	json_t *items;
	bool held;                 /* lists are not answered yet */
	struct http_request *list; /* one that waits */
	struct http_stream *watch;
};

struct fixture {
	struct loop *loop;
	struct http_server *server;
	struct client *client;
	struct agent *agent;
	struct timer *timer;
	char folder[32], socket[64];
	struct served served[COLLECTIONS];
	bool down; /* every request is answered 503 */
	unsigned int n_refused;
	unsigned int revision;
};

static void check_query(struct http_request *req, const char *key, const char *expected)
{
	const char *value = http_query(req, key);

	assert_int_equal(value != NULL, expected != NULL);
	if (expected)
		assert_string_equal(value, expected);
}

static void reply_list(struct fixture *f, enum collection c, struct http_request *req)
{
	json_t *list = json_pack("{s:s, s:s, s:{s:o}, s:O}", "kind", collections[c].list_kind,
	                         "apiVersion", collections[c].api_version, "metadata",
	                         "resourceVersion", json_sprintf("%u", ++f->revision), "items",
	                         f->served[c].items);
	char *text = json_text(list);

	http_reply(req, 200, "application/json", text, strlen(text));
	free(text);
	json_decref(list);
}

static void watch_closed(void *arg)
{
	struct served *served = arg;

	served->watch = NULL;
}

static void handle(void *arg, struct http_request *req)
{
	struct fixture *f = arg;
	enum collection c = SERVICES;

	while (strcmp(http_path(req), collections[c].path) != 0)
		assert_true(++c < COLLECTIONS);
	check_query(req, "labelSelector", collections[c].label_selector);
	check_query(req, "fieldSelector", collections[c].field_selector);
	if (f->down) {
		f->n_refused++;
		http_reply(req, 503, "application/json", "{}", 2);
	} else if (http_query(req, "watch")) {
		f->served[c].watch = http_stream_start(req, 200, "application/json", watch_closed,
		                                       &f->served[c]);
	} else if (f->served[c].held) {
		f->served[c].list = req;
	} else {
		reply_list(f, c, req);
	}
}

/* 'object' (a reference that is taken over) changes at the server, and whoever watches hears it. */
static void change(struct fixture *f, enum collection c, const char *type, json_t *object)
{
	json_t *event;
	char *text, *line;

	json_path_set(object, "metadata.resourceVersion", json_sprintf("%u", ++f->revision));
	event = json_pack("{s:s, s:o}", "type", type, "object", object);
	text = json_text(event);
	line = xasprintf("%s\n", text);
	assert_non_null(f->served[c].watch);
	http_stream_send(f->served[c].watch, line, strlen(line));
	free(line);
	free(text);
	json_decref(event);
}

static json_t *service(const char *name)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:{s:s, s:[s], s:[{s:s, s:i}]}}", "kind",
	                 "Service", "apiVersion", "v1", "metadata", "namespace", "a", "name", name,
	                 "resourceVersion", "1", "spec", "clusterIP", "10.96.0.1", "clusterIPs",
	                 "10.96.0.1", "ports", "name", "http", "port", 80);
}

/* With 'n' endpoints, the first of which is hinted to zone z1 and the others to z2. */
static json_t *slice(const char *name, const char *of, int n)
{
	json_t *endpoints = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(endpoints,
		                      json_pack("{s:[o], s:{s:[{s:s}]}}", "addresses",
		                                json_sprintf("10.0.0.%d", i + 1), "hints",
		                                "forZones", "name", i == 0 ? "z1" : "z2"));
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:{s:s}}, s:s, s:[{s:s, s:i}], s:o}", "kind",
	                 "EndpointSlice", "apiVersion", "discovery.k8s.io/v1", "metadata",
	                 "namespace", "a", "name", name, "resourceVersion", "1", "labels",
	                 LABEL_SERVICE_NAME, of, "addressType", "IPv4", "ports", "name", "http",
	                 "port", 8080, "endpoints", endpoints);
}

static json_t *node(const char *zone)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}}}", "kind", "Node", "apiVersion", "v1",
	                 "metadata", "name", "n1", "resourceVersion", "1", "labels", LABEL_ZONE,
	                 zone);
}

/* ---- running ---- */

static void stop(void *arg)
{
	loop_stop(arg);
}

/* Runs until 'done', looking every 5 ms. */
static void wait_until(struct fixture *f, bool (*done)(struct fixture *f))
{
	struct timer *poll = timer_new(f->loop, stop, f->loop);
	int64_t end = clock_now() + LIMIT_NS;

	timer_every(poll, 5 * NSEC_PER_MSEC);
	while (!done(f) && clock_now() < end)
		loop_run(f->loop);
	timer_free(poll);
	assert_true(done(f));
}

/* Gives what should not happen the time to happen. */
static void settle(struct fixture *f)
{
	timer_once(f->timer, 200 * NSEC_PER_MSEC);
	loop_run(f->loop);
}

static bool all_watch(struct fixture *f)
{
	for (size_t c = 0; c < COLLECTIONS; c++)
		if (!f->served[c].watch)
			return false;
	return true;
}

static bool something_logged(struct fixture *f)
{
	(void)f;
	return fake.log.n > 0;
}

/* Takes what the datapath was told since the last time. */
static void expect_log(const char *expected)
{
	assert_string_equal(buf_str(&fake.log), expected);
	buf_reset(&fake.log);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	struct kubeconfig config = { 0 };
	struct err err = { 0 };

	f->loop = loop_new();
	for (size_t c = 0; c < COLLECTIONS; c++)
		f->served[c].items = json_array();
	f->server = http_server_new(f->loop, 1 << 20, handle, f);
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/test_agent_XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	(void)snprintf(f->socket, sizeof(f->socket), "%s/api.sock", f->folder);
	assert_int_equal(http_server_listen_unix(f->server, f->socket, &err), 0);
	config.server = xasprintf("unix://%s", f->socket);
	assert_int_equal(client_new(f->loop, &config, &f->client, &err), 0);
	free(config.server);
	f->timer = timer_new(f->loop, stop, f->loop);
	memset(&fake, 0, sizeof(fake));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	agent_free(f->agent);
	assert_int_equal(fake.opened, 0);
	client_free(f->client);
	http_server_free(f->server);
	(void)unlink(f->socket);
	(void)rmdir(f->folder);
	for (size_t c = 0; c < COLLECTIONS; c++)
		json_decref(f->served[c].items);
	timer_free(f->timer);
	loop_free(f->loop);
	buf_done(&fake.log);
	free(f);
	return 0;
}

static void start(struct fixture *f)
{
	const struct agent_config config = { .node_name = "n1", .pin_dir = "x", .cgroup = "x" };
	struct err err = { 0 };

	if (agent_new(f->client, &config, &f->agent, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(fake.n_addresses > 0);
}

static void add(struct fixture *f, enum collection c, json_t *object)
{
	json_array_append_new(f->served[c].items, object);
}

/* Two Services, 'web' with three endpoints, on a node of zone z1; everything listed and watched. */
static void start_with_two(struct fixture *f)
{
	add(f, SERVICES, service("web"));
	add(f, SERVICES, service("api"));
	add(f, SLICES, slice("web-1", "web", 3));
	add(f, NODES, node("z1"));
	start(f);
	wait_until(f, all_watch);
	expect_log("a/web:1 a/api:0 synced ");
	assert_true(agent_ready(f->agent));
}

/* ---- tests ---- */

static void nothing_before_all_is_known(void **state)
{
	struct fixture *f = *state;
	static const enum collection order[] = { SLICES, NODES };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		f->served[order[i]].held = true;
	add(f, SERVICES, service("web"));
	add(f, SLICES, slice("web-1", "web", 2));
	start(f);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		settle(f);
		expect_log("");
		assert_false(agent_ready(f->agent));
		assert_non_null(f->served[order[i]].list);
		reply_list(f, order[i], f->served[order[i]].list);
	}
	wait_until(f, something_logged);
	expect_log("a/web:2 synced ");
	assert_true(agent_ready(f->agent));
}

static void only_what_changed(void **state)
{
	struct fixture *f = *state;

	start_with_two(f);
	change(f, SLICES, "ADDED", slice("api-1", "api", 1));
	wait_until(f, something_logged);
	expect_log("a/api:1 ");
	change(f, SLICES, "MODIFIED", slice("web-1", "web", 0));
	wait_until(f, something_logged);
	expect_log("a/web:0 ");
	change(f, SERVICES, "DELETED", service("web"));
	wait_until(f, something_logged);
	expect_log("-a/web ");
	change(f, SLICES, "DELETED", slice("web-1", "web", 0));
	change(f, SLICES, "DELETED", slice("api-1", "api", 1));
	wait_until(f, something_logged);
	expect_log("a/api:0 ");
	change(f, SERVICES, "ADDED", service("new"));
	wait_until(f, something_logged);
	expect_log("a/new:0 ");
}

static void zone_changes(void **state)
{
	struct fixture *f = *state;

	start_with_two(f);
	change(f, NODES, "MODIFIED", node("z1"));
	settle(f);
	expect_log("");
	change(f, NODES, "MODIFIED", node("z2"));
	wait_until(f, something_logged);
	assert_non_null(strstr(buf_str(&fake.log), "a/web:2 "));
	assert_non_null(strstr(buf_str(&fake.log), "a/api:0 "));
	buf_reset(&fake.log);
	/* a Node that is gone says nothing about the zone */
	change(f, NODES, "DELETED", node("z2"));
	settle(f);
	expect_log("");
}

static bool confirmed(struct fixture *f)
{
	(void)f;
	return strstr(buf_str(&fake.log), "synced");
}

/* What is in effect from before stays until all could be applied. */
static void failure_withholds_synced(void **state)
{
	struct fixture *f = *state;

	add(f, SERVICES, service("web"));
	add(f, SERVICES, service("api"));
	fake.fail = 1;
	start(f);
	wait_until(f, all_watch);
	expect_log("a/api:0 ");
	assert_true(agent_ready(f->agent));
	wait_until(f, confirmed);
	expect_log("a/web:0 synced ");
}

static bool refused_often(struct fixture *f)
{
	return f->n_refused >= 2 * COLLECTIONS;
}

/* The API is away, and comes back with one slice changed: that is all that happens. */
static void outage(void **state)
{
	struct fixture *f = *state;

	start_with_two(f);
	f->down = true;
	for (size_t c = 0; c < COLLECTIONS; c++)
		http_stream_end(take_ptr(&f->served[c].watch));
	wait_until(f, refused_often);
	expect_log("");
	json_array_clear(f->served[SLICES].items);
	add(f, SLICES, slice("web-1", "web", 1));
	f->down = false;
	wait_until(f, all_watch);
	change(f, SLICES, "MODIFIED", slice("web-1", "web", 1));
	wait_until(f, something_logged);
	expect_log("a/web:1 ");
	assert_true(agent_ready(f->agent));
}

static void cannot_open(void **state)
{
	struct fixture *f = *state;
	const struct agent_config config = { .node_name = "n1", .pin_dir = "fails" };
	struct err err = { 0 };

	assert_int_equal(agent_new(f->client, &config, &f->agent, &err), -EPERM);
	assert_string_equal(err.msg, "no BPF today");
	assert_null(f->agent);
}

#define with_api(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		with_api(nothing_before_all_is_known),
		with_api(only_what_changed),
		with_api(zone_changes),
		with_api(failure_withholds_synced),
		with_api(outage),
		with_api(cannot_open),
	};

	return cmocka_run_group_tests_name("node agent", tests, NULL, NULL);
}
