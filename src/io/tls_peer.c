/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tls_peer.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/tls_pem.h"

/* The text of an entry as UTF-8 on the heap; NULL if it is none, or hides a NUL. */
static char *entry_text(const X509_NAME_ENTRY *entry)
{
	unsigned char *utf8;
	char *text = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));

	if (n < 0)
		return NULL;
	if (strlen((const char *)utf8) == (size_t)n)
		text = xstrdup((const char *)utf8);
	OPENSSL_free(utf8);
	return text;
}

static bool read_subject(const X509_NAME *subject, struct tls_peer *peer)
{
	size_t n = 0;

	peer->groups = xcalloc((size_t)X509_NAME_entry_count(subject) + 1, sizeof(char *));
	for (int i = 0; i < X509_NAME_entry_count(subject); i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
		int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
		char *text;

		if (nid != NID_commonName && nid != NID_organizationName)
			continue;
		text = entry_text(entry);
		if (!text)
			return false;
		if (nid == NID_organizationName) {
			peer->groups[n++] = text;
		} else {
			/* of several common names the last counts, as for Go's crypto/x509 */
			free(peer->user);
			peer->user = text;
		}
	}
	return peer->user != NULL;
}

bool tls_peer_init(const SSL *ssl, struct tls_peer *ret)
{
	auto_x509 X509 *cert = SSL_get1_peer_certificate(ssl);
	struct tls_peer peer = { 0 };

	if (!cert || SSL_get_verify_result(ssl) != X509_V_OK ||
	    SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE)
		return false;
	if (!read_subject(X509_get_subject_name(cert), &peer)) {
		tls_peer_done(&peer);
		return false;
	}
	*ret = peer;
	return true;
}

void tls_peer_done(struct tls_peer *peer)
{
	for (char **group = peer->groups; group && *group; group++)
		free(*group);
	free(peer->groups);
	free(peer->user);
	*peer = (struct tls_peer){ 0 };
}
