/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authn - who asks.
 *
 * The Unix socket is root's own (mode 0600) and speaks as system:admin of system:masters.  A client
 * certificate of our CA speaks as its common name with its organizations as groups, a bearer token
 * as the line of the token file or the ServiceAccount that it belongs to.  Who shows nothing is
 * system:anonymous; who shows a token that is not good is refused.
 */
#pragma once

#include "base/err.h"
#include "io/http_server.h"
#include "server/identity.h"
#include "server/state.h"

/* NULL with '*ret' to be freed with identity_done(), or the 401. */
json_t *authn_request(const struct server *server, struct http_request *req, struct identity *ret);

/*
 * Whom a bearer token speaks for, system:authenticated included; 'wanted' and '*ret_audiences' as
 * service_account_authenticate() has them ('*ret_audiences' is NULL for one of the file).  -EBADMSG.
 */
int authn_token(const struct server *server, const char *token, const json_t *wanted,
                struct identity *ret, json_t **ret_audiences, struct err *err);
