/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what, the token file and the tokens, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "io/tls_pem.h"
#include "kube/json.h"
#include "server/authz.h"
#include "server/jwt.h"
#include "server/token_file.h"

static const struct authz_case {
	const char *user, *groups; /* blank-separated */
	const char *method, *path;
	int code; /* 0: allowed */
	const char *message;
} cases[] = {
	{ "admin", "dev system:masters system:authenticated", "DELETE",
	  "/api/v1/namespaces/a/services/w", 0, NULL },
	{ "admin", "system:masters", "GET", "/metrics", 0, NULL },
	{ "", "system:unauthenticated", "GET", "/healthz", 0, NULL },
	{ "", "system:unauthenticated", "GET", "/readyz/ping", 0, NULL },
	{ "", "system:unauthenticated", "HEAD", "/livez", 0, NULL },
	{ "", "system:unauthenticated", "GET", "/version", 0, NULL },
	{ "anon", "system:unauthenticated", "POST", "/version", 403,
	  "forbidden: User \"anon\" cannot post path \"/version\"" },
	{ "anon", "system:unauthenticated", "GET", "/healthzz", 403,
	  "forbidden: User \"anon\" cannot get path \"/healthzz\"" },
	{ "anon", "system:unauthenticated", "GET", "/api", 403,
	  "forbidden: User \"anon\" cannot get path \"/api\"" },
	{ "anon", "system:unauthenticated", "GET", "/api/v1/services", 403,
	  "services is forbidden: User \"anon\" cannot list resource \"services\" in API group "
	  "\"\" at the cluster scope" },
	{ "jane", "system:authenticated", "GET", "/apis", 0, NULL },
	{ "jane", "system:authenticated", "GET", "/api/v1", 0, NULL },
	{ "jane", "system:authenticated", "GET", "/openapi/v3/api/v1", 0, NULL },
	{ "jane", "system:authenticated", "POST",
	  "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 0, NULL },
	{ "jane", "system:authenticated", "POST",
	  "/apis/authentication.k8s.io/v1/selfsubjectreviews", 0, NULL },
	{ "jane", "system:authenticated", "POST", "/apis/authentication.k8s.io/v1/tokenreviews",
	  403,
	  "tokenreviews.authentication.k8s.io is forbidden: User \"jane\" cannot create resource "
	  "\"tokenreviews\" in API group \"authentication.k8s.io\" at the cluster scope" },
	{ "jane", "system:authenticated", "GET", "/metrics", 403,
	  "forbidden: User \"jane\" cannot get path \"/metrics\"" },
	{ "jane", "system:authenticated", "DELETE", "/api/v1", 403,
	  "forbidden: User \"jane\" cannot delete path \"/api/v1\"" },
	{ "jane", "system:authenticated", "GET", "/api/v1/namespaces/default/services", 403,
	  "services is forbidden: User \"jane\" cannot list resource \"services\" in API group \"\" "
	  "in the namespace \"default\"" },
	{ "jane", "system:authenticated", "PATCH", "/api/v1/namespaces/a/services/w/status", 403,
	  "services \"w\" is forbidden: User \"jane\" cannot patch resource \"services/status\" in "
	  "API group \"\" in the namespace \"a\"" },
	{ "jane", "system:authenticated", "GET", "/apis/discovery.k8s.io/v1/endpointslices", 403,
	  "endpointslices.discovery.k8s.io is forbidden: User \"jane\" cannot list resource "
	  "\"endpointslices\" in API group \"discovery.k8s.io\" at the cluster scope" },
	{ "system:node:n1", "system:nodes", "GET", "/api/v1/services", 0, NULL },
	{ "system:node:n1", "system:nodes", "GET", "/apis/discovery.k8s.io/v1/endpointslices", 0,
	  NULL },
	{ "system:node:n1", "system:nodes", "POST", "/api/v1/nodes", 0, NULL },
	{ "system:node:n1", "system:nodes", "PATCH", "/api/v1/nodes/n1/status", 0, NULL },
	{ "system:node:n1", "system:nodes", "PATCH", "/api/v1/nodes/n2/status", 403,
	  "nodes \"n2\" is forbidden: node \"n1\" is not allowed to modify node \"n2\"" },
	{ "system:node:n1", "system:nodes", "DELETE", "/api/v1/nodes/n1", 403,
	  "nodes \"n1\" is forbidden: User \"system:node:n1\" cannot delete resource \"nodes\" in "
	  "API group \"\" at the cluster scope" },
	{ "system:node:n1", "system:nodes", "POST", "/api/v1/namespaces/a/events", 0, NULL },
	{ "system:node:n1", "system:nodes", "PUT",
	  "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1", 0, NULL },
	{ "system:node:n1", "system:nodes", "PUT",
	  "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n2", 403,
	  "leases.coordination.k8s.io \"n2\" is forbidden: User \"system:node:n1\" cannot update resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"kube-node-lease\": can only access node lease with the same "
	  "name as the requesting node" },
	{ "system:node:n1", "system:nodes", "GET",
	  "/apis/coordination.k8s.io/v1/namespaces/a/leases/n1", 403,
	  "leases.coordination.k8s.io \"n1\" is forbidden: User \"system:node:n1\" cannot get resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"a\": can only access leases in the "
	  "\"kube-node-lease\" system namespace" },
	{ "system:node:n1", "system:nodes", "GET", "/api/v1/namespaces/a/secrets", 403,
	  "secrets is forbidden: User \"system:node:n1\" cannot list resource \"secrets\" in API "
	  "group \"\" in the namespace \"a\": No Object name found" },
	{ "system:node:n1", "system:nodes", "POST", "/api/v1/namespaces/a/services", 403,
	  "services is forbidden: User \"system:node:n1\" cannot create resource \"services\" in "
	  "API group \"\" in the namespace \"a\"" },
	/* Only the group and the name together make a node. */
	{ "system:node:n1", "dev", "GET", "/api/v1/nodes", 403,
	  "nodes is forbidden: User \"system:node:n1\" cannot list resource \"nodes\" in API group "
	  "\"\" at the cluster scope" },
	{ "jane", "system:nodes", "GET", "/api/v1/nodes", 403,
	  "nodes is forbidden: User \"jane\" cannot list resource \"nodes\" in API group \"\" at the "
	  "cluster scope" },
};

static void identity_of(const char *user, const char *groups, struct identity *ret)
{
	auto_free char *text = xstrdup(groups);
	char *rest = text, *group;

	identity_init(ret, user, "");
	while ((group = strsep(&rest, " ")))
		identity_add_group(ret, group);
}

static void rules_decide(void **state)
{
	const struct server server = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct authz_case *c = &cases[i];
		auto_json json_t *status = NULL;
		struct authz_attributes asked;
		struct identity who;
		struct route route;

		identity_of(c->user, c->groups, &who);
		route_parse(c->method, c->path, false, &route);
		authz_attributes_of(&route, c->method, c->path, &asked);
		status = authz_check(&server, &who, &asked);
		if (json_path_int(status, "code", 0) != c->code)
			fail_msg("%s: %s %s: %s", c->user, c->method, c->path,
			         status ? json_path_str(status, "message") : "allowed");
		if (c->code)
			assert_string_equal(json_path_str(status, "message"), c->message);
		route_done(&route);
		identity_done(&who);
	}
}

