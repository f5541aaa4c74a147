/* SPDX-License-Identifier: Apache-2.0 */
/*
 * argv[1] is the folder recorded/: NAME.pb is a body that kubectl 1.36 sent, of 'kubectl create
 * service clusterip web --tcp=80:8080 --tcp=443:https' and the like; NAME.json is what it says.
 */
#include "cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/protobuf.h"
#include "parse_json.h"

/* A literal with NULs in it. */
#define BYTES(text) (text), sizeof(text) - 1

#define TEXT_OF_300 "\xac\x02" /* the varint */

static const char *recorded;

static json_t *decode(const void *body, size_t size)
{
	struct protobuf_envelope envelope;
	json_t *object = json_object();
	struct err err = { 0 };

	if (protobuf_open(body, size, &envelope, &err) < 0)
		fail_msg("%s", err.msg);
	json_object_set_new(object, "kind", json_string(envelope.kind));
	json_object_set_new(object, "apiVersion", json_string(envelope.api_version));
	if (protobuf_decode(envelope.api_version, envelope.kind, envelope.raw, envelope.raw_size,
	                    object, &err) < 0)
		fail_msg("%s: %s", envelope.kind, err.msg);
	protobuf_envelope_done(&envelope);
	return object;
}

static void check_recorded(const char *name)
{
	auto_free char *body_path = xasprintf("%s/%s.pb", recorded, name);
	auto_free char *json_path = xasprintf("%s/%s.json", recorded, name);
	auto_free char *body = NULL;
	auto_free char *text = NULL;
	auto_free char *got = NULL;
	auto_json json_t *expected = NULL;
	auto_json json_t *object = NULL;
	size_t size, text_size;

	assert_int_equal(file_read(body_path, 1 << 20, &body, &size, NULL), 0);
	assert_int_equal(file_read(json_path, 1 << 20, &text, &text_size, NULL), 0);
	assert_int_equal(decode_json(text, text_size, &expected, NULL), 0);
	object = decode(body, size);
	got = json_text(object);
	if (!json_equal(object, expected))
		fail_msg("%s: got %s", name, got);
}

static void what_kubectl_sends(void **state)
{
	DIR *dir = opendir(recorded);
	const struct dirent *entry;
	int n = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && strcmp(dot, ".pb") == 0) {
			auto_free char *name = xstrndup(entry->d_name,
			                                (size_t)(dot - entry->d_name));

			check_recorded(name);
			n++;
		}
	}
	(void)closedir(dir);
	assert_true(n >= 12);
}

