/* SPDX-License-Identifier: Apache-2.0 */
/* What Services get of the cluster: clusterIPs and nodePorts. */
#include "harness.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"

#define SERVICES "/api/v1/namespaces/default/services"

static int setup(void **state)
{
	struct harness *h = xnew(struct harness);
	const struct server_config config = { .service_cidr = "10.0.0.0/24" };

	harness_start(h, &config);
	*state = h;
	return 0;
}

static int setup_small(void **state)
{
	struct harness *h = xnew(struct harness);
	/* Six addresses, one of which the "kubernetes" Service has. */
	const struct server_config config = { .service_cidr = "10.0.0.0/29",
		                              .node_port_min = 30000,
		                              .node_port_max = 30001 };

	harness_start(h, &config);
	*state = h;
	return 0;
}

static int setup_dual(void **state)
{
	struct harness *h = xnew(struct harness);
	const struct server_config config = { .service_cidr = "10.0.0.0/24,fd00::/112" };

	harness_start(h, &config);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	harness_stop(*state);
	free(*state);
	return 0;
}

/* Creates Service 'name' with the members of its spec besides ports. */
static int create(struct harness *h, const char *name, const char *spec)
{
	auto_free char *body = xasprintf("{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"ports\":[{"
	                                 "\"port\":80}]%s%s}}",
	                                 name, spec[0] ? "," : "", spec);

	return post(h, SERVICES, body);
}

static int64_t node_port(const struct harness *h, size_t i)
{
	return json_path_int(json_array_get(json_path(h->answer, "spec.ports"), i), "nodePort", 0);
}

static void has_the_kubernetes_service(void **state)
{
	struct harness *h = *state;
	const json_t *port;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(get(h, SERVICES "/kubernetes"), 200);
		assert_string_equal(said(h, "spec.clusterIP"), "10.0.0.1");
		assert_string_equal(said(h, "metadata.labels.provider"), "kubernetes");
		port = json_array_get(json_path(h->answer, "spec.ports"), 0);
		assert_int_equal(json_path_int(port, "port", 0), 443);
		assert_int_equal(json_path_int(port, "targetPort", 0), h->config.port);
		assert_int_equal(
			get(h,
		            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"),
			200);
		port = json_array_get(json_path(h->answer, "ports"), 0);
		assert_int_equal(json_path_int(port, "port", 0), h->config.port);
		/* The port of the second start is another one. */
		harness_restart(h);
	}
}

static void gives_addresses(void **state)
{
	struct harness *h = *state;

	assert_int_equal(create(h, "a", ""), 201);
	assert_int_equal(strncmp(said(h, "spec.clusterIP"), "10.0.0.", 7), 0);
	assert_string_equal(
		json_string_value(json_array_get(json_path(h->answer, "spec.clusterIPs"), 0)),
		said(h, "spec.clusterIP"));
	assert_string_equal(said(h, "spec.ipFamilyPolicy"), "SingleStack");
	assert_int_equal(create(h, "b", "\"clusterIP\":\"10.0.0.10\""), 201);
	assert_int_equal(create(h, "c", "\"clusterIP\":\"10.0.0.10\""), 422);
	assert_string_equal(said(h, "message"),
	                    "Service \"c\" is invalid: spec.clusterIPs: Invalid value: "
	                    "[\"10.0.0.10\"]: failed to allocate IP 10.0.0.10: provided IP is "
	                    "already allocated");
	assert_int_equal(create(h, "c", "\"clusterIP\":\"10.1.0.1\""), 422);
	assert_string_equal(said(h, "message"),
	                    "Service \"c\" is invalid: spec.clusterIPs: Invalid value: "
	                    "[\"10.1.0.1\"]: failed to allocate IP 10.1.0.1: the provided network "
	                    "does not match the current range");
	assert_int_equal(create(h, "c", "\"clusterIP\":\"None\""), 201);
	assert_string_equal(said(h, "spec.clusterIP"), "None");
	/* Over a restart it is still taken; afterwards it is free again. */
	harness_restart(h);
	assert_int_equal(create(h, "d", "\"clusterIP\":\"10.0.0.10\""), 422);
	assert_int_equal(del(h, SERVICES "/b"), 200);
	assert_int_equal(create(h, "d", "\"clusterIP\":\"10.0.0.10\""), 201);
}

