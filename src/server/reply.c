/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
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

static bool wants_yaml(struct http_request *req)
{
	return accept_choose(http_header(req, "Accept"), ACCEPT_TABLE | ACCEPT_YAML) == ACCEPT_YAML;
}

bool reply_needs_tree(struct http_request *req)
{
	return wants_pretty(req) || wants_yaml(req);
}

void reply_json(struct http_request *req, int code, json_t *value)
{
	bool yaml = wants_yaml(req);
	char *text = yaml                ? encode_yaml(value)
	             : wants_pretty(req) ? json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY)
	                                 : json_text(value);
	struct http_piece piece = { text, strlen(text), free, text };

	json_decref(value);
	http_reply_pieces(req, code, yaml ? TYPE_YAML : TYPE_JSON, &piece, 1);
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

static json_t *table_of_one(const struct kind *kind, json_t *object, const char *include)
{
	json_t *table = kind_table(kind, &object, 1, include, clock_wall());

	json_path_set(table, "metadata.resourceVersion",
	              json_string(json_path_str(object, "metadata.resourceVersion")));
	return table;
}

void reply_tree(struct http_request *req, int code, const struct kind *kind, json_t *object,
                enum accept form)
{
	const char *include;

	if (form != ACCEPT_TABLE) {
		reply_json(req, code, object);
		return;
	}
	include = reply_include(req);
	if (include)
		reply_json(req, code, table_of_one(kind, object, include));
	json_decref(object);
}

static void release_object(void *arg)
{
	store_object_unref(arg);
}

void reply_object(struct http_request *req, int code, const struct store_object *object,
                  enum accept form)
{
	if (form == ACCEPT_TABLE || reply_needs_tree(req)) {
		reply_tree(req, code, object->kind, store_object_json(object), form);
	} else {
		struct http_piece piece = { object->text, object->size, release_object,
			                    store_object_ref(object) };

		http_reply_pieces(req, code, TYPE_JSON, &piece, 1);
	}
}

enum accept reply_form(struct http_request *req)
{
	enum accept form = accept_choose(http_header(req, "Accept"), ACCEPT_TABLE | ACCEPT_YAML);

	if (form == ACCEPT_NONE)
		reply_status(req,
		             status_new(406, "NotAcceptable",
		                        "only the following media types are accepted: " TYPE_JSON
		                        ", " TYPE_YAML));
	return form;
}

const char *reply_include(struct http_request *req)
{
	static const char *const known[] = { "Metadata", "None", "Object" };
	const char *include = http_query(req, "includeObject");

	if (!include || !include[0])
		return known[0];
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(include, known[i]) == 0)
			return known[i];
	reply_status(req, status_new(400, "BadRequest", "unrecognized includeObject value: \"%s\"",
	                             include));
	return NULL;
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
