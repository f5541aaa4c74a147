/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_parser - HTTP/1.1 answers out of bytes (RFC 9112).  Pure: no I/O, no clock.
 *
 *	http_parser_init(&p, false);
 *	...for each piece that arrives:
 *	do {
 *		r = http_parser_next(&p, &data, &size, &body, &err);
 *		if (r == HTTP_DATA)
 *			use(body.data, body.size);
 *	} while (r == HTTP_HEAD || r == HTTP_DATA);
 *	...at the end of the connection:
 *	r = http_parser_eof(&p, &err);
 *
 * Strict where two readers could disagree about where an answer ends: Content-Length together with
 * Transfer-Encoding, several lengths, folded headers, stray CRs are refused (-EPROTO).  Interim
 * answers (1xx) are skipped.  Limits: 64 KiB of head with all that precedes it, of trailers, and of
 * a chunk's line; the body is passed on in pieces and has none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum http_event {
	HTTP_MORE, /* all input is used up */
	HTTP_HEAD, /* 'status', 'content_type' and 'keep_alive' are known; once */
	HTTP_DATA, /* a piece of the body */
	HTTP_END,  /* the answer is complete; what input is left is not part of it */
};

enum http_parser_state {
	HTTP_IN_STATUS,
	HTTP_IN_HEADERS,
	HTTP_IN_LENGTH, /* body of 'left' more bytes */
	HTTP_IN_CHUNK_SIZE,
	HTTP_IN_CHUNK, /* chunk of 'left' more bytes */
	HTTP_IN_CHUNK_END,
	HTTP_IN_TRAILERS,
	HTTP_IN_REST, /* body up to the end of the connection */
	HTTP_IN_NOTHING,
};

struct http_parser {
	int status;
	char *content_type; /* owned; NULL: none */
	bool keep_alive;    /* the connection can be used again after HTTP_END */

	/* private */
	enum http_parser_state state;
	bool to_head; /* the answer to a HEAD */
	bool http_1_0;
	bool chunked;
	bool has_length;
	uint64_t length;
	uint64_t left;
	size_t head_size; /* bytes of head, or of trailers, so far */
	struct buf line;  /* as much of the current line as has come */
};

struct http_span {
	const char *data; /* points into the input */
	size_t size;
};

/* 'to_head': the request was a HEAD, whose answer has no body whatever its headers say. */
void http_parser_init(struct http_parser *p, bool to_head);
void http_parser_done(struct http_parser *p);

/*
 * Reads on at '*data', '*size' bytes, and moves both past what it used, up to the next event.
 * Returns an enum http_event or -EPROTO; 'ret_body' is set with HTTP_DATA.
 */
int http_parser_next(struct http_parser *p, const char **data, size_t *size,
                     struct http_span *ret_body, struct err *err);

/* The connection has ended: HTTP_END where that ends the answer, else -ECONNRESET. */
int http_parser_eof(struct http_parser *p, struct err *err);
