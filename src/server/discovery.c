/* SPDX-License-Identifier: Apache-2.0 */
#include "server/discovery.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/status.h"
#include "server/accept.h"
#include "server/health.h"
#include "server/metrics.h"
#include "server/openapi.h"
#include "server/reply.h"
#include "server/subresource.h"
#include "server/virtual_kinds.h"

/* The level of the API that is served; clients choose their behaviour by it. */
#define VERSION_MAJOR            "1"
#define VERSION_MINOR            "36"
#define VERSION_MINOR_COMPATIBLE "35" /* that features are taken back to, at most */
#define VERSION_GIT              "v" VERSION_MAJOR "." VERSION_MINOR ".0+fairlead"

#define TYPE_AGGREGATED "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

static json_t *strings(const char *const *list)
{
	json_t *array = json_array();

	for (; list && *list; list++)
		json_array_append_new(array, json_string(*list));
	return array;
}

static json_t *verbs(const struct kind *kind)
{
	static const char *const create[] = { "create", NULL };
	static const char *const all[] = { "create", "delete", "deletecollection",
		                           "get",    "list",   "patch",
		                           "update", "watch",  NULL };
	static const char *const one_by_one[] = { "create", "delete", "get",   "list",
		                                  "patch",  "update", "watch", NULL };

	if (virtual_kinds_is(kind))
		return strings(create);
	return strings(kind->no_deletecollection ? one_by_one : all);
}

/* In the order of the alphabet, as Kubernetes has them. */
static json_t *subresource_verbs(const struct subresource *sub)
{
	static const enum verb all[] = { VERB_CREATE, VERB_GET, VERB_PATCH, VERB_UPDATE };
	json_t *array = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (sub->verbs & (1U << all[i]))
			json_array_append_new(array, json_string(verb_name(all[i])));
	return array;
}

static json_t *status_verbs(void)
{
	static const char *const all[] = { "get", "patch", "update", NULL };

	return strings(all);
}

/* True if no row before 'kind' has the same group (and version, where 'versions'). */
static bool is_first(const struct kind *const *row, bool versions)
{
	for (const struct kind *const *k = virtual_kinds_all(); k < row && *k; k++)
		if (strcmp((*k)->group, (*row)->group) == 0 &&
		    (!versions || strcmp((*k)->version, (*row)->version) == 0))
			return false;
	return true;
}

static bool has_group(const char *group)
{
	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		if (strcmp((*k)->group, group) == 0)
			return true;
	return false;
}

/* GET /api */
static json_t *legacy_versions(const struct server *server)
{
	char address[IPADDR_TEXT_SIZE + 8];

	ipaddr_format_hostport(&server->listen, server->port, address);
	return json_pack("{s:s,s:[s],s:[{s:s,s:s}]}", "kind", "APIVersions", "versions", "v1",
	                 "serverAddressByClientCIDRs", "clientCIDR", "0.0.0.0/0", "serverAddress",
	                 address);
}

static json_t *group_version(const struct kind *kind)
{
	return json_pack("{s:s,s:s}", "groupVersion", kind_api_version(kind), "version",
	                 kind->version);
}

/* {"name","versions","preferredVersion"}: the group of the first row that has it. */
static json_t *legacy_group(const char *name)
{
	json_t *versions = json_array(), *group;

	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		if (strcmp((*k)->group, name) == 0 && is_first(k, true))
			json_array_append_new(versions, group_version(*k));
	group = json_pack("{s:s,s:o}", "name", name, "versions", versions);
	json_object_set(group, "preferredVersion", json_array_get(versions, 0));
	return group;
}

/* GET /apis */
static json_t *legacy_groups(void)
{
	json_t *groups = json_array();

	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		if ((*k)->group[0] && is_first(k, false))
			json_array_append_new(groups, legacy_group((*k)->group));
	return json_pack("{s:s,s:s,s:o}", "kind", "APIGroupList", "apiVersion", "v1", "groups",
	                 groups);
}

/* A type that is not of the group it is found in says which one it is of. */
static void add_legacy_subresource(json_t *resources, const struct kind *kind,
                                   const struct subresource *sub)
{
	const struct kind *type = sub->type ? sub->type : kind;
	json_t *resource = json_pack("{s:o,s:s,s:b,s:s,s:o}", "name",
	                             json_sprintf("%s/%s", kind->plural, sub->name), "singularName",
	                             "", "namespaced", kind->namespaced, "kind", type->name,
	                             "verbs", subresource_verbs(sub));

	if (strcmp(type->group, kind->group) != 0) {
		json_object_set_new(resource, "group", json_string(type->group));
		json_object_set_new(resource, "version", json_string(type->version));
	}
	json_array_append_new(resources, resource);
}

