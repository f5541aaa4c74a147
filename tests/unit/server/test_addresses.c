/* SPDX-License-Identifier: Apache-2.0 */
/* ServiceCIDRs and IPAddresses: what Services may have, and what has gone astray. */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "store/store.h"

#define SERVICES  "/api/v1/namespaces/default/services"
#define EVENTS    "/api/v1/namespaces/default/events"
#define CIDRS     "/apis/networking.k8s.io/v1/servicecidrs"
#define ADDRESSES "/apis/networking.k8s.io/v1/ipaddresses"
#define MANAGED   "\"ipaddress.kubernetes.io/managed-by\":\"ipallocator.k8s.io\""
#define V4        "\"ipaddress.kubernetes.io/ip-family\":\"IPv4\""

static int setup(void **state)
{
	struct harness *h = xnew(struct harness);
	const struct server_config config = { .service_cidr = "10.0.0.0/24" };

	harness_start(h, &config);
	*state = h;
	return 0;
}

static int setup_dual(void **state)
{
	struct harness *h = xnew(struct harness);
	const struct server_config config = { .service_cidr = "10.0.0.0/24,fd00::/64" };

	harness_start(h, &config);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	clock_set_wall(0);
	harness_stop(*state);
	free(*state);
	return 0;
}

static int create(struct harness *h, const char *name, const char *spec)
{
	auto_free char *body = xasprintf("{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"ports\":[{"
	                                 "\"port\":80}]%s%s}}",
	                                 name, spec[0] ? "," : "", spec);

	return post(h, SERVICES, body);
}

static int create_ip(struct harness *h, const char *name, const char *labels, const char *parent)
{
	auto_free char *body =
		xasprintf("{\"metadata\":{\"name\":\"%s\",\"labels\":{%s}},\"spec\":{\"parentRef\":"
	                  "{%s}}}",
	                  name, labels, parent);

	return post(h, ADDRESSES, body);
}

static int create_cidr(struct harness *h, const char *name, const char *cidr)
{
	auto_free char *body = xasprintf(
		"{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"cidrs\":[\"%s\"]}}", name, cidr);

	return post(h, CIDRS, body);
}

/* "name>resource/ns/name " of each IPAddress. */
static char *addresses(struct harness *h)
{
	struct buf b = BUF_INIT;
	const json_t *ip;
	size_t i;

	assert_int_equal(get(h, ADDRESSES), 200);
	buf_adds(&b, "");
	json_array_foreach(json_path(h->answer, "items"), i, ip)
		buf_printf(&b, "%s>%s/%s/%s ", json_path_str(ip, "metadata.name"),
		           json_path_str(ip, "spec.parentRef.resource"),
		           json_path_str(ip, "spec.parentRef.namespace"),
		           json_path_str(ip, "spec.parentRef.name"));
	return buf_take(&b);
}

/* They are these, or soon: repairs are writes of their own. */
static void check_addresses(struct harness *h, const char *expected)
{
	for (int i = 0; i < 50; i++) {
		auto_free char *found = addresses(h);

		if (strcmp(found, expected) == 0)
			return;
		if (i == 49)
			fail_msg("%s instead of %s", found, expected);
		harness_run(h, 20);
	}
}

/* An Event with that reason and message is there, or comes soon. */
static void check_event(struct harness *h, const char *reason, const char *message)
{
	const json_t *event;
	size_t k;

	for (int i = 0; i < 50; i++) {
		assert_int_equal(get(h, EVENTS), 200);
		json_array_foreach(json_path(h->answer, "items"), k, event)
			if (strcmp(json_path_str(event, "reason"), reason) == 0 &&
			    strcmp(json_path_str(event, "message"), message) == 0)
				return;
		harness_run(h, 20);
	}
	fail_msg("no Event %s \"%s\"", reason, message);
}

static void has_the_default_cidr(void **state)
{
	struct harness *h = *state;
	const json_t *condition;

	assert_int_equal(get(h, CIDRS "/kubernetes"), 200);
	assert_string_equal(
		json_string_value(json_array_get(json_path(h->answer, "spec.cidrs"), 0)),
		"10.0.0.0/24");
	condition = json_array_get(json_path(h->answer, "status.conditions"), 0);
	assert_string_equal(json_path_str(condition, "type"), "Ready");
	assert_string_equal(json_path_str(condition, "status"), "True");
	assert_string_equal(json_path_str(condition, "message"),
	                    "Kubernetes default Service CIDR is ready");
	check_addresses(h, "10.0.0.1>services/default/kubernetes ");
}

