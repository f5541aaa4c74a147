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

/* The text of a file of the data directory; the caller frees. */
static char *slurp(const struct harness *h, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", h->dir, name);
	char *text = NULL;

	assert_int_equal(file_read(path, 1 << 20, &text, NULL, NULL), 0);
	return text;
}

/* A client over TLS; 'identity' NULL: anonymous. */
static struct http_client *connect_as(const struct harness *h, const struct tls_identity *identity)
{
	auto_free char *ca = slurp(h, "pki/ca.crt");
	const struct tls_pems pems = { .ca = ca,
		                       .cert = identity ? identity->cert : NULL,
		                       .key = identity ? identity->key : NULL };
	struct http_target target = { .port = h->config.port };
	struct http_client *client;
	struct err err = { 0 };

	assert_int_equal(ipaddr_parse("127.0.0.1", &target.addr), 0);
	if (tls_client_new(&pems, 0, &target.tls, &err) < 0)
		fail_msg("%s", err.msg);
	client = http_client_new(h->loop, &target);
	SSL_CTX_free(target.tls);
	return client;
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
	struct http_client *client = connect_as(h, NULL);

	assert_int_equal(get_as(h, client, "/healthz"), 200);
	assert_int_equal(get_as(h, client, "/version"), 200);
	assert_int_equal(get_as(h, client, "/api"), 401);
	assert_string_equal(said(h, "message"), "Unauthorized");
	assert_string_equal(said(h, "reason"), "Unauthorized");
	assert_int_equal(get_as(h, client, SERVICES), 401);
	http_client_free(client);
}

static void the_admin_may_all(void **state)
{
	struct harness *h = *state;
	struct tls_identity admin = { slurp(h, "pki/admin.crt"), slurp(h, "pki/admin.key") };
	struct http_client *client = connect_as(h, &admin);

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
	struct tls_identity ca = { slurp(h, "pki/ca.crt"), slurp(h, "pki/ca.key") };
	struct tls_identity jane = { 0 };
	struct http_client *client;

	assert_int_equal(tls_issue(&ca, &request, &jane, NULL), 0);
	client = connect_as(h, &jane);
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
	auto_free char *ca = slurp(h, "pki/ca.crt");
	auto_free char *admin = slurp(h, "pki/admin.crt");
	auto_free char *server = slurp(h, "pki/server.crt");
	auto_free char *same = NULL;
	auto_free char *other = NULL;
	auto_free char *names = NULL;

	harness_restart(h);
	same = slurp(h, "pki/server.crt");
	assert_string_equal(same, server);
	h->config.tls_sans = more;
	harness_restart(h);
	other = slurp(h, "pki/server.crt");
	assert_string_not_equal(other, server);
	names = slurp(h, "pki/server.names");
	assert_non_null(strstr(names, "api.example.com\n"));
	assert_non_null(strstr(names, "10.96.0.1\n"));
	free(same);
	same = slurp(h, "pki/ca.crt");
	assert_string_equal(same, ca);
	free(same);
	same = slurp(h, "pki/admin.crt");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(anonymous_sees_health_only, setup, teardown),
		cmocka_unit_test_setup_teardown(the_admin_may_all, setup, teardown),
		cmocka_unit_test_setup_teardown(others_are_forbidden, setup, teardown),
		cmocka_unit_test_setup_teardown(secrets_are_private, setup, teardown),
		cmocka_unit_test_setup_teardown(certificates_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(a_taken_port_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(one_server_a_directory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