/* clang-format off */
static const struct {
	const char *api_version, *kind, *raw;
	size_t size;
	const char *expected;
} messages[] = {
	{ "v1", "ConfigMap", BYTES(""), "{}" },
	/* maps: the last of a key counts, absent is "" */
	{ "v1", "ConfigMap", BYTES("\x12\x06\x0a\x01" "a" "\x12\x01" "b" "\x12\x03\x0a\x01" "c"
	                           "\x12\x06\x0a\x01" "a" "\x12\x01" "d" "\x12\x00"),
	  "{'data':{'a':'d','c':'','':''}}" },
	{ "v1", "ConfigMap", BYTES("\x1a\x08\x0a\x01" "k" "\x12\x03\xff\x00\x01" "\x1a\x03\x0a\x01" "e"),
	  "{'binaryData':{'k':'/wAB','e':''}}" },
	/* a pointer keeps its zero, omitempty does not */
	{ "v1", "ConfigMap", BYTES("\x20\x00"), "{'immutable':false}" },
	{ "v1", "ConfigMap", BYTES("\x20\x02"), "{'immutable':true}" },
	{ "v1", "ConfigMap", BYTES("\x0a\x04\x0a\x00\x38\x00"), "{'metadata':{}}" },
	{ "v1", "ConfigMap", BYTES("\x0a\x05\x0a\x01" "a" "\x0a\x00"), "{'metadata':{}}" },
	{ "v1", "Service", BYTES("\x12\x04\x0a\x02\x18\x00"), "{'spec':{'ports':[{'port':0}]}}" },
	/* a message that comes twice is merged */
	{ "v1", "ConfigMap", BYTES("\x0a\x03\x0a\x01" "a" "\x0a\x03\x1a\x01" "b"),
	  "{'metadata':{'name':'a','namespace':'b'}}" },
	/* unknown fields: varint, 64 bits, block, group with one inside, 32 bits */
	{ "v1", "ConfigMap", BYTES("\x98\x06\x96\x01" "\x99\x06" "12345678" "\x9a\x06\x02" "xx"
	                           "\x9b\x06\x08\x01\x13\x0a\x01z\x14\x9c\x06" "\x9d\x06"
	                           "1234" "\x20\x01"),
	  "{'immutable':true}" },
	/* numbers: an int32 is the low half, as in Go; lists packed and not */
	{ "v1", "Service", BYTES("\x12\x08\x0a\x06\x18\xd0\x80\x80\x80\x10"),
	  "{'spec':{'ports':[{'port':80}]}}" },
	{ "apps/v1", "Deployment", BYTES("\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
	  "{'spec':{'replicas':-1}}" },
	{ "v1", "Pod", BYTES("\x12\x0a\x72\x08\x20\x01\x22\x04\x02" TEXT_OF_300 "\x03"),
	  "{'spec':{'securityContext':{'supplementalGroups':[1,2,300,3]}}}" },
	/* IntOrString */
	{ "v1", "Service", BYTES("\x12\x08\x0a\x06\x22\x04\x08\x00\x10\x50"),
	  "{'spec':{'ports':[{'targetPort':80}]}}" },
	{ "v1", "Service", BYTES("\x12\x0d\x0a\x0b\x22\x09\x08\x01\x10\x00\x1a\x03web"),
	  "{'spec':{'ports':[{'targetPort':'web'}]}}" },
	{ "v1", "Service", BYTES("\x12\x04\x0a\x02\x22\x00"), "{'spec':{'ports':[{'targetPort':0}]}}" },
	/* Quantity */
	{ "v1", "Node", BYTES("\x1a\x1b\x0a\x0b\x0a\x03" "cpu" "\x12\x04\x0a\x02" "2k"
	                      "\x0a\x0c\x0a\x06memory\x12\x02\x0a\x00"),
	  "{'status':{'capacity':{'cpu':'2k','memory':''}}}" },
	{ "v1", "Node", BYTES("\x1a\x07\x0a\x05\x0a\x03" "cpu"), "{'status':{'capacity':{'cpu':'0'}}}" },
	/* Time: none, the epoch, before it, the last second; its nanoseconds do not count */
	{ "v1", "ConfigMap", BYTES("\x0a\x02\x42\x00"), "{'metadata':{}}" },
	{ "v1", "ConfigMap", BYTES("\x0a\x06\x42\x04\x08\x00\x10\x00"),
	  "{'metadata':{'creationTimestamp':'1970-01-01T00:00:00Z'}}" },
	{ "v1", "ConfigMap", BYTES("\x0a\x06\x42\x04\x08\x01\x10\x05"),
	  "{'metadata':{'creationTimestamp':'1970-01-01T00:00:01Z'}}" },
	{ "v1", "ConfigMap", BYTES("\x0a\x0d\x42\x0b\x08\x80\x92\xb8\xc3\x98\xfe\xff\xff\xff\x01"),
	  "{'metadata':{'creationTimestamp':'0001-01-01T00:00:00Z'}}" },
	{ "v1", "ConfigMap", BYTES("\x0a\x09\x42\x07\x08\xff\x82\xd1\xff\xaf\x07"),
	  "{'metadata':{'creationTimestamp':'9999-12-31T23:59:59Z'}}" },
	/* MicroTime */
	{ "coordination.k8s.io/v1", "Lease", BYTES("\x12\x08\x1a\x06\x08\x05\x10\xe0\xd4\x03"),
	  "{'spec':{'acquireTime':'1970-01-01T00:00:05.000060Z'}}" },
	/* inline: EnvFromSource.configMapRef's name, Volume's source */
	{ "v1", "Pod", BYTES("\x12\x0f\x12\x0d\x9a\x01\x0a\x12\x08\x0a\x04\x0a\x02" "cm" "\x10\x00"),
	  "{'spec':{'containers':[{'envFrom':[{'configMapRef':{'name':'cm','optional':false}}]}]}}" },
	{ "v1", "Pod", BYTES("\x12\x0b\x0a\x09\x0a\x01v\x12\x04\x12\x02\x0a\x00"),
	  "{'spec':{'volumes':[{'name':'v','emptyDir':{}}]}}" },
	/* text that is not UTF-8 */
	{ "v1", "ConfigMap", BYTES("\x0a\x05\x0a\x03" "a\xff" "b"),
	  "{'metadata':{'name':'a\xef\xbf\xbd" "b'}}" },
	/* fieldsV1 is JSON in bytes; what is none goes */
	{ "v1", "ConfigMap", BYTES("\x0a\x13\x8a\x01\x10\x0a\x01m\x3a\x0b\x0a\x09{\"f:a\":1}"),
	  "{'metadata':{'managedFields':[{'manager':'m','fieldsV1':{'f:a':1}}]}}" },
	{ "v1", "ConfigMap", BYTES("\x0a\x0c\x8a\x01\x09\x0a\x01m\x3a\x04\x0a\x02{\""),
	  "{'metadata':{'managedFields':[{'manager':'m'}]}}" },
	{ "v1", "ConfigMap", BYTES("\x0a\x0c\x8a\x01\x09\x0a\x01m\x3a\x04\x0a\x02[]"),
	  "{'metadata':{'managedFields':[{'manager':'m'}]}}" },
	/* a map of lists */
	{ "authorization.k8s.io/v1", "SubjectAccessReview",
	  BYTES("\x12\x12\x2a\x0b\x0a\x01k\x12\x06\x0a\x01" "a" "\x0a\x01" "b" "\x2a\x03\x0a\x01" "e"),
	  "{'spec':{'extra':{'k':['a','b'],'e':[]}}}" },
	/* DeleteOptions are of every version */
	{ "", "DeleteOptions", BYTES("\x08\x00\x12\x05\x0a\x01u\x12\x00\x22\x06Orphan\x2a\x03" "All"),
	  "{'gracePeriodSeconds':0,'preconditions':{'uid':'u','resourceVersion':''},"
	  "'propagationPolicy':'Orphan','dryRun':['All']}" },
	{ "apps/v1", "DeleteOptions", BYTES(""), "{}" },
};

static const struct {
	const char *raw;
	size_t size;
	int r;
	const char *text;
} refusals[] = {
	{ BYTES("\x0a"), -EBADMSG, "unexpected EOF" },
	{ BYTES("\x0a\x05" "a"), -EBADMSG, "unexpected EOF" },
	{ BYTES("\x0a\x02\x0a\x05"), -EBADMSG, "unexpected EOF" },
	{ BYTES("\x20"), -EBADMSG, "unexpected EOF" },
	{ BYTES("\x99\x06" "1234567"), -EBADMSG, "unexpected EOF" },
	{ BYTES("\x9d\x06" "123"), -EBADMSG, "unexpected EOF" },
	{ BYTES("\x9b\x06\x13\x14"), -EBADMSG, "unexpected EOF" },
	{ BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), -EBADMSG, "proto: integer overflow" },
	{ BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -EBADMSG,
	  "proto: negative length found during unmarshaling" },
	{ BYTES("\x00"), -EBADMSG, "proto: ConfigMap: illegal tag 0 (wire type 0)" },
	{ BYTES("\x0c"), -EBADMSG, "proto: ConfigMap: wiretype end group for non-group" },
	{ BYTES("\x0a\x02\x0a\x00\x0c"), -EBADMSG, "proto: ConfigMap: wiretype end group for non-group" },
	{ BYTES("\x9f\x06"), -EBADMSG, "proto: illegal wireType 7" },
	{ BYTES("\x08\x01"), -EBADMSG, "proto: wrong wireType = 0 for field ObjectMeta" },
	{ BYTES("\x22\x00"), -EBADMSG, "proto: wrong wireType = 2 for field Immutable" },
	{ BYTES("\x0a\x02\x3a\x00"), -EBADMSG, "proto: wrong wireType = 2 for field Generation" },
	{ BYTES("\x0a\x02\x72\x80"), -EBADMSG, "unexpected EOF" },
	{ BYTES("\x0a\x05\x0a\x03" "a\0b"), -EBADMSG, "proto: a NUL byte in the string name" },
	{ BYTES("\x12\x07\x0a\x02k\0\x12\x01v"), -EBADMSG, "proto: a NUL byte in the string key" },
	/* one second beyond 9999, one before the year 1 */
	{ BYTES("\x0a\x09\x42\x07\x08\x80\x83\xd1\xff\xaf\x07"), -EBADMSG,
	  "proto: not a time of the years 1 to 9999: 253402300800 s, 0 ns" },
	{ BYTES("\x0a\x0d\x42\x0b\x08\xff\x91\xb8\xc3\x98\xfe\xff\xff\xff\x01"), -EBADMSG,
	  "proto: not a time of the years 1 to 9999: -62135596801 s, 0 ns" },
};

