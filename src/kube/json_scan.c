/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/json_scan.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "kube/json.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

struct scan {
	const char *p, *end;
	unsigned int depth, depth_max;
	struct err *err;
};

/* A byte as Go's scanner quotes it: as the character of that number. */
static void add_character(struct buf *b, unsigned char c)
{
	static const char escapes[] = {
		['\a'] = 'a', ['\b'] = 'b', ['\t'] = 't',  ['\n'] = 'n', ['\v'] = 'v',
		['\f'] = 'f', ['\r'] = 'r', ['\''] = '\'', ['\\'] = '\\'
	};

	if (c < sizeof(escapes) && escapes[c])
		buf_printf(b, "\\%c", escapes[c]);
	else if (c < 0x20 || c == 0x7f)
		buf_printf(b, "\\x%02x", c);
	else if (c < 0x80)
		buf_addc(b, (char)c);
	else if (c <= 0xa0 || c == 0xad)
		buf_printf(b, "\\u%04x", c);
	else
		buf_printf(b, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
}

static int unexpected(const struct scan *s, const char *context)
{
	auto_buf struct buf b = BUF_INIT;

	if (s->p == s->end)
		return err_set(s->err, -EBADMSG, "unexpected end of JSON input");
	add_character(&b, (unsigned char)*s->p);
	return err_set(s->err, -EBADMSG, "invalid character '%s' %s", buf_str(&b), context);
}

static bool at(const struct scan *s, char c)
{
	return s->p < s->end && *s->p == c;
}

static bool at_digit(const struct scan *s)
{
	return s->p < s->end && isdigit((unsigned char)*s->p);
}

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
		s->p++;
}

static int scan_escape(struct scan *s)
{
	s->p++;
	if (s->p == s->end || !*s->p || !strchr("\"\\/bfnrtu", *s->p))
		return unexpected(s, "in string escape code");
	if (*s->p++ != 'u')
		return 0;
	for (int i = 0; i < 4; i++, s->p++)
		if (s->p == s->end || !isxdigit((unsigned char)*s->p))
			return unexpected(s, "in \\u hexadecimal character escape");
	return 0;
}

static int scan_string(struct scan *s)
{
	int r;

	s->p++;
	while (!at(s, '"')) {
		if (s->p == s->end || (unsigned char)*s->p < ' ')
			return unexpected(s, "in string literal");
		if (*s->p != '\\') {
			s->p++;
			continue;
		}
		r = scan_escape(s);
		if (r < 0)
			return r;
	}
	s->p++;
	return 0;
}

static int scan_digits(struct scan *s, const char *context)
{
	if (!at_digit(s))
		return unexpected(s, context);
	while (at_digit(s))
		s->p++;
	return 0;
}

static int scan_number(struct scan *s)
{
	int r = 0;

	if (at(s, '-'))
		s->p++;
	if (at(s, '0'))
		s->p++;
	else
		r = scan_digits(s, "in numeric literal");
	if (r == 0 && at(s, '.')) {
		s->p++;
		r = scan_digits(s, "after decimal point in numeric literal");
	}
	if (r == 0 && (at(s, 'e') || at(s, 'E'))) {
		s->p++;
		if (at(s, '+') || at(s, '-'))
			s->p++;
		r = scan_digits(s, "in exponent of numeric literal");
	}
	return r;
}

static int scan_word(struct scan *s, const char *word)
{
	for (const char *w = word; *w; w++, s->p++) {
		char context[48] = "";

		if (at(s, *w))
			continue;
		(void)snprintf(context, sizeof(context), "in literal %s (expecting '%c')", word,
		               *w);
		return unexpected(s, context);
	}
	return 0;
}

static int scan_value(struct scan *s);

/* The elements of an array, or the members of an object, behind its opening bracket. */
static int scan_elements(struct scan *s, bool object)
{
	char close = object ? '}' : ']';
	bool first = true;
	int r;

	for (;; first = false) {
		skip_space(s);
		if (at(s, close) && first)
			break;
		if (object) {
			if (!at(s, '"'))
				return unexpected(s, "looking for beginning of object key string");
			r = scan_string(s);
			if (r < 0)
				return r;
			skip_space(s);
			if (!at(s, ':'))
				return unexpected(s, "after object key");
			s->p++;
		}
		r = scan_value(s);
		if (r < 0)
			return r;
		skip_space(s);
		if (at(s, close))
			break;
		if (!at(s, ','))
			return unexpected(s, object ? "after object key:value pair"
			                            : "after array element");
		s->p++;
	}
	s->p++;
	return 0;
}

static int scan_container(struct scan *s)
{
	bool object = *s->p == '{';
	int r;

	if (s->depth == s->depth_max) {
		(void)unexpected(s, "exceeded max depth");
		s->err->code = -EFBIG;
		return -EFBIG;
	}
	s->depth++;
	s->p++;
	r = scan_elements(s, object);
	s->depth--;
	return r;
}

static int scan_value(struct scan *s)
{
	skip_space(s);
	if (at(s, '{') || at(s, '['))
		return scan_container(s);
	if (at(s, '"'))
		return scan_string(s);
	if (at(s, '-') || at_digit(s))
		return scan_number(s);
	if (at(s, 't'))
		return scan_word(s, "true");
	if (at(s, 'f'))
		return scan_word(s, "false");
	if (at(s, 'n'))
		return scan_word(s, "null");
	return unexpected(s, "looking for beginning of value");
}

int json_scan_check(const char *text, size_t size, unsigned int depth_max, struct err *err)
{
	struct err unused;
	struct scan s = {
		.p = text, .end = text + size, .depth_max = depth_max, .err = err ? err : &unused
	};
	int r = scan_value(&s);

	if (r < 0)
		return r;
	skip_space(&s);
	return s.p < s.end ? unexpected(&s, "after top-level value") : 0;
}

/* The four digits of a \u escape; there are four. */
static unsigned int escape_value(const char *p)
{
	unsigned int value = 0;

	for (int i = 2; i < 6; i++) {
		unsigned int c = (unsigned char)p[i];

		value = value << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return value;
}

/* Copies the escape at 'p'; returns its length. */
static size_t mend_escape(struct buf *b, const char *p)
{
	unsigned int value;

	if (p[1] != 'u') {
		buf_add(b, p, 2);
		return 2;
	}
	value = escape_value(p);
	if (value < 0xd800 || value > 0xdfff) {
		buf_add(b, p, 6);
		return 6;
	}
	/* A quote is never far: no look beyond the text. */
	if (value < 0xdc00 && p[6] == '\\' && p[7] == 'u' && escape_value(p + 6) >= 0xdc00 &&
	    escape_value(p + 6) <= 0xdfff) {
		buf_add(b, p, 12);
		return 12;
	}
	buf_adds(b, REPLACEMENT);
	return 6;
}

char *json_scan_mend(const char *text, size_t size, size_t *ret_size)
{
	const char *p = text, *end = text + size;
	struct buf b = BUF_INIT;

	while (p < end) {
		size_t n;

		if (*p == '\\') {
			p += mend_escape(&b, p);
			continue;
		}
		n = json_utf8_length(p);
		if (n > 0)
			buf_add(&b, p, n);
		else
			buf_adds(&b, REPLACEMENT);
		p += n ? n : 1;
	}
	*ret_size = b.n;
	return buf_take(&b);
}
