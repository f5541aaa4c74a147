/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"

#define SERVICES "/api/v1/namespaces/default/services"
#define SLICES   "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
#define WEB                                                                               \
	"{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\","     \
	"\"creationTimestamp\":null,\"labels\":{\"app\":\"web\"}},\"spec\":{\"ports\":[{" \
	"\"protocol\":\"TCP\",\"port\":80,\"targetPort\":80}],\"selector\":{\"app\":"     \
	"\"web\"}},\"status\":{\"loadBalancer\":{}}}"

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

static void creates_and_reads(void **state)
{
	struct harness *h = *state;
	auto_free char *uid = NULL;
	auto_free char *ip = NULL;

	assert_int_equal(post(h, SERVICES, WEB), 201);
	assert_string_equal(said(h, "metadata.namespace"), "default");
	assert_string_equal(said(h, "spec.type"), "ClusterIP");
	assert_int_equal(strlen(said(h, "metadata.uid")), 36);
	assert_int_equal(strncmp(said(h, "spec.clusterIP"), "10.96.", 6), 0);
	assert_string_not_equal(said(h, "metadata.creationTimestamp"), "");
	assert_string_not_equal(said(h, "metadata.resourceVersion"), "");
	uid = xstrdup(said(h, "metadata.uid"));
	ip = xstrdup(said(h, "spec.clusterIP"));
	assert_int_equal(get(h, SERVICES "/web"), 200);
	assert_string_equal(said(h, "metadata.uid"), uid);
	assert_int_equal(post(h, SERVICES, WEB), 409);
	assert_string_equal(said(h, "message"), "services \"web\" already exists");
	assert_string_equal(said(h, "reason"), "AlreadyExists");
	harness_restart(h);
	assert_int_equal(get(h, SERVICES "/web"), 200);
	assert_string_equal(said(h, "metadata.uid"), uid);
	assert_string_equal(said(h, "spec.clusterIP"), ip);
}

static void replaces(void **state)
{
	struct harness *h = *state;
	auto_free char *version = NULL;
	auto_free char *body = NULL;
	auto_free char *ip = NULL;

	assert_int_equal(post(h, SERVICES, WEB), 201);
	version = xstrdup(said(h, "metadata.resourceVersion"));
	ip = xstrdup(said(h, "spec.clusterIP"));
	/* The same again: what was allocated stays and no new revision is made. */
	assert_int_equal(put(h, SERVICES "/web", WEB), 200);
	assert_string_equal(said(h, "metadata.resourceVersion"), version);
	assert_string_equal(said(h, "spec.clusterIP"), ip);
	body = xasprintf("{\"metadata\":{\"name\":\"web\",\"resourceVersion\":\"%s\"},\"spec\":{"
	                 "\"ports\":[{\"port\":81}]}}",
	                 version);
	assert_int_equal(put(h, SERVICES "/web", body), 200);
	assert_string_not_equal(said(h, "metadata.resourceVersion"), version);
	assert_string_equal(said(h, "spec.clusterIP"), ip);
	assert_int_equal(put(h, SERVICES "/web", body), 409);
	assert_string_equal(said(h, "message"),
	                    "Operation cannot be fulfilled on services \"web\": the object has "
	                    "been modified; please apply your changes to the latest version and "
	                    "try again");
	assert_int_equal(
		put(h, SERVICES "/web",
	            "{\"metadata\":{\"name\":\"web\",\"resourceVersion\":\"abc\"},\"spec\":{"
	            "\"ports\":[{\"port\":81}]}}"),
		500);
	assert_string_equal(said(h, "message"),
	                    "strconv.ParseUint: parsing \"abc\": invalid syntax");
	/* PUT of what is not there creates a Service, but no EndpointSlice. */
	assert_int_equal(
		put(h, SERVICES "/new",
	            "{\"metadata\":{\"name\":\"new\"},\"spec\":{\"ports\":[{\"port\":1}]}}"),
		201);
	assert_int_equal(put(h, SLICES "/new",
	                     "{\"metadata\":{\"name\":\"new\"},\"addressType\":\"IPv4\","
	                     "\"endpoints\":[]}"),
	                 404);
	assert_string_equal(said(h, "message"),
	                    "endpointslices.discovery.k8s.io \"new\" not found");
}

static void patches(void **state)
{
	struct harness *h = *state;

	assert_int_equal(post(h, SERVICES, WEB), 201);
	assert_int_equal(patch(h, SERVICES "/web", MERGE,
	                       "{\"metadata\":{\"labels\":{\"a\":\"b\",\"app\":null}}}"),
	                 200);
	assert_string_equal(said(h, "metadata.labels.a"), "b");
	assert_string_equal(said(h, "metadata.labels.app"), "");
	assert_int_equal(patch(h, SERVICES "/web", STRATEGIC,
	                       "{\"spec\":{\"ports\":[{\"port\":443,\"name\":\"s\"},{\"port\":80,"
	                       "\"name\":\"h\"}]}}"),
	                 200);
	assert_int_equal(json_array_size(json_path(h->answer, "spec.ports")), 2);
	assert_int_equal(patch(h, SERVICES "/web", JSONPATCH,
	                       "[{\"op\":\"replace\",\"path\":\"/spec/sessionAffinity\","
	                       "\"value\":\"ClientIP\"}]"),
	                 200);
	assert_string_equal(said(h, "spec.sessionAffinity"), "ClientIP");
	assert_int_equal(patch(h, SERVICES "/web", JSONPATCH,
	                       "[{\"op\":\"test\",\"path\":\"/spec/type\",\"value\":\"x\"}]"),
	                 422);
	assert_string_equal(said(h, "message"),
	                    "the server rejected our request due to an error in our request");
	assert_int_equal(patch(h, SERVICES "/web", MERGE,
	                       "{\"metadata\":{\"resourceVersion\":\"1\"}}"),
	                 409);
	assert_int_equal(patch(h, SERVICES "/web", MERGE, "{\"metadata\":{\"name\":\"x\"}}"), 400);
	assert_string_equal(said(h, "message"),
	                    "the name of the object (x) does not match the name on the URL (web)");
	assert_int_equal(patch(h, SERVICES "/web", MERGE, "{"), 400);
	assert_int_equal(patch(h, SERVICES "/none", MERGE, "{}"), 404);
	assert_int_equal(patch(h, SERVICES "/web", "application/apply-patch+yaml", "{}"), 415);
	assert_non_null(strstr(said(h, "message"),
	                       "the body of the request was in an unknown format - accepted media "
	                       "types include: application/json-patch+json, "));
	assert_string_equal(said(h, "reason"), "UnsupportedMediaType");
}