/* A refused or rehearsed create leaves nothing taken. */
static void gives_back(void **state)
{
	struct harness *h = *state;

	assert_int_equal(create(h, "a", "\"clusterIP\":\"10.0.0.10\",\"sessionAffinity\":\"X\""),
	                 422);
	assert_int_equal(
		post(h, SERVICES "?dryRun=All",
	             "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"clusterIP\":\"10.0.0.10\","
	             "\"ports\":[{\"port\":80}]}}"),
		201);
	assert_int_equal(create(h, "a", "\"clusterIP\":\"10.0.0.10\""), 201);
	assert_int_equal(patch(h, SERVICES "/a", MERGE, "{\"spec\":{\"clusterIP\":\"10.0.0.11\"}}"),
	                 422);
	assert_non_null(strstr(said(h, "message"), "may not change once set"));
	/* Turned into an ExternalName it has no address any more. */
	assert_int_equal(
		patch(h, SERVICES "/a", MERGE,
	              "{\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"example.com\"}}"),
		200);
	assert_string_equal(said(h, "spec.clusterIP"), "");
	assert_int_equal(create(h, "b", "\"clusterIP\":\"10.0.0.10\""), 201);
	assert_int_equal(patch(h, SERVICES "/a", MERGE,
	                       "{\"spec\":{\"type\":\"ClusterIP\",\"externalName\":null}}"),
	                 200);
	assert_string_not_equal(said(h, "spec.clusterIP"), "");
}

static void gives_node_ports(void **state)
{
	struct harness *h = *state;
	int64_t port;

	assert_int_equal(create(h, "a", "\"type\":\"NodePort\""), 201);
	port = node_port(h, 0);
	assert_in_range(port, 30086, 32767);
	assert_int_equal(post(h, SERVICES,
	                      "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"type\":\"NodePort\","
	                      "\"ports\":[{\"port\":80,\"nodePort\":30080}]}}"),
	                 201);
	assert_int_equal(post(h, SERVICES,
	                      "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"type\":\"NodePort\","
	                      "\"ports\":[{\"port\":80,\"nodePort\":30080}]}}"),
	                 422);
	assert_string_equal(said(h, "message"),
	                    "Service \"c\" is invalid: spec.ports[0].nodePort: Invalid value: "
	                    "30080: provided port is already allocated");
	assert_int_equal(post(h, SERVICES,
	                      "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"type\":\"NodePort\","
	                      "\"ports\":[{\"port\":80,\"nodePort\":80}]}}"),
	                 422);
	assert_string_equal(said(h, "message"),
	                    "Service \"c\" is invalid: spec.ports[0].nodePort: Invalid value: 80: "
	                    "provided port is not in the valid range. The range of valid ports is "
	                    "30000-32767");
	/* Two protocols on one port number share one nodePort. */
	assert_int_equal(post(h, SERVICES,
	                      "{\"metadata\":{\"name\":\"dns\"},\"spec\":{\"type\":\"NodePort\","
	                      "\"ports\":[{\"name\":\"u\",\"port\":53,\"protocol\":\"UDP\"},{"
	                      "\"name\":\"t\",\"port\":53,\"protocol\":\"TCP\"}]}}"),
	                 201);
	assert_int_equal(node_port(h, 0), node_port(h, 1));
	/* Away with the type, away with the port. */
	assert_int_equal(patch(h, SERVICES "/b", MERGE, "{\"spec\":{\"type\":\"ClusterIP\"}}"),
	                 200);
	assert_int_equal(node_port(h, 0), 0);
	assert_int_equal(post(h, SERVICES,
	                      "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"type\":\"NodePort\","
	                      "\"ports\":[{\"port\":80,\"nodePort\":30080}]}}"),
	                 201);
}

