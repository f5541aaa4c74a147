/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subresource - the table of subresources besides /status: one row each with the resource it is of,
 * the verbs it knows, the type it speaks, and who answers.  Discovery and the router read the row.
 */
#pragma once

#include "io/http_server.h"
#include "kube/kind.h"
#include "server/route.h"
#include "server/state.h"

struct subresource {
	const char *group, *plural; /* of the resource; NULL: whatever kind has a scale */
	const char *name;           /* "binding" */
	unsigned int verbs;         /* 1 << enum verb */
	const struct kind *type;    /* what it takes and answers; NULL: the resource's own */
	void (*handle)(struct server *server, struct http_request *req, const struct route *route);
};

/* NULL if there is none. */
const struct subresource *subresource_find(const struct kind *kind, const char *name);

/* The rows of 'kind', one after another: begins with NULL, ends with NULL. */
const struct subresource *subresource_next(const struct kind *kind,
                                           const struct subresource *before);
