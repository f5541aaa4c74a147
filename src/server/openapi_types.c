/* SPDX-License-Identifier: Apache-2.0 */
#include "server/openapi_types.h"

#include <stdlib.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/protobuf.h"
#include "kube/schema.h"
#include "server/openapi_rules.h"

#define API       "io.k8s.api."
#define MACHINERY "io.k8s.apimachinery.pkg.apis."

/* Types whose values are not made of fields, as each dialect says them. */
struct scalar {
	const char *name, *v2, *v3;
};

static const struct scalar any_time = {
	OPENAPI_META "Time",
	"{\"type\":\"string\",\"format\":\"date-time\"}",
	"{\"type\":\"string\",\"format\":\"date-time\"}",
};
static const struct scalar micro_time = {
	OPENAPI_META "MicroTime",
	"{\"type\":\"string\",\"format\":\"date-time\"}",
	"{\"type\":\"string\",\"format\":\"date-time\"}",
};
static const struct scalar int_or_string = {
	"io.k8s.apimachinery.pkg.util.intstr.IntOrString",
	"{\"type\":\"string\",\"format\":\"int-or-string\"}",
	"{\"format\":\"int-or-string\",\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}",
};
static const struct scalar quantity = {
	"io.k8s.apimachinery.pkg.api.resource.Quantity",
	"{\"type\":\"string\"}",
	"{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]}",
};
static const struct scalar patch = {
	OPENAPI_PATCH,
	"{\"type\":\"object\"}",
	"{\"type\":\"object\"}",
};

/* What a schema_type is called; all empty: anything. */
static const struct form {
	const char *type, *format;
	const struct scalar *scalar;
} forms[] = {
	[SCHEMA_STRING] = { .type = "string" },
	[SCHEMA_BOOL] = { .type = "boolean" },
	[SCHEMA_INT32] = { .type = "integer", .format = "int32" },
	[SCHEMA_INT64] = { .type = "integer", .format = "int64" },
	[SCHEMA_INT_OR_STRING] = { .scalar = &int_or_string },
	[SCHEMA_TIME] = { .scalar = &any_time },
	[SCHEMA_MICRO_TIME] = { .scalar = &micro_time },
	[SCHEMA_QUANTITY] = { .scalar = &quantity },
	[SCHEMA_BYTES] = { .type = "string", .format = "byte" },
	[SCHEMA_OBJECT] = { .type = "object" },
	[SCHEMA_ANY] = { 0 },
};

/* clang-format off */
#define FIELD(n, t)        { .name = (n), .type = (t) }
#define STRINGS(n)         { .name = (n), .type = SCHEMA_STRING, .shape = SCHEMA_LIST }
#define STRUCT(n, go, s)   { .name = (n), .type = SCHEMA_OBJECT, .go_type = (go), .schema = &(s) }
#define STRUCTS(n, go, s)  { .name = (n), .type = SCHEMA_OBJECT, .shape = SCHEMA_LIST, \
                             .go_type = (go), .schema = &(s) }
#define FIELDS(...)        .fields = (const struct schema_field[]){ __VA_ARGS__, { .name = NULL } }
#define TYPE_META          FIELD("apiVersion", SCHEMA_STRING), FIELD("kind", SCHEMA_STRING)

static const struct schema list_meta = { .go_name = "ListMeta", FIELDS(
	FIELD("continue", SCHEMA_STRING),
	FIELD("remainingItemCount", SCHEMA_INT64),
	FIELD("resourceVersion", SCHEMA_STRING),
	FIELD("selfLink", SCHEMA_STRING)) };

static const struct schema status_cause = { .go_name = "StatusCause", FIELDS(
	FIELD("field", SCHEMA_STRING),
	FIELD("message", SCHEMA_STRING),
	FIELD("reason", SCHEMA_STRING)) };

static const struct schema status_details = { .go_name = "StatusDetails", FIELDS(
	STRUCTS("causes", "v1.StatusCause", status_cause),
	FIELD("group", SCHEMA_STRING),
	FIELD("kind", SCHEMA_STRING),
	FIELD("name", SCHEMA_STRING),
	FIELD("retryAfterSeconds", SCHEMA_INT32),
	FIELD("uid", SCHEMA_STRING)) };

