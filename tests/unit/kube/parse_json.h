/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in tables of tests: with ' for ", so that it can be read. */
#pragma once

#include <jansson.h>
#include <stdlib.h>

#include "base/mem.h"

static inline json_t *parse_json(const char *text)
{
	char *copy = xstrdup(text);
	json_t *j;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = json_loads(copy, JSON_DECODE_ANY, NULL);
	assert_non_null(j);
	free(copy);
	return j;
}

/* Passes if 'j' is what 'expected' says, whatever the order of members. */
static inline void assert_json(json_t *j, const char *expected)
{
	json_t *wanted = parse_json(expected);

	if (!json_equal(j, wanted)) {
		char *got = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);

		fail_msg("got %s, expected %s", got, expected);
	}
	json_decref(wanted);
}
