/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a server's answer.  However they are cut into pieces, the same must come out: first
 * byte: whether a HEAD was asked, second: the size of the pieces.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fuzz.h"
#include "io/http_parser.h"

/* All that the parser tells, as text. */
static void read_answer(const uint8_t *input, size_t n, bool to_head, size_t step, struct buf *ret)
{
	struct http_parser p;
	struct http_span span;
	struct buf body = BUF_INIT;
	struct err err;
	size_t used = 0;
	int r = HTTP_MORE;

	http_parser_init(&p, to_head);
	while (used < n && r >= 0 && r != HTTP_END) {
		size_t size = n - used < step ? n - used : step, left = size;
		char *piece = xmemdup(input + used, size); /* exactly as large, for ASan */
		const char *data = piece;

		do {
			r = http_parser_next(&p, &data, &left, &span, &err);
			if (r == HTTP_HEAD)
				buf_printf(ret, "%d %d %s\n", p.status, p.keep_alive,
				           p.content_type ? p.content_type : "");
			if (r == HTTP_DATA)
				buf_add(&body, span.data, span.size);
		} while (r == HTTP_HEAD || r == HTTP_DATA);
		used += size - left;
		free(piece);
	}
	if (r == HTTP_MORE)
		r = http_parser_eof(&p, &err);
	buf_printf(ret, "%d %zu\n", r, r < 0 ? 0 : n - used);
	buf_add(ret, body.p, body.n);
	http_parser_done(&p);
	buf_done(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT, pieces = BUF_INIT;

	if (size < 2)
		return 0;
	read_answer(data + 2, size - 2, data[0] & 1, size, &whole);
	read_answer(data + 2, size - 2, data[0] & 1, (size_t)data[1] % 16 + 1, &pieces);
	fuzz_check(whole.n == pieces.n && memcmp(whole.p, pieces.p, whole.n) == 0);
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
