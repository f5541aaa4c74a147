/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void rand_bytes(void *p, size_t n)
{
	unsigned char *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			perror("fairlead: getrandom");
			abort();
		}
		at += got;
		n -= (size_t)got;
	}
}

uint32_t rand_below(uint32_t n)
{
	uint32_t limit = UINT32_MAX - UINT32_MAX % n; /* below it every remainder is as likely */
	uint32_t x;

	do {
		rand_bytes(&x, sizeof(x));
	} while (x >= limit);
	return x % n;
}

void rand_uuid(char ret_uuid[static RAND_UUID_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char b[16];
	char *at = ret_uuid;

	rand_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = hex[b[i] >> 4];
		*at++ = hex[b[i] & 0xf];
	}
	*at = '\0';
}

void rand_suffix(char ret_suffix[static RAND_SUFFIX_SIZE])
{
	static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";

	for (size_t i = 0; i < RAND_SUFFIX_SIZE - 1; i++)
		ret_suffix[i] = alphabet[rand_below(sizeof(alphabet) - 1)];
	ret_suffix[RAND_SUFFIX_SIZE - 1] = '\0';
}
