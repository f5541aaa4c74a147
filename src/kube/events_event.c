/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.k8s.io/v1 Event: the stored core/v1 Events under other names of their fields, and with
 * stricter rules for who writes them here.
 */
#include <string.h>

#include "base/mem.h"
#include "kube/event.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/kind_meta.h"
#include "kube/schema.h"
#include "kube/validate.h"

static const char *const short_names[] = { "ev", NULL };
static const char *const fields[] = {
	"reason",
	"regarding.kind",
	"regarding.namespace",
	"regarding.name",
	"regarding.uid",
	"regarding.apiVersion",
	"regarding.resourceVersion",
	"regarding.fieldPath",
	"reportingController",
	"type",
	NULL,
};

static const struct merge_key merge_keys[] = {
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct {
	const char *here, *stored;
} names[] = {
	{ "regarding", "involvedObject" },
	{ "note", "message" },
	{ "reportingController", "reportingComponent" },
	{ "deprecatedSource", "source" },
	{ "deprecatedFirstTimestamp", "firstTimestamp" },
	{ "deprecatedLastTimestamp", "lastTimestamp" },
	{ "deprecatedCount", "count" },
};

static void rename_member(json_t *object, const char *from, const char *to)
{
	json_t *value = json_incref(json_object_get(object, from));

	if (!value)
		return;
	json_object_del(object, from);
	json_object_set_new(object, to, value);
}

static void to_stored(json_t *object)
{
	if (!json_is_object(object))
		return;
	json_object_set_new(object, "apiVersion", json_string(kind_event.api_version));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		/* Members of the stored form mean nothing here. */
		json_object_del(object, names[i].stored);
		rename_member(object, names[i].here, names[i].stored);
	}
}

static void from_stored(json_t *object)
{
	static const char *const omitted[] = { "reportingController", "reportingInstance" };

	if (!json_is_object(object))
		return;
	json_object_set_new(object, "apiVersion", json_string(kind_events_event.api_version));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		rename_member(object, names[i].stored, names[i].here);
	/* Here these are left out if they are empty, and that is always there. */
	for (size_t i = 0; i < ARRAY_SIZE(omitted); i++)
		if (!json_path_str(object, omitted[i])[0])
			json_object_del(object, omitted[i]);
	if (!json_object_get(object, "eventTime"))
		json_object_set_new(object, "eventTime", json_null());
}

static void check_series(const json_t *object, struct field_errors *errs)
{
	const json_t *series = json_path(object, "series");

	if (!series)
		return;
	if (json_path_int(series, "count", 0) < 2)
		field_invalid_string(errs, "series.count", "", "should be at least 2");
	if (!json_path(series, "lastObservedTime"))
		field_required(errs, "series.lastObservedTime", "");
}

static void check_unset(const json_t *object, const char *member, struct field_errors *errs)
{
	const json_t *value = json_path(object, member);

	if (value && json_integer_value(value) == 0 && json_is_integer(value))
		return;
	if (value && !(json_is_object(value) && json_object_size(value) == 0))
		field_invalid_string(errs, member, "", "needs to be unset");
}

static void check_create(const json_t *object, struct field_errors *errs)
{
	static const char *const unset[] = { "firstTimestamp", "lastTimestamp", "count", "source" };
	const char *type = json_path_str(object, "type");

	check_series(object, errs);
	if (!json_path(object, "eventTime"))
		field_required(errs, "eventTime", "");
	if (strcmp(type, "Normal") != 0 && strcmp(type, "Warning") != 0) {
		auto_json json_t *detail = json_sprintf("has invalid value: %s", type);

		field_invalid_string(errs, "type", "", json_string_value(detail));
	}
	for (size_t i = 0; i < ARRAY_SIZE(unset); i++)
		check_unset(object, unset[i], errs);
}

/* Only the series and metadata may change; the pairs are the stored name and the one of errors. */
static void check_update(const json_t *object, const json_t *old, struct field_errors *errs)
{
	static const char *const fixed[][2] = {
		{ "involvedObject", "involvedObject" },
		{ "reason", "reason" },
		{ "message", "message" },
		{ "source", "source" },
		{ "firstTimestamp", "firstTimestamp" },
		{ "lastTimestamp", "lastTimestamp" },
		{ "count", "count" },
		{ "type", "type" },
		{ "eventTime", "eventTime" },
		{ "action", "action" },
		{ "related", "related" },
		{ "reportingComponent", "reportingController" },
		{ "reportingInstance", "reportingInstance" },
	};

	if (!validate_same(json_path(object, "series"), json_path(old, "series")))
		check_series(object, errs);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		validate_immutable(errs, fixed[i][1], json_path(object, fixed[i][0]),
		                   json_path(old, fixed[i][0]));
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	(void)write;
	event_validate(object, "reportingController", errs);
	kind_validate_meta(&kind_events_event, object, old, errs);
	if (old)
		check_update(object, old, errs);
	else
		check_create(object, errs);
}

const struct kind kind_events_event = {
	.group = "events.k8s.io",
	.version = "v1",
	.api_version = "events.k8s.io/v1",
	.name = "Event",
	.plural = "events",
	.singular = "event",
	.short_names = short_names,
	.namespaced = true,
	.create_on_update = true,
	.stored_as = &kind_event,
	.to_stored = to_stored,
	.from_stored = from_stored,
	.fields = fields,
	.merge_keys = merge_keys,
	.columns = event_columns,
	.n_columns = EVENT_COLUMNS,
	.schema = &schema_events_event,
	.check_name = name_check_dns_subdomain,
	.prepare = kind_meta_prepare,
	.validate = validate,
	.row = event_row,
};
