/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI documents of a running server, and the protobuf form of their parts. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "server/openapi_paths.h"
#include "server/openapi_proto.h"
#include "server/openapi_types.h"
#include "server/subresource.h"
#include "server/virtual_kinds.h"

#define PROTO     "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
#define PROTO_NEW "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
#define GVK       "x-kubernetes-group-version-kind"

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

/* Counts the references of 'value', each of which leads into 'definitions'. */
static size_t check_refs(const json_t *value, const json_t *definitions, const char *prefix)
{
	const char *key, *ref = json_string_value(json_object_get(value, "$ref"));
	json_t *below;
	size_t i, n = 0;

	if (ref) {
		assert_int_equal(strncmp(ref, prefix, strlen(prefix)), 0);
		if (!json_object_get(definitions, ref + strlen(prefix)))
			fail_msg("%s leads nowhere", ref);
		return 1;
	}
	json_object_foreach((json_t *)value, key, below)
		n += check_refs(below, definitions, prefix);
	json_array_foreach(value, i, below)
		n += check_refs(below, definitions, prefix);
	return n;
}

/* The definitions leave nothing below 'value' open but what may be anything. */
static void check_closed(const char *name, const json_t *value)
{
	static const char *const open[] = { "FieldsV1", "extra", "fieldsV1", "Patch" };
	const char *key;
	json_t *below;

	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		if (strcmp(name, open[i]) == 0)
			return;
	if (json_object_get(value, "$ref"))
		return;
	assert_string_not_equal(json_path_str(value, "type"), "");
	if (strcmp(json_path_str(value, "type"), "array") == 0)
		check_closed(name, json_object_get(value, "items"));
	if (strcmp(json_path_str(value, "type"), "object") != 0)
		return;
	if (json_object_get(value, "additionalProperties"))
		check_closed(name, json_object_get(value, "additionalProperties"));
	else if (!json_object_get(value, "properties"))
		fail_msg("%s is open", name);
	json_object_foreach(json_object_get(value, "properties"), key, below)
		check_closed(key, below);
}

static bool has_parameter(const json_t *operation, const char *name)
{
	const json_t *parameter;
	size_t i;

	json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
		if (strcmp(json_path_str(parameter, "name"), name) == 0)
			return true;
	return false;
}

static void check_gvk(const json_t *gvk, const struct kind *kind)
{
	assert_string_equal(json_path_str(gvk, "group"), kind->group);
	assert_string_equal(json_path_str(gvk, "version"), kind->version);
	assert_string_equal(json_path_str(gvk, "kind"), kind->name);
}

static const json_t *operation_of(const json_t *paths, const char *path, const char *method)
{
	const json_t *operation = json_object_get(json_object_get(paths, path), method);

	if (!operation)
		fail_msg("no %s of %s", method, path);
	return operation;
}

/* What kubectl looks for before it leaves checks and dry runs to the server. */
static void check_patch(const json_t *paths, const char *path, const struct kind *type)
{
	const json_t *operation = operation_of(paths, path, "patch");

	check_gvk(json_object_get(operation, GVK), type);
	assert_true(has_parameter(operation, "dryRun"));
	assert_true(has_parameter(operation, "fieldValidation"));
}

static void check_kind(const json_t *paths, const json_t *definitions, const struct kind *kind)
{
	const char *ns = kind->namespaced ? "{namespace}" : NULL;
	auto_free char *name = openapi_kind_name(kind, false);
	auto_free char *collection = kind_path(kind, ns, NULL);
	auto_free char *object = kind_path(kind, ns, "{name}");
	const json_t *definition = json_object_get(definitions, name);
	const struct subresource *sub = NULL;

	assert_non_null(definition);
	check_gvk(json_array_get(json_object_get(definition, GVK), 0), kind);
	check_gvk(json_object_get(operation_of(paths, collection, "post"), GVK), kind);
	if (!virtual_kinds_is(kind))
		check_patch(paths, object, kind);
	if (kind->has_status) {
		auto_free char *status = xasprintf("%s/status", object);

		check_patch(paths, status, kind);
	}
	while ((sub = subresource_next(kind, sub))) {
		auto_free char *path = xasprintf("%s/%s", object, sub->name);

		assert_non_null(json_object_get(paths, path));
	}
}

