/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http_parser.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/parse.h"

#define HEAD_MAX ((size_t)64 * 1024)

void http_parser_init(struct http_parser *p, bool to_head)
{
	*p = (struct http_parser){ .to_head = to_head };
}

void http_parser_done(struct http_parser *p)
{
	free(p->content_type);
	buf_done(&p->line);
	*p = (struct http_parser){ 0 };
}

/*
 * Gathers the bytes of a line in p->line.  Returns 1 with the complete line there, without its end;
 * 0 when more is needed.
 */
static int take_line(struct http_parser *p, const char **data, size_t *size, struct err *err)
{
	const char *end = memchr(*data, '\n', *size);
	size_t n = end ? (size_t)(end - *data) + 1 : *size;

	p->head_size += n;
	if (p->head_size > HEAD_MAX)
		return err_set(err, -EPROTO, "the head of the answer is longer than %zu bytes",
		               HEAD_MAX);
	buf_add(&p->line, *data, n);
	*data += n;
	*size -= n;
	if (!end)
		return 0;
	p->line.p[--p->line.n] = '\0';
	if (p->line.n > 0 && p->line.p[p->line.n - 1] == '\r')
		p->line.p[--p->line.n] = '\0';
	if (strlen(p->line.p) != p->line.n || strchr(p->line.p, '\r'))
		return err_set(err, -EPROTO, "a line of the answer holds a NUL or a CR");
	return 1;
}

/* "HTTP/1.1 200 OK" (RFC 9112 section 4); the phrase may be missing. */
static int parse_status(struct http_parser *p, const char *line, struct err *err)
{
	bool ok = strncmp(line, "HTTP/1.", 7) == 0 && (line[7] == '0' || line[7] == '1') &&
	          line[8] == ' ' && line[9] >= '1' && line[9] <= '9' &&
	          isdigit((unsigned char)line[10]) && isdigit((unsigned char)line[11]) &&
	          (line[12] == ' ' || line[12] == '\0');

	if (!ok)
		return err_set(err, -EPROTO, "not an HTTP/1.1 answer: \"%.40s\"", line);
	p->http_1_0 = line[7] == '0';
	p->keep_alive = !p->http_1_0;
	p->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
	p->state = HTTP_IN_HEADERS;
	return 0;
}

/* Whether the comma-separated list in 'value' has the item 'token'. */
static bool has_token(const char *value, const char *token)
{
	size_t n = strlen(token);

	while (*value) {
		size_t length = strcspn(value, ", \t");

		if (length == n && strncasecmp(value, token, n) == 0)
			return true;
		value += length;
		value += strspn(value, ", \t");
	}
	return false;
}

static int parse_length(struct http_parser *p, const char *value, struct err *err)
{
	if (p->has_length)
		return err_set(err, -EPROTO, "the answer has two Content-Lengths");
	if (parse_u64(value, INT64_MAX, &p->length) < 0)
		return err_set(err, -EPROTO, "bad Content-Length \"%.40s\"", value);
	p->has_length = true;
	return 0;
}

static int use_header(struct http_parser *p, const char *name, const char *value, struct err *err)
{
	if (strcasecmp(name, "Content-Length") == 0)
		return parse_length(p, value, err);
	if (strcasecmp(name, "Transfer-Encoding") == 0) {
		if (p->chunked || strcasecmp(value, "chunked") != 0)
			return err_set(err, -EPROTO, "unknown Transfer-Encoding \"%.40s\"", value);
		p->chunked = true;
	} else if (strcasecmp(name, "Connection") == 0) {
		if (has_token(value, "close"))
			p->keep_alive = false;
		else if (p->http_1_0 && has_token(value, "keep-alive"))
			p->keep_alive = true;
	} else if (strcasecmp(name, "Content-Type") == 0 && !p->content_type) {
		p->content_type = xstrdup(value);
	}
	return 0;
}

/* Field names are tokens (RFC 9110 section 5.6.2): no blank before the colon, no folded lines. */
static size_t token_length(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) || (text[n] && strchr("!#$%&'*+-.^_`|~", text[n])))
		n++;
	return n;
}

static int parse_header(char *line, const char **ret_name, const char **ret_value, struct err *err)
{
	size_t n = token_length(line), end = strlen(line);

	if (n == 0 || line[n] != ':')
		return err_set(err, -EPROTO, "bad header line \"%.40s\"", line);
	while (end > n + 1 && (line[end - 1] == ' ' || line[end - 1] == '\t'))
		line[--end] = '\0';
	line[n++] = '\0';
	*ret_name = line;
	*ret_value = line + n + strspn(line + n, " \t");
	return 0;
}

/* The empty line: what follows now? (RFC 9112 section 6.3) */
static int end_of_head(struct http_parser *p, struct err *err)
{
	if (p->chunked && (p->has_length || p->http_1_0))
		return err_set(err, -EPROTO, "the answer has a Transfer-Encoding together with %s",
		               p->has_length ? "a Content-Length" : "HTTP/1.0");
	if (p->status == 101)
		return err_set(err, -EPROTO, "the server switches protocols without being asked");
	if (p->status < 200) {
		/* head_size goes on counting: a server cannot send interim answers for ever */
		size_t head_size = p->head_size;
		bool to_head = p->to_head;

		http_parser_done(p);
		http_parser_init(p, to_head);
		p->head_size = head_size;
		return HTTP_MORE;
	}
	p->head_size = 0;
	p->left = p->length;
	if (p->to_head || p->status == 204 || p->status == 304)
		p->state = HTTP_IN_NOTHING;
	else if (p->chunked)
		p->state = HTTP_IN_CHUNK_SIZE;
	else if (p->has_length)
		p->state = p->left > 0 ? HTTP_IN_LENGTH : HTTP_IN_NOTHING;
	else
		p->state = HTTP_IN_REST;
	if (p->state == HTTP_IN_REST)
		p->keep_alive = false;
	return HTTP_HEAD;
}

