/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "kind_run.h"

static void kinds_are_found(void **state)
{
	static const struct {
		const char *word;
		const struct kind *kind;
	} words[] = {
		{ "svc", &kind_service },
		{ "Services", &kind_service },
		{ "SERVICE", &kind_service },
		{ "po", &kind_pod },
		{ "no", &kind_node },
		{ "ns", &kind_namespace },
		{ "ev", &kind_event },
		{ "lease", &kind_lease },
		{ "cm", &kind_config_map },
		{ "sa", &kind_service_account },
		{ "deploy", &kind_deployment },
		{ "rs", &kind_replica_set },
		{ "ep", &kind_endpoints },
		{ "ip", &kind_ip_address },
		{ "servicecidr", &kind_service_cidr },
		{ "podtemplate", &kind_pod_template },
		{ "events", &kind_event },
		{ "endpointslices", &kind_endpoint_slice },
		{ "endpointslices.discovery.k8s.io", &kind_endpoint_slice },
		{ "endpointslices.x", NULL },
		{ "services.", NULL },
		{ "s", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		assert_ptr_equal(kind_by_word(words[i].word), words[i].kind);
	assert_ptr_equal(kind_by_path("", "v1", "services"), &kind_service);
	assert_ptr_equal(kind_by_path("coordination.k8s.io", "v1", "leases"), &kind_lease);
	assert_null(kind_by_path("", "v1", "leases"));
	assert_ptr_equal(kind_by_type("discovery.k8s.io/v1", "EndpointSlice"),
	                 &kind_endpoint_slice);
	assert_null(kind_by_type("v1", "EndpointSlice"));
	for (const struct kind *const *k = kinds; *k; k++) {
		assert_ptr_equal(kind_by_type(kind_api_version(*k), (*k)->name), *k);
		assert_ptr_equal(kind_by_path((*k)->group, (*k)->version, (*k)->plural), *k);
		assert_non_null((*k)->schema);
		assert_non_null((*k)->merge_keys);
		assert_non_null((*k)->check_name);
		assert_non_null((*k)->row);
	}
}

static void paths_are_made(void **state)
{
	static const struct {
		const struct kind *kind;
		const char *ns, *name, *path;
	} cases[] = {
		{ &kind_service, "default", "web", "/api/v1/namespaces/default/services/web" },
		{ &kind_service, "default", NULL, "/api/v1/namespaces/default/services" },
		{ &kind_service, NULL, NULL, "/api/v1/services" },
		{ &kind_service, "", NULL, "/api/v1/services" },
		{ &kind_node, "ignored", "n1", "/api/v1/nodes/n1" },
		{ &kind_lease, "a", "b", "/apis/coordination.k8s.io/v1/namespaces/a/leases/b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *path = kind_path(cases[i].kind, cases[i].ns, cases[i].name);

		assert_string_equal(path, cases[i].path);
	}
}

static void spec_changes_are_seen(void **state)
{
	static const struct {
		const char *a, *b;
		bool changed;
	} cases[] = {
		{ "{'spec':{'a':1}}", "{'spec':{'a':1},'status':{},'metadata':{'x':1}}", false },
		{ "{'spec':{'a':1}}", "{'spec':{'a':2}}", true },
		{ "{'spec':{'a':1}}", "{}", true },
		{ "{}", "{'spec':{'a':1}}", true },
		{ "{'apiVersion':'discovery.k8s.io/v1','kind':'EndpointSlice',"
		  "'metadata':{'labels':{'a':'b'}}}",
		  "{'metadata':{'labels':{'a':'c'}}}", true },
		{ "{'apiVersion':'discovery.k8s.io/v1','kind':'EndpointSlice',"
		  "'metadata':{'labels':{'a':'b'},'annotations':{'a':'b'}}}",
		  "{'metadata':{'labels':{'a':'b'}}}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *a = parse_json(cases[i].a);
		auto_json json_t *b = parse_json(cases[i].b);

		assert_int_equal(kind_spec_changed(a, b), cases[i].changed);
	}
}

static void types_are_checked(void **state)
{
	static const struct {
		const char *object, *error; /* what follows the sentence all have in common */
	} cases[] = {
		{ "{'spec':{'ports':[{'port':80,'targetPort':'http'}],'selector':null}}", NULL },
		{ "{'unknown':1,'spec':{'unknown':{}}}", NULL },
		{ "[]", "cannot unmarshal array into Go value of type v1.Service" },
		{ "{'spec':'x'}",
		  "cannot unmarshal string into Go struct field Service.spec of type "
		  "v1.ServiceSpec" },
		{ "{'spec':{'ports':'x'}}",
		  "cannot unmarshal string into Go struct field ServiceSpec.spec.ports of type "
		  "[]v1.ServicePort" },
		{ "{'spec':{'ports':[1]}}",
		  "cannot unmarshal number into Go struct field ServiceSpec.spec.ports of type "
		  "v1.ServicePort" },
		{ "{'spec':{'ports':[{},{'port':'80'}]}}",
		  "cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type "
		  "int32" },
		{ "{'spec':{'ports':[{'port':99999999999}]}}",
		  "cannot unmarshal number 99999999999 into Go struct field "
		  "ServicePort.spec.ports.port of type int32" },
		{ "{'spec':{'ports':[{'port':1.5}]}}",
		  "cannot unmarshal number 1.5 into Go struct field ServicePort.spec.ports.port of "
		  "type int32" },
		{ "{'spec':{'ports':[{'targetPort':true}]}}",
		  "cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of "
		  "type int32" },
		{ "{'metadata':{'creationTimestamp':5}}",
		  "cannot unmarshal number into Go struct field ObjectMeta.metadata."
		  "creationTimestamp of type string" },
		{ "{'spec':{'ports':[{'protocol':1}]}}",
		  "cannot unmarshal number into Go struct field ServicePort.spec.ports.protocol of "
		  "type v1.Protocol" },
		{ "{'spec':{'selector':{'a':1}}}",
		  "cannot unmarshal number into Go struct field ServiceSpec.spec.selector of type "
		  "string" },
		{ "{'spec':{'selector':[]}}",
		  "cannot unmarshal array into Go struct field ServiceSpec.spec.selector of type "
		  "map[string]string" },
		{ "{'spec':{'publishNotReadyAddresses':'true'}}",
		  "cannot unmarshal string into Go struct field "
		  "ServiceSpec.spec.publishNotReadyAddresses of type bool" },
		{ "{'metadata':{'labels':{'a':true}}}",
		  "cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type "
		  "string" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = parse_json(cases[i].object);
		auto_free char *text = NULL;
		struct err err = { 0 };

		if (!cases[i].error) {
			assert_int_equal(kind_check_types(&kind_service, object, &err), 0);
			continue;
		}
		text = xasprintf(
			"Service in version \"v1\" cannot be handled as a Service: json: %s",
			cases[i].error);
		assert_int_equal(kind_check_types(&kind_service, object, &err), -EBADMSG);
		assert_string_equal(err.msg, text);
	}
}

static void times_are_checked(void **state)
{
	auto_json json_t *bad = parse_json("{'spec':{'renewTime':'2026-01-01T00:00:00Z'}}");
	auto_json json_t *good = parse_json("{'spec':{'renewTime':'2026-01-01T00:00:00.500000Z'}}");
	struct err err = { 0 };

	(void)state;
	assert_int_equal(kind_check_types(&kind_lease, good, &err), 0);
	assert_int_equal(kind_check_types(&kind_lease, bad, &err), -EBADMSG);
	assert_string_equal(err.msg,
	                    "Lease in version \"v1\" cannot be handled as a Lease: parsing "
	                    "time \"2026-01-01T00:00:00Z\" as "
	                    "\"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"Z\" as "
	                    "\".000000\"");
}

static void objects_become_what_structs_hold(void **state)
{
	static const struct {
		const struct kind *kind;
		const char *object, *normal;
	} cases[] = {
		/* Nulls, as members and elsewhere. */
		{ &kind_service,
		  "{'metadata':{'labels':null,'annotations':{'a':null}},'spec':{"
		  "'ports':[null,{'port':80,'name':null}],'externalIPs':[null],"
		  "'unknown':null},'other':null}",
		  "{'metadata':{'annotations':{'a':''}},'spec':{'ports':[{'port':0},{'port':80}],"
		  "'externalIPs':['']},'status':{'loadBalancer':{}}}" },
		/* Unknown fields go, at every depth; not from maps, nor from what is no table's. */
		{ &kind_service,
		  "{'Kind':'x','metadata':{'foo':1,'labels':{'foo':'1'}},'spec':{'x':{},"
		  "'ports':[{'port':1,'bar':2}],'selector':{'bar':'2'}}}",
		  "{'metadata':{'labels':{'foo':'1'}},'spec':{'ports':[{'port':1}],"
		  "'selector':{'bar':'2'}},'status':{'loadBalancer':{}}}" },
		{ &kind_pod,
		  "{'spec':{'containers':[],'affinity':{'any':[1,null]},'afinity':{},"
		  "'volumes':[{'name':'v','hostPath':{'any':1},'hostPaht':{}}]}}",
		  "{'metadata':{},'spec':{'containers':[],'affinity':{'any':[1,null]},"
		  "'volumes':[{'name':'v','hostPath':{'any':1}}]},'status':{}}" },
		/* Empty values go, unless they are pointers; some fields are always there. */
		{ &kind_service,
		  "{'metadata':{'labels':{},'generation':0},'spec':{'clusterIP':'','externalIPs':[],"
		  "'publishNotReadyAddresses':false,'allocateLoadBalancerNodePorts':false,"
		  "'loadBalancerClass':'','ports':[{'nodePort':0,'port':0,'appProtocol':''}]}}",
		  "{'metadata':{},'spec':{'allocateLoadBalancerNodePorts':false,"
		  "'loadBalancerClass':'','ports':[{'port':0,'appProtocol':''}]},"
		  "'status':{'loadBalancer':{}}}" },
		{ &kind_endpoint_slice, "{'endpoints':[{'addresses':['1.2.3.4']}],'ports':null}",
		  "{'metadata':{},'addressType':'','endpoints':[{'addresses':['1.2.3.4'],"
		  "'conditions':{}}],'ports':null}" },
		{ &kind_event, "{'series':{}}",
		  "{'metadata':{},'involvedObject':{},'source':{},'firstTimestamp':null,"
		  "'lastTimestamp':null,'eventTime':null,'reportingComponent':'',"
		  "'reportingInstance':'','series':{'lastObservedTime':null}}" },
		{ &kind_node, "{'status':{'nodeInfo':null,'conditions':[{}]}}",
		  "{'metadata':{},'spec':{},'status':{'daemonEndpoints':{'kubeletEndpoint':"
		  "{'Port':0}},'nodeInfo':{'machineID':'','systemUUID':'','bootID':'',"
		  "'kernelVersion':'','osImage':'','containerRuntimeVersion':'',"
		  "'kubeletVersion':'','kubeProxyVersion':'','operatingSystem':'',"
		  "'architecture':''},'conditions':[{'type':'','status':'',"
		  "'lastHeartbeatTime':null,'lastTransitionTime':null}]}}" },
		/* Amounts have one text each. */
		{ &kind_config_map, "{'data':{}}", "{'metadata':{}}" },
		{ &kind_pod, "{'spec':{'overhead':{'cpu':1,'memory':' 1024Mi ','x':'0.0001'}}}",
		  "{'metadata':{},'spec':{'containers':null,'overhead':{'cpu':'1','memory':'1Gi',"
		  "'x':'1m'}},'status':{}}" },
		/* Times are in UTC and in their type's precision. */
		{ &kind_lease,
		  "{'metadata':{'creationTimestamp':'2026-01-01T01:00:00.9+02:00',"
		  "'deletionTimestamp':'0001-01-01T00:00:00Z'},"
		  "'spec':{'renewTime':'2026-01-01T00:00:00.123456-01:00'}}",
		  "{'metadata':{'creationTimestamp':'2025-12-31T23:00:00Z'},"
		  "'spec':{'renewTime':'2026-01-01T01:00:00.123456Z'}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = parse_json(cases[i].object);

		kind_normalise(cases[i].kind, object);
		assert_json(object, cases[i].normal);
		kind_normalise(cases[i].kind, object);
		assert_json(object, cases[i].normal);
	}
}

static void unknown_fields_are_told(void **state)
{
	auto_json json_t *service = parse_json(
		"{'x':1,'spec':{'selector':{'any':'key'},'ports':[{'port':80},"
		"{'prot':'TCP'}],'clusterIp':'1.1.1.1'}}");
	auto_json json_t *pod = parse_json("{'spec':{'affinity':{},'containers':[{'ports':"
	                                   "[{'port':80}]}]}}");
	auto_json json_t *texts = json_array();

	(void)state;
	kind_unknown_fields(&kind_service, service, texts);
	assert_json(texts, "['unknown field \\'x\\'','unknown field \\'spec.ports[1].prot\\'',"
	                   "'unknown field \\'spec.clusterIp\\'']");
	json_array_clear(texts);
	kind_unknown_fields(&kind_pod, pod, texts);
	assert_json(texts, "['unknown field \\'spec.containers[0].ports[0].port\\'']");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_found),
		cmocka_unit_test(paths_are_made),
		cmocka_unit_test(spec_changes_are_seen),
		cmocka_unit_test(types_are_checked),
		cmocka_unit_test(times_are_checked),
		cmocka_unit_test(objects_become_what_structs_hold),
		cmocka_unit_test(unknown_fields_are_told),
	};

	return cmocka_run_group_tests_name("kind", tests, NULL, NULL);
}
