/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parse.h"
#include "kube/decode.h"
#include "kube/go_text.h"
#include "kube/json.h"
#include "kube/patch.h"

#define OPERATIONS_MAX 10000           /* as kube-apiserver's */
#define MOVED_MAX      DECODE_BODY_MAX /* bytes that copy and move may handle, all together */

/* A JSON pointer (RFC 6901), unescaped. */
struct pointer {
	char **tokens; /* owned */
	size_t n, cap;
	const char *text; /* borrowed, for messages */
};

struct operation {
	const char *op;
	struct pointer path, from;
	const json_t *value; /* borrowed; null if there is none */
};

struct document {
	json_t *root; /* owned */
	size_t moved; /* bytes copied and moved so far */
	struct err *err;
};

static void pointer_done(struct pointer *pointer)
{
	for (size_t i = 0; i < pointer->n; i++)
		free(pointer->tokens[i]);
	free(pointer->tokens);
}

static void operation_done(struct operation *operation)
{
	pointer_done(&operation->path);
	pointer_done(&operation->from);
}

#define auto_operation __attribute__((cleanup(operation_done)))

/* Takes one token at 'p' ("a~1b" is a/b) and returns its end; any other "~" stands for itself. */
static const char *take_token(const char *p, struct buf *token)
{
	for (; *p && *p != '/'; p++) {
		if (*p == '~' && (p[1] == '0' || p[1] == '1'))
			buf_addc(token, *++p == '0' ? '~' : '/');
		else
			buf_addc(token, *p);
	}
	return p;
}

/* What stands before the first slash is not looked at, as in Kubernetes. */
static int pointer_parse(const char *text, struct pointer *pointer, struct err *err)
{
	const char *p = strchr(text, '/');

	pointer->text = text;
	if (!p && text[0])
		return err_set(err, -EBADMSG, "\"%s\" is not a JSON pointer", text);
	while (p && *p) {
		struct buf token = BUF_INIT;

		if (pointer->n == DECODE_DEPTH_MAX)
			return err_set(err, -EBADMSG, "\"%s\" is too deep", text);
		p = take_token(p + 1, &token);
		array_reserve(pointer->tokens, pointer->n, pointer->cap);
		pointer->tokens[pointer->n++] = token.p ? buf_take(&token) : xstrdup("");
	}
	return 0;
}

/*
 * The place in 'array' that 'token' names; 'size' itself only where 'end_allowed'.  A sign is
 * allowed, and -1 is the last place, as in the library that Kubernetes uses.
 */
static int array_index(const json_t *array, const char *token, bool end_allowed, size_t *ret)
{
	size_t places = json_array_size(array) + (end_allowed ? 1 : 0);
	bool negative = token[0] == '-';
	uint64_t i;

	if (end_allowed && strcmp(token, "-") == 0) {
		*ret = places - 1;
		return 0;
	}
	if (parse_u64(token + (negative || token[0] == '+'), SIZE_MAX, &i) < 0)
		return -EBADMSG;
	if (negative && i > 0 && i <= places)
		i = places - i;
	else if ((negative && i > 0) || i >= places)
		return -EBADMSG;
	*ret = i;
	return 0;
}

/* The member or element 'token' of 'parent'; NULL if there is none. */
static json_t *get_child(const json_t *parent, const char *token)
{
	size_t i;

	if (json_is_object(parent))
		return json_object_get(parent, token);
	if (!json_is_array(parent) || array_index(parent, token, false, &i) < 0)
		return NULL;
	return json_array_get(parent, i);
}

/* What the first 'n' tokens of 'pointer' lead to; NULL if there is nothing. */
static json_t *get(const struct document *doc, const struct pointer *pointer, size_t n)
{
	json_t *at = doc->root;

	for (size_t i = 0; at && i < n; i++)
		at = get_child(at, pointer->tokens[i]);
	return at;
}

static int missing(const struct document *doc, const char *op, const struct pointer *pointer)
{
	return err_set(doc->err, -EBADMSG, "%s operation does not apply: nothing at \"%s\"", op,
	               pointer->text);
}

