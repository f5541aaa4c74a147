/* SPDX-License-Identifier: Apache-2.0 */
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

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "client/client.h"
#include "fake_api.h"
#include "io/tls.h"
#include "kube/json.h"

/* A server on the loopback that tells what it was asked, and the last answer a client had. */
struct fixture {
	struct fake_api *api; /* its loop, and waiting */
	struct http_server *server;
	struct ipaddr addr;
	int status; /* to be answered */
	const char *type, *body;
	bool silent; /* no answer at all */
	struct http_request *unanswered;
	char *seen; /* "METHOD path authorization content-type body" */

	bool done;
	int got;
	json_t *answer;
	struct err err;
};

static void serve(void *arg, struct http_request *req)
{
	struct fixture *f = arg;
	const char *authorization = http_header(req, "Authorization");
	const char *type = http_header(req, "Content-Type");
	size_t size;

	free(f->seen);
	f->seen = xasprintf("%s %s %s %s %s", http_method(req), http_path(req),
	                    authorization ? authorization : "-", type ? type : "-",
	                    http_body(req, &size));
	if (f->silent)
		f->unanswered = req;
	else
		http_reply(req, f->status, f->type, f->body, strlen(f->body));
}

static void answered(void *arg, int status, json_t *answer, const struct err *err)
{
	struct fixture *f = arg;

	assert_false(f->done);
	f->done = true;
	f->got = status;
	json_decref(f->answer);
	f->answer = json_incref(answer);
	f->err = *err;
}

static bool is_done(void *arg)
{
	struct fixture *f = arg;

	return f->done;
}

static bool is_seen(void *arg)
{
	struct fixture *f = arg;

	return f->seen;
}

