/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, reviews and the subresources that are not /status, on a running server. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

#define AUTHN "/apis/authentication.k8s.io/v1/"
#define AUTHZ "/apis/authorization.k8s.io/v1/"
#define PODS  "/api/v1/namespaces/default/pods"
#define POD \
	"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"

static char token_path[64];

static int setup(void **state)
{
	static const char tokens[] = "secret,jane,42,\"dev,ops\"\nroot,boss,1,system:masters\n";
	struct harness *h = xnew(struct harness);

	(void)snprintf(token_path, sizeof(token_path), "/tmp/fairlead-test-tokens-%d", getpid());
	assert_int_equal(file_write(token_path, tokens, sizeof(tokens) - 1, 0600, NULL), 0);
	harness_start(h, &(struct server_config){ .token_auth_file = token_path });
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	harness_stop(*state);
	(void)unlink(token_path);
	free(*state);
	return 0;
}

static void bearer_tokens_speak(void **state)
{
	struct harness *h = *state;

	h->other = harness_connect(h, NULL);
	h->authorization = "Bearer root";
	assert_int_equal(get(h, PODS), 200);
	h->authorization = "bearer secret";
	assert_int_equal(get(h, "/api/v1"), 200);
	assert_int_equal(get(h, PODS), 403);
	assert_string_equal(said(h, "message"), "pods is forbidden: User \"jane\" cannot list "
	                                        "resource \"pods\" in API group \"\" in the "
	                                        "namespace \"default\"");
	assert_int_equal(post(h, AUTHN "selfsubjectreviews", "{}"), 201);
	assert_string_equal(said(h, "kind"), "SelfSubjectReview");
	assert_string_equal(said(h, "status.userInfo.username"), "jane");
	assert_string_equal(said(h, "status.userInfo.uid"), "42");
	assert_int_equal(json_array_size(json_path(h->answer, "status.userInfo.groups")), 3);
	h->authorization = "Bearer wrong";
	assert_int_equal(get(h, "/healthz"), 401);
	assert_string_equal(said(h, "message"), "Unauthorized");
	h->authorization = NULL;
	assert_int_equal(get(h, "/healthz"), 200);
	assert_int_equal(get(h, "/api"), 403);
	http_client_free(h->other);
	h->other = NULL;
}

static void asks_what_it_may(void **state)
{
	static const struct {
		const char *token, *attributes;
		bool allowed;
	} cases[] = {
		{ "Bearer root", "\"resourceAttributes\":{\"verb\":\"*\",\"resource\":\"*\"}",
		  true },
		{ "Bearer root", "\"nonResourceAttributes\":{\"verb\":\"get\",\"path\":\"/x\"}",
		  true },
		{ "Bearer secret",
		  "\"resourceAttributes\":{\"verb\":\"list\",\"resource\":\"pods\"}", false },
		{ "Bearer secret",
		  "\"resourceAttributes\":{\"verb\":\"create\",\"group\":\"authorization.k8s.io\","
		  "\"resource\":\"selfsubjectaccessreviews\"}",
		  true },
		{ "Bearer secret",
		  "\"nonResourceAttributes\":{\"verb\":\"get\",\"path\":\"/api/v1\"}", true },
		{ "Bearer secret",
		  "\"nonResourceAttributes\":{\"verb\":\"get\",\"path\":\"/metrics\"}", false },
	};
	struct harness *h = *state;

	h->other = harness_connect(h, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *body = xasprintf("{\"spec\":{%s}}", cases[i].attributes);

		h->authorization = cases[i].token;
		assert_int_equal(post(h, AUTHZ "selfsubjectaccessreviews", body), 201);
		if (json_path_bool(h->answer, "status.allowed", false) != cases[i].allowed)
			fail_msg("%s: %s", cases[i].token, body);
	}
	assert_int_equal(post(h, AUTHZ "selfsubjectrulesreviews",
	                      "{\"spec\":{\"namespace\":\"default\"}}"),
	                 201);
	assert_int_equal(json_array_size(json_path(h->answer, "status.resourceRules")), 2);
	assert_int_equal(json_array_size(json_path(h->answer, "status.nonResourceRules")), 1);
	h->authorization = NULL;
	http_client_free(h->other);
	h->other = NULL;
}

