/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/data.h"

#include <string.h>

#include "kube/json.h"
#include "kube/validate.h"

size_t data_text_size(const char *text)
{
	return strlen(text);
}

size_t data_validate(const json_t *map, const char *path, size_t (*size_of)(const char *text),
                     struct field_errors *errs)
{
	size_t size = 0;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)map, key, value) {
		validate_name(errs, field_path("%s[%s]", path, key), key, name_check_data_key);
		if (json_is_string(value))
			size += size_of(json_string_value(value));
	}
	return size;
}

void data_validate_immutable(const json_t *object, const json_t *old, const char *const *members,
                             struct field_errors *errs)
{
	static const char reason[] = "field is immutable when `immutable` is set";

	if (!json_path_bool(old, "immutable", false))
		return;
	if (!json_path_bool(object, "immutable", false))
		field_forbidden(errs, "immutable", reason);
	for (; *members; members++)
		if (!validate_same(json_path(object, *members), json_path(old, *members)))
			field_forbidden(errs, *members, reason);
}