/* No two operations have one id. */
static void check_ids(const json_t *paths)
{
	auto_json json_t *seen = json_object();
	const char *path, *method;
	json_t *item, *operation;

	json_object_foreach((json_t *)paths, path, item) {
		json_object_foreach(item, method, operation) {
			const char *id = json_path_str(operation, "operationId");

			if (!json_is_object(operation))
				continue;
			assert_true(id[0]);
			if (json_object_get(seen, id))
				fail_msg("twice: %s", id);
			json_object_set_new(seen, id, json_true());
		}
	}
}

static void version_2_is_complete(void **state)
{
	struct harness *h = *state;
	const json_t *definitions, *paths;
	const char *name;
	json_t *definition;

	assert_int_equal(get(h, "/openapi/v2"), 200);
	assert_string_equal(h->type, "application/json");
	assert_string_equal(said(h, "swagger"), "2.0");
	definitions = json_path(h->answer, "definitions");
	paths = json_path(h->answer, "paths");
	assert_true(check_refs(h->answer, definitions, "#/definitions/") > 500);
	check_ids(paths);
	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		check_kind(paths, definitions, *k);
	json_object_foreach((json_t *)definitions, name, definition)
		check_closed(strrchr(name, '.') + 1, definition);
}

static void version_3_has_every_group(void **state)
{
	struct harness *h = *state;
	auto_json json_t *index = NULL;
	const char *name;
	json_t *entry;
	size_t kinds_seen = 0, kinds_known = 0;

	assert_int_equal(get(h, "/openapi/v3"), 200);
	index = json_incref(json_path(h->answer, "paths"));
	json_object_foreach(index, name, entry) {
		const json_t *definitions, *paths;

		assert_int_equal(get(h, json_path_str(entry, "serverRelativeURL")), 200);
		assert_string_equal(said(h, "openapi"), "3.0.0");
		definitions = json_path(h->answer, "components.schemas");
		paths = json_path(h->answer, "paths");
		assert_true(check_refs(h->answer, definitions, "#/components/schemas/") > 20);
		check_ids(paths);
		for (const struct kind *const *k = virtual_kinds_all(); *k; k++) {
			if (strcmp(strchr(name, '/') + 1, kind_api_version(*k)) != 0)
				continue;
			check_kind(paths, definitions, *k);
			kinds_seen++;
		}
	}
	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		kinds_known++;
	assert_int_equal(kinds_seen, kinds_known);
}

#define SERVICE_SPEC "io.k8s.api.core.v1.ServiceSpec"