static void reviews_of_others(void **state)
{
	struct harness *h = *state;

	assert_int_equal(post(h, AUTHZ "subjectaccessreviews",
	                      "{\"spec\":{\"user\":\"system:node:a\",\"groups\":[\"system:nodes\"],"
	                      "\"resourceAttributes\":{\"verb\":\"update\",\"resource\":\"nodes\","
	                      "\"name\":\"b\"}}}"),
	                 201);
	assert_true(json_is_false(json_path(h->answer, "status.allowed")));
	assert_string_equal(said(h, "status.reason"),
	                    "node \"a\" is not allowed to modify node \"b\"");
	assert_int_equal(post(h, AUTHN "tokenreviews", "{\"spec\":{\"token\":\"secret\"}}"), 201);
	assert_true(json_is_true(json_path(h->answer, "status.authenticated")));
	assert_string_equal(said(h, "status.user.username"), "jane");
	assert_int_equal(post(h, AUTHN "tokenreviews", "{\"spec\":{\"token\":\"x.y.z\"}}"), 201);
	assert_null(json_path(h->answer, "status.authenticated"));
	assert_non_null(strstr(said(h, "status.error"), "invalid bearer token"));
}

static void reviews_are_checked(void **state)
{
	struct harness *h = *state;

	assert_int_equal(post(h, AUTHZ "selfsubjectaccessreviews", "{\"spec\":{}}"), 422);
	assert_non_null(strstr(said(h, "message"), "exactly one of nonResourceAttributes or "
	                                           "resourceAttributes must be specified"));
	assert_int_equal(post(h, AUTHZ "selfsubjectaccessreviews",
	                      "{\"spec\":{\"resourceAttributes\":7}}"),
	                 400);
	assert_int_equal(post(h, AUTHZ "selfsubjectaccessreviews", "{\"kind\":\"Pod\"}"), 400);
	assert_int_equal(post(h, AUTHZ "selfsubjectrulesreviews", "{}"), 400);
	/* What is not stored has no Table. */
	assert_int_equal(
		call(h, "POST", AUTHZ "selfsubjectaccessreviews", NULL,
	             "application/json;as=Table;v=v1;g=meta.k8s.io",
	             "{\"spec\":{\"nonResourceAttributes\":{\"path\":\"/\",\"verb\":\"get\"}}}"),
		406);
	assert_int_equal(get(h, AUTHZ "selfsubjectaccessreviews"), 405);
	assert_int_equal(get(h, AUTHZ "selfsubjectaccessreviews/x"), 404);
	assert_int_equal(get(h, AUTHZ), 200); /* the slash at its end means nothing */
	assert_int_equal(get(h, "/apis/authorization.k8s.io/v1"), 200);
	assert_int_equal(json_array_size(json_path(h->answer, "resources")), 3);
}

static void a_pod_is_bound_once(void **state)
{
	struct harness *h = *state;

	assert_int_equal(post(h, PODS, POD), 201);
	assert_int_equal(post(h, PODS "/p/binding", "{\"target\":{}}"), 500);
	assert_string_equal(said(h, "message"), "target.name: Required value");
	assert_int_equal(post(h, PODS "/p/binding",
	                      "{\"metadata\":{\"name\":\"q\"},\"target\":{\"name\":\"n1\"}}"),
	                 400);
	assert_int_equal(post(h, PODS "/none/binding", "{\"target\":{\"name\":\"n1\"}}"), 404);
	assert_int_equal(post(h, PODS "/p/binding?dryRun=All", "{\"target\":{\"name\":\"n1\"}}"),
	                 201);
	assert_int_equal(post(h, PODS "/p/binding",
	                      "{\"metadata\":{\"name\":\"p\",\"annotations\":{\"a\":\"b\"}},"
	                      "\"target\":{\"kind\":\"Node\",\"name\":\"n1\"}}"),
	                 201);
	assert_string_equal(said(h, "status"), "Success");
	assert_int_equal(get(h, PODS "/p"), 200);
	assert_string_equal(said(h, "spec.nodeName"), "n1");
	assert_int_equal(json_path_int(h->answer, "metadata.generation", 0), 1);
	assert_string_equal(said(h, "metadata.annotations.a"), "b");
	assert_int_equal(json_array_size(json_path(h->answer, "status.conditions")), 1);
	assert_int_equal(post(h, PODS "/p/binding", "{\"target\":{\"name\":\"n2\"}}"), 409);
	assert_string_equal(said(h, "message"),
	                    "Operation cannot be fulfilled on pods/binding \"p\": pod p is already "
	                    "assigned to node \"n1\"");
}

