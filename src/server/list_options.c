/* SPDX-License-Identifier: Apache-2.0 */
#include "server/list_options.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "kube/field_error.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/view.h"

#define TIMEOUT_MAX_S (366ULL * 24 * 3600)

void list_options_done(struct list_options *options)
{
	selector_free(options->labels);
	field_selector_free(options->fields);
	*options = (struct list_options){ 0 };
}

/* As apimachinery converts a query value: everything but "false" and "0" is true. */
static bool query_bool(struct http_request *req, const char *key, bool *ret_given)
{
	const char *text = http_query(req, key);

	*ret_given = text != NULL;
	return text && strcasecmp(text, "false") != 0 && strcmp(text, "0") != 0;
}

static json_t *query_number(struct http_request *req, const char *key, uint64_t max, uint64_t *ret)
{
	const char *text = http_query(req, key);

	if (!text || !text[0])
		return NULL;
	if (parse_u64(text, max, ret) == 0)
		return NULL;
	return status_new(400, "BadRequest", "%s: Invalid value: \"%s\": must be a number", key,
	                  text);
}

/* "REVISION.NAMESPACE/NAME", see list_options_continue(); the revision 0 is any. */
static json_t *parse_continue(const char *token, struct list_options *options)
{
	const char *dot = strchr(token, '.');
	auto_free char *revision = dot ? xstrndup(token, (size_t)(dot - token)) : NULL;

	if (!dot || !strchr(dot, '/') ||
	    parse_u64(revision, UINT64_MAX, &options->after_revision) < 0)
		return status_new(400, "BadRequest", "continue key is not valid: \"%s\"", token);
	options->after = dot + 1;
	return NULL;
}

char *list_options_continue(uint64_t revision, const struct store_object *last)
{
	return xasprintf("%llu.%s/%s", (unsigned long long)revision, last->namespace, last->name);
}

static json_t *parse_selectors(struct http_request *req, const struct kind *kind,
                               struct list_options *options)
{
	const char *labels = http_query(req, "labelSelector");
	const char *fields = http_query(req, "fieldSelector");
	struct err err = { 0 };

	if (labels && labels[0] && selector_parse(labels, &options->labels, &err) < 0)
		return status_new(400, "BadRequest", "%s", err.msg);
	if (fields && fields[0] && field_selector_parse(kind, fields, &options->fields, &err) < 0)
		return status_new(400, "BadRequest", "%s", err.msg);
	return NULL;
}

static json_t *parse_numbers(struct http_request *req, struct list_options *options)
{
	const char *version = http_query(req, "resourceVersion");
	const char *token = http_query(req, "continue");
	json_t *status;

	status = query_number(req, "limit", INT64_MAX, &options->limit);
	if (!status)
		status = query_number(req, "timeoutSeconds", TIMEOUT_MAX_S, &options->timeout_s);
	if (!status && version && version[0]) {
		options->has_version = true;
		status = query_number(req, "resourceVersion", UINT64_MAX, &options->version);
	}
	if (!status && token && token[0])
		status = parse_continue(token, options);
	return status;
}

/* Which parameters go together (apimachinery internalversion/validation.ValidateListOptions). */
static void check(struct http_request *req, bool watch, const struct list_options *options,
                  struct field_errors *errs)
{
	static const char *const modes[] = { "Exact", "NotOlderThan", "", NULL };
	const char *match = http_query(req, "resourceVersionMatch");

