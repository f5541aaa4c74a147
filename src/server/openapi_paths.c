/* SPDX-License-Identifier: Apache-2.0 */
#include "server/openapi_paths.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "server/subresource.h"
#include "server/virtual_kinds.h"

enum content {
	CONTENT_NONE,
	CONTENT_OBJECT,
	CONTENT_LIST,
	CONTENT_DELETE_OPTIONS,
	CONTENT_PATCH,
	CONTENT_STATUS,
};

#define LIST_PARAMETERS                                                                   \
	"allowWatchBookmarks continue fieldSelector labelSelector limit resourceVersion " \
	"resourceVersionMatch sendInitialEvents timeoutSeconds watch"
#define WRITE_PARAMETERS "dryRun fieldManager fieldValidation"

/* What one does with a resource. */
static const struct action {
	const char *name;       /* x-kubernetes-action */
	const char *method;     /* in small letters, as path items have it */
	const char *id;         /* the first word of operation ids */
	const char *summary;    /* before the kind's name */
	const char *parameters; /* of the query, separated by blanks */
	enum content takes, gives;
	int codes[3]; /* of success, ends with 0 */
} actions[] = {
	{ "list",
	  "get",
	  "list",
	  "list or watch objects of kind",
	  LIST_PARAMETERS,
	  CONTENT_NONE,
	  CONTENT_LIST,
	  { 200 } },
	{ "post",
	  "post",
	  "create",
	  "create",
	  WRITE_PARAMETERS,
	  CONTENT_OBJECT,
	  CONTENT_OBJECT,
	  { 200, 201, 202 } },
	{ "deletecollection",
	  "delete",
	  "delete",
	  "delete collection of",
	  "continue dryRun fieldSelector gracePeriodSeconds labelSelector limit orphanDependents "
	  "propagationPolicy resourceVersion resourceVersionMatch sendInitialEvents timeoutSeconds",
	  CONTENT_DELETE_OPTIONS,
	  CONTENT_STATUS,
	  { 200 } },
	{ "get", "get", "read", "read the specified", "", CONTENT_NONE, CONTENT_OBJECT, { 200 } },
	{ "put",
	  "put",
	  "replace",
	  "replace the specified",
	  WRITE_PARAMETERS,
	  CONTENT_OBJECT,
	  CONTENT_OBJECT,
	  { 200, 201 } },
	{ "patch",
	  "patch",
	  "patch",
	  "partially update the specified",
	  WRITE_PARAMETERS " force",
	  CONTENT_PATCH,
	  CONTENT_OBJECT,
	  { 200, 201 } },
	{ "delete",
	  "delete",
	  "delete",
	  "delete",
	  "dryRun gracePeriodSeconds orphanDependents propagationPolicy",
	  CONTENT_DELETE_OPTIONS,
	  CONTENT_STATUS,
	  { 200, 202 } },
};

enum {
	LIST,
	POST,
	DELETE_COLLECTION,
	GET,
	PUT,
	PATCH,
	DELETE
};

/* The parameters that are no strings. */
static const struct {
	const char *name, *type;
} parameter_types[] = {
	{ "allowWatchBookmarks", "boolean" }, { "force", "boolean" },
	{ "gracePeriodSeconds", "integer" },  { "limit", "integer" },
	{ "orphanDependents", "boolean" },    { "sendInitialEvents", "boolean" },
	{ "timeoutSeconds", "integer" },      { "watch", "boolean" },
};

static const char *const patch_types[] = {
	"application/json-patch+json",
	"application/merge-patch+json",
	"application/strategic-merge-patch+json",
};
static const char *const answer_types[] = { "application/json", "application/yaml" };

/* A path being described. */
struct path {
	const struct kind *kind; /* of the resource */
	const struct kind *type; /* what is spoken there: the resource's kind, mostly */
	const char *sub;         /* the subresource, "" for none */
	enum openapi_dialect dialect;
	bool everywhere; /* all namespaces of a namespaced kind */
};

