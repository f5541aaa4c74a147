/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/field_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"

#define PATH_SIZE  512 /* longer paths are cut: a label key has at most 317 bytes */
#define PATH_COUNT 8

static const struct {
	const char *reason; /* causes[].reason */
	const char *text;
} types[] = {
	[FIELD_REQUIRED] = { "FieldValueRequired", "Required value" },
	[FIELD_INVALID] = { "FieldValueInvalid", "Invalid value" },
	[FIELD_DUPLICATE] = { "FieldValueDuplicate", "Duplicate value" },
	[FIELD_UNSUPPORTED] = { "FieldValueNotSupported", "Unsupported value" },
	[FIELD_FORBIDDEN] = { "FieldValueForbidden", "Forbidden" },
	[FIELD_TOO_LONG] = { "FieldValueTooLong", "Too long" },
	[FIELD_TOO_MANY] = { "FieldValueTooMany", "Too many" },
	[FIELD_NOT_FOUND] = { "FieldValueNotFound", "Not found" },
	[FIELD_INTERNAL] = { "InternalError", "Internal error" },
	[FIELD_TYPE_INVALID] = { "FieldValueTypeInvalid", "Invalid value" },
};

void field_errors_done(struct field_errors *errs)
{
	for (size_t i = 0; i < errs->n; i++) {
		free(errs->list[i].path);
		free(errs->list[i].message);
	}
	free(errs->list);
	*errs = (struct field_errors){ 0 };
}

static bool is_known(const struct field_errors *errs, const char *path, const char *message)
{
	for (size_t i = 0; i < errs->n; i++)
		if (strcmp(errs->list[i].path, path) == 0 &&
		    strcmp(errs->list[i].message, message) == 0)
			return true;
	return false;
}

/* 'value' and 'detail' may be NULL: the message is "Type text[: value][: detail]". */
static void add_error(struct field_errors *errs, enum field_error_type type, const char *path,
                      const char *value, const char *detail)
{
	auto_buf struct buf message = BUF_INIT;

	buf_adds(&message, types[type].text);
	if (value)
		buf_printf(&message, ": %s", value);
	if (detail && *detail)
		buf_printf(&message, ": %s", detail);
	if (errs->n == FIELD_ERRORS_MAX || is_known(errs, path, buf_str(&message)))
		return;
	array_reserve(errs->list, errs->n, errs->cap);
	errs->list[errs->n++] = (struct field_error){
		.type = type,
		.path = xstrdup(path),
		.message = buf_take(&message),
	};
}

void field_errors_repeat(struct field_errors *errs, size_t first)
{
	size_t n = errs->n;

	for (size_t i = first; i < n && errs->n < FIELD_ERRORS_MAX; i++) {
		array_reserve(errs->list, errs->n, errs->cap);
		errs->list[errs->n] = (struct field_error){
			.type = errs->list[i].type,
			.path = xstrdup(errs->list[i].path),
			.message = xstrdup(errs->list[i].message),
		};
		errs->n++;
	}
}

void field_quote(struct buf *b, const char *s)
{
	static const char escapes[] = {
		['\a'] = 'a', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\v'] = 'v',
		['\f'] = 'f', ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'
	};

	buf_addc(b, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < sizeof(escapes) && escapes[c])
			buf_printf(b, "\\%c", escapes[c]);
		else if (c < 0x20 || c == 0x7f)
			buf_printf(b, "\\x%02x", c);
		else
			buf_addc(b, *s);
	}
	buf_addc(b, '"');
}

/* Go's json.Marshal writes the characters that mean something in HTML as escapes. */
static void add_go_json(struct buf *b, const json_t *value)
{
	auto_free char *text = json_text(value);

	for (const char *p = text; *p; p++) {
		if (strchr("<>&", *p))
			buf_printf(b, "\\u%04x", (unsigned char)*p);
		else
			buf_addc(b, *p);
	}
}

static void add_value_error(struct field_errors *errs, enum field_error_type type, const char *path,
                            const json_t *value, const char *detail)
{
	auto_buf struct buf text = BUF_INIT;

	if (json_is_string(value))
		field_quote(&text, json_string_value(value));
	else if (value)
		add_go_json(&text, value);
	else
		buf_adds(&text, "null");
	add_error(errs, type, path, buf_str(&text), detail);
}

static void add_string_error(struct field_errors *errs, enum field_error_type type,
                             const char *path, const char *value, const char *detail)
{
	auto_buf struct buf text = BUF_INIT;

	field_quote(&text, value);
	add_error(errs, type, path, buf_str(&text), detail);
}

