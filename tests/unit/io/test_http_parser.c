/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "io/http_parser.h"
#include "io/uri.h"

/* What came of an answer: "status type keep|close [body] end|more|eof|-EPROTO +unused". */
static char *parse(const char *text, size_t n, bool to_head, size_t step)
{
	struct buf out = BUF_INIT, body = BUF_INIT;
	struct http_parser p;
	struct http_span span;
	struct err err = { 0 };
	size_t used = 0;
	int r = HTTP_MORE;

	http_parser_init(&p, to_head);
	while (used < n && r >= 0 && r != HTTP_END) {
		size_t size = n - used < step ? n - used : step, left = size;
		char *piece = xmemdup(text + used, size); /* of its own, for ASan */
		const char *data = piece;

		do {
			r = http_parser_next(&p, &data, &left, &span, &err);
			if (r == HTTP_HEAD)
				buf_printf(&out, "%d %s %s ", p.status,
				           p.content_type ? p.content_type : "-",
				           p.keep_alive ? "keep" : "close");
			if (r == HTTP_DATA)
				buf_add(&body, span.data, span.size);
		} while (r == HTTP_HEAD || r == HTTP_DATA);
		used += size - left;
		free(piece);
	}
	buf_printf(&out, "[%s] ", buf_str(&body));
	if (r == HTTP_END)
		buf_adds(&out, "end");
	else if (r == -EPROTO)
		buf_adds(&out, "refused");
	else if (http_parser_eof(&p, &err) == HTTP_END)
		buf_adds(&out, "eof");
	else
		buf_adds(&out, "cut");
	if (r < 0)
		assert_true(strlen(err.msg) > 10);
	else if (used < n)
		buf_printf(&out, " +%zu", n - used);
	http_parser_done(&p);
	buf_done(&body);
	return buf_take(&out);
}

#define OK "HTTP/1.1 200 OK\r\n"

