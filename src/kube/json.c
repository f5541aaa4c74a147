/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/json.h"

#include <string.h>

#include "base/buf.h"
#include "kube/json_write.h"

#define NODE_WEIGHT 64 /* bytes of a jansson value and its slot in the parent, roughly */

json_t *json_path(const json_t *obj, const char *path)
{
	const json_t *at = obj;
	const char *dot;
	json_t *found;

	while (at && (dot = strchr(path, '.'))) {
		at = json_object_getn(at, path, (size_t)(dot - path));
		path = dot + 1;
	}
	found = json_object_get(at, path);
	return json_is_null(found) ? NULL : found;
}

const char *json_path_string(const json_t *obj, const char *path)
{
	return json_string_value(json_path(obj, path));
}

const char *json_path_str(const json_t *obj, const char *path)
{
	const char *s = json_path_string(obj, path);

	return s ? s : "";
}

int64_t json_path_int(const json_t *obj, const char *path, int64_t otherwise)
{
	const json_t *j = json_path(obj, path);

	return json_is_integer(j) ? json_integer_value(j) : otherwise;
}

bool json_path_bool(const json_t *obj, const char *path, bool otherwise)
{
	const json_t *j = json_path(obj, path);

	return json_is_boolean(j) ? json_is_true(j) : otherwise;
}

void json_path_set(json_t *obj, const char *path, json_t *value)
{
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		size_t n = (size_t)(dot - path);
		json_t *next = json_object_getn(obj, path, n);

		if (!json_is_object(next)) {
			next = json_object();
			json_object_setn_new(obj, path, n, next);
		}
		obj = next;
		path = dot + 1;
	}
	json_object_set_new(obj, path, value);
}

void json_path_del(json_t *obj, const char *path)
{
	const char *dot;

	while (obj && (dot = strchr(path, '.'))) {
		obj = json_object_getn(obj, path, (size_t)(dot - path));
		path = dot + 1;
	}
	json_object_del(obj, path);
}

char *json_text(const json_t *j)
{
	struct buf b = BUF_INIT;

	json_write(&b, j);
	return buf_take(&b);
}

size_t json_utf8_length(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;

	if (u[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
	    (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
		return 0; /* overlong, a surrogate, beyond U+10FFFF */
	return n;
}

json_t *json_string_of(const char *s)
{
	auto_buf struct buf clean = BUF_INIT;
	json_t *j = json_string(s);
	size_t n;

	if (j)
		return j;
	for (; *s; s += n ? n : 1) {
		n = json_utf8_length(s);
		if (n > 0)
			buf_add(&clean, s, n);
		else
			buf_adds(&clean, "\xef\xbf\xbd");
	}
	return json_string(buf_str(&clean));
}

static size_t string_weight(const json_t *j)
{
	return json_is_string(j) ? json_string_length(j) : 0;
}

size_t json_weight(const json_t *j, size_t max)
{
	size_t total = NODE_WEIGHT + string_weight(j), i;
	const char *key;
	json_t *child;

	if (json_is_array(j)) {
		json_array_foreach(j, i, child) {
			if (total > max)
				break;
			total += json_weight(child, max - total);
		}
	} else if (json_is_object(j)) {
		json_object_foreach((json_t *)j, key, child) {
			if (total > max)
				break;
			total += strlen(key) + json_weight(child, max - total);
		}
	}
	return total;
}

bool json_depth_within(const json_t *j, unsigned int max)
{
	const char *key;
	json_t *child;
	size_t i;

	if (!json_is_array(j) && !json_is_object(j))
		return true;
	if (max == 0)
		return false;
	json_array_foreach(j, i, child)
		if (!json_depth_within(child, max - 1))
			return false;
	json_object_foreach((json_t *)j, key, child)
		if (!json_depth_within(child, max - 1))
			return false;
	return true;
}
