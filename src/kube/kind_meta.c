/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kind_meta.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/validate.h"

#define ANNOTATIONS_MAX (256 << 10)

/* Makes the member 'name' of 'to' what it is in 'from', also missing. */
static void take_member(json_t *to, const json_t *from, const char *name)
{
	json_t *value = json_object_get(from, name);

	if (value)
		json_object_set_new(to, name, json_deep_copy(value));
	else
		json_object_del(to, name);
}

static void prepare_metadata(json_t *object, const json_t *old)
{
	json_t *meta = json_object_get(object, "metadata");
	const json_t *old_meta = json_object_get(old, "metadata");
	static const char *const deletion[] = { "deletionTimestamp", "deletionGracePeriodSeconds" };

	if (!json_is_object(meta))
		return;
	json_object_del(meta, "selfLink");
	for (size_t i = 0; i < ARRAY_SIZE(deletion); i++)
		if (!old || json_object_get(old_meta, deletion[i]))
			take_member(meta, old_meta, deletion[i]);
	if (!old)
		return;
	take_member(meta, old_meta, "creationTimestamp");
	take_member(meta, old_meta, "generation");
	if (!json_path_str(meta, "uid")[0])
		take_member(meta, old_meta, "uid");
}

/* A write to /status changes nothing else but metadata. */
static void keep_all_but_status(json_t *object, const json_t *old)
{
	const char *name;
	json_t *value;
	void *after;

	json_object_foreach_safe(object, after, name, value) {
		if (strcmp(name, "status") != 0 && strcmp(name, "metadata") != 0 &&
		    !json_object_get(old, name))
			json_object_del(object, name);
	}
	json_object_foreach((json_t *)old, name, value)
		if (strcmp(name, "status") != 0 && strcmp(name, "metadata") != 0)
			json_object_set_new(object, name, json_deep_copy(value));
}

void kind_meta_prepare(json_t *object, const json_t *old, enum kind_write write)
{
	prepare_metadata(object, old);
	if (!old)
		return;
	if (write == KIND_UPDATE_STATUS)
		keep_all_but_status(object, old);
	else if (write == KIND_UPDATE)
		take_member(object, old, "status");
}

/*
 * What generateName promises is checked on a name it could give: a trailing "-" is as good as a
 * letter (apimachinery validation.maskTrailingDash).
 */
static void check_generate_name(const struct kind *kind, const char *prefix,
                                struct field_errors *errs)
{
	struct name_errors found = { 0 };
	auto_free char *masked = xstrdup(prefix);
	size_t n = strlen(masked);

	if (n > 1 && masked[n - 1] == '-') {
		masked[n - 2] = 'a';
		masked[n - 1] = '\0';
	}
	kind->check_name(masked, &found);
	for (size_t i = 0; i < found.n; i++)
		field_invalid_string(errs, "metadata.generateName", prefix, found.list[i]);
}

static void check_names(const struct kind *kind, const json_t *meta, struct field_errors *errs)
{
	const char *name = json_path_str(meta, "name");
	const char *prefix = json_path_str(meta, "generateName");
	const char *ns = json_path_str(meta, "namespace");

	if (prefix[0])
		check_generate_name(kind, prefix, errs);
	if (!name[0])
		field_required(errs, "metadata.name", "name or generateName is required");
	else
		validate_name(errs, "metadata.name", name, kind->check_name);
	if (!kind->namespaced && ns[0])
		field_forbidden(errs, "metadata.namespace", "not allowed on this type");
	else if (kind->namespaced && !ns[0])
		field_required(errs, "metadata.namespace", "");
	else if (ns[0])
		validate_name(errs, "metadata.namespace", ns, name_check_dns_label);
}

static void check_annotations(const json_t *annotations, struct field_errors *errs)
{
	const char *key;
	json_t *value;
	size_t size = 0;

	json_object_foreach((json_t *)annotations, key, value) {
		struct name_errors found = { 0 };
		auto_free char *lower = xstrdup(key);

		/* A label's key but for the case of its letters. */
		for (char *c = lower; *c; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c - 'A' + 'a');
		name_check_label_key(lower, &found);
		for (size_t i = 0; i < found.n; i++)
			field_invalid_string(errs, "metadata.annotations", key, found.list[i]);
		size += strlen(key) + json_string_length(value);
	}
	if (size > ANNOTATIONS_MAX)
		field_too_long(errs, "metadata.annotations", ANNOTATIONS_MAX);
}

static void check_owner(const json_t *owner, struct field_errors *errs)
{
	const char *version = json_path_str(owner, "apiVersion");
	const char *kind = json_path_str(owner, "kind");
	const char *slash = strchr(version, '/');

	if (!version[0] || (slash && !slash[1]))
		field_invalid_string(errs, "metadata.ownerReferences.apiVersion", version,
		                     "version must not be empty");
	if (!kind[0])
		field_invalid_string(errs, "metadata.ownerReferences.kind", "",
		                     "must not be empty");
	if (!json_path_str(owner, "name")[0])
		field_invalid_string(errs, "metadata.ownerReferences.name", "",
		                     "must not be empty");
	if (!json_path_str(owner, "uid")[0])
		field_invalid_string(errs, "metadata.ownerReferences.uid", "", "must not be empty");
	if (strcmp(version, "v1") == 0 && strcmp(kind, "Event") == 0)
		field_invalid(errs, "metadata.ownerReferences", owner,
		              "/v1, Kind=Event is disallowed from being an owner");
}