static const struct schema status = { .go_name = "Status", FIELDS(
	TYPE_META,
	FIELD("code", SCHEMA_INT32),
	STRUCT("details", "v1.StatusDetails", status_details),
	FIELD("message", SCHEMA_STRING),
	STRUCT("metadata", "v1.ListMeta", list_meta),
	FIELD("reason", SCHEMA_STRING),
	FIELD("status", SCHEMA_STRING)) };
/* clang-format on */

static const struct kind meta_delete_options = { .group = "",
	                                         .version = "v1",
	                                         .name = "DeleteOptions",
	                                         .schema = &schema_delete_options };
static const struct kind meta_status = { .group = "",
	                                 .version = "v1",
	                                 .name = "Status",
	                                 .schema = &status };

/* Types of apimachinery, and those that other groups have from the core group. */
static const char *const meta_types[] = {
	"Condition",          "FieldSelectorRequirement",
	"LabelSelector",      "LabelSelectorRequirement",
	"ManagedFieldsEntry", "ObjectMeta",
	"OwnerReference",
};
static const char *const core_types[] = { "EventSource", "ObjectReference", "PodTemplateSpec" };

/* A field as one of the two sources has it. */
struct field {
	const char *name;
	enum schema_type type;
	enum schema_shape shape;
	const char *go_type;
	const struct schema *schema;
	const ProtobufCMessageDescriptor *message;
};

typedef void (*field_fn)(void *arg, const struct field *field);

struct type {
	char *name;
	const char *label;           /* the part of the name that the tables above have */
	const struct scalar *scalar; /* what it is, or: */
	const struct schema *schema; /* its fields, and if that is NULL: */
	const ProtobufCMessageDescriptor *message; /* the same in protobuf, may be NULL, or: */
	const struct kind *list_of;
	const struct kind *kind; /* where it was first met: merge keys are said by path */
	char *path;              /* in there, "" is the object itself */
};

struct openapi_types {
	struct type *list;
	size_t n, cap;
};

static bool has_word(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

/* "discovery.k8s.io" is the package "discovery", the core group is "core". */
char *openapi_kind_name(const struct kind *kind, bool list)
{
	const char *end = list ? "List" : "";

	if (kind == &meta_delete_options || kind == &meta_status)
		return xasprintf(OPENAPI_META "%s", kind->name);
	if (!kind->group[0])
		return xasprintf(API "core.%s.%s%s", kind->version, kind->name, end);
	return xasprintf(API "%.*s.%s.%s%s", (int)strcspn(kind->group, "."), kind->group,
	                 kind->version, kind->name, end);
}

/* The type of a field of the type 'owner': of the same package, mostly. */
static char *field_type_name(const char *owner, const struct field *field)
{
	const char *name = strrchr(field->go_type, '.');

	name = name ? name + 1 : field->go_type;
	if (has_word(meta_types, ARRAY_SIZE(meta_types), name) ||
	    (field->message && strcmp(field->message->package_name, "meta") == 0))
		return xasprintf(OPENAPI_META "%s", name);
	if (has_word(core_types, ARRAY_SIZE(core_types), name))
		return xasprintf(API "core.v1.%s", name);
	return xasprintf("%.*s%s", (int)(strrchr(owner, '.') - owner + 1), owner, name);
}

static const char *label_of(const char *name)
{
	if (strncmp(name, API, strlen(API)) == 0)
		return name + strlen(API);
	return strncmp(name, MACHINERY, strlen(MACHINERY)) == 0 ? name + strlen(MACHINERY) : name;
}

/* The new entry, or NULL where 'name' (taken over) is there already. */
static struct type *add_type(struct openapi_types *types, char *name)
{
	struct type *type;

	for (size_t i = 0; i < types->n; i++) {
		if (strcmp(types->list[i].name, name) == 0) {
			free(name);
			return NULL;
		}
	}
	if (types->n == types->cap) {
		types->cap = types->cap ? types->cap * 2 : 32;
		types->list = xrealloc(types->list, types->cap * sizeof(*types->list));
	}
	type = &types->list[types->n++];
	*type = (struct type){ .name = name, .label = label_of(name) };
	return type;
}

static void add_scalar(struct openapi_types *types, const struct scalar *scalar)
{
	struct type *type = add_type(types, xstrdup(scalar->name));

	if (type)
		type->scalar = scalar;
}

/*
 * Reviews know only those members of metadata that matter to them; there is one ObjectMeta in the
 * API, and stored kinds have all of it.
 */
static const struct schema *field_schema(const struct schema_field *field)
{
	if (!field->schema || strcmp(field->schema->go_name, "ObjectMeta") != 0)
		return field->schema;
	for (const struct schema_field *f = kinds[0]->schema->fields; f->name; f++)
		if (strcmp(f->name, "metadata") == 0)
			return f->schema;
	return field->schema;
}

/* Messages of meta.proto that are no objects in JSON, and the entries of maps. */
static const struct {
	const char *message;
	enum schema_type type;
	enum schema_shape shape;
} special[] = {
	{ "BytesEntry", SCHEMA_BYTES, SCHEMA_MAP },
	{ "FieldsV1", SCHEMA_OBJECT, SCHEMA_ONE },
	{ "IntOrString", SCHEMA_INT_OR_STRING, SCHEMA_ONE },
	{ "MicroTime", SCHEMA_MICRO_TIME, SCHEMA_ONE },
	{ "Quantity", SCHEMA_QUANTITY, SCHEMA_ONE },
	{ "QuantityEntry", SCHEMA_QUANTITY, SCHEMA_MAP },
	{ "StringEntry", SCHEMA_STRING, SCHEMA_MAP },
	{ "StringsEntry", SCHEMA_ANY, SCHEMA_MAP },
	{ "Time", SCHEMA_TIME, SCHEMA_ONE },
};

static void set_message(struct field *field, const ProtobufCMessageDescriptor *message)
{
	if (strcmp(message->package_name, "meta") == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(special); i++) {
			if (strcmp(special[i].message, message->short_name) == 0) {
				field->type = special[i].type;
				if (special[i].shape == SCHEMA_MAP)
					field->shape = SCHEMA_MAP;
				return;
			}
		}
	}
	field->type = SCHEMA_OBJECT;
	field->go_type = message->name;
	field->message = message;
}

