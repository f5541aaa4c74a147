/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/bytes.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *bytes_encode(const void *data, size_t size)
{
	char *text = xmalloc((size + 2) / 3 * 4 + 1), *to = text;
	const uint8_t *from = data;

	for (size_t i = 0; i < size; i += 3) {
		size_t n = size - i < 3 ? size - i : 3;
		uint32_t bits = (uint32_t)from[i] << 16;

		if (n > 1)
			bits |= (uint32_t)from[i + 1] << 8;
		if (n > 2)
			bits |= from[i + 2];
		*to++ = alphabet[bits >> 18];
		*to++ = alphabet[bits >> 12 & 63];
		*to++ = n > 1 ? alphabet[bits >> 6 & 63] : '=';
		*to++ = n > 2 ? alphabet[bits & 63] : '=';
	}
	*to = '\0';
	return text;
}

static bool is_break(char c)
{
	return c == '\r' || c == '\n';
}

/* The end of a text behind its data, at '=': true if it is right for 'n' characters of data. */
static bool is_padding(const char *text, size_t n)
{
	size_t wanted = (4 - n % 4) % 4, found = 0;

	for (; *text; text++) {
		if (is_break(*text))
			continue;
		if (*text != '=')
			return false;
		found++;
	}
	return n % 4 != 1 && found == wanted;
}

int bytes_decode(const char *text, char **ret, size_t *ret_size)
{
	auto_free char *data = xmalloc(strlen(text) / 4 * 3 + 4);
	size_t n = 0, size = 0;
	const char *p = text;
	uint32_t bits = 0;

	for (; *p && *p != '='; p++) {
		const char *digit = strchr(alphabet, *p);

		if (is_break(*p))
			continue;
		if (!digit)
			break;
		bits = bits << 6 | (uint32_t)(digit - alphabet);
		if (++n % 4 != 1)
			data[size++] = (char)(bits >> (6 - 2 * ((n - 1) % 4)));
	}
	if (!is_padding(p, n)) {
		*ret_size = (size_t)(p - text);
		return -EINVAL;
	}
	data[size] = '\0';
	*ret = take_ptr(&data);
	*ret_size = size;
	return 0;
}

size_t bytes_decoded_size(const char *text)
{
	size_t n = 0;

	for (; *text && *text != '='; text++)
		n += !is_break(*text);
	return n * 3 / 4;
}
