/* SPDX-License-Identifier: Apache-2.0 */
#include "server/duplicates.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/decode.h"

/* Keys of an object that are compared one by one; above that a set is asked. */
#define KEYS_FEW 16

/* A key as it stands in the text, or decoded where it has escapes. */
struct key {
	const char *text;
	size_t size;
	char *owned; /* of a decoded one */
};

/* An open object or array. */
struct level {
	bool object;
	size_t index;     /* of an array: of its current element */
	size_t first_key; /* of an object: its keys are those from here to the next level's */
	json_t *set;      /* owned; its keys, where they are many */
};

struct scan {
	const char *p, *end;
	struct level levels[DECODE_DEPTH_MAX + 1];
	size_t depth;
	struct key *keys; /* of all open objects, outermost first */
	size_t n_keys, cap_keys;
	json_t *texts;
};

static void drop_keys(struct scan *s, size_t first)
{
	while (s->n_keys > first)
		free(s->keys[--s->n_keys].owned);
}

static void open_level(struct scan *s, bool object)
{
	s->levels[s->depth++] = (struct level){ .object = object, .first_key = s->n_keys };
}

static void close_level(struct scan *s)
{
	struct level *level = &s->levels[--s->depth];

	json_decref(level->set);
	drop_keys(s, level->first_key);
}

/* The string at 'p'; moves behind it. */
static struct key read_string(struct scan *s)
{
	const char *begin = ++s->p;
	bool escapes = false;
	struct key key;
	json_t *decoded;

	while (s->p < s->end && *s->p != '"') {
		escapes |= *s->p == '\\';
		s->p += *s->p == '\\' ? 2 : 1;
	}
	if (s->p > s->end)
		s->p = s->end;
	key = (struct key){ .text = begin, .size = (size_t)(s->p - begin) };
	s->p++;
	if (!escapes)
		return key;
	decoded = json_loadb(begin - 1, key.size + 2, JSON_DECODE_ANY, NULL);
	if (decoded) {
		key.owned = xstrdup(json_string_value(decoded));
		key.text = key.owned;
		key.size = strlen(key.owned);
		json_decref(decoded);
	}
	return key;
}

/* Where the scan is: "spec.ports[0].name". */
static void report(struct scan *s)
{
	auto_buf struct buf path = BUF_INIT;

	for (size_t i = 0; i < s->depth; i++) {
		const struct level *level = &s->levels[i];
		/* the current member is the last key before the next level's first */
		size_t end = i + 1 < s->depth ? s->levels[i + 1].first_key : s->n_keys;

		if (level->object) {
			buf_adds(&path, path.n ? "." : "");
			buf_add(&path, s->keys[end - 1].text, s->keys[end - 1].size);
		} else {
			buf_printf(&path, "[%zu]", level->index);
		}
	}
	json_array_append_new(s->texts, json_sprintf("duplicate field \"%s\"", buf_str(&path)));
}

static bool few_have(const struct scan *s, const struct level *level, const struct key *key)
{
	for (size_t i = level->first_key; i < s->n_keys; i++)
		if (s->keys[i].size == key->size &&
		    memcmp(s->keys[i].text, key->text, key->size) == 0)
			return true;
	return false;
}

/* Like few_have(), and remembers the key. */
static bool many_have(const struct scan *s, struct level *level, const struct key *key)
{
	if (!level->set) {
		level->set = json_object();
		for (size_t i = level->first_key; i < s->n_keys; i++)
			json_object_setn_new_nocheck(level->set, s->keys[i].text, s->keys[i].size,
			                             json_true());
	}
	if (json_object_getn(level->set, key->text, key->size))
		return true;
	json_object_setn_new_nocheck(level->set, key->text, key->size, json_true());
	return false;
}

static void on_key(struct scan *s, struct key key)
{
	struct level *level = &s->levels[s->depth - 1];
	bool many = s->n_keys - level->first_key >= KEYS_FEW;
	bool had = many ? many_have(s, level, &key) : few_have(s, level, &key);

	array_reserve(s->keys, s->n_keys, s->cap_keys);
	s->keys[s->n_keys++] = key;
	if (had)
		report(s);
}

/* A string with a colon behind it is a key. */
static void on_string(struct scan *s)
{
	struct key string = read_string(s);

	while (s->p < s->end && strchr(" \t\r\n", *s->p))
		s->p++;
	if (s->depth && s->levels[s->depth - 1].object && s->p < s->end && *s->p == ':')
		on_key(s, string);
	else
		free(string.owned);
}

static void on_comma(struct scan *s)
{
	s->p++;
	if (s->depth && !s->levels[s->depth - 1].object)
		s->levels[s->depth - 1].index++;
}

void duplicates_find(const char *text, size_t size, json_t *ret_texts)
{
	struct scan scan, *s = &scan; /* of 8 KB: the levels are filled in as they are opened */

	s->p = text;
	s->end = text + size;
	s->depth = s->n_keys = s->cap_keys = 0;
	s->keys = NULL;
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
	free(s->keys);
}
