/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/decode.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/hmap.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/scalar.h"
#include "kube/text_scan.h"

#define WHOLE_MAX 9007199254740992.0 /* 2^53: up to here a double holds every integer */

struct anchor {
	struct hnode by_name;
	char *name;    /* owned */
	json_t *value; /* owned reference; NULL until the anchored node ends */
};

struct reader {
	yaml_parser_t parser;
	const char *text, *name; /* borrowed */
	size_t size;
	struct hmap anchors; /* of the document */
	size_t aliased;      /* bytes that aliases have added so far */
	struct err *err;
};

#define auto_event __attribute__((cleanup(yaml_event_delete)))

static int build_node(struct reader *reader, const yaml_event_t *event, unsigned int depth,
                      json_t **ret);

__attribute__((format(printf, 4, 5))) static int fail(struct reader *reader,
                                                      const yaml_mark_t *mark, int code,
                                                      const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(reader->err, code, "%s:%zu:%zu: %s", reader->name, mark->line + 1,
	               mark->column + 1, what);
}

/* The bytes are no text: libyaml gives their offset only. */
static int fail_reading(struct reader *reader)
{
	const yaml_parser_t *p = &reader->parser;
	size_t line, column, offset = p->problem_offset;

	text_position(reader->text, offset < reader->size ? offset : reader->size, &line, &column);
	return err_set(reader->err, -EBADMSG, "%s:%zu:%zu: %s", reader->name, line, column,
	               p->problem);
}

static int fail_parsing(struct reader *reader)
{
	const yaml_parser_t *p = &reader->parser;
	yaml_mark_t mark = p->problem_mark;
	size_t tab;

	if (p->error == YAML_MEMORY_ERROR)
		return err_set(reader->err, -ENOMEM, "%s: out of memory", reader->name);
	if (p->error == YAML_READER_ERROR)
		return fail_reading(reader);
	tab = text_indent_tab(reader->text, reader->size, mark.line + 1);
	if (tab > 0) {
		mark.column = tab - 1;
		return fail(reader, &mark, -EBADMSG,
		            "%s: a tab; YAML does not allow tabs in indentation, use spaces",
		            p->problem);
	}
	if (p->context && p->context_mark.line != mark.line)
		return fail(reader, &mark, -EBADMSG, "%s, %s that begins in line %zu", p->problem,
		            p->context, p->context_mark.line + 1);
	return fail(reader, &mark, -EBADMSG, "%s", p->problem);
}

static int next_event(struct reader *reader, yaml_event_t *event)
{
	return yaml_parser_parse(&reader->parser, event) ? 0 : fail_parsing(reader);
}

static struct anchor *find_anchor(const struct reader *reader, const char *name)
{
	struct anchor *anchor;

	hmap_for_each_with_hash(anchor, by_name, hash_str(name), &reader->anchors)
		if (strcmp(anchor->name, name) == 0)
			return anchor;
	return NULL;
}

/* The anchor 'name' (NULL: none) from here on means the node that begins now. */
static struct anchor *begin_anchor(struct reader *reader, const yaml_char_t *name)
{
	struct anchor *anchor;

	if (!name)
		return NULL;
	anchor = find_anchor(reader, (const char *)name);
	if (!anchor) {
		anchor = xnew(struct anchor);
		anchor->name = xstrdup((const char *)name);
		hmap_insert(&reader->anchors, &anchor->by_name, hash_str(anchor->name));
	}
	json_decref(anchor->value);
	anchor->value = NULL;
	return anchor;
}

static void end_anchor(struct anchor *anchor, json_t *value)
{
	if (!anchor)
		return;
	json_decref(anchor->value);
	anchor->value = json_incref(value);
}

static void drop_anchors(struct reader *reader)
{
	struct anchor *anchor, *after;

	hmap_for_each_safe(anchor, after, by_name, &reader->anchors) {
		json_decref(anchor->value);
		free(anchor->name);
		free(anchor);
	}
	hmap_done(&reader->anchors);
	reader->anchors = (struct hmap){ 0 };
}

