/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate authority half of tls.h. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/ipaddr.h"
#include "base/mem.h"
#include "base/rand.h"
#include "io/tls.h"
#include "io/tls_pem.h"

#define CA_DAYS         3650
#define DAYS_MAX        36500
#define SERIAL_SIZE     20        /* RFC 5280 4.1.2.2: at most 20 octets, positive */
#define CLOCK_SKEW_S    (5 * 60L) /* a peer whose clock is behind ours may use it at once */
#define SECONDS_PER_DAY 86400

void tls_identity_done(struct tls_identity *identity)
{
	free(identity->cert);
	if (identity->key)
		OPENSSL_cleanse(identity->key, strlen(identity->key));
	free(identity->key);
	*identity = (struct tls_identity){ 0 };
}

static bool set_serial(X509 *cert)
{
	unsigned char bytes[SERIAL_SIZE];
	BIGNUM *number;
	bool ok;

	rand_bytes(bytes, sizeof(bytes));
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, and never short */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	return ok;
}

static bool set_validity(X509 *cert, int days)
{
	time_t now = (time_t)(clock_wall() / NSEC_PER_SEC);

	return X509_time_adj_ex(X509_getm_notBefore(cert), 0, -CLOCK_SKEW_S, &now) &&
	       X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, &now);
}

/*
 * As a plain UTF8String: the MBSTRING way enforces the 64 characters of X.520, and the common name
 * "system:node:..." of a node may well be longer.
 */
static bool add_name(X509_NAME *name, int nid, const char *text)
{
	X509_NAME_ENTRY *entry = X509_NAME_ENTRY_create_by_NID(
		NULL, nid, V_ASN1_UTF8STRING, (const unsigned char *)text, (int)strlen(text));
	bool ok = entry && X509_NAME_add_entry(name, entry, -1, 0);

	X509_NAME_ENTRY_free(entry);
	return ok;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	ok = extension && X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	return ok;
}

/* A certificate of 'key' with what CA and leaf have in common; not signed yet. */
static X509 *start_cert(EVP_PKEY *key, int days)
{
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
	    set_validity(cert, days) && X509_set_pubkey(cert, key))
		return cert;
	X509_free(cert);
	return NULL;
}

static char *take_bio(BIO *bio)
{
	char *data;
	long n = BIO_get_mem_data(bio, &data);

	return xstrndup(data, n > 0 ? (size_t)n : 0);
}

static int to_pem(X509 *cert, EVP_PKEY *key, struct tls_identity *ret, struct err *err)
{
	BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_secmem());
	int r = 0;

	if (cert_bio && key_bio && PEM_write_bio_X509(cert_bio, cert) &&
	    PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL))
		*ret = (struct tls_identity){ .cert = take_bio(cert_bio),
			                      .key = take_bio(key_bio) };
	else
		r = tls_err(err, -ENOMEM, "cannot write a certificate");
	BIO_free(cert_bio);
	BIO_free(key_bio);
	return r;
}

int tls_make_ca(const char *name, struct tls_identity *ret, struct err *err)
{
	auto_pkey EVP_PKEY *key = EVP_EC_gen("P-256");
	auto_x509 X509 *cert = key ? start_cert(key, CA_DAYS) : NULL;

	if (!cert || !add_name(X509_get_subject_name(cert), NID_commonName, name) ||
	    !X509_set_issuer_name(cert, X509_get_subject_name(cert)) ||
	    !add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE") ||
	    !add_extension(cert, cert, NID_key_usage,
	                   "critical,digitalSignature,keyCertSign,cRLSign") ||
	    !add_extension(cert, cert, NID_subject_key_identifier, "hash") ||
	    !X509_sign(cert, key, EVP_sha256()))
		return tls_err(err, -EINVAL, "cannot make a CA certificate");
	return to_pem(cert, key, ret, err);
}

/* Letters, digits, '-', '.', '_' and '*' (a wildcard), as DNS names of certificates have them. */
static bool dns_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-._*", name[i]))
			return false;
	return true;
}

