/* SPDX-License-Identifier: Apache-2.0 */
/* Requests with bodies in protobuf, on a running server. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/protobuf.h"

#define PROTOBUF    "application/vnd.kubernetes.protobuf"
#define CONFIG_MAPS "/api/v1/namespaces/default/configmaps"
#define PODS        "/api/v1/namespaces/default/pods"
#define ACCOUNTS    "/api/v1/namespaces/default/serviceaccounts"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
#define AUTHN       "/apis/authentication.k8s.io/v1/"
#define AUTHZ       "/apis/authorization.k8s.io/v1/"

/* A literal with NULs in it. */
#define BYTES(text) (text), sizeof(text) - 1

/* "name" of the metadata every kind has in field 1; lengths by hand. */
#define META_A             \
	"\x0a\x03\x0a\x01" \
	"a"

static int setup(void **state)
{
	struct harness *h = xnew(struct harness);

	harness_start(h, NULL);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	harness_stop(*state);
	free(*state);
	return 0;
}

/* A field that is a block of less than 128 bytes. */
static void add_block(struct buf *b, unsigned int field, const void *data, size_t size)
{
	assert_true(size < 128);
	buf_addc(b, (char)(field << 3 | 2));
	buf_addc(b, (char)size);
	buf_add(b, data, size);
}

/* Sends a message as a client does; '*type' of the envelope is left out where NULL. */
static int send_message(struct harness *h, const char *method, const char *path,
                        const char *api_version, const char *kind, const void *raw, size_t size)
{
	auto_buf struct buf type = BUF_INIT;
	auto_buf struct buf body = BUF_INIT;

	if (api_version)
		add_block(&type, 1, api_version, strlen(api_version));
	if (kind)
		add_block(&type, 2, kind, strlen(kind));
	buf_add(&body, BYTES("k8s\0"));
	add_block(&body, 1, type.p, type.n);
	add_block(&body, 2, raw, size);
	return call_bytes(h, method, path, PROTOBUF, PROTOBUF ",application/json", body.p, body.n);
}

static void objects_are_written(void **state)
{
	struct harness *h = *state;

	assert_int_equal(send_message(h, "POST", CONFIG_MAPS, "v1", "ConfigMap",
	                              BYTES(META_A "\x12\x06\x0a\x01k\x12\x01v"
	                                           "\x1a\x08\x0a\x01"
	                                           "b"
	                                           "\x12\x03\xff\0\x01")),
	                 201);
	assert_string_equal(h->type, "application/json");
	assert_string_equal(said(h, "data.k"), "v");
	assert_int_equal(get(h, CONFIG_MAPS "/a"), 200);
	assert_string_equal(said(h, "binaryData.b"), "/wAB");
	assert_int_equal(send_message(h, "PUT", CONFIG_MAPS "/a", "v1", "ConfigMap",
	                              BYTES(META_A "\x12\x06\x0a\x01k\x12\x01w")),
	                 200);
	assert_string_equal(said(h, "data.k"), "w");
	/* what the envelope leaves out is what the path says; unknown fields are no mistake */
	assert_int_equal(send_message(h, "PUT", CONFIG_MAPS "/a?fieldValidation=Strict", NULL, NULL,
	                              BYTES(META_A "\x32\x01x")),
	                 200);
	assert_null(json_path(h->answer, "data"));
	assert_int_equal(
		send_message(h, "PUT", CONFIG_MAPS "/a", "a/b/c", "ConfigMap", BYTES(META_A)), 200);
	assert_int_equal(send_message(h, "DELETE", CONFIG_MAPS "/a", "v1", "DeleteOptions",
	                              BYTES("\x12\x03\x0a\x01x")),
	                 409);
	assert_int_equal(send_message(h, "DELETE", CONFIG_MAPS "/a", "apps/v1", "DeleteOptions",
	                              BYTES("\x2a\x03"
	                                    "All")),
	                 200);
	assert_int_equal(send_message(h, "DELETE", CONFIG_MAPS "/a", NULL, NULL,
	                              BYTES("\x2a\x03"
	                                    "All")),
	                 200);
	assert_int_equal(get(h, CONFIG_MAPS "/a"), 200);
	assert_int_equal(send_message(h, "DELETE", CONFIG_MAPS "/a", "v1", "DeleteOptions", "", 0),
	                 200);
	assert_int_equal(get(h, CONFIG_MAPS "/a"), 404);
}