/* The parts that clients merge and print by. */
static void fields_are_said(void **state)
{
	static const char ports[] =
		"{\"type\":\"array\",\"items\":{\"$ref\":\"#/definitions/"
		"io.k8s.api.core.v1.ServicePort\"},\"x-kubernetes-list-map-keys\":[\"port\","
		"\"protocol\"],\"x-kubernetes-patch-merge-key\":\"port\","
		"\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-patch-strategy\":\"merge\"}";
	static const char protocol[] = "{\"type\":\"string\",\"enum\":[\"SCTP\",\"TCP\",\"UDP\"]}";
	static const char selector[] =
		"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"},"
		"\"x-kubernetes-map-type\":\"atomic\"}";
	static const char finalizers[] =
		"{\"type\":\"array\",\"items\":{\"type\":\"string\"},"
		"\"x-kubernetes-list-type\":\"set\",\"x-kubernetes-patch-strategy\":\"merge\"}";
	static const struct {
		const char *type, *path, *text;
	} cases[] = {
		{ SERVICE_SPEC, "properties.ports", ports },
		{ SERVICE_SPEC, "properties.selector", selector },
		{ SERVICE_SPEC, "properties.publishNotReadyAddresses", "{\"type\":\"boolean\"}" },
		{ "io.k8s.api.core.v1.ServicePort", "properties.protocol", protocol },
		{ "io.k8s.api.core.v1.ServicePort", "properties.nodePort",
		  "{\"type\":\"integer\",\"format\":\"int32\"}" },
		{ "io.k8s.api.core.v1.ServicePort", "required", "[\"port\"]" },
		{ "io.k8s.api.core.v1.EndpointPort", "required", "[\"port\"]" },
		{ "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "properties.finalizers",
		  finalizers },
		{ "io.k8s.apimachinery.pkg.apis.meta.v1.Time", "format", "\"date-time\"" },
		{ "io.k8s.apimachinery.pkg.util.intstr.IntOrString", "format",
		  "\"int-or-string\"" },
		{ "io.k8s.api.core.v1.ServiceList", "required", "[\"items\"]" },
		/* what only the protobuf form of a Pod looks into */
		{ "io.k8s.api.core.v1.Capabilities", "properties.add",
		  "{\"type\":\"array\",\"items\":{\"type\":\"string\"},"
		  "\"x-kubernetes-list-type\":\"atomic\"}" },
		{ "io.k8s.api.core.v1.ConfigMapKeySelector", "properties.name",
		  "{\"type\":\"string\"}" },
		{ "io.k8s.api.core.v1.CSIVolumeSource", "properties.volumeAttributes",
		  "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}" },
		{ "io.k8s.api.core.v1.HTTPGetAction", "properties.port.$ref",
		  "\"#/definitions/io.k8s.apimachinery.pkg.util.intstr.IntOrString\"" },
		{ "io.k8s.api.core.v1.NodeSpec", "properties.taints.x-kubernetes-list-type",
		  "\"atomic\"" },
	};
	struct harness *h = *state;

	assert_int_equal(get(h, "/openapi/v2"), 200);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *text =
			json_dumps(json_path(json_object_get(json_path(h->answer, "definitions"),
		                                             cases[i].type),
		                             cases[i].path),
		                   JSON_COMPACT | JSON_ENCODE_ANY);

		assert_non_null(text);
		assert_string_equal(text, cases[i].text);
	}
	assert_null(json_path(json_object_get(json_path(h->answer, "definitions"),
	                                      "io.k8s.api.discovery.v1.EndpointPort"),
	                      "required"));
}

static void media_types_are_negotiated(void **state)
{
	static const struct {
		const char *path, *accept;
		int code;
		const char *type;
	} cases[] = {
		{ "/openapi/v2", NULL, 200, "application/json" },
		{ "/openapi/v2", "*/*", 200, "application/json" },
		{ "/openapi/v2", "application/json;g=x", 200, "application/json" },
		{ "/openapi/v2", "text/html, */*;q=0.1", 200, "application/json" },
		{ "/openapi/v2", PROTO, 200, PROTO_NEW },
		{ "/openapi/v2", PROTO_NEW, 200, PROTO_NEW },
		{ "/openapi/v2", "*/*, " PROTO, 200, PROTO_NEW },
		{ "/openapi/v2", "application/json;q=0.2," PROTO_NEW, 200, PROTO_NEW },
		{ "/openapi/v2", PROTO ";q=0.1 , application/json", 200, "application/json" },
		{ "/openapi/v2", "text/html", 406, NULL },
		{ "/openapi/v2", "application/yaml;q=x", 406, NULL },
		{ "/openapi/v3/api/v1", "application/json", 200, "application/json" },
		{ "/openapi/v3/api/v1", PROTO, 406, NULL },
		{ "/openapi/v3/api/v1?hash=0", NULL, 301, NULL },
		{ "/openapi/v3/api/v2", NULL, 404, NULL },
		{ "/openapi/v3/", NULL, 404, NULL },
		{ "/openapi/v3/apis", NULL, 404, NULL },
		{ "/openapi/v2/", NULL, 404, NULL },
	};
	struct harness *h = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(call(h, "GET", cases[i].path, NULL, cases[i].accept, NULL),
		                 cases[i].code);
		if (cases[i].type)
			assert_string_equal(h->type, cases[i].type);
	}
	assert_int_equal(call(h, "POST", "/openapi/v2", NULL, NULL, "{}"), 405);
}

/* The same document each time: clients keep it by its hash. */
static void documents_stay(void **state)
{
	struct harness *h = *state;
	auto_free char *before = NULL;

	assert_int_equal(get(h, "/openapi/v3"), 200);
	before = xstrdup(buf_str(&h->body));
	harness_restart(h);
	assert_int_equal(get(h, "/openapi/v3"), 200);
	assert_string_equal(buf_str(&h->body), before);
}

