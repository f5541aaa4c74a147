/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf - a string being built.
 *
 *	struct buf b = BUF_INIT;
 *
 *	buf_printf(&b, "%s/%d", addr, port);
 *	use(b.p);
 *	buf_done(&b);
 *
 * 'p' is always NUL-terminated once something was added, and buf_str() is never NULL.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *p;    /* owned; NULL while nothing was added */
	size_t n;   /* bytes used, without the NUL */
	size_t cap; /* bytes allocated */
};

#define BUF_INIT ((struct buf){ 0 })

void buf_done(struct buf *b);
void buf_reset(struct buf *b); /* empties, keeps the memory */
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *data, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Adds 's', for the second of 'n' bytes, as a JSON string with its quotes (RFC 8259). */
void buf_add_json_string(struct buf *b, const char *s);
void buf_add_json_stringn(struct buf *b, const char *s, size_t n);

/* The text, "" when empty; owned by the buf. */
const char *buf_str(const struct buf *b);

/* Hands the text over (heap, the caller frees) and leaves the buf empty. */
char *buf_take(struct buf *b) __attribute__((warn_unused_result));

#define auto_buf __attribute__((cleanup(buf_done)))
