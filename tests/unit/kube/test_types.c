/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <string.h>

#include "kind_run.h"
#include "kube/types.h"

static void assert_ip(const struct ipaddr *addr, const char *text)
{
	char got[IPADDR_TEXT_SIZE];

	ipaddr_format(addr, got);
	assert_string_equal(got, text);
}

static void service_is_decoded(void **state)
{
	auto_json json_t *object = parse_json(
		"{'metadata':{'name':'s','namespace':'n','uid':'u','resourceVersion':'7',"
		"'generation':2,'labels':{'b':'2','a':'1'},'creationTimestamp':"
		"'1970-01-01T00:00:01Z','deletionTimestamp':'2026-01-01T00:00:00Z'},"
		"'spec':{'type':'LoadBalancer','ports':[{'name':'p','port':80,'targetPort':'http',"
		"'nodePort':30000,'appProtocol':'h2c'},{'port':53,'protocol':'UDP','targetPort':54}"
		",{'port':0},{'port':80,'protocol':'X'}],'selector':{'app':'web'},"
		"'clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1','fd00::1'],'ipFamilies':"
		"['IPv4','IPv6'],'externalIPs':['1.2.3.4','012.3.4.5',5],'sessionAffinity':"
		"'ClientIP','loadBalancerSourceRanges':[' 10.0.0.0/8 ','x'],"
		"'externalTrafficPolicy':'Local','internalTrafficPolicy':'Local',"
		"'publishNotReadyAddresses':true,'healthCheckNodePort':30001,"
		"'trafficDistribution':'PreferClose'},'status':{'loadBalancer':{'ingress':["
		"{'ip':'9.9.9.9','ipMode':'Proxy'},{'hostname':'h'},{'ip':'bad'}]}}}");
	struct service *s = service_from_json(object);

	(void)state;
	assert_string_equal(s->meta.name, "s");
	assert_int_equal(s->meta.revision, 7);
	assert_int_equal(s->meta.created, 1000000000);
	assert_true(s->meta.deleting);
	assert_string_equal(labels_get(&s->meta.labels, "a"), "1");
	assert_int_equal(s->type, SERVICE_LOAD_BALANCER);
	assert_int_equal(s->n_ports, 2);
	assert_string_equal(s->ports[0].target_name, "http");
	assert_int_equal(s->ports[0].target_port, 0);
	assert_int_equal(s->ports[0].node_port, 30000);
	assert_string_equal(s->ports[0].app_protocol, "h2c");
	assert_int_equal(s->ports[1].protocol, PROTOCOL_UDP);
	assert_int_equal(s->ports[1].target_port, 54);
	assert_true(s->has_selector);
	assert_false(s->headless);
	assert_int_equal(s->n_cluster_ips, 2);
	assert_ip(&s->cluster_ips[1], "fd00::1");
	assert_int_equal(s->n_families, 2);
	assert_int_equal(s->families[1], 6);
	assert_int_equal(s->n_external_ips, 1);
	assert_int_equal(s->n_ingress, 2);
	assert_true(s->ingress[0].proxy);
	assert_int_equal(s->ingress[1].ip.family, 0);
	assert_false(s->ingress[1].proxy);
	assert_int_equal(s->n_source_ranges, 1);
	assert_int_equal(s->source_ranges[0].prefix, 8);
	assert_true(s->external_local && s->internal_local && s->publish_not_ready);
	assert_int_equal(s->affinity_seconds, 10800);
	assert_int_equal(s->health_check_node_port, 30001);
	assert_string_equal(s->traffic_distribution, "PreferClose");
	assert_int_equal(s->n_bad, 6);
	service_free(s);
}

static void services_without_fields(void **state)
{
	auto_json json_t *empty = parse_json("{}");
	auto_json json_t *headless = parse_json(
		"{'metadata':{'annotations':{'service.beta.kubernetes.io/"
		"load-balancer-source-ranges':'10.0.0.0/8, fd00::/8,x'}},'spec':{'clusterIP':"
		"'None','ports':[{'port':80}]}}");
	auto_json json_t *old = parse_json("{'spec':{'clusterIP':'fd00::1'}}");
	struct service *s = service_from_json(empty);

	(void)state;
	assert_true(s->headless);
	assert_false(s->has_selector);
	assert_int_equal(s->n_ports + s->n_cluster_ips + s->n_families + s->n_bad, 0);
	assert_string_equal(s->meta.uid, "");
	service_free(s);
	s = service_from_json(headless);
	assert_true(s->headless);
	assert_int_equal(s->n_cluster_ips, 0);
	assert_int_equal(s->ports[0].target_port, 80);
	assert_int_equal(s->ports[0].protocol, PROTOCOL_TCP);
	assert_int_equal(s->n_source_ranges, 2);
	assert_int_equal(s->n_bad, 1);
	service_free(s);
	s = service_from_json(old);
	assert_int_equal(s->n_families, 1);
	assert_int_equal(s->families[0], 6);
	service_free(s);
}