static void addresses_come_and_go_with_services(void **state)
{
	struct harness *h = *state;

	assert_int_equal(create(h, "b", "\"clusterIP\":\"10.0.0.10\""), 201);
	assert_int_equal(get(h, ADDRESSES "/10.0.0.10"), 200);
	assert_string_equal(
		json_string_value(json_object_get(json_path(h->answer, "metadata.labels"),
	                                          "ipaddress.kubernetes.io/ip-family")),
		"IPv4");
	assert_string_equal(
		json_string_value(json_object_get(json_path(h->answer, "metadata.labels"),
	                                          "ipaddress.kubernetes.io/managed-by")),
		"ipallocator.k8s.io");
	assert_int_equal(create(h, "headless", "\"clusterIP\":\"None\""), 201);
	assert_int_equal(create(h, "bad", "\"sessionAffinity\":\"X\""), 422);
	assert_int_equal(
		post(h, SERVICES "?dryRun=All",
	             "{\"metadata\":{\"name\":\"dry\"},\"spec\":{\"ports\":[{\"port\":80}]}}"),
		201);
	check_addresses(h, "10.0.0.1>services/default/kubernetes 10.0.0.10>services/default/b ");
	assert_int_equal(
		patch(h, SERVICES "/b", MERGE,
	              "{\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"example.com\"}}"),
		200);
	check_addresses(h, "10.0.0.1>services/default/kubernetes ");
	assert_int_equal(patch(h, SERVICES "/b", MERGE,
	                       "{\"spec\":{\"type\":\"ClusterIP\",\"clusterIP\":\"10.0.0.11\"}}"),
	                 200);
	check_addresses(h, "10.0.0.1>services/default/kubernetes 10.0.0.11>services/default/b ");
	harness_restart(h);
	check_addresses(h, "10.0.0.1>services/default/kubernetes 10.0.0.11>services/default/b ");
	assert_int_equal(del(h, SERVICES "/b?dryRun=All"), 200);
	assert_int_equal(
		patch(h, SERVICES "/b", MERGE, "{\"metadata\":{\"finalizers\":[\"a.b/c\"]}}"), 200);
	assert_int_equal(del(h, SERVICES "/b"), 200);
	check_addresses(h, "10.0.0.1>services/default/kubernetes 10.0.0.11>services/default/b ");
	assert_int_equal(patch(h, SERVICES "/b", MERGE, "{\"metadata\":{\"finalizers\":null}}"),
	                 200);
	check_addresses(h, "10.0.0.1>services/default/kubernetes ");
	assert_int_equal(create(h, "c", "\"clusterIP\":\"10.0.0.11\""), 201);
}

static void both_families_have_addresses(void **state)
{
	struct harness *h = *state;

	assert_int_equal(
		create(h, "d",
	               "\"ipFamilyPolicy\":\"RequireDualStack\",\"clusterIP\":\"10.0.0.9\","
	               "\"clusterIPs\":[\"10.0.0.9\",\"fd00::9\"]"),
		201);
	check_addresses(h, "10.0.0.1>services/default/kubernetes 10.0.0.9>services/default/d "
	                   "fd00::9>services/default/d ");
	assert_int_equal(patch(h, SERVICES "/d", MERGE,
	                       "{\"spec\":{\"ipFamilyPolicy\":\"SingleStack\"}}"),
	                 200);
	check_addresses(h, "10.0.0.1>services/default/kubernetes 10.0.0.9>services/default/d ");
	/* The second one is refused: the first is given back. */
	assert_int_equal(
		create(h, "e",
	               "\"ipFamilyPolicy\":\"RequireDualStack\",\"clusterIP\":\"10.0.0.10\","
	               "\"clusterIPs\":[\"10.0.0.10\",\"fd01::9\"]"),
		422);
	assert_string_equal(said(h, "message"),
	                    "Service \"e\" is invalid: spec.clusterIPs: Invalid value: "
	                    "[\"10.0.0.10\",\"fd01::9\"]: failed to allocate IP fd01::9: the "
	                    "provided network does not match the current range");
	assert_int_equal(create(h, "e", "\"clusterIP\":\"10.0.0.10\""), 201);
}

