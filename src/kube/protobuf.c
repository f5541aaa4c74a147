/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/protobuf.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#undef linux /* of gcc; a field of ContainerUser has this name */
#include "apps.pb-c.h"
#include "authn.pb-c.h"
#include "authz.pb-c.h"
#include "autoscaling.pb-c.h"
#include "coordination.pb-c.h"
#include "core.pb-c.h"
#include "discovery.pb-c.h"
#include "events.pb-c.h"
#include "meta.pb-c.h"
#include "networking.pb-c.h"
#include "pod.pb-c.h"
#include "policy.pb-c.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/bytes.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/wire.h"

#define DEPTH_MAX   32             /* more than proto/ nests */
#define SECONDS_MIN (-62135596800) /* 0001-01-01T00:00:00Z */
#define SECONDS_MAX 253402300799   /* 9999-12-31T23:59:59Z */

/* What all parts of one message count together. */
struct reader {
	size_t fields;
	unsigned int depth;
	struct err *err;
};

static const struct {
	const char *api_version; /* NULL: any */
	const char *kind;
	const ProtobufCMessageDescriptor *type;
} types[] = {
	{ "v1", "Binding", &core__binding__descriptor },
	{ "v1", "ConfigMap", &core__config_map__descriptor },
	{ "v1", "Endpoints", &core__endpoints__descriptor },
	{ "v1", "Event", &core__event__descriptor },
	{ "v1", "Namespace", &core__namespace__descriptor },
	{ "v1", "Node", &core__node__descriptor },
	{ "v1", "Pod", &core__pod__descriptor },
	{ "v1", "PodTemplate", &core__pod_template__descriptor },
	{ "v1", "Secret", &core__secret__descriptor },
	{ "v1", "Service", &core__service__descriptor },
	{ "v1", "ServiceAccount", &core__service_account__descriptor },
	{ "apps/v1", "Deployment", &apps__deployment__descriptor },
	{ "apps/v1", "ReplicaSet", &apps__replica_set__descriptor },
	{ "authentication.k8s.io/v1", "SelfSubjectReview",
	  &authn__self_subject_review__descriptor },
	{ "authentication.k8s.io/v1", "TokenRequest", &authn__token_request__descriptor },
	{ "authentication.k8s.io/v1", "TokenReview", &authn__token_review__descriptor },
	{ "authorization.k8s.io/v1", "LocalSubjectAccessReview",
	  &authz__local_subject_access_review__descriptor },
	{ "authorization.k8s.io/v1", "SelfSubjectAccessReview",
	  &authz__self_subject_access_review__descriptor },
	{ "authorization.k8s.io/v1", "SelfSubjectRulesReview",
	  &authz__self_subject_rules_review__descriptor },
	{ "authorization.k8s.io/v1", "SubjectAccessReview",
	  &authz__subject_access_review__descriptor },
	{ "autoscaling/v1", "Scale", &autoscaling__scale__descriptor },
	{ "coordination.k8s.io/v1", "Lease", &coordination__lease__descriptor },
	{ "discovery.k8s.io/v1", "EndpointSlice", &discovery__endpoint_slice__descriptor },
	{ "events.k8s.io/v1", "Event", &events__event__descriptor },
	{ "networking.k8s.io/v1", "IPAddress", &networking__ipaddress__descriptor },
	{ "networking.k8s.io/v1", "ServiceCIDR", &networking__service_cidr__descriptor },
	{ "policy/v1", "Eviction", &policy__eviction__descriptor },
	{ NULL, "DeleteOptions", &meta__delete_options__descriptor },
};

const ProtobufCMessageDescriptor *protobuf_type(const char *api_version, const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].kind, kind) == 0 &&
		    (!types[i].api_version || strcmp(types[i].api_version, api_version) == 0))
			return types[i].type;
	return NULL;
}

static int read_message(struct reader *r, struct wire w, const ProtobufCMessageDescriptor *type,
                        json_t *object);

static int text_of(struct reader *reader, struct wire part, const char *name, json_t **ret)
{
	size_t size = (size_t)(part.end - part.p);
	auto_free char *copy = NULL;

	if (memchr(part.p, '\0', size))
		return err_set(reader->err, -EBADMSG, "proto: a NUL byte in the string %s", name);
	*ret = json_stringn((const char *)part.p, size);
	if (!*ret) {
		copy = xstrndup((const char *)part.p, size);
		*ret = json_string_of(copy);
	}
	return 0;
}