	match = match ? match : "";
	if (watch && match[0] && !options->has_initial)
		field_forbidden(errs, "resourceVersionMatch",
		                "resourceVersionMatch is forbidden for watch unless "
		                "sendInitialEvents is provided");
	else if (!watch && match[0] && !options->has_version)
		field_forbidden(errs, "resourceVersionMatch",
		                "resourceVersionMatch is forbidden unless resourceVersion is "
		                "provided");
	else if (match[0] && strcmp(match, modes[0]) != 0 && strcmp(match, modes[1]) != 0)
		field_unsupported(errs, "resourceVersionMatch", match, modes);
	else if (options->exact && options->version == 0 && !watch)
		field_forbidden(errs, "resourceVersionMatch",
		                "resourceVersionMatch \"exact\" is forbidden for "
		                "resourceVersion \"0\"");
	if (options->has_initial && !watch)
		field_forbidden(errs, "sendInitialEvents",
		                "sendInitialEvents is forbidden for list");
	else if (options->has_initial && strcmp(match, modes[1]) != 0)
		field_forbidden(errs, "resourceVersionMatch",
		                "sendInitialEvents requires setting resourceVersionMatch to "
		                "NotOlderThan");
	if (options->after && options->has_version && options->version != 0)
		field_forbidden(errs, "resourceVersion",
		                "specifying resource version is not allowed when using continue");
}

static json_t *invalid_options(const struct field_errors *errs)
{
	auto_free char *text = field_errors_text(errs);
	json_t *status = status_new(422, "Invalid", "ListOptions.meta.k8s.io \"\" is invalid: %s",
	                            text);

	json_path_set(status, "details.group", json_string("meta.k8s.io"));
	json_path_set(status, "details.kind", json_string("ListOptions"));
	json_path_set(status, "details.causes", field_errors_causes(errs));
	return status;
}

json_t *list_options_parse(struct http_request *req, const struct kind *kind, bool watch,
                           struct list_options *options)
{
	const char *match = http_query(req, "resourceVersionMatch");
	struct field_errors errs = { 0 };
	json_t *status;
	bool given;

	*options = (struct list_options){ .kind = kind };
	options->bookmarks = query_bool(req, "allowWatchBookmarks", &given);
	options->initial = query_bool(req, "sendInitialEvents", &options->has_initial);
	options->exact = match && strcmp(match, "Exact") == 0;
	status = parse_numbers(req, options);
	/* A limit with a version and no mode is the old way to ask for exactly that version. */
	if (!watch && options->limit && options->version && (!match || !match[0]))
		options->exact = true;
	if (!status)
		status = parse_selectors(req, kind, options);
	if (status)
		return status;
	check(req, watch, options, &errs);
	if (errs.n)
		status = invalid_options(&errs);
	field_errors_done(&errs);
	return status;
}

bool list_options_match(const struct list_options *options, const struct store_object *object,
                        json_t **tree)
{
	auto_json json_t *seen = NULL;
	bool decided = true;

	if (options->fields &&
	    !field_selector_matches_key(options->fields, object->namespace, object->name, &decided))
		return false;
	if (options->labels && !selector_matches(options->labels, &object->labels))
		return false;
	if (decided)
		return true;
	if (options->kind->stored_as) {
		seen = view_tree(options->kind, object);
		return field_selector_matches(options->fields, seen);
	}
	if (!*tree)
		*tree = store_object_json(object);
	return field_selector_matches(options->fields, *tree);
}

json_t *list_options_expired(const struct list_options *options)
{
	json_t *status;

	if (!options->after)
		return status_new(410, "Expired",
		                  "The resourceVersion for the provided list is too old.");
	status = status_new(410, "Expired",
	                    "The provided continue parameter is too old to display a consistent "
	                    "list result. You can start a new list without the continue "
	                    "parameter, or use the continue token in this response to retrieve "
	                    "the remainder of the results. Continuing with the provided token "
	                    "results in an inconsistent list - objects that were created, "
	                    "modified, or deleted between the time the first chunk was returned "
	                    "and now may show up in the list.");
	json_path_set(status, "metadata.continue", json_sprintf("0.%s", options->after));
	return status;
}

json_t *list_options_too_large(uint64_t asked, uint64_t current)
{
	json_t *status = status_new(504, "Timeout",
	                            "Too large resource version: %llu, current: %llu",
	                            (unsigned long long)asked, (unsigned long long)current);

	json_path_set(status, "details.retryAfterSeconds", json_integer(1));
	json_path_set(status, "details.causes",
	              json_pack("[{s:s,s:s}]", "reason", "ResourceVersionTooLarge", "message",
	                        "Too large resource version"));
	return status;
}
