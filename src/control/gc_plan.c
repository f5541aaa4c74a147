/* SPDX-License-Identifier: Apache-2.0 */
#include "control/gc_plan.h"

#include <string.h>

#include "control/gc_graph.h"
#include "kube/json.h"

enum gc_owner gc_owner_state(const json_t *reference, const json_t *owner)
{
	if (!owner ||
	    strcmp(json_path_str(owner, "metadata.uid"), json_path_str(reference, "uid")) != 0)
		return GC_OWNER_GONE;
	if (json_path_string(owner, "metadata.deletionTimestamp") &&
	    gc_has(json_path(owner, "metadata.finalizers"), FINALIZER_FOREGROUND))
		return GC_OWNER_WAITING;
	return GC_OWNER_THERE;
}

/* A patch of metadata that holds only for the object as it was read. */
static json_t *patch_of(const json_t *object, const char *key, json_t *value)
{
	return json_pack("{s:{s:O,s:O,s:o}}", "metadata", "uid", json_path(object, "metadata.uid"),
	                 "resourceVersion", json_path(object, "metadata.resourceVersion"), key,
	                 value);
}

static json_t *options_of(const json_t *object, const char *policy)
{
	return json_pack("{s:s,s:s,s:s,s:{s:O,s:O}}", "kind", "DeleteOptions", "apiVersion", "v1",
	                 "propagationPolicy", policy, "preconditions", "uid",
	                 json_path(object, "metadata.uid"), "resourceVersion",
	                 json_path(object, "metadata.resourceVersion"));
}

static size_t count(const struct gc_situation *situation, size_t n, enum gc_owner state)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += situation->owners[i] == state;
	return found;
}

static json_t *owners_there(const json_t *object, const struct gc_situation *situation)
{
	json_t *list = json_array(), *reference;
	size_t i;

	json_array_foreach(json_path(object, "metadata.ownerReferences"), i, reference)
		if (situation->owners[i] == GC_OWNER_THERE)
			json_array_append(list, reference);
	return list;
}

static json_t *owners_unblocked(const json_t *object)
{
	json_t *list = json_deep_copy(json_path(object, "metadata.ownerReferences")), *reference;
	size_t i;

	json_array_foreach(list, i, reference)
		json_object_set_new(reference, "blockOwnerDeletion", json_false());
	return list;
}

static const char *background_or_as_finalizers_say(const json_t *object)
{
	const json_t *finalizers = json_path(object, "metadata.finalizers");

	if (gc_has(finalizers, FINALIZER_ORPHAN))
		return "Orphan";
	return gc_has(finalizers, FINALIZER_FOREGROUND) ? "Foreground" : "Background";
}

void gc_decide(const json_t *object, const struct gc_situation *situation, struct gc_decision *ret)
{
	size_t n = json_array_size(json_path(object, "metadata.ownerReferences"));
	size_t there = count(situation, n, GC_OWNER_THERE);
	bool waiting = count(situation, n, GC_OWNER_WAITING) > 0;

	*ret = (struct gc_decision){ 0 };
	if (there == n)
		return;
	if (there > 0) {
		ret->patch = patch_of(object, "ownerReferences", owners_there(object, situation));
		return;
	}
	if (!waiting || !situation->has_dependents) {
		ret->options = options_of(object, background_or_as_finalizers_say(object));
		return;
	}
	ret->options = options_of(object, "Foreground");
	if (!situation->circle)
		return;
	/* the patch makes another revision of it */
	json_path_del(ret->options, "preconditions.resourceVersion");
	ret->patch = patch_of(object, "ownerReferences", owners_unblocked(object));
}

json_t *gc_without_finalizer(const json_t *object, const char *finalizer)
{
	json_t *list = json_array(), *one;
	size_t i;

	json_array_foreach(json_path(object, "metadata.finalizers"), i, one)
		if (!json_is_string(one) || strcmp(json_string_value(one), finalizer) != 0)
			json_array_append(list, one);
	return patch_of(object, "finalizers", list);
}

json_t *gc_without_owner(const char *uid)
{
	return json_pack("{s:{s:[{s:s,s:s}]}}", "metadata", "ownerReferences", "$patch", "delete",
	                 "uid", uid);
}