static const struct {
	const char *body;
	size_t size;
	const char *api_version, *kind; /* NULL: refused */
	const char *text;               /* of the error, or the message inside */
} envelopes[] = {
	{ BYTES("k8s\0\x0a\x0a\x0a\x02v1\x12\x04Node\x12\x01" "x" "\x1a\x00\x22\x00"), "v1", "Node", "x" },
	{ BYTES("k8s\0\x12\x01x"), "", "", "x" },
	{ BYTES("k8s\0\x0a\x00"), "", "", "" },
	/* the last raw counts; nobody reads contentEncoding */
	{ BYTES("k8s\0\x12\x01x\x12\x02yz\x1a\x04gzip\x0a\x06\x12\x04Node"), "", "Node", "yz" },
	{ BYTES(""), NULL, NULL, "empty data" },
	{ BYTES("k8s\0"), NULL, NULL, "empty body" },
	{ BYTES("k8s"), NULL, NULL, "provided data does not appear to be a protobuf message, "
	  "expected prefix [107 56 115 0]" },
	{ BYTES("{\"kind\":\"Node\"}"), NULL, NULL, "provided data does not appear to be a "
	  "protobuf message, expected prefix [107 56 115 0]" },
	{ BYTES("k8s\0\xff\xff"), NULL, NULL, "unexpected EOF" },
	{ BYTES("k8s\0\x12\x05x"), NULL, NULL, "unexpected EOF" },
	{ BYTES("k8s\0\x07"), NULL, NULL, "proto: Unknown: illegal tag 0 (wire type 7)" },
	{ BYTES("k8s\0\x10\x01"), NULL, NULL, "proto: wrong wireType = 0 for field Raw" },
	{ BYTES("k8s\0\x0a\x04\x12\x02" "a\0"), NULL, NULL, "proto: a NUL byte in the string kind" },
};
/* clang-format on */