/* What a patch made of an object is no Service: invalid, where a body would be a bad request. */
static void patches_are_blamed(void **state)
{
	static const struct {
		const char *path, *type, *patch, *begin, *end;
	} cases[] = {
		{ SERVICES "/web", MERGE, "{\"spec\":{\"ports\":\"x\"}}",
		  " \"\" is invalid: patch: Invalid value: \"{\\\"",
		  "}\": json: cannot unmarshal string "
		  "into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort" },
		{ SERVICES "/web", MERGE, "{\"kind\":\"Pod\"}",
		  " \"\" is invalid: patch: Invalid value: \"{\\\"",
		  "}\": converting (v1.Pod) to (core.Service): unknown conversion" },
		{ SERVICES "/web?fieldValidation=Strict", JSONPATCH,
		  "[{\"op\":\"add\",\"path\":\"/spec/foo\",\"value\":1}]",
		  " \"\" is invalid: patch: Invalid value: \"{\\\"",
		  "}\": strict decoding error: unknown field \"spec.foo\"" },
		{ SERVICES "/web?fieldValidation=Strict", STRATEGIC,
		  "{\"spec\":{\"foo\":[1,\"a\",null,{}],\"bar\":true}}",
		  " \"\" is invalid: patch: Invalid value: \"map[spec:map[bar:true foo:[1 a <nil> "
		  "map[]]]]\": strict decoding error: ",
		  "unknown field \"spec.bar\"" },
		{ SERVICES "/web", MERGE, "{\"metadata\":{\"uid\":\"x\"}}",
		  "Service \"web\" is invalid: metadata.uid: ",
		  "Invalid value: \"x\": field is immutable" },
	};
	struct harness *h = *state;

	assert_int_equal(post(h, SERVICES, WEB), 201);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *message, *end = cases[i].end;

		assert_int_equal(patch(h, cases[i].path, cases[i].type, cases[i].patch), 422);
		message = said(h, "message");
		if (strncmp(message, cases[i].begin, strlen(cases[i].begin)) != 0 ||
		    strlen(message) < strlen(end) ||
		    strcmp(message + strlen(message) - strlen(end), end) != 0)
			fail_msg("%s: %s", cases[i].patch, message);
	}
	/* Without Strict what is unknown goes. */
	assert_int_equal(patch(h, SERVICES "/web", MERGE, "{\"spec\":{\"foo\":1}}"), 200);
	assert_null(json_path(h->answer, "spec.foo"));
}

static void finalizers_of_namespaces_have_domains(void **state)
{
	struct harness *h = *state;

	assert_int_equal(put(h, "/api/v1/namespaces/default/finalize",
	                     "{\"metadata\":{\"name\":\"default\"},\"spec\":{\"finalizers\":["
	                     "\"kubernetes\",\"foo\"]}}"),
	                 422);
	assert_string_equal(said(h, "message"),
	                    "Namespace \"default\" is invalid: spec.finalizers[1]: Invalid value: "
	                    "\"foo\": name is neither a standard finalizer name nor is it fully "
	                    "qualified");
}

static void writes_status_apart(void **state)
{
	struct harness *h = *state;
	static const char lb[] = "{\"spec\":{\"type\":\"LoadBalancer\",\"sessionAffinity\":"
				 "\"ClientIP\"},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
				 "\"192.0.2.1\"}]}}}";

	assert_int_equal(post(h, SERVICES, WEB), 201);
	assert_int_equal(patch(h, SERVICES "/web", MERGE, lb), 200);
	assert_null(json_path(h->answer, "status.loadBalancer.ingress"));
	assert_int_equal(patch(h, SERVICES "/web/status", MERGE,
	                       "{\"spec\":{\"sessionAffinity\":\"None\"},\"status\":{"
	                       "\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.1\"}]}}}"),
	                 200);
	assert_string_equal(said(h, "spec.sessionAffinity"), "ClientIP");
	assert_int_equal(get(h, SERVICES "/web/status"), 200);
	assert_int_equal(json_array_size(json_path(h->answer, "status.loadBalancer.ingress")), 1);
	assert_int_equal(del(h, SERVICES "/web/status"), 405);
	assert_int_equal(put(h, SERVICES "/none/status", "{\"metadata\":{\"name\":\"none\"}}"),
	                 404);
}

static void deletes(void **state)
{
	struct harness *h = *state;
	auto_free char *uid = NULL;
	auto_free char *body = NULL;

	assert_int_equal(post(h, SERVICES, WEB), 201);
	uid = xstrdup(said(h, "metadata.uid"));
	assert_int_equal(call(h, "DELETE", SERVICES "/web", NULL, NULL,
	                      "{\"preconditions\":{\"uid\":\"other\"}}"),
	                 409);
	assert_non_null(strstr(said(h, "message"), "the UID in the precondition (other)"));
	assert_int_equal(del(h, SERVICES "/web?dryRun=All"), 200);
	body = xasprintf(
		"{\"propagationPolicy\":\"Background\",\"preconditions\":{\"uid\":\"%s\"}}", uid);
	assert_int_equal(call(h, "DELETE", SERVICES "/web", NULL, NULL, body), 200);
	assert_string_equal(said(h, "kind"), "Service");
	assert_string_equal(said(h, "metadata.uid"), uid);
	assert_int_equal(get(h, SERVICES "/web"), 404);
	assert_string_equal(said(h, "message"), "services \"web\" not found");
	assert_string_equal(said(h, "details.kind"), "services");
	assert_int_equal(del(h, SERVICES "/web"), 404);
	assert_int_equal(del(h, SLICES "/kubernetes"), 200);
	assert_string_equal(said(h, "kind"), "Status");
	assert_string_equal(said(h, "status"), "Success");
	assert_string_equal(said(h, "details.group"), "discovery.k8s.io");
}

static void waits_for_finalizers(void **state)
{
	struct harness *h = *state;
	auto_free char *stamp = NULL;

	assert_int_equal(
		post(h, SERVICES,
	             "{\"metadata\":{\"name\":\"f\",\"finalizers\":[\"x.io/y\"]},\"spec\":{"
	             "\"ports\":[{\"port\":1}]}}"),
		201);
	assert_int_equal(del(h, SERVICES "/f"), 200);
	stamp = xstrdup(said(h, "metadata.deletionTimestamp"));
	assert_string_not_equal(stamp, "");
	assert_int_equal(del(h, SERVICES "/f"), 200);
	assert_string_equal(said(h, "metadata.deletionTimestamp"), stamp);
	assert_int_equal(patch(h, SERVICES "/f", MERGE, "{\"metadata\":{\"finalizers\":null}}"),
	                 200);
	assert_int_equal(get(h, SERVICES "/f"), 404);
}

