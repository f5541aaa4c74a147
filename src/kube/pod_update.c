/* SPDX-License-Identifier: Apache-2.0 */
/* What may change of a Pod, as in core/validation ValidatePodUpdate. */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/pod.h"
#include "kube/validate.h"

#define SPEC_FORBIDDEN                                                                            \
	"pod updates may not change fields other than "                                           \
	"`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`," \
	"`spec.tolerations` (only additions to existing tolerations),"                            \
	"`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously "     \
	"negative)"

/* False if containers came or went: then nothing else is worth telling. */
static bool check_containers(const json_t *spec, const json_t *old, const char *member,
                             struct field_errors *errs)
{
	if (json_array_size(json_path(spec, member)) == json_array_size(json_path(old, member)))
		return true;
	field_forbidden(errs, field_path("spec.%s", member),
	                "pod updates may not add or remove containers");
	return false;
}

static bool check_deadline(const json_t *spec, const json_t *old, struct field_errors *errs)
{
	static const char path[] = "spec.activeDeadlineSeconds";
	const json_t *now = json_path(spec, "activeDeadlineSeconds");
	const json_t *before = json_path(old, "activeDeadlineSeconds");
	int64_t seconds = json_integer_value(now);

	if (!now) {
		if (before)
			field_invalid(errs, path, NULL,
			              "must not update from a positive integer to nil value");
		return true;
	}
	if (seconds < 0 || seconds > INT32_MAX) {
		field_invalid(errs, path, now, "must be between 0 and 2147483647, inclusive");
		return false;
	}
	if (before && json_integer_value(before) < seconds) {
		field_invalid(errs, path, now, "must be less than or equal to previous value");
		return false;
	}
	return true;
}

/* True if 'list' has the toleration, whatever its tolerationSeconds. */
static bool has_toleration(const json_t *list, const json_t *toleration)
{
	auto_json json_t *wanted = json_copy((json_t *)toleration);
	const json_t *element;
	bool found = false;
	size_t i;

	json_object_del(wanted, "tolerationSeconds");
	json_array_foreach(list, i, element) {
		auto_json json_t *copy = json_copy((json_t *)element);

		json_object_del(copy, "tolerationSeconds");
		found = found || validate_same(copy, wanted);
	}
	return found;
}

static void check_tolerations(const json_t *spec, const json_t *old, struct field_errors *errs)
{
	const json_t *now = json_path(spec, "tolerations"), *toleration;
	size_t i;

	json_array_foreach(json_path(old, "tolerations"), i, toleration) {
		if (has_toleration(now, toleration))
			continue;
		field_forbidden(errs, "spec.tolerations",
		                "existing toleration can not be modified except its "
		                "tolerationSeconds");
		return;
	}
}

/* Gives 'to' the member 'name' of 'from', or none. */
static void take(json_t *to, const json_t *from, const char *name)
{
	json_t *value = json_object_get(from, name);

	if (value)
		json_object_set(to, name, value);
	else
		json_object_del(to, name);
}

static void take_images(json_t *spec, const json_t *old, const char *member)
{
	json_t *container;
	size_t i;

	json_array_foreach(json_path(spec, member), i, container)
		if (json_is_object(container))
			take(container, json_array_get(json_path(old, member), i), "image");
}

/* Scheduling gates may only be taken away. */
static void check_gates(const json_t *spec, const json_t *old, struct field_errors *errs)
{
	const json_t *gate, *known;
	size_t i, j;

	json_array_foreach(json_path(spec, "schedulingGates"), i, gate) {
		bool found = false;

		json_array_foreach(json_path(old, "schedulingGates"), j, known)
			found = found || json_equal(gate, known);
		if (!found) {
			auto_free char *detail =
				xasprintf("only deletion is allowed, but found new scheduling "
			                  "gate '%s'",
			                  json_path_str(gate, "name"));

			field_forbidden(errs, field_path("spec.schedulingGates[%zu].name", i),
			                detail);
		}
	}
}

void pod_validate_update(const json_t *spec, const json_t *old_spec, struct field_errors *errs)
{
	static const char *const may_change[] = { "activeDeadlineSeconds", "tolerations",
		                                  "schedulingGates" };
	auto_json json_t *copy = NULL;

	if (!check_containers(spec, old_spec, "containers", errs) ||
	    !check_containers(spec, old_spec, "initContainers", errs) ||
	    !check_deadline(spec, old_spec, errs))
		return;
	check_tolerations(spec, old_spec, errs);
	check_gates(spec, old_spec, errs);
	if (!json_is_object(spec) || validate_same(spec, old_spec))
		return;
	copy = json_deep_copy(spec);
	take_images(copy, old_spec, "containers");
	take_images(copy, old_spec, "initContainers");
	for (size_t i = 0; i < ARRAY_SIZE(may_change); i++)
		take(copy, old_spec, may_change[i]);
	if (json_path_int(old_spec, "terminationGracePeriodSeconds", 0) < 0 &&
	    json_path_int(spec, "terminationGracePeriodSeconds", 0) == 1)
		take(copy, old_spec, "terminationGracePeriodSeconds");
	if (!validate_same(copy, old_spec))
		field_forbidden(errs, "spec", SPEC_FORBIDDEN);
}