/* A copy, because whoever changes the tree later must not change two places of it. */
static int build_alias(struct reader *reader, const yaml_event_t *event, unsigned int depth,
                       json_t **ret)
{
	const char *name = (const char *)event->data.alias.anchor;
	const struct anchor *anchor = find_anchor(reader, name);

	if (!anchor)
		return fail(reader, &event->start_mark, -EBADMSG, "unknown anchor '%s' referenced",
		            name);
	if (!anchor->value)
		return fail(reader, &event->start_mark, -EBADMSG,
		            "anchor '%s' value contains itself", name);
	reader->aliased += json_weight(anchor->value, DECODE_ALIAS_MAX - reader->aliased);
	if (reader->aliased > DECODE_ALIAS_MAX)
		return fail(reader, &event->start_mark, -EFBIG,
		            "document contains excessive aliasing");
	if (!json_depth_within(anchor->value, DECODE_DEPTH_MAX - depth))
		return fail(reader, &event->start_mark, -EFBIG,
		            "too many nested mappings and sequences");
	*ret = json_deep_copy(anchor->value);
	return 0;
}

/* go-yaml's JSON has no difference between 1 and 1.0. */
static json_t *number(double f)
{
	bool whole = f >= -WHOLE_MAX && f <= WHOLE_MAX && f == (double)(json_int_t)f;

	return whole ? json_integer((json_int_t)f) : json_real(f);
}

static json_t *scalar_json(const struct scalar *scalar, const char *text)
{
	switch (scalar->type) {
	case SCALAR_NULL:
		return json_null();
	case SCALAR_BOOL:
		return json_boolean(scalar->b);
	case SCALAR_INT:
		return json_integer(scalar->i);
	case SCALAR_FLOAT:
		return number(scalar->f);
	case SCALAR_STRING:
	case SCALAR_TIME:
		return json_string(text);
	case SCALAR_HUGE:
	case SCALAR_NOT_FINITE:
		break;
	}
	return NULL;
}

/* True if a scalar of 'type' may carry the tag "tag:yaml.org,2002:'tag'". */
static bool tag_fits(const char *tag, enum scalar_type type)
{
	return (strcmp(tag, "null") == 0 && type == SCALAR_NULL) ||
	       (strcmp(tag, "bool") == 0 && type == SCALAR_BOOL) ||
	       (strcmp(tag, "int") == 0 && type == SCALAR_INT) ||
	       (strcmp(tag, "float") == 0 && (type == SCALAR_FLOAT || type == SCALAR_INT)) ||
	       (strcmp(tag, "timestamp") == 0 && type == SCALAR_TIME);
}

/* What the scalar is by its tag, or by its text where it is plain and has none. */
static int resolve_scalar(struct reader *reader, const yaml_event_t *event, struct scalar *ret)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	const char *text = (const char *)event->data.scalar.value;
	const char *tag = (const char *)event->data.scalar.tag;
	struct scalar scalar = { .type = SCALAR_STRING };

	if (!tag && event->data.scalar.plain_implicit)
		scalar = scalar_resolve(text);
	if (tag && strncmp(tag, prefix, sizeof(prefix) - 1) == 0) {
		tag += sizeof(prefix) - 1;
		if (strcmp(tag, "binary") == 0)
			return fail(reader, &event->start_mark, -EBADMSG,
			            "!!binary is not supported: write the base64 text as a string");
		if (strcmp(tag, "str") != 0) {
			scalar = scalar_resolve(text);
			if (!tag_fits(tag, scalar.type))
				return fail(reader, &event->start_mark, -EBADMSG,
				            "the value does not fit its tag");
		}
	}
	*ret = scalar;
	return 0;
}