static void deletes_collections(void **state)
{
	struct harness *h = *state;

	for (int i = 0; i < 5; i++) {
		auto_free char *body = xasprintf("{\"metadata\":{\"name\":\"s%d\",\"labels\":{"
		                                 "\"odd\":\"%d\"}},\"spec\":{\"ports\":[{\"port\":"
		                                 "1}]}}",
		                                 i, i % 2);

		assert_int_equal(post(h, SERVICES, body), 201);
	}
	assert_int_equal(del(h, SERVICES "?labelSelector=odd%3D1"), 200);
	assert_string_equal(said(h, "kind"), "ServiceList");
	assert_int_equal(json_array_size(json_path(h->answer, "items")), 2);
	assert_int_equal(get(h, SERVICES), 200);
	assert_int_equal(json_array_size(json_path(h->answer, "items")), 4);
}

static void lists(void **state)
{
	struct harness *h = *state;
	auto_free char *version = NULL;
	auto_free char *path = NULL;

	assert_int_equal(post(h, SERVICES, WEB), 201);
	version = xstrdup(said(h, "metadata.resourceVersion"));
	assert_int_equal(get(h, "/api/v1/services"), 200);
	assert_string_equal(said(h, "kind"), "ServiceList");
	assert_string_equal(said(h, "apiVersion"), "v1");
	assert_string_equal(said(h, "metadata.resourceVersion"), version);
	assert_int_equal(json_array_size(json_path(h->answer, "items")), 2);
	assert_null(json_object_get(json_array_get(json_path(h->answer, "items"), 0), "kind"));
	/* Page by page. */
	assert_int_equal(get(h, SERVICES "?limit=1"), 200);
	assert_int_equal(json_array_size(json_path(h->answer, "items")), 1);
	assert_int_equal(json_path_int(h->answer, "metadata.remainingItemCount", 0), 1);
	path = xasprintf(SERVICES "?limit=1&continue=%s", said(h, "metadata.continue"));
	assert_int_equal(get(h, path), 200);
	assert_string_equal(json_path_str(json_array_get(json_path(h->answer, "items"), 0),
	                                  "metadata.name"),
	                    "web");
	assert_string_equal(said(h, "metadata.continue"), "");
	/* Selected. */
	assert_int_equal(get(h, "/api/v1/services?labelSelector=app%3Dweb"), 200);
	assert_int_equal(json_array_size(json_path(h->answer, "items")), 1);
	assert_int_equal(get(h, "/api/v1/services?fieldSelector=metadata.name%21%3Dweb"), 200);
	assert_int_equal(json_array_size(json_path(h->answer, "items")), 1);
	assert_int_equal(get(h, "/api/v1/namespaces/kube-system/services"), 200);
	assert_int_equal(json_array_size(json_path(h->answer, "items")), 0);
}

static void lists_refuse(void **state)
{
	static const struct {
		const char *query;
		int code;
		const char *message;
	} cases[] = {
		{ "fieldSelector=spec.ports%3D1", 400, "field label not supported: spec.ports" },
		{ "limit=x", 400, "strconv.ParseInt: parsing \"x\": invalid syntax" },
		{ "continue=x", 400,
		  "invalid continue token: continue key is not valid: illegal base64 data at input byte 0" },
		{ "resourceVersionMatch=Exact", 422,
		  "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
		  "resourceVersionMatch is forbidden unless resourceVersion is provided" },
		{ "resourceVersion=999999", 504, NULL },
		{ "resourceVersion=0&resourceVersionMatch=Exact", 422,
		  "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
		  "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"" },
		{ "watch=1&sendInitialEvents=true", 422,
		  "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
		  "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan" },
		{ "watch=1&resourceVersion=999999", 504, NULL },
	};
	struct harness *h = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *path = xasprintf("/api/v1/services?%s", cases[i].query);

		assert_int_equal(get(h, path), cases[i].code);
		assert_string_equal(said(h, "kind"), "Status");
		if (cases[i].message)
			assert_string_equal(said(h, "message"), cases[i].message);
	}
	assert_int_equal(get(h, "/api/v1/services?labelSelector=a%3D%3D%3Db"), 400);
}

#define UNRECOGNIZED                                                                   \
	"the object provided is unrecognized (must be of type Service): couldn't get " \
	"version/kind; json parse error: "

#define SLICES "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
#define UNCONVERTED(kind)                                                              \
	kind " in version \"v1\" cannot be handled as a Service: converting (v1." kind \
	     ") to (core.Service): unknown conversion"
#define UNREGISTERED(kind, version, api)                                                   \
	kind " in version \"" version "\" cannot be handled as a Service: no kind \"" kind \
	     "\" is registered for version \"" api "\" in scheme \"pkg/runtime/scheme.go:111\""

