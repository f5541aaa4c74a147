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
	kubeconfig_done(&config);
	f->control = control_new(f->own);
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
	f->control = control_new(f->own);
	expect(f, "1: b");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(whole_story),
		TEST(controller_restarts),
	};

	return cmocka_run_group_tests_name("control/real_server", tests, NULL, NULL);
}
