/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <string.h>

#include "base/mem.h"
#include "kind_run.h"
#include "kube/service.h"

#define LABEL_RULE                                                                          \
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or " \
	"'-', and must start and end with an alphanumeric character (e.g. 'my-name',  or "  \
	"'123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define KEY_RULE                                                                        \
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must " \
	"start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  " \
	"or '123-abc', regex used for validation is "                                   \
	"'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define SUBDOMAIN_RULE                                                                            \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' " \
	"or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "     \
	"regex used for validation is "                                                           \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define VALUE_RULE                                                                           \
	"a valid label must be an empty string or consist of alphanumeric characters, '-', " \
	"'_' or '.', and must start and end with an alphanumeric character (e.g. "           \
	"'MyValue',  or 'my_value',  or '12345', regex used for validation is "              \
	"'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define AFFINITY \
	"'sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':{'timeoutSeconds':"
#define BAD_IP   "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
#define BAD_CIDR "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
#define P80      "'ports':[{'port':80}]"

struct refusal {
	const char *spec, *error;
};

/* Each create of a Service with this spec is refused with just this. */
static void create_is_refused(void **state)
{
	static const struct refusal cases[] = {
		{ "{" P80 "}", "[]" },
		{ "{}", "spec.ports: Required value" },
		{ "{'clusterIP':'None'}", "[]" },
		{ "{'type':'ExternalName','externalName':'a.b.'}", "[]" },
		{ "{'type':'ExternalName','externalName':'1.2.3.4'}", "[]" },
		{ "{'type':'ExternalName'}", "spec.externalName: Required value" },
		{ "{'type':'ExternalName','externalName':'FOO_'}",
		  "spec.externalName: Invalid value: \"FOO_\": " SUBDOMAIN_RULE },
		{ "{'type':'ExternalName','externalName':'a..'}",
		  "spec.externalName: Invalid value: \"a.\": " SUBDOMAIN_RULE },
		{ "{'type':'ExternalName','externalName':'a','clusterIPs':['1.1.1.1'],"
		  "'ipFamilies':['IPv4'],'ipFamilyPolicy':'SingleStack'}",
		  "[spec.clusterIPs: Forbidden: may not be set for ExternalName services, "
		  "spec.ipFamilies: Forbidden: may not be set for ExternalName services, "
		  "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services]" },
		{ "{'type':'LoadBalancer','clusterIP':'None'," P80 "}",
		  "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for "
		  "LoadBalancer services" },
		{ "{'type':'NodePort','clusterIP':'None'," P80 "}",
		  "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for "
		  "NodePort services" },
		{ "{'ports':[{'port':80,'name':'a'},{'port':81}]}",
		  "spec.ports[1].name: Required value" },
		{ "{'ports':[{'port':80,'name':'A'}]}",
		  "spec.ports[0].name: Invalid value: \"A\": " LABEL_RULE },
		{ "{'ports':[{'port':80,'name':'a'},{'port':81,'name':'a'}]}",
		  "spec.ports[1].name: Duplicate value: \"a\"" },
		{ "{'ports':[{'port':0,'targetPort':1}]}",
		  "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive" },
		{ "{'ports':[{'port':65536}]}",
		  "[spec.ports[0].port: Invalid value: 65536: must be between 1 and 65535, "
		  "inclusive, spec.ports[0].targetPort: Invalid value: 65536: must be between 1 "
		  "and 65535, inclusive]" },
		{ "{'ports':[{'port':80,'name':'" A64 "'}]}",
		  "spec.ports[0].name: Invalid value: \"" A64 "\": must be no more than 63 "
		  "characters" },
		{ "{'ports':[{'port':80,'protocol':'tcp'}]}",
		  "spec.ports[0].protocol: Unsupported value: \"tcp\": supported values: "
		  "\"SCTP\", \"TCP\", \"UDP\"" },
		{ "{'ports':[{'port':80,'protocol':'X'}]}",
		  "spec.ports[0].protocol: Unsupported value: \"X\": supported values: \"SCTP\", "
		  "\"TCP\", \"UDP\"" },
		{ "{'ports':[{'port':80,'targetPort':70000}]}",
		  "spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, "
		  "inclusive" },
		{ "{'ports':[{'port':80,'targetPort':'abcdefghijklmnop'}]}",
		  "spec.ports[0].targetPort: Invalid value: \"abcdefghijklmnop\": must be no more "
		  "than 15 characters" },
		{ "{'ports':[{'port':80,'targetPort':'a_b'}]}",
		  "spec.ports[0].targetPort: Invalid value: \"a_b\": must contain only "
		  "alpha-numeric characters (a-z, 0-9), and hyphens (-)" },
		{ "{'ports':[{'port':80,'targetPort':'80'}]}",
		  "spec.ports[0].targetPort: Invalid value: \"80\": must contain at least one "
		  "letter (a-z)" },
		{ "{'ports':[{'port':80,'targetPort':'a--b'}]}",
		  "spec.ports[0].targetPort: Invalid value: \"a--b\": must not contain consecutive "
		  "hyphens" },
		{ "{'ports':[{'port':80,'targetPort':'a-'}]}",
		  "spec.ports[0].targetPort: Invalid value: \"a-\": must not begin or end with a "
		  "hyphen" },
		{ "{'ports':[{'port':80,'appProtocol':'a b'}]}",
		  "spec.ports[0].appProtocol: Invalid value: \"a b\": " KEY_RULE },
		{ "{'ports':[{'port':80,'name':'a'},{'port':80,'name':'b','protocol':'UDP'}]}",
		  "[]" },
		{ "{'ports':[{'port':80,'name':'a'},{'port':80,'name':'b'}]}",
		  "spec.ports[1]: Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\","
		  "\"AppProtocol\":null,\"Port\":80,\"TargetPort\":0,\"NodePort\":0}" },
		{ "{" P80 ",'selector':{'a b':'c'}}",
		  "spec.selector: Invalid value: \"a b\": " KEY_RULE },
		{ "{" P80 ",'selector':{'x':'y z'}}",
		  "spec.selector: Invalid value: \"y z\": " VALUE_RULE },
		{ "{" P80 ",'selector':{'x':'" A64 "'}}",
		  "spec.selector: Invalid value: \"" A64 "\": must be no more than 63 bytes" },
		{ "{" P80 "," AFFINITY "0}}}",
		  "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be "
		  "greater than 0 and less than 86400" },
		{ "{" P80 "," AFFINITY "-1}}}",
		  "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: -1: must be "
		  "greater than 0 and less than 86400" },
		{ "{" P80 "," AFFINITY "1}}}", "[]" },
		{ "{" P80 ",'sessionAffinity':'X'}",
		  "spec.sessionAffinity: Unsupported value: \"X\": supported values: "
		  "\"ClientIP\", \"None\"" },
		{ "{" P80 ",'sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':"
		  "{'timeoutSeconds':86400}}}",
		  "[]" },
		{ "{" P80 ",'sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':"
		  "{'timeoutSeconds':86401}}}",
		  "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must "
		  "be greater than 0 and less than 86400" },
		{ "{" P80 ",'externalIPs':['x']}",
		  "spec.externalIPs[0]: Invalid value: \"x\": " BAD_IP },
		{ "{" P80 ",'externalIPs':['010.0.0.1']}",
		  "spec.externalIPs[0]: Invalid value: \"010.0.0.1\": must not have leading 0s" },
		{ "{" P80 ",'externalIPs':['::ffff:1.2.3.4']}",
		  "spec.externalIPs[0]: Invalid value: \"::ffff:1.2.3.4\": must not be an "
		  "IPv4-mapped IPv6 address" },
		{ "{" P80 ",'externalIPs':['0.0.0.0']}",
		  "spec.externalIPs[0]: Invalid value: \"0.0.0.0\": may not be unspecified "
		  "(0.0.0.0)" },
		{ "{" P80 ",'externalIPs':['::']}",
		  "spec.externalIPs[0]: Invalid value: \"::\": may not be unspecified (::)" },
		{ "{" P80 ",'externalIPs':['127.0.0.9']}",
		  "spec.externalIPs[0]: Invalid value: \"127.0.0.9\": may not be in the loopback "
		  "range (127.0.0.0/8, ::1/128)" },
		{ "{" P80 ",'externalIPs':['169.254.1.1']}",
		  "spec.externalIPs[0]: Invalid value: \"169.254.1.1\": may not be in the "
		  "link-local range (169.254.0.0/16, fe80::/10)" },
		{ "{" P80 ",'externalIPs':['ff02::1']}",
		  "spec.externalIPs[0]: Invalid value: \"ff02::1\": may not be in the link-local "
		  "multicast range (224.0.0.0/24, ff02::/10)" },
		{ "{" P80 ",'externalIPs':['1.2.3.4','']}",
		  "spec.externalIPs[1]: Invalid value: \"\": " BAD_IP },
		{ "{" P80 ",'externalIPs':['::1']}",
		  "spec.externalIPs[0]: Invalid value: \"::1\": may not be in the loopback range "
		  "(127.0.0.0/8, ::1/128)" },
		{ "{" P80 ",'externalIPs':['fe80::1']}",
		  "spec.externalIPs[0]: Invalid value: \"fe80::1\": may not be in the link-local "
		  "range (169.254.0.0/16, fe80::/10)" },
		{ "{" P80 ",'externalIPs':['224.0.0.5']}",
		  "spec.externalIPs[0]: Invalid value: \"224.0.0.5\": may not be in the link-local "
		  "multicast range (224.0.0.0/24, ff02::/10)" },
		{ "{" P80 ",'type':'X'}",
		  "spec.type: Unsupported value: \"X\": supported values: \"ClusterIP\", "
		  "\"ExternalName\", \"LoadBalancer\", \"NodePort\"" },
		{ "{'ports':[{'port':80,'nodePort':30000}]}",
		  "spec.ports[0].nodePort: Forbidden: may not be used when `type` is "
		  "'ClusterIP'" },
		{ "{'type':'NodePort','ports':[{'port':80,'name':'a','nodePort':30000},"
		  "{'port':81,'name':'b','nodePort':30000}]}",
		  "spec.ports[1].nodePort: Duplicate value: 30000" },
		{ "{'type':'NodePort','ports':[{'port':80,'name':'a','nodePort':30000},"
		  "{'port':81,'name':'b','nodePort':30000,'protocol':'UDP'}]}",
		  "[]" },
		{ "{" P80 ",'loadBalancerSourceRanges':['10.0.0.0/8']}",
		  "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is "
		  "'LoadBalancer'" },
		{ "{" P80 ",'type':'LoadBalancer','loadBalancerSourceRanges':[' 10.0.0.0/8 ']}",
		  "[]" },
		{ "{" P80 ",'type':'LoadBalancer','loadBalancerSourceRanges':['x']}",
		  "spec.LoadBalancerSourceRanges[0]: Invalid value: \"x\": " BAD_CIDR },
		{ "{" P80 ",'type':'LoadBalancer','loadBalancerSourceRanges':['10.0.0.0/08',"
		  "'010.0.0.0/8','0.0.0.0/0']}",
		  "[spec.LoadBalancerSourceRanges[0]: Invalid value: \"10.0.0.0/08\": must not "
		  "have leading 0s in IP or prefix length, spec.LoadBalancerSourceRanges[1]: "
		  "Invalid value: \"010.0.0.0/8\": must not have leading 0s in IP or prefix "
		  "length]" },
		{ "{" P80 ",'type':'LoadBalancer','loadBalancerSourceRanges':['10.1.0.0/8']}",
		  "spec.LoadBalancerSourceRanges[0]: Invalid value: \"10.1.0.0/8\": must not have "
		  "bits set beyond the prefix length" },
		{ "{" P80
		  ",'type':'LoadBalancer','loadBalancerSourceRanges':['::ffff:1.2.3.0/120']}",
		  "spec.LoadBalancerSourceRanges[0]: Invalid value: \"::ffff:1.2.3.0/120\": must "
		  "not have an IPv4-mapped IPv6 address" },
		{ "{" P80 ",'type':'NodePort','allocateLoadBalancerNodePorts':true}",
		  "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is "
		  "'LoadBalancer'" },
		{ "{" P80 ",'allocateLoadBalancerNodePorts':false}",
		  "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is "
		  "'LoadBalancer'" },
		{ "{" P80 ",'loadBalancerClass':'a/b'}",
		  "spec.loadBalancerClass: Forbidden: may only be used when `type` is "
		  "'LoadBalancer'" },
		{ "{" P80 ",'type':'LoadBalancer','loadBalancerClass':'a b'}",
		  "spec.loadBalancerClass: Invalid value: \"a b\": " KEY_RULE },
		{ "{" P80 ",'externalTrafficPolicy':'Local'}",
		  "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for "
		  "externally-accessible services" },
		{ "{" P80 ",'externalTrafficPolicy':'Local','externalIPs':['1.2.3.4']}", "[]" },
		{ "{" P80 ",'type':'NodePort','externalTrafficPolicy':'X'}",
		  "spec.externalTrafficPolicy: Unsupported value: \"X\": supported values: "
		  "\"Cluster\", \"Local\"" },
		{ "{" P80 ",'type':'NodePort','externalTrafficPolicy':'Local',"
		  "'healthCheckNodePort':30001}",
		  "spec.healthCheckNodePort: Invalid value: 30001: may only be set when `type` is "
		  "'LoadBalancer' and `externalTrafficPolicy` is 'Local'" },
		{ "{" P80 ",'type':'LoadBalancer','externalTrafficPolicy':'Local'}",
		  "spec.healthCheckNodePort: Required value" },
		{ "{" P80 ",'type':'LoadBalancer','healthCheckNodePort':30001}",
		  "spec.healthCheckNodePort: Invalid value: 30001: may only be set when `type` is "
		  "'LoadBalancer' and `externalTrafficPolicy` is 'Local'" },
		{ "{" P80 ",'type':'LoadBalancer','externalTrafficPolicy':'Local',"
		  "'healthCheckNodePort':-5}",
		  "spec.healthCheckNodePort: Invalid value: -5: must be between 1 and 65535, "
		  "inclusive" },
		{ "{" P80 ",'internalTrafficPolicy':'X'}",
		  "spec.internalTrafficPolicy: Unsupported value: \"X\": supported values: "
		  "\"Cluster\", \"Local\"" },
		{ "{" P80 ",'trafficDistribution':'PreferSameNode'}", "[]" },
		{ "{" P80 ",'trafficDistribution':'X'}",
		  "spec.trafficDistribution: Unsupported value: \"X\": supported values: "
		  "\"PreferClose\", \"PreferSameZone\", \"PreferSameNode\"" },
		{ "{" P80 ",'clusterIP':'1.2.3.4','clusterIPs':['1.2.3.5']}",
		  "spec.clusterIPs: Invalid value: [\"1.2.3.5\"]: first value must match "
		  "`clusterIP`" },
		{ "{" P80 ",'clusterIPs':['1.2.3.5']}",
		  "spec.clusterIPs: Invalid value: [\"1.2.3.5\"]: must be empty when `clusterIP` "
		  "is not specified" },
		{ "{" P80 ",'clusterIP':'None','clusterIPs':['None','1.2.3.4']}",
		  "spec.clusterIPs: Invalid value: [\"None\",\"1.2.3.4\"]: 'None' must be the "
		  "first and only value" },
		{ "{" P80 ",'clusterIP':'10.96.0.9','clusterIPs':['10.96.0.9','None']}",
		  "spec.clusterIPs[1]: Invalid value: \"None\": " BAD_IP },
		{ "{" P80 ",'clusterIP':'010.96.0.9'}",
		  "spec.clusterIPs[0]: Invalid value: \"010.96.0.9\": must not have leading 0s" },
		{ "{" P80 ",'clusterIP':'x'}",
		  "spec.clusterIPs[0]: Invalid value: \"x\": " BAD_IP },
		{ "{" P80 ",'clusterIP':'1.1.1.1','clusterIPs':['1.1.1.1','fd00::1','1.1.1.2']}",
		  "spec.clusterIPs: Invalid value: [\"1.1.1.1\",\"fd00::1\",\"1.1.1.2\"]: may "
		  "only hold up to 2 values" },
		{ "{" P80 ",'clusterIP':'1.1.1.1','clusterIPs':['1.1.1.1','1.1.1.3','1.1.1.2']}",
		  "[spec.clusterIPs: Invalid value: [\"1.1.1.1\",\"1.1.1.3\",\"1.1.1.2\"]: may "
		  "only hold up to 2 values, spec.clusterIPs: Invalid value: "
		  "[\"1.1.1.1\",\"1.1.1.3\",\"1.1.1.2\"]: may specify no more than one IP for "
		  "each IP family]" },
		{ "{" P80 ",'ipFamilies':['X','X']}",
		  "[spec.ipFamilies[0]: Unsupported value: \"X\": supported values: \"IPv4\", "
		  "\"IPv6\", spec.ipFamilies[1]: Unsupported value: \"X\": supported values: "
		  "\"IPv4\", \"IPv6\", spec.ipFamilies[1]: Duplicate value: \"X\"]" },
		{ "{" P80 ",'clusterIP':'10.96.0.9','ipFamilies':['IPv6'],'ipFamilyPolicy':'X'}",
		  "[spec.ipFamilyPolicy: Unsupported value: \"X\": supported values: "
		  "\"PreferDualStack\", \"RequireDualStack\", \"SingleStack\", "
		  "spec.clusterIPs[0]: Invalid value: \"10.96.0.9\": expected an IPv6 value as "
		  "indicated by `ipFamilies[0]`]" },
		{ "{" P80 ",'clusterIP':'1.1.1.1','clusterIPs':['1.1.1.1','1.1.1.2']}",
		  "spec.clusterIPs: Invalid value: [\"1.1.1.1\",\"1.1.1.2\"]: may specify no more "
		  "than one IP for each IP family" },
		{ "{" P80 ",'clusterIP':'1.1.1.1','ipFamilies':['IPv6']}",
		  "spec.clusterIPs[0]: Invalid value: \"1.1.1.1\": expected an IPv6 value as "
		  "indicated by `ipFamilies[0]`" },
		{ "{" P80 ",'ipFamilies':['X']}",
		  "spec.ipFamilies[0]: Unsupported value: \"X\": supported values: \"IPv4\", "
		  "\"IPv6\"" },
		{ "{" P80 ",'ipFamilies':['IPv4','IPv4']}",
		  "spec.ipFamilies[1]: Duplicate value: \"IPv4\"" },
		{ "{" P80 ",'ipFamilyPolicy':'X'}",
		  "spec.ipFamilyPolicy: Unsupported value: \"X\": supported values: "
		  "\"PreferDualStack\", \"RequireDualStack\", \"SingleStack\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = object_of("{}", "default");
		auto_free char *errors = NULL;

		json_object_set_new(object, "spec", parse_json(cases[i].spec));
		run_hooks(&kind_service, object, NULL, KIND_CREATE);
		errors = errors_of(&kind_service, object, NULL, KIND_CREATE);
		if (strcmp(errors, cases[i].error) != 0)
			fail_msg("%s:\n got %s\nnot %s", cases[i].spec, errors, cases[i].error);
	}
}

static void metadata_is_refused(void **state)
{
	static const struct refusal cases[] = {
		{ "{'name':'1a'}", "[]" },
		{ "{'name':'a.b'}",
		  "metadata.name: Invalid value: \"a.b\": must not contain dots" },
		{ "{'name':'A'}", "metadata.name: Invalid value: \"A\": " LABEL_RULE },
		{ "{'generateName':'a-','name':'a-12345'}", "[]" },
		{ "{'name':'a','namespace':'B'}",
		  "metadata.namespace: Invalid value: \"B\": " LABEL_RULE },
		{ "{'name':'a','labels':{'a b':'c'}}",
		  "metadata.labels: Invalid value: \"a b\": " KEY_RULE },
		{ "{'name':'a','annotations':{'a b':'c'}}",
		  "metadata.annotations: Invalid value: \"a b\": " KEY_RULE },
		{ "{'name':'a','annotations':{'service.kubernetes.io/topology-mode':'Auto',"
		  "'service.kubernetes.io/topology-aware-hints':'x'}}",
		  "metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: "
		  "\"Auto\": must match annotations[service.kubernetes.io/topology-aware-hints] "
		  "when both are specified" },
		{ "{'name':'a','annotations':{'service.beta.kubernetes.io/"
		  "load-balancer-source-ranges':'10.0.0.0/8, x'}}",
		  "[metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: "
		  "Forbidden: may only be used when `type` is 'LoadBalancer', "
		  "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: "
		  "Invalid value: \"x\": " BAD_CIDR "]" },
		{ "{'name':'a','ownerReferences':[{}]}",
		  "[metadata.ownerReferences.apiVersion: Invalid value: \"\": version must not be "
		  "empty, metadata.ownerReferences.kind: Invalid value: \"\": must not be empty, "
		  "metadata.ownerReferences.name: Invalid value: \"\": must not be empty, "
		  "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty]" },
		{ "{'name':'a','finalizers':['a b']}",
		  "[metadata.finalizers: Invalid value: \"a b\": " KEY_RULE
		  ", metadata.finalizers[0]: "
		  "Invalid value: \"a b\": name is neither a standard finalizer name nor is it fully "
		  "qualified]" },
		{ "{'name':'a','finalizers':['nope','orphan','kubernetes','a/b']}",
		  "metadata.finalizers[0]: Invalid value: \"nope\": name is neither a standard "
		  "finalizer name nor is it fully qualified" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = parse_json("{'spec':{" P80 "}}");
		auto_free char *errors = NULL;

		json_object_set_new(object, "metadata", parse_json(cases[i].spec));
		if (!json_path(object, "metadata.namespace"))
			json_path_set(object, "metadata.namespace", json_string("default"));
		run_hooks(&kind_service, object, NULL, KIND_CREATE);
		errors = errors_of(&kind_service, object, NULL, KIND_CREATE);
		if (strcmp(errors, cases[i].error) != 0)
			fail_msg("%s:\n got %s\nnot %s", cases[i].spec, errors, cases[i].error);
	}
}

struct change {
	const char *old, *spec, *error;
};

static void update_is_refused(void **state)
{
	static const struct change cases[] = {
		{ "{" P80 ",'clusterIP':'10.0.0.1'}", "{" P80 ",'clusterIP':'10.0.0.2'}",
		  "spec.clusterIPs[0]: Invalid value: [\"10.0.0.2\"]: may not change once set" },
		{ "{" P80 ",'clusterIP':'10.0.0.1'}", "{" P80 ",'clusterIP':'None'}",
		  "spec.clusterIPs[0]: Invalid value: [\"None\"]: may not change once set" },
		{ "{" P80 ",'clusterIP':'10.0.0.1'}", "{" P80 "}", "[]" },
		{ "{" P80 ",'clusterIP':'None'}", "{" P80 ",'clusterIP':'10.0.0.1'}",
		  "spec.clusterIPs[0]: Invalid value: [\"10.0.0.1\"]: may not change once set" },
		{ "{" P80 ",'clusterIP':'10.0.0.1'}",
		  "{" P80 ",'clusterIP':'10.0.0.1','clusterIPs':['10.0.0.2']}",
		  "[spec.clusterIPs[0]: Invalid value: [\"10.0.0.2\"]: may not change once set, "
		  "spec.clusterIPs: Invalid value: [\"10.0.0.2\"]: first value must match "
		  "`clusterIP`]" },
		{ "{" P80 ",'clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1','fd00::1']}",
		  "{" P80 ",'clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1','fd00::2']}",
		  "spec.clusterIPs[1]: Invalid value: [\"10.0.0.1\",\"fd00::2\"]: may not change "
		  "once set" },
		{ "{" P80 ",'clusterIP':'10.0.0.1'}",
		  "{" P80 ",'clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1','fd00::1']}", "[]" },
		{ "{" P80 ",'clusterIP':'10.0.0.1','ipFamilies':['IPv4','IPv6']}",
		  "{" P80 ",'clusterIP':'10.0.0.1','ipFamilies':['IPv4'],"
		  "'ipFamilyPolicy':'PreferDualStack'}",
		  "spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to "
		  "'SingleStack' when releasing the secondary ipFamily" },
		{ "{" P80 ",'clusterIP':'10.0.0.1','ipFamilies':['IPv4','IPv6']}",
		  "{" P80 ",'clusterIP':'10.0.0.1','ipFamilies':['IPv4'],"
		  "'ipFamilyPolicy':'SingleStack'}",
		  "[]" },
		{ "{" P80 ",'clusterIP':'fd00::1','ipFamilies':['IPv6']}",
		  "{" P80 ",'clusterIP':'fd00::1','ipFamilies':['IPv4']}",
		  "[spec.ipFamilies[0]: Invalid value: [\"IPv4\"]: may not change once set, "
		  "spec.clusterIPs[0]: Invalid value: \"fd00::1\": expected an IPv4 value as "
		  "indicated by `ipFamilies[0]`]" },
		{ "{" P80 ",'clusterIP':'10.0.0.1'}", "{'type':'ExternalName','externalName':'a'}",
		  "[]" },
		{ "{" P80 ",'clusterIP':'10.0.0.1'}",
		  "{'type':'ExternalName','externalName':'a','clusterIP':'10.0.0.2'}", "[]" },
		{ "{" P80 ",'type':'LoadBalancer','loadBalancerClass':'a'}",
		  "{" P80 ",'type':'LoadBalancer','loadBalancerClass':'b'}",
		  "spec.loadBalancerClass: Invalid value: \"b\": may not change once set" },
		{ "{" P80 "}", "{" P80 ",'type':'LoadBalancer','loadBalancerClass':'b'}", "[]" },
		{ "{" P80 ",'type':'NodePort'}",
		  "{'ports':[{'port':80,'nodePort':30001}],'type':'ClusterIP'}",
		  "spec.ports[0].nodePort: Forbidden: may not be used when `type` is "
		  "'ClusterIP'" },
		{ "{" P80 ",'clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1','fd00::1']}",
		  "{" P80 ",'clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1'],"
		  "'ipFamilyPolicy':'PreferDualStack'}",
		  "spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to "
		  "'SingleStack' when releasing the secondary clusterIP" },
		{ "{" P80 ",'clusterIP':'10.0.0.1','ipFamilies':['IPv4']}",
		  "{" P80 ",'clusterIP':'10.0.0.1','ipFamilies':[]}",
		  "spec.ipFamilies[0]: Invalid value: []: primary ipFamily can not be unset" },
		{ "{'clusterIP':'None','ipFamilies':['IPv4']}",
		  "{'clusterIP':'None','ipFamilies':['IPv6']}", "[]" },
		{ "{'type':'ExternalName','externalName':'a'}",
		  "{" P80 ",'type':'ClusterIP','clusterIP':'10.0.0.2'}", "[]" },
		{ "{" P80 ",'type':'LoadBalancer','externalTrafficPolicy':'Local',"
		  "'healthCheckNodePort':30001}",
		  "{" P80 ",'type':'LoadBalancer','externalTrafficPolicy':'Local',"
		  "'healthCheckNodePort':30002}",
		  "spec.healthCheckNodePort: Forbidden: field is immutable" },
		{ "{" P80 ",'type':'LoadBalancer'}",
		  "{" P80 ",'type':'LoadBalancer','loadBalancerClass':'a'}",
		  "spec.loadBalancerClass: Invalid value: \"a\": may not change once set" },
		{ "{" P80 ",'type':'LoadBalancer','loadBalancerClass':'a'}",
		  "{" P80 ",'type':'LoadBalancer','loadBalancerClass':null}",
		  "spec.loadBalancerClass: Invalid value: null: may not change once set" },
		{ "{" P80 ",'type':'LoadBalancer','loadBalancerClass':'a'}",
		  "{" P80 ",'type':'ClusterIP','loadBalancerClass':'b'}",
		  "spec.loadBalancerClass: Forbidden: may only be used when `type` is "
		  "'LoadBalancer'" },
		{ "{" P80 ",'externalIPs':['010.0.0.1']}",
		  "{" P80 ",'externalIPs':['010.0.0.1','x']}",
		  "spec.externalIPs[1]: Invalid value: \"x\": " BAD_IP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *old = object_of("{}", "default");
		auto_json json_t *object = object_of("{}", "default");
		auto_free char *errors = NULL;

		json_object_set_new(old, "spec", parse_json(cases[i].old));
		json_object_set_new(object, "spec", parse_json(cases[i].spec));
		run_hooks(&kind_service, old, NULL, KIND_CREATE);
		run_hooks(&kind_service, object, old, KIND_UPDATE);
		errors = errors_of(&kind_service, object, old, KIND_UPDATE);
		if (strcmp(errors, cases[i].error) != 0)
			fail_msg("%s:\n got %s\nnot %s", cases[i].spec, errors, cases[i].error);
	}
}

static void metadata_is_immutable(void **state)
{
	auto_json json_t *old =
		object_of("{'metadata':{'uid':'1','creationTimestamp':'2026-01-01T00:00:00Z',"
	                  "'deletionTimestamp':'2026-01-02T00:00:00Z'},'spec':{" P80 "}}",
	                  "default");
	auto_json json_t *object =
		object_of("{'metadata':{'name':'y','uid':'2','finalizers':['a/b'],"
	                  "'creationTimestamp':'2020-01-01T00:00:00Z'},'spec':{" P80 "}}",
	                  "default");
	auto_free char *errors = NULL;

	(void)state;
	run_hooks(&kind_service, old, NULL, KIND_UPDATE);
	json_path_set(old, "metadata.deletionTimestamp", json_string("2026-01-02T00:00:00Z"));
	run_hooks(&kind_service, object, old, KIND_UPDATE);
	errors = errors_of(&kind_service, object, old, KIND_UPDATE);
	assert_string_equal(errors,
	                    "[metadata.finalizers: Forbidden: no new finalizers can be added if "
	                    "the object is being deleted, found new finalizers []string{\"a/b\"}, "
	                    "metadata.name: Invalid value: \"y\": field is immutable, "
	                    "metadata.uid: Invalid value: \"2\": field is immutable]");
	assert_string_equal(json_path_str(object, "metadata.creationTimestamp"),
	                    "2026-01-01T00:00:00Z");
	assert_string_equal(json_path_str(object, "metadata.deletionTimestamp"),
	                    "2026-01-02T00:00:00Z");
}

/* What only a DELETE sets. */
static void deletion_is_not_begun(void **state)
{
	auto_json json_t *old = object_of("{'spec':{" P80 "}}", "default");
	auto_json json_t *object =
		object_of("{'metadata':{'deletionTimestamp':'2026-01-02T00:00:00Z',"
	                  "'deletionGracePeriodSeconds':3},'spec':{" P80 "}}",
	                  "default");
	auto_free char *errors = NULL;

	(void)state;
	run_hooks(&kind_service, old, NULL, KIND_CREATE);
	run_hooks(&kind_service, object, old, KIND_UPDATE);
	errors = errors_of(&kind_service, object, old, KIND_UPDATE);
	assert_string_equal(errors, "[metadata.deletionTimestamp: Invalid value: "
	                            "\"2026-01-02T00:00:00Z\": field is immutable, "
	                            "metadata.deletionGracePeriodSeconds: Invalid value: 3: field "
	                            "is immutable]");
}

static void status_is_refused(void **state)
{
	static const struct change cases[] = {
		{ "LoadBalancer", "{'ip':'1.2.3.4'}", "[]" },
		{ "ClusterIP", "{'ip':'1.2.3.4'}",
		  "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is "
		  "'LoadBalancer'" },
		{ "LoadBalancer", "{'ip':'x'}",
		  "status.loadBalancer.ingress[0].ip: Invalid value: \"x\": " BAD_IP },
		{ "LoadBalancer", "{'hostname':'a.b','ipMode':'VIP'}",
		  "status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when "
		  "`ip` is not set" },
		{ "LoadBalancer", "{'ip':'1.2.3.4','ipMode':'X'}",
		  "status.loadBalancer.ingress[0].ipMode: Unsupported value: \"X\": supported "
		  "values: \"Proxy\", \"VIP\"" },
		{ "LoadBalancer", "{'hostname':'A_'}",
		  "status.loadBalancer.ingress[0].hostname: Invalid value: \"A_\": " SUBDOMAIN_RULE },
		{ "LoadBalancer", "{'ip':'010.0.0.1'}",
		  "status.loadBalancer.ingress[0].ip: Invalid value: \"010.0.0.1\": must not have "
		  "leading 0s" },
		{ "LoadBalancer", "{'ip':'1.2.3.4','ipMode':''}",
		  "status.loadBalancer.ingress[0].ipMode: Unsupported value: \"\": supported "
		  "values: \"Proxy\", \"VIP\"" },
		{ "LoadBalancer", "{'hostname':'1.2.3.4'}",
		  "status.loadBalancer.ingress[0].hostname: Invalid value: \"1.2.3.4\": must be a "
		  "DNS name, not an IP address" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *old = object_of("{'spec':{" P80 "}}", "default");
		auto_json json_t *object = NULL;
		auto_free char *errors = NULL;

		json_path_set(old, "spec.type", json_string(cases[i].old));
		run_hooks(&kind_service, old, NULL, KIND_CREATE);
		object = json_deep_copy(old);
		json_path_set(object, "spec.type", json_string("NodePort"));
		json_path_set(object, "status.loadBalancer.ingress",
		              json_pack("[o]", parse_json(cases[i].spec)));
		run_hooks(&kind_service, object, old, KIND_UPDATE_STATUS);
		assert_string_equal(json_path_str(object, "spec.type"), cases[i].old);
		errors = errors_of(&kind_service, object, old, KIND_UPDATE_STATUS);
		assert_string_equal(errors, cases[i].error);
	}
}

/* What no write leads to: the steps before fill these in. */
static void gaps_are_refused(void **state)
{
	static const struct change cases[] = {
		{ "{" P80 ",'clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1']}", "{" P80 "}",
		  "spec.clusterIPs[0]: Invalid value: null: primary clusterIP can not be unset" },
		{ "{" P80 ",'clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1']}",
		  "{" P80 ",'clusterIPs':[]}",
		  "spec.clusterIPs[0]: Invalid value: []: primary clusterIP can not be unset" },
	};
	auto_json json_t *point = parse_json(
		"{'spec':{'type':'LoadBalancer'},'status':{'loadBalancer':{'ingress':[{"
		"'ip':'1.2.3.4'}]}}}");
	struct field_errors errs = { 0 };
	auto_free char *text = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *old = parse_json(cases[i].old);
		auto_json json_t *spec = parse_json(cases[i].spec);
		auto_free char *errors = NULL;

		service_validate_update(spec, old, &errs);
		errors = field_errors_text(&errs);
		assert_string_equal(errors, cases[i].error);
		field_errors_done(&errs);
	}
	service_validate_status(point, NULL, &errs);
	text = field_errors_text(&errs);
	assert_string_equal(text, "status.loadBalancer.ingress[0].ipMode: Required value: must be "
	                          "specified when `ip` is set");
	field_errors_done(&errs);
}

static void warnings_are_given(void **state)
{
	static const struct {
		const char *spec, *warnings;
	} cases[] = {
		{ "{" P80 "}", "[]" },
		{ "{'clusterIP':'None','loadBalancerIP':'1.1.1.1','externalIPs':['1.1.1.1'],"
		  "'sessionAffinity':'ClientIP'}",
		  "['spec.loadBalancerIP is ignored for headless services','spec.externalIPs is "
		  "ignored for headless services','spec.SessionAffinity is ignored for headless "
		  "services']" },
		{ "{" P80 ",'externalIPs':['1.1.1.1'],'externalName':'a'}",
		  "['spec.externalIPs is deprecated and may no longer be implemented in some "
		  "clusters','spec.externalName is ignored when spec.type is not "
		  "\\'ExternalName\\'']" },
		{ "{'type':'ExternalName','externalIPs':['1.1.1.1'],'externalName':'a'}",
		  "['spec.externalIPs is ignored when spec.type is \\'ExternalName\\'']" },
		{ "{" P80 ",'trafficDistribution':'PreferClose'}",
		  "['spec.trafficDistribution: \\'PreferClose\\' is deprecated; use "
		  "\\'PreferSameZone\\'']" },
		{ "{" P80 ",'type':'LoadBalancer','loadBalancerIP':'FD00::1',"
		  "'loadBalancerSourceRanges':['FD00::/64']}",
		  "['spec.loadBalancerIP: IPv6 address \\'FD00::1\\' should be in RFC 5952 "
		  "canonical format (\\'fd00::1\\')','spec.loadBalancerSourceRanges[0]: IPv6 "
		  "CIDR value \\'FD00::/64\\' should be in RFC 5952 canonical format "
		  "(\\'fd00::/64\\')']" },
		{ "{" P80 ",'clusterIP':'FD00::1'}",
		  "['spec.clusterIPs[0]: IPv6 address \\'FD00::1\\' should be in RFC 5952 "
		  "canonical format (\\'fd00::1\\')']" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = object_of("{}", "default");
		auto_json json_t *warnings = json_array();

		json_object_set_new(object, "spec", parse_json(cases[i].spec));
		run_hooks(&kind_service, object, NULL, KIND_CREATE);
		kind_service.warn(object, NULL, warnings);
		assert_json(warnings, cases[i].warnings);
	}
	{
		auto_json json_t *object = object_of(
			"{'metadata':{'annotations':{'service.kubernetes.io/topology-aware-hints':"
			"'Auto'}},'spec':{" P80 "}}",
			"default");
		auto_json json_t *warnings = json_array();

		run_hooks(&kind_service, object, NULL, KIND_CREATE);
		kind_service.warn(object, NULL, warnings);
		assert_json(warnings, "['annotation service.kubernetes.io/topology-aware-hints is "
		                      "deprecated, please use service.kubernetes.io/topology-mode "
		                      "instead']");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_is_refused),     cmocka_unit_test(metadata_is_refused),
		cmocka_unit_test(update_is_refused),     cmocka_unit_test(metadata_is_immutable),
		cmocka_unit_test(deletion_is_not_begun), cmocka_unit_test(status_is_refused),
		cmocka_unit_test(gaps_are_refused),      cmocka_unit_test(warnings_are_given),
	};

	return cmocka_run_group_tests_name("service_validate", tests, NULL, NULL);
}