/* What is wrong with a body, in Kubernetes' words. */
static void bodies_are_checked(void **state)
{
	static const struct {
		const char *path, *type, *body;
		int code;
		const char *message;
	} cases[] = {
		{ SERVICES, NULL, "{\"kind\":\"Service\",", 400,
		  UNRECOGNIZED "unexpected end of JSON input ({\"kind\":\"Service\",)" },
		{ SERVICES, NULL, "[]", 400,
		  UNRECOGNIZED
		  "json: cannot unmarshal array into Go value of type struct { "
		  "APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
		  "\"json:\\\"kind,omitempty\\\"\" } (5b5d)" },
		{ SERVICES, NULL, "{\"kind\":1}", 400,
		  UNRECOGNIZED "json: cannot unmarshal number into Go struct field .kind of type "
		               "string ({\"kind\":1})" },
		{ SERVICES, NULL, "", 400, UNRECOGNIZED "unexpected end of JSON input (<empty>)" },
		{ SERVICES "?dryRun=All", NULL, "null", 422,
		  "Service \"\" is invalid: [metadata.name: Required value: name or generateName is "
		  "required, spec.ports: Required value]" },
		{ SERVICES, NULL, "{\"apiVersion\":\"a/b/c\"}", 400,
		  "the object provided is unrecognized (must be of type Service): unexpected "
		  "GroupVersion string: a/b/c ({\"apiVersion\":\"a/b/c\"})" },
		{ SERVICES, NULL, "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}", 400,
		  UNCONVERTED("Pod") },
		{ SERVICES, NULL, "{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\"}", 400,
		  UNCONVERTED("ServiceList") },
		{ SERVICES, NULL, "{\"kind\":\"List\",\"apiVersion\":\"v1\"}", 400,
		  UNCONVERTED("List") },
		{ SERVICES, NULL, "{\"kind\":\"Status\",\"apiVersion\":\"v1\"}", 400,
		  UNCONVERTED("Status") },
		{ SERVICES, NULL, "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"apps/v1\"}", 400,
		  UNCONVERTED("DeleteOptions") },
		{ SERVICES, NULL, "{\"kind\":\"Foo\",\"apiVersion\":\"v1\"}", 400,
		  UNREGISTERED("Foo", "v1", "v1") },
		{ SERVICES, NULL, "{\"kind\":\"Service\",\"apiVersion\":\"v2\"}", 400,
		  UNREGISTERED("Service", "v2", "v2") },
		{ SERVICES, NULL, "{\"kind\":\"Service\",\"apiVersion\":\"apps/v1\"}", 400,
		  UNREGISTERED("Service", "v1", "apps/v1") },
		{ SERVICES, NULL, "{\"kind\":\"Status\",\"apiVersion\":\"apps/v1\"}", 400,
		  UNREGISTERED("Status", "v1", "apps/v1") },
		{ "/api/v1/namespaces/default/events", NULL,
		  "{\"kind\":\"Event\",\"apiVersion\":\"events.k8s.io/v1\"}", 400,
		  "the API version in the data (events.k8s.io/v1) does not match the expected API "
		  "version (v1)" },
		{ SLICES, NULL,
		  "{\"kind\":\"EndpointSlice\",\"apiVersion\":\"discovery.k8s.io/v1beta1\"}", 400,
		  "the API version in the data (discovery.k8s.io/v1beta1) does not match the expected "
		  "API version (discovery.k8s.io/v1)" },
		{ SLICES, NULL, "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}", 400,
		  "Pod in version \"v1\" cannot be handled as a EndpointSlice: converting (v1.Pod) to "
		  "(discovery.EndpointSlice): unknown conversion" },
		{ SERVICES, NULL, "{\"metadata\":{\"name\":\"x\",\"namespace\":\"other\"}}", 400,
		  "the namespace of the provided object does not match the namespace sent on the "
		  "request" },
		{ SERVICES, NULL,
		  "{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"7\"},\"spec\":{\"ports\":"
		  "[{\"port\":1}]}}",
		  500, "resourceVersion should not be set on objects to be created" },
		{ SERVICES, NULL, "{\"metadata\":{\"name\":\"x\"},\"spec\":{}}", 422,
		  "Service \"x\" is invalid: spec.ports: Required value" },
		{ SERVICES "?fieldValidation=Strict", NULL,
		  "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"ports\":[{\"port\":1}],\"prots\":1}}",
		  400,
		  "Service in version \"v1\" cannot be handled as a Service: strict decoding error: "
		  "unknown field \"spec.prots\"" },
		{ SERVICES "?dryRun=Some", NULL, WEB, 422, NULL },
		{ SERVICES, "application/vnd.kubernetes.protobuf", "k8s", 400,
		  "the object provided is unrecognized (must be of type Service): provided data "
		  "does not appear to be a protobuf message, expected prefix [107 56 115 0] "
		  "(6b3873)" },
		{ SERVICES, "text/plain", "x", 415,
		  "the body of the request was in an unknown format - accepted media types "
		  "include: application/json, application/yaml, "
		  "application/vnd.kubernetes.protobuf" },
		{ SERVICES, "application/yaml", "a: [", 400, NULL },
		{ "/api/v1/namespaces/nowhere/services", NULL, WEB, 404,
		  "namespaces \"nowhere\" not found" },
	};
	struct harness *h = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int code = call(h, "POST", cases[i].path, cases[i].type, NULL, cases[i].body);

		if (code != cases[i].code ||
		    (cases[i].message && strcmp(said(h, "message"), cases[i].message) != 0))
			fail_msg("%s: %d %s", cases[i].body, code, buf_str(&h->body));
		assert_string_equal(said(h, "status"), "Failure");
	}
}

static void large_bodies_are_refused(void **state)
{
	struct harness *h = *state;
	auto_free char *body = xmalloc((3 << 20) + 3);

	memset(body, ' ', (3 << 20) + 2);
	body[(3 << 20) + 2] = '\0';
	memcpy(body, "{}", 2);
	assert_int_equal(post(h, SERVICES, body), 413);
	assert_string_equal(said(h, "reason"), "RequestEntityTooLarge");
	assert_string_equal(said(h, "message"), "Request entity too large: limit is 3145728");
}

static void takes_yaml_and_names(void **state)
{
	struct harness *h = *state;

	assert_int_equal(call(h, "POST", SERVICES, "application/yaml", NULL,
	                      "metadata:\n  generateName: web-\nspec:\n"
	                      "  ports:\n  - port: 80\n"),
	                 201);
	assert_int_equal(strlen(said(h, "metadata.name")), 9);
	assert_int_equal(strncmp(said(h, "metadata.name"), "web-", 4), 0);
}

static void dry_runs(void **state)
{
	struct harness *h = *state;
	auto_free char *version = NULL;

	assert_int_equal(post(h, SERVICES "?dryRun=All", WEB), 201);
	assert_string_not_equal(said(h, "spec.clusterIP"), "");
	assert_int_equal(get(h, SERVICES "/web"), 404);
	assert_int_equal(post(h, SERVICES, WEB), 201);
	version = xstrdup(said(h, "metadata.resourceVersion"));
	assert_int_equal(patch(h, SERVICES "/web?dryRun=All", MERGE,
	                       "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}"),
	                 200);
	assert_string_equal(said(h, "metadata.labels.a"), "b");
	assert_int_equal(get(h, SERVICES "/web"), 200);
	assert_string_equal(said(h, "metadata.resourceVersion"), version);
}

#define AS(kind, version) "application/json;as=" kind ";v=" version ";g=meta.k8s.io"

static void prints_tables(void **state)
{
	struct harness *h = *state;
	const json_t *row;

	assert_int_equal(post(h, SERVICES, WEB), 201);
	assert_int_equal(call(h, "GET", SERVICES, NULL, TABLE, NULL), 200);
	assert_string_equal(said(h, "kind"), "Table");
	assert_string_equal(said(h, "apiVersion"), "meta.k8s.io/v1");
	assert_string_not_equal(said(h, "metadata.resourceVersion"), "");
	assert_int_equal(json_array_size(json_path(h->answer, "rows")), 2);
	row = json_array_get(json_path(h->answer, "rows"), 1);
	assert_string_equal(json_string_value(json_array_get(json_path(row, "cells"), 0)), "web");
	assert_string_equal(json_path_str(row, "object.kind"), "PartialObjectMetadata");
	assert_int_equal(call(h, "GET", SERVICES "/web?includeObject=None", NULL, TABLE, NULL),
	                 200);
	assert_int_equal(json_array_size(json_path(h->answer, "rows")), 1);
	assert_int_equal(call(h, "GET", SERVICES "?includeObject=All", NULL, TABLE, NULL), 400);
	assert_int_equal(call(h, "GET", SERVICES, NULL, "text/html", NULL), 406);
	assert_string_equal(said(h, "message"),
	                    "406: Not Acceptable\n\nAvailable representations: application/json, "
	                    "application/yaml");
	assert_int_equal(call(h, "GET", SERVICES, NULL, "application/json;as=Foo;v=v1", NULL), 406);
	assert_string_equal(
		said(h, "message"),
		"only the following media types are accepted: application/json, application/yaml");
	assert_int_equal(call(h, "GET", SERVICES, NULL, AS("Table", "v1beta1"), NULL), 200);
	assert_string_equal(said(h, "apiVersion"), "meta.k8s.io/v1beta1");
	row = json_array_get(json_path(h->answer, "rows"), 0);
	assert_string_equal(json_path_str(row, "object.apiVersion"), "meta.k8s.io/v1beta1");
}

