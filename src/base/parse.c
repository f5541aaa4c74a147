/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* Reads digits at 'text' into '*ret' and gives their number, or -ERANGE. */
static int read_digits(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	int n;

	for (n = 0; isdigit((unsigned char)text[n]); n++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(text[n] - '0'), &v) || v > max)
			return -ERANGE;
	}
	*ret = v;
	return n;
}

int parse_u64(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t v;
	int n = read_digits(text, max, &v);

	if (n < 0)
		return n;
	if (n == 0 || text[n] != '\0')
		return -EINVAL;
	*ret = v;
	return 0;
}

int parse_duration(const char *text, int64_t *ret_ns)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{ "ms", NSEC_PER_MSEC },
		{ "us", 1000 },
		{ "ns", 1 },
		{ "s", NSEC_PER_SEC },
		{ "m", 60 * NSEC_PER_SEC },
		{ "h", 3600 * NSEC_PER_SEC },
	};
	int64_t total = 0;

	if (*text == '\0')
		return -EINVAL;
	while (*text) {
		uint64_t v;
		int n = read_digits(text, INT64_MAX / (3600 * NSEC_PER_SEC), &v);
		size_t u;

		if (n <= 0)
			return -EINVAL;
		text += n;
		for (u = 0; u < ARRAY_SIZE(units); u++)
			if (strncmp(text, units[u].name, strlen(units[u].name)) == 0)
				break;
		if (u == ARRAY_SIZE(units) ||
		    __builtin_add_overflow(total, (int64_t)v * units[u].ns, &total))
			return -EINVAL;
		text += strlen(units[u].name);
	}
	*ret_ns = total;
	return 0;
}
