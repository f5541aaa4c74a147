/* SPDX-License-Identifier: Apache-2.0 */
#include "server/openapi.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "server/openapi_paths.h"
#include "server/openapi_proto.h"
#include "server/openapi_types.h"
#include "server/reply.h"
#include "server/subresource.h"
#include "server/virtual_kinds.h"

#define PREFIX_V3     "/openapi/v3/"
#define TYPE_TEXT     "text/plain; charset=utf-8"
#define TYPE_V2_PROTO "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
/* Clients ask for it by this name, which is not one of a media type (RFC 9110 8.3.1). */
#define TYPE_V2_PROTO_OLD "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"

#define HASH_BYTES     64
#define SECONDS_A_YEAR (365 * 24 * 3600)
#define NANOS_A_SECOND 1000000000

struct document {
	const char *type;
	char *text; /* owned; NULL: not made yet */
	size_t size;
	char hash[2 * HASH_BYTES + 1];
};

/* Version 3 has a document for each version of a group. */
struct group {
	char *name; /* "api/v1", "apis/discovery.k8s.io/v1"; owned */
	struct document document;
};

struct openapi {
	const char *version;
	struct document v2, v2_proto;
	struct group *groups; /* NULL until version 3 is asked for */
	size_t n;
};

/* A document being written. */
struct draft {
	enum openapi_dialect dialect;
	bool proto;
	struct buf paths, definitions;
};

struct openapi *openapi_new(const char *version)
{
	struct openapi *openapi = xnew(struct openapi);

	openapi->version = version;
	return openapi;
}

static void group_done(struct group *group)
{
	free(group->name);
	free(group->document.text);
}

void openapi_free(struct openapi *openapi)
{
	if (!openapi)
		return;
	for (size_t i = 0; i < openapi->n; i++)
		group_done(&openapi->groups[i]);
	free(openapi->groups);
	free(openapi->v2.text);
	free(openapi->v2_proto.text);
	free(openapi);
}

/* A member of a JSON object; 'value' is taken over. */
static void add_member(struct buf *b, const char *name, json_t *value)
{
	char *text = json_text(value);

	if (b->n > 0)
		buf_addc(b, ',');
	buf_add_json_string(b, name);
	buf_addc(b, ':');
	buf_adds(b, text);
	free(text);
	json_decref(value);
}

static void add_path(void *arg, const char *path, json_t *item)
{
	struct draft *draft = arg;

	if (draft->proto) {
		openapi_proto_path(&draft->paths, path, item);
		json_decref(item);
	} else {
		add_member(&draft->paths, path, item);
	}
}

static void add_definitions(struct draft *draft, const struct openapi_types *types)
{
	for (size_t i = 0; i < openapi_types_count(types); i++) {
		const char *name = openapi_types_name(types, i);
		json_t *schema = openapi_types_schema(types, i, draft->dialect);

		if (draft->proto) {
			openapi_proto_definition(&draft->definitions, name, schema);
			json_decref(schema);
		} else {
			add_member(&draft->definitions, name, schema);
		}
	}
}

/* The resources of 'api_version' (NULL: all) with the types they speak. */
static void add_resources(struct draft *draft, const char *api_version)
{
	struct openapi_types *types = openapi_types_new();

	for (const struct kind *const *k = virtual_kinds_all(); *k; k++) {
		const struct subresource *sub = NULL;

		if (api_version && strcmp(kind_api_version(*k), api_version) != 0)
			continue;
		openapi_types_add(types, *k, !virtual_kinds_is(*k));
		while ((sub = subresource_next(*k, sub)))
			if (sub->type)
				openapi_types_add(types, sub->type, false);
		openapi_paths_each(*k, draft->dialect, add_path, draft);
	}
	add_definitions(draft, types);
	openapi_types_free(types);
}

