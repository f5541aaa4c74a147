/* SPDX-License-Identifier: Apache-2.0 */
#include "server/openapi_types.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/schema.h"

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

static const struct schema preconditions = { .go_name = "Preconditions", FIELDS(
	FIELD("resourceVersion", SCHEMA_STRING),
	FIELD("uid", SCHEMA_STRING)) };

static const struct schema delete_options = { .go_name = "DeleteOptions", FIELDS(
	TYPE_META,
	STRINGS("dryRun"),
	FIELD("gracePeriodSeconds", SCHEMA_INT64),
	FIELD("orphanDependents", SCHEMA_BOOL),
	STRUCT("preconditions", "v1.Preconditions", preconditions),
	FIELD("propagationPolicy", SCHEMA_STRING)) };

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
	                                         .schema = &delete_options };
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

/* The fields that have to be there, separated by blanks. */
static const struct required {
	const char *type, *fields;
} required[] = {
	{ "apps.v1.DeploymentCondition", "type status" },
	{ "apps.v1.DeploymentSpec", "selector template" },
	{ "apps.v1.ReplicaSetCondition", "type status" },
	{ "apps.v1.ReplicaSetSpec", "selector" },
	{ "apps.v1.ReplicaSetStatus", "replicas" },
	{ "authentication.v1.TokenReview", "spec" },
	{ "authentication.v1.TokenReviewSpec", "token" },
	{ "authorization.v1.NonResourceRule", "verbs" },
	{ "authorization.v1.ResourceRule", "verbs" },
	{ "authorization.v1.SelfSubjectAccessReview", "spec" },
	{ "authorization.v1.SelfSubjectRulesReview", "spec" },
	{ "authorization.v1.SubjectAccessReview", "spec" },
	{ "authorization.v1.SubjectAccessReviewStatus", "allowed" },
	{ "autoscaling.v1.ScaleStatus", "replicas" },
	{ "core.v1.Binding", "target" },
	{ "core.v1.Container", "name" },
	{ "core.v1.ContainerPort", "containerPort" },
	{ "core.v1.ContainerStateTerminated", "exitCode" },
	{ "core.v1.ContainerStatus", "name ready restartCount image imageID" },
	{ "core.v1.DaemonEndpoint", "Port" },
	{ "core.v1.EndpointAddress", "ip" },
	{ "core.v1.EndpointPort", "port" },
	{ "core.v1.EnvVar", "name" },
	{ "core.v1.EphemeralContainer", "name" },
	{ "core.v1.Event", "metadata involvedObject" },
	{ "core.v1.GRPCAction", "port" },
	{ "core.v1.HTTPGetAction", "port" },
	{ "core.v1.HTTPHeader", "name value" },
	{ "core.v1.HostAlias", "ip" },
	{ "core.v1.HostIP", "ip" },
	{ "core.v1.NamespaceCondition", "type status" },
	{ "core.v1.NodeAddress", "type address" },
	{ "core.v1.NodeCondition", "type status" },
	{ "core.v1.NodeSystemInfo", "machineID systemUUID bootID kernelVersion osImage "
	                            "containerRuntimeVersion kubeletVersion kubeProxyVersion "
	                            "operatingSystem architecture" },
	{ "core.v1.PodCondition", "type status" },
	{ "core.v1.PodIP", "ip" },
	{ "core.v1.PodReadinessGate", "conditionType" },
	{ "core.v1.PodSchedulingGate", "name" },
	{ "core.v1.PodSpec", "containers" },
	{ "core.v1.PortStatus", "port protocol" },
	{ "core.v1.ServicePort", "port" },
	{ "core.v1.TCPSocketAction", "port" },
	{ "core.v1.Taint", "key effect" },
	{ "core.v1.TopologySpreadConstraint", "maxSkew topologyKey whenUnsatisfiable" },
	{ "core.v1.Volume", "name" },
	{ "core.v1.VolumeDevice", "name devicePath" },
	{ "core.v1.VolumeMount", "name mountPath" },
	{ "discovery.v1.Endpoint", "addresses" },
	{ "discovery.v1.EndpointSlice", "addressType" },
	{ "discovery.v1.ForNode", "name" },
	{ "discovery.v1.ForZone", "name" },
	{ "events.v1.Event", "eventTime" },
	{ "events.v1.EventSeries", "count lastObservedTime" },
	{ "meta.v1.Condition", "type status lastTransitionTime reason message" },
	{ "meta.v1.FieldSelectorRequirement", "key operator" },
	{ "meta.v1.LabelSelectorRequirement", "key operator" },
	{ "meta.v1.OwnerReference", "apiVersion kind name uid" },
	{ "networking.v1.IPAddress", "spec" },
	{ "networking.v1.IPAddressSpec", "parentRef" },
	{ "networking.v1.ParentReference", "resource name" },
};

