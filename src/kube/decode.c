/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/decode.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "kube/json_scan.h"
#include "kube/text_scan.h"

/*
 * What jansson cannot be left alone with: it recurses once a level, and overlooks a NUL behind a
 * number.
 */
static bool is_harmless(const char *text, size_t size)
{
	size_t offset;

	return size > 0 && !memchr(text, '\0', size) &&
	       text_depth_within(text, size, DECODE_DEPTH_MAX, &offset);
}

/* Go may take it, or has its own words for what is wrong. */
static int decode_refused(const char *text, size_t size, json_t **ret, struct err *err)
{
	auto_free char *mended = NULL;
	json_error_t e;
	json_t *j;
	size_t n;
	int r = json_scan_check(text, size, DECODE_DEPTH_MAX, err);

	if (r < 0)
		return r;
	mended = json_scan_mend(text, size, &n);
	j = json_loadb(mended, n, JSON_DECODE_ANY, &e);
	if (!j)
		return err_set(err, -EBADMSG, "line %d, column %d: %s", e.line, e.column, e.text);
	*ret = j;
	return 0;
}

int decode_json(const char *text, size_t size, json_t **ret, struct err *err)
{
	json_t *j = is_harmless(text, size) ? json_loadb(text, size, JSON_DECODE_ANY, NULL) : NULL;

	if (!j)
		return decode_refused(text, size, ret, err);
	*ret = j;
	return 0;
}