static void write_draft(struct buf *out, const struct draft *draft, const char *version)
{
	if (draft->proto) {
		openapi_proto_document(out, version, &draft->paths, &draft->definitions);
		return;
	}
	buf_printf(out, "{\"%s\":\"%s\",\"info\":{\"title\":\"Kubernetes\",\"version\":\"%s\"},",
	           draft->dialect == OPENAPI_V2 ? "swagger" : "openapi",
	           draft->dialect == OPENAPI_V2 ? "2.0" : "3.0.0", version);
	buf_adds(out, "\"paths\":{");
	buf_adds(out, buf_str(&draft->paths));
	buf_adds(out, draft->dialect == OPENAPI_V2 ? "},\"definitions\":{"
	                                           : "},\"components\":{\"schemas\":{");
	buf_adds(out, buf_str(&draft->definitions));
	buf_adds(out, draft->dialect == OPENAPI_V2 ? "}}" : "}}}");
}

static void set_hash(struct document *document)
{
	unsigned char hash[EVP_MAX_MD_SIZE] = { 0 };

	(void)EVP_Digest(document->text, document->size, hash, NULL, EVP_sha512(), NULL);
	for (size_t i = 0; i < HASH_BYTES; i++)
		(void)snprintf(document->hash + 2 * i, 3, "%02X", hash[i]);
}

/* Makes the document of 'api_version' (NULL: of all) unless it is there. */
static void make(struct document *document, const char *version, const char *api_version,
                 enum openapi_dialect dialect, bool proto)
{
	struct draft draft = { .dialect = dialect, .proto = proto };
	struct buf out = BUF_INIT;

	if (document->text)
		return;
	add_resources(&draft, api_version);
	write_draft(&out, &draft, version);
	buf_done(&draft.paths);
	buf_done(&draft.definitions);
	document->type = proto ? TYPE_V2_PROTO : TYPE_JSON;
	document->size = out.n;
	document->text = xrealloc(buf_take(&out), document->size + 1);
	set_hash(document);
}

static const struct group *find_group(const struct openapi *openapi, const char *name)
{
	for (size_t i = 0; i < openapi->n; i++)
		if (strcmp(openapi->groups[i].name, name) == 0)
			return &openapi->groups[i];
	return NULL;
}

static void make_groups(struct openapi *openapi)
{
	size_t cap = 0;

	if (openapi->groups)
		return;
	for (const struct kind *const *k = virtual_kinds_all(); *k; k++) {
		const char *api_version = kind_api_version(*k);
		char *name = xasprintf("%s/%s", (*k)->group[0] ? "apis" : "api", api_version);
		struct group *group;

		if (find_group(openapi, name)) {
			free(name);
			continue;
		}
		array_reserve(openapi->groups, openapi->n, cap);
		group = &openapi->groups[openapi->n++];
		*group = (struct group){ .name = name };
		make(&group->document, openapi->version, api_version, OPENAPI_V3, false);
	}
}

/* How good an answer in one of 'names' (ends with NULL) is for the client: 0 is not at all. */
static double wanted(const char *accept, const char *const *names)
{
	auto_free char *copy = xstrdup(accept && accept[0] ? accept : "*/*");
	char *rest = copy, *range;
	double best = 0;

	while ((range = strsep(&rest, ","))) {
		char *parameters = range, *type = strsep(&parameters, ";"), *q;
		double quality = 1;

		type += strspn(type, " \t");
		type[strcspn(type, " \t")] = '\0';
		q = parameters ? strstr(parameters, "q=") : NULL;
		if (q)
			quality = strtod(q + 2, NULL);
		/* Of ranges with the same q the one that says more counts more. */
		if (strcmp(type, "*/*") == 0)
			quality -= 0.0002;
		else if (strcasecmp(type, "application/*") == 0)
			quality -= 0.0001;
		else if (strcasecmp(type, names[0]) != 0 &&
		         (!names[1] || strcasecmp(type, names[1]) != 0))
			continue;
		best = quality > best ? quality : best;
	}
	return best;
}

/* A year from now, as HTTP writes times. */
static void add_expires(struct http_request *req)
{
	time_t then = (time_t)(clock_wall() / NANOS_A_SECOND + SECONDS_A_YEAR);
	struct tm tm = { 0 };
	char text[40];

	(void)gmtime_r(&then, &tm);
	(void)strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	http_add_header(req, "Expires", text);
}