static void replace_root(struct document *doc, json_t *value)
{
	json_decref(doc->root);
	doc->root = value;
}

/* Takes over 'value'. */
static int add(struct document *doc, const char *op, const struct pointer *path, json_t *value)
{
	json_t *parent;
	size_t i;

	parent = path->n ? get(doc, path, path->n - 1) : NULL;
	if (json_is_object(parent)) {
		json_object_set_new(parent, path->tokens[path->n - 1], value);
		return 0;
	}
	if (json_is_array(parent) &&
	    array_index(parent, path->tokens[path->n - 1], true, &i) == 0) {
		json_array_insert_new(parent, i, value);
		return 0;
	}
	json_decref(value);
	return missing(doc, op, path);
}

static int take_out(struct document *doc, const char *op, const struct pointer *path)
{
	json_t *parent;
	size_t i;

	if (path->n == 0 || !get(doc, path, path->n))
		return missing(doc, op, path);
	parent = get(doc, path, path->n - 1);
	if (json_is_object(parent))
		return json_object_del(parent, path->tokens[path->n - 1]);
	if (array_index(parent, path->tokens[path->n - 1], false, &i) < 0)
		return missing(doc, op, path);
	return json_array_remove(parent, i);
}

/* In an object also what is not there. */
static int replace(struct document *doc, const struct pointer *path, const json_t *value)
{
	json_t *parent;
	size_t i;

	if (path->n == 0) {
		if (!json_is_object(value) && !json_is_array(value))
			return err_set(doc->err, -EBADMSG,
			               "replace operation value must be object or array");
		replace_root(doc, json_deep_copy(value));
		return 0;
	}
	parent = get(doc, path, path->n - 1);
	if (json_is_object(parent))
		return json_object_set_new(parent, path->tokens[path->n - 1],
		                           json_deep_copy(value));
	if (!json_is_array(parent) || array_index(parent, path->tokens[path->n - 1], false, &i) < 0)
		return missing(doc, "replace", path);
	return json_array_set_new(parent, i, json_deep_copy(value));
}

/* Without limits ten thousand copies of the whole into itself would fill any memory. */
static int check_moved(struct document *doc, const json_t *value)
{
	doc->moved += json_weight(value, MOVED_MAX - doc->moved);
	if (doc->moved > MOVED_MAX || !json_depth_within(value, DECODE_DEPTH_MAX))
		return err_set(doc->err, -EBADMSG, "the patch copies or moves too much");
	return 0;
}

static int copy_or_move(struct document *doc, const struct operation *operation, bool move)
{
	const char *op = operation->op;
	json_t *value = get(doc, &operation->from, operation->from.n);
	int r;

	/* Of an object's member that is not there the copy is null. */
	if (!move && !value && operation->from.n &&
	    json_is_object(get(doc, &operation->from, operation->from.n - 1)))
		return add(doc, op, &operation->path, json_null());
	if (!value || operation->from.n == 0)
		return missing(doc, op, &operation->from);
	r = check_moved(doc, value);
	if (r < 0)
		return r;
	if (!move)
		return add(doc, op, &operation->path, json_deep_copy(value));
	json_incref(value);
	r = take_out(doc, op, &operation->from);
	if (r < 0) {
		json_decref(value);
		return r;
	}
	return add(doc, op, &operation->path, value);
}

/* A missing member equals null, as everywhere in the API. */
static int test(const struct document *doc, const struct pointer *path, const json_t *value)
{
	json_t *found = get(doc, path, path->n);

	if (found ? json_equal(found, value) : json_is_null(value))
		return 0;
	return err_set(doc->err, -EBADMSG, "testing value %s failed", path->text);
}

