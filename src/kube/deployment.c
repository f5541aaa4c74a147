/* SPDX-License-Identifier: Apache-2.0 */
/* apps/v1 Deployment. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/label_selector.h"
#include "kube/schema.h"
#include "kube/validate.h"
#include "kube/workload.h"

static const char *const short_names[] = { "deploy", NULL };
static const char *const categories[] = { "all", NULL };

static const struct merge_key merge_keys[] = {
	WORKLOAD_MERGE_KEYS("spec.template."),
	{ "status.conditions", "type" },
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique within a namespace.", 0 },
	{ "Ready", "string", "", "Number of the pod with ready state", 0 },
	{ "Up-to-date", "string", "", "Number of the pods of the template as it is now.", 0 },
	{ "Available", "string", "", "Number of the pods that are ready for long enough.", 0 },
	{ "Age", "string", "", "The time since the object was created.", 0 },
	{ "Containers", "string", "", "Names of each container in the template.", 1 },
	{ "Images", "string", "", "Images referenced by each container in the template.", 1 },
	{ "Selector", "string", "", "The labels of the pods that are its own.", 1 },
};

static void prepare(json_t *object, const json_t *old, enum kind_write write)
{
	workload_prepare(object, old, write, json_object());
}

static void set_default(json_t *object, const char *path, json_t *value)
{
	if (json_path(object, path))
		json_decref(value);
	else
		json_path_set(object, path, value);
}

static void set_defaults(json_t *object)
{
	workload_set_defaults(object);
	if (!json_is_object(json_path(object, "spec")))
		return;
	if (!json_path_str(object, "spec.strategy.type")[0])
		json_path_set(object, "spec.strategy.type", json_string("RollingUpdate"));
	if (strcmp(json_path_str(object, "spec.strategy.type"), "RollingUpdate") == 0) {
		set_default(object, "spec.strategy.rollingUpdate.maxUnavailable",
		            json_string("25%"));
		set_default(object, "spec.strategy.rollingUpdate.maxSurge", json_string("25%"));
	}
	set_default(object, "spec.revisionHistoryLimit", json_integer(10));
	set_default(object, "spec.progressDeadlineSeconds", json_integer(600));
}

static bool is_percent(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && strcmp(text + digits, "%") == 0;
}

/* The number in "25%" or 3; 0 for anything else. */
static int64_t number_of(const json_t *value)
{
	const char *text = json_string_value(value);

	if (!text)
		return json_integer_value(value);
	return is_percent(text) ? strtoll(text, NULL, 10) : 0;
}

static void check_int_or_percent(const json_t *value, const char *path, struct field_errors *errs)
{
	const char *text = json_string_value(value);

	if (!text)
		validate_at_least(errs, path, value, 0);
	else if (!is_percent(text))
		field_invalid(
			errs, path, value,
			"a valid percent string must be a numeric string followed by an ending "
			"'%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')");
}

static void check_rolling_update(const json_t *update, struct field_errors *errs)
{
	static const char path[] = "spec.strategy.rollingUpdate.maxUnavailable";
	const json_t *unavailable = json_path(update, "maxUnavailable");
	const json_t *surge = json_path(update, "maxSurge");

	if (!update) {
		field_required(errs, "spec.strategy.rollingUpdate",
		               "this should be defaulted and never be nil");
		return;
	}
	check_int_or_percent(unavailable, path, errs);
	check_int_or_percent(surge, "spec.strategy.rollingUpdate.maxSurge", errs);
	if (number_of(unavailable) == 0 && number_of(surge) == 0)
		field_invalid(errs, path, unavailable, "may not be 0 when `maxSurge` is 0");
	if (json_is_string(unavailable) && number_of(unavailable) > 100)
		field_invalid(errs, path, unavailable, "must not be greater than 100%");
}

static void check_strategy(const json_t *strategy, struct field_errors *errs)
{
	static const char *const types[] = { "Recreate", "RollingUpdate", NULL };
	const json_t *update = json_path(strategy, "rollingUpdate");
	const char *type = json_path_str(strategy, "type");

	if (strcmp(type, "RollingUpdate") == 0) {
		check_rolling_update(update, errs);
	} else if (strcmp(type, "Recreate") != 0) {
		/* Go prints the whole struct. */
		auto_json json_t *shown = json_pack("{s:s,s:O?}", "Type", type, "RollingUpdate",
		                                    update);

		if (!update)
			json_object_set_new(shown, "RollingUpdate", json_null());
		field_unsupported_value(errs, "spec.strategy", shown, types);
	} else if (update) {
		field_forbidden(errs, "spec.strategy.rollingUpdate",
		                "may not be specified when strategy `type` is 'Recreate'");
	}
}

