/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwt - JSON Web Tokens (RFC 7519) signed with ES256 or RS256 (RFC 7518), over OpenSSL.
 *
 * Only the signature is checked here; what the claims mean is the caller's to judge.
 */
#pragma once

#include <jansson.h>
#include <openssl/evp.h>

#include "base/err.h"

#define JWT_SIZE_MAX (16 << 10) /* characters of a token that is looked at */

/* A new P-256 key as PEM on the heap. */
int jwt_make_key(char **ret_pem, struct err *err);

/* A P-256 or RSA key; the caller frees with EVP_PKEY_free(). */
int jwt_load_key(const char *pem, EVP_PKEY **ret, struct err *err);

/* The signed token on the heap. */
int jwt_sign(EVP_PKEY *key, const json_t *claims, char **ret, struct err *err);

/* -EBADMSG: it is no token that 'key' has signed.  '*ret_claims' is a new reference. */
int jwt_verify(EVP_PKEY *key, const char *token, json_t **ret_claims, struct err *err);
