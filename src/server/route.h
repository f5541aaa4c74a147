/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route - what a request asks for: the URL and method as kind, namespace, name, subresource, verb.
 *
 * "/watch" behind the version is the deprecated way to ask for a watch.
 *
 * Pure, and driven by the kinds table: no kind is named here.  The rules are those of apiserver's
 * request info (endpoints/request/requestinfo.go).
 */
#pragma once

#include <stdbool.h>

#include "kube/kind.h"

enum verb {
	VERB_GET,
	VERB_LIST,
	VERB_WATCH,
	VERB_CREATE,
	VERB_UPDATE,
	VERB_PATCH,
	VERB_DELETE,
	VERB_DELETE_COLLECTION,
	VERB_NONE, /* the method has no meaning for this resource: 405 */
};

struct identity;
struct subresource;

struct route {
	char *text;     /* owned; the strings below point into it or are static, "" where missing */
	bool api;       /* below /api or /apis */
	bool resource;  /* names a resource, served or not */
	enum verb verb; /* of a resource */
	const struct kind *kind; /* NULL: there is no such resource here (404) */
	const char *group, *version, *plural, *ns, *name, *subresource;
	bool status;                   /* the subresource is /status of a kind that has one */
	const struct subresource *sub; /* it is one of the table; NULL: it is not */
	const struct identity *who;    /* who asks; set by the server, NULL before */
};

/* 'path' is decoded and without its query; 'watch' tells whether ?watch=true was there. */
void route_parse(const char *method, const char *path, bool watch, struct route *ret);
void route_done(struct route *route);

/* "get", "deletecollection" ... as in Kubernetes' authorization attributes; "" for VERB_NONE. */
const char *verb_name(enum verb verb);