static bool is_known_to_client(struct http_request *req, const struct document *document)
{
	const char *known = http_header(req, "If-None-Match");

	return known && (strstr(known, document->hash) || strcmp(known, "*") == 0);
}

/* 'forever': what the URL names does not change. */
static void reply_document(struct http_request *req, const struct document *document, bool forever)
{
	struct http_piece piece = { document->text, document->size, NULL, NULL };
	auto_free char *etag = xasprintf("\"%s\"", document->hash);

	http_add_header(req, "Cache-Control", forever ? "public, immutable" : "no-cache, private");
	http_add_header(req, "Etag", etag);
	http_add_header(req, "Vary", "Accept");
	if (forever)
		add_expires(req);
	if (is_known_to_client(req, document))
		http_reply(req, 304, document->type, "", 0);
	else
		http_reply_pieces(req, 200, document->type, &piece, 1);
}

static void reply_nothing(struct http_request *req, int code)
{
	http_add_header(req, "Vary", "Accept");
	http_reply(req, code, NULL, "", 0);
}

static void reply_v2(struct openapi *openapi, struct http_request *req)
{
	static const char *const json[] = { TYPE_JSON, NULL };
	static const char *const proto[] = { TYPE_V2_PROTO, TYPE_V2_PROTO_OLD };
	const char *accept = http_header(req, "Accept");
	double as_json = wanted(accept, json), as_proto = wanted(accept, proto);

	if (as_json <= 0 && as_proto <= 0) {
		reply_nothing(req, 406);
	} else if (as_proto > as_json) {
		make(&openapi->v2_proto, openapi->version, NULL, OPENAPI_V2, true);
		reply_document(req, &openapi->v2_proto, false);
	} else {
		make(&openapi->v2, openapi->version, NULL, OPENAPI_V2, false);
		reply_document(req, &openapi->v2, false);
	}
}

static char *url_of(const struct group *group)
{
	return xasprintf(PREFIX_V3 "%s?hash=%s", group->name, group->document.hash);
}

/* Which documents there are. */
static void reply_index(struct openapi *openapi, struct http_request *req)
{
	auto_json json_t *paths = json_object(), *index = NULL;
	auto_free char *text = NULL;

	make_groups(openapi);
	for (size_t i = 0; i < openapi->n; i++) {
		auto_free char *url = url_of(&openapi->groups[i]);

		json_object_set_new(paths, openapi->groups[i].name,
		                    json_pack("{s:s}", "serverRelativeURL", url));
	}
	index = json_pack("{s:O}", "paths", paths);
	text = json_text(index);
	http_add_header(req, "Cache-Control", "no-cache, private");
	http_reply(req, 200, TYPE_TEXT, text, strlen(text));
}

/* 'name' is that of the index. */
static void reply_group(struct openapi *openapi, struct http_request *req, const char *name)
{
	static const char *const json[] = { TYPE_JSON, NULL };
	const char *hash = http_query(req, "hash");
	const struct group *group;

	make_groups(openapi);
	group = find_group(openapi, name);
	if (!group) {
		reply_nothing(req, 404);
	} else if (wanted(http_header(req, "Accept"), json) <= 0) {
		reply_nothing(req, 406);
	} else if (hash && hash[0] && strcmp(hash, group->document.hash) != 0) {
		auto_free char *url = url_of(group);

		http_add_header(req, "Location", url);
		reply_nothing(req, 301);
	} else {
		reply_document(req, &group->document, hash && hash[0]);
	}
}

bool openapi_handle(struct openapi *openapi, struct http_request *req, const char *path)
{
	if (strcmp(path, "/openapi/v2") == 0)
		reply_v2(openapi, req);
	else if (strcmp(path, "/openapi/v3") == 0)
		reply_index(openapi, req);
	else if (strncmp(path, PREFIX_V3, strlen(PREFIX_V3)) == 0)
		reply_group(openapi, req, path + strlen(PREFIX_V3));
	else
		return false;
	return true;
}