static void messages_become_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		/* of exactly that size, so that the sanitizer sees a read beyond it */
		auto_free void *raw = xmemdup(messages[i].raw, messages[i].size);
		auto_json json_t *object = json_object();
		struct err err = { 0 };

		if (protobuf_decode(messages[i].api_version, messages[i].kind, raw,
		                    messages[i].size, object, &err) < 0)
			fail_msg("%s: %s", messages[i].expected, err.msg);
		assert_json(object, messages[i].expected);
	}
}

static void bad_messages_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		auto_free void *raw = xmemdup(refusals[i].raw, refusals[i].size);
		auto_json json_t *object = json_object();
		struct err err = { 0 };

		assert_int_equal(protobuf_decode("v1", "ConfigMap", raw, refusals[i].size, object,
		                                 &err),
		                 refusals[i].r);
		assert_string_equal(err.msg, refusals[i].text);
	}
}

static void other_values_are_refused(void **state)
{
	auto_json json_t *object = json_object();
	struct err err = { 0 };

	(void)state;
	assert_int_equal(protobuf_decode("v1", "Service", BYTES("\x12\x06\x0a\x04\x22\x02\x08\x02"),
	                                 object, &err),
	                 -EBADMSG);
	assert_string_equal(err.msg, "impossible IntOrString.Type");
	assert_int_equal(protobuf_decode("coordination.k8s.io/v1", "Lease",
	                                 BYTES("\x12\x08\x1a\x06\x10\x80\x94\xeb\xdc\x03"), object,
	                                 &err),
	                 -EBADMSG);
	assert_string_equal(err.msg,
	                    "proto: not a time of the years 1 to 9999: 0 s, 1000000000 ns");
	assert_int_equal(protobuf_decode("v1", "Pod", BYTES("\x12\x05\x72\x03\x22\x01\x80"), object,
	                                 &err),
	                 -EBADMSG);
	assert_string_equal(err.msg, "unexpected EOF");
	assert_int_equal(protobuf_decode("v2", "Service", "", 0, object, &err), -ENOENT);
	assert_int_equal(protobuf_decode("v1", "Table", "", 0, object, &err), -ENOENT);
}