static void slice_is_decoded(void **state)
{
	auto_json json_t *object = parse_json(
		"{'metadata':{'labels':{'kubernetes.io/service-name':'s',"
		"'endpointslice.kubernetes.io/managed-by':'m'},'ownerReferences':[{'uid':'0'},"
		"{'uid':'1','controller':true}]},'addressType':'IPv4','ports':[{'name':'p',"
		"'port':80,'protocol':'TCP'},{},{'port':70000},{'protocol':'X'}],'endpoints':["
		"{'addresses':['1.1.1.1','1.1.1.9'],'nodeName':'n','zone':'z','targetRef':{"
		"'kind':'Pod','name':'q','namespace':'r','uid':'t'},'hints':{'forZones':[{'name':"
		"'a'},{}],'forNodes':[{'name':'b'}]}},"
		"{'addresses':['1.1.1.2'],'conditions':{'ready':false}},"
		"{'addresses':['1.1.1.3'],'conditions':{'ready':false,'serving':true,"
		"'terminating':true}},{'addresses':['fd00::1']},{'addresses':['x']},{}]}");
	auto_json json_t *names = parse_json("{'addressType':'FQDN','endpoints':[{'addresses':"
	                                     "['a.b']}]}");
	struct endpoint_slice *s = endpoint_slice_from_json(object);

	(void)state;
	assert_string_equal(s->service, "s");
	assert_string_equal(s->managed_by, "m");
	assert_string_equal(s->owner_uid, "1");
	assert_int_equal(s->family, 4);
	assert_int_equal(s->n_ports, 2);
	assert_int_equal(s->ports[0].port, 80);
	assert_int_equal(s->ports[1].port, 0);
	assert_int_equal(s->n_endpoints, 3);
	assert_ip(&s->endpoints[0].addr, "1.1.1.1");
	assert_true(s->endpoints[0].ready && s->endpoints[0].serving);
	assert_false(s->endpoints[0].terminating);
	assert_string_equal(s->endpoints[0].target_name, "q");
	assert_int_equal(s->endpoints[0].n_zone_hints, 1);
	assert_string_equal(s->endpoints[0].node_hints[0], "b");
	assert_false(s->endpoints[1].ready || s->endpoints[1].serving);
	assert_true(s->endpoints[2].serving && s->endpoints[2].terminating);
	assert_int_equal(s->n_bad, 5);
	endpoint_slice_free(s);
	s = endpoint_slice_from_json(names);
	assert_int_equal(s->family, 0);
	assert_int_equal(s->n_endpoints + s->n_bad, 0);
	endpoint_slice_free(s);
}

static void node_is_decoded(void **state)
{
	auto_json json_t *object = parse_json(
		"{'metadata':{'name':'n','labels':{'topology.kubernetes.io/zone':'z',"
		"'kubernetes.io/hostname':'h'}},'status':{'addresses':[{'type':'Hostname',"
		"'address':'n'},{'type':'ExternalIP','address':'2.2.2.2'},{'type':'InternalIP',"
		"'address':'1.1.1.1'},{'type':'InternalIP','address':'x'}]}}");
	struct node *n = node_from_json(object);

	(void)state;
	assert_string_equal(n->zone, "z");
	assert_string_equal(n->hostname, "h");
	assert_int_equal(n->n_addresses, 2);
	assert_ip(&n->addresses[0], "1.1.1.1");
	assert_ip(&n->addresses[1], "2.2.2.2");
	node_free(n);
}

