/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and who may do what over TLS. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "io/tls.h"
#include "server/pki.h"

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

static int get_as(struct harness *h, struct http_client *client, const char *path)
{
	int code;

	h->other = client;
	code = get(h, path);
	h->other = NULL;
	return code;
}

static void anonymous_sees_health_only(void **state)
{
	struct harness *h = *state;
	struct http_client *client = harness_connect(h, NULL);

	assert_int_equal(get_as(h, client, "/healthz"), 200);
	assert_int_equal(get_as(h, client, "/version"), 200);
	assert_int_equal(get_as(h, client, "/api"), 403);
	assert_string_equal(said(h, "message"),
	                    "forbidden: User \"system:anonymous\" cannot get path \"/api\"");
	assert_string_equal(said(h, "reason"), "Forbidden");
	assert_int_equal(get_as(h, client, SERVICES), 403);
	assert_string_equal(said(h, "details.kind"), "services");
	h->authorization = "Bearer nonsense";
	assert_int_equal(get_as(h, client, SERVICES), 401);
	assert_string_equal(said(h, "message"), "Unauthorized");
	h->authorization = "Basic YTpi"; /* a scheme that nobody speaks says nothing */
	assert_int_equal(get_as(h, client, SERVICES), 403);
	h->authorization = NULL;
	http_client_free(client);
}

static void the_admin_may_all(void **state)
{
	struct harness *h = *state;
	struct tls_identity admin = { harness_file(h, "pki/admin.crt"),
		                      harness_file(h, "pki/admin.key") };
	struct http_client *client = harness_connect(h, &admin);

	assert_int_equal(get_as(h, client, SERVICES), 200);
	assert_string_equal(said(h, "kind"), "ServiceList");
	h->other = client;
	assert_int_equal(post(h, "/api/v1/namespaces", "{\"metadata\":{\"name\":\"a\"}}"), 201);
	h->other = NULL;
	http_client_free(client);
	tls_identity_done(&admin);
}

static void others_are_forbidden(void **state)
{
	static const char *const groups[] = { "dev", NULL };
	const struct tls_cert_request request = { .common_name = "jane",
		                                  .organizations = groups,
		                                  .days = 1 };
	struct harness *h = *state;
	struct tls_identity ca = { harness_file(h, "pki/ca.crt"), harness_file(h, "pki/ca.key") };
	struct tls_identity jane = { 0 };
	struct http_client *client;

	assert_int_equal(tls_issue(&ca, &request, &jane, NULL), 0);
	client = harness_connect(h, &jane);
	assert_int_equal(get_as(h, client, "/api/v1"), 200);
	assert_int_equal(get_as(h, client, SERVICES), 403);
	assert_string_equal(said(h, "message"),
	                    "services is forbidden: User \"jane\" cannot list resource "
	                    "\"services\" in API group \"\" in the namespace \"default\"");
	assert_string_equal(said(h, "reason"), "Forbidden");
	http_client_free(client);
	tls_identity_done(&jane);
	tls_identity_done(&ca);
}

