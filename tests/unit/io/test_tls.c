/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/tls.h"

static struct tls_identity ca, other_ca;

static int make_cas(void **state)
{
	struct err err;

	(void)state;
	return tls_make_ca("ca", &ca, &err) || tls_make_ca("ca", &other_ca, &err) ? -1 : 0;
}

static int free_cas(void **state)
{
	(void)state;
	tls_identity_done(&ca);
	tls_identity_done(&other_ca);
	return 0;
}

static X509 *read_cert(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	assert_non_null(cert);
	BIO_free(bio);
	return cert;
}

/* What X509_verify_cert() says of 'pem' under 'ca_pem', for a purpose. */
static int verify(const char *ca_pem, const char *pem, int purpose)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *ca_cert = read_cert(ca_pem), *cert = read_cert(pem);
	int verdict;

	assert_int_equal(X509_STORE_add_cert(store, ca_cert), 1);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, cert, NULL), 1);
	(void)X509_STORE_CTX_set_purpose(ctx, purpose);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT);
	(void)X509_verify_cert(ctx);
	verdict = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(ca_cert);
	X509_free(cert);
	return verdict;
}

static void issues_servers(void **state)
{
	static const char *const names[] = { "kubernetes",  "kubernetes.default.svc", "127.0.0.1",
		                             "2001:db8::1", "*.example.com",          NULL };
	struct tls_cert_request request = {
		.common_name = "server", .names = names, .server = 1, .days = 365
	};
	struct tls_identity id;
	struct err err;
	X509 *cert;
	int days;

	(void)state;
	assert_int_equal(tls_issue(&ca, &request, &id, &err), 0);
	assert_int_equal(verify(ca.cert, id.cert, X509_PURPOSE_SSL_SERVER), X509_V_OK);
	assert_int_equal(verify(ca.cert, id.cert, X509_PURPOSE_SSL_CLIENT),
	                 X509_V_ERR_INVALID_PURPOSE);
	assert_int_not_equal(verify(other_ca.cert, id.cert, X509_PURPOSE_SSL_SERVER), X509_V_OK);
	cert = read_cert(id.cert);
	assert_int_equal(X509_check_host(cert, "kubernetes.default.svc", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(cert, "a.example.com", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(cert, "kubernetes.default", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(cert, "2001:db8::1", 0), 1);
	assert_int_equal(X509_check_ip_asc(cert, "127.0.0.2", 0), 0);
	/* good for a peer whose clock is a little behind */
	assert_true(X509_cmp_timeframe(NULL, X509_get0_notBefore(cert), NULL) == 0);
	assert_true(ASN1_INTEGER_get(X509_get0_serialNumber(cert)) == -1); /* longer than a long */
	X509_free(cert);
	assert_int_equal(tls_cert_days_left(id.cert, &days, &err), 0);
	assert_in_range(days, 364, 365);
	tls_identity_done(&id);
}

static void issues_users(void **state)
{
	static const char *const groups[] = { "system:nodes", "a,b=c+d", NULL };
	char name[254];
	struct tls_cert_request request = { .common_name = name,
		                            .organizations = groups,
		                            .days = 1 };
	struct tls_identity id, again;
	struct err err;
	char text[300];
	X509 *cert;

	(void)state;
	/* longer than the 64 characters of X.520, as a node's name may be */
	(void)snprintf(name, sizeof(name), "system:node:%0200d", 7);
	assert_int_equal(tls_issue(&ca, &request, &id, &err), 0);
	assert_int_equal(tls_issue(&ca, &request, &again, &err), 0);
	assert_string_not_equal(id.cert, again.cert);
	assert_string_not_equal(id.key, again.key);
	assert_int_equal(verify(ca.cert, id.cert, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	assert_int_not_equal(verify(ca.cert, id.cert, X509_PURPOSE_SSL_SERVER), X509_V_OK);
	cert = read_cert(id.cert);
	assert_true(X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, text,
	                                      sizeof(text)) == 212);
	assert_string_equal(text, name);
	X509_free(cert);
	tls_identity_done(&id);
	tls_identity_done(&again);
	tls_identity_done(&again); /* twice does no harm */
}

static void refuses_requests(void **state)
{
	static const char *const bad_names[][2] = { { "" }, { "a b" }, { "a,DNS:b" }, { "a/b" } };
	struct tls_cert_request request = { .common_name = "x", .days = 1 };
	char text[] = "rubbish";
	struct tls_identity id = { 0 }, mixed = { ca.cert, other_ca.key },
			    broken = { text, ca.key };
	struct err err;
	int days;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_names); i++) {
		request.names = bad_names[i];
		assert_int_equal(tls_issue(&ca, &request, &id, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "neither"));
	}
	request.names = NULL;
	request.days = 0;
	assert_int_equal(tls_issue(&ca, &request, &id, &err), -EINVAL);
	request.days = 1;
	assert_int_equal(tls_issue(&mixed, &request, &id, &err), -EBADMSG);
	assert_int_equal(tls_issue(&broken, &request, &id, &err), -EBADMSG);
	assert_null(id.cert);
	assert_int_equal(tls_cert_days_left("rubbish", &days, &err), -EBADMSG);
}

static void counts_days(void **state)
{
	struct tls_cert_request request = { .common_name = "x", .days = 30 };
	struct tls_identity id;
	struct err err;
	int64_t now = clock_wall();
	int days;

	(void)state;
	assert_int_equal(tls_issue(&ca, &request, &id, &err), 0);
	clock_set_wall(now + 29 * 86400 * NSEC_PER_SEC + 3600 * NSEC_PER_SEC);
	assert_int_equal(tls_cert_days_left(id.cert, &days, &err), 0);
	assert_int_equal(days, 0);
	clock_set_wall(now + 30 * 86400 * NSEC_PER_SEC + 3600 * NSEC_PER_SEC);
	assert_int_equal(tls_cert_days_left(id.cert, &days, &err), 0);
	assert_int_equal(days, -1);
	clock_set_wall(0);
	tls_identity_done(&id);
}

static void refuses_contexts(void **state)
{
	struct tls_cert_request request = { .common_name = "x", .server = 1, .days = 1 };
	struct tls_identity id;
	struct err err;
	SSL_CTX *ctx = NULL;

	(void)state;
	assert_int_equal(tls_issue(&ca, &request, &id, &err), 0);
	{
		const struct {
			struct tls_pems pems;
			int code;
		} servers[] = {
			{ { NULL, NULL, id.key }, -EINVAL },
			{ { NULL, id.cert, NULL }, -EINVAL },
			{ { NULL, id.cert, ca.key }, -EBADMSG },
			{ { NULL, "rubbish", id.key }, -EBADMSG },
			{ { NULL, id.cert, "rubbish" }, -EBADMSG },
			{ { "rubbish", id.cert, id.key }, -EBADMSG },
		};

		for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
			err = (struct err){ 0 };
			assert_int_equal(tls_server_new(&servers[i].pems, &ctx, &err),
			                 servers[i].code);
			assert_true(err.msg[0] != '\0');
		}
	}
	assert_int_equal(tls_client_new(&(struct tls_pems){ ca.cert, id.cert, NULL }, 0, &ctx,
	                                &err),
	                 -EINVAL);
	assert_int_equal(tls_client_new(&(struct tls_pems){ "rubbish", NULL, NULL }, 0, &ctx, &err),
	                 -EBADMSG);
	assert_null(ctx);
	tls_identity_done(&id);
}

/* A handshake in memory; 0 where both sides are content. */
static int shake_hands(SSL *server, SSL *client)
{
	BIO *a, *b;
	int rs = 0, rc = 0;

	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(server, a, a);
	SSL_set_bio(client, b, b);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	for (int i = 0; i < 20 && (rs != 1 || rc != 1); i++) {
		rc = SSL_do_handshake(client);
		rs = SSL_do_handshake(server);
	}
	return rs == 1 && rc == 1 ? 0 : -1;
}

/* Which protocol is agreed on; NULL: the handshake failed; "": none. */
static const char *agree(const char *offer, size_t n, int max_version, char text[32])
{
	struct tls_cert_request request = { .common_name = "x", .server = 1, .days = 1 };
	SSL_CTX *server_ctx, *client_ctx;
	const unsigned char *chosen;
	struct tls_identity id;
	const char *result = NULL;
	struct err err;
	unsigned int size;
	SSL *server, *client;

	assert_int_equal(tls_issue(&ca, &request, &id, &err), 0);
	assert_int_equal(tls_server_new(&(struct tls_pems){ ca.cert, id.cert, id.key }, &server_ctx,
	                                &err),
	                 0);
	assert_int_equal(
		tls_client_new(&(struct tls_pems){ ca.cert, NULL, NULL }, 0, &client_ctx, &err), 0);
	assert_int_equal(SSL_CTX_get_session_cache_mode(server_ctx), SSL_SESS_CACHE_OFF);
	server = SSL_new(server_ctx);
	client = SSL_new(client_ctx);
	assert_int_equal(SSL_set_alpn_protos(client, (const unsigned char *)offer, (unsigned)n), 0);
	(void)SSL_set_min_proto_version(client, max_version < TLS1_2_VERSION ? TLS1_VERSION : 0);
	(void)SSL_set_max_proto_version(client, max_version);
	if (shake_hands(server, client) == 0) {
		SSL_get0_alpn_selected(client, &chosen, &size);
		(void)snprintf(text, 32, "%.*s", (int)size, (const char *)chosen);
		result = text;
	}
	SSL_free(server);
	SSL_free(client);
	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	tls_identity_done(&id);
	return result;
}

static void agrees_on_http_1_1(void **state)
{
	char text[32];

	(void)state;
	/* kubectl's offer, ours, and one that we cannot serve */
	assert_string_equal(agree("\x02h2\x08http/1.1", 12, TLS1_3_VERSION, text), "http/1.1");
	assert_string_equal(agree("\x08http/1.1", 9, TLS1_2_VERSION, text), "http/1.1");
	assert_string_equal(agree("\x02h2", 3, TLS1_3_VERSION, text), "");
	assert_null(agree("\x08http/1.1", 9, TLS1_1_VERSION, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(issues_servers),   cmocka_unit_test(issues_users),
		cmocka_unit_test(refuses_requests), cmocka_unit_test(counts_days),
		cmocka_unit_test(refuses_contexts), cmocka_unit_test(agrees_on_http_1_1),
	};

	return cmocka_run_group_tests(tests, make_cas, free_cas);
}