static int add_alt_name(GENERAL_NAMES *names, const char *text, struct err *err)
{
	struct ipaddr addr;
	bool is_ip = ipaddr_parse(text, &addr) == 0;
	GENERAL_NAME *name;
	ASN1_STRING *value;

	if (!is_ip && !dns_name_ok(text))
		return err_set(err, -EINVAL, "\"%s\" is neither an IP address nor a DNS name",
		               text);
	name = GENERAL_NAME_new();
	value = is_ip ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
	if (!name || !value ||
	    !ASN1_STRING_set(value, is_ip ? (const void *)addr.bytes : text,
	                     is_ip ? (addr.family == 4 ? 4 : 16) : (int)strlen(text))) {
		GENERAL_NAME_free(name);
		ASN1_STRING_free(value);
		return tls_err(err, -ENOMEM, "cannot add a name");
	}
	GENERAL_NAME_set0_value(name, is_ip ? GEN_IPADD : GEN_DNS, value);
	if (!sk_GENERAL_NAME_push(names, name)) {
		GENERAL_NAME_free(name);
		return tls_err(err, -ENOMEM, "cannot add a name");
	}
	return 0;
}

/* Built by hand and not from OpenSSL's configuration text, where a comma in a name adds another. */
static int add_alt_names(X509 *cert, const char *const *texts, struct err *err)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	int r = 0;

	for (; r == 0 && *texts; texts++)
		r = add_alt_name(names, *texts, err);
	if (r == 0 && sk_GENERAL_NAME_num(names) > 0 &&
	    X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) != 1)
		r = tls_err(err, -ENOMEM, "cannot add the names");
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
	return r;
}

static bool set_subject(X509 *cert, const struct tls_cert_request *request)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	for (const char *const *o = request->organizations; o && *o; o++)
		if (!add_name(subject, NID_organizationName, *o))
			return false;
	return add_name(subject, NID_commonName, request->common_name);
}

int tls_issue(const struct tls_identity *ca, const struct tls_cert_request *request,
              struct tls_identity *ret, struct err *err)
{
	auto_x509 X509 *ca_cert = NULL, *cert = NULL;
	auto_pkey EVP_PKEY *ca_key = NULL, *key = NULL;
	int r;

	if (request->days < 1 || request->days > DAYS_MAX)
		return err_set(err, -EINVAL, "a certificate is issued for 1 to %d days, not %d",
		               DAYS_MAX, request->days);
	r = tls_pem_cert(ca->cert, &ca_cert, err);
	if (r == 0)
		r = tls_pem_key(ca->key, &ca_key, err);
	if (r < 0)
		return err_wrap(err, r, "CA");
	if (X509_check_private_key(ca_cert, ca_key) != 1)
		return tls_err(err, -EBADMSG, "CA: the key does not belong to the certificate");
	key = EVP_EC_gen("P-256");
	cert = key ? start_cert(key, request->days) : NULL;
	if (!cert || !set_subject(cert, request) ||
	    !X509_set_issuer_name(cert, X509_get_subject_name(ca_cert)) ||
	    !add_extension(cert, ca_cert, NID_basic_constraints, "critical,CA:FALSE") ||
	    !add_extension(cert, ca_cert, NID_key_usage, "critical,digitalSignature") ||
	    !add_extension(cert, ca_cert, NID_ext_key_usage,
	                   request->server ? "serverAuth" : "clientAuth") ||
	    !add_extension(cert, ca_cert, NID_subject_key_identifier, "hash") ||
	    !add_extension(cert, ca_cert, NID_authority_key_identifier, "keyid:always"))
		return tls_err(err, -EINVAL, "cannot make a certificate");
	r = request->names ? add_alt_names(cert, request->names, err) : 0;
	if (r < 0)
		return r;
	if (!X509_sign(cert, ca_key, EVP_sha256()))
		return tls_err(err, -EINVAL, "cannot sign a certificate");
	return to_pem(cert, key, ret, err);
}

int tls_cert_days_left(const char *pem, int *ret_days, struct err *err)
{
	auto_x509 X509 *cert = NULL;
	int64_t left, days;
	struct tm tm;
	int r;

	r = tls_pem_cert(pem, &cert, err);
	if (r < 0)
		return r;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
		return tls_err(err, -EBADMSG, "the certificate has no end that can be read");
	left = (int64_t)timegm(&tm) - clock_wall() / NSEC_PER_SEC;
	days = left / SECONDS_PER_DAY;
	if (left < 0 && left % SECONDS_PER_DAY != 0)
		days--; /* ended an hour ago is -1, not 0 */
	*ret_days = (int)days;
	return 0;
}
