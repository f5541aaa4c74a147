/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/selector.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/field_error.h"
#include "kube/names.h"

enum match_op {
	OP_EXISTS,
	OP_NOT_EXISTS,
	OP_IN,     /* also = and == */
	OP_NOT_IN, /* also != */
	OP_GREATER,
	OP_LESS,
};

struct requirement {
	char *key; /* owned */
	enum match_op op;
	char **values; /* owned, sorted, no value twice */
	size_t n, cap;
};

struct selector {
	struct requirement *list; /* owned; all must match */
	size_t n, cap;
};

enum token {
	TOKEN_END,
	TOKEN_COMMA,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_NOT,
	TOKEN_EQUAL,
	TOKEN_DOUBLE_EQUAL,
	TOKEN_NOT_EQUAL,
	TOKEN_GREATER,
	TOKEN_LESS,
	TOKEN_WORD,
};

struct parser {
	const char *at; /* behind the current token */
	enum token token;
	const char *text; /* of the current token, 'n' bytes */
	size_t n;
	struct err *err;
};

static const char specials[] = "=!(),><";
static const char blanks[] = " \t\r\n";

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

struct labels labels_from_json(const json_t *map, struct arena *arena)
{
	struct labels labels = { 0 };
	const char *key;
	json_t *value;

	if (json_object_size(map) == 0)
		return labels;
	labels.list = arena_array(arena, struct label, json_object_size(map));
	json_object_foreach((json_t *)map, key, value) {
		if (!json_is_string(value))
			continue;
		labels.list[labels.n++] = (struct label){
			.key = arena_strdup(arena, key),
			.value = arena_strdup(arena, json_string_value(value)),
		};
	}
	qsort(labels.list, labels.n, sizeof(*labels.list), compare_labels);
	return labels;
}

const char *labels_get(const struct labels *labels, const char *key)
{
	const struct label wanted = { .key = key }, *found;

	if (labels->n == 0)
		return NULL;
	found = bsearch(&wanted, labels->list, labels->n, sizeof(wanted), compare_labels);
	return found ? found->value : NULL;
}

bool labels_contain(const struct labels *labels, const struct labels *wanted)
{
	size_t i = 0;

	for (size_t w = 0; w < wanted->n; w++, i++) {
		while (i < labels->n && strcmp(labels->list[i].key, wanted->list[w].key) < 0)
			i++;
		if (i == labels->n || strcmp(labels->list[i].key, wanted->list[w].key) != 0 ||
		    strcmp(labels->list[i].value, wanted->list[w].value) != 0)
			return false;
	}
	return true;
}

bool labels_equal(const struct labels *a, const struct labels *b)
{
	return a->n == b->n && labels_contain(a, b);
}