/* RFC 3339, in UTC; NULL in 'ret' for the zero time, which has no fields. */
static int time_of(struct reader *reader, const json_t *time, bool micro, json_t **ret)
{
	int64_t nanos = micro ? json_path_int(time, "nanos", 0) : 0;
	time_t seconds = json_path_int(time, "seconds", 0);
	char fraction[24] = "";
	struct tm tm;

	if (json_object_size(time) == 0)
		return 0;
	if (seconds < SECONDS_MIN || seconds > SECONDS_MAX || nanos < 0 || nanos > 999999999)
		return err_set(reader->err, -EBADMSG,
		               "proto: not a time of the years 1 to 9999: %lld s, %lld ns",
		               (long long)seconds, (long long)nanos);
	if (micro)
		(void)snprintf(fraction, sizeof(fraction), ".%06lld", (long long)nanos / 1000);
	(void)gmtime_r(&seconds, &tm);
	*ret = json_sprintf("%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900, tm.tm_mon + 1,
	                    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction);
	return 0;
}

static int int_or_string_of(struct reader *reader, const json_t *value, json_t **ret)
{
	int64_t type = json_path_int(value, "type", 0);

	if (type != 0 && type != 1)
		return err_set(reader->err, -EBADMSG, "impossible IntOrString.Type");
	*ret = type ? json_string(json_path_str(value, "strVal"))
	            : json_integer(json_path_int(value, "intVal", 0));
	return 0;
}

/* The text of JSON; one that is none counts as nothing, as Kubernetes drops it as well. */
static json_t *fields_v1_of(const json_t *value)
{
	const char *text = json_path_str(value, "raw");
	auto_json json_t *fields = NULL;

	if (decode_json(text, strlen(text), &fields, NULL) < 0 || !json_is_object(fields) ||
	    !json_depth_within(fields, DECODE_DEPTH_MAX - DEPTH_MAX))
		return NULL;
	return take_ptr(&fields);
}

/*
 * 'value' as the JSON has it: a message may be something else than an object there.  NULL in 'ret':
 * it is nothing.
 */
static int shape(struct reader *reader, const ProtobufCMessageDescriptor *type, json_t *value,
                 json_t **ret)
{
	*ret = NULL;
	if (type == &meta__time__descriptor)
		return time_of(reader, value, false, ret);
	if (type == &meta__micro_time__descriptor)
		return time_of(reader, value, true, ret);
	if (type == &meta__int_or_string__descriptor)
		return int_or_string_of(reader, value, ret);
	if (type == &meta__fields_v1__descriptor)
		*ret = fields_v1_of(value);
	else if (type == &meta__quantity__descriptor)
		*ret = json_object_size(value) ? json_incref(json_object_get(value, "value"))
		                               : json_string("0");
	else if (type == &meta__strings__descriptor)
		*ret = json_object_size(value) ? json_incref(json_object_get(value, "items"))
		                               : json_array();
	else
		*ret = json_incref(value);
	return 0;
}

static int read_scalar(struct reader *reader, struct wire *w, ProtobufCType type, json_t **ret)
{
	uint64_t n;
	int r = wire_varint(w, &n, reader->err);

	if (r < 0)
		return r;
	if (type == PROTOBUF_C_TYPE_BOOL)
		*ret = json_boolean(n != 0);
	else if (type == PROTOBUF_C_TYPE_INT32)
		*ret = json_integer((int32_t)n);
	else
		*ret = json_integer((int64_t)n);
	return 0;
}

/* One block as a value of 'field'; a message goes on where 'old', if there is one, ended. */
static int read_block(struct reader *reader, struct wire part,
                      const ProtobufCFieldDescriptor *field, json_t *old, json_t **ret)
{
	auto_json json_t *object = NULL;
	auto_free char *text = NULL;
	int r;

	if (field->type == PROTOBUF_C_TYPE_STRING)
		return text_of(reader, part, field->name, ret);
	if (field->type == PROTOBUF_C_TYPE_BYTES) {
		text = bytes_encode(part.p, (size_t)(part.end - part.p));
		*ret = json_string(text);
		return 0;
	}
	object = json_is_object(old) ? json_incref(old) : json_object();
	r = read_message(reader, part, field->descriptor, object);
	return r < 0 ? r : shape(reader, field->descriptor, object, ret);
}