/* What clients get that care for nothing but metadata, as garbage collectors do. */
static void answers_metadata(void **state)
{
	static const struct {
		const char *method, *path, *accept, *body;
		int status;
		const char *kind, *version, *message;
	} cases[] = {
		{ "GET", SERVICES "/web", AS("PartialObjectMetadata", "v1"), NULL, 200,
		  "PartialObjectMetadata", "meta.k8s.io/v1", "" },
		{ "GET", SERVICES "/web", AS("PartialObjectMetadata", "v1beta1"), NULL, 200,
		  "PartialObjectMetadata", "meta.k8s.io/v1beta1", "" },
		{ "GET", SERVICES, AS("PartialObjectMetadataList", "v1"), NULL, 200,
		  "PartialObjectMetadataList", "meta.k8s.io/v1", "" },
		{ "GET", SERVICES "/nope", AS("PartialObjectMetadata", "v1"), NULL, 404, "Status",
		  "v1", "services \"nope\" not found" },
		{ "GET", SERVICES, AS("PartialObjectMetadata", "v1"), NULL, 406, "Status", "v1",
		  "you requested PartialObjectMetadata, but the requested object is a list "
		  "(*core.ServiceList)" },
		{ "GET", SERVICES "/web", AS("PartialObjectMetadataList", "v1"), NULL, 406,
		  "Status", "v1",
		  "you requested PartialObjectMetadataList, but the requested object is not a list "
		  "(*core.Service)" },
		{ "PUT", SERVICES "/web", AS("PartialObjectMetadata", "v1"), WEB, 200,
		  "PartialObjectMetadata", "meta.k8s.io/v1", "" },
		{ "DELETE", SERVICES, AS("PartialObjectMetadataList", "v1"), NULL, 200,
		  "PartialObjectMetadataList", "meta.k8s.io/v1", "" },
	};
	struct harness *h = *state;

	assert_int_equal(post(h, SERVICES, WEB), 201);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int status = call(h, cases[i].method, cases[i].path, NULL, cases[i].accept,
		                  cases[i].body);
		const json_t *item;

		if (status != cases[i].status || strcmp(said(h, "kind"), cases[i].kind) != 0 ||
		    strcmp(said(h, "apiVersion"), cases[i].version) != 0 ||
		    strcmp(said(h, "message"), cases[i].message) != 0)
			fail_msg("%s %s: %d %s", cases[i].method, cases[i].path, status, h->body.p);
		item = json_array_get(json_path(h->answer, "items"), 0);
		if (status != 200)
			continue;
		assert_null(json_path(item ? item : h->answer, "spec"));
		assert_string_not_equal(json_path_str(item ? item : h->answer, "metadata.name"),
		                        "");
	}
}

#define EVENTS      "/apis/events.k8s.io/v1/namespaces/default/events"
#define CORE_EVENTS "/api/v1/namespaces/default/events"
#define EVENT                                                                           \
	"{\"metadata\":{\"name\":\"e\"},\"eventTime\":\"2026-01-02T03:04:05.000006Z\"," \
	"\"reportingController\":\"c\",\"reportingInstance\":\"i\",\"action\":\"A\","   \
	"\"reason\":\"R\",\"type\":\"Normal\",\"note\":\"hello\","                      \
	"\"regarding\":{\"kind\":\"Pod\",\"namespace\":\"default\",\"name\":\"p\"}}"

/* One object under two APIs. */
static void events_have_two_faces(void **state)
{
	struct harness *h = *state;
	struct stream s;

	assert_int_equal(post(h, EVENTS, EVENT), 201);
	assert_string_equal(said(h, "apiVersion"), "events.k8s.io/v1");
	assert_string_equal(said(h, "note"), "hello");
	assert_int_equal(get(h, CORE_EVENTS "/e"), 200);
	assert_string_equal(said(h, "apiVersion"), "v1");
	assert_string_equal(said(h, "message"), "hello");
	assert_string_equal(said(h, "involvedObject.name"), "p");
	assert_int_equal(get(h, EVENTS "?fieldSelector=regarding.name%3Dp"), 200);
	assert_string_equal(said(h, "kind"), "EventList");
	assert_string_equal(said(h, "apiVersion"), "events.k8s.io/v1");
	assert_int_equal(json_array_size(json_path(h->answer, "items")), 1);
	assert_int_equal(get(h, EVENTS "?fieldSelector=involvedObject.name%3Dp"), 400);
	assert_int_equal(patch(h, EVENTS "/e", MERGE, "{\"note\":\"x\"}"), 422);
	assert_int_equal(patch(h, EVENTS "/e", MERGE,
	                       "{\"series\":{\"count\":2,"
	                       "\"lastObservedTime\":\"2026-01-02T03:04:06.000006Z\"}}"),
	                 200);
	assert_string_equal(said(h, "note"), "hello");
	stream_open(&s, h, EVENTS "?watch=1", NULL);
	stream_wait(&s, 1);
	assert_string_equal(json_path_str(json_array_get(s.events, 0), "object.regarding.name"),
	                    "p");
	assert_int_equal(del(h, CORE_EVENTS "/e"), 200);
	stream_wait(&s, 2);
	assert_string_equal(stream_event(&s, 1), "DELETED e");
	assert_string_equal(json_path_str(json_array_get(s.events, 1), "object.note"), "hello");
	stream_close(&s);
	assert_int_equal(get(h, EVENTS "/e"), 404);
	assert_int_equal(post(h, EVENTS, EVENT), 201);
	assert_int_equal(del(h, EVENTS), 200);
	assert_string_equal(said(h, "apiVersion"), "events.k8s.io/v1");
	assert_int_equal(get(h, CORE_EVENTS "/e"), 404);
}

