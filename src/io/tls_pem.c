/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tls_pem.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/cleanup.h"

int tls_err(struct err *err, int code, const char *what)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	if (!reason)
		return err_set(err, code, "%s", what);
	return err_set(err, code, "%s: %s", what, reason);
}

static BIO *open_text(const char *pem)
{
	size_t n = strlen(pem);

	return n > INT_MAX ? NULL : BIO_new_mem_buf(pem, (int)n);
}

/* Nobody is there to type a pass phrase: an encrypted key is an error, not a prompt. */
static int no_pass_phrase(char *text, int size, int writing, void *arg)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

int tls_pem_cert(const char *pem, X509 **ret, struct err *err)
{
	BIO *bio = open_text(pem);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL) : NULL;

	BIO_free(bio);
	if (!cert)
		return tls_err(err, -EBADMSG, "not a certificate in PEM form");
	*ret = cert;
	return 0;
}

int tls_pem_key(const char *pem, EVP_PKEY **ret, struct err *err)
{
	BIO *bio = open_text(pem);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL) : NULL;

	BIO_free(bio);
	if (!key)
		return tls_err(err, -EBADMSG, "not an unencrypted private key in PEM form");
	*ret = key;
	return 0;
}

int tls_pem_certs(const char *pem, STACK_OF(X509) * *ret, struct err *err)
{
	auto_certs STACK_OF(X509) *certs = sk_X509_new_null();
	BIO *bio = open_text(pem);
	X509 *cert;

	while (bio && (cert = PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL)))
		if (!sk_X509_push(certs, cert))
			X509_free(cert);
	BIO_free(bio);
	/* the end of the text is the error "no start line"; anything else is a broken certificate */
	if (sk_X509_num(certs) < 1 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return tls_err(err, -EBADMSG, "not certificates in PEM form");
	ERR_clear_error();
	*ret = take_ptr(&certs);
	return 0;
}