static int apply(struct document *doc, const struct operation *operation)
{
	const char *op = operation->op;

	if (strcmp(op, "add") == 0)
		return add(doc, op, &operation->path, json_deep_copy(operation->value));
	if (strcmp(op, "replace") == 0)
		return replace(doc, &operation->path, operation->value);
	if (strcmp(op, "test") == 0)
		return test(doc, &operation->path, operation->value);
	if (strcmp(op, "remove") == 0)
		return take_out(doc, op, &operation->path);
	return copy_or_move(doc, operation, strcmp(op, "move") == 0);
}

static int parse_member(const json_t *j, const char *member, struct pointer *ret, struct err *err)
{
	const char *text = json_string_value(json_object_get(j, member));

	if (!text)
		return err_set(err, -EBADMSG, "operation missing %s field", member);
	return pointer_parse(text, ret, err);
}

static int operation_parse(const json_t *j, struct operation *operation, struct err *err)
{
	static const struct {
		const char *op;
		bool from; /* whether it needs that besides "path" */
	} known[] = { { "add", false },  { "remove", false }, { "replace", false },
		      { "test", false }, { "move", true },    { "copy", true } };
	const char *op = json_string_value(json_object_get(j, "op"));
	int r;

	for (size_t i = 0; op && i < ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].op, op) != 0)
			continue;
		operation->op = known[i].op;
		operation->value = json_object_get(j, "value");
		if (!operation->value)
			operation->value = json_null();
		r = parse_member(j, "path", &operation->path, err);
		if (r == 0 && known[i].from)
			r = parse_member(j, "from", &operation->from, err);
		return r;
	}
	return err_set(err, -EBADMSG, "Unexpected kind: %s", op ? op : "unknown");
}

/* As Go would decode it into a struct: null is an operation of which nothing is said. */
static int check_operation(const json_t *operation, struct err *err)
{
	static const char *const members[] = { "op", "path", "from" };

	if (json_is_null(operation))
		return 0;
	if (!json_is_object(operation))
		return err_set(err, -EINVAL,
		               "error decoding patch: json: cannot unmarshal %s into Go value of "
		               "type handlers.jsonPatchOp",
		               go_text_json(operation));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const json_t *member = json_object_get(operation, members[i]);

		if (member && !json_is_null(member) && !json_is_string(member))
			return err_set(err, -EINVAL,
			               "error decoding patch: json: cannot unmarshal %s into Go "
			               "struct field jsonPatchOp.%s of type string",
			               go_text_json(member), members[i]);
	}
	return 0;
}

static int check_operations(const json_t *patch, struct err *err)
{
	const json_t *operation;
	size_t i;
	int r;

	if (!json_is_array(patch) && !json_is_null(patch))
		return err_set(err, -EINVAL,
		               "error decoding patch: json: cannot unmarshal %s into Go value of "
		               "type []handlers.jsonPatchOp",
		               go_text_json(patch));
	json_array_foreach(patch, i, operation) {
		r = check_operation(operation, err);
		if (r < 0)
			return r;
	}
	if (json_array_size(patch) > OPERATIONS_MAX)
		return err_set(err, -EFBIG,
		               "The allowed maximum operations in a JSON patch is %d, got %zu",
		               OPERATIONS_MAX, json_array_size(patch));
	return 0;
}

static int apply_all(struct document *doc, const json_t *patch)
{
	json_t *element;
	size_t i;

	json_array_foreach(patch, i, element) {
		auto_operation struct operation operation = { 0 };
		int r = operation_parse(element, &operation, doc->err);

		if (r < 0)
			return r;
		r = apply(doc, &operation);
		if (r < 0)
			return r;
	}
	if (!json_depth_within(doc->root, DECODE_DEPTH_MAX))
		return err_set(doc->err, -EBADMSG, "the patch nests too deep");
	return 0;
}

int patch_json(const json_t *object, const json_t *patch, json_t **ret, struct err *err)
{
	struct document doc = { .err = err };
	int r;

	r = check_operations(patch, err);
	if (r < 0)
		return r;
	doc.root = json_deep_copy(object);
	r = apply_all(&doc, patch);
	if (r < 0)
		json_decref(doc.root);
	else
		*ret = doc.root;
	return r;
}
