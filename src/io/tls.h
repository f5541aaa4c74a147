/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls - TLS contexts, and the certificate authority of a standalone cluster, over OpenSSL.
 *
 * TLS 1.2 or newer, no session cache, buffers released while idle.  A context is shared by all
 * connections of one listener or one client and is reference-counted by OpenSSL.
 */
#pragma once

#include <stdint.h>

#include <openssl/ssl.h>

#include "base/err.h"

/* PEM text; each may be NULL where it does not apply.  Borrowed for the call. */
struct tls_pems {
	const char *ca;   /* whom we trust */
	const char *cert; /* who we are */
	const char *key;
};

/*
 * Server: asks for a client certificate where 'ca' is given.  A client without one is served, and
 * anonymous; one whose certificate 'ca' did not sign for clients fails the handshake.
 */
int tls_server_new(const struct tls_pems *pems, SSL_CTX **ret, struct err *err);

/* Connections accepted from now on get this certificate ('ca' is not looked at). */
int tls_server_renew(SSL_CTX *ctx, const struct tls_pems *pems, struct err *err);

/*
 * Client: verifies the server against 'ca'; where that is NULL, against the system's CAs, or not at
 * all if 'insecure'.
 */
int tls_client_new(const struct tls_pems *pems, int insecure, SSL_CTX **ret, struct err *err);

/* A key pair and certificate as PEM text on the heap. */
struct tls_identity {
	char *cert;
	char *key;
};

void tls_identity_done(struct tls_identity *identity);

/* A new CA (ECDSA P-256, ten years) of common name 'name'. */
int tls_make_ca(const char *name, struct tls_identity *ret, struct err *err);

struct tls_cert_request {
	const char *common_name;          /* the user */
	const char *const *organizations; /* the groups; NULL-terminated, or NULL */
	const char *const *names;         /* subjectAltName: DNS names and IP addresses; likewise */
	int server;                       /* extended key usage serverAuth, else clientAuth */
	int days;                         /* 1 to 36500 */
};

/* A new key with a certificate signed by 'ca'. */
int tls_issue(const struct tls_identity *ca, const struct tls_cert_request *request,
              struct tls_identity *ret, struct err *err);

/* Whole days until the certificate in 'pem' ends (negative: it has ended); -EBADMSG. */
int tls_cert_days_left(const char *pem, int *ret_days, struct err *err);