/* clang-format off */
static const char path_text[] =
	"{\"patch\":{\"consumes\":[\"a\"],\"parameters\":[{\"name\":\"b\",\"in\":\"body\","
	"\"schema\":{\"$ref\":\"r\"}},{\"in\":\"query\",\"name\":\"d\",\"type\":\"t\"}],"
	"\"responses\":{\"200\":{\"description\":\"OK\"}},\"x-k\":{\"v\":1}},"
	"\"parameters\":[{\"required\":true,\"in\":\"path\",\"name\":\"n\"}],\"unknown\":1}";
static const char schema_text[] =
	"{\"required\":[\"a\",\"b\"],\"enum\":[\"z\",1],\"type\":\"object\",\"properties\":{\"p\":"
	"{\"type\":\"array\",\"items\":{\"$ref\":\"r\"}},\"m\":{\"additionalProperties\":"
	"{\"format\":\"f\"}}},\"x-s\":\"set\",\"unknown\":[]}";

/* What 'protoc --encode' of gnostic's messages makes of the same. */
static const char path_bytes[] =
		"\x12j\x0a\x02/p\x12" "dBO:\x01" "aB\x12\x0a\x10\x0a\x0e\x12\x01" "b\x1a\x04"
		"body*\x03\x0a\x01rB\x13\x0a\x11\x12\x0f\x1a\x0d\x12\x05query\x22\x01"
		"d2\x01tJ\x0f\x0a\x0d\x0a\x03"
		"200\x12\x06\x0a\x04\x0a\x02OKj\x10\x0a\x03x-k\x12\x09\x12\x07{\x22v\x22:1}"
		"J\x11\x0a\x0f\x12\x0d\x22\x0b\x08\x01\x12\x04path\x22\x01n";
static const char schema_bytes[] =
		"\x0a^\x0a\x01n\x12Y\x9a\x01\x01" "a\x9a\x01\x01"
		"b\xa2\x01\x03\x12\x01z\xa2\x01\x03\x12\x01"
		"1\xb2\x01\x08\x0a\x06object\xca\x01(\x0a\x17\x0a\x01p\x12\x12\xb2\x01\x07\x0a\x05"
		"array\xba\x01\x05\x0a\x03\x0a\x01r\x0a\x0d\x0a\x01m\x12\x08\xaa\x01\x05\x0a\x03\x12\x01"
		"f\xfa\x01\x0c\x0a\x03x-s\x12\x05\x12\x03set";
/* clang-format on */

static void proto_is_that_of_gnostic(void **state)
{
	static const char head[] = "\x0a\x03"
				   "2.0\x12\x10\x0a\x0aKubernetes\x12\x02v1";
	auto_buf struct buf paths = BUF_INIT, definitions = BUF_INIT, out = BUF_INIT;
	auto_json json_t *item = json_loads(path_text, 0, NULL);
	auto_json json_t *schema = json_loads(schema_text, 0, NULL);

	(void)state;
	openapi_proto_path(&paths, "/p", item);
	assert_int_equal(paths.n, sizeof(path_bytes) - 1);
	assert_memory_equal(paths.p, path_bytes, paths.n);
	openapi_proto_definition(&definitions, "n", schema);
	assert_int_equal(definitions.n, sizeof(schema_bytes) - 1);
	assert_memory_equal(definitions.p, schema_bytes, definitions.n);
	openapi_proto_document(&out, "v1", &paths, &definitions);
	assert_int_equal(out.n, sizeof(head) - 1 + 2 + paths.n + 2 + definitions.n);
	assert_memory_equal(out.p, head, sizeof(head) - 1);
	assert_memory_equal(out.p + sizeof(head) + 1, path_bytes, paths.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(version_2_is_complete, setup, teardown),
		cmocka_unit_test_setup_teardown(version_3_has_every_group, setup, teardown),
		cmocka_unit_test_setup_teardown(fields_are_said, setup, teardown),
		cmocka_unit_test_setup_teardown(media_types_are_negotiated, setup, teardown),
		cmocka_unit_test_setup_teardown(documents_stay, setup, teardown),
		cmocka_unit_test(proto_is_that_of_gnostic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
