/* SPDX-License-Identifier: Apache-2.0 */
#include "io/uri.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int uri_decode(const char *text, size_t n, bool plus_is_space, char *ret)
{
	char *out = ret;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '%') {
			int high = i + 2 < n ? hex_digit(text[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

			if (low < 0)
				return -EINVAL;
			if (high + low == 0) {
				*out++ = '%';
				continue;
			}
			*out++ = (char)(high << 4 | low);
			i += 2;
		} else {
			*out++ = plus_is_space && text[i] == '+' ? ' ' : text[i];
		}
	}
	*out = '\0';
	return 0;
}

/* Decodes a key or value in place: the decoded text is never longer. */
static int decode_part(char *part)
{
	return uri_decode(part, strlen(part), true, part);
}

void uri_query_parse(const char *query, struct uri_query *ret)
{
	struct uri_query q = { 0 };
	size_t cap = 0;
	char *rest, *pair;

	if (!query) {
		*ret = q;
		return;
	}
	q.text = xstrdup(query);
	rest = q.text;
	while ((pair = strsep(&rest, "&"))) {
		char *value = strchrnul(pair, '=');
		bool bad = strchr(pair, ';') != NULL;

		if (*value)
			*value++ = '\0';
		if (bad || decode_part(pair) < 0 || decode_part(value) < 0)
			continue;
		array_reserve(q.pairs, q.n, cap);
		q.pairs[q.n++] = (struct uri_pair){ pair, value };
	}
	*ret = q;
}

void uri_query_done(struct uri_query *query)
{
	free(query->text);
	free(query->pairs);
	*query = (struct uri_query){ 0 };
}

const char *uri_query_get(const struct uri_query *query, const char *key)
{
	return uri_query_nth(query, key, 0);
}

const char *uri_query_nth(const struct uri_query *query, const char *key, size_t i)
{
	for (size_t p = 0; p < query->n; p++)
		if (strcmp(query->pairs[p].key, key) == 0 && i-- == 0)
			return query->pairs[p].value;
	return NULL;
}
