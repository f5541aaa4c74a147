/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "server/accept.h"
#include "server/route.h"
#include "server/virtual_kinds.h"

static const struct route_case {
	const char *method, *path;
	bool watch;
	const struct kind *kind; /* NULL: no such resource */
	enum verb verb;
	const char *ns, *name;
	bool status;
} route_cases[] = {
	{ "GET", "/api/v1/services", false, &kind_service, VERB_LIST, "", "", false },
	{ "GET", "/api/v1/services", true, &kind_service, VERB_WATCH, "", "", false },
	{ "GET", "/api/v1/services/", false, &kind_service, VERB_LIST, "", "", false },
	{ "POST", "/api/v1/services", false, &kind_service, VERB_NONE, "", "", false },
	{ "DELETE", "/api/v1/services", false, &kind_service, VERB_NONE, "", "", false },
	{ "GET", "/api/v1/services/web", false, NULL, VERB_GET, "", "web", false },
	{ "GET", "/api/v1/namespaces/a/services", false, &kind_service, VERB_LIST, "a", "", false },
	{ "POST", "/api/v1/namespaces/a/services", false, &kind_service, VERB_CREATE, "a", "",
	  false },
	{ "DELETE", "/api/v1/namespaces/a/services", false, &kind_service, VERB_DELETE_COLLECTION,
	  "a", "", false },
	{ "PUT", "/api/v1/namespaces/a/services", false, &kind_service, VERB_NONE, "a", "", false },
	{ "GET", "/api/v1/namespaces/a/services/w", false, &kind_service, VERB_GET, "a", "w",
	  false },
	{ "GET", "/api/v1/namespaces/a/services/w", true, &kind_service, VERB_GET, "a", "w",
	  false },
	{ "GET", "/api/v1/watch/namespaces/a/services/w", false, &kind_service, VERB_WATCH, "a",
	  "w", false },
	{ "GET", "/api/v1/watch/services", false, &kind_service, VERB_WATCH, "", "", false },
	{ "GET", "/api/v1/watch/namespaces/a", false, &kind_namespace, VERB_WATCH, "", "a", false },
	{ "GET", "/api/v1/watch/namespaces/a/status", false, NULL, VERB_GET, "", "a", false },
	{ "POST", "/api/v1/watch/services", false, &kind_service, VERB_NONE, "", "", false },
	{ "GET", "/api/v1/watch/cabbages", false, NULL, VERB_WATCH, "", "", false },
	{ "PUT", "/api/v1/namespaces/a/services/w", false, &kind_service, VERB_UPDATE, "a", "w",
	  false },
	{ "PATCH", "/api/v1/namespaces/a/services/w", false, &kind_service, VERB_PATCH, "a", "w",
	  false },
	{ "DELETE", "/api/v1/namespaces/a/services/w", false, &kind_service, VERB_DELETE, "a", "w",
	  false },
	{ "POST", "/api/v1/namespaces/a/services/w", false, &kind_service, VERB_NONE, "a", "w",
	  false },
	{ "OPTIONS", "/api/v1/namespaces/a/services/w", false, &kind_service, VERB_NONE, "a", "w",
	  false },
	{ "GET", "/api/v1/namespaces/a/services/w/status", false, &kind_service, VERB_GET, "a", "w",
	  true },
	{ "PATCH", "/api/v1/namespaces/a/services/w/status", false, &kind_service, VERB_PATCH, "a",
	  "w", true },
	{ "DELETE", "/api/v1/namespaces/a/services/w/status", false, &kind_service, VERB_NONE, "a",
	  "w", true },
	{ "GET", "/api/v1/namespaces/a/services/w/scale", false, NULL, VERB_GET, "a", "w", false },
	{ "GET", "/api/v1/namespaces/a/services/w/proxy/x", false, NULL, VERB_GET, "a", "w",
	  false },
	{ "HEAD", "/api/v1/namespaces/a/services/w", false, &kind_service, VERB_GET, "a", "w",
	  false },
	{ "POST", "/api/v1/namespaces/a/pods/p/binding", false, &kind_pod, VERB_CREATE, "a", "p",
	  false },
	{ "GET", "/api/v1/namespaces/a/pods/p/binding", false, &kind_pod, VERB_NONE, "a", "p",
	  false },
	{ "PUT", "/api/v1/namespaces/a/finalize", false, &kind_namespace, VERB_UPDATE, "", "a",
	  false },
	{ "POST", "/apis/authentication.k8s.io/v1/tokenreviews", false, &kind_token_review,
	  VERB_CREATE, "", "", false },
	{ "GET", "/apis/authentication.k8s.io/v1/tokenreviews", false, &kind_token_review,
	  VERB_NONE, "", "", false },
	{ "GET", "/apis/authentication.k8s.io/v1/tokenreviews/x", false, NULL, VERB_GET, "", "x",
	  false },
	{ "GET", "/api/v1/namespaces", false, &kind_namespace, VERB_LIST, "", "", false },
	{ "GET", "/api/v1/namespaces/a", false, &kind_namespace, VERB_GET, "", "a", false },
	{ "PUT", "/api/v1/namespaces/a/status", false, &kind_namespace, VERB_UPDATE, "", "a",
	  true },
	{ "GET", "/api/v1/namespaces/a/nodes", false, NULL, VERB_LIST, "a", "", false },
	{ "GET", "/api/v1/nodes/n1", false, &kind_node, VERB_GET, "", "n1", false },
	{ "GET", "/api/v1/cabbages", false, NULL, VERB_LIST, "", "", false },
	{ "GET", "/apis/discovery.k8s.io/v1/namespaces/a/endpointslices/w", false,
	  &kind_endpoint_slice, VERB_GET, "a", "w", false },
	{ "GET", "/apis/discovery.k8s.io/v1/endpointslices", true, &kind_endpoint_slice, VERB_WATCH,
	  "", "", false },
	{ "GET", "/apis/discovery.k8s.io/v2/endpointslices", false, NULL, VERB_LIST, "", "",
	  false },
};

