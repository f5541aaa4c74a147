/* SPDX-License-Identifier: Apache-2.0 */
#include "server/duplicates.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kube/decode.h"

/* An open object or array; 'path' is cut back to 'path_n' for each member. */
struct level {
	json_t *seen; /* owned: the keys of an object; NULL: an array */
	size_t index;
	size_t path_n;
};

struct scan {
	const char *p, *end;
	struct buf path;
	struct level levels[DECODE_DEPTH_MAX + 1];
	size_t depth;
	json_t *texts;
};

/* The string at 'p', decoded; moves behind it. */
static json_t *read_string(struct scan *s)
{
	const char *begin = s->p++;

	while (s->p < s->end && *s->p != '"')
		s->p += *s->p == '\\' ? 2 : 1;
	s->p++;
	return json_loadb(begin, (size_t)(s->p - begin), JSON_DECODE_ANY, NULL);
}

static void cut_path(struct scan *s, size_t n)
{
	s->path.n = n;
	if (s->path.p)
		s->path.p[n] = '\0';
}

static void open_level(struct scan *s, bool object)
{
	struct level *level = &s->levels[s->depth++];

	*level = (struct level){ .seen = object ? json_object() : NULL, .path_n = s->path.n };
	if (!object)
		buf_adds(&s->path, "[0]");
}

static void close_level(struct scan *s)
{
	struct level *level = &s->levels[--s->depth];

	json_decref(level->seen);
	cut_path(s, level->path_n);
}

/* A string with a colon behind it is a key. */
static void on_string(struct scan *s)
{
	struct level *level = s->depth ? &s->levels[s->depth - 1] : NULL;
	json_t *key = read_string(s);
	const char *name = json_string_value(key);

	while (s->p < s->end && strchr(" \t\r\n", *s->p))
		s->p++;
	if (name && level && level->seen && s->p < s->end && *s->p == ':') {
		cut_path(s, level->path_n);
		buf_printf(&s->path, "%s%s", level->path_n ? "." : "", name);
		if (json_object_get(level->seen, name))
			json_array_append_new(s->texts, json_sprintf("duplicate field \"%s\"",
			                                             buf_str(&s->path)));
		json_object_set_new(level->seen, name, json_true());
	}
	json_decref(key);
}

static void on_comma(struct scan *s)
{
	struct level *level = s->depth ? &s->levels[s->depth - 1] : NULL;

	s->p++;
	if (!level || level->seen)
		return;
	cut_path(s, level->path_n);
	buf_printf(&s->path, "[%zu]", ++level->index);
}

void duplicates_find(const char *text, size_t size, json_t *ret_texts)
{
	struct scan *s = xnew(struct scan);

	s->p = text;
	s->end = text + size;
	s->texts = ret_texts;
	while (s->p < s->end) {
		char c = *s->p;

		if (c == '"') {
			on_string(s);
		} else if (c == ',') {
			on_comma(s);
		} else {
			if ((c == '{' || c == '[') && s->depth < ARRAY_SIZE(s->levels))
				open_level(s, c == '{');
			else if ((c == '}' || c == ']') && s->depth)
				close_level(s);
			s->p++;
		}
	}
	while (s->depth)
		close_level(s);
	buf_done(&s->path);
	free(s);
}
