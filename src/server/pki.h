/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pki - the certificates of a standalone cluster, in "pki" below the data directory, and the
 * kubeconfig of its administrator.
 *
 * What exists is used again; what is missing, ends within 30 days or (the server's) names other
 * addresses than it should is issued anew.  The CA is made once and never replaced.
 */
#pragma once

#include <stdint.h>

#include <openssl/ssl.h>

#include "base/err.h"
#include "base/ipaddr.h"

struct pki_request {
	const char *data_dir;
	struct ipaddr listen; /* in the server certificate, and where the kubeconfig points */
	uint16_t port;
	struct ipaddr service_ip;    /* of the "kubernetes" Service; family 0: none */
	const char *const *tls_sans; /* further names; NULL-terminated, or NULL */
};

/* Makes the files that are missing and '*ret_ctx' for the listener. */
int pki_setup(const struct pki_request *request, SSL_CTX **ret_ctx, struct err *err);

/* The same while serving: what is about to end is issued anew, and 'ctx' uses it from now on. */
int pki_renew(const struct pki_request *request, SSL_CTX *ctx, struct err *err);
