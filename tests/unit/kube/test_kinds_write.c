/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults and validation of the kinds other than Service. */
#include "cmocka_all.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kind_run.h"
#include "kube/validate.h"

#define SPEC_FORBIDDEN                                                                          \
	"spec: Forbidden: pod updates may not change fields other than "                        \
	"`spec.containers[*].image`,`spec.initContainers[*].image`,"                            \
	"`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "          \
	"tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was " \
	"previously negative)"

struct refusal {
	const struct kind *kind;
	const char *object, *error;
};

static void creates_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{ &kind_pod, "{'spec':{}}", "spec.containers: Required value" },
		{ &kind_pod, "{'spec':{'containers':[{}]}}",
		  "[spec.containers[0].name: Required value, spec.containers[0].image: Required "
		  "value]" },
		{ &kind_pod,
		  "{'spec':{'containers':[{'name':'a','image':'i'},{'name':'a','image':'i'}]}}",
		  "spec.containers[1].name: Duplicate value: \"a\"" },
		{ &kind_pod,
		  "{'spec':{'containers':[{'name':'a','image':'i','ports':[{'containerPort':70000},"
		  "{'name':'x'}]}]}}",
		  "[spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be "
		  "between 1 and 65535, inclusive, spec.containers[0].ports[1].containerPort: "
		  "Required value]" },
		{ &kind_pod,
		  "{'spec':{'containers':[{'name':'a','image':'i','readinessProbe':{}}]}}",
		  "spec.containers[0].readinessProbe: Required value: must specify a handler "
		  "type" },
		{ &kind_pod,
		  "{'spec':{'containers':[{'name':'a','image':'i','readinessProbe':{'httpGet':"
		  "{'port':0,'scheme':'FTP'},'periodSeconds':-1}}]}}",
		  "[spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: must be "
		  "between 1 and 65535, inclusive, "
		  "spec.containers[0].readinessProbe.httpGet.scheme: Unsupported value: \"FTP\": "
		  "supported values: \"HTTP\", \"HTTPS\", "
		  "spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: must be "
		  "greater than or equal to 0]" },
		{ &kind_pod,
		  "{'metadata':{'annotations':{'fairlead.dev/address':'localhost'}},"
		  "'spec':{'containers':[{'name':'a','image':'i'}]}}",
		  "metadata.annotations[fairlead.dev/address]: Invalid value: \"localhost\": must "
		  "be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)" },
		{ &kind_pod,
		  "{'metadata':{'annotations':{'fairlead.dev/address':'127.0.0.1'}},"
		  "'spec':{'restartPolicy':'X','containers':[{'name':'a','image':'i'}]}}",
		  "spec.restartPolicy: Unsupported value: \"X\": supported values: \"Always\", "
		  "\"OnFailure\", \"Never\"" },
		{ &kind_pod,
		  "{'spec':{'volumes':[{'name':'v'},{'name':'v'},{}],'containers':[{'name':'a',"
		  "'image':'i','volumeMounts':[{'name':'v','mountPath':'/a'},{'name':'w','mountPath'"
		  ":'/a'},{'name':'v'}]}]}}",
		  "[spec.volumes[1].name: Duplicate value: \"v\", spec.volumes[2].name: Required "
		  "value, spec.containers[0].volumeMounts[1].name: Not found: \"w\", "
		  "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/a\": must be "
		  "unique, spec.containers[0].volumeMounts[2].mountPath: Required value]" },
		{ &kind_pod,
		  "{'spec':{'containers':[{'name':'a','image':'i','resources':{'requests':{'cpu':2,"
		  "'memory':'1Gi'},'limits':{'cpu':'1999m','memory':'1024Mi','x':'-1'}}}]}}",
		  "[spec.containers[0].resources.limits[x]: Invalid value: \"-1\": must be greater "
		  "than or equal to 0, spec.containers[0].resources.requests: Invalid value: \"2\": "
		  "must be less than or equal to cpu limit of 1999m, "
		  "spec.containers[0].resources.requests[x]: Invalid value: \"-1\": must be greater "
		  "than or equal to 0]" },
		{ &kind_endpoint_slice, "{}", "addressType: Required value" },
		{ &kind_endpoint_slice, "{'addressType':'X'}",
		  "addressType: Unsupported value: \"X\": supported values: \"FQDN\", \"IPv4\", "
		  "\"IPv6\"" },
		{ &kind_endpoint_slice, "{'addressType':'IPv4','endpoints':[{}]}",
		  "endpoints[0].addresses: Required value: must contain at least 1 address" },
		{ &kind_endpoint_slice,
		  "{'addressType':'IPv4','endpoints':[{'addresses':['1.1.1.1']},"
		  "{'addresses':['fd00::1']}],'ports':[{'protocol':'X'}]}",
		  "[ports[0].protocol: Unsupported value: \"X\": supported values: \"SCTP\", "
		  "\"TCP\", \"UDP\", endpoints[1].addresses: Invalid value: \"fd00::1\": must be "
		  "an IPv4 address]" },
		{ &kind_endpoint_slice,
		  "{'addressType':'IPv6','endpoints':[{'addresses':['FD00::1']}]}",
		  "endpoints[0].addresses[0]: Invalid value: \"FD00::1\": must be in canonical form "
		  "(\"fd00::1\")" },
		{ &kind_endpoint_slice,
		  "{'addressType':'IPv4','endpoints':[{'addresses':['127.0.0.1']}]}",
		  "endpoints[0].addresses[0]: Invalid value: \"127.0.0.1\": may not be in the "
		  "loopback range (127.0.0.0/8, ::1/128)" },
		{ &kind_endpoint_slice,
		  "{'addressType':'IPv4','endpoints':[],'ports':[{'name':'a'},{'name':'a'}]}",
		  "ports[1].name: Duplicate value: \"a\"" },
		{ &kind_endpoint_slice,
		  "{'addressType':'IPv4','endpoints':[{'addresses':['1.1.1.1'],'hints':{'forZones':"
		  "[{'name':'a'},{'name':'a'},{'name':'-'}]}}]}",
		  "[endpoints[0].hints.forZones[1].name: Duplicate value: \"a\", "
		  "endpoints[0].hints.forZones[2].name: Invalid value: \"-\": a valid label must be "
		  "an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
		  "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
		  "'12345', regex used for validation is "
		  "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')]" },
		{ &kind_endpoint_slice, "{'addressType':'FQDN','endpoints':[{'addresses':['a']}]}",
		  "endpoints[0].addresses[0]: Invalid value: \"a\": should be a domain with at least "
		  "two segments separated by dots" },
		{ &kind_endpoint_slice, "{'addressType':'FQDN','endpoints':[{'addresses':['A_']}]}",
		  "endpoints[0].addresses[0]: Invalid value: \"A_\": a lowercase RFC 1123 subdomain "
		  "must consist of lower case alphanumeric characters, '-' or '.', and must start and "
		  "end with an alphanumeric character (e.g. 'example.com', regex used for validation "
		  "is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')" },
		{ &kind_endpoint_slice,
		  "{'addressType':'IPv4','ports':[{'port':0},{'port':65536,'name':'b'}]}", "[]" },
		{ &kind_event, "{'involvedObject':{'namespace':'b'}}",
		  "involvedObject.namespace: Invalid value: \"b\": does not match "
		  "event.namespace" },
		{ &kind_event, "{'involvedObject':{'kind':'Node'}}", "[]" },
		{ &kind_lease,
		  "{'spec':{'holderIdentity':'','leaseDurationSeconds':0,'leaseTransitions':-1}}",
		  "[spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0, "
		  "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0]" },
		{ &kind_node, "{'metadata':{'namespace':'a'}}",
		  "metadata.namespace: Forbidden: not allowed on this type" },
		{ &kind_node, "{'metadata':{'name':'a.b'},'spec':{'podCIDR':'10.0.0.0/33'}}",
		  "spec.podCIDRs[0]: Invalid value: \"10.0.0.0/33\": must be a valid CIDR value, "
		  "(e.g. 10.9.8.0/24 or 2001:db8::/64)" },
		{ &kind_node, "{'spec':{'podCIDRs':['10.1.0.0/24','10.2.0.0/24']}}",
		  "spec.podCIDRs: Invalid value: [\"10.1.0.0/24\",\"10.2.0.0/24\"]: may specify no "
		  "more than one CIDR for each IP family" },
		{ &kind_node, "{'spec':{'podCIDRs':['10.1.0.0/24','fd00::/64']}}", "[]" },
		{ &kind_node, "{'spec':{'taints':[{'key':'a','effect':'X'}]}}",
		  "metadata.taints[0].effect: Unsupported value: \"X\": supported values: "
		  "\"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"" },
		{ &kind_namespace, "{'metadata':{'name':'a.b'}}",
		  "metadata.name: Invalid value: \"a.b\": must not contain dots" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct refusal *c = &cases[i];
		auto_json json_t *object = object_of(c->object,
		                                     c->kind->namespaced ? "default" : NULL);
		auto_free char *errors = NULL;

		run_hooks(c->kind, object, NULL, KIND_CREATE);
		errors = errors_of(c->kind, object, NULL, KIND_CREATE);
		if (strcmp(errors, c->error) != 0)
			fail_msg("%s:\n got %s\nnot %s", c->object, errors, c->error);
	}
}

