/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "control/slice_json.h"
#include "control/slice_plan.h"
#include "kube/json.h"
#include "slice_world.h"

#define PORT80 "{ports: [{port: 80, protocol: TCP, targetPort: 8080}]}"

static struct world world;

static int setup(void **state)
{
	(void)state;
	world = (struct world){ 0 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_done(&world);
	return 0;
}

static void add_pods(int from, int to)
{
	for (int i = from; i <= to; i++) {
		auto_free char *text = xasprintf("p%04d ip=10.%d.%d.%d", i, i / 10000, i / 100,
		                                 i % 100);

		world_pod(&world, text);
	}
}

static void remove_pods(int from, int to)
{
	for (int i = from; i <= to; i++) {
		auto_free char *name = xasprintf("p%04d", i);

		world_remove_pod(&world, name);
	}
}

/* Each case: a Service's spec and Pods; what is planned from nothing. */
static void from_nothing(void **state)
{
	static const struct {
		const char *spec;
		const char *pods[5];
		const char *wanted;
	} table[] = {
		/* B1.7: nothing matches */
		{ PORT80, { 0 }, "create web-1 IPv4 |\n" },
		{ "{ipFamilies: [IPv6, IPv4]}",
		  { 0 },
		  "create web-1 IPv6 |\ncreate web-2 IPv4 |\n" },
		/* no endpoints by kind of Service */
		{ "{type: ExternalName, externalName: example.org}", { "a ip=10.0.0.1" }, "" },
		{ "{selector: {}, ports: [{port: 80}]}", { "a ip=10.0.0.1" }, "" },
		/* B1.11: ports */
		{ PORT80, { "a ip=10.0.0.1" }, "create web-1 IPv4 /TCP:8080 | a\n" },
		{ "{ports: [{name: x, port: 80, protocol: UDP}]}",
		  { "a ip=10.0.0.1" },
		  "create web-1 IPv4 x/UDP:80 | a\n" },
		{ "{ports: [{name: h, port: 80, protocol: TCP, targetPort: http}]}",
		  { "a ip=10.0.0.1 port=http:TCP:8080", "b ip=10.0.0.2 port=http:TCP:9090",
		    "c ip=10.0.0.3 port=http:TCP:8080" },
		  "create web-1 IPv4 h/TCP:8080 | a c\ncreate web-2 IPv4 h/TCP:9090 | b\n" },
		{ "{ports: [{name: h, port: 80, protocol: TCP, targetPort: http}, "
		  "{name: m, port: 81, protocol: TCP, targetPort: 81}]}",
		  { "a ip=10.0.0.1 port=http:UDP:8080", "b ip=10.0.0.2 port=http:TCP:8080" },
		  "create web-1 IPv4 m/TCP:81 | a\ncreate web-2 IPv4 h/TCP:8080 m/TCP:81 | b\n" },
		{ "{ports: [{name: h, port: 80, protocol: TCP, targetPort: http}]}",
		  { "a ip=10.0.0.1" },
		  "create web-1 IPv4 | a\n" },
		{ "{clusterIP: None}", { "a ip=10.0.0.1" }, "create web-1 IPv4 | a\n" },
		/* B1.4: families */
		{ "{ports: [{port: 80, protocol: TCP}], ipFamilies: [IPv4, IPv6]}",
		  { "a ip=10.0.0.1 ip=fd00::1", "b ip=10.0.0.2", "c ip=fd00::3" },
		  "create web-1 IPv4 /TCP:80 | a b\ncreate web-2 IPv6 /TCP:80 | a c\n" },
		{ "{ports: [{port: 80, protocol: TCP}], ipFamilies: [IPv6]}",
		  { "a ip=10.0.0.1" },
		  "create web-1 IPv6 |\n" },
		/* B1.8: which Pods */
		{ PORT80,
		  { "a phase=Succeeded ip=10.0.0.1", "b phase=Failed ip=10.0.0.2", "c",
		    "d phase=Pending unready ip=10.0.0.4", "e node=n1 lost ip=10.0.0.5" },
		  "create web-1 IPv4 /TCP:8080 | d(unready)\n" },
		{ "{ports: [{port: 80, protocol: TCP}], publishNotReadyAddresses: true}",
		  { "e node=n1 lost ip=10.0.0.5", "f node=n2 zone=z ip=10.0.0.6" },
		  "create web-1 IPv4 /TCP:80 | e f(zone=z)\n" },
		/* B1.9: conditions */
		{ PORT80,
		  { "a ip=10.0.0.1 unready", "b ip=10.0.0.2 deleting",
		    "c ip=10.0.0.3 deleting unready" },
		  "create web-1 IPv4 /TCP:8080 | a(unready) b(unready serving terminating) "
		  "c(unready terminating)\n" },
		{ "{ports: [{port: 80, protocol: TCP}], publishNotReadyAddresses: true}",
		  { "a ip=10.0.0.1 unready", "b ip=10.0.0.2 deleting" },
		  "create web-1 IPv4 /TCP:80 | a(not-serving) b(terminating)\n" },
		/* B1.10: hostname only below the Service's own name */
		{ PORT80,
		  { "a ip=10.0.0.1 host=h sub=web", "b ip=10.0.0.2 host=h sub=other",
		    "c ip=10.0.0.3 host=h", "d ip=10.0.0.4 sub=web" },
		  "create web-1 IPv4 /TCP:8080 | a(host=h) b c d\n" },
		/* one address in two Pods is two endpoints */
		{ PORT80,
		  { "a ip=10.0.0.1", "b ip=10.0.0.1" },
		  "create web-1 IPv4 /TCP:8080 | a b\n" },
		/* B1.17: hints */
		{ "{ports: [{port: 80, protocol: TCP}], trafficDistribution: PreferClose}",
		  { "a ip=10.0.0.1 node=n1 zone=z1", "b ip=10.0.0.2 node=n2",
		    "c ip=10.0.0.3 node=n1 zone=z1 unready" },
		  "create web-1 IPv4 /TCP:80 | a(zone=z1 for-zone=z1) b c(unready zone=z1)\n" },
		{ "{ports: [{port: 80, protocol: TCP}], trafficDistribution: PreferSameZone}",
		  { "a ip=10.0.0.1 node=n1 zone=z1" },
		  "create web-1 IPv4 /TCP:80 | a(zone=z1 for-zone=z1)\n" },
		{ "{ports: [{port: 80, protocol: TCP}], trafficDistribution: PreferSameNode}",
		  { "a ip=10.0.0.1 node=n1 zone=z1", "b ip=10.0.0.2 node=n2" },
		  "create web-1 IPv4 /TCP:80 | a(zone=z1 for-zone=z1 for-node=n1) b\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		world_service(&world, table[i].spec);
		for (size_t j = 0; j < 5 && table[i].pods[j]; j++)
			world_pod(&world, table[i].pods[j]);
		world_expect(&world, table[i].wanted);
		world_done(&world);
	}
}

static void topology_mode_wins(void **state)
{
	(void)state;
	world.service_meta = ", annotations: {service.kubernetes.io/topology-mode: Auto}";
	world_service(&world, "{ports: [{port: 80, protocol: TCP}], trafficDistribution: "
	                      "PreferClose}");
	world_pod(&world, "a ip=10.0.0.1 node=n1 zone=z1");
	world_expect(&world, "create web-1 IPv4 /TCP:80 | a(zone=z1)\n");
}

static void hundred_and_one(void **state)
{
	(void)state;
	world_service(&world, PORT80);
	add_pods(1, 101);
	world_expect(&world, "create web-1 IPv4 /TCP:8080 | 100 endpoints\n"
	                     "create web-2 IPv4 /TCP:8080 | p0101\n");
	/* (c) the one that is not full takes more, the full one is left alone */
	add_pods(102, 103);
	world_expect(&world, "update web-2 IPv4 /TCP:8080 | p0101 p0102 p0103\n");
	/* a thousand at once */
	add_pods(104, 1100);
	world_expect(&world, "create web-3 IPv4 /TCP:8080 | 100 endpoints\n"
	                     "create web-4 IPv4 /TCP:8080 | 100 endpoints\n"
	                     "create web-5 IPv4 /TCP:8080 | 100 endpoints\n"
	                     "create web-6 IPv4 /TCP:8080 | 100 endpoints\n"
	                     "create web-7 IPv4 /TCP:8080 | 100 endpoints\n"
	                     "create web-8 IPv4 /TCP:8080 | 100 endpoints\n"
	                     "create web-9 IPv4 /TCP:8080 | 100 endpoints\n"
	                     "create web-10 IPv4 /TCP:8080 | 100 endpoints\n"
	                     "create web-11 IPv4 /TCP:8080 | 100 endpoints\n"
	                     "update web-2 IPv4 /TCP:8080 | 100 endpoints\n");
}

static void in_place(void **state)
{
	(void)state;
	world.endpoints_max = 3;
	world_service(&world, PORT80);
	add_pods(1, 7);
	world_expect(&world, "create web-1 IPv4 /TCP:8080 | p0001 p0002 p0003\n"
	                     "create web-2 IPv4 /TCP:8080 | p0004 p0005 p0006\n"
	                     "create web-3 IPv4 /TCP:8080 | p0007\n");
	/* (a) a changed endpoint stays where it is, and only its slice is written */
	world_pod(&world, "p0005 ip=10.0.0.5 unready");
	world_expect(&world, "update web-2 IPv4 /TCP:8080 | p0004 p0005(unready) p0006\n");
	/* (a) what is no longer wanted goes; nothing is packed anew */
	remove_pods(1, 2);
	world_expect(&world, "update web-1 IPv4 /TCP:8080 | p0003\n");
	/* (b) new ones go into slices that change anyway, even if another would fit as well */
	remove_pods(4, 4);
	add_pods(8, 8);
	world_expect(&world, "update web-2 IPv4 /TCP:8080 | p0005(unready) p0006 p0008\n");
	/* (b) of two that change, the fullest first; then the other */
	world_pod(&world, "p0003 ip=10.0.0.3 unready");
	world_pod(&world, "p0007 ip=10.0.0.7 unready");
	remove_pods(8, 8);
	add_pods(9, 10);
	world_expect(&world, "update web-1 IPv4 /TCP:8080 | p0003(unready) p0010\n"
	                     "update web-2 IPv4 /TCP:8080 | p0005(unready) p0006 p0009\n"
	                     "update web-3 IPv4 /TCP:8080 | p0007(unready)\n");
}

static void best_fit(void **state)
{
	(void)state;
	world.endpoints_max = 4;
	world_service(&world, PORT80);
	add_pods(1, 12);
	world_expect(&world, "create web-1 IPv4 /TCP:8080 | p0001 p0002 p0003 p0004\n"
	                     "create web-2 IPv4 /TCP:8080 | p0005 p0006 p0007 p0008\n"
	                     "create web-3 IPv4 /TCP:8080 | p0009 p0010 p0011 p0012\n");
	remove_pods(1, 3);
	remove_pods(5, 6);
	world_expect(&world, "update web-1 IPv4 /TCP:8080 | p0004\n"
	                     "update web-2 IPv4 /TCP:8080 | p0007 p0008\n");
	/* (c) two fit into both: the one closest to full gets them */
	add_pods(13, 14);
	world_expect(&world, "update web-2 IPv4 /TCP:8080 | p0007 p0008 p0013 p0014\n");
	/* (d) four fit into none as a whole: a new slice, although there is room for three */
	add_pods(15, 18);
	world_expect(&world, "create web-4 IPv4 /TCP:8080 | p0015 p0016 p0017 p0018\n");
	/* an emptied slice is deleted */
	remove_pods(4, 4);
	world_expect(&world, "delete web-1\n");
}

static void placeholder_comes_and_goes(void **state)
{
	(void)state;
	world_service(&world, PORT80);
	world_expect(&world, "create web-1 IPv4 |\n");
	/* never a delete and a create where an update does it */
	world_pod(&world, "a ip=10.0.0.1");
	world_expect(&world, "update web-1 IPv4 /TCP:8080 | a\n");
	world_remove_pod(&world, "a");
	world_expect(&world, "update web-1 IPv4 |\n");
	/* of several slices one is left */
	world.endpoints_max = 1;
	add_pods(1, 2);
	world_expect(&world, "create web-2 IPv4 /TCP:8080 | p0002\n"
	                     "update web-1 IPv4 /TCP:8080 | p0001\n");
	remove_pods(1, 2);
	world_expect(&world, "update web-2 IPv4 |\ndelete web-1\n");
}

static void ports_change(void **state)
{
	(void)state;
	world_service(&world, PORT80);
	add_pods(1, 2);
	world_expect(&world, "create web-1 IPv4 /TCP:8080 | p0001 p0002\n");
	world_service(&world, "{ports: [{name: web, port: 80, protocol: TCP, targetPort: 9}]}");
	world_expect(&world, "update web-1 IPv4 web/TCP:9 | p0001 p0002\n");
	world_service(&world, "{ports: [{name: web, port: 80, protocol: TCP, targetPort: 9, "
	                      "appProtocol: http}]}");
	world_expect(&world, "update web-1 IPv4 web/TCP:9 | p0001 p0002\n");
	/* the order of ports does not matter */
	world_service(&world, "{ports: [{name: a, port: 1, protocol: TCP}, "
	                      "{name: b, port: 2, protocol: TCP}]}");
	world_expect(&world, "update web-1 IPv4 a/TCP:1 b/TCP:2 | p0001 p0002\n");
	world_service(&world, "{ports: [{name: b, port: 2, protocol: TCP}, "
	                      "{name: a, port: 1, protocol: TCP}]}");
	world_expect(&world, "");
}

static void families_change(void **state)
{
	(void)state;
	world_service(&world, "{ports: [{port: 80, protocol: TCP}], ipFamilies: [IPv4, IPv6]}");
	world_pod(&world, "a ip=10.0.0.1 ip=fd00::1");
	world_expect(&world, "create web-1 IPv4 /TCP:80 | a\ncreate web-2 IPv6 /TCP:80 | a\n");
	world_service(&world, "{ports: [{port: 80, protocol: TCP}], ipFamilies: [IPv4]}");
	world_expect(&world, "delete web-2\n");
}

static void endpoint_changes(void **state)
{
	static const struct {
		const char *pod, *wanted;
	} table[] = {
		{ "a ip=10.0.0.1 node=n1 zone=z1", "update web-1 IPv4 /TCP:8080 | a(zone=z1)\n" },
		{ "a ip=10.0.0.1 node=n2 zone=z1", "update web-1 IPv4 /TCP:8080 | a(zone=z1)\n" },
		{ "a ip=10.0.0.1 node=n2 zone=z2", "update web-1 IPv4 /TCP:8080 | a(zone=z2)\n" },
		{ "a ip=10.0.0.1 unready", "update web-1 IPv4 /TCP:8080 | a(unready)\n" },
		{ "a ip=10.0.0.1 deleting",
		  "update web-1 IPv4 /TCP:8080 | a(unready serving terminating)\n" },
		{ "a ip=10.0.0.2", "update web-1 IPv4 /TCP:8080 | a\n" },
		{ "a ip=10.0.0.1 host=h sub=web", "update web-1 IPv4 /TCP:8080 | a(host=h)\n" },
		{ "a ip=10.0.0.1 host=h sub=else", "" },
		{ "a ip=10.0.0.1 phase=Failed", "update web-1 IPv4 |\n" },
		{ "a", "update web-1 IPv4 |\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		world_service(&world, PORT80);
		world_pod(&world, "a ip=10.0.0.1");
		world_expect(&world, "create web-1 IPv4 /TCP:8080 | a\n");
		world_pod(&world, table[i].pod);
		world_expect(&world, table[i].wanted);
		world_done(&world);
	}
}

static void labels(void **state)
{
	const struct endpoint_slice *slice;

	(void)state;
	world.service_meta = ", labels: {tier: front, kubernetes.io/service-name: evil, "
			     "endpointslice.kubernetes.io/managed-by: evil, "
			     "service.kubernetes.io/headless: evil}";
	world_service(&world, PORT80);
	add_pods(1, 1);
	world_expect(&world, "create web-1 IPv4 /TCP:8080 | p0001\n");
	slice = world_find(&world, "web-1");
	assert_int_equal(slice->meta.labels.n, 3);
	assert_string_equal(labels_get(&slice->meta.labels, "tier"), "front");
	assert_string_equal(slice->service, "web");
	assert_string_equal(slice->managed_by, SLICE_MANAGER);
	/* a label of the Service changes, another goes */
	world.service_meta = ", labels: {owner: me}";
	world_service(&world, PORT80);
	world_expect(&world, "update web-1 IPv4 /TCP:8080 | p0001\n");
	slice = world_find(&world, "web-1");
	assert_null(labels_get(&slice->meta.labels, "tier"));
	assert_string_equal(labels_get(&slice->meta.labels, "owner"), "me");
	/* headless, also on the placeholder */
	world_service(&world, "{clusterIP: None, ports: [{port: 80, protocol: TCP, targetPort: "
	                      "8080}]}");
	world_expect(&world, "update web-1 IPv4 /TCP:8080 | p0001\n");
	slice = world_find(&world, "web-1");
	assert_string_equal(labels_get(&slice->meta.labels, LABEL_HEADLESS), "");
	remove_pods(1, 1);
	world_expect(&world, "update web-1 IPv4 |\n");
	world_service(&world, PORT80);
	world_expect(&world, "update web-1 IPv4 |\n");
	assert_null(labels_get(&world_find(&world, "web-1")->meta.labels, LABEL_HEADLESS));
}

#define FOREIGN(name, uid, type, endpoints)                                               \
	"{kind: EndpointSlice, metadata: {name: " name ", namespace: default, labels: "   \
	"{kubernetes.io/service-name: web, endpointslice.kubernetes.io/managed-by: "      \
	"endpointslice-controller.k8s.io}, ownerReferences: [{kind: Service, name: web, " \
	"controller: true, uid: " uid "}]}, addressType: " type ", endpoints: " endpoints \
	", ports: [{name: '', port: 8080, protocol: TCP}]}"
#define ENDPOINT(ip, name)                                                               \
	"{addresses: ['" ip "'], targetRef: {kind: Pod, namespace: default, name: " name \
	", uid: " name "-uid}, conditions: {}}"

static void strays(void **state)
{
	static const struct {
		const char *slices[2];
		const char *wanted;
	} table[] = {
		/* B1.13: of an earlier Service of the same name; its name is not taken over */
		{ { FOREIGN("old", "other-uid", "IPv4", "[]") },
		  "create web-1 IPv4 /TCP:8080 | a\ndelete old\n" },
		{ { FOREIGN("fqdn", "web-uid", "FQDN", "[{addresses: [example.org]}]") },
		  "create web-1 IPv4 /TCP:8080 | a\ndelete fqdn\n" },
		/* adopted as it is: conditions that are not set read as ready */
		{ { FOREIGN("mine", "web-uid", "IPv4", "[" ENDPOINT("10.0.0.1", "a") "]") }, "" },
		/* the same endpoint twice, within a slice and in two */
		{ { FOREIGN("mine", "web-uid", "IPv4",
		            "[" ENDPOINT("10.0.0.1", "a") ", " ENDPOINT("10.0.0.1", "a") "]") },
		  "update mine IPv4 /TCP:8080 | a\n" },
		{ { FOREIGN("mine", "web-uid", "IPv4", "[" ENDPOINT("10.0.0.1", "a") "]"),
		    FOREIGN("dup", "web-uid", "IPv4", "[" ENDPOINT("10.0.0.1", "a") "]") },
		  "delete dup\n" },
		/* garbage in an endpoint is written over */
		{ { FOREIGN("mine", "web-uid", "IPv4",
		            "[" ENDPOINT("10.0.0.1", "a") ", " ENDPOINT("010.0.0.1", "a") "]") },
		  "update mine IPv4 /TCP:8080 | a\n" },
		/* somebody emptied it: an update, not a new one */
		{ { FOREIGN("mine", "web-uid", "IPv4", "[]") },
		  "update mine IPv4 /TCP:8080 | a\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		world_service(&world, PORT80);
		world_pod(&world, "a ip=10.0.0.1");
		for (size_t j = 0; j < 2 && table[i].slices[j]; j++)
			world_slice(&world, table[i].slices[j]);
		world_expect(&world, table[i].wanted);
		world_done(&world);
	}
}

static void service_goes(void **state)
{
	static const char *const specs[] = {
		NULL,
		"{type: ExternalName, externalName: example.org}",
		"{selector: {}, ports: [{port: 80}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		world.endpoints_max = 1;
		world_service(&world, PORT80);
		add_pods(1, 2);
		world_expect(&world, "create web-1 IPv4 /TCP:8080 | p0001\n"
		                     "create web-2 IPv4 /TCP:8080 | p0002\n");
		world_service(&world, specs[i]);
		world_expect(&world, "delete web-1\ndelete web-2\n");
		world_done(&world);
	}
}

/* While a Service waits for its finalizers nothing is created; what is there is kept right. */
static void service_is_deleting(void **state)
{
	(void)state;
	world.endpoints_max = 1;
	world_service(&world, PORT80);
	add_pods(1, 1);
	world_expect(&world, "create web-1 IPv4 /TCP:8080 | p0001\n");
	world.service_meta = ", deletionTimestamp: '2026-01-02T03:04:05Z'";
	world_service(&world, PORT80);
	add_pods(2, 2);
	world_pod(&world, "p0001 ip=10.0.0.1 unready");
	world_expect(&world, "update web-1 IPv4 /TCP:8080 | p0001(unready)\n");
}

/* What goes over the wire, whole. */
static void as_json(void **state)
{
	static const char wanted[] =
		"{\"kind\":\"EndpointSlice\",\"apiVersion\":\"discovery.k8s.io/v1\",\"metadata\":{"
		"\"generateName\":\"web-\",\"namespace\":\"default\",\"labels\":{"
		"\"endpointslice.kubernetes.io/managed-by\":\"endpointslice-controller.k8s.io\","
		"\"kubernetes.io/service-name\":\"web\"},\"annotations\":{"
		"\"endpoints.kubernetes.io/last-change-trigger-time\":\"2026-01-02T03:04:05Z\"},"
		"\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"name\":\"web\","
		"\"uid\":\"web-uid\",\"controller\":true,\"blockOwnerDeletion\":true}]},"
		"\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"],"
		"\"conditions\":{\"ready\":true,\"serving\":true,\"terminating\":false},"
		"\"targetRef\":{\"kind\":\"Pod\",\"namespace\":\"default\",\"name\":\"a\","
		"\"uid\":\"a-uid\"},\"nodeName\":\"n1\",\"zone\":\"z1\","
		"\"hints\":{\"forZones\":[{\"name\":\"z1\"}],\"forNodes\":[{\"name\":\"n1\"}]}}],"
		"\"ports\":[{\"name\":\"\",\"protocol\":\"TCP\",\"port\":80,"
		"\"appProtocol\":\"http\"}]}";
	struct slice_plan_input input = { .pods = world.pods, .n_pods = 1 };
	auto_json json_t *object = NULL;
	auto_free char *text = NULL;
	struct slice_plan plan;

	(void)state;
	world_service(&world, "{ports: [{port: 80, protocol: TCP, appProtocol: http}], "
	                      "trafficDistribution: PreferSameNode}");
	world_pod(&world, "a ip=10.0.0.1 node=n1 zone=z1");
	input.service = world.service;
	slice_plan_make(&input, &plan);
	assert_int_equal(plan.n, 1);
	object = slice_json(world.service, &plan, &plan.changes[0],
	                    (int64_t)1767323045 * 1000000000);
	text = json_text(object);
	assert_string_equal(text, wanted);
	slice_plan_done(&plan);
}

/* An update says on what it is based, keeps what others noted, and forgets the old time. */
static void update_as_json(void **state)
{
	struct slice_plan_input input = { .pods = world.pods };
	const struct endpoint_slice *slices[1];
	auto_json json_t *object = NULL;
	const json_t *annotations;
	struct slice_plan plan;

	(void)state;
	world_service(&world, PORT80);
	world_slice(&world,
	            "{metadata: {name: web-abcde, namespace: default, uid: s-uid, "
	            "resourceVersion: '42', annotations: {note: mine, "
	            "endpoints.kubernetes.io/last-change-trigger-time: '2020-01-01T00:00:00Z'}, "
	            "ownerReferences: [{kind: Service, name: web, controller: true, uid: "
	            "web-uid}]}, addressType: IPv4}");
	input.service = world.service;
	slices[0] = world.slices[0];
	input.slices = slices;
	input.n_slices = 1;
	slice_plan_make(&input, &plan);
	assert_int_equal(plan.n, 1);
	object = slice_json(world.service, &plan, &plan.changes[0], 0);
	assert_string_equal(json_path_str(object, "metadata.name"), "web-abcde");
	assert_string_equal(json_path_str(object, "metadata.uid"), "s-uid");
	assert_string_equal(json_path_str(object, "metadata.resourceVersion"), "42");
	annotations = json_path(object, "metadata.annotations");
	assert_int_equal(json_object_size(annotations), 1);
	assert_string_equal(json_string_value(json_object_get(annotations, "note")), "mine");
	slice_plan_done(&plan);
}

static void long_name(void **state)
{
	static const char name[] = "a23456789-123456789-123456789-123456789-123456789-123456789-12";
	struct slice_plan_input input = { 0 };
	auto_json json_t *object = NULL;
	auto_json json_t *service = json_pack("{s:{s:s,s:s,s:s},s:{s:{s:s},s:[s]}}", "metadata",
	                                      "name", name, "namespace", "n", "uid", "u", "spec",
	                                      "selector", "a", "b", "ipFamilies", "IPv4");
	struct slice_plan plan;

	(void)state;
	world.service = service_from_json(service);
	input.service = world.service;
	slice_plan_make(&input, &plan);
	object = slice_json(world.service, &plan, &plan.changes[0], 0);
	/* with five characters behind it, a valid label still */
	assert_int_equal(strlen(json_path_str(object, "metadata.generateName")), 58);
	slice_plan_done(&plan);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(from_nothing),
		TEST(topology_mode_wins),
		TEST(hundred_and_one),
		TEST(in_place),
		TEST(best_fit),
		TEST(placeholder_comes_and_goes),
		TEST(ports_change),
		TEST(families_change),
		TEST(endpoint_changes),
		TEST(labels),
		TEST(strays),
		TEST(service_goes),
		TEST(service_is_deleting),
		TEST(as_json),
		TEST(update_as_json),
		TEST(long_name),
	};

	return cmocka_run_group_tests_name("control/slice_plan", tests, NULL, NULL);
}