static void check_owners(const json_t *owners, struct field_errors *errs)
{
	const json_t *owner, *controller = NULL;
	size_t i;

	json_array_foreach(owners, i, owner) {
		auto_free char *detail = NULL;

		check_owner(owner, errs);
		if (!json_path_bool(owner, "controller", false))
			continue;
		if (!controller) {
			controller = owner;
			continue;
		}
		detail = xasprintf("Only one reference can have Controller set to true. Found "
		                   "\"true\" in references for %s/%s and %s/%s",
		                   json_path_str(controller, "kind"),
		                   json_path_str(controller, "name"), json_path_str(owner, "kind"),
		                   json_path_str(owner, "name"));
		field_invalid(errs, "metadata.ownerReferences", owners, detail);
	}
}

void kind_validate_finalizers(const json_t *finalizers, const char *path, struct field_errors *errs)
{
	static const char *const standard[] = { "kubernetes", "orphan", "foregroundDeletion" };
	const json_t *finalizer;
	size_t i;

	json_array_foreach(finalizers, i, finalizer) {
		const char *name = json_is_string(finalizer) ? json_string_value(finalizer) : "/";
		bool known = strchr(name, '/') != NULL;

		for (size_t s = 0; s < ARRAY_SIZE(standard); s++)
			known = known || strcmp(name, standard[s]) == 0;
		if (!known)
			field_invalid_string(errs, field_path("%s[%zu]", path, i), name,
			                     "name is neither a standard finalizer name nor is it "
			                     "fully qualified");
	}
}

static void check_finalizers(const json_t *finalizers, struct field_errors *errs)
{
	const json_t *finalizer;
	size_t i;

	json_array_foreach(finalizers, i, finalizer)
		if (json_is_string(finalizer))
			validate_name(errs, "metadata.finalizers", json_string_value(finalizer),
			              name_check_label_key);
	if (validate_has_string(finalizers, "orphan") &&
	    validate_has_string(finalizers, "foregroundDeletion"))
		field_invalid(errs, "metadata.finalizers", finalizers,
		              "finalizer orphan and foregroundDeletion cannot be both set");
	kind_validate_finalizers(finalizers, "metadata.finalizers", errs);
}

/* An object on its way out takes no more finalizers. */
static void check_new_finalizers(const json_t *finalizers, const json_t *old,
                                 struct field_errors *errs)
{
	auto_buf struct buf b = BUF_INIT;
	const json_t *finalizer;
	size_t i, n = 0;

	buf_adds(&b, "no new finalizers can be added if the object is being deleted, found new "
	             "finalizers []string{");
	json_array_foreach(finalizers, i, finalizer) {
		const char *text = json_string_value(finalizer);

		if (!text || validate_has_string(old, text))
			continue;
		if (n++ > 0)
			buf_adds(&b, ", ");
		buf_add_json_string(&b, text);
	}
	buf_addc(&b, '}');
	if (n > 0)
		field_forbidden(errs, "metadata.finalizers", buf_str(&b));
}

static void check_update(const json_t *meta, const json_t *old, struct field_errors *errs)
{
	static const char *const fixed[] = { "name", "namespace", "uid" };
	static const char *const deletion[] = { "deletionTimestamp", "deletionGracePeriodSeconds" };

	if (json_path(old, "deletionTimestamp"))
		check_new_finalizers(json_path(meta, "finalizers"), json_path(old, "finalizers"),
		                     errs);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		const char *value = json_path_str(meta, fixed[i]);

		if (strcmp(value, json_path_str(old, fixed[i])) != 0)
			field_invalid_string(errs, field_path("metadata.%s", fixed[i]), value,
			                     "field is immutable");
	}
	for (size_t i = 0; i < ARRAY_SIZE(deletion); i++)
		if (json_path(meta, deletion[i]) && !json_path(old, deletion[i]))
			field_invalid(errs, field_path("metadata.%s", deletion[i]),
			              json_path(meta, deletion[i]), "field is immutable");
}

void kind_validate_meta(const struct kind *kind, const json_t *object, const json_t *old,
                        struct field_errors *errs)
{
	const json_t *meta = json_object_get(object, "metadata");
	size_t first = errs->n;

	if (old)
		check_update(meta, json_object_get(old, "metadata"), errs);
	/* rest.BeforeUpdate checks it, and the strategy of each kind once more. */
	field_errors_repeat(errs, first);
	check_names(kind, meta, errs);
	validate_at_least(errs, "metadata.generation", json_path(meta, "generation"), 0);
	validate_labels(errs, "metadata.labels", json_path(meta, "labels"));
	check_annotations(json_path(meta, "annotations"), errs);
	check_owners(json_path(meta, "ownerReferences"), errs);
	check_finalizers(json_path(meta, "finalizers"), errs);
}
