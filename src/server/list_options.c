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
#include "server/request_options.h"
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

/* As strconv.ParseInt reads a number of 64 bits; one below zero is taken for zero. */
static json_t *query_number(struct http_request *req, const char *key, uint64_t max, uint64_t *ret)
{
	const char *text = http_query(req, key), *digits;

	if (!text || !text[0])
		return NULL;
	digits = text + (text[0] == '-' || text[0] == '+');
	if (digits[0] && parse_u64(digits, max, ret) == 0) {
		if (text[0] == '-')
			*ret = 0;
		return NULL;
	}
	return status_new(400, "BadRequest", "strconv.ParseInt: parsing \"%s\": %s", text,
	                  digits[0] && !digits[strspn(digits, "0123456789")] ? "value out of range"
	                                                                     : "invalid syntax");
}

json_t *list_options_version(struct http_request *req, bool list, uint64_t *ret)
{
	const char *text = http_query(req, "resourceVersion");

	*ret = 0;
	if (!text || !text[0] || parse_u64(text, UINT64_MAX, ret) == 0)
		return NULL;
	return status_new(list ? 400 : 500, list ? "BadRequest" : "",
	                  "%sresourceVersion: Invalid value: \"%s\": strconv.ParseUint: parsing "
	                  "\"%s\": %s",
	                  list ? "invalid resource version: " : "", text, text,
	                  text[strspn(text, "0123456789")] ? "invalid syntax"
	                                                   : "value out of range");
}

/* Where base64 for URLs ends that should not: Go's words for a token of somebody else. */
static size_t base64_fault(const char *token)
{
	size_t n = strspn(token,
	                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return token[n] ? n : n - n % 4;
}

/* "REVISION.NAMESPACE/NAME", see list_options_continue(); the revision 0 is any. */
static json_t *parse_continue(const char *token, struct list_options *options)
{
	const char *dot = strchr(token, '.');
	auto_free char *revision = dot ? xstrndup(token, (size_t)(dot - token)) : NULL;

	if (!dot || !strchr(dot, '/') ||
	    parse_u64(revision, UINT64_MAX, &options->after_revision) < 0)
		return status_new(400, "BadRequest",
		                  "invalid continue token: continue key is not valid: illegal "
		                  "base64 data at input byte %zu",
		                  base64_fault(token));
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

static json_t *parse_numbers(struct http_request *req, bool watch, struct list_options *options)
{
	const char *version = http_query(req, "resourceVersion");
	json_t *status;

	status = query_number(req, "limit", INT64_MAX, &options->limit);
	if (!status)
		status = query_number(req, "timeoutSeconds", TIMEOUT_MAX_S, &options->timeout_s);
	if (!status && version && version[0]) {
		options->has_version = true;
		status = list_options_version(req, !watch, &options->version);
	}
	return status;
}

/* Which parameters go together (apimachinery internalversion/validation.ValidateListOptions). */
static void check_list(struct http_request *req, const struct list_options *options,
                       const char *match, struct field_errors *errs)
{
	static const char *const modes[] = { "Exact", "NotOlderThan", "", NULL };
	const char *token = http_query(req, "continue");

	if (match[0] && !options->has_version)
		field_forbidden(errs, "resourceVersionMatch",
		                "resourceVersionMatch is forbidden unless resourceVersion is "
		                "provided");
	if (match[0] && token && token[0])
		field_forbidden(errs, "resourceVersionMatch",
		                "resourceVersionMatch is forbidden when continue is provided");
	if (match[0] && strcmp(match, modes[0]) != 0 && strcmp(match, modes[1]) != 0)
		field_unsupported(errs, "resourceVersionMatch", match, modes);
	if (options->exact && options->has_version && options->version == 0)
		field_forbidden(errs, "resourceVersionMatch",
		                "resourceVersionMatch \"exact\" is forbidden for "
		                "resourceVersion \"0\"");
	if (options->has_initial)
		field_forbidden(errs, "sendInitialEvents",
		                "sendInitialEvents is forbidden for list");
	if (!match[0] && token && token[0] && options->version != 0)
		field_forbidden(errs, "resourceVersion",
		                "specifying resource version is not allowed when using continue");
}

/* Without a word on it a watch from no version is one with initial events (SetListOptionsDefaults). */
static void check_watch(struct http_request *req, const struct list_options *options,
                        const char *match, struct field_errors *errs)
{
	static const char *const modes[] = { "NotOlderThan", NULL };
	const char *token = http_query(req, "continue");
	bool initial = options->has_initial || (!match[0] && options->version == 0);
	const char *mode = !options->has_initial && initial ? modes[0] : match;

	if (initial && strcmp(mode, modes[0]) != 0)
		field_forbidden(errs, "resourceVersionMatch",
		                "sendInitialEvents requires setting resourceVersionMatch to "
		                "NotOlderThan");
	if (!mode[0])
		return;
	if (!initial)
		field_forbidden(errs, "resourceVersionMatch",
		                "resourceVersionMatch is forbidden for watch unless "
		                "sendInitialEvents is provided");
	if (strcmp(mode, modes[0]) != 0)
		field_unsupported(errs, "resourceVersionMatch", mode, modes);
	if (token && token[0])
		field_forbidden(errs, "resourceVersionMatch",
		                "resourceVersionMatch is forbidden when continue is provided");
}

json_t *list_options_parse(struct http_request *req, const struct kind *kind, bool watch,
                           struct list_options *options)
{
	const char *match = http_query(req, "resourceVersionMatch");
	const char *token = http_query(req, "continue");
	struct field_errors errs = { 0 };
	json_t *status;
	bool given;

	*options = (struct list_options){ .kind = kind };
	options->bookmarks = query_bool(req, "allowWatchBookmarks", &given);
	options->initial = query_bool(req, "sendInitialEvents", &options->has_initial);
	options->exact = match && strcmp(match, "Exact") == 0;
	status = parse_numbers(req, watch, options);
	/* A limit with a version and no mode is the old way to ask for exactly that version. */
	if (!watch && options->limit && options->version && (!match || !match[0]))
		options->exact = true;
	if (!status)
		status = parse_selectors(req, kind, options);
	if (status)
		return status;
	if (watch)
		check_watch(req, options, match ? match : "", &errs);
	else
		check_list(req, options, match ? match : "", &errs);
	status = request_options_refusal("ListOptions", &errs);
	if (!status && !watch && token && token[0])
		status = parse_continue(token, options);
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
	                            "Timeout: Too large resource version: %llu, current: %llu",
	                            (unsigned long long)asked, (unsigned long long)current);

	json_path_set(status, "details.retryAfterSeconds", json_integer(1));
	json_path_set(status, "details.causes",
	              json_pack("[{s:s,s:s}]", "reason", "ResourceVersionTooLarge", "message",
	                        "Too large resource version"));
	return status;
}