static json_t *strings(const char *const *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

static json_t *parameter(const struct path *path, const char *in, const char *name)
{
	const char *type = "string";
	json_t *parameter = json_pack("{s:s,s:s}", "name", name, "in", in);

	for (size_t i = 0; i < ARRAY_SIZE(parameter_types); i++)
		if (strcmp(parameter_types[i].name, name) == 0)
			type = parameter_types[i].type;
	if (strcmp(in, "path") == 0)
		json_object_set_new(parameter, "required", json_true());
	if (path->dialect == OPENAPI_V2)
		json_object_set_new(parameter, "type", json_string(type));
	else
		json_object_set_new(parameter, "schema", json_pack("{s:s}", "type", type));
	return parameter;
}

static json_t *query_parameters(const struct path *path, const struct action *action)
{
	json_t *parameters = json_array();

	for (const char *p = action->parameters; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		auto_free char *name = xstrndup(p, n);

		json_array_append_new(parameters, parameter(path, "query", name));
		p += n;
	}
	return parameters;
}

static json_t *content_ref(const struct path *path, enum content content)
{
	auto_free char *name = NULL;

	if (content == CONTENT_DELETE_OPTIONS)
		return openapi_ref(OPENAPI_DELETE_OPTIONS, path->dialect);
	if (content == CONTENT_PATCH)
		return openapi_ref(OPENAPI_PATCH, path->dialect);
	if (content == CONTENT_STATUS)
		return openapi_ref(OPENAPI_STATUS, path->dialect);
	name = openapi_kind_name(path->type, content == CONTENT_LIST);
	return openapi_ref(name, path->dialect);
}

/* The schema under each of the media types. */
static json_t *contents(const struct path *path, enum content content, const char *const *types,
                        size_t n)
{
	json_t *contents = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(contents, types[i],
		                    json_pack("{s:o}", "schema", content_ref(path, content)));
	return contents;
}

/* Version 2 has the body among the parameters. */
static void add_body(json_t *operation, json_t *parameters, const struct path *path,
                     const struct action *action)
{
	static const char *const any[] = { "*/*" };
	bool patch = action->takes == CONTENT_PATCH;
	bool needed = action->takes != CONTENT_DELETE_OPTIONS;
	const char *const *types = patch ? patch_types : any;
	size_t n = patch ? ARRAY_SIZE(patch_types) : ARRAY_SIZE(any);
	json_t *body;

	if (path->dialect == OPENAPI_V2)
		json_object_set_new(operation, "consumes", strings(types, n));
	if (action->takes == CONTENT_NONE)
		return;
	if (path->dialect == OPENAPI_V2) {
		body = json_pack("{s:s,s:s,s:o}", "name", "body", "in", "body", "schema",
		                 content_ref(path, action->takes));
		json_array_insert_new(parameters, 0, body);
	} else {
		body = json_pack("{s:o}", "content", contents(path, action->takes, types, n));
		json_object_set_new(operation, "requestBody", body);
	}
	if (needed)
		json_object_set_new(body, "required", json_true());
}

static json_t *responses(const struct path *path, const struct action *action)
{
	json_t *responses = json_object(), *response;
	enum content gives = action->gives;

	if (action == &actions[DELETE] && path->kind->delete_returns_object)
		gives = CONTENT_OBJECT;
	for (const int *code = action->codes; code < action->codes + 3 && *code; code++) {
		char text[8];

		(void)snprintf(text, sizeof(text), "%d", *code);
		response = json_pack("{s:s}", "description",
		                     *code == 200   ? "OK"
		                     : *code == 201 ? "Created"
		                                    : "Accepted");
		if (path->dialect == OPENAPI_V2)
			json_object_set_new(response, "schema", content_ref(path, gives));
		else
			json_object_set_new(response, "content",
			                    contents(path, gives, answer_types,
			                             ARRAY_SIZE(answer_types)));
		json_object_set_new(responses, text, response);
	}
	json_object_set_new(responses, "401", json_pack("{s:s}", "description", "Unauthorized"));
	return responses;
}

/* Adds 'word' with a large first letter. */
static void add_title(struct buf *b, const char *word, size_t n)
{
	if (n == 0)
		return;
	buf_addc(b, (char)(word[0] >= 'a' && word[0] <= 'z' ? word[0] - 'a' + 'A' : word[0]));
	buf_add(b, word + 1, n - 1);
}

/* "readCoreV1NamespacedServiceStatus"; no two operations have the same. */
static json_t *operation_id(const struct path *path, const struct action *action)
{
	const struct kind *kind = path->kind;
	const char *group = kind->group[0] ? kind->group : "core";
	auto_buf struct buf b = BUF_INIT;

	buf_adds(&b, action->id);
	add_title(&b, group, strcspn(group, "."));
	add_title(&b, kind->version, strlen(kind->version));
	if (action == &actions[DELETE_COLLECTION])
		buf_adds(&b, "Collection");
	if (kind->namespaced && !path->everywhere)
		buf_adds(&b, "Namespaced");
	buf_adds(&b, kind->name);
	add_title(&b, path->sub, strlen(path->sub));
	if (path->everywhere)
		buf_adds(&b, "ForAllNamespaces");
	return json_string(buf_str(&b));
}

static json_t *operation(const struct path *path, const struct action *action)
{
	const char *group = path->kind->group[0] ? path->kind->group : "core";
	json_t *parameters = query_parameters(path, action);
	json_t *operation = json_pack("{s:o,s:[o],s:o}", "description",
	                              json_sprintf("%s %s%s%s", action->summary, path->sub,
	                                           path->sub[0] ? " of " : "", path->kind->name),
	                              "tags",
	                              json_sprintf("%.*s_%s", (int)strcspn(group, "."), group,
	                                           path->kind->version),
	                              "operationId", operation_id(path, action));

	if (path->dialect == OPENAPI_V2)
		json_object_set_new(operation, "produces",
		                    strings(answer_types, ARRAY_SIZE(answer_types)));
	add_body(operation, parameters, path, action);
	if (json_array_size(parameters))
		json_object_set(operation, "parameters", parameters);
	json_decref(parameters);
	json_object_set_new(operation, "responses", responses(path, action));
	json_object_set_new(operation, "x-kubernetes-action", json_string(action->name));
	json_object_set_new(operation, "x-kubernetes-group-version-kind", openapi_gvk(path->type));
	return operation;
}

/* A path with the actions whose bits are in 'which'; 'named': of one object. */
static void emit(const struct path *path, unsigned int which, bool named, openapi_path_fn fn,
                 void *arg)
{
	bool namespaced = path->kind->namespaced && !path->everywhere;
	json_t *item = json_object(), *parameters = json_array();
	auto_free char *text = kind_path(path->kind, namespaced ? "{namespace}" : NULL,
	                                 named ? "{name}" : NULL);
	auto_free char *full = xasprintf("%s%s%s", text, path->sub[0] ? "/" : "", path->sub);

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (which & (1U << i))
			json_object_set_new(item, actions[i].method, operation(path, &actions[i]));
	if (named)
		json_array_append_new(parameters, parameter(path, "path", "name"));
	if (namespaced)
		json_array_append_new(parameters, parameter(path, "path", "namespace"));
	json_array_append_new(parameters, parameter(path, "query", "pretty"));
	json_object_set_new(item, "parameters", parameters);
	fn(arg, full, item);
}

static unsigned int actions_of(const struct subresource *sub)
{
	unsigned int which = 0;

	if (sub->verbs & (1U << VERB_CREATE))
		which |= 1U << POST;
	if (sub->verbs & (1U << VERB_GET))
		which |= 1U << GET;
	if (sub->verbs & (1U << VERB_UPDATE))
		which |= 1U << PUT;
	if (sub->verbs & (1U << VERB_PATCH))
		which |= 1U << PATCH;
	return which;
}

static void emit_subresources(struct path path, openapi_path_fn fn, void *arg)
{
	const struct subresource *sub = NULL;

	while ((sub = subresource_next(path.kind, sub))) {
		path.sub = sub->name;
		path.type = sub->type ? sub->type : path.kind;
		emit(&path, actions_of(sub), true, fn, arg);
	}
	if (path.kind->has_status) {
		path.sub = "status";
		path.type = path.kind;
		emit(&path, 1U << GET | 1U << PUT | 1U << PATCH, true, fn, arg);
	}
}

void openapi_paths_each(const struct kind *kind, enum openapi_dialect dialect, openapi_path_fn fn,
                        void *arg)
{
	struct path path = { .kind = kind, .type = kind, .sub = "", .dialect = dialect };
	unsigned int collection = 1U << LIST | 1U << POST;

	if (virtual_kinds_is(kind)) {
		emit(&path, 1U << POST, false, fn, arg);
		return;
	}
	if (!kind->no_deletecollection)
		collection |= 1U << DELETE_COLLECTION;
	emit(&path, collection, false, fn, arg);
	emit(&path, 1U << GET | 1U << PUT | 1U << PATCH | 1U << DELETE, true, fn, arg);
	emit_subresources(path, fn, arg);
	if (kind->namespaced) {
		path.everywhere = true;
		emit(&path, 1U << LIST, false, fn, arg);
	}
}