/* The values of a Go type, separated by blanks. */
static const struct values {
	const char *go_type, *values;
} values[] = {
	{ "v1.AddressType", "FQDN IPv4 IPv6" },
	{ "v1.DNSPolicy", "ClusterFirst ClusterFirstWithHostNet Default None" },
	{ "v1.DeploymentStrategyType", "Recreate RollingUpdate" },
	{ "v1.IPFamily", "IPv4 IPv6" },
	{ "v1.IPFamilyPolicy", "PreferDualStack RequireDualStack SingleStack" },
	{ "v1.NamespacePhase", "Active Terminating" },
	{ "v1.NodePhase", "Pending Running Terminated" },
	{ "v1.PodPhase", "Failed Pending Running Succeeded Unknown" },
	{ "v1.PodQOSClass", "BestEffort Burstable Guaranteed" },
	{ "v1.PreemptionPolicy", "Never PreemptLowerPriority" },
	{ "v1.Protocol", "SCTP TCP UDP" },
	{ "v1.PullPolicy", "Always IfNotPresent Never" },
	{ "v1.RestartPolicy", "Always Never OnFailure" },
	{ "v1.ServiceAffinity", "ClientIP None" },
	{ "v1.ServiceExternalTrafficPolicy", "Cluster Local" },
	{ "v1.ServiceInternalTrafficPolicy", "Cluster Local" },
	{ "v1.ServiceType", "ClusterIP ExternalName LoadBalancer NodePort" },
	{ "v1.TaintEffect", "NoExecute NoSchedule PreferNoSchedule" },
	{ "v1.TerminationMessagePolicy", "FallbackToLogsOnError File" },
	{ "v1.TolerationOperator", "Equal Exists Gt Lt" },
	{ "v1.URIScheme", "HTTP HTTPS" },
};

#define LIST_KEYS "x-kubernetes-list-map-keys"
#define LIST_TYPE "x-kubernetes-list-type"
#define MAP_TYPE  "x-kubernetes-map-type"
#define STRATEGY  "x-kubernetes-patch-strategy"

/* What else is said of a type (field NULL) or field, where it does not follow from a merge key. */
static const struct extension {
	const char *type, *field, *name, *value; /* the value as JSON */
} extensions[] = {
	{ "apps.v1.DeploymentSpec", "strategy", STRATEGY, "\"retainKeys\"" },
	{ "core.v1.Container", "ports", LIST_KEYS, "[\"containerPort\",\"protocol\"]" },
	{ "core.v1.EndpointAddress", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.EndpointPort", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.EphemeralContainer", "ports", LIST_KEYS, "[\"containerPort\",\"protocol\"]" },
	{ "core.v1.LocalObjectReference", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.ObjectReference", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.PodSpec", "nodeSelector", MAP_TYPE, "\"atomic\"" },
	{ "core.v1.PodSpec", "resourceClaims", STRATEGY, "\"merge,retainKeys\"" },
	{ "core.v1.PodSpec", "topologySpreadConstraints", LIST_KEYS,
	  "[\"topologyKey\",\"whenUnsatisfiable\"]" },
	{ "core.v1.PodSpec", "volumes", STRATEGY, "\"merge,retainKeys\"" },
	{ "core.v1.PodStatus", "hostIPs", LIST_TYPE, "\"atomic\"" },
	{ "core.v1.ServiceSpec", "ports", LIST_KEYS, "[\"port\",\"protocol\"]" },
	{ "core.v1.ServiceSpec", "selector", MAP_TYPE, "\"atomic\"" },
	{ "discovery.v1.Endpoint", "addresses", LIST_TYPE, "\"set\"" },
	{ "discovery.v1.EndpointPort", NULL, MAP_TYPE, "\"atomic\"" },
	{ "meta.v1.LabelSelector", NULL, MAP_TYPE, "\"atomic\"" },
	{ "meta.v1.OwnerReference", NULL, MAP_TYPE, "\"atomic\"" },
};

