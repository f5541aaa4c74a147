/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_peer - who a client's verified certificate says it is.  Internal to io.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

struct tls_peer {
	char *user;    /* owned: the common name */
	char **groups; /* owned with its strings: the organizations, NULL-terminated */
};

/*
 * False, and 'ret' untouched, where the client presented no certificate, one that was not verified,
 * or one whose subject has no common name or cannot be read as text.
 */
bool tls_peer_init(const SSL *ssl, struct tls_peer *ret);
void tls_peer_done(struct tls_peer *peer);