static void subresources_are_written(void **state)
{
	struct harness *h = *state;

	assert_int_equal(send_message(h, "POST", PODS, "v1", "Pod",
	                              BYTES(META_A "\x12\x08\x12\x06\x0a\x01"
	                                           "c"
	                                           "\x12\x01i")),
	                 201);
	assert_int_equal(send_message(h, "POST", PODS "/a/binding", "v1", "Binding",
	                              BYTES(META_A "\x12\x0a\x0a\x04Node\x1a\x02n1")),
	                 201);
	assert_int_equal(get(h, PODS "/a"), 200);
	assert_string_equal(said(h, "spec.nodeName"), "n1");
	assert_int_equal(send_message(h, "PUT", PODS "/a/status", "v1", "Pod",
	                              BYTES(META_A "\x1a\x09\x0a\x07Running")),
	                 200);
	assert_string_equal(said(h, "status.phase"), "Running");
	assert_int_equal(send_message(h, "POST", PODS "/a/eviction", "policy/v1", "Eviction",
	                              BYTES(META_A "\x12\x02\x08\x00")),
	                 201);
	assert_int_equal(get(h, PODS "/a"), 404);
	assert_int_equal(
		post(h, DEPLOYMENTS,
	             "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"selector\":{\"matchLabels\":"
	             "{\"x\":\"y\"}},\"template\":{\"metadata\":{\"labels\":{\"x\":\"y\"}},"
	             "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}"),
		201);
	assert_int_equal(send_message(h, "PUT", DEPLOYMENTS "/a/scale", "autoscaling/v1", "Scale",
	                              BYTES(META_A "\x12\x02\x08\x05")),
	                 200);
	assert_int_equal(json_path_int(h->answer, "spec.replicas", 0), 5);
	assert_int_equal(send_message(h, "POST", ACCOUNTS, "v1", "ServiceAccount", BYTES(META_A)),
	                 201);
	assert_int_equal(send_message(h, "POST", ACCOUNTS "/a/token", "authentication.k8s.io/v1",
	                              "TokenRequest", BYTES("\x12\x03\x20\x90\x1c")),
	                 201);
	assert_int_equal(json_path_int(h->answer, "spec.expirationSeconds", 0), 3600);
	assert_true(said(h, "status.token")[0] != '\0');
}

static void reviews_are_answered(void **state)
{
	struct harness *h = *state;

	assert_int_equal(send_message(h, "POST", AUTHZ "selfsubjectaccessreviews",
	                              "authorization.k8s.io/v1", "SelfSubjectAccessReview",
	                              BYTES("\x12\x0d\x0a\x0b\x12\x03get\x2a\x04pods")),
	                 201);
	assert_true(json_path_bool(h->answer, "status.allowed", false));
	assert_int_equal(send_message(h, "POST", AUTHZ "subjectaccessreviews",
	                              "authorization.k8s.io/v1", "SubjectAccessReview",
	                              BYTES("\x12\x12\x0a\x0b\x12\x03get\x2a\x04pods\x1a\x03joe")),
	                 201);
	assert_false(json_path_bool(h->answer, "status.allowed", true));
	assert_int_equal(send_message(h, "POST", AUTHZ "selfsubjectrulesreviews",
	                              "authorization.k8s.io/v1", "SelfSubjectRulesReview",
	                              BYTES("\x12\x09\x0a\x07"
	                                    "default")),
	                 201);
	assert_true(json_array_size(json_path(h->answer, "status.resourceRules")) > 0);
	assert_int_equal(send_message(h, "POST", AUTHN "selfsubjectreviews",
	                              "authentication.k8s.io/v1", "SelfSubjectReview", "", 0),
	                 201);
	assert_int_equal(send_message(h, "POST", AUTHN "tokenreviews", "authentication.k8s.io/v1",
	                              "TokenReview", BYTES("\x12\x03\x0a\x01t")),
	                 201);
	assert_string_equal(said(h, "spec.token"), "t");
	assert_true(said(h, "status.error")[0] != '\0');
}