static void unknown_places(void **state)
{
	struct harness *h = *state;

	assert_int_equal(get(h, "/api/v1/cabbages"), 404);
	assert_string_equal(said(h, "message"), "the server could not find the requested resource");
	assert_int_equal(get(h, "/cabbages"), 404);
	assert_string_equal(buf_str(&h->body), "404 page not found\n");
	assert_int_equal(get(h, "/apis/batch/v1"), 404);
	assert_null(h->answer); /* of a group that is not there not even a Status speaks */
	assert_int_equal(get(h, "/apis/apps/v9"), 404);
	assert_string_equal(said(h, "reason"), "NotFound");
	assert_int_equal(get(h, "/"), 200);
	assert_string_equal(json_string_value(json_array_get(json_path(h->answer, "paths"), 0)),
	                    "/api");
	assert_int_equal(get(h, "/api/v1/"), 200);
	assert_string_equal(said(h, "kind"), "APIResourceList");
	assert_int_equal(get(h, "/apis/apps/"), 200);
	assert_string_equal(said(h, "kind"), "APIGroup");
	assert_int_equal(get(h, "/version/"), 200);
	assert_string_equal(said(h, "minCompatibilityMinor"), "35");
	assert_int_equal(call(h, "GET", SERVICES "/%zz", NULL, NULL, NULL), 400);
	assert_string_equal(buf_str(&h->body), "400 Bad Request");
	assert_int_equal(get(h, SERVICES "?labelSelector=%zz&a=b;c"), 200);
	assert_int_equal(put(h, SERVICES, WEB), 405);
	assert_string_equal(said(h, "reason"), "MethodNotAllowed");
	assert_string_equal(said(h, "message"),
	                    "the server does not allow this method on the requested resource");
	assert_int_equal(post(h, "/version", "{}"), 405);
}

static void discovers(void **state)
{
	static const char aggregated[] =
		"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
	struct harness *h = *state;
	const json_t *group;

	assert_int_equal(get(h, "/api"), 200);
	assert_string_equal(said(h, "kind"), "APIVersions");
	assert_int_equal(get(h, "/apis"), 200);
	group = json_array_get(json_path(h->answer, "groups"), 0);
	assert_string_not_equal(json_path_str(group, "name"), "");
	assert_string_not_equal(json_path_str(group, "preferredVersion.groupVersion"), "");
	assert_int_equal(get(h, "/api/v1"), 200);
	assert_string_equal(said(h, "groupVersion"), "v1");
	assert_int_equal(get(h, "/apis/discovery.k8s.io"), 200);
	assert_string_equal(said(h, "kind"), "APIGroup");
	assert_int_equal(get(h, "/apis/discovery.k8s.io/v1"), 200);
	assert_string_equal(said(h, "kind"), "APIResourceList");
	assert_int_equal(call(h, "GET", "/apis", NULL, aggregated, NULL), 200);
	assert_string_equal(h->type,
	                    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
	assert_string_equal(said(h, "kind"), "APIGroupDiscoveryList");
	assert_int_equal(get(h, "/version"), 200);
	assert_string_equal(said(h, "minor"), "36");
	assert_int_equal(get(h, "/readyz"), 200);
	assert_string_equal(buf_str(&h->body), "ok");
}

static void keeps_namespaces(void **state)
{
	static const char *const names[] = { "default", "kube-system", "kube-public",
		                             "kube-node-lease" };
	struct harness *h = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *path = xasprintf("/api/v1/namespaces/%s", names[i]);

		assert_int_equal(get(h, path), 200);
		assert_string_equal(said(h, "status.phase"), "Active");
	}
	assert_int_equal(del(h, "/api/v1/namespaces/default"), 403);
	assert_string_equal(said(h, "message"),
	                    "namespaces \"default\" is forbidden: this namespace may not be "
	                    "deleted");
}

static void empties_namespaces(void **state)
{
	struct harness *h = *state;
	int code = 200;

	assert_int_equal(post(h, "/api/v1/namespaces", "{\"metadata\":{\"name\":\"a\"}}"), 201);
	assert_int_equal(post(h, "/api/v1/namespaces/a/services", WEB), 201);
	assert_int_equal(
		post(h, "/api/v1/namespaces/a/services",
	             "{\"metadata\":{\"name\":\"f\",\"finalizers\":[\"x.io/y\"]},\"spec\":{"
	             "\"ports\":[{\"port\":1}]}}"),
		201);
	assert_int_equal(del(h, "/api/v1/namespaces/a"), 200);
	assert_string_equal(said(h, "status.phase"), "Terminating");
	assert_int_equal(post(h, "/api/v1/namespaces/a/services", WEB), 403);
	assert_string_equal(said(h, "message"),
	                    "services \"web\" is forbidden: unable to create new content in "
	                    "namespace a because it is being terminated");
	/* The one with a finalizer keeps it, also over a restart. */
	harness_restart(h);
	assert_int_equal(get(h, "/api/v1/namespaces/a/services/f"), 200);
	assert_int_equal(get(h, "/api/v1/namespaces/a/services/web"), 404);
	assert_int_equal(patch(h, "/api/v1/namespaces/a/services/f", MERGE,
	                       "{\"metadata\":{\"finalizers\":null}}"),
	                 200);
	for (int i = 0; i < 50 && code != 404; i++) {
		harness_run(h, 100);
		code = get(h, "/api/v1/namespaces/a");
	}
	assert_int_equal(code, 404);
}

/* "STATUS REASON: MESSAGE" of the Namespace's condition of that type, once there is one. */
static const char *condition(struct harness *h, const char *type)
{
	static char text[512];
	json_t *one;
	size_t at;

	for (int i = 0; i < 50; i++) {
		assert_int_equal(get(h, "/api/v1/namespaces/a"), 200);
		json_array_foreach(json_path(h->answer, "status.conditions"), at, one) {
			if (strcmp(json_path_str(one, "type"), type) != 0)
				continue;
			(void)snprintf(text, sizeof(text), "%s %s: %s",
			               json_path_str(one, "status"), json_path_str(one, "reason"),
			               json_path_str(one, "message"));
			return text;
		}
		harness_run(h, 100);
	}
	fail_msg("no condition %s", type);
	return "";
}

/* Pods go before anything else, and the Namespace tells what it waits for. */
static void pods_go_first(void **state)
{
	static const char pod[] = "{\"metadata\":{\"name\":\"p\",\"finalizers\":[\"x.io/y\"]},"
				  "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}";
	struct harness *h = *state;
	int code = 200;

	assert_int_equal(post(h, "/api/v1/namespaces", "{\"metadata\":{\"name\":\"a\"}}"), 201);
	assert_int_equal(
		post(h, "/api/v1/namespaces/a/configmaps", "{\"metadata\":{\"name\":\"c\"}}"), 201);
	assert_int_equal(post(h, "/api/v1/namespaces/a/pods", pod), 201);
	assert_int_equal(del(h, "/api/v1/namespaces/a"), 200);
	assert_null(json_path(h->answer, "metadata.deletionGracePeriodSeconds"));
	assert_string_equal(condition(h, "NamespaceContentRemaining"),
	                    "True SomeResourcesRemain: Some resources are remaining: configmaps. "
	                    "has 1 resource instances, pods. has 1 resource instances");
	assert_string_equal(condition(h, "NamespaceFinalizersRemaining"),
	                    "True SomeFinalizersRemain: Some content in the namespace has "
	                    "finalizers remaining: x.io/y in 1 resource instances");
	assert_string_equal(condition(h, "NamespaceDeletionContentFailure"),
	                    "False ContentDeleted: All content successfully deleted, may be "
	                    "waiting on finalization");
	harness_run(h, 1500); /* another sweep */
	assert_int_equal(get(h, "/api/v1/namespaces/a/configmaps/c"), 200);
	assert_int_equal(get(h, "/api/v1/namespaces/a/pods/p"), 200);
	assert_string_not_equal(said(h, "metadata.deletionTimestamp"), "");
	assert_int_equal(patch(h, "/api/v1/namespaces/a/pods/p", MERGE,
	                       "{\"metadata\":{\"finalizers\":null}}"),
	                 200);
	for (int i = 0; i < 50 && code != 404; i++) {
		harness_run(h, 100);
		code = get(h, "/api/v1/namespaces/a");
	}
	assert_int_equal(code, 404);
}