static enum token special_token(struct parser *p)
{
	static const struct {
		const char *text;
		enum token token;
	} tokens[] = {
		{ "==", TOKEN_DOUBLE_EQUAL }, { "!=", TOKEN_NOT_EQUAL }, { "=", TOKEN_EQUAL },
		{ "!", TOKEN_NOT },           { "(", TOKEN_OPEN },       { ")", TOKEN_CLOSE },
		{ ",", TOKEN_COMMA },         { ">", TOKEN_GREATER },    { "<", TOKEN_LESS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		size_t n = strlen(tokens[i].text);

		if (strncmp(p->text, tokens[i].text, n) == 0) {
			p->n = n;
			return tokens[i].token;
		}
	}
	return TOKEN_END;
}

static void next_token(struct parser *p)
{
	p->text = p->at + strspn(p->at, blanks);
	p->n = 0;
	p->token = special_token(p);
	if (p->token == TOKEN_END && *p->text) {
		p->token = TOKEN_WORD;
		while (p->text[p->n] && !strchr(specials, p->text[p->n]) &&
		       !strchr(blanks, p->text[p->n]))
			p->n++;
	}
	p->at = p->text + p->n;
}

static bool is_word(const struct parser *p, const char *word)
{
	return p->token == TOKEN_WORD && p->n == strlen(word) && strncmp(p->text, word, p->n) == 0;
}

static int unexpected(const struct parser *p, const char *wanted)
{
	return err_set(p->err, -EINVAL, "found '%.*s'%s", p->n < 200 ? (int)p->n : 200, p->text,
	               wanted);
}

/* -EINVAL with the text of the error list, like the aggregate of NewRequirement. */
static int check_found(struct field_errors *found, struct err *err)
{
	auto_free char *text = field_errors_text(found);
	int r = found->n == 0 ? 0 : err_set(err, -EINVAL, "%s", text);

	field_errors_done(found);
	return r;
}

/* All that is wrong with a key or value makes one error. */
static void add_name_errors(struct field_errors *found, const char *path, const char *value,
                            const struct name_errors *errs)
{
	auto_buf struct buf why = BUF_INIT;

	for (size_t i = 0; i < errs->n; i++)
		buf_printf(&why, "%s%s", i == 0 ? "" : "; ", errs->list[i]);
	if (errs->n > 0)
		field_invalid_string(found, path, value, buf_str(&why));
}

static bool parse_int64(const char *text, int64_t *ret)
{
	const char *digits = text + (*text == '-' || *text == '+');
	char *end;

	if (!*digits || strspn(digits, "0123456789") != strlen(digits))
		return false;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	return errno == 0;
}

static int check_values(const struct requirement *q, struct err *err)
{
	struct field_errors found = { 0 };
	bool number = q->op == OP_GREATER || q->op == OP_LESS;
	int64_t unused;

	for (size_t i = 0; number && i < q->n; i++)
		if (!parse_int64(q->values[i], &unused))
			field_invalid_string(&found, field_path("values[%zu]", i), q->values[i],
			                     "for 'Gt', 'Lt' operators, the value must be an "
			                     "integer");
	for (size_t i = 0; i < q->n; i++) {
		struct name_errors errs = { 0 };

		name_check_label_value(q->values[i], &errs);
		add_name_errors(&found, field_path("values[%zu][%s]", i, q->key), q->values[i],
		                &errs);
	}
	return check_found(&found, err);
}

static void add_value(struct requirement *q, const char *text, size_t n)
{
	array_reserve(q->values, q->n, q->cap);
	q->values[q->n++] = xstrndup(text, n);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_values(struct requirement *q)
{
	size_t n = 0;

	if (q->n > 0)
		qsort(q->values, q->n, sizeof(*q->values), compare_strings);
	for (size_t i = 0; i < q->n; i++) {
		if (n > 0 && strcmp(q->values[n - 1], q->values[i]) == 0)
			free(q->values[i]);
		else
			q->values[n++] = q->values[i];
	}
	q->n = n;
}

/* "(a, b,,c)" behind the bracket: nothing between commas is the value "". */
static int parse_list(struct parser *p, struct requirement *q)
{
	for (;;) {
		if (p->token == TOKEN_WORD) {
			add_value(q, p->text, p->n);
			next_token(p);
			if (p->token != TOKEN_COMMA && p->token != TOKEN_CLOSE)
				return unexpected(p, ", expected: ',' or ')'");
		} else if (p->token == TOKEN_COMMA || p->token == TOKEN_CLOSE) {
			add_value(q, "", 0);
		} else {
			return unexpected(p, q->n == 0 ? ", expected: ',', ')' or identifier"
			                               : ", expected: ',', or identifier");
		}
		if (p->token == TOKEN_CLOSE)
			break;
		next_token(p);
	}
	next_token(p);
	return 0;
}

static int parse_values(struct parser *p, struct requirement *q, bool list)
{
	if (list) {
		if (p->token != TOKEN_OPEN)
			return unexpected(p, " expected: '('");
		next_token(p);
		return parse_list(p, q);
	}
	if (p->token == TOKEN_END || p->token == TOKEN_COMMA) {
		add_value(q, "", 0);
		return 0;
	}
	if (p->token != TOKEN_WORD)
		return unexpected(p, ", expected: identifier");
	add_value(q, p->text, p->n);
	next_token(p);
	return 0;
}

static int parse_operator(struct parser *p, enum match_op *ret, bool *ret_list)
{
	*ret_list = is_word(p, "in") || is_word(p, "notin");
	if (is_word(p, "in") || p->token == TOKEN_EQUAL || p->token == TOKEN_DOUBLE_EQUAL)
		*ret = OP_IN;
	else if (is_word(p, "notin") || p->token == TOKEN_NOT_EQUAL)
		*ret = OP_NOT_IN;
	else if (p->token == TOKEN_GREATER)
		*ret = OP_GREATER;
	else if (p->token == TOKEN_LESS)
		*ret = OP_LESS;
	else
		return unexpected(p, ", expected: in, notin, =, ==, !=, gt, lt");
	next_token(p);
	return 0;
}

static int parse_key(struct parser *p, struct requirement *q)
{
	struct field_errors found = { 0 };
	struct name_errors errs = { 0 };

	if (p->token != TOKEN_WORD)
		return unexpected(p, ", expected: identifier");
	q->key = xstrndup(p->text, p->n);
	name_check_label_key(q->key, &errs);
	add_name_errors(&found, "<nil>", q->key, &errs);
	next_token(p);
	return check_found(&found, p->err);
}

static int parse_requirement(struct parser *p, struct requirement *q)
{
	bool negated = p->token == TOKEN_NOT, list = false;
	int r;

	if (negated)
		next_token(p);
	r = parse_key(p, q);
	if (r < 0)
		return r;
	q->op = negated ? OP_NOT_EXISTS : OP_EXISTS;
	if (negated || p->token == TOKEN_END || p->token == TOKEN_COMMA)
		return 0;
	r = parse_operator(p, &q->op, &list);
	if (r < 0)
		return r;
	r = parse_values(p, q, list);
	if (r < 0)
		return r;
	sort_values(q);
	return check_values(q, p->err);
}

static int parse_all(struct parser *p, struct selector *selector)
{
	int r;

	next_token(p);
	if (p->token == TOKEN_END)
		return 0;
	for (;;) {
		if (p->token != TOKEN_WORD && p->token != TOKEN_NOT)
			return unexpected(p,
			                  selector->n == 0
			                          ? ", expected: !, identifier, or 'end of string'"
			                          : ", expected: identifier after ','");
		array_reserve(selector->list, selector->n, selector->cap);
		selector->list[selector->n] = (struct requirement){ 0 };
		r = parse_requirement(p, &selector->list[selector->n++]);
		if (r < 0)
			return err_wrap(p->err, r, "unable to parse requirement");
		if (p->token == TOKEN_END)
			return 0;
		if (p->token != TOKEN_COMMA)
			return unexpected(p, ", expected: ',' or 'end of string'");
		next_token(p);
	}
}

int selector_parse(const char *text, struct selector **ret, struct err *err)
{
	struct parser parser = { .at = text, .err = err };
	struct selector *selector = xnew(struct selector);
	int r = parse_all(&parser, selector);

	if (r < 0)
		selector_free(selector);
	else
		*ret = selector;
	return r;
}

void selector_free(struct selector *selector)
{
	if (!selector)
		return;
	for (size_t i = 0; i < selector->n; i++) {
		struct requirement *q = &selector->list[i];

		for (size_t v = 0; v < q->n; v++)
			free(q->values[v]);
		free(q->values);
		free(q->key);
	}
	free(selector->list);
	free(selector);
}

static bool has_value(const struct requirement *q, const char *value)
{
	return bsearch(&value, q->values, q->n, sizeof(*q->values), compare_strings);
}

static bool requirement_matches(const struct requirement *q, const char *value)
{
	int64_t have, limit;

	switch (q->op) {
	case OP_EXISTS:
		return value;
	case OP_NOT_EXISTS:
		return !value;
	case OP_IN:
		return value && has_value(q, value);
	case OP_NOT_IN:
		return !value || !has_value(q, value);
	case OP_GREATER:
	case OP_LESS:
		if (!value || !parse_int64(value, &have) || !parse_int64(q->values[0], &limit))
			return false;
		return q->op == OP_GREATER ? have > limit : have < limit;
	}
	return false;
}

bool selector_matches(const struct selector *selector, const struct labels *labels)
{
	for (size_t i = 0; i < selector->n; i++)
		if (!requirement_matches(&selector->list[i],
		                         labels_get(labels, selector->list[i].key)))
			return false;
	return true;
}