static void nodes_make_only_themselves(void **state)
{
	auto_json json_t *own = json_pack("{s:{s:s}}", "metadata", "name", "n1");
	auto_json json_t *other = json_pack("{s:{s:s}}", "metadata", "name", "n2");
	auto_json json_t *status = NULL;
	struct identity who;

	(void)state;
	identity_of("system:node:n1", GROUP_NODES, &who);
	assert_null(authz_check_new(&who, &kind_node, own));
	assert_null(authz_check_new(&who, &kind_lease, own));
	assert_null(authz_check_new(&who, &kind_event, other));
	status = authz_check_new(&who, &kind_node, other);
	assert_string_equal(json_path_str(status, "message"),
	                    "nodes \"n2\" is forbidden: node \"n1\" is not allowed to modify node "
	                    "\"n2\"");
	json_decref(status);
	status = authz_check_new(&who, &kind_lease, other);
	assert_int_equal(json_path_int(status, "code", 0), 403);
	identity_add_group(&who, GROUP_MASTERS);
	assert_null(authz_check_new(&who, &kind_node, other));
	identity_done(&who);
}

/* Writes 'text' to a file and loads it. */
static int load(const char *text, struct token_file **ret, struct err *err)
{
	char path[] = "/tmp/fairlead-test-tokens-XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
	r = token_file_load(path, ret, err);
	(void)unlink(path);
	return r;
}

