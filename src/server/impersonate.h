/* SPDX-License-Identifier: Apache-2.0 */
/*
 * impersonate - "Impersonate-User: jane": who may, makes a request as if somebody else had.
 *
 * Impersonate-Group (several), Impersonate-Uid and Impersonate-Extra-KEY say the rest of the
 * identity.  For each of them the caller needs the verb "impersonate", which system:masters has;
 * from there on the request is authorised as that user (apiserver endpoints/filters/impersonation).
 */
#pragma once

#include <jansson.h>

#include "server/authz.h"

/*
 * Replaces 'who' where the request asks for it; 'asked' is what the request is about, for the text
 * of a refusal.  NULL, or the Status of the refusal: 400, 403.
 */
json_t *impersonate(const struct server *server, struct http_request *req,
                    const struct authz_attributes *asked, struct identity *who);