static void a_users_address_is_reserved(void **state)
{
	struct harness *h = *state;

	assert_int_equal(create_ip(h, "10.0.0.20", "", "\"resource\":\"gateways\",\"name\":\"g\""),
	                 201);
	assert_int_equal(create_ip(h, "10.0.0.20", "", "\"resource\":\"gateways\",\"name\":\"g\""),
	                 409);
	assert_int_equal(create(h, "a", "\"clusterIP\":\"10.0.0.20\""), 422);
	assert_string_equal(said(h, "message"),
	                    "Service \"a\" is invalid: spec.clusterIPs: Invalid value: "
	                    "[\"10.0.0.20\"]: failed to allocate IP 10.0.0.20: provided IP is "
	                    "already allocated");
	harness_restart(h);
	assert_int_equal(create(h, "a", "\"clusterIP\":\"10.0.0.20\""), 422);
	assert_int_equal(del(h, ADDRESSES "/10.0.0.20"), 200);
	assert_int_equal(create(h, "a", "\"clusterIP\":\"10.0.0.20\""), 201);
	check_addresses(h, "10.0.0.1>services/default/kubernetes 10.0.0.20>services/default/a ");
}

/* What a user takes away comes back, and nobody gets it meanwhile. */
static void services_keep_their_addresses(void **state)
{
	struct harness *h = *state;

	assert_int_equal(create(h, "a", "\"clusterIP\":\"10.0.0.20\""), 201);
	assert_int_equal(del(h, ADDRESSES "/10.0.0.20"), 200);
	assert_int_equal(create(h, "b", "\"clusterIP\":\"10.0.0.20\""), 422);
	assert_int_equal(create_ip(h, "10.0.0.20", "", "\"resource\":\"x\",\"name\":\"y\""), 409);
	check_event(h, "ClusterIPNotAllocated",
	            "Cluster IP [IPv4]: 10.0.0.20 is not allocated; repairing");
	check_addresses(h, "10.0.0.1>services/default/kubernetes 10.0.0.20>services/default/a ");
	/* Without its labels it is made anew. */
	assert_int_equal(
		patch(h, ADDRESSES "/10.0.0.20", MERGE, "{\"metadata\":{\"labels\":null}}"), 200);
	harness_run(h, 50);
	assert_int_equal(get(h, ADDRESSES "/10.0.0.20"), 200);
	assert_int_equal(json_object_size(json_path(h->answer, "metadata.labels")), 2);
}

static void strays_are_removed(void **state)
{
	struct harness *h = *state;

	clock_set_wall(clock_wall() - 20 * NSEC_PER_SEC);
	assert_int_equal(create(h, "a", "\"clusterIP\":\"10.0.0.20\""), 201);
	clock_set_wall(0);
	assert_int_equal(create_ip(h, "10.0.0.30", V4 "," MANAGED,
	                           "\"resource\":\"gateways\",\"name\":\"g\""),
	                 201);
	check_event(h, "IPAddressNotAllocated",
	            "IPAddress 10.0.0.30 appears to have been modified, not referencing a Service "
	            "&ParentReference{Group:,Resource:gateways,Namespace:,Name:g,}: cleaning up");
	check_addresses(h, "10.0.0.1>services/default/kubernetes 10.0.0.20>services/default/a ");
	assert_int_equal(create_ip(h, "10.0.0.31", V4 "," MANAGED,
	                           "\"resource\":\"services\",\"namespace\":\"default\",\"name\":"
	                           "\"nobody\""),
	                 201);
	assert_int_equal(create_ip(h, "10.0.0.32", V4 "," MANAGED,
	                           "\"resource\":\"services\",\"namespace\":\"default\",\"name\":"
	                           "\"a\""),
	                 201);
	harness_restart(h);
	/* Their Service may be on the way. */
	assert_int_equal(get(h, ADDRESSES "/10.0.0.31"), 200);
	assert_int_equal(get(h, ADDRESSES "/10.0.0.32"), 200);
	clock_set_wall(clock_wall() + 30 * NSEC_PER_SEC);
	harness_restart(h);
	check_event(h, "IPAddressWrongReference",
	            "IPAddress: 10.0.0.32 for Service default/a has a wrong reference; cleaning "
	            "up");
	clock_set_wall(clock_wall() + 40 * NSEC_PER_SEC);
	harness_restart(h);
	check_event(h, "IPAddressNotAllocated",
	            "IPAddress: 10.0.0.31 for Service default/nobody appears to have leaked: "
	            "cleaning up");
	check_addresses(h, "10.0.0.1>services/default/kubernetes 10.0.0.20>services/default/a ");
}