static const struct {
	const char *text, *result;
	bool to_head;
} cases[] = {
	{ OK "Content-Length: 5\r\nContent-Type: a/b;c=d\r\n\r\nhello",
	  "200 a/b;c=d keep [hello] end", 0 },
	{ OK "content-length:5\r\n\r\nhelloHTTP", "200 - keep [hello] end +4", 0 },
	{ OK "Content-Length: 0\r\n\r\n", "200 - keep [] end", 0 },
	{ OK "Content-Length: 5\r\n\r\nhel", "200 - keep [hel] cut", 0 },
	{ OK "Content-Length: 5\r\n\r\n", "200 - keep [] end", 1 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n", "200 - keep [] end", 1 },
	{ OK "\r\nuntil the end", "200 - close [until the end] eof", 0 },
	{ OK "\r\n", "200 - close [] eof", 0 },
	{ "HTTP/1.0 404\r\n\r\nno", "404 - close [no] eof", 0 },
	{ "HTTP/1.0 404 \r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nno",
	  "404 - keep [no] end", 0 },
	{ OK "Connection: foo, close\r\nContent-Length: 2\r\n\r\nno", "200 - close [no] end", 0 },
	{ OK "Connection: closed\r\nContent-Length: 2\r\n\r\nno", "200 - keep [no] end", 0 },
	{ "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", "204 - keep [] end", 0 },
	{ "HTTP/1.1 304 Not Modified\r\n\r\n", "304 - keep [] end", 0 },
	{ "HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 103 \r\n\r\n" OK
	  "Content-Length: 1\r\n\r\nx",
	  "200 - keep [x] end", 0 },
	{ "HTTP/1.1 100 Continue\r\n\r\n", "[] cut", 0 },
	/* lines may end in LF alone (RFC 9112 section 2.2) */
	{ "HTTP/1.1 200 OK\nContent-Length: 2\n\nab", "200 - keep [ab] end", 0 },
	{ OK "X:\r\nY: \t \r\nContent-Length: \t2 \t\r\n\r\nab", "200 - keep [ab] end", 0 },
	/* chunks */
	{ OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200 - keep [hello] end",
	  0 },
	{ OK
	  "transfer-encoding: Chunked\r\n\r\n005;a=b\r\nhello\r\nA \r\n0123456789\r\n0;x\r\nT: v\r\n"
	  "U: w\r\n\r\n+",
	  "200 - keep [hello0123456789] end +1", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "200 - keep [hel] cut", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "200 - keep [hello] cut", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", "200 - keep [] cut", 0 },
	/* what is refused */
	{ OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
	  "200 - keep [hello] refused", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\ng\r\n", "200 - keep [] refused", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n\r\n", "200 - keep [] refused", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n-5\r\n", "200 - keep [] refused", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello", "200 - keep [] refused", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\n", "200 - keep [] refused", 0 },
	{ OK "Transfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n", "200 - keep [] refused",
	  0 },
	{ OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "[] refused", 0 },
	{ OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "[] refused", 0 },
	{ OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "[] refused", 0 },
	{ "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "[] refused", 0 },
	{ OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "[] refused", 0 },
	{ OK "Content-Length: 5, 5\r\n\r\n", "[] refused", 0 },
	{ OK "Content-Length: +5\r\n\r\n", "[] refused", 0 },
	{ OK "Content-Length: -1\r\n\r\n", "[] refused", 0 },
	{ OK "Content-Length:\r\n\r\n", "[] refused", 0 },
	{ OK "Content-Length: 9223372036854775808\r\n\r\n", "[] refused", 0 },
	{ OK "Content-Length : 5\r\n\r\n", "[] refused", 0 },
	{ OK " folded\r\n\r\n", "[] refused", 0 },
	{ OK "X: a\r\n b\r\n\r\n", "[] refused", 0 },
	{ OK ": no name\r\n\r\n", "[] refused", 0 },
	{ OK "X: a\rb\r\n\r\n", "[] refused", 0 },
	{ "HTTP/1.1 101 Switching Protocols\r\n\r\n", "[] refused", 0 },
	{ "HTTP/2 200\r\n\r\n", "[] refused", 0 },
	{ "HTTP/1.1 20\r\n\r\n", "[] refused", 0 },
	{ "HTTP/1.1 2000\r\n\r\n", "[] refused", 0 },
	{ "HTTP/1.1 099\r\n\r\n", "[] refused", 0 },
	{ "HTTP/1.1  200\r\n\r\n", "[] refused", 0 },
	{ "\r\nHTTP/1.1 200\r\n\r\n", "[] refused", 0 },
	{ "SSH-2.0-OpenSSH\r\n", "[] refused", 0 },
	{ "", "[] cut", 0 },
	{ "HTTP/1.1 200", "[] cut", 0 },
};

/* In one piece, in pieces of every size up to 8, and in two, cut at every byte. */
static void reads_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = strlen(cases[i].text);

		for (size_t step = 1; step <= n + 1; step++) {
			char *result = parse(cases[i].text, n, cases[i].to_head, step);

			if (strcmp(result, cases[i].result) != 0)
				fail_msg("%s in steps of %zu: %s, not %s", cases[i].text, step,
				         result, cases[i].result);
			free(result);
		}
	}
}

static void refuses_a_nul(void **state)
{
	static const char text[] = OK "X: a\0b\r\n\r\n";
	char *result = parse(text, sizeof(text) - 1, false, 1000);

	(void)state;
	assert_string_equal(result, "[] refused");
	free(result);
}

static void add_repeated(struct buf *b, const char *text, int times)
{
	for (int i = 0; i < times; i++)
		buf_adds(b, text);
}

/* 64 KiB of head, trailers, or of one line: more is refused, and nothing is remembered without end. */
static void has_limits(void **state)
{
	static const struct {
		const char *start, *repeated, *result;
		int times;
	} limits[] = {
		{ OK, "X: y\r\n", "[] refused", 11000 },
		{ OK "X: ", "y", "[] refused", 66000 },
		{ "", "H", "[] refused", 66000 },
		{ "", "HTTP/1.1 100 Continue\r\n\r\n", "[] refused", 3000 },
		{ OK "Transfer-Encoding: chunked\r\n\r\n", "0", "200 - keep [] refused", 66000 },
		{ OK "Transfer-Encoding: chunked\r\n\r\n1;", "x", "200 - keep [] refused", 66000 },
		{ OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n", "200 - keep [] refused",
		  11000 },
		/* each of its own limit */
		{ OK, "X: y\r\n", "[] cut", 10000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct buf text = BUF_INIT;
		char *result;

		buf_adds(&text, limits[i].start);
		add_repeated(&text, limits[i].repeated, limits[i].times);
		result = parse(text.p, text.n, false, 1000);
		assert_string_equal(result, limits[i].result);
		free(result);
		buf_done(&text);
	}
}

static void decodes_uris(void **state)
{
	static const struct {
		const char *text, *plain, *plus;
	} uris[] = {
		{ "", "", "" },
		{ "/a%2Fb%2fc", "/a/b/c", "/a/b/c" },
		{ "a+b%2B%25", "a+b+%", "a b+%" },
		{ "%41", "A", "A" },
		{ "%c3%A9", "\xc3\xa9", "\xc3\xa9" },
		{ "%", NULL, NULL },
		{ "%4", NULL, NULL },
		{ "%4g", NULL, NULL },
		{ "%g4", NULL, NULL },
		{ "a%00b", "a%00b", "a%00b" }, /* a NUL stays as it is written */
		{ "%%41", NULL, NULL },
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(uris); i++)
		for (int plus = 0; plus < 2; plus++) {
			const char *expected = plus ? uris[i].plus : uris[i].plain;
			int r = uri_decode(uris[i].text, strlen(uris[i].text), plus, out);

			assert_int_equal(r, expected ? 0 : -EINVAL);
			if (expected)
				assert_string_equal(out, expected);
		}
}

static void takes_queries_apart(void **state)
{
	struct uri_query query;

	(void)state;
	uri_query_parse(NULL, &query);
	assert_null(uri_query_get(&query, ""));
	uri_query_done(&query);
	uri_query_parse("a=1&b=x%3dy%26z&a=2&c&d==&labelSelector=app%3Dweb", &query);
	assert_string_equal(uri_query_nth(&query, "a", 1), "2");
	assert_null(uri_query_nth(&query, "a", 2));
	assert_string_equal(uri_query_get(&query, "a"), "1");
	assert_string_equal(uri_query_get(&query, "b"), "x=y&z");
	assert_string_equal(uri_query_get(&query, "c"), "");
	assert_string_equal(uri_query_get(&query, "d"), "=");
	assert_string_equal(uri_query_get(&query, "labelSelector"), "app=web");
	assert_null(uri_query_get(&query, "e"));
	uri_query_done(&query);
	/* What is bad of itself does no harm to the rest. */
	uri_query_parse("b=%&a=1&a=%zz&c=1;d=2&e=%00", &query);
	assert_string_equal(uri_query_get(&query, "a"), "1");
	assert_null(uri_query_nth(&query, "a", 1));
	assert_null(uri_query_get(&query, "b"));
	assert_null(uri_query_get(&query, "c"));
	assert_string_equal(uri_query_get(&query, "e"), "%00");
	uri_query_done(&query);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_answers),       cmocka_unit_test(refuses_a_nul),
		cmocka_unit_test(has_limits),          cmocka_unit_test(decodes_uris),
		cmocka_unit_test(takes_queries_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
