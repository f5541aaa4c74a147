/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void buf_done(struct buf *b)
{
	free(b->p);
	*b = BUF_INIT;
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	if (b->p)
		b->p[0] = '\0';
}

void buf_reserve(struct buf *b, size_t more)
{
	size_t need = b->n + more + 1;

	if (need <= b->cap)
		return;
	b->cap = need < 2 * b->cap ? 2 * b->cap : need;
	b->p = xrealloc(b->p, b->cap);
}

void buf_add(struct buf *b, const void *data, size_t n)
{
	buf_reserve(b, n);
	if (n)
		memcpy(b->p + b->n, data, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_reserve(b, 1);
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	buf_reserve(b, 64);
	n = vsnprintf(b->p + b->n, b->cap - b->n, fmt, ap);
	if (n > 0 && (size_t)n >= b->cap - b->n) {
		buf_reserve(b, (size_t)n);
		n = vsnprintf(b->p + b->n, b->cap - b->n, fmt, again);
	}
	va_end(again);
	if (n > 0)
		b->n += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

static void add_escaped(struct buf *b, unsigned char c)
{
	static const char escapes[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
		                        ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\' };

	if (c < sizeof(escapes) && escapes[c]) {
		buf_addc(b, '\\');
		buf_addc(b, escapes[c]);
	} else {
		buf_printf(b, "\\u%04x", c);
	}
}

void buf_add_json_stringn(struct buf *b, const char *s, size_t n)
{
	const char *end = s + n, *plain = s;

	buf_reserve(b, n + 2);
	b->p[b->n++] = '"';
	for (; s < end; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(b, plain, (size_t)(s - plain));
		add_escaped(b, c);
		plain = s + 1;
	}
	buf_add(b, plain, (size_t)(s - plain));
	buf_addc(b, '"');
}

void buf_add_json_string(struct buf *b, const char *s)
{
	buf_add_json_stringn(b, s, strlen(s));
}

const char *buf_str(const struct buf *b)
{
	return b->p ? b->p : "";
}

char *buf_take(struct buf *b)
{
	char *p = b->p ? b->p : xstrdup("");

	*b = BUF_INIT;
	return p;
}
