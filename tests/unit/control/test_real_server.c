/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller against our own API server: over its Unix socket, with an administrator beside it who
 * comes over TLS with admin.kubeconfig.  All three share a loop.
 */
#include <arpa/inet.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/client.h"
#include "control/control.h"
#include "kube/json.h"
#include "server/server.h"

#define WAIT_MAX (20 * NSEC_PER_SEC)
#define NS       "/api/v1/namespaces/default/"
#define SLICES   "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"

struct fixture {
	char folder[32];
	struct loop *loop;
	struct server *server;
	struct client *own, *admin;
	struct control *control;
	struct control_config control_config;
	char *root_ca;
	bool answered;
	int status;
	json_t *answer;
};

static uint16_t free_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(sin);
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &size), 0);
	return ntohs(sin.sin_port);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static struct client *open_client(struct fixture *f, const struct kubeconfig *config)
{
	struct client *client = NULL;
	struct err err = { 0 };

	if (client_new(f->loop, config, &client, &err) < 0)
		fail_msg("%s", err.msg);
	return client;
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	auto_free char *socket_url = NULL, *path = NULL;
	struct kubeconfig config = { 0 };
	struct err err = { 0 };

	strcpy(f->folder, "/tmp/test-control-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->loop = loop_new();
	if (server_new(f->loop,
	               &(struct server_config){ .data_dir = f->folder, .port = free_port() },
	               &f->server, &err) < 0)
		fail_msg("%s", err.msg);
	socket_url = xasprintf("unix://%s/%s", f->folder, SERVER_SOCKET_NAME);
	f->own = open_client(f, &(struct kubeconfig){ .server = socket_url });
	path = xasprintf("%s/%s", f->folder, SERVER_KUBECONFIG_NAME);
	if (kubeconfig_load(path, NULL, &config, &err) < 0)
		fail_msg("%s", err.msg);
	f->admin = open_client(f, &config);
	f->root_ca = take_ptr(&config.ca);
	kubeconfig_done(&config);
	f->control_config.root_ca = f->root_ca;
	f->control = control_new(f->own, &f->control_config);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	control_free(f->control);
	client_free(f->own);
	client_free(f->admin);
	server_free(f->server);
	loop_free(f->loop);
	free(f->root_ca);
	json_decref(f->answer);
	(void)nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void done(void *arg, int status, json_t *answer, const struct err *err)
{
	struct fixture *f = arg;

	if (status == 0)
		fail_msg("%s", err->msg);
	f->answered = true;
	f->status = status;
	json_decref(f->answer);
	f->answer = json_incref(answer);
	loop_stop(f->loop);
}

/* 'json' has ' for "; NULL: no body. */
static void ask(struct fixture *f, const char *method, const char *path, const char *json)
{
	auto_free char *text = json ? xstrdup(json) : NULL;
	auto_json json_t *body = NULL;

	for (char *p = text; p && *p; p++)
		if (*p == '\'')
			*p = '"';
	body = text ? json_loads(text, 0, NULL) : NULL;
	f->answered = false;
	(void)client_request(f->admin,
	                     &(struct client_request){ .method = method,
	                                               .path = path,
	                                               .content_type = strcmp(method, "PATCH") == 0
	                                                                       ? CLIENT_PATCH_MERGE
	                                                                       : NULL,
	                                               .body = body,
	                                               .done = done,
	                                               .arg = f });
	while (!f->answered)
		loop_run(f->loop);
}

static void must(struct fixture *f, const char *method, const char *path, const char *json)
{
	ask(f, method, path, json);
	if (f->status >= 300)
		fail_msg("%s %s: %d %s", method, path, f->status,
		         json_path_str(f->answer, "message"));
}

static int text_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The endpoints of all slices of web, by name: "a b!" */
static char *endpoints_text(struct fixture *f)
{
	const json_t *slice, *endpoint;
	char *names[64];
	size_t i, j, n = 0;
	struct buf b = BUF_INIT;

	must(f, "GET", SLICES "?labelSelector=kubernetes.io%2Fservice-name%3Dweb", NULL);
	json_array_foreach(json_path(f->answer, "items"), i, slice)
		json_array_foreach(json_path(slice, "endpoints"), j, endpoint)
			names[n++] = xasprintf(
				"%s%s", json_path_str(endpoint, "targetRef.name"),
				json_path_bool(endpoint, "conditions.ready", true) ? "" : "!");
	if (n > 0)
		qsort(names, n, sizeof(*names), text_cmp);
	buf_printf(&b, "%zu:", json_array_size(json_path(f->answer, "items")));
	for (i = 0; i < n; i++) {
		buf_printf(&b, " %s", names[i]);
		free(names[i]);
	}
	return buf_take(&b);
}

/* "N: a b!": the number of slices and their endpoints. */
static void expect(struct fixture *f, const char *wanted)
{
	int64_t end = clock_now() + WAIT_MAX;
	auto_free char *text = endpoints_text(f);

	while (strcmp(text, wanted) != 0 && clock_now() < end) {
		free(text);
		text = endpoints_text(f);
	}
	assert_string_equal(text, wanted);
}

static void make_pod(struct fixture *f, const char *name, const char *address)
{
	auto_free char *json = xasprintf(
		"{'kind': 'Pod', 'apiVersion': 'v1', 'metadata': {'name': '%s', 'labels': {'app': "
		"'web'}}, 'spec': {'containers': [{'name': 'c', 'image': 'i', 'ports': [{'name': "
		"'http', 'containerPort': 8080}]}]}}",
		name);
	auto_free char *status = xasprintf(
		"{'status': {'phase': 'Running', 'podIP': '%s', 'podIPs': [{'ip': '%s'}], "
		"'conditions': [{'type': 'Ready', 'status': 'True'}]}}",
		address, address);
	auto_free char *path = xasprintf(NS "pods/%s/status", name);

	must(f, "POST", NS "pods", json);
	must(f, "PATCH", path, status);
}

static void whole_story(void **state)
{
	struct fixture *f = *state;
	const json_t *slice;

	must(f, "POST", NS "services",
	     "{'kind': 'Service', 'apiVersion': 'v1', 'metadata': {'name': 'web'}, 'spec': "
	     "{'selector': {'app': 'web'}, 'ports': [{'port': 80, 'targetPort': 'http'}]}}");
	expect(f, "1:");
	make_pod(f, "a", "10.0.0.1");
	make_pod(f, "b", "10.0.0.2");
	expect(f, "1: a b");
	slice = json_array_get(json_path(f->answer, "items"), 0);
	assert_int_equal(json_path_int(json_array_get(json_path(slice, "ports"), 0), "port", 0),
	                 8080);
	assert_true(json_path_int(slice, "metadata.generation", 0) >= 2);
	must(f, "PATCH", NS "pods/a/status",
	     "{'status': {'conditions': [{'type': 'Ready', 'status': 'False'}]}}");
	expect(f, "1: a! b");
	must(f, "DELETE", NS "pods/a", NULL);
	expect(f, "1: b");
	must(f, "PATCH", NS "pods/b", "{'metadata': {'labels': {'app': 'other'}}}");
	expect(f, "1:");
	must(f, "PATCH", NS "services/web", "{'spec': {'selector': {'app': 'other'}}}");
	expect(f, "1: b");
	must(f, "DELETE", NS "services/web", NULL);
	expect(f, "0:");
}

static void controller_restarts(void **state)
{
	struct fixture *f = *state;

	must(f, "POST", NS "services",
	     "{'kind': 'Service', 'apiVersion': 'v1', 'metadata': {'name': 'web'}, 'spec': "
	     "{'selector': {'app': 'web'}, 'ports': [{'port': 80}]}}");
	make_pod(f, "a", "10.0.0.1");
	expect(f, "1: a");
	control_free(f->control);
	make_pod(f, "b", "10.0.0.2");
	must(f, "DELETE", NS "pods/a", NULL);
	f->control = control_new(f->own, &f->control_config);
	expect(f, "1: b");
}

/* Waits until GET of 'path' answers 'status'. */
static void wait_status(struct fixture *f, const char *path, int status)
{
	int64_t end = clock_now() + WAIT_MAX;

	do
		ask(f, "GET", path, NULL);
	while (f->status != status && clock_now() < end);
	if (f->status != status)
		fail_msg("GET %s: %d, not %d", path, f->status, status);
}

/* Makes ConfigMap 'name', owned by 'owner' (NULL: by none) with or without blockOwnerDeletion. */
static void make_map(struct fixture *f, const char *name, const char *owner, const char *uid,
                     bool blocking)
{
	auto_free char *owners =
		xasprintf("{'apiVersion': 'v1', 'kind': 'ConfigMap', 'name': '%s', 'uid': '%s', "
	                  "'blockOwnerDeletion': %s}",
	                  owner ? owner : "", uid ? uid : "", blocking ? "true" : "false");
	auto_free char *json = xasprintf("{'kind': 'ConfigMap', 'apiVersion': 'v1', 'metadata': "
	                                 "{'name': '%s', 'ownerReferences': [%s]}}",
	                                 name, owner ? owners : "");

	must(f, "POST", NS "configmaps", json);
}

static char *uid_of(struct fixture *f, const char *path)
{
	must(f, "GET", path, NULL);
	return xstrdup(json_path_str(f->answer, "metadata.uid"));
}

static void garbage_background(void **state)
{
	struct fixture *f = *state;
	auto_free char *uid = NULL, *uid_b = NULL;

	make_map(f, "a", NULL, NULL, false);
	uid = uid_of(f, NS "configmaps/a");
	make_map(f, "b", "a", uid, false);
	uid_b = uid_of(f, NS "configmaps/b");
	make_map(f, "c", "b", uid_b, true);
	make_map(f, "never", "a", "no-such-uid", false);
	wait_status(f, NS "configmaps/never", 404);
	wait_status(f, NS "configmaps/c", 200);
	must(f, "DELETE", NS "configmaps/a", NULL);
	wait_status(f, NS "configmaps/b", 404);
	wait_status(f, NS "configmaps/c", 404);
}

/* The owner stays until those that block it are gone; those with another owner only lose this one. */
static void garbage_foreground(void **state)
{
	struct fixture *f = *state;
	auto_free char *uid = NULL, *uid_other = NULL, *shared = NULL;

	make_map(f, "a", NULL, NULL, false);
	make_map(f, "other", NULL, NULL, false);
	uid = uid_of(f, NS "configmaps/a");
	uid_other = uid_of(f, NS "configmaps/other");
	make_map(f, "b", "a", uid, true);
	must(f, "PATCH", NS "configmaps/b", "{'metadata': {'finalizers': ['example.com/hold']}}");
	shared = xasprintf(
		"{'metadata': {'name': 'shared', 'ownerReferences': [{'apiVersion': 'v1', "
		"'kind': 'ConfigMap', 'name': 'a', 'uid': '%s', 'blockOwnerDeletion': "
		"true}, {'apiVersion': 'v1', 'kind': 'ConfigMap', 'name': 'other', "
		"'uid': '%s'}]}}",
		uid, uid_other);
	must(f, "POST", NS "configmaps", shared);
	must(f, "DELETE", NS "configmaps/a",
	     "{'kind': 'DeleteOptions', 'apiVersion': 'v1', 'propagationPolicy': 'Foreground'}");
	do
		must(f, "GET", NS "configmaps/b", NULL);
	while (!json_path_string(f->answer, "metadata.deletionTimestamp"));
	do
		must(f, "GET", NS "configmaps/shared", NULL);
	while (json_array_size(json_path(f->answer, "metadata.ownerReferences")) != 1);
	must(f, "GET", NS "configmaps/a", NULL);
	assert_non_null(json_path_string(f->answer, "metadata.deletionTimestamp"));
	must(f, "PATCH", NS "configmaps/b", "{'metadata': {'finalizers': null}}");
	wait_status(f, NS "configmaps/b", 404);
	wait_status(f, NS "configmaps/a", 404);
	wait_status(f, NS "configmaps/shared", 200);
}

static void garbage_orphan(void **state)
{
	struct fixture *f = *state;
	auto_free char *uid = NULL;

	make_map(f, "a", NULL, NULL, false);
	uid = uid_of(f, NS "configmaps/a");
	make_map(f, "b", "a", uid, true);
	must(f, "DELETE", NS "configmaps/a",
	     "{'kind': 'DeleteOptions', 'apiVersion': 'v1', 'propagationPolicy': 'Orphan'}");
	wait_status(f, NS "configmaps/a", 404);
	must(f, "GET", NS "configmaps/b", NULL);
	assert_int_equal(json_array_size(json_path(f->answer, "metadata.ownerReferences")), 0);
}

/* Each waits for the next: one is unblocked (upstream e2e "dependency circle"). */
static void garbage_circle(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "a", "b", "c" };
	char *uids[3];

	for (size_t i = 0; i < 3; i++) {
		auto_free char *path = xasprintf(NS "configmaps/%s", names[i]);

		make_map(f, names[i], NULL, NULL, false);
		uids[i] = uid_of(f, path);
	}
	for (size_t i = 0; i < 3; i++) {
		auto_free char *path = xasprintf(NS "configmaps/%s", names[i]);
		auto_free char *patch =
			xasprintf("{'metadata': {'ownerReferences': [{'apiVersion': 'v1', 'kind': "
		                  "'ConfigMap', 'name': '%s', 'uid': '%s', 'controller': true, "
		                  "'blockOwnerDeletion': true}]}}",
		                  names[(i + 2) % 3], uids[(i + 2) % 3]);

		must(f, "PATCH", path, patch);
	}
	must(f, "DELETE", NS "configmaps/a",
	     "{'kind': 'DeleteOptions', 'apiVersion': 'v1', 'propagationPolicy': 'Foreground'}");
	for (size_t i = 0; i < 3; i++) {
		auto_free char *path = xasprintf(NS "configmaps/%s", names[i]);

		wait_status(f, path, 404);
		free(uids[i]);
	}
}

/* Upstream's e2e: the Endpoints of the "kubernetes" Service are those of its slice. */
static void kubernetes_service(void **state)
{
	struct fixture *f = *state;
	auto_json json_t *slice = NULL;
	const json_t *subset, *address;

	must(f, "GET", SLICES "/kubernetes", NULL);
	slice = json_incref(f->answer);
	must(f, "GET", NS "endpoints/kubernetes", NULL);
	subset = json_array_get(json_path(f->answer, "subsets"), 0);
	address = json_array_get(json_path(subset, "addresses"), 0);
	assert_string_equal(
		json_path_str(address, "ip"),
		json_string_value(json_array_get(
			json_path(json_array_get(json_path(slice, "endpoints"), 0), "addresses"),
			0)));
	assert_int_equal(json_path_int(json_array_get(json_path(subset, "ports"), 0), "port", 0),
	                 json_path_int(json_array_get(json_path(slice, "ports"), 0), "port", -1));
}

static void namespaces_have_defaults(void **state)
{
	struct fixture *f = *state;

	must(f, "POST", "/api/v1/namespaces", "{'metadata': {'name': 'team'}}");
	wait_status(f, "/api/v1/namespaces/team/serviceaccounts/default", 200);
	wait_status(f, "/api/v1/namespaces/team/configmaps/kube-root-ca.crt", 200);
	assert_string_equal(
		json_string_value(json_object_get(json_path(f->answer, "data"), "ca.crt")),
		f->root_ca);
	must(f, "DELETE", "/api/v1/namespaces/team/serviceaccounts/default", NULL);
	wait_status(f, "/api/v1/namespaces/team/serviceaccounts/default", 200);
	must(f, "PATCH", "/api/v1/namespaces/team/configmaps/kube-root-ca.crt",
	     "{'data': {'ca.crt': 'other'}}");
	do
		must(f, "GET", "/api/v1/namespaces/team/configmaps/kube-root-ca.crt", NULL);
	while (strcmp(json_string_value(json_object_get(json_path(f->answer, "data"), "ca.crt")),
	              f->root_ca) != 0);
	must(f, "DELETE", "/api/v1/namespaces/team", NULL);
	wait_status(f, "/api/v1/namespaces/team", 404);
}

/* What "web" has as Endpoints: "10.0.0.1 !10.0.0.2 :8080", the latter not ready; "-": no object. */
static char *legacy_text(struct fixture *f)
{
	const json_t *subset, *one;
	struct buf b = BUF_INIT;
	size_t i, j;

	ask(f, "GET", NS "endpoints/web", NULL);
	if (f->status == 404)
		return xstrdup("-");
	json_array_foreach(json_path(f->answer, "subsets"), i, subset) {
		json_array_foreach(json_path(subset, "addresses"), j, one)
			buf_printf(&b, "%s ", json_path_str(one, "ip"));
		json_array_foreach(json_path(subset, "notReadyAddresses"), j, one)
			buf_printf(&b, "!%s ", json_path_str(one, "ip"));
		json_array_foreach(json_path(subset, "ports"), j, one)
			buf_printf(&b, ":%d ", (int)json_path_int(one, "port", 0));
	}
	buf_addc(&b, '.');
	return buf_take(&b);
}

static void expect_legacy(struct fixture *f, const char *wanted)
{
	int64_t end = clock_now() + WAIT_MAX;
	auto_free char *text = legacy_text(f);

	while (strcmp(text, wanted) != 0 && clock_now() < end) {
		free(text);
		text = legacy_text(f);
	}
	assert_string_equal(text, wanted);
}

static void legacy_endpoints(void **state)
{
	struct fixture *f = *state;
	const json_t *labels;

	must(f, "POST", NS "services",
	     "{'kind': 'Service', 'apiVersion': 'v1', 'metadata': {'name': 'web', 'labels': "
	     "{'a': '1', 'b': '2'}}, 'spec': {'selector': {'app': 'web'}, 'ports': [{'port': 80, "
	     "'targetPort': 'http'}]}}");
	expect_legacy(f, ".");
	make_pod(f, "a", "10.0.0.1");
	make_pod(f, "b", "10.0.0.2");
	expect_legacy(f, "10.0.0.1 10.0.0.2 :8080 .");
	must(f, "PATCH", NS "pods/b/status",
	     "{'status': {'conditions': [{'type': 'Ready', 'status': 'False'}]}}");
	expect_legacy(f, "10.0.0.1 !10.0.0.2 :8080 .");
	must(f, "PATCH", NS "services/web", "{'metadata': {'labels': {'a': null}}}");
	do {
		must(f, "GET", NS "endpoints/web", NULL);
		labels = json_path(f->answer, "metadata.labels");
	} while (json_object_get(labels, "a"));
	assert_int_equal(json_object_size(labels), 2);
	assert_non_null(json_object_get(labels, "endpoints.kubernetes.io/managed-by"));
	must(f, "DELETE", NS "endpoints/web", NULL);
	expect_legacy(f, "10.0.0.1 !10.0.0.2 :8080 .");
	must(f, "DELETE", NS "services/web", NULL);
	expect_legacy(f, "-");
}

/* "10.1.2.3! :80 ", each slice of web that the mirroring controller made; in order. */
static char *mirrored_text(struct fixture *f)
{
	const json_t *slice, *one;
	struct buf b = BUF_INIT;
	size_t i, j;

	must(f, "GET",
	     SLICES "?labelSelector=kubernetes.io%2Fservice-name%3Dweb%2Cendpointslice.kubernetes."
	            "io%2Fmanaged-by%3Dendpointslicemirroring-controller.k8s.io",
	     NULL);
	json_array_foreach(json_path(f->answer, "items"), i, slice) {
		json_array_foreach(json_path(slice, "endpoints"), j, one)
			buf_printf(
				&b, "%s%s ",
				json_string_value(json_array_get(json_path(one, "addresses"), 0)),
				json_path_bool(one, "conditions.ready", false) ? "" : "!");
		json_array_foreach(json_path(slice, "ports"), j, one)
			buf_printf(&b, ":%d ", (int)json_path_int(one, "port", 0));
	}
	buf_addc(&b, '.');
	return buf_take(&b);
}

static void expect_mirrored(struct fixture *f, const char *wanted)
{
	int64_t end = clock_now() + 12 * NSEC_PER_SEC; /* upstream's bound */
	auto_free char *text = mirrored_text(f);

	while (strcmp(text, wanted) != 0 && clock_now() < end) {
		free(text);
		text = mirrored_text(f);
	}
	assert_string_equal(text, wanted);
}

/* Upstream's e2e "should mirror a custom Endpoints resource through create update and delete". */
static void mirroring(void **state)
{
	struct fixture *f = *state;

	must(f, "POST", NS "services",
	     "{'kind': 'Service', 'apiVersion': 'v1', 'metadata': {'name': 'web'}, 'spec': {"
	     "'ports': [{'port': 80}]}}");
	must(f, "POST", NS "endpoints",
	     "{'kind': 'Endpoints', 'apiVersion': 'v1', 'metadata': {'name': 'web'}, 'subsets': "
	     "[{'addresses': [{'ip': '10.1.2.3'}], 'ports': [{'port': 80}]}]}");
	expect_mirrored(f, "10.1.2.3 :80 .");
	must(f, "PATCH", NS "endpoints/web",
	     "{'subsets': [{'addresses': [{'ip': '10.2.3.4'}], 'notReadyAddresses': [{'ip': "
	     "'10.2.3.5'}], 'ports': [{'port': 81}]}]}");
	expect_mirrored(f, "10.2.3.4 10.2.3.5! :81 .");
	must(f, "DELETE", SLICES "?labelSelector=kubernetes.io%2Fservice-name%3Dweb", NULL);
	expect_mirrored(f, "10.2.3.4 10.2.3.5! :81 .");
	/* what is mirrored survives a new start of the controllers, and does not come twice */
	control_free(f->control);
	f->control = control_new(f->own, &f->control_config);
	must(f, "PATCH", NS "endpoints/web",
	     "{'metadata': {'labels': {'endpointslice.kubernetes.io/skip-mirror': 'true'}}}");
	expect_mirrored(f, ".");
	must(f, "PATCH", NS "endpoints/web", "{'metadata': {'labels': null}}");
	expect_mirrored(f, "10.2.3.4 10.2.3.5! :81 .");
	must(f, "DELETE", NS "endpoints/web", NULL);
	expect_mirrored(f, ".");
	must(f, "POST", NS "endpoints",
	     "{'metadata': {'name': 'web'}, 'subsets': [{'addresses': [{'ip': '10.1.2.3'}], "
	     "'ports': [{'port': 80}]}]}");
	expect_mirrored(f, "10.1.2.3 :80 .");
	must(f, "DELETE", NS "services/web", NULL);
	expect_mirrored(f, ".");
	expect_legacy(f, "-");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(whole_story),        TEST(controller_restarts),
		TEST(legacy_endpoints),   TEST(mirroring),
		TEST(garbage_background), TEST(garbage_foreground),
		TEST(garbage_orphan),     TEST(garbage_circle),
		TEST(kubernetes_service), TEST(namespaces_have_defaults),
	};

	return cmocka_run_group_tests_name("control/real_server", tests, NULL, NULL);
}