static void check_spec(const json_t *spec, struct field_errors *errs)
{
	const json_t *deadline = json_path(spec, "progressDeadlineSeconds");

	validate_at_least(errs, "spec.replicas", json_path(spec, "replicas"), 0);
	workload_validate_template(spec, errs);
	check_strategy(json_path(spec, "strategy"), errs);
	validate_at_least(errs, "spec.minReadySeconds", json_path(spec, "minReadySeconds"), 0);
	validate_at_least(errs, "spec.revisionHistoryLimit",
	                  json_path(spec, "revisionHistoryLimit"), 0);
	validate_at_least(errs, "spec.progressDeadlineSeconds", deadline, 0);
	if (deadline && json_integer_value(deadline) <= json_path_int(spec, "minReadySeconds", 0))
		field_invalid(errs, "spec.progressDeadlineSeconds", deadline,
		              "must be greater than minReadySeconds");
}

static void check_status(const json_t *status, const json_t *old, struct field_errors *errs)
{
	static const char *const counts[] = {
		"observedGeneration",  "replicas",          "updatedReplicas",
		"readyReplicas",       "availableReplicas", "unavailableReplicas",
		"terminatingReplicas", "collisionCount",    NULL
	};
	static const char *const parts[] = { "updatedReplicas", "readyReplicas",
		                             "availableReplicas" };
	int64_t collisions = json_path_int(status, "collisionCount", 0);

	workload_validate_counts(status, counts, errs);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		workload_validate_part(status, parts[i], "replicas",
		                       "cannot be greater than status.replicas", errs);
	workload_validate_part(status, "availableReplicas", "readyReplicas",
	                       "cannot be greater than readyReplicas", errs);
	if (collisions < json_path_int(old, "collisionCount", 0)) {
		auto_json json_t *value = json_integer(collisions);

		field_invalid(errs, "status.collisionCount", value, "cannot be decremented");
	}
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	const json_t *spec = json_path(object, "spec");

	kind_validate_meta(&kind_deployment, object, old, errs);
	if (write == KIND_UPDATE_STATUS) {
		check_status(json_path(object, "status"), json_path(old, "status"), errs);
		return;
	}
	check_spec(spec, errs);
	if (old) {
		auto_json json_t *now = label_selector_sorted(json_path(spec, "selector"));
		auto_json json_t *before = label_selector_sorted(json_path(old, "spec.selector"));

		validate_immutable(errs, "spec.selector", now, before);
	}
}

static void row(const json_t *object, int64_t now, json_t *cells)
{
	const json_t *spec = json_path(object, "spec"), *status = json_path(object, "status");
	auto_buf struct buf selector = BUF_INIT;
	char ready[64];

	(void)snprintf(ready, sizeof(ready), "%" PRId64 "/%" PRId64,
	               json_path_int(status, "readyReplicas", 0),
	               json_path_int(spec, "replicas", 0));
	cell_add_name(cells, object);
	cell_add(cells, ready);
	cell_add_int(cells, json_path_int(status, "updatedReplicas", 0));
	cell_add_int(cells, json_path_int(status, "availableReplicas", 0));
	cell_add_object_age(cells, object, now);
	workload_add_containers(cells, json_path(spec, "template"));
	label_selector_print(&selector, json_path(spec, "selector"));
	cell_add(cells, buf_str(&selector));
}

const struct kind kind_deployment = {
	.group = "apps",
	.version = "v1",
	.api_version = "apps/v1",
	.name = "Deployment",
	.plural = "deployments",
	.singular = "deployment",
	.short_names = short_names,
	.categories = categories,
	.namespaced = true,
	.has_status = true,
	.has_generation = true,
	.has_scale = true,
	.generation_meta = "annotations",
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_deployment,
	.check_name = name_check_dns_subdomain,
	.prepare = prepare,
	.set_defaults = set_defaults,
	.validate = validate,
	.warn = workload_warn,
	.row = row,
};
