/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/selector.h"

struct term {
	char *field, *value; /* owned */
	bool negated;
};

struct field_selector {
	struct term *list; /* owned; all must match */
	size_t n, cap;
	const struct kind *kind;
};

/* The end of the term at 'p': a comma not behind a backslash, or the end of the text. */
static const char *term_end(const char *p)
{
	for (; *p && *p != ','; p++)
		if (*p == '\\' && p[1])
			p++;
	return p;
}

/* What stands behind the operator, without its backslashes. */
static int unescape(const char *text, char **ret, struct err *err)
{
	auto_buf struct buf value = BUF_INIT;

	for (; *text; text++) {
		if (*text == '=' || *text == ',')
			return err_set(err, -EINVAL,
			               "invalid field selector: unescaped character in value: %d",
			               *text);
		if (*text == '\\') {
			text++;
			if (!*text || !strchr("\\,=", *text))
				return err_set(err, -EINVAL,
				               "invalid field selector: invalid escape sequence: "
				               "\\%.1s",
				               text);
		}
		buf_addc(&value, *text);
	}
	*ret = value.p ? buf_take(&value) : xstrdup("");
	return 0;
}

static bool is_supported(const struct kind *kind, const char *field)
{
	if (strcmp(field, "metadata.name") == 0 || strcmp(field, "metadata.namespace") == 0)
		return true;
	for (const char *const *f = kind->fields; f && *f; f++)
		if (strcmp(*f, field) == 0)
			return true;
	return false;
}

/* "field=value", "field==value" or "field!=value". */
static int parse_term(const char *text, char *term_text, struct term *term, struct err *err)
{
	char *op = strchr(term_text, '='), *value;

	if (!op)
		return err_set(err, -EINVAL, "invalid selector: '%s'; can't understand '%s'", text,
		               term_text);
	value = op + (op[1] == '=' ? 2 : 1);
	term->negated = op > term_text && op[-1] == '!';
	if (term->negated) {
		value = op + 1;
		op--;
	}
	*op = '\0';
	term->field = xstrdup(term_text);
	return unescape(value, &term->value, err);
}

static int parse_terms(const char *text, struct field_selector *selector, struct err *err)
{
	const char *end;

	for (const char *p = text; *p; p = *end ? end + 1 : end) {
		auto_free char *term_text = NULL;
		int r;

		end = term_end(p);
		if (end == p)
			continue;
		term_text = xstrndup(p, (size_t)(end - p));
		array_reserve(selector->list, selector->n, selector->cap);
		selector->list[selector->n] = (struct term){ 0 };
		r = parse_term(text, term_text, &selector->list[selector->n++], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void drop_term(struct field_selector *selector, size_t i)
{
	free(selector->list[i].field);
	free(selector->list[i].value);
	selector->list[i] = selector->list[--selector->n];
}

/* All is read before a field is looked at; a term of nothing selects all (fields.hasTerm.Transform). */
static int check_fields(struct field_selector *selector, struct err *err)
{
	for (size_t i = 0; i < selector->n;) {
		const struct term *term = &selector->list[i];

		if (!term->field[0] && !term->value[0] && !term->negated) {
			drop_term(selector, i);
			continue;
		}
		if (!is_supported(selector->kind, term->field))
			return err_set(err, -EINVAL, "field label not supported: %s", term->field);
		i++;
	}
	return 0;
}

int field_selector_parse(const struct kind *kind, const char *text, struct field_selector **ret,
                         struct err *err)
{
	struct field_selector *selector = xnew(struct field_selector);
	int r;

	selector->kind = kind;
	r = parse_terms(text, selector, err);
	if (r == 0)
		r = check_fields(selector, err);
	if (r < 0)
		field_selector_free(selector);
	else
		*ret = selector;
	return r;
}

void field_selector_free(struct field_selector *selector)
{
	if (!selector)
		return;
	for (size_t i = 0; i < selector->n; i++) {
		free(selector->list[i].field);
		free(selector->list[i].value);
	}
	free(selector->list);
	free(selector);
}

static bool term_matches(const struct kind *kind, const struct term *term, const json_t *object)
{
	const char *value = kind->field_value ? kind->field_value(object, term->field) : NULL;
	const json_t *found = value ? NULL : json_path(object, term->field);
	auto_free char *text = NULL;

	if (found && !json_is_string(found))
		text = json_text(found);
	if (!value)
		value = text ? text : json_path_str(object, term->field);
	return (strcmp(value, term->value) == 0) != term->negated;
}

/* What a term about the key is compared with; NULL: it is about something else. */
static const char *key_part(const struct term *term, const char *ns, const char *name)
{
	if (strcmp(term->field, "metadata.name") == 0)
		return name;
	return strcmp(term->field, "metadata.namespace") == 0 ? ns : NULL;
}

bool field_selector_matches_key(const struct field_selector *selector, const char *ns,
                                const char *name, bool *ret_decided)
{
	*ret_decided = true;
	for (size_t i = 0; i < selector->n; i++) {
		const struct term *term = &selector->list[i];
		const char *part = key_part(term, ns, name);

		if (!part)
			*ret_decided = false;
		else if ((strcmp(part, term->value) == 0) == term->negated)
			return false;
	}
	return true;
}

bool field_selector_matches(const struct field_selector *selector, const json_t *object)
{
	for (size_t i = 0; i < selector->n; i++)
		if (!term_matches(selector->kind, &selector->list[i], object))
			return false;
	return true;
}