static int build_scalar(struct reader *reader, const yaml_event_t *event, json_t **ret)
{
	const char *text = (const char *)event->data.scalar.value;
	struct scalar scalar = { 0 };
	json_t *value;
	int r;

	if (strlen(text) != event->data.scalar.length)
		return fail(reader, &event->start_mark, -EBADMSG,
		            "a NUL character is not allowed in a string");
	r = resolve_scalar(reader, event, &scalar);
	if (r < 0)
		return r;
	value = scalar_json(&scalar, text);
	if (!value)
		return fail(reader, &event->start_mark, -EBADMSG,
		            scalar.type == SCALAR_HUGE ? "the integer is beyond 64 bits"
		                                       : "JSON has no .inf and .nan");
	end_anchor(begin_anchor(reader, event->data.scalar.anchor), value);
	*ret = value;
	return 0;
}

/* A key of another type than string becomes one: "80: http" has the key "80". */
static int build_key(struct reader *reader, const yaml_event_t *event, char **ret)
{
	char number_text[SCALAR_FLOAT_SIZE];
	auto_json json_t *key = NULL;
	int r;

	if (event->type != YAML_SCALAR_EVENT && event->type != YAML_ALIAS_EVENT)
		return fail(reader, &event->start_mark, -EBADMSG, "a key must be a string");
	r = build_node(reader, event, 0, &key);
	if (r < 0)
		return r;
	if (json_is_string(key)) {
		*ret = xstrdup(json_string_value(key));
	} else if (json_is_integer(key)) {
		*ret = xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(key));
	} else if (json_is_real(key)) {
		scalar_format_float(json_real_value(key), 32, number_text);
		*ret = xstrdup(number_text);
	} else if (json_is_boolean(key)) {
		*ret = xstrdup(json_is_true(key) ? "true" : "false");
	} else {
		return fail(reader, &event->start_mark, -EBADMSG, "a key must be a string");
	}
	return 0;
}

static bool is_merge(const yaml_event_t *key)
{
	return key->type == YAML_SCALAR_EVENT && key->data.scalar.plain_implicit &&
	       strcmp((const char *)key->data.scalar.value, "<<") == 0;
}

/* Adds the members of '<<: value' to 'merged'; those of an earlier mapping go before later ones. */
static int add_merge(struct reader *reader, const yaml_event_t *key, json_t *value, json_t *merged)
{
	json_t *element;
	size_t i;

	if (json_is_object(value)) {
		json_object_update_missing(merged, value);
		return 0;
	}
	json_array_foreach(value, i, element) {
		if (!json_is_object(element))
			break;
		json_object_update_missing(merged, element);
	}
	if (!json_is_array(value) || i < json_array_size(value))
		return fail(reader, &key->start_mark, -EBADMSG,
		            "map merge requires map or sequence of maps as the value");
	return 0;
}

static int add_member(struct reader *reader, const yaml_event_t *key_event, unsigned int depth,
                      json_t *object, json_t *merged)
{
	auto_event yaml_event_t event = { 0 };
	auto_json json_t *value = NULL;
	auto_free char *key = NULL;
	int r = 0;

	if (!is_merge(key_event))
		r = build_key(reader, key_event, &key);
	if (r < 0)
		return r;
	if (key && json_object_get(object, key))
		return fail(reader, &key_event->start_mark, -EBADMSG,
		            "key \"%s\" already set in map", key);
	r = next_event(reader, &event);
	if (r < 0)
		return r;
	r = build_node(reader, &event, depth, &value);
	if (r < 0)
		return r;
	if (!key)
		return add_merge(reader, key_event, value, merged);
	json_object_set(object, key, value);
	return 0;
}

static int build_mapping(struct reader *reader, const yaml_event_t *start, unsigned int depth,
                         json_t **ret)
{
	struct anchor *anchor = begin_anchor(reader, start->data.mapping_start.anchor);
	auto_json json_t *object = json_object();
	auto_json json_t *merged = json_object();

	for (;;) {
		auto_event yaml_event_t event = { 0 };
		int r = next_event(reader, &event);

		if (r < 0)
			return r;
		if (event.type == YAML_MAPPING_END_EVENT)
			break;
		r = add_member(reader, &event, depth, object, merged);
		if (r < 0)
			return r;
	}
	json_object_update_missing(object, merged);
	end_anchor(anchor, object);
	*ret = json_incref(object);
	return 0;
}

