/* SPDX-License-Identifier: Apache-2.0 */
#include "server/body.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/duplicates.h"
#include "server/object.h"

#define SUMMARY_MAX 30 /* bytes of a body that an error message shows */

enum body_type {
	BODY_JSON,
	BODY_YAML,
	BODY_JSON_PATCH,
	BODY_MERGE_PATCH,
	BODY_STRATEGIC_PATCH,
	BODY_OTHER
};

/* By Content-Type without its parameters; none is JSON. */
static enum body_type type_of(struct http_request *req)
{
	static const struct {
		const char *name;
		enum body_type type;
	} types[] = {
		{ "application/json", BODY_JSON },
		{ "application/yaml", BODY_YAML },
		{ "application/json-patch+json", BODY_JSON_PATCH },
		{ "application/merge-patch+json", BODY_MERGE_PATCH },
		{ "application/strategic-merge-patch+json", BODY_STRATEGIC_PATCH },
	};
	const char *text = http_header(req, "Content-Type");
	size_t n;

	if (!text || !text[0])
		return BODY_JSON;
	n = strcspn(text, "; \t");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i].name) == n && strncasecmp(text, types[i].name, n) == 0)
			return types[i].type;
	return BODY_OTHER;
}

static json_t *unsupported_type(const char *accepted)
{
	return status_new(415, "UnsupportedMediaType",
	                  "the body of the request was in an unknown format - accepted media "
	                  "types include: %s",
	                  accepted);
}

/* One document; a stream of YAML must have exactly one. */
static int decode(const char *text, size_t size, enum body_type type, json_t **ret, struct err *err)
{
	auto_json json_t *documents = NULL;
	int r;

	if (type != BODY_YAML)
		return decode_json(text, size, ret, err);
	r = decode_yaml(text, size, "body", &documents, err);
	if (r < 0)
		return r;
	if (json_array_size(documents) != 1)
		return err_set(err, -EBADMSG, "body: %zu documents, want one",
		               json_array_size(documents));
	*ret = json_incref(json_array_get(documents, 0));
	return 0;
}

/* The beginning of the body as apiserver's messages show it. */
static char *summary(const char *text, size_t size)
{
	size_t n = size < SUMMARY_MAX ? size : SUMMARY_MAX;
	const char *more = size > SUMMARY_MAX ? " ..." : "";
	struct buf b = BUF_INIT;

	if (size == 0)
		return xstrdup("<empty>");
	/* Not through %.*s: the cut may fall into a character, which JSON could not carry. */
	for (size_t i = 0; i < n; i++) {
		if (text[0] == '{' && text[i] >= ' ' && text[i] <= '~')
			buf_addc(&b, text[i]);
		else if (text[0] != '{')
			buf_printf(&b, "%02x", (unsigned char)text[i]);
	}
	buf_adds(&b, more);
	return buf_take(&b);
}

static json_t *too_large(void)
{
	return status_new(413, "RequestEntityTooLarge", "Request entity too large: limit is %d",
	                  DECODE_BODY_MAX);
}

json_t *body_object(struct http_request *req, const struct kind *kind, json_t **ret)
{
	enum body_type type = type_of(req);
	auto_free char *start = NULL;
	struct err err = { 0 };
	json_t *tree = NULL;
	const char *text;
	size_t size;
	int r;

	if (type != BODY_JSON && type != BODY_YAML)
		return unsupported_type("application/json, application/yaml");
	text = http_body(req, &size);
	if (size > DECODE_BODY_MAX)
		return too_large();
	r = decode(text, size, type, &tree, &err);
	if (r == 0 && json_is_object(tree)) {
		*ret = tree;
		return NULL;
	}
	json_decref(tree);
	start = summary(text, size);
	return status_new(400, "BadRequest",
	                  "the object provided is unrecognized (must be of type %s): couldn't "
	                  "get version/kind; json parse error: %s (%s)",
	                  kind->name, r < 0 ? err.msg : "not an object", start);
}

json_t *body_virtual(struct http_request *req, const struct kind *kind, json_t **ret)
{
	struct err err = { 0 };
	json_t *object = NULL, *status = body_object(req, kind, &object);

	if (!status)
		status = object_check_kind(object, kind);
	if (!status && kind_check_types(kind, object, &err) < 0)
		status = status_new(400, "BadRequest", "%s", err.msg);
	if (status) {
		json_decref(object);
		return status;
	}
	kind_normalise(kind, object);
	object_set_kind(object, kind);
	if (!json_is_object(json_object_get(object, "metadata")))
		json_object_set_new(object, "metadata", json_object());
	*ret = object;
	return NULL;
}

