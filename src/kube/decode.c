/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/decode.h"

#include <errno.h>
#include <string.h>

#include "kube/text_scan.h"

/*
 * What jansson cannot be left alone with: it recurses once a level, and overlooks a NUL behind a
 * number.
 */
static int check_text(const char *text, size_t size, struct err *err)
{
	const char *nul = memchr(text, '\0', size);
	size_t offset, line, column;

	if (nul) {
		text_position(text, (size_t)(nul - text), &line, &column);
		return err_set(err, -EBADMSG, "line %zu, column %zu: a NUL byte", line, column);
	}
	if (text_depth_within(text, size, DECODE_DEPTH_MAX, &offset))
		return 0;
	text_position(text, offset, &line, &column);
	return err_set(err, -EFBIG, "line %zu, column %zu: more than %d nested objects and arrays",
	               line, column, DECODE_DEPTH_MAX);
}

int decode_json(const char *text, size_t size, json_t **ret, struct err *err)
{
	json_error_t e;
	json_t *j;
	int r;

	if (size == 0)
		return err_set(err, -EBADMSG, "line 1, column 1: the JSON text is empty");
	r = check_text(text, size, err);
	if (r < 0)
		return r;
	j = json_loadb(text, size, JSON_DECODE_ANY, &e);
	if (!j)
		return err_set(err, -EBADMSG, "line %d, column %d: %s", e.line, e.column, e.text);
	*ret = j;
	return 0;
}