/* Changes of a database that nobody has open. */
struct edit {
	const struct kind *kind;
	const char *ns, *name;
	json_t *object; /* NULL: remove */
	bool done;
};

static int edit_change(void *arg, const struct store_object *old, struct store_change *change)
{
	struct edit *edit = arg;

	(void)old;
	change->op = edit->object ? STORE_PUT : STORE_REMOVE;
	change->object = json_incref(edit->object);
	return 0;
}

static void edit_done(void *arg, int r, const struct store_object *object)
{
	struct edit *edit = arg;

	(void)object;
	assert_int_equal(r, 0);
	edit->done = true;
}

static void edit_store(const char *dir, struct edit *edits, size_t n)
{
	auto_free char *path = xasprintf("%s/store.db", dir);
	struct store *store;

	assert_int_equal(store_open(&(struct store_config){ .path = path }, &store, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		struct pollfd ready = { .fd = store_fd(store), .events = POLLIN };

		store_mutate(store, edits[i].kind, edits[i].ns, edits[i].name, edit_change,
		             edit_done, &edits[i]);
		while (!edits[i].done) {
			assert_int_equal(poll(&ready, 1, 5000), 1);
			store_dispatch(store);
		}
		json_decref(edits[i].object);
	}
	store_close(store);
}

static json_t *service_with(const char *name, const char *ip, int port)
{
	return json_pack("{s:{s:s,s:s,s:s,s:s},s:{s:s,s:s,s:[s],s:[s],s:s,s:[{s:i,s:s,s:i}]}}",
	                 "metadata", "name", name, "namespace", "default", "uid", name,
	                 "creationTimestamp", "2026-01-01T00:00:00Z", "spec", "type", "NodePort",
	                 "clusterIP", ip, "clusterIPs", ip, "ipFamilies", "IPv4", "ipFamilyPolicy",
	                 "SingleStack", "ports", "port", 80, "protocol", "TCP", "nodePort", port);
}

static void edit_all(const char *dir)
{
	struct edit edits[] = {
		{ &kind_ip_address, "", "10.0.0.20", NULL, false },
		{ &kind_ip_address, "", "10.0.0.1", NULL, false },
		{ &kind_service, "default", "far", service_with("far", "10.9.0.1", 80), false },
		{ &kind_service, "default", "twin", service_with("twin", "10.0.0.21", 30001),
		  false },
		{ &kind_ip_address, "", "10.0.0.22",
		  json_pack("{s:{s:s},s:{s:{s:s,s:s}}}", "metadata", "name", "10.0.0.22", "spec",
		            "parentRef", "resource", "gateways", "name", "g"),
		  false },
	};

	edit_store(dir, edits, ARRAY_SIZE(edits));
}

/* A database from before there were IPAddresses, or edited by hand. */
static void the_start_repairs(void **state)
{
	struct harness *h = *state;

	assert_int_equal(create(h, "a", "\"clusterIP\":\"10.0.0.20\""), 201);
	assert_int_equal(post(h, SERVICES,
	                      "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"type\":\"NodePort\","
	                      "\"clusterIP\":\"10.0.0.21\",\"ports\":[{\"port\":80,\"nodePort\":"
	                      "30001}]}}"),
	                 201);
	assert_int_equal(create(h, "c", "\"clusterIP\":\"10.0.0.22\""), 201);
	harness_restart_with(h, edit_all);
	check_event(h, "ClusterIPNotAllocated",
	            "Cluster IP [IPv4]: 10.0.0.20 is not allocated; repairing");
	check_event(h, "ClusterIPOutOfRange",
	            "Cluster IP [IPv4]: 10.9.0.1 is not within any configured Service CIDR; please "
	            "recreate service");
	check_event(h, "PortOutOfRange",
	            "Port 80 is not within the port range 30000-32767; please recreate service");
	check_event(h, "ClusterIPAlreadyAllocated",
	            "Cluster IP [IPv4]:10.0.0.21 was assigned to multiple services; please "
	            "recreate service");
	check_event(h, "PortAlreadyAllocated",
	            "Port 30001 was assigned to multiple services; please recreate service");
	check_event(h, "ClusterIPNotAllocated",
	            "the ClusterIP [IPv4]: 10.0.0.22 for Service default/c has a wrong reference; "
	            "repairing");
	check_addresses(h, "10.0.0.1>services/default/kubernetes 10.0.0.20>services/default/a "
	                   "10.0.0.21>services/default/b 10.0.0.22>services/default/c ");
	/* The one that shares takes nothing with it. */
	assert_int_equal(del(h, SERVICES "/twin"), 200);
	assert_int_equal(get(h, ADDRESSES "/10.0.0.21"), 200);
	assert_int_equal(del(h, SERVICES "/far"), 200);
}

static void more_cidrs_give_more_addresses(void **state)
{
	struct harness *h = *state;

	assert_int_equal(create(h, "a", "\"clusterIP\":\"10.1.0.1\""), 422);
	assert_int_equal(create_cidr(h, "more", "10.1.0.0/30"), 201);
	assert_int_equal(create(h, "a", "\"clusterIP\":\"10.1.0.1\""), 201);
	assert_int_equal(create(h, "b", "\"clusterIP\":\"10.1.0.3\""), 422); /* its broadcast */
	/* Ready=False: nothing is taken of it; True again. */
	assert_int_equal(patch(h, CIDRS "/more/status", MERGE,
	                       "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":"
	                       "\"False\",\"reason\":\"x\",\"message\":\"y\","
	                       "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}}"),
	                 200);
	assert_int_equal(create(h, "b", "\"clusterIP\":\"10.1.0.2\""), 422);
	harness_restart(h);
	assert_int_equal(create(h, "b", "\"clusterIP\":\"10.1.0.2\""), 422);
	assert_int_equal(patch(h, CIDRS "/more/status", MERGE, "{\"status\":null}"), 200);
	assert_int_equal(create(h, "b", "\"clusterIP\":\"10.1.0.2\""), 201);
	/* Deleted, it waits for whoever has the finalizer, and gives nothing. */
	assert_int_equal(del(h, SERVICES "/b"), 200);
	assert_int_equal(
		patch(h, CIDRS "/more", MERGE, "{\"metadata\":{\"finalizers\":[\"a.b/c\"]}}"), 200);
	assert_int_equal(del(h, CIDRS "/more"), 200);
	assert_int_equal(create(h, "b", "\"clusterIP\":\"10.1.0.2\""), 422);
	assert_int_equal(patch(h, CIDRS "/more", MERGE, "{\"metadata\":{\"finalizers\":null}}"),
	                 200);
	assert_int_equal(get(h, CIDRS "/more"), 404);
	assert_int_equal(del(h, SERVICES "/a"), 200);
	check_addresses(h, "10.0.0.1>services/default/kubernetes ");
}

/* Other ranges on the same data: the object stays, and says what is given. */
static void flags_may_change(void **state)
{
	struct harness *h = *state;

	h->config.service_cidr = "10.5.0.0/24";
	harness_restart(h);
	check_event(h, "KubernetesDefaultServiceCIDRInconsistent",
	            "The default ServiceCIDR [10.0.0.0/24] does not match the controller flag "
	            "configurations [10.5.0.0/24]");
	assert_int_equal(create(h, "a", ""), 201);
	assert_int_equal(strncmp(said(h, "spec.clusterIP"), "10.0.0.", 7), 0);
	/* A second family is added. */
	h->config.service_cidr = "10.0.0.0/24,fd00::/112";
	harness_restart(h);
	assert_int_equal(get(h, CIDRS "/kubernetes"), 200);
	assert_int_equal(json_array_size(json_path(h->answer, "spec.cidrs")), 2);
	assert_int_equal(create(h, "b", "\"ipFamilies\":[\"IPv6\"]"), 201);
	assert_int_equal(strncmp(said(h, "spec.clusterIP"), "fd00::", 6), 0);
	/* A family that no ServiceCIDR has. */
	assert_int_equal(del(h, SERVICES "/b"), 200);
	h->config.service_cidr = "fd00::/112";
	harness_restart(h);
	assert_int_equal(create(h, "b", ""), 201);
	assert_int_equal(strncmp(said(h, "spec.clusterIP"), "fd00::", 6), 0);
	assert_int_equal(create(h, "c", "\"ipFamilies\":[\"IPv4\"]"), 422);
	assert_int_equal(del(h, SERVICES "/a"), 200);
}

/* As a dry run of Kubernetes: nothing is looked for. */
static void rehearsals_take_nothing(void **state)
{
	static const struct {
		const char *spec;
		int status;
		const char *path, *said;
	} cases[] = {
		{ "\"ports\":[{\"port\":80}]", 201, "spec.clusterIP", "10.0.0.0" },
		{ "\"ports\":[{\"port\":80}],\"clusterIP\":\"10.0.0.1\"", 201, "spec.clusterIP",
		  "10.0.0.1" },
		{ "\"ports\":[{\"port\":80}],\"clusterIP\":\"10.0.0.255\"", 422, "message",
		  "Service \"d\" is invalid: spec.clusterIPs: Invalid value: [\"10.0.0.255\"]: "
		  "failed to allocate IP 10.0.0.255: the provided IP (10.0.0.255) is not in the "
		  "valid range. The range of valid IPs is 10.0.0.0/24" },
		{ "\"type\":\"NodePort\",\"ports\":[{\"port\":80,\"nodePort\":80}]", 201, NULL,
		  NULL },
		{ "\"type\":\"NodePort\",\"ports\":[{\"port\":80,\"nodePort\":30001}]", 422,
		  "message",
		  "Service \"d\" is invalid: spec.ports[0].nodePort: Invalid value: 30001: "
		  "provided port is already allocated" },
		{ "\"type\":\"LoadBalancer\",\"externalTrafficPolicy\":\"Local\","
		  "\"healthCheckNodePort\":5,\"ports\":[{\"port\":80}]",
		  201, NULL, NULL },
	};
	struct harness *h = *state;
	const json_t *ports;

	assert_int_equal(post(h, SERVICES,
	                      "{\"metadata\":{\"name\":\"t\"},\"spec\":{\"type\":\"NodePort\","
	                      "\"ports\":[{\"port\":80,\"nodePort\":30001}]}}"),
	                 201);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *body = xasprintf("{\"metadata\":{\"name\":\"d\"},\"spec\":{%s}}",
		                                 cases[i].spec);

		assert_int_equal(post(h, SERVICES "?dryRun=All", body), cases[i].status);
		if (cases[i].path)
			assert_string_equal(said(h, cases[i].path), cases[i].said);
	}
	assert_int_equal(post(h, SERVICES "?dryRun=All",
	                      "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"type\":\"NodePort\","
	                      "\"ports\":[{\"name\":\"a\",\"port\":80},{\"name\":\"b\",\"port\":81"
	                      "}]}}"),
	                 201);
	ports = json_path(h->answer, "spec.ports");
	assert_int_equal(json_path_int(json_array_get(ports, 0), "nodePort", 0), 32769);
	assert_int_equal(json_path_int(json_array_get(ports, 1), "nodePort", 0), 32770);
}

