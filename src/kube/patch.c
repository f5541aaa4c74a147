/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/patch.h"

#include <errno.h>

#include "kube/go_text.h"
#include "kube/json.h"

/* RFC 7386 section 2: the value of 'patch' merged into 'target' (borrowed, may be NULL). */
static json_t *merge(json_t *target, const json_t *patch)
{
	const char *name;
	json_t *value, *merged;

	if (!json_is_object(patch))
		return json_deep_copy(patch);
	merged = json_is_object(target) ? json_incref(target) : json_object();
	json_object_foreach((json_t *)patch, name, value) {
		if (json_is_null(value))
			json_object_del(merged, name);
		else
			json_object_set_new(merged, name,
			                    merge(json_object_get(merged, name), value));
	}
	return merged;
}

int patch_merge(const json_t *object, const json_t *patch, json_t **ret, struct err *err)
{
	auto_json json_t *copy = NULL;

	if (json_is_null(patch))
		return err_set(err, -EINVAL, "Invalid JSON Patch");
	if (!json_is_object(patch))
		return err_set(err, -EINVAL,
		               "error decoding patch: json: cannot unmarshal %s into Go value of "
		               "type map[string]interface {}",
		               go_text_json(patch));
	copy = json_deep_copy(object);
	*ret = merge(copy, patch);
	return 0;
}