static void add_legacy_resource(json_t *resources, const struct kind *kind)
{
	const struct subresource *sub = NULL;
	json_t *resource = json_pack("{s:s,s:s,s:b,s:s,s:o}", "name", kind->plural, "singularName",
	                             kind->singular, "namespaced", kind->namespaced, "kind",
	                             kind->name, "verbs", verbs(kind));

	if (kind->short_names)
		json_object_set_new(resource, "shortNames", strings(kind->short_names));
	if (kind->categories)
		json_object_set_new(resource, "categories", strings(kind->categories));
	json_array_append_new(resources, resource);
	if (kind->has_status)
		json_array_append_new(resources,
		                      json_pack("{s:o,s:s,s:b,s:s,s:o}", "name",
		                                json_sprintf("%s/status", kind->plural),
		                                "singularName", "", "namespaced", kind->namespaced,
		                                "kind", kind->name, "verbs", status_verbs()));
	while ((sub = subresource_next(kind, sub)))
		add_legacy_subresource(resources, kind, sub);
}

/* GET /api/v1 and /apis/GROUP/VERSION; NULL if there is no such version. */
static json_t *legacy_resources(const char *api_version)
{
	json_t *resources = json_array();

	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		if (strcmp(kind_api_version(*k), api_version) == 0)
			add_legacy_resource(resources, *k);
	if (json_array_size(resources) == 0) {
		json_decref(resources);
		return NULL;
	}
	return json_pack("{s:s,s:s,s:s,s:o}", "kind", "APIResourceList", "apiVersion", "v1",
	                 "groupVersion", api_version, "resources", resources);
}

static json_t *response_kind(const struct kind *kind)
{
	return json_pack("{s:s,s:s,s:s}", "group", kind->group, "version", kind->version, "kind",
	                 kind->name);
}

/* NULL if there are none. */
static json_t *aggregated_subresources(const struct kind *kind)
{
	const struct subresource *sub = NULL;
	json_t *all = json_array();

	while ((sub = subresource_next(kind, sub)))
		json_array_append_new(all, json_pack("{s:s,s:o,s:o}", "subresource", sub->name,
		                                     "responseKind",
		                                     response_kind(sub->type ? sub->type : kind),
		                                     "verbs", subresource_verbs(sub)));
	if (kind->has_status)
		json_array_append_new(all, json_pack("{s:s,s:o,s:o}", "subresource", "status",
		                                     "responseKind", response_kind(kind), "verbs",
		                                     status_verbs()));
	if (json_array_size(all))
		return all;
	json_decref(all);
	return NULL;
}

static json_t *aggregated_resource(const struct kind *kind)
{
	json_t *resource = json_pack("{s:s,s:o,s:s,s:s,s:o}", "resource", kind->plural,
	                             "responseKind", response_kind(kind), "scope",
	                             kind->namespaced ? "Namespaced" : "Cluster",
	                             "singularResource", kind->singular, "verbs", verbs(kind));
	json_t *subresources = aggregated_subresources(kind);

	if (kind->short_names)
		json_object_set_new(resource, "shortNames", strings(kind->short_names));
	if (kind->categories)
		json_object_set_new(resource, "categories", strings(kind->categories));
	if (subresources)
		json_object_set_new(resource, "subresources", subresources);
	return resource;
}

static json_t *aggregated_version(const struct kind *first)
{
	json_t *resources = json_array();

	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		if (strcmp((*k)->group, first->group) == 0 &&
		    strcmp((*k)->version, first->version) == 0)
			json_array_append_new(resources, aggregated_resource(*k));
	return json_pack("{s:s,s:o,s:s}", "version", first->version, "resources", resources,
	                 "freshness", "Current");
}

/* One group with its versions, in the order of the table. */
static json_t *aggregated_group(const char *name)
{
	json_t *versions = json_array();

	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		if (strcmp((*k)->group, name) == 0 && is_first(k, true))
			json_array_append_new(versions, aggregated_version(*k));
	return json_pack("{s:{s:s},s:o}", "metadata", "name", name, "versions", versions);
}

/* /api has the core group, /apis all others. */
static json_t *aggregated(bool core)
{
	json_t *items = json_array();

	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		if (((*k)->group[0] == '\0') == core && is_first(k, false))
			json_array_append_new(items, aggregated_group((*k)->group));
	return json_pack("{s:s,s:s,s:{},s:o}", "kind", "APIGroupDiscoveryList", "apiVersion",
	                 "apidiscovery.k8s.io/v2", "metadata", "items", items);
}

static void reply_root(const struct server *server, struct http_request *req, bool core)
{
	struct view view;
	json_t *document;
	char *text;

	if (!reply_view(req, NULL, ACCEPT_DISCOVERY, &view))
		return;
	if (view.form.as != ACCEPT_DISCOVERY) {
		reply_json(req, 200, core ? legacy_versions(server) : legacy_groups());
		return;
	}
	document = aggregated(core);
	text = json_text(document);
	http_reply(req, 200, TYPE_AGGREGATED, text, strlen(text));
	free(text);
	json_decref(document);
}