/* Its address could not say what it belongs to. */
static void a_name_is_needed_first(void **state)
{
	struct harness *h = *state;

	assert_int_equal(post(h, SERVICES,
	                      "{\"metadata\":{},\"spec\":{\"clusterIP\":\"10.0.0.9\",\"ports\":[{"
	                      "\"port\":80}]}}"),
	                 422);
	assert_string_equal(said(h, "message"),
	                    "Service \"\" is invalid: spec.clusterIPs: Invalid value: "
	                    "[\"10.0.0.9\"]: failed to allocate IP 10.0.0.9: "
	                    "IPAddress.networking.k8s.io \"10.0.0.9\" is invalid: "
	                    "spec.parentRef.name: Required value");
	assert_int_equal(create(h, "a", "\"clusterIP\":\"10.0.0.9\""), 201);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(has_the_default_cidr, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses_come_and_go_with_services, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(both_families_have_addresses, setup_dual, teardown),
		cmocka_unit_test_setup_teardown(a_users_address_is_reserved, setup, teardown),
		cmocka_unit_test_setup_teardown(services_keep_their_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(strays_are_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(the_start_repairs, setup, teardown),
		cmocka_unit_test_setup_teardown(more_cidrs_give_more_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(flags_may_change, setup, teardown),
		cmocka_unit_test_setup_teardown(rehearsals_take_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_is_needed_first, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