static struct field field_of_member(const ProtobufCFieldDescriptor *member)
{
	struct field field = { .name = member->name };

	field.shape = member->label == PROTOBUF_C_LABEL_REPEATED ? SCHEMA_LIST : SCHEMA_ONE;
	if (member->type == PROTOBUF_C_TYPE_MESSAGE)
		set_message(&field, member->descriptor);
	else if (member->type == PROTOBUF_C_TYPE_BOOL)
		field.type = SCHEMA_BOOL;
	else if (member->type == PROTOBUF_C_TYPE_INT32)
		field.type = SCHEMA_INT32;
	else if (member->type == PROTOBUF_C_TYPE_INT64)
		field.type = SCHEMA_INT64;
	else
		field.type = member->type == PROTOBUF_C_TYPE_BYTES ? SCHEMA_BYTES : SCHEMA_STRING;
	return field;
}

/* The members of a field "inline" are the message's own. */
static bool is_inline(const ProtobufCFieldDescriptor *member)
{
	return strcmp(member->name, "inline") == 0;
}

static const ProtobufCFieldDescriptor *find_member(const ProtobufCMessageDescriptor *message,
                                                   const char *name)
{
	const ProtobufCFieldDescriptor *found = NULL;

	for (unsigned int i = 0; message && i < message->n_fields && !found; i++) {
		const ProtobufCFieldDescriptor *member = &message->fields[i];

		if (is_inline(member))
			found = find_member(member->descriptor, name);
		else if (strcmp(member->name, name) == 0)
			found = member;
	}
	return found;
}

static void each_member(const ProtobufCMessageDescriptor *message, field_fn fn, void *arg)
{
	for (unsigned int i = 0; message && i < message->n_fields; i++) {
		struct field field = field_of_member(&message->fields[i]);

		if (is_inline(&message->fields[i]))
			each_member(message->fields[i].descriptor, fn, arg);
		else
			fn(arg, &field);
	}
}

/* Where a schema does not look into a field, the message does. */
static void each_field(const struct schema *schema, const ProtobufCMessageDescriptor *message,
                       field_fn fn, void *arg)
{
	if (!schema)
		each_member(message, fn, arg);
	for (const struct schema_field *f = schema ? schema->fields : NULL; f && f->name; f++) {
		const ProtobufCFieldDescriptor *member = find_member(message, f->name);
		struct field field = {
			f->name, f->type, f->shape, f->go_type, field_schema(f), NULL
		};
		bool open = f->type == SCHEMA_ANY || (f->type == SCHEMA_OBJECT && !f->schema);

		if (member && open)
			field = field_of_member(member);
		else if (member && member->type == PROTOBUF_C_TYPE_MESSAGE)
			field.message = member->descriptor;
		fn(arg, &field);
	}
}