struct type {
	char *name;
	const char *label;           /* the part of the name that the tables above have */
	const struct scalar *scalar; /* what it is, or: */
	const struct schema *schema; /* its fields, or: */
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
static char *field_type_name(const char *owner, const struct schema_field *field)
{
	const char *name = strrchr(field->go_type, '.');

	name = name ? name + 1 : field->go_type;
	if (has_word(meta_types, ARRAY_SIZE(meta_types), name))
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

static void add_struct(struct openapi_types *types, char *name, const struct schema *schema,
                       const struct kind *kind, const char *path)
{
	struct type *type = add_type(types, name);

	if (!type)
		return;
	type->schema = schema;
	type->kind = kind;
	type->path = xstrdup(path);
	for (const struct schema_field *f = schema->fields; f->name; f++) {
		const struct schema *below = field_schema(f);
		auto_free char *at = xasprintf("%s%s%s", path, path[0] ? "." : "", f->name);

		if (forms[f->type].scalar)
			add_scalar(types, forms[f->type].scalar);
		else if (below)
			add_struct(types, field_type_name(name, f), below, kind, at);
	}
}

void openapi_types_add(struct openapi_types *types, const struct kind *kind, bool listed)
{
	struct type *list;

	add_struct(types, openapi_kind_name(kind, false), kind->schema, kind, "");
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

static json_t *words(const char *text)
{
	json_t *list = json_array();

	for (const char *p = text; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		json_array_append_new(list, json_stringn(p, n));
		p += n;
	}
	return list;
}

static void add_extensions(json_t *to, const struct type *type, const char *field)
{
	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
		const struct extension *row = &extensions[i];

		if (strcmp(row->type, type->label) == 0 &&
		    (field ? row->field && strcmp(row->field, field) == 0 : !row->field))
			json_object_set_new(to, row->name,
			                    json_loads(row->value, JSON_DECODE_ANY, NULL));
	}
}

static void add_values(json_t *to, const struct schema_field *field)
{
	for (size_t i = 0; field->go_type && i < ARRAY_SIZE(values); i++)
		if (strcmp(values[i].go_type, field->go_type) == 0)
			json_object_set_new(to, "enum", words(values[i].values));
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

static json_t *value_schema(const struct type *type, const struct schema_field *field,
                            enum openapi_dialect dialect)
{
	const struct form *form = &forms[field->type];
	json_t *schema;

	if (form->scalar)
		return wrapped_ref(form->scalar->name, dialect);
	if (field->schema) {
		auto_free char *name = field_type_name(type->name, field);

		return wrapped_ref(name, dialect);
	}
	if (!form->type || field->type == SCHEMA_OBJECT)
		return free_form(form, dialect);
	schema = json_pack("{s:s}", "type", form->type);
	if (form->format)
		json_object_set_new(schema, "format", json_string(form->format));
	add_values(schema, field);
	return schema;
}

/* How lists merge: by a key, as a set, or not at all. */
static void add_list_type(json_t *to, const struct type *type, const struct schema_field *field)
{
	auto_free char *path = xasprintf("%s%s%s", type->path, type->path[0] ? "." : "",
	                                 field->name);
	const struct merge_key *row = type->kind->merge_keys;

	while (row && row->path && strcmp(row->path, path) != 0)
		row++;
	if (!row || !row->path) {
		json_object_set_new(to, LIST_TYPE, json_string("atomic"));
		return;
	}
	if (row->key) {
		json_object_set_new(to, LIST_KEYS, json_pack("[s]", row->key));
		json_object_set_new(to, "x-kubernetes-patch-merge-key", json_string(row->key));
	}
	json_object_set_new(to, LIST_TYPE, json_string(row->key ? "map" : "set"));
	json_object_set_new(to, STRATEGY, json_string("merge"));
}

static json_t *field_property(const struct type *type, const struct schema_field *field,
                              enum openapi_dialect dialect)
{
	json_t *schema = value_schema(type, field, dialect);

	if (field->shape == SCHEMA_LIST) {
		schema = json_pack("{s:s,s:o}", "type", "array", "items", schema);
		add_list_type(schema, type, field);
	} else if (field->shape == SCHEMA_MAP) {
		schema = json_pack("{s:s,s:o}", "type", "object", "additionalProperties", schema);
	}
	add_extensions(schema, type, field->name);
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

static void add_required(json_t *to, const struct type *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(required); i++)
		if (strcmp(required[i].type, type->label) == 0)
			json_object_set_new(to, "required", words(required[i].fields));
}

static json_t *struct_schema(const struct type *type, enum openapi_dialect dialect)
{
	json_t *schema = json_pack("{s:s}", "type", "object"), *properties = json_object();

	for (const struct schema_field *f = type->schema->fields; f->name; f++)
		json_object_set_new(properties, f->name, field_property(type, f, dialect));
	add_required(schema, type);
	json_object_set_new(schema, "properties", properties);
	add_extensions(schema, type, NULL);
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
