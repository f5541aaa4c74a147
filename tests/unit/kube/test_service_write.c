/* SPDX-License-Identifier: Apache-2.0 */
/* Defaulting of a Service, what an update hands on or drops, and its IP families. */
#include "cmocka_all.h"

#include <string.h>

#include "base/mem.h"
#include "kind_run.h"
#include "kube/service_families.h"

#define P80      "'ports':[{'port':80,'protocol':'TCP','targetPort':80}]"
#define CLUSTER  "'internalTrafficPolicy':'Cluster'"
#define NONE     "'sessionAffinity':'None'"
#define EXTERNAL "'externalTrafficPolicy':'Cluster'"

struct written {
	const char *old, *spec, *expected; /* specs; 'old' NULL for a create */
};

static void check_written(const struct written *c)
{
	auto_json json_t *old = c->old ? object_of("{}", "default") : NULL;
	auto_json json_t *object = object_of("{}", "default");
	auto_json json_t *expected = parse_json(c->expected);
	json_t *spec;

	if (old) {
		json_object_set_new(old, "spec", parse_json(c->old));
		run_hooks(&kind_service, old, NULL, KIND_CREATE);
	}
	json_object_set_new(object, "spec", parse_json(c->spec));
	run_hooks(&kind_service, object, old, old ? KIND_UPDATE : KIND_CREATE);
	spec = json_object_get(object, "spec");
	if (!json_equal(spec, expected)) {
		auto_free char *got = json_text(spec);

		fail_msg("%s -> %s:\n got %s\nnot %s", c->old ? c->old : "", c->spec, got,
		         c->expected);
	}
}