static void a_pod_is_evicted(void **state)
{
	struct harness *h = *state;

	assert_int_equal(post(h, PODS, POD), 201);
	assert_int_equal(post(h, PODS "/p/eviction", "{\"deleteOptions\":{\"dryRun\":[\"All\"]}}"),
	                 201);
	assert_int_equal(get(h, PODS "/p"), 200);
	assert_int_equal(post(h, PODS "/p/eviction",
	                      "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{"
	                      "\"name\":\"p\",\"namespace\":\"default\"}}"),
	                 201);
	assert_string_equal(said(h, "status"), "Success");
	assert_int_equal(get(h, PODS "/p"), 404);
	assert_int_equal(post(h, PODS "/p/eviction", "{}"), 404);
	assert_int_equal(put(h, PODS "/p/eviction", "{}"), 405);
}

static void a_namespace_is_finalized(void **state)
{
	struct harness *h = *state;

	assert_int_equal(post(h, "/api/v1/namespaces", "{\"metadata\":{\"name\":\"a\"}}"), 201);
	assert_int_equal(
		put(h, "/api/v1/namespaces/a/finalize",
	            "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"finalizers\":[\"kubernetes\","
	            "\"example.com/x\"]}}"),
		200);
	assert_int_equal(json_array_size(json_path(h->answer, "spec.finalizers")), 2);
	assert_int_equal(put(h, "/api/v1/namespaces/a/finalize", "{\"metadata\":{\"name\":\"b\"}}"),
	                 400);
	assert_int_equal(del(h, "/api/v1/namespaces/a"), 200);
	assert_string_equal(said(h, "status.phase"), "Terminating");
	assert_int_equal(put(h, "/api/v1/namespaces/a/finalize",
	                     "{\"metadata\":{\"name\":\"a\"},\"spec\":{}}"),
	                 200);
	assert_int_equal(get(h, "/api/v1/namespaces/a"), 404);
}

#define ACCOUNTS "/api/v1/namespaces/default/serviceaccounts"

