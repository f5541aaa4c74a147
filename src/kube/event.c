/* SPDX-License-Identifier: Apache-2.0 */
/* core/v1 Event. */
#include "kube/event.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/kind_meta.h"
#include "kube/schema.h"
#include "kube/validate.h"

#define WORD_MAX    128
#define MESSAGE_MAX 1024

static const char *const short_names[] = { "ev", NULL };
static const char *const fields[] = {
	"involvedObject.kind",
	"involvedObject.namespace",
	"involvedObject.name",
	"involvedObject.uid",
	"involvedObject.apiVersion",
	"involvedObject.resourceVersion",
	"involvedObject.fieldPath",
	"reason",
	"reportingComponent",
	"source",
	"type",
	NULL,
};

static const struct merge_key merge_keys[] = {
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

const struct table_column event_columns[EVENT_COLUMNS] = {
	{ "Last Seen", "string", "", "When this event was last seen.", 0 },
	{ "Type", "string", "", "Type of this event (Normal, Warning).", 0 },
	{ "Reason", "string", "", "Why the object came into its state.", 0 },
	{ "Object", "string", "", "The object that this event is about.", 0 },
	{ "Subobject", "string", "", "The part of the object this event is about.", 1 },
	{ "Source", "string", "", "The component reporting this event.", 1 },
	{ "Message", "string", "", "What happened, for people.", 0 },
	{ "First Seen", "string", "", "When this event was first seen.", 1 },
	{ "Count", "string", "", "How many times this event has occurred.", 1 },
	{ "Name", "string", "name", "Name must be unique within a namespace.", 1 },
};

/* Events of old clients, without eventTime; those about no namespace live in "default". */
static bool is_old_namespace(const char *involved, const char *ns)
{
	if (involved[0])
		return strcmp(involved, ns) == 0;
	return !ns[0] || strcmp(ns, "default") == 0;
}

static bool is_new_namespace(const char *involved, const char *ns)
{
	return involved[0] || strcmp(ns, "default") == 0 || strcmp(ns, "kube-system") == 0;
}

static void check_length(const json_t *object, const char *member, size_t max, bool required,
                         struct field_errors *errs)
{
	const char *text = json_path_str(object, member);
	auto_free char *detail = NULL;

	if (!text[0] && required)
		field_required(errs, member, "");
	if (strlen(text) <= max)
		return;
	detail = xasprintf("can have at most %zu characters", max);
	field_invalid_string(errs, member, "", detail);
}

void event_validate(const json_t *object, const char *controller, struct field_errors *errs)
{
	const char *involved = json_path_str(object, "involvedObject.namespace");
	const char *reporter = json_path_str(object, "reportingComponent");
	const char *ns = json_path_str(object, "metadata.namespace");
	bool is_new = json_path(object, "eventTime");

	if (is_new ? !is_new_namespace(involved, ns) : !is_old_namespace(involved, ns))
		field_invalid_string(errs, "involvedObject.namespace", involved,
		                     "does not match event.namespace");
	if (!is_new)
		return;
	if (!reporter[0])
		field_required(errs, controller, "");
	validate_name(errs, controller, reporter, name_check_label_key);
	check_length(object, "reportingInstance", WORD_MAX, true, errs);
	check_length(object, "action", WORD_MAX, true, errs);
	check_length(object, "reason", WORD_MAX, true, errs);
	check_length(object, "message", MESSAGE_MAX, false, errs);
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	(void)write;
	kind_validate_meta(&kind_event, object, old, errs);
	event_validate(object, "reportingComponent", errs);
}

/* Who reported it, in whichever of the fields. */
static const char *field_value(const json_t *object, const char *field)
{
	const char *component = json_path_str(object, "source.component");

	if (strcmp(field, "source") != 0)
		return NULL;
	return component[0] ? component : json_path_str(object, "reportingComponent");
}

static void add_lower(struct buf *b, const char *text)
{
	for (; *text; text++)
		buf_addc(b, (char)tolower((unsigned char)*text));
}

/* "pod/web-1" */
static void add_object(json_t *cells, const json_t *object)
{
	const char *name = json_path_str(object, "involvedObject.name");
	auto_buf struct buf b = BUF_INIT;

	add_lower(&b, json_path_str(object, "involvedObject.kind"));
	if (name[0])
		buf_printf(&b, "/%s", name);
	cell_add(cells, buf_str(&b));
}

/* "component, host" */
static void add_source(json_t *cells, const json_t *object)
{
	const char *component = json_path_str(object, "source.component");
	const char *host = json_path_str(object, "source.host");
	auto_buf struct buf b = BUF_INIT;

	buf_adds(&b, component[0] ? component : json_path_str(object, "reportingComponent"));
	if (!host[0])
		host = json_path_str(object, "reportingInstance");
	if (host[0])
		buf_printf(&b, ", %s", host);
	cell_add(cells, buf_str(&b));
}

static void add_message(json_t *cells, const json_t *object)
{
	const char *text = json_path_str(object, "message");
	auto_buf struct buf b = BUF_INIT;
	size_t n;

	while (isspace((unsigned char)*text))
		text++;
	n = strlen(text);
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	buf_add(&b, text, n);
	cell_add(cells, buf_str(&b));
}

void event_row(const json_t *object, int64_t now, json_t *cells)
{
	const char *first = json_path_string(object, "firstTimestamp");
	const char *last = json_path_string(object, "lastTimestamp");
	int64_t count = json_path_int(object, "count", 0);

	if (!first)
		first = json_path_string(object, "eventTime");
	if (!last)
		last = first;
	if (json_path(object, "series")) {
		last = json_path_string(object, "series.lastObservedTime");
		count = json_path_int(object, "series.count", 0);
	} else if (count == 0) {
		count = 1;
	}
	cell_add_age(cells, last, now);
	cell_add(cells, json_path_str(object, "type"));
	cell_add(cells, json_path_str(object, "reason"));
	add_object(cells, object);
	cell_add(cells, json_path_str(object, "involvedObject.fieldPath"));
	add_source(cells, object);
	add_message(cells, object);
	cell_add_age(cells, first, now);
	cell_add_int(cells, count);
	cell_add_name(cells, object);
}

const struct kind kind_event = {
	.group = "",
	.version = "v1",
	.api_version = "v1",
	.name = "Event",
	.plural = "events",
	.singular = "event",
	.short_names = short_names,
	.namespaced = true,
	.create_on_update = true,
	.fields = fields,
	.merge_keys = merge_keys,
	.columns = event_columns,
	.n_columns = EVENT_COLUMNS,
	.schema = &schema_event,
	.check_name = name_check_path_segment,
	.prepare = kind_meta_prepare,
	.validate = validate,
	.field_value = field_value,
	.row = event_row,
};