/* What is being added. */
struct addition {
	struct openapi_types *types;
	const char *owner; /* the name of the type */
	const struct kind *kind;
	const char *path;
};

static void add_field_type(void *arg, const struct field *field);

static void add_struct(const struct addition *at, char *name, const struct schema *schema,
                       const ProtobufCMessageDescriptor *message)
{
	struct addition below = { at->types, name, at->kind, at->path };
	struct type *type = add_type(at->types, name);

	if (!type)
		return;
	type->schema = schema;
	type->message = message;
	type->kind = at->kind;
	type->path = xstrdup(at->path);
	each_field(schema, message, add_field_type, &below);
}

static void add_field_type(void *arg, const struct field *field)
{
	const struct addition *at = arg;
	const struct scalar *scalar = forms[field->type].scalar;
	auto_free char *path = xasprintf("%s%s%s", at->path, at->path[0] ? "." : "", field->name);
	struct addition below = { at->types, NULL, at->kind, path };

	if (scalar)
		add_scalar(at->types, scalar);
	else if (field->type == SCHEMA_OBJECT && (field->schema || field->message))
		add_struct(&below, field_type_name(at->owner, field), field->schema,
		           field->message);
}

void openapi_types_add(struct openapi_types *types, const struct kind *kind, bool listed)
{
	struct addition at = { types, NULL, kind, "" };
	struct type *list;

	add_struct(&at, openapi_kind_name(kind, false), kind->schema,
	           kind->api_version ? protobuf_type(kind->api_version, kind->name) : NULL);
	if (!listed)
		return;
	list = add_type(types, openapi_kind_name(kind, true));
	if (list)
		list->list_of = kind;
}

struct openapi_types *openapi_types_new(void)
{
	struct openapi_types *types = xnew(struct openapi_types);

	openapi_types_add(types, &meta_delete_options, false);
	openapi_types_add(types, &meta_status, false);
	add_scalar(types, &patch);
	return types;
}

void openapi_types_free(struct openapi_types *types)
{
	if (!types)
		return;
	for (size_t i = 0; i < types->n; i++) {
		free(types->list[i].name);
		free(types->list[i].path);
	}
	free(types->list);
	free(types);
}

size_t openapi_types_count(const struct openapi_types *types)
{
	return types->n;
}

const char *openapi_types_name(const struct openapi_types *types, size_t i)
{
	return types->list[i].name;
}

json_t *openapi_ref(const char *name, enum openapi_dialect dialect)
{
	return json_pack("{s:o}", "$ref",
	                 json_sprintf(dialect == OPENAPI_V2 ? "#/definitions/%s"
	                                                    : "#/components/schemas/%s",
	                              name));
}

/* Version 3 ignores what stands beside a reference, so that stands in a list of its own. */
static json_t *wrapped_ref(const char *name, enum openapi_dialect dialect)
{
	json_t *ref = openapi_ref(name, dialect);

	return dialect == OPENAPI_V2 ? ref : json_pack("{s:[o]}", "allOf", ref);
}

/* Of a value about which nothing is known but, perhaps, that it is an object. */
static json_t *free_form(const struct form *form, enum openapi_dialect dialect)
{
	json_t *schema = json_object();

	if (form->type)
		json_object_set_new(schema, "type", json_string(form->type));
	if (dialect == OPENAPI_V3)
		json_object_set_new(schema, "x-kubernetes-preserve-unknown-fields", json_true());
	return schema;
}

static json_t *value_schema(const struct type *type, const struct field *field,
                            enum openapi_dialect dialect)
{
	const struct form *form = &forms[field->type];
	json_t *schema, *values;

