/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/status.h"

/* For the eyes of people (apiserver responsewriters isPrettyPrint). */
static bool wants_pretty(struct http_request *req)
{
	const char *pretty = http_query(req, "pretty"), *agent = http_header(req, "User-Agent");

	if (pretty)
		return strcasecmp(pretty, "false") != 0 && strcmp(pretty, "0") != 0;
	return agent && (strncmp(agent, "curl", 4) == 0 || strncmp(agent, "Wget", 4) == 0 ||
	                 strncmp(agent, "Mozilla/5.0", 11) == 0);
}

/* encoding/json's Encoder ends each value with it. */
#define NEWLINE ((struct http_piece){ .data = "\n", .size = 1 })

static void send_value(struct http_request *req, int code, const struct accept *form, json_t *value)
{
	bool pretty = form->pretty || wants_pretty(req);
	char *text = form->yaml ? encode_yaml(value)
	             : pretty   ? json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY)
	                        : json_text(value);
	const struct http_piece pieces[] = { { text, strlen(text), free, text }, NEWLINE };

	json_decref(value);
	http_reply_pieces(req, code, form->yaml ? TYPE_YAML : TYPE_JSON, pieces,
	                  form->yaml || pretty ? 1 : 2);
}

void reply_json(struct http_request *req, int code, json_t *value)
{
	struct accept form = { 0 };

	/* What cannot be converted comes as it is, also to who asked for nothing but a Table. */
	(void)accept_choose(http_header(req, "Accept"), 0, &form);
	send_value(req, code, &form, value);
}

void reply_status(struct http_request *req, json_t *status)
{
	int64_t retry_after = json_path_int(status, "details.retryAfterSeconds", 0);
	char text[24];

	if (retry_after > 0) {
		(void)snprintf(text, sizeof(text), "%lld", (long long)retry_after);
		http_add_header(req, "Retry-After", text);
	}
	reply_json(req, status_code(status), status);
}

void reply_viewed(struct http_request *req, int code, const struct view *view, json_t *value)
{
	send_value(req, code, &view->form, value);
}

void reply_tree(struct http_request *req, int code, const struct view *view, json_t *tree)
{
	send_value(req, code, &view->form, view_of(view, tree));
}

static void release_object(void *arg)
{
	store_object_unref(arg);
}

bool reply_needs_tree(struct http_request *req, const struct view *view)
{
	return !view_is_stored(view) || view->form.yaml || view->form.pretty || wants_pretty(req);
}

void reply_object(struct http_request *req, int code, const struct view *view,
                  const struct store_object *object)
{
	if (reply_needs_tree(req, view)) {
		reply_tree(req, code, view, view_tree(view->kind, object));
	} else {
		const struct http_piece pieces[] = {
			{ object->text, object->size, release_object, store_object_ref(object) },
			NEWLINE,
		};

		http_reply_pieces(req, code, TYPE_JSON, pieces, 2);
	}
}

static void refuse_form(struct http_request *req, int r, unsigned int offered)
{
	const char *types = offered & ACCEPT_NO_YAML ? TYPE_JSON ";stream=watch"
	                                             : TYPE_JSON ", " TYPE_YAML;

	/* Media types that are not known at all are refused by the router there. */
	reply_status(req, r == -ENOTSUP
	                          ? status_new(406, "NotAcceptable",
	                                       "406: Not Acceptable\n\nAvailable "
	                                       "representations: %s",
	                                       types)
	                          : status_new(406, "NotAcceptable",
	                                       "only the following media types are accepted: %s",
	                                       types));
}

/* What ?includeObject= asks for; NULL: nothing that we know. */
static const char *find_include(struct http_request *req)
{
	static const char *const known[] = { "Metadata", "None", "Object" };
	const char *include = http_query(req, "includeObject");

	if (!include || !include[0])
		return known[0];
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(include, known[i]) == 0)
			return known[i];
	return NULL;
}

/* One object where a list was asked for, or the other way round (apiserver response.go). */
static json_t *wrong_number(const struct view *view)
{
	const struct kind *kind = kind_stored(view->kind);
	bool list = view->form.as == ACCEPT_METADATA; /* that is what there is */

	return status_new(406, "NotAcceptable",
	                  "you requested PartialObjectMetadata%s, but the requested object is %s "
	                  "(*%.*s.%s%s)",
	                  list ? "" : "List", list ? "a list" : "not a list",
	                  kind->group[0] ? (int)strcspn(kind->group, ".") : 4,
	                  kind->group[0] ? kind->group : "core", kind->name, list ? "List" : "");
}

bool reply_view(struct http_request *req, const struct kind *kind, unsigned int offered,
                struct view *ret)
{
	const unsigned int metadata = ACCEPT_METADATA | ACCEPT_METADATA_LIST;
	unsigned int known = offered & metadata ? offered | metadata : offered;
	struct view view = { .kind = kind };
	int r = accept_choose(http_header(req, "Accept"), known, &view.form);

	if (r < 0) {
		refuse_form(req, r, offered);
		return false;
	}
	if (view.form.as && !(view.form.as & offered)) {
		reply_status(req, wrong_number(&view));
		return false;
	}
	view.include = find_include(req);
	if (view.form.as == ACCEPT_TABLE && !view.include) {
		reply_status(req, status_new(400, "BadRequest",
		                             "Unable to convert to Table as requested: "
		                             "includeObject: Invalid value: \"%s\": must be "
		                             "'Metadata', 'Object', 'None', or empty",
		                             http_query(req, "includeObject")));
		return false;
	}
	*ret = view;
	return true;
}

void reply_warnings(struct http_request *req, const json_t *warnings)
{
	size_t i;
	json_t *warning;

	json_array_foreach(warnings, i, warning) {
		auto_buf struct buf b = BUF_INIT;

		buf_adds(&b, "299 - \"");
		for (const char *p = json_string_value(warning); *p; p++) {
			if (*p == '"' || *p == '\\')
				buf_addc(&b, '\\');
			/* A header is one line. */
			buf_addc(&b, (char)((unsigned char)*p < ' ' ? ' ' : *p));
		}
		buf_addc(&b, '"');
		http_add_header(req, "Warning", buf_str(&b));
	}
}