static void token_file_reads(void **state)
{
	static const char *const bad[] = { "a\n",       "a,b\n",          ",b,c\n",      "a,,c\n",
		                           "a,\"b,c\n", "a,b,c\na,d,e\n", "a,\"b\"x,c\n" };
	struct token_file *file = NULL;
	struct identity who;

	(void)state;
	assert_int_equal(load("t1,jane,7\n\nt2,\"joe \"\"x\"\"\",8,\"g1,g2\"\r\nt3,n,,g3,more",
	                      &file, NULL),
	                 0);
	assert_false(token_file_find(file, "t", &who));
	assert_false(token_file_find(file, "", &who));
	assert_true(token_file_find(file, "t1", &who));
	assert_string_equal(who.user, "jane");
	assert_string_equal(who.uid, "7");
	assert_int_equal(json_array_size(who.groups), 0);
	identity_done(&who);
	assert_true(token_file_find(file, "t2", &who));
	assert_string_equal(who.user, "joe \"x\"");
	assert_true(identity_in_group(&who, "g1") && identity_in_group(&who, "g2"));
	identity_done(&who);
	assert_true(token_file_find(file, "t3", &who));
	assert_true(identity_in_group(&who, "g3"));
	identity_done(&who);
	token_file_free(file);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = { 0 };

		if (load(bad[i], &file, &err) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
		assert_non_null(strstr(err.msg, i == 5 ? ":2: " : ":1: "));
	}
}

static void signs_and_verifies(EVP_PKEY *key, EVP_PKEY *other)
{
	auto_json json_t *claims = json_pack("{s:s,s:i}", "sub", "x", "exp", 5);
	auto_json json_t *back = NULL;
	auto_free char *token = NULL;
	json_t *none = NULL;
	size_t n;

	assert_int_equal(jwt_sign(key, claims, &token, NULL), 0);
	assert_int_equal(jwt_verify(key, token, &back, NULL), 0);
	assert_true(json_equal(claims, back));
	assert_int_equal(jwt_verify(other, token, &none, NULL), -EBADMSG);
	/* No character may be another one (the very last may have bits that do not count). */
	n = strlen(token);
	for (size_t i = 0; i + 1 < n; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		if (jwt_verify(key, token, &none, NULL) == 0)
			fail_msg("character %zu", i);
		token[i] = was;
	}
}

static void tokens_are_signed(void **state)
{
	static const char *const bad[] = {
		"",    ".",        "..",           "a.b.c",
		"a.b", "e30.e30.", "e30.e30.AAAA", "eyJhbGciOiJub25lIn0.e30."
	};
	auto_free char *pem = NULL;
	auto_free char *pem2 = NULL;
	auto_pkey EVP_PKEY *ec = NULL;
	auto_pkey EVP_PKEY *ec2 = NULL;
	auto_pkey EVP_PKEY *rsa = EVP_RSA_gen(2048);
	json_t *none = NULL;

	(void)state;
	assert_int_equal(jwt_make_key(&pem, NULL), 0);
	assert_int_equal(jwt_make_key(&pem2, NULL), 0);
	assert_int_equal(jwt_load_key(pem, &ec, NULL), 0);
	assert_int_equal(jwt_load_key(pem2, &ec2, NULL), 0);
	signs_and_verifies(ec, ec2);
	signs_and_verifies(rsa, ec);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(jwt_verify(ec, bad[i], &none, NULL), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_decide),
		cmocka_unit_test(nodes_make_only_themselves),
		cmocka_unit_test(token_file_reads),
		cmocka_unit_test(tokens_are_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
