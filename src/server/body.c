/* SPDX-License-Identifier: Apache-2.0 */
#include "server/body.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/protobuf.h"
#include "kube/schema.h"
#include "kube/status.h"
#include "server/duplicates.h"
#include "server/object.h"

#define SUMMARY_MAX  30 /* bytes of a body that an error message shows */
#define OBJECT_TYPES "application/json, application/yaml, application/vnd.kubernetes.protobuf"

enum body_type {
	BODY_JSON,
	BODY_YAML,
	BODY_PROTOBUF,
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
		{ "application/vnd.kubernetes.protobuf", BODY_PROTOBUF },
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

static json_t *unrecognized(const struct kind *kind, const char *why, const char *text, size_t size)
{
	auto_free char *start = summary(text, size);

	return status_new(400, "BadRequest",
	                  "the object provided is unrecognized (must be of type %s): %s (%s)",
	                  kind->name, why, start);
}

/* An object with what it is; what the envelope does not say is what was asked for. */
static json_t *object_of(const struct protobuf_envelope *envelope, const struct kind *kind)
{
	const char *api = envelope->api_version, *slash = strchr(api, '/');
	bool group_version = api[0] && (!slash || !strchr(slash + 1, '/'));

	return json_pack("{s:s,s:s}", "kind", envelope->kind[0] ? envelope->kind : kind->name,
	                 "apiVersion", group_version ? api : kind_api_version(kind));
}

/* Why the message in a body of the right kind could not be taken. */
static json_t *undecodable(const struct kind *kind, int r, const struct err *err)
{
	if (r == -ENOENT)
		return unsupported_type("application/json, application/yaml");
	if (r == -EFBIG)
		return status_new(413, "RequestEntityTooLarge", "Request entity too large: %s",
		                  err->msg);
	return status_new(400, "BadRequest", "%s in version \"%s\" cannot be handled as a %s: %s",
	                  kind->name, kind->version, kind->name, err->msg);
}

static json_t *protobuf_object(const char *text, size_t size, const struct kind *kind, json_t **ret)
{
	struct protobuf_envelope envelope;
	auto_json json_t *object = NULL;
	struct err err = { 0 };
	json_t *status;
	int r;

	if (protobuf_open(text, size, &envelope, &err) < 0)
		return unrecognized(kind, err.msg, text, size);
	object = object_of(&envelope, kind);
	status = object_check_kind(object, kind);
	if (!status) {
		r = protobuf_decode(kind_api_version(kind), kind->name, envelope.raw,
		                    envelope.raw_size, object, &err);
		if (r < 0)
			status = undecodable(kind, r, &err);
	}
	protobuf_envelope_done(&envelope);
	if (!status)
		*ret = take_ptr(&object);
	return status;
}

/* "body:2:12: what" in the words of Go's YAML, "yaml: line 2: what"; NULL: it is something else. */
static char *yaml_fault(const char *message)
{
	unsigned int line;
	int end = 0;

	if (sscanf(message, "body:%u:%*u: %n", &line, &end) < 1 || end == 0)
		return NULL;
	return xasprintf("yaml: line %u: %s", line, message + end);
}

json_t *body_object(struct http_request *req, const struct kind *kind, json_t **ret)
{
	enum body_type type = type_of(req);
	auto_free char *why = NULL;
	struct err err = { 0 };
	json_t *tree = NULL;
	const char *text;
	size_t size;
	int r;

	if (type != BODY_JSON && type != BODY_YAML && type != BODY_PROTOBUF)
		return unsupported_type(OBJECT_TYPES);
	text = http_body(req, &size);
	if (size > DECODE_BODY_MAX)
		return too_large();
	if (type == BODY_PROTOBUF)
		return protobuf_object(text, size, kind, ret);
	r = decode(text, size, type, &tree, &err);
	/* To Go null is an object of which nothing is said. */
	if (r == 0 && json_is_null(tree))
		tree = json_object();
	if (r == 0)
		r = kind_check_type_meta(tree, &err);
	if (r == 0) {
		*ret = tree;
		return NULL;
	}
	json_decref(tree);
	if (type == BODY_YAML)
		why = yaml_fault(err.msg);
	if (!why)
		why = xasprintf("%s%s",
		                r == -ENOTSUP ? ""
		                              : "couldn't get version/kind; json parse error: ",
		                err.msg);
	return unrecognized(kind, why, text, size);
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

/* What Kubernetes' struct of an operation has no field for. */
static void find_unknown_members(const json_t *patch, json_t *texts)
{
	const char *name;
	json_t *operation, *value;
	size_t i;

	json_array_foreach(patch, i, operation)
		json_object_foreach(operation, name, value)
			if (strcmp(name, "op") != 0 && strcmp(name, "path") != 0 &&
			    strcmp(name, "from") != 0 && strcmp(name, "value") != 0)
				json_array_append_new(
					texts, json_sprintf("unknown field \"[%zu].%s\"", i, name));
}

static json_t *json_patch_flaws(const char *text, size_t size)
{
	auto_json json_t *texts = json_array();
	auto_json json_t *patch = NULL;
	json_t *flaws = json_array(), *flaw;
	struct err err = { 0 };
	size_t i;

	if (size > DECODE_BODY_MAX || decode_json(text, size, &patch, &err) < 0)
		return flaws;
	duplicates_find(text, size, texts);
	find_unknown_members(patch, texts);
	json_array_foreach(texts, i, flaw)
		json_array_append_new(flaws,
		                      json_sprintf("json patch %s", json_string_value(flaw)));
	return flaws;
}

json_t *body_duplicates(struct http_request *req)
{
	enum body_type type = type_of(req);
	json_t *texts = json_array();
	const char *text;
	size_t size;

	text = http_body(req, &size);
	if (type == BODY_JSON_PATCH) {
		json_decref(texts);
		return json_patch_flaws(text, size);
	}
	if (type == BODY_JSON || type == BODY_MERGE_PATCH || type == BODY_STRATEGIC_PATCH)
		duplicates_find(text, size, texts);
	return texts;
}

json_t *body_patch(struct http_request *req, enum patch_type *ret_type, json_t **ret,
                   json_t **ret_unreadable)
{
	static const enum patch_type types[] = {
		[BODY_JSON_PATCH] = PATCH_JSON,
		[BODY_MERGE_PATCH] = PATCH_MERGE,
		[BODY_STRATEGIC_PATCH] = PATCH_STRATEGIC,
	};
	enum body_type type = type_of(req);
	struct err err = { 0 };
	const char *text;
	size_t size;

	if (type != BODY_JSON_PATCH && type != BODY_MERGE_PATCH && type != BODY_STRATEGIC_PATCH)
		return unsupported_type("application/json-patch+json, "
		                        "application/merge-patch+json, "
		                        "application/strategic-merge-patch+json");
	text = http_body(req, &size);
	if (size > DECODE_BODY_MAX)
		return too_large();
	*ret_type = types[type];
	*ret = NULL;
	*ret_unreadable = NULL;
	if (decode_json(text, size, ret, &err) < 0)
		*ret_unreadable = status_new(
			400, "BadRequest", "%s%s",
			type == BODY_STRATEGIC_PATCH ? "" : "error decoding patch: ", err.msg);
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

/* DeleteOptions are of every version. */
static json_t *check_options_kind(const char *api_version, const char *kind)
{
	if (!kind[0] || strcmp(kind, "DeleteOptions") == 0)
		return NULL;
	return status_new(400, "BadRequest",
	                  "no kind \"%s\" is registered for version \"%s\" in scheme "
	                  "\"pkg/runtime/scheme.go:111\"",
	                  kind, api_version[0] ? api_version : "meta.k8s.io/v1");
}

static json_t *protobuf_options(const char *text, size_t size, json_t **ret)
{
	struct protobuf_envelope envelope;
	auto_json json_t *options = json_object();
	struct err err = { 0 };
	json_t *status;

	if (protobuf_open(text, size, &envelope, &err) < 0)
		return status_new(400, "BadRequest", "%s", err.msg);
	status = check_options_kind(envelope.api_version, envelope.kind);
	if (!status && protobuf_decode("", "DeleteOptions", envelope.raw, envelope.raw_size,
	                               options, &err) < 0)
		status = status_new(400, "BadRequest", "%s", err.msg);
	protobuf_envelope_done(&envelope);
	if (!status)
		*ret = take_ptr(&options);
	return status;
}

json_t *body_delete_options(struct http_request *req, json_t **ret)
{
	enum body_type type = type_of(req);
	auto_json json_t *tree = NULL;
	struct err err = { 0 };
	json_t *status;
	const char *text;
	size_t size;

	text = http_body(req, &size);
	if (size == 0)
		return options_of_query(req, ret);
	if (type != BODY_JSON && type != BODY_YAML && type != BODY_PROTOBUF)
		return unsupported_type(OBJECT_TYPES);
	if (size > DECODE_BODY_MAX)
		return too_large();
	if (type == BODY_PROTOBUF)
		return protobuf_options(text, size, ret);
	if (decode(text, size, type, &tree, &err) < 0)
		return status_new(400, "BadRequest",
		                  "couldn't get version/kind; json parse error: %s", err.msg);
	if (kind_check_type_meta(tree, &err) < 0)
		return status_new(400, "BadRequest",
		                  "couldn't get version/kind; json parse error: %s", err.msg);
	status = check_options_kind(json_path_str(tree, "apiVersion"), json_path_str(tree, "kind"));
	if (!status && schema_check(&schema_delete_options, tree, &err) < 0)
		status = status_new(400, "BadRequest", "%s", err.msg);
	if (!status)
		*ret = take_ptr(&tree);
	return status;
}