static void secrets_are_private(void **state)
{
	static const char *const names[] = { SERVER_KUBECONFIG_NAME, SERVER_SOCKET_NAME,
		                             "pki/ca.key", "pki/server.key", "pki/admin.key" };
	struct harness *h = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *path = xasprintf("%s/%s", h->dir, names[i]);
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

/* The CA and the admin stay; the server's certificate follows the names it is asked for. */
static void certificates_are_kept(void **state)
{
	static const char *const more[] = { "api.example.com", NULL };
	struct harness *h = *state;
	auto_free char *ca = harness_file(h, "pki/ca.crt");
	auto_free char *admin = harness_file(h, "pki/admin.crt");
	auto_free char *server = harness_file(h, "pki/server.crt");
	auto_free char *same = NULL;
	auto_free char *other = NULL;
	auto_free char *names = NULL;

	harness_restart(h);
	same = harness_file(h, "pki/server.crt");
	assert_string_equal(same, server);
	h->config.tls_sans = more;
	harness_restart(h);
	other = harness_file(h, "pki/server.crt");
	assert_string_not_equal(other, server);
	names = harness_file(h, "pki/server.names");
	assert_non_null(strstr(names, "api.example.com\n"));
	assert_non_null(strstr(names, "10.96.0.1\n"));
	free(same);
	same = harness_file(h, "pki/ca.crt");
	assert_string_equal(same, ca);
	free(same);
	same = harness_file(h, "pki/admin.crt");
	assert_string_equal(same, admin);
}

static void a_taken_port_is_said(void **state)
{
	struct harness *h = *state;
	auto_free char *dir = xasprintf("%s/second", h->dir);
	const struct server_config config = { .data_dir = dir, .port = h->config.port };
	struct server *server = NULL;
	struct err err = { 0 };

	assert_int_equal(server_new(h->loop, &config, &server, &err), -EADDRINUSE);
	assert_null(server);
	assert_string_not_equal(err.msg, "");
}

static void one_server_a_directory(void **state)
{
	struct harness *h = *state;
	const struct server_config config = { .data_dir = h->dir, .port = 29999 };
	struct server *server = NULL;
	struct err err = { 0 };

	assert_int_equal(server_new(h->loop, &config, &server, &err), -EBUSY);
	assert_int_equal(get(h, "/api/v1/namespaces"), 200);
}

/* Writes a certificate of the server's that ends tomorrow. */
static void let_end_soon(const struct harness *h)
{
	static const char *const names[] = { "localhost", NULL };
	const struct tls_cert_request request = {
		.common_name = "fairlead-server", .names = names, .server = 1, .days = 1
	};
	struct tls_identity ca = { harness_file(h, "pki/ca.crt"), harness_file(h, "pki/ca.key") };
	auto_free char *cert_path = xasprintf("%s/pki/server.crt", h->dir);
	auto_free char *key_path = xasprintf("%s/pki/server.key", h->dir);
	struct tls_identity soon = { 0 };

	assert_int_equal(tls_issue(&ca, &request, &soon, NULL), 0);
	assert_int_equal(file_write(cert_path, soon.cert, strlen(soon.cert), 0644, NULL), 0);
	assert_int_equal(file_write(key_path, soon.key, strlen(soon.key), 0600, NULL), 0);
	tls_identity_done(&soon);
	tls_identity_done(&ca);
}

static void certificates_are_renewed(void **state)
{
	struct harness *h = *state;
	struct pki_request request = { .data_dir = h->dir, .port = h->config.port };
	auto_free char *text = NULL;
	SSL_CTX *ctx = NULL;
	X509 *before, *after;
	int days = 0;

	assert_int_equal(ipaddr_parse("127.0.0.1", &request.listen), 0);
	assert_int_equal(pki_setup(&request, &ctx, NULL), 0);
	before = X509_dup(SSL_CTX_get0_certificate(ctx));
	assert_int_equal(pki_renew(&request, ctx, NULL), 0);
	assert_int_equal(X509_cmp(before, SSL_CTX_get0_certificate(ctx)), 0);
	let_end_soon(h);
	assert_int_equal(pki_renew(&request, ctx, NULL), 0);
	after = SSL_CTX_get0_certificate(ctx);
	assert_int_not_equal(X509_cmp(before, after), 0);
	text = harness_file(h, "pki/server.crt");
	assert_int_equal(tls_cert_days_left(text, &days, NULL), 0);
	assert_true(days > 300);
	assert_int_equal(SSL_CTX_check_private_key(ctx), 1);
	X509_free(before);
	SSL_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(anonymous_sees_health_only, setup, teardown),
		cmocka_unit_test_setup_teardown(the_admin_may_all, setup, teardown),
		cmocka_unit_test_setup_teardown(others_are_forbidden, setup, teardown),
		cmocka_unit_test_setup_teardown(secrets_are_private, setup, teardown),
		cmocka_unit_test_setup_teardown(certificates_are_renewed, setup, teardown),
		cmocka_unit_test_setup_teardown(certificates_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(a_taken_port_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(one_server_a_directory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