static void gives_health_ports(void **state)
{
	struct harness *h = *state;

	assert_int_equal(create(h, "a",
	                        "\"type\":\"LoadBalancer\",\"externalTrafficPolicy\":\"Local\","
	                        "\"healthCheckNodePort\":30001"),
	                 201);
	assert_int_equal(json_path_int(h->answer, "spec.healthCheckNodePort", 0), 30001);
	assert_int_equal(create(h, "b",
	                        "\"type\":\"LoadBalancer\",\"externalTrafficPolicy\":\"Local\","
	                        "\"healthCheckNodePort\":30001"),
	                 500);
	assert_string_equal(said(h, "message"),
	                    "Internal error occurred: failed to allocate requested HealthCheck "
	                    "NodePort 30001: provided port is already allocated");
	assert_int_equal(patch(h, SERVICES "/a", MERGE,
	                       "{\"spec\":{\"externalTrafficPolicy\":\"Cluster\"}}"),
	                 200);
	assert_int_equal(create(h, "b",
	                        "\"type\":\"LoadBalancer\",\"externalTrafficPolicy\":\"Local\","
	                        "\"healthCheckNodePort\":30001"),
	                 201);
	assert_int_equal(create(h, "c",
	                        "\"type\":\"LoadBalancer\",\"externalTrafficPolicy\":\"Local\""),
	                 201);
	assert_true(json_path_int(h->answer, "spec.healthCheckNodePort", 0) > 30001);
}

static void assert_metric(struct harness *h, const char *line)
{
	auto_free char *text = xasprintf("\nkube_apiserver_%s\n", line);

	assert_int_equal(get(h, "/metrics"), 200);
	if (!strstr(buf_str(&h->body), text))
		fail_msg("no %s in %s", text, buf_str(&h->body));
}

static void runs_out(void **state)
{
	struct harness *h = *state;
	char name[8];

	for (int i = 0; i < 5; i++) {
		(void)snprintf(name, sizeof(name), "s%d", i);
		assert_int_equal(create(h, name, i < 2 ? "\"type\":\"NodePort\"" : ""), 201);
	}
	assert_int_equal(create(h, "more", ""), 500);
	assert_string_equal(said(h, "message"),
	                    "Internal error occurred: failed to allocate a serviceIP for Service "
	                    "\"more\": range is full");
	assert_int_equal(del(h, SERVICES "/s4"), 200);
	assert_int_equal(create(h, "more", "\"type\":\"NodePort\""), 500);
	assert_string_equal(
		said(h, "message"),
		"Internal error occurred: failed to allocate a nodePort: range is full");
	/* The address of the refused one is free again. */
	assert_int_equal(create(h, "more", ""), 201);
	assert_metric(h, "clusterip_allocator_allocated_ips{cidr=\"10.0.0.0/29\"} 6");
	assert_metric(h, "clusterip_allocator_available_ips{cidr=\"10.0.0.0/29\"} 0");
	assert_metric(h, "clusterip_allocator_allocation_errors_total{cidr=\"10.0.0.0/29\","
	                 "scope=\"dynamic\"} 1");
	assert_metric(h, "nodeport_allocator_available_ports 0");
	assert_metric(h, "nodeport_allocator_allocation_total{scope=\"dynamic\"} 2");
	assert_metric(h, "nodeport_allocator_allocation_errors_total{scope=\"dynamic\"} 1");
}

static void gives_both_families(void **state)
{
	struct harness *h = *state;
	json_t *ips;

	assert_int_equal(create(h, "single", ""), 201);
	assert_int_equal(json_array_size(json_path(h->answer, "spec.clusterIPs")), 1);
	assert_int_equal(create(h, "dual", "\"ipFamilyPolicy\":\"PreferDualStack\""), 201);
	ips = json_path(h->answer, "spec.clusterIPs");
	assert_int_equal(json_array_size(ips), 2);
	assert_int_equal(strncmp(json_string_value(json_array_get(ips, 0)), "10.0.0.", 7), 0);
	assert_int_equal(strncmp(json_string_value(json_array_get(ips, 1)), "fd00::", 6), 0);
	assert_int_equal(create(h, "six", "\"ipFamilies\":[\"IPv6\"]"), 201);
	assert_int_equal(strncmp(said(h, "spec.clusterIP"), "fd00::", 6), 0);
	/* A second family comes and goes. */
	assert_int_equal(patch(h, SERVICES "/single", MERGE,
	                       "{\"spec\":{\"ipFamilyPolicy\":\"RequireDualStack\"}}"),
	                 200);
	assert_int_equal(json_array_size(json_path(h->answer, "spec.clusterIPs")), 2);
	assert_int_equal(patch(h, SERVICES "/single", MERGE,
	                       "{\"spec\":{\"ipFamilyPolicy\":\"SingleStack\"}}"),
	                 200);
	assert_int_equal(json_array_size(json_path(h->answer, "spec.clusterIPs")), 1);
}