/* /apis/GROUP or the resources of a version; false if there is none. */
static bool reply_below(struct http_request *req, const char *path)
{
	json_t *document = NULL;

	if (strncmp(path, "/api/", 5) == 0 && !strchr(path + 5, '/'))
		document = legacy_resources(path + 5);
	else if (strncmp(path, "/apis/", 6) == 0 && strchr(path + 6, '/'))
		document = legacy_resources(path + 6);
	else if (strncmp(path, "/apis/", 6) == 0 && path[6] && has_group(path + 6))
		document = legacy_group(path + 6);
	if (!document)
		return false;
	if (strcmp(json_path_str(document, "kind"), "") == 0) {
		json_t *group = json_pack("{s:s,s:s}", "kind", "APIGroup", "apiVersion", "v1");

		(void)json_object_update(group, document);
		json_decref(document);
		document = group;
	}
	reply_json(req, 200, document);
	return true;
}

const char *discovery_version(void)
{
	return VERSION_GIT;
}

static void reply_version(struct http_request *req)
{
	struct utsname host = { 0 };
	struct accept form;

	if (accept_choose(http_header(req, "Accept"), ACCEPT_NO_YAML, &form) < 0) {
		json_t *status = status_new(406, "NotAcceptable",
		                            "406: Not Acceptable\n\nAvailable representations: "
		                            "application/json");

		json_object_set_new(status, "details", json_object());
		reply_status(req, status);
		return;
	}
	(void)uname(&host);
	reply_json(req, 200,
	           json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "major",
	                     VERSION_MAJOR, "minor", VERSION_MINOR, "emulationMajor", VERSION_MAJOR,
	                     "emulationMinor", VERSION_MINOR, "minCompatibilityMajor",
	                     VERSION_MAJOR, "minCompatibilityMinor", VERSION_MINOR_COMPATIBLE,
	                     "gitVersion", VERSION_GIT, "gitCommit", "", "gitTreeState", "",
	                     "buildDate", "1970-01-01T00:00:00Z", "goVersion", "", "compiler",
	                     __VERSION__, "platform",
	                     strcmp(host.machine, "aarch64") == 0 ? "linux/arm64" : "linux/amd64"));
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(json_string_value(*(json_t *const *)a),
	              json_string_value(*(json_t *const *)b));
}

static void add_group_paths(json_t *paths, const struct kind *const *row)
{
	const struct kind *kind = *row;

	if (!kind->group[0]) {
		if (is_first(row, true))
			json_array_append_new(paths, json_sprintf("/api/%s", kind->version));
		return;
	}
	if (is_first(row, false))
		json_array_append_new(paths, json_sprintf("/apis/%s", kind->group));
	if (is_first(row, true))
		json_array_append_new(paths, json_sprintf("/apis/%s", kind_api_version(kind)));
}

/* GET /: all paths but those of resources, sorted */
static json_t *root_paths(void)
{
	static const char *const fixed[] = {
		"/api",        "/apis",        "/metrics", "/openapi/v2",
		"/openapi/v3", "/openapi/v3/", "/version", NULL,
	};
	json_t *paths = strings(fixed), *sorted = json_array(), *path;
	json_t **list;
	size_t i, n;

	health_add_paths(paths);
	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		add_group_paths(paths, k);
	n = json_array_size(paths);
	list = xcalloc(n, sizeof(*list));
	json_array_foreach(paths, i, path)
		list[i] = path;
	qsort(list, n, sizeof(*list), compare_strings);
	for (i = 0; i < n; i++)
		json_array_append(sorted, list[i]);
	free(list);
	json_decref(paths);
	return json_pack("{s:o}", "paths", sorted);
}

bool discovery_knows(const char *path)
{
	char *group;
	bool known;

	if (strncmp(path, "/api/", 5) == 0 || strcmp(path, "/api") == 0)
		return true;
	if (strncmp(path, "/apis/", 6) != 0)
		return false;
	group = xstrndup(path + 6, strcspn(path + 6, "/"));
	known = group[0] && has_group(group);
	free(group);
	return known;
}

/* 'path' has no slash at its end. */
static bool handle_path(const struct server *server, struct http_request *req, const char *path)
{
	if (path[0] == '\0')
		reply_json(req, 200, root_paths());
	else if (strcmp(path, "/version") == 0)
		reply_version(req);
	else if (strcmp(path, "/api") == 0)
		reply_root(server, req, true);
	else if (strcmp(path, "/apis") == 0)
		reply_root(server, req, false);
	else
		return reply_below(req, path);
	return true;
}

/* A slash at the end means nothing there. */
static bool handle_trimmed(const struct server *server, struct http_request *req, const char *path)
{
	size_t n = strlen(path);
	char *trimmed = xstrndup(path, path[n - 1] == '/' ? n - 1 : n);
	bool handled = handle_path(server, req, trimmed);

	free(trimmed);
	return handled;
}

bool discovery_handle(const struct server *server, struct http_request *req, const char *path)
{
	if (path[0] != '/')
		return false;
	if (health_handle(server, req, path) || openapi_handle(server->openapi, req, path))
		return true;
	if (strcmp(path, "/metrics") == 0)
		metrics_reply(server, req);
	else
		return handle_trimmed(server, req, path);
	return true;
}