static int parse_header_line(struct http_parser *p, struct err *err)
{
	const char *name, *value;
	int r;

	if (p->line.n == 0)
		return end_of_head(p, err);
	r = parse_header(p->line.p, &name, &value, err);
	if (r == 0)
		r = use_header(p, name, value, err);
	return r < 0 ? r : HTTP_MORE;
}

/* Trailers are checked and forgotten: nothing here has a use for them. */
static int parse_trailer_line(struct http_parser *p, struct err *err)
{
	const char *name, *value;

	if (p->line.n == 0) {
		p->state = HTTP_IN_NOTHING;
		return HTTP_MORE;
	}
	return parse_header(p->line.p, &name, &value, err);
}

/* "1a2b" and perhaps ";extensions", which are ignored (RFC 9112 section 7.1). */
static int parse_chunk_size(struct http_parser *p, struct err *err)
{
	static const char hex[] = "0123456789abcdef";
	const char *digit;
	uint64_t value = 0;
	size_t n = 0;

	for (; p->line.p[n]; n++) {
		digit = strchr(hex, tolower((unsigned char)p->line.p[n]));
		if (!digit)
			break;
		value = value << 4 | (uint64_t)(digit - hex);
	}
	/* 15 digits cannot overflow and are a petabyte */
	if (n == 0 || n > 15 || !strchr("; \t", p->line.p[n]))
		return err_set(err, -EPROTO, "bad chunk size \"%.40s\"", p->line.p);
	p->left = value;
	p->head_size = 0;
	p->state = value > 0 ? HTTP_IN_CHUNK : HTTP_IN_TRAILERS;
	return HTTP_MORE;
}

static int parse_chunk_end(struct http_parser *p, struct err *err)
{
	if (p->line.n != 0)
		return err_set(err, -EPROTO, "a chunk is longer than it says");
	p->head_size = 0;
	p->state = HTTP_IN_CHUNK_SIZE;
	return HTTP_MORE;
}

static int parse_line(struct http_parser *p, struct err *err)
{
	int r;

	switch (p->state) {
	case HTTP_IN_STATUS:
		r = parse_status(p, p->line.p, err);
		break;
	case HTTP_IN_HEADERS:
		r = parse_header_line(p, err);
		break;
	case HTTP_IN_CHUNK_SIZE:
		r = parse_chunk_size(p, err);
		break;
	case HTTP_IN_CHUNK_END:
		r = parse_chunk_end(p, err);
		break;
	case HTTP_IN_TRAILERS:
		r = parse_trailer_line(p, err);
		break;
	case HTTP_IN_LENGTH:
	case HTTP_IN_CHUNK:
	case HTTP_IN_REST:
	case HTTP_IN_NOTHING:
	default:
		abort(); /* these have no lines */
	}
	buf_reset(&p->line);
	return r;
}

/* Passes on what the input holds of a body or chunk. */
static int take_body(struct http_parser *p, const char **data, size_t *size, struct http_span *ret)
{
	size_t n = *size;

	if (p->state != HTTP_IN_REST && n > p->left)
		n = (size_t)p->left;
	*ret = (struct http_span){ *data, n };
	*data += n;
	*size -= n;
	if (p->state == HTTP_IN_REST)
		return HTTP_DATA;
	p->left -= n;
	if (p->left == 0)
		p->state = p->state == HTTP_IN_CHUNK ? HTTP_IN_CHUNK_END : HTTP_IN_NOTHING;
	return HTTP_DATA;
}

static bool in_body(const struct http_parser *p)
{
	return p->state == HTTP_IN_LENGTH || p->state == HTTP_IN_CHUNK || p->state == HTTP_IN_REST;
}

int http_parser_next(struct http_parser *p, const char **data, size_t *size,
                     struct http_span *ret_body, struct err *err)
{
	int r;

	for (;;) {
		if (p->state == HTTP_IN_NOTHING)
			return HTTP_END;
		if (*size == 0)
			return HTTP_MORE;
		if (in_body(p))
			return take_body(p, data, size, ret_body);
		r = take_line(p, data, size, err);
		if (r > 0)
			r = parse_line(p, err);
		if (r != HTTP_MORE)
			return r;
	}
}

int http_parser_eof(struct http_parser *p, struct err *err)
{
	if (p->state == HTTP_IN_REST || p->state == HTTP_IN_NOTHING) {
		p->state = HTTP_IN_NOTHING;
		p->keep_alive = false;
		return HTTP_END;
	}
	if (p->state == HTTP_IN_STATUS)
		return err_set(err, -ECONNRESET, "the server closed the connection");
	return err_set(err, -ECONNRESET, "the server closed the connection in mid-answer");
}
