/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tls.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>

#include "base/cleanup.h"
#include "io/tls_pem.h"

static const unsigned char http1[] = "\x08http/1.1";

static void cleanup_ctx(SSL_CTX **ctx)
{
	SSL_CTX_free(*ctx);
}

#define auto_ctx __attribute__((cleanup(cleanup_ctx)))

/* What both sides want: modern versions, no resumption, no memory held while idle. */
static int ctx_new(const SSL_METHOD *method, SSL_CTX **ret, struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		return tls_err(err, -ENOMEM, "cannot make a TLS context");
	(void)SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	/*
	 * Not ENABLE_PARTIAL_WRITE: bufferevent_openssl (2.1.12, do_write()) takes a short SSL_write()
	 * of one piece of its buffer for a whole one and goes on with the next piece.  A peer that
	 * asks for small records (RFC 6066 section 4) would get them out of order.
	 */
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
	                                       SSL_OP_NO_COMPRESSION);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	*ret = ctx;
	return 0;
}

/* The certificate with the chain that may follow it in the text, and its key. */
static int use_identity(SSL_CTX *ctx, const struct tls_pems *pems, struct err *err)
{
	auto_certs STACK_OF(X509) *certs = NULL;
	auto_pkey EVP_PKEY *key = NULL;
	int r;

	r = tls_pem_certs(pems->cert, &certs, err);
	if (r < 0)
		return err_wrap(err, r, "certificate");
	r = tls_pem_key(pems->key, &key, err);
	if (r < 0)
		return err_wrap(err, r, "key");
	if (X509_check_private_key(sk_X509_value(certs, 0), key) != 1)
		return tls_err(err, -EBADMSG, "the key does not belong to the certificate");
	if (SSL_CTX_use_certificate(ctx, sk_X509_value(certs, 0)) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, key) != 1)
		return tls_err(err, -EBADMSG, "cannot use the certificate");
	for (int i = 1; i < sk_X509_num(certs); i++)
		if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(certs, i)) != 1)
			return tls_err(err, -EBADMSG, "cannot use the certificate's chain");
	return 0;
}

static int trust(SSL_CTX *ctx, const char *pem, struct err *err)
{
	auto_certs STACK_OF(X509) *certs = NULL;
	int r;

	r = tls_pem_certs(pem, &certs, err);
	if (r < 0)
		return err_wrap(err, r, "CA");
	for (int i = 0; i < sk_X509_num(certs); i++) {
		if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), sk_X509_value(certs, i)) != 1)
			return tls_err(err, -EBADMSG, "CA");
		/* clients choose the certificate that they present by these names */
		(void)SSL_CTX_add_client_CA(ctx, sk_X509_value(certs, i));
	}
	return 0;
}

/* HTTP/1.1 where the client offers it; one that offers only HTTP/2 gets no agreement. */
static int select_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_n,
                           const unsigned char *offered, unsigned int n, void *arg)
{
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, ret_n, http1, sizeof(http1) - 1, offered, n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

int tls_server_new(const struct tls_pems *pems, SSL_CTX **ret, struct err *err)
{
	auto_ctx SSL_CTX *ctx = NULL;
	int r;

	if (!pems->cert || !pems->key)
		return err_set(err, -EINVAL, "a TLS server needs a certificate and its key");
	r = ctx_new(TLS_server_method(), &ctx, err);
	if (r < 0)
		return r;
	r = use_identity(ctx, pems, err);
	if (r < 0)
		return r;
	(void)SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_alpn_select_cb(ctx, select_protocol, NULL);
	if (pems->ca) {
		r = trust(ctx, pems->ca, err);
		if (r < 0)
			return r;
		/* without FAIL_IF_NO_PEER_CERT: who presents none is anonymous */
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	}
	*ret = take_ptr(&ctx);
	return 0;
}

int tls_server_renew(SSL_CTX *ctx, const struct tls_pems *pems, struct err *err)
{
	(void)SSL_CTX_clear_chain_certs(ctx);
	return use_identity(ctx, pems, err);
}

int tls_client_new(const struct tls_pems *pems, int insecure, SSL_CTX **ret, struct err *err)
{
	auto_ctx SSL_CTX *ctx = NULL;
	int r;

	if (!pems->cert != !pems->key)
		return err_set(err, -EINVAL, "a client certificate and its key go together");
	r = ctx_new(TLS_client_method(), &ctx, err);
	if (r < 0)
		return r;
	if (pems->cert) {
		r = use_identity(ctx, pems, err);
		if (r < 0)
			return err_wrap(err, r, "client");
	}
	/* set to 0 on success, unlike all its relatives */
	if (SSL_CTX_set_alpn_protos(ctx, http1, sizeof(http1) - 1) != 0)
		return tls_err(err, -ENOMEM, "cannot offer http/1.1");
	if (pems->ca)
		r = trust(ctx, pems->ca, err);
	else if (!insecure && SSL_CTX_set_default_verify_paths(ctx) != 1)
		r = tls_err(err, -EINVAL, "cannot load the system's CA certificates");
	if (r < 0)
		return r;
	SSL_CTX_set_verify(ctx, pems->ca || !insecure ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	*ret = take_ptr(&ctx);
	return 0;
}
