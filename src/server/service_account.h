/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_account - tokens of ServiceAccounts: JSON Web Tokens that the server signs on request
 * (serviceaccounts/NAME/token) and that speak as system:serviceaccount:NAMESPACE:NAME for as long
 * as the ServiceAccount and the Pod they are bound to live.
 */
#pragma once

#include <openssl/evp.h>

#include "base/err.h"
#include "server/identity.h"
#include "server/route.h"
#include "server/state.h"

#define SERVICE_ACCOUNT_ISSUER "https://kubernetes.default.svc.cluster.local"

/* Reads pki/sa.key of the data directory, which is made where it is missing. */
int service_account_key(const char *data_dir, EVP_PKEY **ret, struct err *err);

/*
 * Whom 'token' speaks for, and for which audiences of the array 'wanted' (NULL: the API's own):
 * '*ret_audiences' is a new reference.  -EBADMSG: it is not good, or no longer.
 */
int service_account_authenticate(const struct server *server, const char *token,
                                 const json_t *wanted, struct identity *ret, json_t **ret_audiences,
                                 struct err *err);

/* POST serviceaccounts/NAME/token: a TokenRequest. */
void service_account_token(struct server *server, struct http_request *req,
                           const struct route *route);
