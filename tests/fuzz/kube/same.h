/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Like json_equal(), but 1 and 1.0 are the same: YAML does not keep them apart. */
static inline bool same(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *child;
	size_t i;

	if (json_is_number(a) && json_is_number(b))
		return json_is_integer(a) && json_is_integer(b)
		               ? json_integer_value(a) == json_integer_value(b)
		               : json_number_value(a) == json_number_value(b);
	if (json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_array(a)) {
		if (json_array_size(a) != json_array_size(b))
			return false;
		json_array_foreach(a, i, child)
			if (!same(child, json_array_get(b, i)))
				return false;
		return true;
	}
	if (!json_is_object(a))
		return json_equal(a, b);
	if (json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach((json_t *)a, key, child)
		if (!json_object_get(b, key) || !same(child, json_object_get(b, key)))
			return false;
	return true;
}
