/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jwt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "io/tls_pem.h"
#include "kube/json.h"

#define ES256_HALF 32 /* bytes of each of the two numbers of a signature */

#define BAD_TOKEN "not a valid token"

static void cleanup_digest(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

#define auto_digest __attribute__((cleanup(cleanup_digest)))

/* base64url without padding (RFC 7515 2). */
static void add_base64url(struct buf *b, const void *data, size_t size)
{
	auto_free char *text = xmalloc(4 * ((size + 2) / 3) + 1);

	(void)EVP_EncodeBlock((unsigned char *)text, data, (int)size);
	for (char *p = text; *p && *p != '='; p++)
		buf_addc(b, (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p));
}

/* Heap, with a NUL behind it; -EBADMSG. */
static int base64url_decode(const char *text, size_t n, unsigned char **ret, size_t *ret_size)
{
	size_t padding = (4 - n % 4) % 4;
	auto_free unsigned char *plain = xmalloc(n + padding + 1);
	auto_free unsigned char *bytes = xmalloc((n + padding) / 4 * 3 + 1);
	int size;

	if (n == 0 || padding == 3)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		/* the other alphabet, and blanks, which OpenSSL would pass over */
		if (strchr("+/= \t\r\n", text[i]))
			return -EBADMSG;
		plain[i] = (unsigned char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
	}
	memset(plain + n, '=', padding);
	size = EVP_DecodeBlock(bytes, plain, (int)(n + padding));
	if (size < 0)
		return -EBADMSG;
	*ret_size = (size_t)size - padding;
	bytes[*ret_size] = '\0';
	*ret = take_ptr(&bytes);
	return 0;
}

int jwt_make_key(char **ret_pem, struct err *err)
{
	auto_pkey EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n = 0;

	if (key && bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
		n = BIO_get_mem_data(bio, &text);
	if (n > 0)
		*ret_pem = xstrndup(text, (size_t)n);
	BIO_free(bio);
	return n > 0 ? 0 : tls_err(err, -EIO, "cannot make a key");
}

int jwt_load_key(const char *pem, EVP_PKEY **ret, struct err *err)
{
	auto_pkey EVP_PKEY *key = NULL;
	int r = tls_pem_key(pem, &key, err);

	if (r < 0)
		return r;
	if (!EVP_PKEY_is_a(key, "RSA") &&
	    (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_bits(key) != 8 * ES256_HALF))
		return err_set(err, -EINVAL, "want a P-256 or an RSA key");
	*ret = take_ptr(&key);
	return 0;
}

static const char *algorithm(EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "RSA") ? "RS256" : "ES256";
}

/* From OpenSSL's DER to the two numbers side by side (RFC 7518 3.4). */
static int flatten(const unsigned char *der, size_t size, unsigned char ret[static 2 * ES256_HALF])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)size);
	bool good = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, ES256_HALF) > 0 &&
	            BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + ES256_HALF, ES256_HALF) > 0;

	ECDSA_SIG_free(sig);
	return good ? 0 : -EBADMSG;
}

/* And back; '*ret' is OpenSSL's. */
static int unflatten(const unsigned char *flat, size_t size, unsigned char **ret, size_t *ret_size)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int n = -1;

	if (sig && size == (size_t)2 * ES256_HALF &&
	    ECDSA_SIG_set0(sig, BN_bin2bn(flat, ES256_HALF, NULL),
	                   BN_bin2bn(flat + ES256_HALF, ES256_HALF, NULL)) == 1)
		n = i2d_ECDSA_SIG(sig, ret);
	ECDSA_SIG_free(sig);
	*ret_size = (size_t)n;
	return n > 0 ? 0 : -EBADMSG;
}

static int sign(EVP_PKEY *key, struct buf *b, struct err *err)
{
	auto_digest EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char flat[2 * ES256_HALF];
	auto_free unsigned char *sig = NULL;
	size_t size = 0;

	if (!ctx || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, NULL, &size, (const unsigned char *)b->p, b->n) != 1)
		return tls_err(err, -EIO, "cannot sign");
	sig = xmalloc(size);
	if (EVP_DigestSign(ctx, sig, &size, (const unsigned char *)b->p, b->n) != 1)
		return tls_err(err, -EIO, "cannot sign");
	buf_addc(b, '.');
	if (EVP_PKEY_is_a(key, "RSA")) {
		add_base64url(b, sig, size);
		return 0;
	}
	if (flatten(sig, size, flat) < 0)
		return tls_err(err, -EIO, "cannot sign");
	add_base64url(b, flat, sizeof(flat));
	return 0;
}

int jwt_sign(EVP_PKEY *key, const json_t *claims, char **ret, struct err *err)
{
	auto_json json_t *header = json_pack("{s:s,s:s}", "alg", algorithm(key), "typ", "JWT");
	auto_free char *head = json_text(header);
	auto_free char *body = json_text(claims);
	auto_buf struct buf b = BUF_INIT;
	int r;

	add_base64url(&b, head, strlen(head));
	buf_addc(&b, '.');
	add_base64url(&b, body, strlen(body));
	r = sign(key, &b, err);
	if (r < 0)
		return r;
	*ret = buf_take(&b);
	return 0;
}

static bool signature_good(EVP_PKEY *key, const char *text, size_t n, const unsigned char *sig,
                           size_t size)
{
	auto_digest EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	bool good;

	if (!EVP_PKEY_is_a(key, "RSA") && unflatten(sig, size, &der, &size) < 0) {
		OPENSSL_free(der);
		return false;
	}
	good = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, der ? der : sig, size, (const unsigned char *)text, n) == 1;
	OPENSSL_free(der);
	return good;
}

/* The JSON object in the part [text, text + n). */
static json_t *decode_part(const char *text, size_t n)
{
	auto_free unsigned char *bytes = NULL;
	json_t *tree = NULL;
	size_t size;

	if (base64url_decode(text, n, &bytes, &size) == 0)
		tree = json_loadb((const char *)bytes, size, 0, NULL);
	if (json_is_object(tree))
		return tree;
	json_decref(tree);
	return NULL;
}

int jwt_verify(EVP_PKEY *key, const char *token, json_t **ret_claims, struct err *err)
{
	const char *dot = strchr(token, '.'), *last = strrchr(token, '.');
	auto_free unsigned char *sig = NULL;
	auto_json json_t *header = NULL;
	json_t *claims;
	size_t size;

	if (!dot || dot == last || strlen(token) > JWT_SIZE_MAX ||
	    base64url_decode(last + 1, strlen(last + 1), &sig, &size) < 0)
		return err_set(err, -EBADMSG, BAD_TOKEN);
	header = decode_part(token, (size_t)(dot - token));
	/* What it says of its algorithm decides nothing: that is the key's. */
	if (!header || strcmp(json_path_str(header, "alg"), algorithm(key)) != 0)
		return err_set(err, -EBADMSG, BAD_TOKEN);
	if (!signature_good(key, token, (size_t)(last - token), sig, size))
		return err_set(err, -EBADMSG, "the signature is not ours");
	claims = decode_part(dot + 1, (size_t)(last - dot - 1));
	if (!claims)
		return err_set(err, -EBADMSG, BAD_TOKEN);
	*ret_claims = claims;
	return 0;
}
