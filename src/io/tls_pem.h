/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_pem - certificates and keys out of PEM text, and OpenSSL's errors in words.  Internal to io.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/err.h"

/* The first certificate or private key in 'pem'; -EBADMSG.  The caller frees. */
int tls_pem_cert(const char *pem, X509 **ret, struct err *err);
int tls_pem_key(const char *pem, EVP_PKEY **ret, struct err *err);

/* All certificates in 'pem', at least one. */
int tls_pem_certs(const char *pem, STACK_OF(X509) * *ret, struct err *err);

/* Sets 'err' to "what: OpenSSL's reason" and empties OpenSSL's error queue; returns 'code'. */
int tls_err(struct err *err, int code, const char *what);

static inline void cleanup_x509(X509 **cert)
{
	X509_free(*cert);
}

static inline void cleanup_pkey(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static inline void cleanup_certs(STACK_OF(X509) * *certs)
{
	sk_X509_pop_free(*certs, X509_free);
}

#define auto_x509  __attribute__((cleanup(cleanup_x509)))
#define auto_pkey  __attribute__((cleanup(cleanup_pkey)))
#define auto_certs __attribute__((cleanup(cleanup_certs)))