static void make_services(struct harness *h, const char *const *names)
{
	for (; *names; names++) {
		auto_free char *body = xasprintf(
			"{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"ports\":[{\"port\":1}]}}",
			*names);

		assert_int_equal(post(h, SERVICES, body), 201);
	}
}

/* The names in the last list, one behind the other. */
static const char *listed(const struct harness *h)
{
	static char text[200];
	const json_t *item;
	size_t i;

	text[0] = '\0';
	json_array_foreach(json_path(h->answer, "items"), i, item) {
		(void)strncat(text, i ? " " : "", sizeof(text) - strlen(text) - 1);
		(void)strncat(text, json_path_str(item, "metadata.name"),
		              sizeof(text) - strlen(text) - 1);
	}
	return text;
}

static void pages_are_of_one_revision(void **state)
{
	static const char *const names[] = { "a", "c", "d", "e", "f", NULL };
	static const char *const later[] = { "b", "g", NULL };
	struct harness *h = *state;
	auto_free char *version = NULL;
	auto_free char *path = NULL;

	make_services(h, names);
	assert_int_equal(get(h, SERVICES "?limit=2"), 200);
	assert_string_equal(listed(h), "a c");
	assert_int_equal(json_path_int(h->answer, "metadata.remainingItemCount", 0), 4);
	version = xstrdup(said(h, "metadata.resourceVersion"));
	path = xasprintf(SERVICES "?limit=2&continue=%s", said(h, "metadata.continue"));
	/* What comes, goes and changes meanwhile is not seen. */
	make_services(h, later);
	assert_int_equal(del(h, SERVICES "/d"), 200);
	assert_int_equal(
		patch(h, SERVICES "/e", MERGE, "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}"), 200);
	assert_int_equal(
		patch(h, SERVICES "/e", MERGE, "{\"metadata\":{\"labels\":{\"a\":\"c\"}}}"), 200);
	assert_int_equal(get(h, path), 200);
	assert_string_equal(listed(h), "d e");
	assert_string_equal(said(h, "metadata.resourceVersion"), version);
	assert_null(json_path(json_array_get(json_path(h->answer, "items"), 1), "metadata.labels"));
	free(path);
	path = xasprintf(SERVICES "?continue=%s", said(h, "metadata.continue"));
	assert_int_equal(get(h, path), 200);
	assert_string_equal(listed(h), "f kubernetes");
	assert_string_equal(said(h, "metadata.continue"), "");
	free(path);
	path = xasprintf(SERVICES "?resourceVersion=%s&resourceVersionMatch=Exact", version);
	assert_int_equal(get(h, path), 200);
	assert_string_equal(listed(h), "a c d e f kubernetes");
	assert_int_equal(get(h, SERVICES), 200);
	assert_string_equal(listed(h), "a b c e f g kubernetes");
}

static void old_pages_expire(void **state)
{
	static const char *const names[] = { "a", "c", "d", NULL };
	static const char *const later[] = { "b", "e", NULL };
	struct harness *h = *state;
	auto_free char *path = NULL;
	auto_free char *exact = NULL;

	make_services(h, names);
	assert_int_equal(get(h, SERVICES "?limit=1"), 200);
	path = xasprintf(SERVICES "?continue=%s", said(h, "metadata.continue"));
	exact = xasprintf(SERVICES "?resourceVersion=%s&resourceVersionMatch=Exact",
	                  said(h, "metadata.resourceVersion"));
	make_services(h, later);
	/* The history begins anew. */
	harness_restart(h);
	assert_int_equal(get(h, exact), 410);
	assert_string_equal(said(h, "reason"), "Expired");
	assert_int_equal(get(h, path), 410);
	assert_string_equal(said(h, "reason"), "Expired");
	assert_non_null(strstr(said(h, "message"), "inconsistent list"));
	free(path);
	path = xasprintf(SERVICES "?continue=%s", said(h, "metadata.continue"));
	assert_int_equal(get(h, path), 200);
	assert_string_equal(listed(h), "b c d e kubernetes");
}

static void duplicate_fields_are_told(void **state)
{
	static const char body[] =
		"{\"metadata\":{\"name\":\"d\",\"labels\":{\"a\":\"1\",\"a\":\"2\"}},\"spec\":{"
		"\"x\":1,\"ports\":[{\"port\":1},{\"name\":\"{\\\"b\",\"port\":2,\"port\":3}]}}";
	struct harness *h = *state;

	assert_int_equal(post(h, SERVICES "?fieldValidation=Strict", body), 400);
	assert_string_equal(said(h, "message"),
	                    "Service in version \"v1\" cannot be handled as a Service: strict "
	                    "decoding error: unknown field \"spec.x\", duplicate field "
	                    "\"metadata.labels.a\", duplicate field \"spec.ports[1].port\"");
	assert_int_equal(post(h, SERVICES "?fieldValidation=strict", body), 422);
	assert_non_null(strstr(said(h, "message"),
	                       "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: "
	                       "Unsupported value: \"strict\""));
}

static void deletes_propagate(void **state)
{
	struct harness *h = *state;

	assert_int_equal(post(h, SERVICES, WEB), 201);
	assert_int_equal(call(h, "DELETE", SERVICES "/web", NULL, NULL,
	                      "{\"propagationPolicy\":\"Sideways\"}"),
	                 422);
	assert_int_equal(del(h, SERVICES "/web?propagationPolicy=Foreground"), 200);
	assert_string_equal(
		json_string_value(json_array_get(json_path(h->answer, "metadata.finalizers"), 0)),
		"foregroundDeletion");
	assert_string_not_equal(said(h, "metadata.deletionTimestamp"), "");
	assert_int_equal(get(h, SERVICES "/web"), 200);
	/* Another word about it, and nothing holds it any more. */
	assert_int_equal(del(h, SERVICES "/web?propagationPolicy=Background"), 200);
	assert_int_equal(get(h, SERVICES "/web"), 404);
	assert_int_equal(del(h, SERVICES "/web?gracePeriodSeconds=x"), 400);
}