static void envelopes_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(envelopes); i++) {
		auto_free void *body = xmemdup(envelopes[i].body, envelopes[i].size);
		struct protobuf_envelope envelope;
		struct err err = { 0 };

		if (!envelopes[i].kind) {
			assert_int_equal(protobuf_open(body, envelopes[i].size, &envelope, &err),
			                 -EBADMSG);
			assert_string_equal(err.msg, envelopes[i].text);
			continue;
		}
		if (protobuf_open(body, envelopes[i].size, &envelope, &err) < 0)
			fail_msg("%zu: %s", i, err.msg);
		assert_string_equal(envelope.api_version, envelopes[i].api_version);
		assert_string_equal(envelope.kind, envelopes[i].kind);
		assert_int_equal(envelope.raw_size, strlen(envelopes[i].text));
		assert_memory_equal(envelope.raw, envelopes[i].text, envelope.raw_size);
		protobuf_envelope_done(&envelope);
	}
}

/* Known, unknown and packed fields alike. */
static void fields_are_counted(void **state)
{
	static const struct {
		const char *kind, *field;
	} cases[] = {
		{ "ConfigMap", "\x20\x01" },
		{ "ConfigMap", "\x30\x01" },
		{ "Endpoints", "\x12\x00" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *raw = xmalloc(2 * (PROTOBUF_FIELDS_MAX + 1));
		auto_json json_t *object = json_object();
		struct err err = { 0 };

		for (size_t k = 0; k <= PROTOBUF_FIELDS_MAX; k++)
			memcpy(raw + 2 * k, cases[i].field, 2);
		assert_int_equal(protobuf_decode("v1", cases[i].kind, raw, 2 * PROTOBUF_FIELDS_MAX,
		                                 object, &err),
		                 0);
		assert_int_equal(protobuf_decode("v1", cases[i].kind, raw,
		                                 2 * (PROTOBUF_FIELDS_MAX + 1), object, &err),
		                 -EFBIG);
		assert_string_equal(err.msg, "more than 524288 fields");
	}
}

/* A group costs a byte of the input and none of the stack. */
static void deep_groups_are_skipped(void **state)
{
	const size_t n = 1 << 20;
	auto_free char *raw = xmalloc(2 * n);
	auto_json json_t *object = json_object();
	struct err err = { 0 };

	(void)state;
	memset(raw, 0x33, n);
	memset(raw + n, 0x34, n);
	assert_int_equal(protobuf_decode("v1", "ConfigMap", raw, 2 * n, object, &err), 0);
	assert_int_equal(protobuf_decode("v1", "ConfigMap", raw, 2 * n - 1, object, &err),
	                 -EBADMSG);
	assert_json(object, "{}");
}

static void every_kind_can_be_read(void **state)
{
	(void)state;
	for (const struct kind *const *k = kinds; *k; k++) {
		auto_json json_t *object = json_object();
		struct err err = { 0 };

		if (protobuf_decode(kind_api_version(*k), (*k)->name, "", 0, object, &err) < 0)
			fail_msg("%s", err.msg);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_kubectl_sends),
		cmocka_unit_test(messages_become_json),
		cmocka_unit_test(bad_messages_are_refused),
		cmocka_unit_test(other_values_are_refused),
		cmocka_unit_test(envelopes_are_read),
		cmocka_unit_test(fields_are_counted),
		cmocka_unit_test(deep_groups_are_skipped),
		cmocka_unit_test(every_kind_can_be_read),
	};

	recorded = argc > 1 ? argv[1] : "recorded";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