static void defaults_are_set(void **state)
{
	static const struct written cases[] = {
		{ NULL, "{}", "{'type':'ClusterIP'," NONE "," CLUSTER "}" },
		{ NULL, "{'ports':[{'port':80}]}",
		  "{'type':'ClusterIP'," NONE "," CLUSTER "," P80 "}" },
		{ NULL,
		  "{'ports':[{'port':80,'targetPort':''},{'port':81,'targetPort':'http',"
		  "'protocol':'UDP'}],'sessionAffinityConfig':{'clientIP':"
		  "{'timeoutSeconds':1}}}",
		  "{'type':'ClusterIP'," NONE "," CLUSTER ",'ports':[{'port':80,'protocol':'TCP',"
		  "'targetPort':80},{'port':81,'targetPort':'http','protocol':'UDP'}]}" },
		{ NULL, "{'sessionAffinity':'ClientIP'}",
		  "{'type':'ClusterIP','sessionAffinity':'ClientIP','sessionAffinityConfig':"
		  "{'clientIP':{'timeoutSeconds':10800}}," CLUSTER "}" },
		{ NULL,
		  "{'sessionAffinity':'ClientIP','sessionAffinityConfig':"
		  "{'clientIP':{'timeoutSeconds':null}}}",
		  "{'type':'ClusterIP','sessionAffinity':'ClientIP','sessionAffinityConfig':"
		  "{'clientIP':{'timeoutSeconds':10800}}," CLUSTER "}" },
		{ NULL, "{'type':'NodePort'}",
		  "{'type':'NodePort'," NONE "," CLUSTER "," EXTERNAL "}" },
		{ NULL, "{'externalIPs':['1.2.3.4']}",
		  "{'type':'ClusterIP','externalIPs':['1.2.3.4']," NONE "," CLUSTER "," EXTERNAL
		  "}" },
		{ NULL, "{'type':'LoadBalancer'}",
		  "{'type':'LoadBalancer'," NONE "," CLUSTER "," EXTERNAL
		  ",'allocateLoadBalancerNodePorts':true}" },
		{ NULL, "{'type':'ExternalName','externalName':'a'}",
		  "{'type':'ExternalName','externalName':'a'," NONE "}" },
		{ NULL, "{'clusterIP':'10.0.0.1','unknown':null}",
		  "{'type':'ClusterIP','clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1']," NONE
		  "," CLUSTER "}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_written(&cases[i]);
}

static void allocated_values_are_kept(void **state)
{
	static const struct written cases[] = {
		/* A manifest without addresses and nodePorts. */
		{ "{'clusterIP':'10.0.0.1'," P80 "}", "{" P80 "}",
		  "{'type':'ClusterIP','clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1']," NONE
		  "," CLUSTER "," P80 "}" },
		{ "{'type':'NodePort','ports':[{'port':80,'nodePort':30000}]}",
		  "{'type':'NodePort','ports':[{'port':81}]}",
		  "{'type':'NodePort','ports':[{'port':81,'nodePort':30000,'protocol':'TCP',"
		  "'targetPort':81}]," NONE "," CLUSTER "," EXTERNAL "}" },
		/* The old number is asked for by another port. */
		{ "{'type':'NodePort','ports':[{'name':'a','port':80,'nodePort':30000}]}",
		  "{'type':'NodePort','ports':[{'name':'a','port':80},"
		  "{'name':'b','port':81,'nodePort':30000}]}",
		  "{'type':'NodePort','ports':[{'name':'a','port':80,'protocol':'TCP',"
		  "'targetPort':80},{'name':'b','port':81,'nodePort':30000,'protocol':'TCP',"
		  "'targetPort':81}]," NONE "," CLUSTER "," EXTERNAL "}" },
		{ "{'type':'LoadBalancer','externalTrafficPolicy':'Local',"
		  "'healthCheckNodePort':30009}",
		  "{'type':'LoadBalancer','externalTrafficPolicy':'Local'}",
		  "{'type':'LoadBalancer','externalTrafficPolicy':'Local',"
		  "'healthCheckNodePort':30009,'allocateLoadBalancerNodePorts':true," NONE
		  "," CLUSTER "}" },
		/* clusterIPs follows clusterIP; alone it is the client's mistake to hear of. */
		{ "{'clusterIP':'10.0.0.1'}", "{'clusterIP':'10.0.0.2','clusterIPs':['10.0.0.1']}",
		  "{'type':'ClusterIP','clusterIP':'10.0.0.2','clusterIPs':['10.0.0.2']," NONE
		  "," CLUSTER "}" },
		{ "{'clusterIP':'10.0.0.1'}", "{'clusterIP':'10.0.0.1','clusterIPs':['10.0.0.2']}",
		  "{'type':'ClusterIP','clusterIP':'10.0.0.1','clusterIPs':['10.0.0.2']," NONE
		  "," CLUSTER "}" },
		{ "{'clusterIP':'10.0.0.1'}", "{'clusterIP':'10.0.0.2'}",
		  "{'type':'ClusterIP','clusterIP':'10.0.0.2','clusterIPs':['10.0.0.2']," NONE
		  "," CLUSTER "}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_written(&cases[i]);
}

static void unneeded_values_are_dropped(void **state)
{
	static const struct written cases[] = {
		{ "{'clusterIP':'10.0.0.1','ipFamilies':['IPv4'],'ipFamilyPolicy':'SingleStack'}",
		  "{'type':'ExternalName','externalName':'a','clusterIP':'10.0.0.1','clusterIPs':"
		  "['10.0.0.1'],'ipFamilies':['IPv4'],'ipFamilyPolicy':'SingleStack'}",
		  "{'type':'ExternalName','externalName':'a'," NONE "}" },
		{ "{'type':'NodePort','ports':[{'port':80,'nodePort':30000}]}",
		  "{'type':'ClusterIP','ports':[{'port':80,'nodePort':30000}],"
		  "'externalTrafficPolicy':'Cluster'}",
		  "{'type':'ClusterIP'," P80 "," NONE "," CLUSTER "}" },
		/* A new number is the client's mistake to hear of. */
		{ "{'type':'NodePort','ports':[{'port':80,'nodePort':30000}]}",
		  "{'type':'ClusterIP','ports':[{'port':80,'nodePort':30001}]}",
		  "{'type':'ClusterIP','ports':[{'port':80,'nodePort':30001,'protocol':'TCP',"
		  "'targetPort':80}]," NONE "," CLUSTER "}" },
		{ "{'type':'LoadBalancer','loadBalancerClass':'a','externalTrafficPolicy':'Local',"
		  "'healthCheckNodePort':30009}",
		  "{'type':'ClusterIP','loadBalancerClass':'a','externalTrafficPolicy':'Local',"
		  "'healthCheckNodePort':30009,'allocateLoadBalancerNodePorts':true}",
		  "{'type':'ClusterIP'," NONE "," CLUSTER "}" },
		{ "{'clusterIP':'10.0.0.1'}",
		  "{'type':'ExternalName','externalName':'a','clusterIP':'',"
		  "'internalTrafficPolicy':'Cluster'}",
		  "{'type':'ExternalName','externalName':'a'," NONE "}" },
		{ "{'externalIPs':['1.2.3.4']}", "{'externalTrafficPolicy':'Cluster'}",
		  "{'type':'ClusterIP'," NONE "," CLUSTER "}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_written(&cases[i]);
}

static void status_is_the_servers(void **state)
{
	auto_json json_t *old = object_of("{'spec':{'type':'LoadBalancer'},'status':{'x':1}}",
	                                  "default");
	auto_json json_t *object = object_of("{'spec':{'type':'LoadBalancer'},'status':{}}",
	                                     "default");

	(void)state;
	run_hooks(&kind_service, old, NULL, KIND_CREATE);
	assert_json(json_path(old, "status"), "{'loadBalancer':{}}");
	json_path_set(old, "status.loadBalancer.ingress", parse_json("[{'ip':'1.1.1.1'}]"));
	run_hooks(&kind_service, object, old, KIND_UPDATE);
	assert_json(json_path(object, "status"),
	            "{'loadBalancer':{'ingress':[{'ip':'1.1.1.1','ipMode':'VIP'}]}}");
	json_path_set(object, "spec.type", json_string("ClusterIP"));
	run_hooks(&kind_service, object, old, KIND_UPDATE);
	assert_json(json_path(object, "status"), "{'loadBalancer':{}}");
}

struct family_case {
	const char *old, *spec;
	size_t n;                      /* families of the cluster, 4 first */
	const char *families, *policy; /* or, refused: */
	const char *error;
};

static void check_families(const struct family_case *c)
{
	static const uint8_t cluster[] = { 4, 6 };
	auto_json json_t *old = c->old ? object_of("{}", "default") : NULL;
	auto_json json_t *object = object_of("{}", "default");
	struct field_errors errs = { 0 };
	auto_free char *errors = NULL;

	if (old)
		json_object_set_new(old, "spec", parse_json(c->old));
	json_object_set_new(object, "spec", parse_json(c->spec));
	run_hooks(&kind_service, object, old, old ? KIND_UPDATE : KIND_CREATE);
	service_default_families(object, old, cluster, c->n, &errs);
	errors = field_errors_text(&errs);
	field_errors_done(&errs);
	if (strcmp(errors, c->error ? c->error : "[]") != 0)
		fail_msg("%s: got %s", c->spec, errors);
	if (c->error)
		return;
	if (c->families)
		assert_json(json_path(object, "spec.ipFamilies"), c->families);
	else
		assert_null(json_path(object, "spec.ipFamilies"));
	assert_string_equal(json_path_str(object, "spec.ipFamilyPolicy"), c->policy);
}

static void families_are_filled(void **state)
{
	static const struct family_case cases[] = {
		{ NULL, "{}", 1, "['IPv4']", "SingleStack", NULL },
		{ NULL, "{}", 2, "['IPv4']", "SingleStack", NULL },
		{ NULL, "{'ipFamilyPolicy':'PreferDualStack'}", 1, "['IPv4']", "PreferDualStack",
		  NULL },
		{ NULL, "{'ipFamilyPolicy':'PreferDualStack'}", 2, "['IPv4','IPv6']",
		  "PreferDualStack", NULL },
		{ NULL, "{'ipFamilyPolicy':'PreferDualStack','ipFamilies':['IPv6']}", 2,
		  "['IPv6','IPv4']", "PreferDualStack", NULL },
		{ NULL, "{'ipFamilyPolicy':'RequireDualStack'}", 2, "['IPv4','IPv6']",
		  "RequireDualStack", NULL },
		{ NULL, "{'ipFamilyPolicy':'RequireDualStack'}", 1, NULL, NULL,
		  "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not "
		  "configured for dual-stack services" },
		{ NULL, "{'ipFamilies':['IPv6']}", 2, "['IPv6']", "SingleStack", NULL },
		{ NULL, "{'ipFamilies':['IPv6']}", 1, NULL, NULL,
		  "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster" },
		{ NULL, "{'clusterIP':'fd00::1'}", 2, "['IPv6']", "SingleStack", NULL },
		{ NULL, "{'clusterIP':'fd00::1'}", 1, NULL, NULL,
		  "spec.clusterIPs[0]: Invalid value: [\"fd00::1\"]: IPv6 is not configured on this "
		  "cluster" },
		{ NULL, "{'ipFamilies':['IPv4','IPv6']}", 2, NULL, NULL,
		  "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be "
		  "'RequireDualStack' or 'PreferDualStack' when multiple IP families are "
		  "specified" },
		{ NULL, "{'clusterIP':'1.1.1.1','clusterIPs':['1.1.1.1','fd00::1']}", 2, NULL, NULL,
		  "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be "
		  "'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are "
		  "specified" },
		{ NULL, "{'clusterIP':'None'}", 1, "['IPv4','IPv6']", "RequireDualStack", NULL },
		{ NULL, "{'clusterIP':'None','selector':{'a':'b'}}", 1, "['IPv4']", "SingleStack",
		  NULL },
		{ NULL, "{'clusterIP':'None','ipFamilyPolicy':'SingleStack'}", 2, "['IPv4']",
		  "SingleStack", NULL },
		{ NULL, "{'clusterIP':'None','ipFamilies':['IPv6']}", 1, "['IPv6','IPv4']",
		  "RequireDualStack", NULL },
		{ NULL,
		  "{'clusterIP':'None','selector':{'a':'b'},'ipFamilyPolicy':"
		  "'PreferDualStack'}",
		  2, "['IPv4','IPv6']", "PreferDualStack", NULL },
		{ NULL,
		  "{'clusterIP':'None','selector':{'a':'b'},'ipFamilyPolicy':"
		  "'RequireDualStack'}",
		  1, NULL, NULL,
		  "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not "
		  "configured for dual-stack services" },
		{ NULL, "{'ipFamilies':['IPv4','IPv6'],'ipFamilyPolicy':'SingleStack'}", 2, NULL,
		  NULL,
		  "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be "
		  "'RequireDualStack' or 'PreferDualStack' when multiple IP families are "
		  "specified" },
		{ NULL, "{'ipFamilies':['IPv6','IPv4'],'ipFamilyPolicy':'RequireDualStack'}", 2,
		  "['IPv6','IPv4']", "RequireDualStack", NULL },
		{ "{'type':'ExternalName','externalName':'a'}", "{'type':'ClusterIP'}", 2,
		  "['IPv4']", "SingleStack", NULL },
		{ NULL, "{'type':'ExternalName'}", 1, NULL, "", NULL },
		{ NULL, "{'ipFamilies':['X']}", 1, NULL, NULL,
		  "spec.ipFamilies[0]: Unsupported value: \"X\": supported values: \"IPv4\", "
		  "\"IPv6\"" },
		/* Updates. */
		{ "{'clusterIP':'1.1.1.1','clusterIPs':['1.1.1.1','fd00::1'],'ipFamilies':"
		  "['IPv4','IPv6'],'ipFamilyPolicy':'PreferDualStack'}",
		  "{'clusterIP':'1.1.1.1','clusterIPs':['1.1.1.1','fd00::1'],'ipFamilies':"
		  "['IPv4','IPv6'],'ipFamilyPolicy':'SingleStack'}",
		  2, "['IPv4']", "SingleStack", NULL },
		{ "{'clusterIP':'1.1.1.1','clusterIPs':['1.1.1.1','fd00::1'],'ipFamilies':"
		  "['IPv4','IPv6'],'ipFamilyPolicy':'PreferDualStack'}",
		  "{'clusterIP':'1.1.1.1','clusterIPs':['1.1.1.1'],'ipFamilies':['IPv4'],"
		  "'ipFamilyPolicy':'PreferDualStack'}",
		  2, NULL, NULL,
		  "[spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be 'SingleStack' "
		  "to release the secondary cluster IP, spec.ipFamilyPolicy: Invalid value: "
		  "\"PreferDualStack\": must be 'SingleStack' to release the secondary IP family]" },
		/* Not upgraded when the cluster got a second family. */
		{ "{'type':'ClusterIP','clusterIP':'1.1.1.1','clusterIPs':['1.1.1.1'],'ipFamilies':"
		  "['IPv4'],'ipFamilyPolicy':'PreferDualStack'}",
		  "{'clusterIP':'1.1.1.1','clusterIPs':['1.1.1.1'],'ipFamilies':['IPv4'],"
		  "'ipFamilyPolicy':'PreferDualStack'}",
		  2, "['IPv4']", "PreferDualStack", NULL },
		{ "{'clusterIP':'1.1.1.1','clusterIPs':['1.1.1.1'],'ipFamilies':['IPv4'],"
		  "'ipFamilyPolicy':'SingleStack'}",
		  "{'ipFamilyPolicy':'RequireDualStack'}", 2, "['IPv4','IPv6']", "RequireDualStack",
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_families(&cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_set),
		cmocka_unit_test(allocated_values_are_kept),
		cmocka_unit_test(unneeded_values_are_dropped),
		cmocka_unit_test(status_is_the_servers),
		cmocka_unit_test(families_are_filled),
	};

	return cmocka_run_group_tests_name("service_write", tests, NULL, NULL);
}