static void updates_are_refused(void **state)
{
	static const struct {
		const struct kind *kind;
		const char *old, *object, *error;
	} cases[] = {
		{ &kind_pod, "{'spec':{'nodeName':'a','containers':[{'name':'a','image':'i'}]}}",
		  "{'spec':{'nodeName':'b','containers':[{'name':'a','image':'i'}]}}",
		  SPEC_FORBIDDEN },
		{ &kind_pod, "{'spec':{'containers':[{'name':'a','image':'i'}]}}",
		  "{'spec':{'nodeName':'b','containers':[{'name':'a','image':'i'}]}}",
		  SPEC_FORBIDDEN },
		{ &kind_pod,
		  "{'spec':{'containers':[{'name':'a','image':'i:1'}],'tolerations':[{'key':'k'}],"
		  "'activeDeadlineSeconds':9,'schedulingGates':[{'name':'g'}]}}",
		  "{'metadata':{'labels':{'a':'b'}},'spec':{'containers':[{'name':'a','image':'i:2',"
		  "'imagePullPolicy':'IfNotPresent'}],'tolerations':[{'key':'l'},{'key':'k',"
		  "'tolerationSeconds':1}],'activeDeadlineSeconds':3}}",
		  "[]" },
		{ &kind_pod, "{'spec':{'containers':[{'name':'a','image':'i'}]}}",
		  "{'spec':{'containers':[{'name':'a','image':'i'},{'name':'b','image':'i'}]}}",
		  "spec.containers: Forbidden: pod updates may not add or remove containers" },
		{ &kind_pod,
		  "{'spec':{'containers':[{'name':'a','image':'i'}],'tolerations':[{'key':'k'}],"
		  "'activeDeadlineSeconds':3}}",
		  "{'spec':{'containers':[{'name':'a','image':'i'}],'schedulingGates':[{'name':"
		  "'g'}]}}",
		  "[spec.activeDeadlineSeconds: Invalid value: null: must not update from a "
		  "positive integer to nil value, spec.tolerations: Forbidden: existing toleration "
		  "can not be modified except its tolerationSeconds, "
		  "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new "
		  "scheduling gate 'g']" },
		{ &kind_pod,
		  "{'spec':{'containers':[{'name':'a','image':'i'}],'activeDeadlineSeconds':3}}",
		  "{'spec':{'containers':[{'name':'a','image':'i'}],'activeDeadlineSeconds':4}}",
		  "spec.activeDeadlineSeconds: Invalid value: 4: must be less than or equal to "
		  "previous value" },
		{ &kind_endpoint_slice,
		  "{'addressType':'IPv4','endpoints':[{'addresses':['1.1.1.1']}]}",
		  "{'addressType':'IPv6','endpoints':[{'addresses':['1.1.1.1']}]}",
		  "addressType: Invalid value: \"IPv6\": field is immutable" },
		{ &kind_node, "{'spec':{'podCIDR':'10.0.0.0/8'}}", "{}",
		  "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" "
		  "to valid" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *ns = cases[i].kind->namespaced ? "default" : NULL;
		auto_json json_t *old = object_of(cases[i].old, ns);
		auto_json json_t *object = object_of(cases[i].object, ns);
		auto_free char *errors = NULL;

		run_hooks(cases[i].kind, old, NULL, KIND_CREATE);
		run_hooks(cases[i].kind, object, old, KIND_UPDATE);
		errors = errors_of(cases[i].kind, object, old, KIND_UPDATE);
		assert_string_equal(errors, cases[i].error);
	}
}

/* What a Node has in any case. */
#define NODE_STATUS                                                                                \
	"'daemonEndpoints':{'kubeletEndpoint':{'Port':0}},'nodeInfo':{'machineID':'',"             \
	"'systemUUID':'','bootID':'','kernelVersion':'','osImage':'','containerRuntimeVersion':''" \
	",'kubeletVersion':'','kubeProxyVersion':'','operatingSystem':'','architecture':''}"

static void defaults_are_set(void **state)
{
	static const struct {
		const struct kind *kind;
		const char *object, *expected;
	} cases[] = {
		{ &kind_pod,
		  "{'spec':{'containers':[{'name':'a','image':'r:5000/i','ports':"
		  "[{'containerPort':80}],'readinessProbe':{'httpGet':{'port':80}}}]},"
		  "'status':{'phase':'Running'}}",
		  "{'spec':{'restartPolicy':'Always','dnsPolicy':'ClusterFirst',"
		  "'terminationGracePeriodSeconds':30,'schedulerName':'default-scheduler',"
		  "'securityContext':{},'enableServiceLinks':true,'containers':[{'name':'a',"
		  "'image':'r:5000/i','imagePullPolicy':'Always','terminationMessagePath':"
		  "'/dev/termination-log','terminationMessagePolicy':'File','resources':{},"
		  "'ports':[{'containerPort':80,'protocol':'TCP'}],'readinessProbe':{'httpGet':"
		  "{'port':80,'path':'/','scheme':'HTTP'},'timeoutSeconds':1,'periodSeconds':10,"
		  "'successThreshold':1,'failureThreshold':3}}]},"
		  "'status':{'phase':'Pending','qosClass':'BestEffort'}}" },
		{ &kind_namespace, "{'metadata':{'name':'n'}}",
		  "{'spec':{'finalizers':['kubernetes']},'status':{'phase':'Active'}}" },
		{ &kind_endpoint_slice, "{'addressType':'IPv4','ports':[{'port':80}]}",
		  "{'addressType':'IPv4','ports':[{'port':80,'name':'','protocol':'TCP'}],'endpoints':null}" },
		{ &kind_node, "{'status':{'addresses':[]},'spec':{'podCIDRs':['10.0.0.0/8']}}",
		  "{'status':{" NODE_STATUS "},'spec':{'podCIDRs':['10.0.0.0/8'],"
		  "'podCIDR':'10.0.0.0/8'}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = object_of(cases[i].object, NULL);

		run_hooks(cases[i].kind, object, NULL, KIND_CREATE);
		if (cases[i].kind == &kind_namespace)
			assert_json(json_path(object, "metadata.labels"),
			            "{'kubernetes.io/metadata.name':'n'}");
		json_object_del(object, "metadata");
		assert_json(object, cases[i].expected);
	}
}

static void pull_policies_follow_tags(void **state)
{
	static const char *const cases[][2] = {
		{ "nginx", "Always" },         { "nginx:latest", "Always" },
		{ "nginx:1", "IfNotPresent" }, { "a:5000/nginx:1", "IfNotPresent" },
		{ "a:5000/nginx", "Always" },  { "nginx@sha256:0", "IfNotPresent" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = object_of("{'spec':{'containers':[{}]}}", NULL);
		json_t *container = json_array_get(json_path(object, "spec.containers"), 0);

		json_object_set_new(container, "image", json_string(cases[i][0]));
		run_hooks(&kind_pod, object, NULL, KIND_CREATE);
		assert_string_equal(json_path_str(container, "imagePullPolicy"), cases[i][1]);
	}
}

static void qos_follows_resources(void **state)
{
	static const char *const cases[][2] = {
		{ "{}", "BestEffort" },
		{ "{'requests':{'cpu':1}}", "Burstable" },
		{ "{'limits':{'cpu':1,'memory':'1Gi'}}", "Guaranteed" },
		{ "{'limits':{'cpu':2,'memory':'1Gi'},'requests':{'cpu':1}}", "Burstable" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = object_of("{'spec':{'containers':[{}]}}", NULL);
		json_t *container = json_array_get(json_path(object, "spec.containers"), 0);

		json_object_set_new(container, "resources", parse_json(cases[i][0]));
		run_hooks(&kind_pod, object, NULL, KIND_CREATE);
		assert_string_equal(json_path_str(object, "status.qosClass"), cases[i][1]);
	}
}

/* A status write changes nothing else, and pod IPs are given in both forms. */
static void status_writes_are_narrow(void **state)
{
	auto_json json_t *old = object_of("{'spec':{'containers':[{'name':'a','image':'i'}]}}",
	                                  "default");
	auto_json json_t *object = object_of(
		"{'spec':{'containers':[]},'extra':1,'status':{'podIP':'1.1.1.1'}}", "default");
	auto_free char *errors = NULL;

	(void)state;
	run_hooks(&kind_pod, old, NULL, KIND_CREATE);
	run_hooks(&kind_pod, object, old, KIND_UPDATE_STATUS);
	assert_true(json_equal(json_path(object, "spec"), json_path(old, "spec")));
	assert_null(json_path(object, "extra"));
	assert_json(json_path(object, "status"), "{'podIP':'1.1.1.1','podIPs':[{'ip':'1.1.1.1'}]}");
	errors = errors_of(&kind_pod, object, old, KIND_UPDATE_STATUS);
	assert_string_equal(errors, "[]");
	json_path_set(object, "status.podIPs", parse_json("[{'ip':'1.1.1.1'},{'ip':'1.1.1.2'}]"));
	free(take_ptr(&errors));
	errors = errors_of(&kind_pod, object, old, KIND_UPDATE_STATUS);
	assert_non_null(strstr(errors, "may specify no more than one IP for each IP family"));
}

static void namespaces_keep_finalizers(void **state)
{
	auto_json json_t *old = object_of("{}", NULL);
	auto_json json_t *object = object_of("{'spec':{'finalizers':[]}}", NULL);

	(void)state;
	run_hooks(&kind_namespace, old, NULL, KIND_CREATE);
	run_hooks(&kind_namespace, object, old, KIND_UPDATE);
	assert_json(json_path(object, "spec"), "{'finalizers':['kubernetes']}");
	assert_string_equal(json_path_str(object, "status.phase"), "Active");
}

static void sizes_are_limited(void **state)
{
	auto_json json_t *slice = object_of("{'addressType':'IPv4','endpoints':[]}", "default");
	auto_json json_t *pod = object_of("{'spec':{'containers':[{'name':'a','image':'i'}]}}",
	                                  "default");
	auto_buf struct buf big = BUF_INIT;
	auto_free char *errors = NULL;

	(void)state;
	for (int i = 0; i < 1001; i++)
		json_array_append_new(json_path(slice, "endpoints"), json_object());
	run_hooks(&kind_endpoint_slice, slice, NULL, KIND_CREATE);
	errors = errors_of(&kind_endpoint_slice, slice, NULL, KIND_CREATE);
	assert_string_equal(errors, "endpoints: Too many: 1001: must have at most 1000 items");
	free(take_ptr(&errors));
	for (int i = 0; i < 256 << 10; i++)
		buf_addc(&big, 'x');
	json_path_set(pod, "metadata.annotations.a", json_string(buf_str(&big)));
	run_hooks(&kind_pod, pod, NULL, KIND_CREATE);
	errors = errors_of(&kind_pod, pod, NULL, KIND_CREATE);
	assert_string_equal(errors,
	                    "metadata.annotations: Too long: may not be more than 262144 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(creates_are_refused),
		cmocka_unit_test(updates_are_refused),
		cmocka_unit_test(defaults_are_set),
		cmocka_unit_test(pull_policies_follow_tags),
		cmocka_unit_test(qos_follows_resources),
		cmocka_unit_test(status_writes_are_narrow),
		cmocka_unit_test(namespaces_keep_finalizers),
		cmocka_unit_test(sizes_are_limited),
	};

	return cmocka_run_group_tests_name("kinds_write", tests, NULL, NULL);
}
