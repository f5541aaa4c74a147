/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uri - percent-decoding of a request's path and query (RFC 3986).  Internal to io; pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Decodes the 'n' bytes at 'text' into 'ret' ('n' + 1 bytes, NUL-terminated).  -EINVAL: an
 * incomplete escape.  That of a NUL, which C strings cannot hold, stays as it is written.
 */
int uri_decode(const char *text, size_t n, bool plus_is_space, char *ret);

struct uri_pair {
	const char *key, *value; /* into 'text' */
};

/* Pairs that cannot be decoded or have a ";" are left out, as by Go's net/url. */
struct uri_query {
	char *text;             /* owned */
	struct uri_pair *pairs; /* owned */
	size_t n;
};

/* Takes a query apart ("a=1&b"; NULL: none). */
void uri_query_parse(const char *query, struct uri_query *ret);
void uri_query_done(struct uri_query *query);

/* The value of the first pair of that key; NULL: none. */
const char *uri_query_get(const struct uri_query *query, const char *key);

/* That of pair number 'i', counted from 0, with that key. */
const char *uri_query_nth(const struct uri_query *query, const char *key, size_t i);