void field_required(struct field_errors *errs, const char *path, const char *detail)
{
	add_error(errs, FIELD_REQUIRED, path, NULL, detail);
}

void field_forbidden(struct field_errors *errs, const char *path, const char *detail)
{
	add_error(errs, FIELD_FORBIDDEN, path, NULL, detail);
}

void field_invalid(struct field_errors *errs, const char *path, const json_t *value,
                   const char *detail)
{
	add_value_error(errs, FIELD_INVALID, path, value, detail);
}

void field_invalid_string(struct field_errors *errs, const char *path, const char *value,
                          const char *detail)
{
	add_string_error(errs, FIELD_INVALID, path, value, detail);
}

void field_duplicate(struct field_errors *errs, const char *path, const json_t *value)
{
	add_value_error(errs, FIELD_DUPLICATE, path, value, NULL);
}

void field_unsupported_value(struct field_errors *errs, const char *path, const json_t *value,
                             const char *const *supported)
{
	auto_buf struct buf detail = BUF_INIT;

	for (size_t i = 0; supported[i]; i++) {
		buf_adds(&detail, i == 0 ? "supported values: " : ", ");
		field_quote(&detail, supported[i]);
	}
	add_value_error(errs, FIELD_UNSUPPORTED, path, value, buf_str(&detail));
}

void field_unsupported(struct field_errors *errs, const char *path, const char *value,
                       const char *const *supported)
{
	json_t *text = json_string_of(value);

	field_unsupported_value(errs, path, text, supported);
	json_decref(text);
}

void field_too_long(struct field_errors *errs, const char *path, size_t max)
{
	auto_free char *detail = xasprintf("may not be more than %zu byte%s", max,
	                                   max == 1 ? "" : "s");

	add_error(errs, FIELD_TOO_LONG, path, NULL, detail);
}

void field_too_many(struct field_errors *errs, const char *path, size_t actual, size_t max)
{
	auto_free char *detail = xasprintf("must have at most %zu item%s", max,
	                                   max == 1 ? "" : "s");
	auto_free char *value = xasprintf("%zu", actual);

	add_error(errs, FIELD_TOO_MANY, path, value, detail);
}

void field_not_found(struct field_errors *errs, const char *path, const char *value)
{
	add_string_error(errs, FIELD_NOT_FOUND, path, value, NULL);
}

void field_internal(struct field_errors *errs, const char *path, const char *detail)
{
	add_error(errs, FIELD_INTERNAL, path, NULL, detail);
}

void field_type_invalid(struct field_errors *errs, const char *path, const json_t *value,
                        const char *detail)
{
	add_value_error(errs, FIELD_TYPE_INVALID, path, value, detail);
}

const char *field_path(const char *fmt, ...)
{
	static _Thread_local char ring[PATH_COUNT][PATH_SIZE];
	static _Thread_local unsigned int next;
	char *path = ring[next++ % PATH_COUNT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(path, PATH_SIZE, fmt, ap);
	va_end(ap);
	return path;
}

json_t *field_errors_causes(const struct field_errors *errs)
{
	json_t *causes = json_array();

	for (size_t i = 0; i < errs->n; i++) {
		const struct field_error *e = &errs->list[i];
		json_t *cause = json_object();

		json_object_set_new(cause, "reason", json_string(types[e->type].reason));
		json_object_set_new(cause, "message", json_string_of(e->message));
		json_object_set_new(cause, "field", json_string_of(e->path));
		json_array_append_new(causes, cause);
	}
	return causes;
}

/* A message names what is wrong once, though its causes may have it twice (ErrorList.ToAggregate). */
static bool is_repeated(const struct field_errors *errs, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(errs->list[k].path, errs->list[i].path) == 0 &&
		    strcmp(errs->list[k].message, errs->list[i].message) == 0)
			return true;
	return false;
}

char *field_errors_text(const struct field_errors *errs)
{
	struct buf text = BUF_INIT, all = BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; i < errs->n; i++)
		if (!is_repeated(errs, i))
			buf_printf(&all, "%s%s: %s", n++ == 0 ? "" : ", ", errs->list[i].path,
			           errs->list[i].message);
	if (n == 1)
		return buf_take(&all);
	buf_printf(&text, "[%s]", buf_str(&all));
	buf_done(&all);
	return buf_take(&text);
}