static int build_sequence(struct reader *reader, const yaml_event_t *start, unsigned int depth,
                          json_t **ret)
{
	struct anchor *anchor = begin_anchor(reader, start->data.sequence_start.anchor);
	auto_json json_t *array = json_array();

	for (;;) {
		auto_event yaml_event_t event = { 0 };
		json_t *element = NULL;
		int r = next_event(reader, &event);

		if (r < 0)
			return r;
		if (event.type == YAML_SEQUENCE_END_EVENT)
			break;
		r = build_node(reader, &event, depth, &element);
		if (r < 0)
			return r;
		json_array_append_new(array, element);
	}
	end_anchor(anchor, array);
	*ret = json_incref(array);
	return 0;
}

/* The node that begins with 'event', inside 'depth' open objects and arrays. */
static int build_node(struct reader *reader, const yaml_event_t *event, unsigned int depth,
                      json_t **ret)
{
	if (event->type == YAML_ALIAS_EVENT)
		return build_alias(reader, event, depth, ret);
	if (event->type == YAML_SCALAR_EVENT)
		return build_scalar(reader, event, ret);
	if (depth == DECODE_DEPTH_MAX)
		return fail(reader, &event->start_mark, -EFBIG,
		            "too many nested mappings and sequences");
	return event->type == YAML_MAPPING_START_EVENT
	               ? build_mapping(reader, event, depth + 1, ret)
	               : build_sequence(reader, event, depth + 1, ret);
}

static int build_document(struct reader *reader, json_t *documents)
{
	auto_event yaml_event_t event = { 0 };
	auto_event yaml_event_t end = { 0 };
	json_t *document = NULL;
	int r;

	r = next_event(reader, &event);
	if (r < 0)
		return r;
	r = build_node(reader, &event, 0, &document);
	drop_anchors(reader);
	if (r < 0)
		return r;
	if (json_is_null(document))
		json_decref(document);
	else
		json_array_append_new(documents, document);
	return next_event(reader, &end);
}

static int build_stream(struct reader *reader, json_t *documents)
{
	for (;;) {
		auto_event yaml_event_t event = { 0 };
		int r = next_event(reader, &event);

		if (r < 0 || event.type == YAML_STREAM_END_EVENT)
			return r;
		if (event.type == YAML_DOCUMENT_START_EVENT)
			r = build_document(reader, documents);
		if (r < 0)
			return r;
	}
}

static size_t skip_blanks(const char *text, size_t size, size_t offset)
{
	while (offset < size && text[offset] && strchr(" \t\r\n", text[offset]))
		offset++;
	return offset;
}

/*
 * JSON values one after another; false if it is anything else.  YAML takes most of JSON too, but not
 * its surrogate pairs.
 */
static bool read_json(const char *text, size_t size, json_t *documents)
{
	size_t offset = skip_blanks(text, size, 0), deep;

	if (offset == size || text[offset] != '{' || memchr(text, '\0', size) ||
	    !text_depth_within(text, size, DECODE_DEPTH_MAX, &deep))
		return false;
	while (offset < size) {
		json_error_t e;
		json_t *document = json_loadb(text + offset, size - offset,
		                              JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &e);

		if (!document)
			return false;
		json_array_append_new(documents, document);
		offset = skip_blanks(text, size, offset + (size_t)e.position);
	}
	return true;
}

int decode_yaml(const char *text, size_t size, const char *name, json_t **ret, struct err *err)
{
	struct reader reader = { .text = text, .size = size, .name = name, .err = err };
	auto_json json_t *documents = json_array();
	int r;

	if (read_json(text, size, documents)) {
		*ret = json_incref(documents);
		return 0;
	}
	json_array_clear(documents);
	if (!yaml_parser_initialize(&reader.parser))
		return err_set(err, -ENOMEM, "%s: out of memory", name);
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, size);
	r = build_stream(&reader, documents);
	yaml_parser_delete(&reader.parser);
	drop_anchors(&reader);
	if (r == 0)
		*ret = json_incref(documents);
	return r;
}
