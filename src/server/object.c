/* SPDX-License-Identifier: Apache-2.0 */
#include "server/object.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/rand.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/virtual_kinds.h"

#define GENERATED_BASE_MAX (63 - RAND_SUFFIX_SIZE + 1) /* apiserver names.SimpleNameGenerator */
#define GENERATE_TRIES     8

/* Kinds of every API group and version (apimachinery), and of the core group's only. */
static bool is_common(const char *api, const char *name)
{
	static const char *const all[] = { "WatchEvent",    "ListOptions",   "GetOptions",
		                           "DeleteOptions", "CreateOptions", "UpdateOptions",
		                           "PatchOptions" };
	static const char *const core[] = { "Status",       "List",     "APIVersions",
		                            "APIGroupList", "APIGroup", "APIResourceList" };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (strcmp(all[i], name) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(core); i++)
		if (strcmp(core[i], name) == 0)
			return strcmp(api, "v1") == 0;
	return false;
}

/* The row of a kind that is served, also of those that are not stored. */
static const struct kind *served(const char *api, const char *name, size_t name_n)
{
	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		if (strcmp(kind_api_version(*k), api) == 0 && strlen((*k)->name) == name_n &&
		    strncmp((*k)->name, name, name_n) == 0)
			return *k;
	return NULL;
}

/* Whether Kubernetes has such a kind, as far as we know it; lists of a kind are one as well. */
static bool is_registered(const char *api, const char *name)
{
	size_t n = strlen(name);

	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		if (strcmp(kind_api_version(*k), api) == 0 && is_common(api, name))
			return true;
	return served(api, name, n) ||
	       (n > 4 && strcmp(name + n - 4, "List") == 0 && served(api, name, n - 4));
}

/* Whether it is the same kind in another group or version, which only the URL of that one takes. */
static bool is_other_version(const char *api, const char *name, const struct kind *kind)
{
	const struct kind *said = served(api, name, strlen(name));
	size_t n = strlen(kind->group);

	if (said)
		return kind_stored(said) == kind_stored(kind);
	return n > 0 && strcmp(name, kind->name) == 0 && strncmp(api, kind->group, n) == 0 &&
	       strcmp(api + n, "/v1beta1") == 0;
}

/* The Go package of a group's internal types, which conversion errors name. */
static json_t *internal_package(const struct kind *kind)
{
	const char *group = kind_stored(kind)->group;

	return group[0] ? json_stringn(group, strcspn(group, ".")) : json_string("core");
}

/* The version 'object' says it has, or what stands for it. */
static const char *version_said(const json_t *object, const struct kind *kind)
{
	const char *api = json_path_str(object, "apiVersion");

	if (!api[0] || strcmp(api, "/") == 0)
		return kind_api_version(kind);
	return api[0] == '/' ? api + 1 : api;
}

json_t *object_check_kind(const json_t *object, const struct kind *kind)
{
	const char *api = version_said(object, kind), *name = json_path_str(object, "kind");
	const char *version = strchr(api, '/') ? strchr(api, '/') + 1 : api;
	auto_json json_t *package = internal_package(kind);

	if (!name[0])
		name = kind->name;
	if (strcmp(api, kind_api_version(kind)) == 0 && strcmp(name, kind->name) == 0)
		return NULL;
	if (is_other_version(api, name, kind))
		return status_new(400, "BadRequest",
		                  "the API version in the data (%s) does not match the expected "
		                  "API version (%s)",
		                  api, kind_api_version(kind));
	if (is_registered(api, name))
		return status_new(400, "BadRequest",
		                  "%s in version \"%s\" cannot be handled as a %s: converting "
		                  "(%s.%s) to (%s.%s): unknown conversion",
		                  name, version, kind->name, version, name,
		                  json_string_value(package), kind->name);
	return status_new(400, "BadRequest",
	                  "%s in version \"%s\" cannot be handled as a %s: no kind \"%s\" is "
	                  "registered for version \"%s\" in scheme \"pkg/runtime/scheme.go:111\"",
	                  name, version, kind->name, name, api);
}