static void service_accounts_speak(void **state)
{
	struct harness *h = *state;
	auto_free char *token = NULL;
	auto_free char *bearer = NULL;
	auto_free char *review = NULL;

	assert_int_equal(post(h, ACCOUNTS "/none/token", "{}"), 404);
	assert_int_equal(post(h, ACCOUNTS, "{\"metadata\":{\"name\":\"sa\"}}"), 201);
	assert_int_equal(post(h, ACCOUNTS "/sa/token", "{\"spec\":{\"expirationSeconds\":60}}"),
	                 422);
	assert_non_null(strstr(said(h, "message"), "spec.expirationSeconds: Invalid value: 60: may "
	                                           "not specify a duration less than 10 minutes"));
	assert_int_equal(post(h, ACCOUNTS "/sa/token", "{\"spec\":{\"audiences\":[\"other\"]}}"),
	                 201);
	review = xasprintf("{\"spec\":{\"token\":\"%s\",\"audiences\":[\"other\",\"x\"]}}",
	                   said(h, "status.token"));
	bearer = xasprintf("Bearer %s", said(h, "status.token"));
	assert_int_equal(post(h, AUTHN "tokenreviews", review), 201);
	assert_true(json_is_true(json_path(h->answer, "status.authenticated")));
	assert_int_equal(json_array_size(json_path(h->answer, "status.audiences")), 1);
	assert_int_equal(post(h, ACCOUNTS "/sa/token", "{}"), 201);
	assert_string_equal(said(h, "kind"), "TokenRequest");
	assert_string_not_equal(said(h, "status.expirationTimestamp"), "");
	token = xasprintf("Bearer %s", said(h, "status.token"));
	h->other = harness_connect(h, NULL);
	/* One that is for others is not for us. */
	h->authorization = bearer;
	assert_int_equal(get(h, "/api"), 401);
	h->authorization = token;
	assert_int_equal(post(h, AUTHN "selfsubjectreviews", "{}"), 201);
	assert_string_equal(said(h, "status.userInfo.username"),
	                    "system:serviceaccount:default:sa");
	assert_int_equal(json_array_size(json_path(h->answer, "status.userInfo.groups")), 3);
	assert_int_equal(get(h, ACCOUNTS), 403);
	http_client_free(h->other);
	h->other = NULL;
	h->authorization = NULL;
	assert_int_equal(del(h, ACCOUNTS "/sa"), 200);
	assert_int_equal(post(h, ACCOUNTS, "{\"metadata\":{\"name\":\"sa\"}}"), 201);
	/* The name is the same, the account is another one. */
	h->other = harness_connect(h, NULL);
	h->authorization = token;
	assert_int_equal(get(h, "/api"), 401);
	http_client_free(h->other);
	h->other = NULL;
	h->authorization = NULL;
}

#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"

static void replicas_are_scaled(void **state)
{
	struct harness *h = *state;

	assert_int_equal(
		post(h, DEPLOYMENTS,
	             "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"selector\":{\"matchLabels\":{"
	             "\"app\":\"web\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},"
	             "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}"),
		201);
	assert_int_equal(get(h, DEPLOYMENTS "/web/scale"), 200);
	assert_string_equal(said(h, "kind"), "Scale");
	assert_int_equal(json_path_int(h->answer, "spec.replicas", 0), 1);
	assert_int_equal(put(h, DEPLOYMENTS "/web/scale",
	                     "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"replicas\":3}}"),
	                 200);
	assert_int_equal(json_path_int(h->answer, "spec.replicas", 0), 3);
	assert_int_equal(patch(h, DEPLOYMENTS "/web/scale", MERGE, "{\"spec\":{\"replicas\":5}}"),
	                 200);
	assert_int_equal(patch(h, DEPLOYMENTS "/web/scale", MERGE, "{\"spec\":{\"replicas\":-1}}"),
	                 422);
	assert_int_equal(patch(h, DEPLOYMENTS "/web/scale", MERGE,
	                       "{\"metadata\":{\"resourceVersion\":\"1\"}}"),
	                 409);
	assert_int_equal(get(h, DEPLOYMENTS "/web"), 200);
	assert_int_equal(json_path_int(h->answer, "spec.replicas", 0), 5);
	assert_int_equal(json_path_int(h->answer, "metadata.generation", 0), 3);
	assert_int_equal(get(h, DEPLOYMENTS "/none/scale"), 404);
	assert_int_equal(del(h, DEPLOYMENTS "/web/scale"), 405);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bearer_tokens_speak, setup, teardown),
		cmocka_unit_test_setup_teardown(asks_what_it_may, setup, teardown),
		cmocka_unit_test_setup_teardown(reviews_of_others, setup, teardown),
		cmocka_unit_test_setup_teardown(reviews_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pod_is_bound_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pod_is_evicted, setup, teardown),
		cmocka_unit_test_setup_teardown(service_accounts_speak, setup, teardown),
		cmocka_unit_test_setup_teardown(replicas_are_scaled, setup, teardown),
		cmocka_unit_test_setup_teardown(a_namespace_is_finalized, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