static void bad_bodies_are_refused(void **state)
{
	static const struct {
		const char *method, *path, *api_version, *kind, *raw;
		size_t size;
		int code;
		const char *message;
	} cases[] = {
		{ "POST", CONFIG_MAPS, "v1", "ConfigMap", BYTES("\x08\x01"), 400,
		  "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: proto: wrong "
		  "wireType = 0 for field ObjectMeta" },
		{ "POST", CONFIG_MAPS, "v1", "ConfigMap", BYTES("\x0a"), 400,
		  "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: unexpected EOF" },
		{ "POST", CONFIG_MAPS, "v1", "Foo", BYTES(META_A), 400,
		  "Foo in version \"v1\" cannot be handled as a ConfigMap: no kind \"Foo\" is "
		  "registered for version \"v1\" in scheme \"pkg/runtime/scheme.go:111\"" },
		{ "POST", CONFIG_MAPS, "v7", NULL, BYTES(META_A), 400,
		  "ConfigMap in version \"v7\" cannot be handled as a ConfigMap: no kind "
		  "\"ConfigMap\" is registered for version \"v7\" in scheme \"pkg/runtime/scheme.go:111\"" },
		{ "POST", CONFIG_MAPS, "v1", "Secret", BYTES(META_A), 400,
		  "Secret in version \"v1\" cannot be handled as a ConfigMap: converting "
		  "(v1.Secret) to (core.ConfigMap): unknown conversion" },
		{ "POST", AUTHZ "selfsubjectaccessreviews", "v1", "Service", "", 0, 400,
		  "Service in version \"v1\" cannot be handled as a SelfSubjectAccessReview: "
		  "converting (v1.Service) to (authorization.SelfSubjectAccessReview): unknown "
		  "conversion" },
		{ "POST", CONFIG_MAPS, "v1", "ConfigMap", "", 0, 422,
		  "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName "
		  "is required" },
		{ "DELETE", CONFIG_MAPS "/a", "v1", "ConfigMap", "", 0, 400,
		  "no kind \"ConfigMap\" is registered for version \"v1\" in scheme \"pkg/runtime/scheme.go:111\"" },
		{ "DELETE", CONFIG_MAPS "/a", NULL, "ConfigMap", "", 0, 400,
		  "no kind \"ConfigMap\" is registered for version \"meta.k8s.io/v1\" in scheme "
		  "\"pkg/runtime/scheme.go:111\"" },
		{ "DELETE", CONFIG_MAPS "/a", "v1", "DeleteOptions", BYTES("\x0a\x00"), 400,
		  "proto: wrong wireType = 2 for field GracePeriodSeconds" },
		{ "PATCH", CONFIG_MAPS "/a", "v1", "ConfigMap", BYTES(META_A), 415, NULL },
	};
	struct harness *h = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(send_message(h, cases[i].method, cases[i].path,
		                              cases[i].api_version, cases[i].kind, cases[i].raw,
		                              cases[i].size),
		                 cases[i].code);
		if (cases[i].message)
			assert_string_equal(said(h, "message"), cases[i].message);
	}
}

static void bad_envelopes_are_refused(void **state)
{
	static const struct {
		const char *method, *path, *body;
		size_t size;
		const char *message;
	} cases[] = {
		{ "POST", CONFIG_MAPS, BYTES(""),
		  "the object provided is unrecognized (must be of type ConfigMap): empty data "
		  "(<empty>)" },
		{ "POST", CONFIG_MAPS, BYTES("k8s\0"),
		  "the object provided is unrecognized (must be of type ConfigMap): empty body "
		  "(6b387300)" },
		{ "POST", CONFIG_MAPS, BYTES("{\"kind\":\"ConfigMap\"}"),
		  "the object provided is unrecognized (must be of type ConfigMap): provided data "
		  "does not appear to be a protobuf message, expected prefix [107 56 115 0] "
		  "({\"kind\":\"ConfigMap\"})" },
		{ "DELETE", CONFIG_MAPS "/a", BYTES("k8s\0"), "empty body" },
		{ "DELETE", CONFIG_MAPS "/a", BYTES("k8s\0\xff"), "unexpected EOF" },
	};
	struct harness *h = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(call_bytes(h, cases[i].method, cases[i].path,
		                            PROTOBUF "; charset=utf-8", NULL, cases[i].body,
		                            cases[i].size),
		                 400);
		assert_string_equal(said(h, "message"), cases[i].message);
	}
}

/* More fields than a body may have are as good as a body that is too long. */
static void too_many_fields_are_refused(void **state)
{
	const size_t size = 2 * (PROTOBUF_FIELDS_MAX + 1);
	auto_buf struct buf body = BUF_INIT;
	struct harness *h = *state;

	buf_add(&body, BYTES("k8s\0\x12"));
	for (size_t n = size; n; n >>= 7)
		buf_addc(&body, (char)((n & 127) | (n >> 7 ? 128 : 0)));
	for (size_t i = 0; i < size / 2; i++)
		buf_add(&body, "\x20\x01", 2);
	assert_int_equal(call_bytes(h, "POST", CONFIG_MAPS, PROTOBUF, NULL, body.p, body.n), 413);
	assert_string_equal(said(h, "message"),
	                    "Request entity too large: more than 524288 fields");
	assert_string_equal(said(h, "reason"), "RequestEntityTooLarge");
}

/* Nothing is answered in protobuf: JSON, to whoever takes it too. */
static void answers_are_json(void **state)
{
	static const struct {
		const char *accept;
		int code;
	} cases[] = {
		{ PROTOBUF ",application/json", 200 },
		{ PROTOBUF ", */*", 200 },
		{ PROTOBUF ";q=0.9,application/json;q=0.1", 200 },
		{ PROTOBUF ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1," PROTOBUF
		           ",application/json",
		  200 },
		{ PROTOBUF, 406 },
		{ PROTOBUF ";as=Table;g=meta.k8s.io;v=v1", 406 },
	};
	struct harness *h = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(call(h, "GET", "/api/v1/namespaces/default", NULL, cases[i].accept,
		                      NULL),
		                 cases[i].code);
		assert_string_equal(h->type, "application/json");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(objects_are_written, setup, teardown),
		cmocka_unit_test_setup_teardown(subresources_are_written, setup, teardown),
		cmocka_unit_test_setup_teardown(reviews_are_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_bodies_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_envelopes_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_fields_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_are_json, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
