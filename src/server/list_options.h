/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list_options - metav1.ListOptions: the query of a list, watch or deletecollection.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "io/http_server.h"
#include "kube/selector.h"
#include "store/store.h"

struct list_options {
	const struct kind *kind;       /* of the request */
	struct selector *labels;       /* owned; NULL: all */
	struct field_selector *fields; /* owned; NULL: all */
	uint64_t limit;                /* 0: none */
	const char *after;             /* "ns/name" of the page before; NULL: the first page */
	uint64_t after_revision;       /* of the first page; 0: whatever there is now */
	bool has_version;              /* resourceVersion is given and not "" */
	uint64_t version;
	bool exact;         /* the list of that very version is asked for */
	bool bookmarks;     /* allowWatchBookmarks */
	bool has_initial;   /* sendInitialEvents is given */
	bool initial;       /* its value */
	uint64_t timeout_s; /* timeoutSeconds; 0: not given */
};

/* Reads and checks the query; NULL, or the Status of the refusal. 'options' may be used with
 * list_options_done() either way. */
json_t *list_options_parse(struct http_request *req, const struct kind *kind, bool watch,
                           struct list_options *options);
void list_options_done(struct list_options *options);

/*
 * True if the selectors (not the namespace) choose 'object'.  '*tree' is its tree as it is
 * stored, where the caller has it; if that is NULL and a selector needs it, it is made and the
 * caller's.
 */
bool list_options_match(const struct list_options *options, const struct store_object *object,
                        json_t **tree);

/* The continue token for the page behind 'last' of a list begun at 'revision'; heap. */
char *list_options_continue(uint64_t revision, const struct store_object *last);

/*
 * 410: what 'options' asks for is no longer in the history.  Of a later page it carries a token to
 * go on with what there is now.
 */
json_t *list_options_expired(const struct list_options *options);

/* 504: the resourceVersion asked for is yet to come. */
/* ?resourceVersion= of a GET or watch (500 if it is no number), or with 'list' (400); 0: none. */
json_t *list_options_version(struct http_request *req, bool list, uint64_t *ret);
json_t *list_options_too_large(uint64_t asked, uint64_t current);