json_t *body_duplicates(struct http_request *req)
{
	enum body_type type = type_of(req);
	json_t *texts = json_array();
	const char *text;
	size_t size;

	if (type == BODY_JSON || type == BODY_MERGE_PATCH || type == BODY_STRATEGIC_PATCH) {
		text = http_body(req, &size);
		duplicates_find(text, size, texts);
	}
	return texts;
}

json_t *body_patch(struct http_request *req, enum patch_type *ret_type, json_t **ret)
{
	static const enum patch_type types[] = {
		[BODY_JSON_PATCH] = PATCH_JSON,
		[BODY_MERGE_PATCH] = PATCH_MERGE,
		[BODY_STRATEGIC_PATCH] = PATCH_STRATEGIC,
	};
	enum body_type type = type_of(req);
	struct err err = { 0 };
	const char *text;
	json_t *tree;
	size_t size;

	if (type == BODY_JSON || type == BODY_YAML || type == BODY_OTHER)
		return unsupported_type("application/json-patch+json, "
		                        "application/merge-patch+json, "
		                        "application/strategic-merge-patch+json");
	text = http_body(req, &size);
	if (size > DECODE_BODY_MAX)
		return too_large();
	if (decode_json(text, size, &tree, &err) < 0)
		return status_new(400, "BadRequest", "error decoding patch: %s", err.msg);
	*ret_type = types[type];
	*ret = tree;
	return NULL;
}

/* Without a body the query has the options (metav1.DeleteOptions as url.Values). */
static json_t *options_of_query(struct http_request *req, json_t **ret)
{
	const char *grace = http_query(req, "gracePeriodSeconds");
	const char *policy = http_query(req, "propagationPolicy");
	const char *orphan = http_query(req, "orphanDependents");
	json_t *options;
	uint64_t seconds = 0;

	if (grace && grace[0] && parse_u64(grace, INT32_MAX, &seconds) < 0)
		return status_new(400, "BadRequest",
		                  "strconv.ParseInt: parsing \"%s\": invalid syntax", grace);
	options = json_object();
	if (grace && grace[0])
		json_object_set_new(options, "gracePeriodSeconds",
		                    json_integer((json_int_t)seconds));
	if (policy && policy[0])
		json_object_set_new(options, "propagationPolicy", json_string_of(policy));
	if (orphan && orphan[0])
		json_object_set_new(options, "orphanDependents",
		                    json_boolean(strcasecmp(orphan, "false") != 0 &&
		                                 strcmp(orphan, "0") != 0));
	*ret = options;
	return NULL;
}

json_t *body_delete_options(struct http_request *req, json_t **ret)
{
	enum body_type type = type_of(req);
	struct err err = { 0 };
	const char *text, *kind;
	json_t *tree = NULL;
	size_t size;

	text = http_body(req, &size);
	if (size == 0)
		return options_of_query(req, ret);
	if (type != BODY_JSON && type != BODY_YAML)
		return unsupported_type("application/json, application/yaml");
	if (size > DECODE_BODY_MAX)
		return too_large();
	if (decode(text, size, type, &tree, &err) < 0)
		return status_new(400, "BadRequest", "cannot read the DeleteOptions: %s", err.msg);
	if (!json_is_object(tree)) {
		json_decref(tree);
		return status_new(400, "BadRequest",
		                  "cannot read the DeleteOptions: not an object");
	}
	kind = json_path_string(tree, "kind");
	if (kind && *kind && strcmp(kind, "DeleteOptions") != 0) {
		json_t *status = status_new(400, "BadRequest",
		                            "the body is a %s, expected DeleteOptions", kind);

		json_decref(tree);
		return status;
	}
	*ret = tree;
	return NULL;
}

json_t *body_dry_run(struct http_request *req, bool *ret)
{
	const char *value = http_query(req, "dryRun");

	if (value && value[0] && strcmp(value, "All") != 0)
		return status_new(422, "Invalid",
		                  " \"\" is invalid: dryRun: Unsupported value: \"%s\": "
		                  "supported values: \"All\"",
		                  value);
	*ret = value && value[0];
	return NULL;
}