static bool is_block(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING ||
	       field->type == PROTOBUF_C_TYPE_BYTES;
}

static int count(struct reader *reader)
{
	if (++reader->fields > PROTOBUF_FIELDS_MAX)
		return err_set(reader->err, -EFBIG, "more than %d fields", PROTOBUF_FIELDS_MAX);
	return 0;
}

static json_t *member(json_t *object, const char *name, json_t *(*make)(void))
{
	json_t *value = json_object_get(object, name);

	if (!value) {
		value = make();
		json_object_set_new(object, name, value);
	}
	return value;
}

/* Numbers in one block, as newer encoders write them. */
static int read_packed(struct reader *reader, struct wire part,
                       const ProtobufCFieldDescriptor *field, json_t *list)
{
	json_t *value;
	int r = 0;

	while (r == 0 && part.p < part.end) {
		r = count(reader);
		if (r == 0)
			r = read_scalar(reader, &part, field->type, &value);
		if (r == 0)
			json_array_append_new(list, value);
	}
	return r;
}

/* An entry of a map: a message of key and value, whose absence means the zero value. */
static int read_entry(struct reader *reader, struct wire part,
                      const ProtobufCFieldDescriptor *field, json_t *map)
{
	const ProtobufCMessageDescriptor *type = field->descriptor;
	auto_json json_t *entry = json_object();
	json_t *value;
	int r = read_message(reader, part, type, entry);

	if (r < 0)
		return r;
	value = json_incref(json_object_get(entry, "value"));
	if (!value && type == &meta__quantity_entry__descriptor)
		value = json_string("0");
	else if (!value && type == &meta__strings_entry__descriptor)
		value = json_array();
	else if (!value)
		value = json_string("");
	json_object_set_new(map, json_path_str(entry, "key"), value);
	return 0;
}

static bool is_map(const ProtobufCFieldDescriptor *field)
{
	const void *type = field->descriptor;

	return type == &meta__string_entry__descriptor || type == &meta__bytes_entry__descriptor ||
	       type == &meta__quantity_entry__descriptor ||
	       type == &meta__strings_entry__descriptor;
}

static int read_repeated(struct reader *reader, struct wire *w, unsigned int wire_type,
                         const ProtobufCFieldDescriptor *field, json_t *object)
{
	struct wire part;
	json_t *list, *value = NULL;
	int r;

	if (wire_type == WIRE_BLOCK) {
		r = wire_block(w, &part, reader->err);
		if (r < 0)
			return r;
		if (is_map(field))
			return read_entry(reader, part, field,
			                  member(object, field->name, json_object));
	}
	list = member(object, field->name, json_array);
	if (wire_type == WIRE_BLOCK && !is_block(field))
		return read_packed(reader, part, field, list);
	if (is_block(field))
		r = read_block(reader, part, field, NULL, &value);
	else
		r = read_scalar(reader, w, field->type, &value);
	if (r == 0)
		json_array_append_new(list, value);
	return r;
}

static bool is_zero(const json_t *value)
{
	return json_is_false(value) || (json_is_integer(value) && json_integer_value(value) == 0) ||
	       (json_is_string(value) && json_string_length(value) == 0);
}

static int read_single(struct reader *reader, struct wire *w, const ProtobufCFieldDescriptor *field,
                       json_t *object)
{
	json_t *value = NULL;
	struct wire part;
	int r;

	if (!is_block(field)) {
		r = read_scalar(reader, w, field->type, &value);
	} else {
		r = wire_block(w, &part, reader->err);
		if (r == 0 && strcmp(field->name, "inline") == 0)
			return read_message(reader, part, field->descriptor, object);
		if (r == 0)
			r = read_block(reader, part, field, json_object_get(object, field->name),
			               &value);
	}
	if (r < 0)
		return r;
	if (value && !(field->default_value && is_zero(value))) {
		json_object_set_new(object, field->name, value);
	} else {
		(void)json_object_del(object, field->name);
		json_decref(value);
	}
	return 0;
}

