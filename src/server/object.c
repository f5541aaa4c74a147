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

static bool is_served(const char *api_version, const char *name)
{
	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		if (strcmp(kind_api_version(*k), api_version) == 0 && strcmp((*k)->name, name) == 0)
			return true;
	return false;
}

/* The Go package of a group's internal types, which conversion errors name. */
static json_t *group_package(const struct kind *kind)
{
	const char *group = kind_stored(kind)->group;

	return group[0] ? json_stringn(group, strcspn(group, ".")) : json_string("core");
}

json_t *object_check_kind(const json_t *object, const struct kind *kind)
{
	const char *api = json_path_str(object, "apiVersion"),
		   *name = json_path_str(object, "kind"), *version;
	auto_json json_t *package = NULL;

	if (!api[0])
		api = kind_api_version(kind);
	if (!name[0])
		name = kind->name;
	if (strcmp(api, kind_api_version(kind)) == 0 && strcmp(name, kind->name) == 0)
		return NULL;
	version = strchr(api, '/') ? strchr(api, '/') + 1 : api;
	if (!is_served(api, name))
		return status_new(400, "BadRequest",
		                  "%s in version \"%s\" cannot be handled as a %s: no kind \"%s\" "
		                  "is registered for version \"%s\"",
		                  name, version, kind->name, name, api);
	/* The two Events are one type inside. */
	if (strcmp(name, kind->name) == 0)
		return status_new(400, "BadRequest",
		                  "the API version in the data (%s) does not match the expected "
		                  "API version (%s)",
		                  api, kind_api_version(kind));
	package = group_package(kind);
	return status_new(400, "BadRequest",
	                  "%s in version \"%s\" cannot be handled as a %s: converting "
	                  "(%s.%s) to (%s.%s): unknown conversion",
	                  name, version, kind->name, version, name, json_string_value(package),
	                  kind->name);
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
	const char *uid = json_path_str(object, "metadata.uid");
	const char *old_uid = old ? json_path_str(old, "metadata.uid") : "";
	const char *name = json_path_str(object, "metadata.name");
	uint64_t number;

	if (version[0] && parse_u64(version, UINT64_MAX, &number) < 0)
		return status_new(400, "BadRequest",
		                  "metadata.resourceVersion: Invalid value: \"%s\": must be a "
		                  "number",
		                  version);
	if (version[0] && number != 0 &&
	    (!old || strcmp(version, json_path_str(old, "metadata.resourceVersion")) != 0))
		return status_conflict(kind, name);
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