/* Requests under way at the same time. */
struct race {
	struct harness *h;
	size_t pending, created, refused;
};

static void on_race_head(void *arg, int status, const char *type)
{
	struct race *race = arg;

	(void)type;
	race->created += status == 201;
	race->refused += status == 422;
}

static void on_race_done(void *arg, int r, const struct err *err)
{
	struct race *race = arg;

	(void)err;
	assert_int_equal(r, 0);
	if (--race->pending == 0)
		loop_stop(race->h->loop);
}

static void one_wins_the_race(void **state)
{
	struct harness *h = *state;
	struct race race = { .h = h, .pending = 30 };

	for (int i = 0; i < 30; i++) {
		auto_free char *body =
			xasprintf("{\"metadata\":{\"name\":\"s%d\"},\"spec\":{\"type\":"
		                  "\"NodePort\",\"clusterIP\":\"10.0.0.77\",\"ports\":[{"
		                  "\"port\":80}]}}",
		                  i);
		const struct http_call http = {
			.method = "POST",
			.path = SERVICES,
			.content_type = "application/json",
			.body = body,
			.body_size = strlen(body),
			.on_head = on_race_head,
			.on_done = on_race_done,
			.arg = &race,
		};

		(void)http_client_start(h->client, &http);
	}
	loop_run(h->loop);
	assert_int_equal(race.created, 1);
	assert_int_equal(race.refused, 29);
}

/* Hundreds of creates in flight: no address and no port comes twice. */
static void concurrent_creates_differ(void **state)
{
	enum {
		N = 120
	};
	struct harness *h = *state;
	struct race race = { .h = h, .pending = N };
	auto_json json_t *seen = json_object();
	json_t *service;
	size_t i;

	for (int k = 0; k < N; k++) {
		auto_free char *body = xasprintf(
			"{\"metadata\":{\"generateName\":\"s\"},\"spec\":{"
			"\"type\":\"NodePort\",\"ports\":[{\"port\":80}]}}");
		const struct http_call http = {
			.method = "POST",
			.path = SERVICES,
			.content_type = "application/json",
			.body = body,
			.body_size = strlen(body),
			.on_head = on_race_head,
			.on_done = on_race_done,
			.arg = &race,
		};

		(void)http_client_start(h->client, &http);
	}
	loop_run(h->loop);
	assert_int_equal(race.created, N);
	assert_int_equal(get(h, SERVICES), 200);
	json_array_foreach(json_path(h->answer, "items"), i, service) {
		auto_free char *port = xasprintf(
			"%d",
			(int)json_path_int(json_array_get(json_path(service, "spec.ports"), 0),
		                           "nodePort", 0));

		assert_null(json_object_get(seen, json_path_str(service, "spec.clusterIP")));
		json_object_set_new(seen, json_path_str(service, "spec.clusterIP"), json_true());
		assert_null(json_object_get(seen, port));
		json_object_set_new(seen, port, json_true());
	}
	assert_int_equal(i, N + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(has_the_kubernetes_service, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_back, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_node_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_health_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(runs_out, setup_small, teardown),
		cmocka_unit_test_setup_teardown(gives_both_families, setup_dual, teardown),
		cmocka_unit_test_setup_teardown(one_wins_the_race, setup, teardown),
		cmocka_unit_test_setup_teardown(concurrent_creates_differ, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
