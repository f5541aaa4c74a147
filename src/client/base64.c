/* SPDX-License-Identifier: Apache-2.0 */
#include "client/base64.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/cleanup.h"
#include "base/mem.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t size)
{
	char *text = xmalloc(4 * ((size + 2) / 3) + 1);

	(void)EVP_EncodeBlock((unsigned char *)text, data, (int)size);
	return text;
}

/* Copies what is not a line break; gives the number of characters in front of the padding. */
static size_t strip(const char *text, char *ret, size_t *ret_data)
{
	size_t n = 0;

	for (; *text; text++)
		if (*text != '\n' && *text != '\r')
			ret[n++] = *text;
	ret[n] = '\0';
	*ret_data = strspn(ret, alphabet);
	return n;
}

int base64_decode(const char *text, char **ret, size_t *ret_size)
{
	size_t size = strlen(text), n, data, padding;
	auto_free char *plain = xmalloc(size + 1);
	auto_free char *bytes = xmalloc(size / 4 * 3 + 4);

	if (size > INT_MAX / 2)
		return -EINVAL;
	n = strip(text, plain, &data);
	padding = n - data;
	if (n % 4 != 0 || padding > 2 || strspn(plain + data, "=") != padding)
		return -EINVAL;
	/* EVP_DecodeBlock() counts the padding as bytes of zero */
	if (EVP_DecodeBlock((unsigned char *)bytes, (unsigned char *)plain, (int)n) < 0)
		return -EINVAL;
	n = n / 4 * 3 - padding;
	bytes[n] = '\0';
	if (ret_size)
		*ret_size = n;
	*ret = take_ptr(&bytes);
	return 0;
}