	if (form->scalar)
		return wrapped_ref(form->scalar->name, dialect);
	if (field->type == SCHEMA_OBJECT && (field->schema || field->message)) {
		auto_free char *name = field_type_name(type->name, field);

		return wrapped_ref(name, dialect);
	}
	if (!form->type || field->type == SCHEMA_OBJECT)
		return free_form(form, dialect);
	schema = json_pack("{s:s}", "type", form->type);
	if (form->format)
		json_object_set_new(schema, "format", json_string(form->format));
	values = field->go_type ? openapi_rules_values(field->go_type) : NULL;
	if (values)
		json_object_set_new(schema, "enum", values);
	return schema;
}

/* How lists merge: by a key, as a set, or not at all. */
static void add_list_type(json_t *to, const struct type *type, const struct field *field)
{
	auto_free char *path = xasprintf("%s%s%s", type->path, type->path[0] ? "." : "",
	                                 field->name);
	const struct merge_key *row = type->kind->merge_keys;

	while (row && row->path && strcmp(row->path, path) != 0)
		row++;
	if (!row || !row->path) {
		json_object_set_new(to, OPENAPI_LIST_TYPE, json_string("atomic"));
		return;
	}
	if (row->key) {
		json_object_set_new(to, OPENAPI_LIST_KEYS, json_pack("[s]", row->key));
		json_object_set_new(to, "x-kubernetes-patch-merge-key", json_string(row->key));
	}
	json_object_set_new(to, OPENAPI_LIST_TYPE, json_string(row->key ? "map" : "set"));
	json_object_set_new(to, OPENAPI_STRATEGY, json_string("merge"));
}

static json_t *field_property(const struct type *type, const struct field *field,
                              enum openapi_dialect dialect)
{
	json_t *schema = value_schema(type, field, dialect);

	if (field->shape == SCHEMA_LIST) {
		schema = json_pack("{s:s,s:o}", "type", "array", "items", schema);
		add_list_type(schema, type, field);
	} else if (field->shape == SCHEMA_MAP) {
		schema = json_pack("{s:s,s:o}", "type", "object", "additionalProperties", schema);
	}
	openapi_rules_extend(schema, type->label, field->name);
	return schema;
}

json_t *openapi_gvk(const struct kind *kind)
{
	return json_pack("{s:s,s:s,s:s}", "group", kind->group, "kind", kind->name, "version",
	                 kind->version);
}

static json_t *list_schema(const struct kind *kind, enum openapi_dialect dialect)
{
	auto_free char *name = openapi_kind_name(kind, false);
	json_t *gvk = openapi_gvk(kind);

	json_object_set_new(gvk, "kind", json_sprintf("%sList", kind->name));
	return json_pack("{s:s,s:[s],s:{s:{s:s},s:{s:s,s:o},s:{s:s},s:o},s:[o]}", "type", "object",
	                 "required", "items", "properties", "apiVersion", "type", "string", "items",
	                 "type", "array", "items", wrapped_ref(name, dialect), "kind", "type",
	                 "string", "metadata", wrapped_ref(OPENAPI_META "ListMeta", dialect),
	                 "x-kubernetes-group-version-kind", gvk);
}

/* A definition being written. */
struct definition {
	const struct type *type;
	enum openapi_dialect dialect;
	json_t *properties;
};

static void add_property(void *arg, const struct field *field)
{
	const struct definition *d = arg;

	json_object_set_new(d->properties, field->name, field_property(d->type, field, d->dialect));
}

static json_t *struct_schema(const struct type *type, enum openapi_dialect dialect)
{
	struct definition definition = { type, dialect, json_object() };
	json_t *schema = json_pack("{s:s}", "type", "object");
	json_t *required = openapi_rules_required(type->label);

	if (required)
		json_object_set_new(schema, "required", required);
	each_field(type->schema, type->message, add_property, &definition);
	json_object_set_new(schema, "properties", definition.properties);
	openapi_rules_extend(schema, type->label, NULL);
	if (!type->path[0])
		json_object_set_new(schema, "x-kubernetes-group-version-kind",
		                    json_pack("[o]", openapi_gvk(type->kind)));
	return schema;
}

json_t *openapi_types_schema(const struct openapi_types *types, size_t i,
                             enum openapi_dialect dialect)
{
	const struct type *type = &types->list[i];

	if (type->scalar)
		return json_loads(dialect == OPENAPI_V2 ? type->scalar->v2 : type->scalar->v3, 0,
		                  NULL);
	return type->list_of ? list_schema(type->list_of, dialect) : struct_schema(type, dialect);
}
