/* SPDX-License-Identifier: Apache-2.0 */
#include "server/patch_refusal.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/field_error.h"
#include "kube/json.h"
#include "kube/status.h"

static json_t *refusal(const char *shown, const char *why)
{
	struct field_errors errs = { 0 };
	auto_free char *text = NULL;
	json_t *status;

	field_invalid_string(&errs, "patch", shown, why);
	text = field_errors_text(&errs);
	status = status_new(422, "Invalid", " \"\" is invalid: %s", text);
	json_path_set(status, "details.causes", field_errors_causes(&errs));
	field_errors_done(&errs);
	return status;
}

json_t *patch_refusal_of_result(const json_t *object, const char *why)
{
	auto_free char *text = json_text(object);

	return refusal(text, why);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_value(struct buf *b, const json_t *value);

static void add_map(struct buf *b, const json_t *map)
{
	auto_free const char **keys = xcalloc(json_object_size(map) + 1, sizeof(*keys));
	size_t n = 0;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)map, key, value)
		keys[n++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	buf_adds(b, "map[");
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "%s%s:", i ? " " : "", keys[i]);
		add_value(b, json_object_get(map, keys[i]));
	}
	buf_addc(b, ']');
}

/* fmt's %v; the depth of a patch is limited. */
static void add_value(struct buf *b, const json_t *value)
{
	auto_free char *text = NULL;
	const json_t *element;
	size_t i;

	if (json_is_object(value)) {
		add_map(b, value);
	} else if (json_is_array(value)) {
		buf_addc(b, '[');
		json_array_foreach(value, i, element) {
			buf_adds(b, i ? " " : "");
			add_value(b, element);
		}
		buf_addc(b, ']');
	} else if (json_is_string(value)) {
		buf_adds(b, json_string_value(value));
	} else if (json_is_null(value)) {
		buf_adds(b, "<nil>");
	} else {
		text = json_text(value);
		buf_adds(b, text);
	}
}

json_t *patch_refusal_of_map(const json_t *patch, const char *why)
{
	auto_buf struct buf b = BUF_INIT;

	add_value(&b, patch);
	return refusal(buf_str(&b), why);
}