/* Go's name of a field, about: the JSON one with a capital. */
static int wrong_wire_type(struct reader *reader, unsigned int wire_type, const char *name)
{
	if (strcmp(name, "metadata") == 0)
		name = "ObjectMeta";
	return err_set(reader->err, -EBADMSG, "proto: wrong wireType = %u for field %c%s",
	               wire_type, toupper((unsigned char)name[0]), name + 1);
}

static int read_field(struct reader *reader, struct wire *w, const ProtobufCMessageDescriptor *type,
                      json_t *object)
{
	const ProtobufCFieldDescriptor *field;
	unsigned int wire_type;
	uint32_t number;
	bool repeated;
	int r = wire_tag(w, type->short_name, &number, &wire_type, reader->err);

	if (r == 0)
		r = count(reader);
	if (r < 0)
		return r;
	field = protobuf_c_message_descriptor_get_field(type, number);
	if (!field)
		return wire_skip(w, wire_type, reader->err);
	repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
	if (wire_type != (is_block(field) ? WIRE_BLOCK : WIRE_VARINT) &&
	    !(repeated && wire_type == WIRE_BLOCK))
		return wrong_wire_type(reader, wire_type, field->name);
	return repeated ? read_repeated(reader, w, wire_type, field, object)
	                : read_single(reader, w, field, object);
}

static int read_message(struct reader *reader, struct wire w,
                        const ProtobufCMessageDescriptor *type, json_t *object)
{
	int r = 0;

	/* Input cannot get here: no message of proto/ contains itself. */
	assert(reader->depth < DEPTH_MAX);
	reader->depth++;
	while (r == 0 && w.p < w.end)
		r = read_field(reader, &w, type, object);
	reader->depth--;
	return r;
}

int protobuf_decode(const char *api_version, const char *kind, const void *raw, size_t size,
                    json_t *object, struct err *err)
{
	const ProtobufCMessageDescriptor *type = protobuf_type(api_version, kind);
	struct reader reader = { .err = err };

	if (!type)
		return err_set(err, -ENOENT, "no kind \"%s\" is registered for version \"%s\"",
		               kind, api_version);
	return read_message(&reader, (struct wire){ raw, (const uint8_t *)raw + size }, type,
	                    object);
}

/* The fields of runtime.Unknown: 'raw' is not copied. */
static int read_envelope(struct reader *reader, struct wire w, json_t *unknown,
                         struct wire *ret_raw)
{
	const ProtobufCMessageDescriptor *type = &meta__unknown__descriptor;
	int r = 0;

	*ret_raw = (struct wire){ w.p, w.p };
	while (r == 0 && w.p < w.end) {
		struct wire start = w;
		unsigned int wire_type;
		uint32_t number;

		r = wire_tag(&w, type->short_name, &number, &wire_type, reader->err);
		if (r == 0 && number == 2 && wire_type == WIRE_BLOCK) {
			r = wire_block(&w, ret_raw, reader->err);
		} else if (r == 0) {
			w = start;
			r = read_field(reader, &w, type, unknown);
		}
	}
	return r;
}

int protobuf_open(const void *body, size_t size, struct protobuf_envelope *ret, struct err *err)
{
	static const char magic[4] = { 'k', '8', 's', '\0' };
	auto_json json_t *unknown = json_object();
	struct reader reader = { .err = err };
	const uint8_t *bytes = body;
	struct wire raw;
	int r;

	if (size == 0)
		return err_set(err, -EBADMSG, "empty data");
	if (size < sizeof(magic) || memcmp(body, magic, sizeof(magic)) != 0)
		return err_set(err, -EBADMSG,
		               "provided data does not appear to be a protobuf message, expected "
		               "prefix [107 56 115 0]");
	if (size == sizeof(magic))
		return err_set(err, -EBADMSG, "empty body");
	r = read_envelope(&reader, (struct wire){ bytes + sizeof(magic), bytes + size }, unknown,
	                  &raw);
	if (r < 0)
		return r;
	ret->api_version = xstrdup(json_path_str(unknown, "typeMeta.apiVersion"));
	ret->kind = xstrdup(json_path_str(unknown, "typeMeta.kind"));
	ret->raw = raw.p;
	ret->raw_size = (size_t)(raw.end - raw.p);
	return 0;
}

void protobuf_envelope_done(struct protobuf_envelope *envelope)
{
	free(envelope->api_version);
	free(envelope->kind);
}
