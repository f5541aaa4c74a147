/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "base/clock.h"
#include "base/mem.h"
#include "kind_run.h"

#define CREATED "'creationTimestamp':'2026-01-01T00:00:00Z'"
#define META    "'metadata':{'name':'x'," CREATED "}"

static int64_t five_minutes_later(void)
{
	int64_t created;

	assert_int_equal(clock_parse("2026-01-01T00:00:00Z", &created), 0);
	return created + 300 * NSEC_PER_SEC;
}

static void rows_are_printed(void **state)
{
	static const struct {
		const struct kind *kind;
		const char *object, *cells;
	} cases[] = {
		{ &kind_service,
		  "{" META ",'spec':{'type':'ClusterIP','clusterIPs':['10.0.0.1'],'ports':[{'port':"
		  "80,'protocol':'TCP'},{'port':53,'nodePort':30000,'protocol':'UDP'}],"
		  "'selector':{'b':'2','a':'1'}}}",
		  "['x','ClusterIP','10.0.0.1','<none>','80/TCP,53:30000/UDP','5m','a=1,b=2']" },
		{ &kind_service, "{" META ",'spec':{'type':'LoadBalancer'}}",
		  "['x','LoadBalancer','<none>','<pending>','<none>','5m','<none>']" },
		{ &kind_service,
		  "{" META ",'spec':{'type':'LoadBalancer','clusterIPs':['None'],'externalIPs':"
		  "['9.9.9.9']},'status':{'loadBalancer':{'ingress':[{'ip':'2.2.2.2'},"
		  "{'hostname':'1.host'},{'ip':'2.2.2.2'}]}}}",
		  "['x','LoadBalancer','None','1.host,2.2.2.2,9.9.9.9','<none>','5m','<none>']" },
		{ &kind_service,
		  "{'metadata':{'name':'x'},'spec':{'type':'ExternalName',"
		  "'externalName':'a.b'}}",
		  "['x','ExternalName','<none>','a.b','<none>','<unknown>','<none>']" },
		{ &kind_pod,
		  "{" META ",'spec':{'containers':[{},{}],'nodeName':'n'},'status':{'phase':"
		  "'Running','podIP':'1.1.1.1','conditions':[{'type':'Ready','status':'True'}]}}",
		  "['x','2/2','Running','0','5m','1.1.1.1','n','<none>','<none>']" },
		{ &kind_pod,
		  "{" META ",'spec':{'containers':[{}],'readinessGates':[{'conditionType':'g'}]},"
		  "'status':{'phase':'Running','conditions':[{'type':'Ready','status':'False'}]}}",
		  "['x','0/1','Running','0','5m','<none>','<none>','<none>','0/1']" },
		{ &kind_pod,
		  "{" META ",'spec':{'containers':[{},{}]},'status':{'phase':'Running',"
		  "'containerStatuses':[{'ready':true,'restartCount':2,'state':{'running':{}},"
		  "'lastState':{'terminated':{'finishedAt':'2026-01-01T00:04:00Z'}}},"
		  "{'state':{'waiting':{'reason':'CrashLoopBackOff'}}}]}}",
		  "['x','1/2','CrashLoopBackOff','2 (60s ago)','5m','<none>','<none>','<none>',"
		  "'<none>']" },
		{ &kind_pod,
		  "{" META ",'spec':{'containers':[{}]},'status':{'phase':'Failed',"
		  "'containerStatuses':[{'state':{'terminated':{'exitCode':3}}}]}}",
		  "['x','0/1','ExitCode:3','0','5m','<none>','<none>','<none>','<none>']" },
		{ &kind_pod,
		  "{'metadata':{'name':'x','deletionTimestamp':'2026-01-01T00:00:00Z'," CREATED
		  "},'spec':{'containers':[{}]},'status':{'phase':'Running'}}",
		  "['x','0/1','Terminating','0','5m','<none>','<none>','<none>','<none>']" },
		{ &kind_node,
		  "{" META ",'status':{'conditions':[{'type':'Ready','status':'True'}],"
		  "'addresses':[{'type':'InternalIP','address':'1.1.1.1'}],"
		  "'nodeInfo':{'kubeletVersion':'v1'}}}",
		  "['x','Ready','<none>','5m','v1','1.1.1.1','<none>','<unknown>','<unknown>',"
		  "'<unknown>']" },
		{ &kind_node,
		  "{'metadata':{'name':'x','labels':{'node-role.kubernetes.io/b':'',"
		  "'kubernetes.io/role':'a'}," CREATED "},'spec':{'unschedulable':true},"
		  "'status':{'conditions':[{'type':'Ready','status':'Unknown'}]}}",
		  "['x','NotReady,SchedulingDisabled','a,b','5m','','<none>','<none>','<unknown>',"
		  "'<unknown>','<unknown>']" },
		{ &kind_namespace, "{" META ",'status':{'phase':'Active'}}",
		  "['x','Active','5m']" },
		{ &kind_lease, "{" META ",'spec':{'holderIdentity':'h'}}", "['x','h','5m']" },
		{ &kind_endpoint_slice,
		  "{" META ",'addressType':'IPv4','ports':[{'port':80},{'name':'a'},{'name':''},"
		  "{'port':1}],'endpoints':[{'addresses':['1.1.1.1','1.1.1.2']},{'addresses':"
		  "['1.1.1.3','1.1.1.4','1.1.1.5']}]}",
		  "['x','IPv4','80,a,* + 1 more...','1.1.1.1,1.1.1.2,1.1.1.3 + 2 more...','5m']" },
		{ &kind_endpoint_slice, "{" META ",'addressType':'IPv4','endpoints':null}",
		  "['x','IPv4','<unset>','<unset>','5m']" },
		{ &kind_event,
		  "{" META ",'type':'Normal','reason':'R','message':' m \\n','count':3,"
		  "'involvedObject':{'kind':'Pod','name':'p','fieldPath':'f'},'source':{"
		  "'component':'c','host':'h'},'firstTimestamp':'2026-01-01T00:00:00Z',"
		  "'lastTimestamp':'2026-01-01T00:04:00Z'}",
		  "['60s','Normal','R','pod/p','f','c, h','m','5m',3,'x']" },
		{ &kind_event,
		  "{" META ",'eventTime':'2026-01-01T00:00:00.000000Z','reportingComponent':'c'}",
		  "['5m','','','','','c','','5m',1,'x']" },
		{ &kind_config_map, "{" META ",'data':{'a':''},'binaryData':{'b':''}}",
		  "['x',2,'5m']" },
		{ &kind_secret, "{" META ",'type':'Opaque','data':{'a':''}}",
		  "['x','Opaque',1,'5m']" },
		{ &kind_service_account, "{" META "}", "['x','5m']" },
		{ &kind_pod_template,
		  "{" META
		  ",'template':{'metadata':{'labels':{'b':'2','a':'1'}},'spec':{'containers':"
		  "[{'name':'c','image':'i'},{'name':'d','image':'j'}]}}}",
		  "['x','c,d','i,j','a=1,b=2']" },
		{ &kind_deployment,
		  "{" META ",'spec':{'replicas':3,'selector':{'matchLabels':{'a':'b'}},'template':"
		  "{'spec':{'containers':[{'name':'c','image':'i'}]}}},'status':{'readyReplicas':2,"
		  "'updatedReplicas':1,'availableReplicas':2}}",
		  "['x','2/3',1,2,'5m','c','i','a=b']" },
		{ &kind_replica_set, "{" META ",'spec':{'replicas':3},'status':{'replicas':2}}",
		  "['x',3,2,0,'5m','','','<none>']" },
		{ &kind_endpoints,
		  "{" META ",'subsets':[{'addresses':[{'ip':'1.1.1.1'},{'ip':'fd00::1'}],'ports':"
		  "[{'port':80},{'port':81}],'notReadyAddresses':[{'ip':'1.1.1.2'}]},"
		  "{'addresses':[{'ip':'1.1.1.3'}]}]}",
		  "['x','1.1.1.1:80,[fd00::1]:80,1.1.1.1:81 + 2 more...','5m']" },
		{ &kind_endpoints, "{" META "}", "['x','<none>','5m']" },
		{ &kind_service_cidr, "{" META ",'spec':{'cidrs':['10.0.0.0/8','fd00::/64']}}",
		  "['x','10.0.0.0/8,fd00::/64','5m']" },
		{ &kind_ip_address,
		  "{" META
		  ",'spec':{'parentRef':{'resource':'Services','namespace':'n','name':'W'}}}",
		  "['x','services/n/W','5m']" },
		{ &kind_ip_address,
		  "{" META ",'spec':{'parentRef':{'group':'g.io','resource':'r','name':'w'}}}",
		  "['x','r.g.io/w','5m']" },
		{ &kind_ip_address, "{" META "}", "['x','<none>','5m']" },
	};
	int64_t now = five_minutes_later();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = parse_json(cases[i].object);
		auto_json json_t *cells = json_array();

		cases[i].kind->row(object, now, cells);
		/* An IPAddress has one more than columns, as in Kubernetes. */
		assert_int_equal(json_array_size(cells),
		                 cases[i].kind->n_columns + (cases[i].kind == &kind_ip_address));
		assert_json(cells, cases[i].cells);
	}
}

static void tables_have_objects(void **state)
{
	static const char *const cases[][2] = {
		{ "None", "{'cells':['x','Active','5m']}" },
		{ "Metadata", "{'cells':['x','Active','5m'],'object':{'kind':"
		              "'PartialObjectMetadata','apiVersion':'meta.k8s.io/v1'," META "}}" },
		{ "Object", "{'cells':['x','Active','5m'],'object':{'kind':'Namespace',"
		            "'apiVersion':'v1'," META ",'status':{'phase':'Active'}}}" },
	};
	auto_json json_t *object = parse_json("{" META ",'status':{'phase':'Active'}}");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *table = kind_table(&kind_namespace, &object, 1, cases[i][0],
		                                     five_minutes_later());

		assert_json(json_array_get(json_path(table, "rows"), 0), cases[i][1]);
		assert_json(json_array_get(json_path(table, "columnDefinitions"), 0),
		            "{'name':'Name','type':'string','format':'name','description':'Name "
		            "must be unique.','priority':0}");
		assert_string_equal(json_path_str(table, "apiVersion"), "meta.k8s.io/v1");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_printed),
		cmocka_unit_test(tables_have_objects),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