static void pod_is_decoded(void **state)
{
	auto_json json_t *object = parse_json(
		"{'metadata':{'annotations':{'fairlead.dev/address':'3.3.3.3'}},'spec':{"
		"'nodeName':'n','hostname':'h','subdomain':'d','containers':[{'ports':[{'name':"
		"'web','containerPort':80},{'containerPort':0}]},{'readinessProbe':{'httpGet':{"
		"'port':'web','scheme':'HTTPS'},'periodSeconds':2,'failureThreshold':-1}}],"
		"'initContainers':[{'ports':[{'containerPort':1}]},{'restartPolicy':'Always',"
		"'ports':[{'containerPort':2,'protocol':'UDP'}]}]},'status':{'phase':'Running',"
		"'podIPs':[{'ip':'1.1.1.1'},{'ip':'1.1.1.2'},{'ip':'fd00::1'}],'conditions':["
		"{'type':'Ready','status':'True'}]}}");
	struct pod *p = pod_from_json(object);

	(void)state;
	assert_string_equal(p->node, "n");
	assert_string_equal(p->address, "3.3.3.3");
	assert_string_equal(p->phase, "Running");
	assert_true(p->ready);
	assert_int_equal(p->n_ips, 2);
	assert_ip(&p->ips[1], "fd00::1");
	assert_int_equal(p->n_ports, 2);
	assert_string_equal(p->ports[0].name, "web");
	assert_int_equal(p->ports[1].port, 2);
	assert_int_equal(p->probe.type, PROBE_HTTP);
	assert_string_equal(p->probe.path, "/");
	assert_string_equal(p->probe.scheme, "HTTPS");
	assert_string_equal(p->probe.port_name, "web");
	assert_int_equal(p->probe.period_s, 2);
	assert_int_equal(p->probe.timeout_s, 1);
	assert_int_equal(p->probe.failure_threshold, 3);
	pod_free(p);
}

static void probes_are_told_apart(void **state)
{
	static const struct {
		const char *probe;
		enum probe_type type;
		uint16_t port;
	} cases[] = {
		{ "null", PROBE_NONE, 0 },
		{ "{'tcpSocket':{'port':5}}", PROBE_TCP, 5 },
		{ "{'exec':{'command':['true']}}", PROBE_OTHER, 0 },
		{ "{'httpGet':{'port':70000}}", PROBE_OTHER, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_json json_t *object = parse_json("{'status':{'podIP':'1.1.1.1'}}");
		json_t *container = json_pack("{s:o}", "readinessProbe",
		                              parse_json(cases[i].probe));
		struct pod *p;

		json_path_set(object, "spec.containers", json_pack("[o]", container));
		p = pod_from_json(object);
		assert_int_equal(p->probe.type, cases[i].type);
		assert_int_equal(p->probe.port, cases[i].port);
		assert_int_equal(p->n_ips, 1);
		pod_free(p);
	}
}

/* Fields of any type at any place read as missing. */
static void odd_content_is_survived(void **state)
{
	static const char *const odd[] = { "null", "1", "'x'", "[]", "[1,[],{}]", "{'a':1}" };
	static const char *const paths[] = {
		"metadata",
		"metadata.labels",
		"metadata.ownerReferences",
		"spec",
		"spec.ports",
		"spec.selector",
		"spec.clusterIP",
		"spec.clusterIPs",
		"spec.ipFamilies",
		"spec.externalIPs",
		"spec.loadBalancerSourceRanges",
		"spec.containers",
		"spec.initContainers",
		"status",
		"status.loadBalancer.ingress",
		"status.podIPs",
		"status.conditions",
		"status.addresses",
		"endpoints",
		"ports",
		"addressType",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		for (size_t j = 0; j < sizeof(paths) / sizeof(paths[0]); j++) {
			auto_json json_t *object = parse_json("{'addressType':'IPv4'}");
			struct endpoint_slice *slice;
			struct service *service;
			struct node *node;
			struct pod *pod;

			json_path_set(object, paths[j], parse_json(odd[i]));
			service = service_from_json(object);
			slice = endpoint_slice_from_json(object);
			node = node_from_json(object);
			pod = pod_from_json(object);
			assert_int_equal(service->n_ports + slice->n_endpoints + pod->n_ips +
			                         node->n_addresses,
			                 0);
			service_free(service);
			endpoint_slice_free(slice);
			node_free(node);
			pod_free(pod);
		}
	}
}

static void protocols_have_names(void **state)
{
	(void)state;
	assert_int_equal(protocol_parse("SCTP"), PROTOCOL_SCTP);
	assert_int_equal(protocol_parse("tcp"), 0);
	assert_string_equal(protocol_name(PROTOCOL_UDP), "UDP");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_is_decoded),
		cmocka_unit_test(services_without_fields),
		cmocka_unit_test(slice_is_decoded),
		cmocka_unit_test(node_is_decoded),
		cmocka_unit_test(pod_is_decoded),
		cmocka_unit_test(probes_are_told_apart),
		cmocka_unit_test(odd_content_is_survived),
		cmocka_unit_test(protocols_have_names),
	};

	return cmocka_run_group_tests_name("types", tests, NULL, NULL);
}