#define PODS "/api/v1/namespaces/default/pods"

static void make_pod(struct harness *h, const char *node)
{
	auto_free char *body = xasprintf("{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":"
	                                 "\"%s\",\"terminationGracePeriodSeconds\":7,"
	                                 "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}",
	                                 node);

	assert_int_equal(post(h, PODS, body), 201);
}

static void pods_have_grace(void **state)
{
	struct harness *h = *state;

	assert_int_equal(post(h, "/api/v1/nodes",
	                      "{\"metadata\":{\"name\":\"run\"},\"status\":{"
	                      "\"nodeInfo\":{\"containerRuntimeVersion\":"
	                      "\"containerd://2\"}}}"),
	                 201);
	make_pod(h, "none");
	assert_int_equal(del(h, PODS "/p"), 200);
	assert_int_equal(get(h, PODS "/p"), 404);
	make_pod(h, "run");
	assert_int_equal(del(h, PODS "/p"), 200);
	assert_int_equal(json_path_int(h->answer, "metadata.deletionGracePeriodSeconds", 0), 7);
	assert_int_equal(del(h, PODS "/p?gracePeriodSeconds=3"), 200);
	assert_int_equal(json_path_int(h->answer, "metadata.deletionGracePeriodSeconds", 0), 3);
	/* It does not get longer again. */
	assert_int_equal(del(h, PODS "/p?gracePeriodSeconds=9"), 200);
	assert_int_equal(json_path_int(h->answer, "metadata.deletionGracePeriodSeconds", 0), 3);
	assert_int_equal(get(h, PODS "/p"), 200);
	assert_int_equal(del(h, PODS "/p?gracePeriodSeconds=0"), 200);
	assert_int_equal(get(h, PODS "/p"), 404);
}

static void counts_and_checks(void **state)
{
	struct harness *h = *state;

	assert_int_equal(get(h, "/readyz?verbose"), 200);
	assert_string_equal(buf_str(&h->body),
	                    "[+]ping ok\n[+]store ok\n[+]store-writable ok\n"
	                    "[+]poststarthook/bootstrap-controller ok\n[+]shutdown ok\n"
	                    "readyz check passed\n");
	assert_int_equal(get(h, "/livez?verbose&exclude=etcd&exclude=nope&exclude=ping"), 200);
	assert_string_equal(buf_str(&h->body),
	                    "[+]ping excluded: ok\n[+]store excluded: ok\n"
	                    "[+]poststarthook/bootstrap-controller ok\n"
	                    "warn: some health checks cannot be excluded: no matches for "
	                    "\"nope\"\nlivez check passed\n");
	assert_int_equal(get(h, "/readyz/etcd"), 200);
	assert_int_equal(get(h, "/livez/"), 404);
	assert_int_equal(get(h, "/livez/ping"), 200);
	assert_string_equal(buf_str(&h->body), "ok");
	assert_int_equal(get(h, "/livez/shutdown"), 404);
	assert_int_equal(get(h, SERVICES "/none"), 404);
	assert_int_equal(get(h, "/metrics"), 200);
	assert_non_null(strstr(buf_str(&h->body),
	                       "apiserver_request_total{verb=\"GET\",group=\"\",version=\"v1\","
	                       "resource=\"services\",code=\"404\"} 1\n"));
	assert_non_null(strstr(buf_str(&h->body),
	                       "apiserver_request_duration_seconds_bucket{verb=\"GET\",group=\"\","
	                       "version=\"v1\",resource=\"services\",le=\"+Inf\"} 1\n"));
	assert_non_null(strstr(buf_str(&h->body), "\nprocess_resident_memory_bytes "));
	assert_non_null(strstr(buf_str(&h->body), "\nfairlead_store_objects "));
}

static void answers_in_yaml(void **state)
{
	static const char yaml[] = "application/yaml";
	struct harness *h = *state;

	assert_int_equal(post(h, SERVICES, WEB), 201);
	assert_int_equal(call(h, "GET", SERVICES "/web", NULL, yaml, NULL), 200);
	assert_string_equal(h->type, yaml);
	assert_non_null(strstr(buf_str(&h->body), "\nkind: Service\n"));
	assert_int_equal(call(h, "GET", SERVICES, NULL, yaml, NULL), 200);
	assert_non_null(strstr(buf_str(&h->body), "\nkind: ServiceList\n"));
	assert_int_equal(call(h, "GET", SERVICES "/none", NULL, yaml, NULL), 404);
	assert_non_null(strstr(buf_str(&h->body), "\nreason: NotFound\n"));
	assert_int_equal(call(h, "GET", SERVICES "?watch=1", NULL, yaml, NULL), 406);
	assert_int_equal(get(h, SERVICES "/web?pretty=true"), 200);
	assert_string_equal(said(h, "kind"), "Service");
	assert_non_null(strstr(buf_str(&h->body), "\n  \"metadata\": {\n    \"name\": \"web\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pages_are_of_one_revision, setup, teardown),
		cmocka_unit_test_setup_teardown(old_pages_expire, setup, teardown),
		cmocka_unit_test_setup_teardown(duplicate_fields_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(deletes_propagate, setup, teardown),
		cmocka_unit_test_setup_teardown(pods_have_grace, setup, teardown),
		cmocka_unit_test_setup_teardown(counts_and_checks, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_in_yaml, setup, teardown),
		cmocka_unit_test_setup_teardown(creates_and_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(replaces, setup, teardown),
		cmocka_unit_test_setup_teardown(patches, setup, teardown),
		cmocka_unit_test_setup_teardown(patches_are_blamed, setup, teardown),
		cmocka_unit_test_setup_teardown(finalizers_of_namespaces_have_domains, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(writes_status_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(deletes, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_for_finalizers, setup, teardown),
		cmocka_unit_test_setup_teardown(deletes_collections, setup, teardown),
		cmocka_unit_test_setup_teardown(lists, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_refuse, setup, teardown),
		cmocka_unit_test_setup_teardown(bodies_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(large_bodies_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_yaml_and_names, setup, teardown),
		cmocka_unit_test_setup_teardown(dry_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(prints_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_metadata, setup, teardown),
		cmocka_unit_test_setup_teardown(events_have_two_faces, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_places, setup, teardown),
		cmocka_unit_test_setup_teardown(discovers, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_namespaces, setup, teardown),
		cmocka_unit_test_setup_teardown(empties_namespaces, setup, teardown),
		cmocka_unit_test_setup_teardown(pods_go_first, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