json_t *object_check_namespace(json_t *object, const struct kind *kind, const char *ns)
{
	const char *own = json_path_str(object, "metadata.namespace");

	if (!json_is_object(json_object_get(object, "metadata")))
		json_object_set_new(object, "metadata", json_object());
	if (!kind->namespaced) {
		json_path_del(object, "metadata.namespace");
		return NULL;
	}
	if (own[0] && strcmp(own, ns) != 0)
		return status_new(400, "BadRequest",
		                  "the namespace of the provided object does not match the "
		                  "namespace sent on the request");
	if (!own[0])
		json_path_set(object, "metadata.namespace", json_string(ns));
	return NULL;
}

json_t *object_check_name(const json_t *object, const char *name)
{
	const char *own = json_path_str(object, "metadata.name");

	if (!own[0])
		return status_new(400, "BadRequest",
		                  "the name of the object (%s based on URL) was undeterminable: "
		                  "name must be provided",
		                  name);
	if (strcmp(own, name) != 0)
		return status_new(400, "BadRequest",
		                  "the name of the object (%s) does not match the name on the URL "
		                  "(%s)",
		                  own, name);
	return NULL;
}

json_t *object_check_version(const json_t *object, const struct kind *kind, const json_t *old)
{
	const char *version = json_path_str(object, "metadata.resourceVersion");
	const char *name = json_path_str(object, "metadata.name");
	uint64_t number;

	if (version[0] && parse_u64(version, UINT64_MAX, &number) < 0)
		return status_new(500, "", "strconv.ParseUint: parsing \"%s\": invalid syntax",
		                  version);
	if (version[0] && number != 0 &&
	    (!old || strcmp(version, json_path_str(old, "metadata.resourceVersion")) != 0))
		return status_conflict(kind, name);
	return NULL;
}

json_t *object_check_uid(const json_t *object, const struct kind *kind, const json_t *old)
{
	const char *uid = json_path_str(object, "metadata.uid");
	const char *old_uid = old ? json_path_str(old, "metadata.uid") : "";
	const char *name = json_path_str(object, "metadata.name");

	if (uid[0] && strcmp(uid, old_uid) != 0)
		return status_for(409, "Conflict", kind, name,
		                  "Operation cannot be fulfilled on %s \"%s\": Precondition "
		                  "failed: UID in precondition: %s, UID in object meta: %s",
		                  kind->plural, name, uid, old_uid);
	return NULL;
}

void object_generate_name(json_t *object, bool (*taken)(void *arg, const char *name), void *arg)
{
	const char *base = json_path_str(object, "metadata.generateName");
	char suffix[RAND_SUFFIX_SIZE];

	if (json_path_str(object, "metadata.name")[0] || !base[0])
		return;
	for (int i = 0; i < GENERATE_TRIES; i++) {
		auto_free char *name = NULL;

		rand_suffix(suffix);
		name = xasprintf("%.*s%s", GENERATED_BASE_MAX, base, suffix);
		json_path_set(object, "metadata.name", json_string(name));
		if (!taken(arg, name))
			return;
	}
}

void object_stamp_new(json_t *object, const struct kind *kind)
{
	char uid[RAND_UUID_SIZE], now[CLOCK_TEXT_SIZE];

	rand_uuid(uid);
	clock_format(clock_wall(), now);
	json_path_set(object, "metadata.uid", json_string(uid));
	json_path_set(object, "metadata.creationTimestamp", json_string(now));
	if (kind->has_generation)
		json_path_set(object, "metadata.generation", json_integer(1));
}

void object_count_generation(json_t *object, const struct kind *kind, const json_t *old)
{
	if (kind->has_generation && kind_spec_changed(object, old))
		json_path_set(object, "metadata.generation",
		              json_integer(json_path_int(old, "metadata.generation", 0) + 1));
}

void object_set_kind(json_t *object, const struct kind *kind)
{
	json_object_set_new(object, "kind", json_string(kind->name));
	json_object_set_new(object, "apiVersion", json_string(kind_api_version(kind)));
}

bool object_has_finalizers(const json_t *object, const struct kind *kind)
{
	if (json_array_size(json_path(object, "metadata.finalizers")))
		return true;
	/* A Namespace also goes only when its content is gone, which spec.finalizers stands for. */
	return kind == &kind_namespace && json_array_size(json_path(object, "spec.finalizers"));
}

bool object_deleting(const json_t *object)
{
	return json_path_string(object, "metadata.deletionTimestamp") != NULL;
}