static void route_parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(route_cases); i++) {
		const struct route_case *c = &route_cases[i];
		struct route route;

		route_parse(c->method, c->path, c->watch, &route);
		if (route.kind != c->kind || route.verb != c->verb || route.status != c->status)
			fail_msg("%s %s: kind %s, verb %s, status %d", c->method, c->path,
			         route.kind ? route.kind->name : "none", verb_name(route.verb),
			         route.status);
		assert_true(route.api && route.resource);
		assert_string_equal(route.ns, c->ns);
		assert_string_equal(route.name, c->name);
		route_done(&route);
	}
}

/* Paths that name no resource, and whether they are below the API. */
static void route_leaves_the_rest(void **state)
{
	static const struct {
		const char *path;
		bool api;
	} cases[] = {
		{ "/", false },
		{ "", false },
		{ "/healthz", false },
		{ "/apix/v1/services", false },
		{ "/api", true },
		{ "/api/v1", true },
		{ "/apis/discovery.k8s.io", true },
		{ "/apis/discovery.k8s.io/v1", true },
		{ "/api/v1//services", true },
		{ "/apis/a/b/c/d/e/f/g/h/i", true },
		{ "//api/v1/services", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct route route;

		route_parse("GET", cases[i].path, false, &route);
		if (route.resource || route.kind || route.api != cases[i].api)
			fail_msg("\"%s\": api %d, resource %d", cases[i].path, route.api,
			         route.resource);
		route_done(&route);
	}
}

#define TABLE   "application/json;as=Table;v=v1;g=meta.k8s.io"
#define TABLE_B "application/json;as=Table;v=v1beta1;g=meta.k8s.io"
#define GROUPS  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define PROTO   "application/vnd.kubernetes.protobuf"

#define META "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"

static void accept_chooses(void **state)
{
	static const struct {
		const char *header;
		unsigned int offered;
		int r;
		struct accept want;
	} cases[] = {
		{ NULL, ACCEPT_TABLE, 0, { 0 } },
		{ "", ACCEPT_TABLE, 0, { 0 } },
		{ "*/*", 0, 0, { 0 } },
		{ "application/*", 0, 0, { 0 } },
		{ "application/json", ACCEPT_TABLE, 0, { 0 } },
		{ "Application/JSON; charset=utf-8", 0, 0, { 0 } },
		{ PROTO ",application/json", 0, 0, { 0 } },
		{ PROTO ", */*", 0, 0, { 0 } },
		{ PROTO, ACCEPT_TABLE, -ENOTSUP, { 0 } },
		{ "text/html", 0, -ENOTSUP, { 0 } },
		{ TABLE "," TABLE_B ",application/json", ACCEPT_TABLE, 0, { .as = ACCEPT_TABLE } },
		{ TABLE_B "," TABLE ",application/json",
		  ACCEPT_TABLE,
		  0,
		  { .as = ACCEPT_TABLE, .beta = true } },
		{ TABLE ",application/json", ACCEPT_DISCOVERY, 0, { 0 } },
		{ TABLE, ACCEPT_DISCOVERY, -EINVAL, { 0 } },
		{ "application/json," TABLE, ACCEPT_TABLE, 0, { 0 } },
		{ "application/json;q=0.5," TABLE ";q=0.9",
		  ACCEPT_TABLE,
		  0,
		  { .as = ACCEPT_TABLE } },
		{ "application/json;q=0.1,application/yaml;q=0.9", 0, 0, { .yaml = true } },
		{ "*/*,application/yaml", 0, 0, { .yaml = true } },
		{ "application/yaml;as=Table;v=v1;g=meta.k8s.io",
		  ACCEPT_TABLE,
		  0,
		  { .as = ACCEPT_TABLE, .yaml = true } },
		{ "application/yaml", ACCEPT_NO_YAML, -EINVAL, { 0 } },
		{ "application/json;stream=watch", ACCEPT_NO_YAML, 0, { 0 } },
		{ "application/json;stream=x", 0, -EINVAL, { 0 } },
		{ "application/json;sv=x", 0, -EINVAL, { 0 } },
		{ "application/json;pretty=1;foo=bar", 0, 0, { .pretty = true } },
		{ "application/json;q=0", 0, 0, { 0 } },
		{ META, ACCEPT_METADATA, 0, { .as = ACCEPT_METADATA } },
		{ META, ACCEPT_TABLE, -EINVAL, { 0 } },
		{ "application/json;as=Foo;v=v1;g=meta.k8s.io", ACCEPT_TABLE, -EINVAL, { 0 } },
		{ "application/json;as=Table;v=v2;g=meta.k8s.io", ACCEPT_TABLE, -EINVAL, { 0 } },
		{ GROUPS ",application/json", ACCEPT_DISCOVERY, 0, { .as = ACCEPT_DISCOVERY } },
		{ "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
		  "application/json",
		  ACCEPT_DISCOVERY,
		  0,
		  { 0 } },
		{ ",,;;,", 0, -ENOTSUP, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct accept *want = &cases[i].want;
		struct accept got = { 0 };
		int r = accept_choose(cases[i].header, cases[i].offered, &got);

		if (r != cases[i].r || got.as != want->as || got.beta != want->beta ||
		    got.yaml != want->yaml || got.pretty != want->pretty)
			fail_msg("\"%s\": got %d, as %d, beta %d, yaml %d", cases[i].header, r,
			         got.as, got.beta, got.yaml);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(route_parses),
		cmocka_unit_test(route_leaves_the_rest),
		cmocka_unit_test(accept_chooses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
