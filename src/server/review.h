/* SPDX-License-Identifier: Apache-2.0 */
/*
 * review - questions about who one is and what one may: the resources of authentication.k8s.io and
 * authorization.k8s.io, which answer a create and store nothing.
 */
#pragma once

#include "io/http_server.h"
#include "server/route.h"
#include "server/state.h"

/* Answers the create of a kind of which virtual_kinds_is() is true. */
void review_create(struct server *server, struct http_request *req, const struct route *route);