static void ask(struct fixture *f, struct client *client, struct client_request request)
{
	request.done = answered;
	request.arg = f;
	f->done = false;
	(void)client_request(client, &request);
	assert_false(f->done);
	fake_api_until(f->api, is_done, f);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->api = fake_api_new();
	f->status = 200;
	f->type = "application/json";
	f->body = "{\"kind\": \"Thing\"}";
	assert_int_equal(ipaddr_parse("127.0.0.1", &f->addr), 0);
	f->server = http_server_new(f->api->loop, 1 << 20, serve, f);
	assert_int_equal(http_server_listen_tcp(f->server, &f->addr, 0, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_server_free(f->server);
	fake_api_free(f->api);
	json_decref(f->answer);
	free(f->seen);
	free(f);
	return 0;
}

static struct client *connect_to(struct fixture *f, const char *scheme, const char *rest,
                                 struct kubeconfig config)
{
	struct client *client = NULL;
	struct err err = { 0 };

	config.server = xasprintf("%s:%u%s", scheme, http_server_port(f->server), rest);
	if (client_new(f->api->loop, &config, &client, &err) < 0)
		fail_msg("%s: %s", config.server, err.msg);
	free(config.server);
	return client;
}

static void requests(void **state)
{
	struct fixture *f = *state;
	struct client *client = connect_to(f, "http://localhost", "/k8s/c1/",
	                                   (struct kubeconfig){ .token = (char *)"abc" });
	auto_json json_t *body = json_pack("{s:i}", "a", 1);

	ask(f, client, (struct client_request){ .method = "GET", .path = "/version" });
	assert_int_equal(f->got, 200);
	assert_int_equal(f->err.code, 0);
	assert_string_equal(json_path_str(f->answer, "kind"), "Thing");
	assert_string_equal(f->seen, "GET /k8s/c1/version Bearer abc - ");
	f->status = 201;
	ask(f, client,
	    (struct client_request){ .method = "POST", .path = "/api/v1/things", .body = body });
	assert_int_equal(f->got, 201);
	assert_string_equal(f->seen,
	                    "POST /k8s/c1/api/v1/things Bearer abc application/json {\"a\":1}");
	ask(f, client,
	    (struct client_request){ .method = "PATCH",
	                             .path = "/api/v1/things/x",
	                             .content_type = CLIENT_PATCH_MERGE,
	                             .body = body });
	assert_string_equal(f->seen, "PATCH /k8s/c1/api/v1/things/x Bearer abc "
	                             "application/merge-patch+json {\"a\":1}");
	client_free(client);
}

static void failures(void **state)
{
	static const struct {
		int status;
		const char *body;
		int code;
		const char *message;
		bool has_answer;
	} table[] = {
		{ 404, "{\"message\": \"things \\\"x\\\" not found\"}", -ENOENT,
		  "things \"x\" not found", true },
		{ 409, "{\"message\": \"modified\"}", -EEXIST, "modified", true },
		{ 422, "{}", -EINVAL, "the server answered HTTP status 422", true },
		{ 403, "Forbidden by the proxy\r\nmore", -EACCES, "Forbidden by the proxy", false },
		{ 410, "{\"message\": \"old\"}", -ESTALE, "old", true },
		{ 429, "", -EAGAIN, "the server answered HTTP status 429", false },
		{ 500, "{\"message\": \"%s%n\"}", -EIO, "%s%n", true },
		{ 502, "", -EIO, "the server answered HTTP status 502", false },
	};
	struct fixture *f = *state;
	struct client *client = connect_to(f, "http://127.0.0.1", "", (struct kubeconfig){ 0 });

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		f->status = table[i].status;
		f->body = table[i].body;
		ask(f, client, (struct client_request){ .method = "GET", .path = "/x" });
		assert_int_equal(f->got, table[i].status);
		assert_int_equal(f->err.code, table[i].code);
		assert_string_equal(f->err.msg, table[i].message);
		assert_int_equal(f->answer != NULL, table[i].has_answer);
	}
	client_free(client);
}

static void no_json(void **state)
{
	struct fixture *f = *state;
	struct client *client = connect_to(f, "http://127.0.0.1", "", (struct kubeconfig){ 0 });

	f->type = "text/plain";
	f->body = "ok";
	ask(f, client, (struct client_request){ .method = "GET", .path = "/healthz" });
	assert_int_equal(f->got, 200);
	assert_null(f->answer);
	assert_int_equal(f->err.code, 0);
	client_free(client);
}

static void nobody_there(void **state)
{
	struct fixture *f = *state;
	struct client *client = connect_to(f, "http://127.0.0.1", "", (struct kubeconfig){ 0 });

	http_server_free(f->server);
	f->server = NULL;
	ask(f, client, (struct client_request){ .method = "GET", .path = "/x" });
	assert_int_equal(f->got, 0);
	assert_int_equal(f->err.code, -ECONNREFUSED);
	client_free(client);
}

static void silence(void **state)
{
	struct fixture *f = *state;
	struct client *client = connect_to(f, "http://127.0.0.1", "", (struct kubeconfig){ 0 });

	f->silent = true;
	ask(f, client,
	    (struct client_request){
		    .method = "GET", .path = "/x", .timeout_ns = 50 * NSEC_PER_MSEC });
	assert_int_equal(f->got, 0);
	assert_int_equal(f->err.code, -ETIMEDOUT);
	client_free(client);
	http_reply(f->unanswered, 200, "text/plain", "", 0);
}

/* Neither a cancelled call nor one of a client that is gone calls back. */
static void cancelled(void **state)
{
	struct fixture *f = *state;
	struct client *client = connect_to(f, "http://127.0.0.1", "", (struct kubeconfig){ 0 });
	struct client_request request = {
		.method = "GET", .path = "/x", .done = answered, .arg = f
	};
	struct client_call *call;

	f->silent = true;
	call = client_request(client, &request);
	fake_api_until(f->api, is_seen, f);
	client_cancel(call);
	http_reply(f->unanswered, 200, "text/plain", "", 0);
	free(take_ptr(&f->seen));
	(void)client_request(client, &request);
	fake_api_until(f->api, is_seen, f);
	client_free(client);
	http_reply(f->unanswered, 200, "text/plain", "", 0);
	fake_api_run(f->api, 10 * NSEC_PER_MSEC);
	assert_false(f->done);
}

static void unix_socket(void **state)
{
	struct fixture *f = *state;
	struct client *client = fake_api_client(f->api);

	fake_api_put(f->api, "/api/v1/nodes/n1", "{'kind': 'Node'}");
	ask(f, client, (struct client_request){ .method = "GET", .path = "/api/v1/nodes/n1" });
	assert_string_equal(json_path_str(f->answer, "metadata.name"), "n1");
	client_free(client);
}

static void bad_configs(void **state)
{
	static const struct {
		struct kubeconfig config;
		const char *message;
	} table[] = {
		{ { .server = (char *)"ftp://x" }, "begins with none of" },
		{ { .server = (char *)"https://127.0.0.1:1", .ca = (char *)"no PEM" }, "" },
		{ { .server = (char *)"https://a..b" }, "cannot find the address of" },
		{ { .server =
		            (char *)"unix:///a/path/of/more/than/one/hundred/and/seven/characters/"
		                    "which/is/what/the/kernel/takes/as/the/name/of/a/socket/s.sock" },
		  "the path of the server's socket is too long" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct client *client = NULL;
		struct err err = { 0 };

		assert_true(client_new(f->api->loop, &table[i].config, &client, &err) < 0);
		assert_null(client);
		assert_non_null(strstr(err.msg, table[i].message));
		assert_true(*err.msg);
	}
}

static void make_pki(struct tls_identity *ca, struct tls_identity *server)
{
	static const char *const names[] = { "127.0.0.1", "localhost", "api.example", NULL };
	struct tls_cert_request request = {
		.common_name = "server", .names = names, .server = 1, .days = 1
	};

	assert_int_equal(tls_make_ca("test", ca, NULL), 0);
	assert_int_equal(tls_issue(ca, &request, server, NULL), 0);
}

/* By address, by name, by tls-server-name; and not by another name, nor without the CA. */
static void tls(void **state)
{
	static const struct {
		const char *url;
		char *name;
		bool trust, insecure;
		int status;
	} table[] = {
		{ "https://127.0.0.1", NULL, true, false, 200 },
		{ "https://localhost", NULL, true, false, 200 },
		{ "https://127.0.0.1", (char *)"api.example", true, false, 200 },
		{ "https://127.0.0.1", (char *)"other.example", true, false, 0 },
		{ "https://127.0.0.1", NULL, false, false, 0 },
		{ "https://127.0.0.1", NULL, false, true, 200 },
	};
	struct fixture *f = *state;
	struct tls_identity ca, server;
	SSL_CTX *ctx = NULL;

	make_pki(&ca, &server);
	assert_int_equal(tls_server_new(&(struct tls_pems){ .ca = ca.cert,
	                                                    .cert = server.cert,
	                                                    .key = server.key },
	                                &ctx, NULL),
	                 0);
	http_server_free(f->server);
	f->server = http_server_new(f->api->loop, 1 << 20, serve, f);
	assert_int_equal(http_server_listen_tls(f->server, &f->addr, 0, ctx, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct kubeconfig config = { .ca = table[i].trust ? ca.cert : NULL,
			                     .tls_server_name = table[i].name,
			                     .insecure = table[i].insecure };
		struct client *client = connect_to(f, table[i].url, "", config);

		ask(f, client, (struct client_request){ .method = "GET", .path = "/x" });
		assert_int_equal(f->got, table[i].status);
		client_free(client);
	}
	SSL_CTX_free(ctx);
	tls_identity_done(&ca);
	tls_identity_done(&server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(requests),     TEST(failures),    TEST(no_json),
		TEST(nobody_there), TEST(silence),     TEST(cancelled),
		TEST(unix_socket),  TEST(bad_configs), TEST(tls),
	};

	return cmocka_run_group_tests_name("client/client", tests, NULL, NULL);
}
