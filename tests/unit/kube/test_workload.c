/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments, ReplicaSets and PodTemplates, label selectors and Scales. */
#include "cmocka_all.h"

#include "base/buf.h"
#include "kube/label_selector.h"
#include "kube/scale.h"
#include "refusals.h"

#define POD      "'spec':{'containers':[{'name':'c','image':'i:1'}]}"
#define TEMPLATE "'template':{'metadata':{'labels':{'a':'b'}}," POD "}"
#define SELECTOR "'selector':{'matchLabels':{'a':'b'}}"

static void objects_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{ &kind_deployment, NULL, "{'spec':{" SELECTOR "," TEMPLATE "}}", "[]", 0 },
		{ &kind_deployment, NULL, "{'spec':{" TEMPLATE "}}",
		  "[spec.selector: Required value, spec.template.metadata.labels: Invalid value: "
		  "{\"a\":\"b\"}: `selector` does not match template `labels`]",
		  0 },
		{ &kind_deployment, NULL, "{'spec':{}}",
		  "[spec.selector: Required value, spec.template.metadata.labels: Invalid value: "
		  "null: `selector` does not match template `labels`, "
		  "spec.template.spec.containers: Required value]",
		  0 },
		{ &kind_deployment, NULL, "{'spec':{'selector':{}," TEMPLATE "}}",
		  "spec.selector: Invalid value: {}: empty selector is invalid for deployment", 0 },
		{ &kind_deployment, NULL,
		  "{'spec':{'selector':{'matchLabels':{'x':'y'}},'template':{'metadata':{'labels':"
		  "{'b':'2','a':'1'}}," POD "}}}",
		  "spec.template.metadata.labels: Invalid value: {\"a\":\"1\",\"b\":\"2\"}: "
		  "`selector` does not match template `labels`",
		  0 },
		{ &kind_deployment, NULL,
		  "{'spec':{'selector':{'matchLabels':{'x':'y'}},'template':{" POD "}}}",
		  "spec.template.metadata.labels: Invalid value: null: `selector` does not match "
		  "template `labels`",
		  0 },
		{ &kind_deployment, NULL,
		  "{'spec':{'selector':{'matchExpressions':[{'key':'a','operator':'X'}]}," TEMPLATE
		  "}}",
		  "[spec.selector.matchExpressions[0].operator: Invalid value: \"X\": not a valid "
		  "selector operator, spec.selector: Invalid value: {\"matchExpressions\":[{\"key\":"
		  "\"a\",\"operator\":\"X\"}]}: invalid label selector]",
		  0 },
		{ &kind_deployment, NULL,
		  "{'spec':{'replicas':-1,'minReadySeconds':-1,'revisionHistoryLimit':-1," SELECTOR
		  "," TEMPLATE "}}",
		  "[spec.replicas: Invalid value: -1: must be greater than or equal to 0, "
		  "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0, "
		  "spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to "
		  "0]",
		  0 },
		{ &kind_deployment, NULL,
		  "{'spec':{'minReadySeconds':9,'progressDeadlineSeconds':9," SELECTOR "," TEMPLATE
		  "}}",
		  "spec.progressDeadlineSeconds: Invalid value: 9: must be greater than "
		  "minReadySeconds",
		  0 },
		{ &kind_deployment, NULL,
		  "{'spec':{'strategy':{'type':'X'}," SELECTOR "," TEMPLATE "}}",
		  "spec.strategy: Unsupported value: {\"Type\":\"X\",\"RollingUpdate\":null}: "
		  "supported values: \"Recreate\", \"RollingUpdate\"",
		  0 },
		{ &kind_deployment, NULL,
		  "{'spec':{'strategy':{'type':'Recreate','rollingUpdate':{'maxSurge':1}}," SELECTOR
		  "," TEMPLATE "}}",
		  "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` "
		  "is 'Recreate'",
		  0 },
		{ &kind_deployment, NULL,
		  "{'spec':{'strategy':{'rollingUpdate':{'maxSurge':0,'maxUnavailable':'0%'}}," SELECTOR
		  "," TEMPLATE "}}",
		  "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 "
		  "when `maxSurge` is 0",
		  0 },
		{ &kind_deployment, NULL,
		  "{'spec':{'strategy':{'rollingUpdate':{'maxSurge':-1,'maxUnavailable':'101%'}}," SELECTOR
		  "," TEMPLATE "}}",
		  "[spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: must be greater than or "
		  "equal to 0, spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": "
		  "must not be greater than 100%]",
		  0 },
		{ &kind_deployment, NULL,
		  "{'spec':{'strategy':{'rollingUpdate':{'maxSurge':'x'}}," SELECTOR "," TEMPLATE
		  "}}",
		  "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"x\": a valid percent string "
		  "must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex "
		  "used for validation is '[0-9]+%')",
		  0 },
		{ &kind_deployment, "{'spec':{" SELECTOR "," TEMPLATE "}}",
		  "{'spec':{'selector':{'matchLabels':{'c':'d'}},'template':{'metadata':{'labels':"
		  "{'c':'d'}}," POD "}}}",
		  "spec.selector: Invalid value: {\"matchLabels\":{\"c\":\"d\"}}: field is immutable",
		  0 },
		{ &kind_deployment, "{'spec':{" SELECTOR "," TEMPLATE "}}",
		  "{'status':{'replicas':1,'readyReplicas':2,'availableReplicas':3}}",
		  "[status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas, "
		  "status.availableReplicas: Invalid value: 3: cannot be greater than "
		  "status.replicas, status.availableReplicas: Invalid value: 3: cannot be greater "
		  "than readyReplicas]",
		  KIND_UPDATE_STATUS },
		{ &kind_replica_set, NULL, "{'spec':{" SELECTOR "," TEMPLATE "}}", "[]", 0 },
		{ &kind_replica_set, NULL,
		  "{'spec':{" SELECTOR ",'template':{'metadata':{'labels':{'a':'b'}},'spec':{"
		  "'restartPolicy':'Never','activeDeadlineSeconds':1,'containers':[{'name':'c',"
		  "'image':'i'}]}}}}",
		  "[spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: "
		  "\"Always\", spec.template.spec.activeDeadlineSeconds: Forbidden: "
		  "activeDeadlineSeconds in ReplicaSet is not Supported]",
		  0 },
		{ &kind_replica_set, NULL,
		  "{'spec':{" SELECTOR ",'template':{'metadata':{'labels':{'a':'b'}},'spec':{}}}}",
		  "spec.template.spec.containers: Required value", 0 },
		{ &kind_pod_template, NULL,
		  "{'template':{'spec':{'containers':[{'name':'A','image':'i'}]}}}",
		  "template.spec.containers[0].name: Invalid value: \"A\": a lowercase RFC 1123 label "
		  "must consist of lower case alphanumeric characters or '-', and must start and end "
		  "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
		  "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(&cases[i]);
}

static void defaults_are_set(void **state)
{
	auto_json json_t *object =
		object_of("{'spec':{" SELECTOR "," TEMPLATE "},'status':{'x':1}}", "default");
	const json_t *pod;

	(void)state;
	run_hooks(&kind_deployment, object, NULL, KIND_CREATE);
	assert_json(json_path(object, "spec.strategy"),
	            "{'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':'25%','maxSurge':"
	            "'25%'}}");
	assert_json(json_path(object, "status"), "{}");
	assert_int_equal(json_path_int(object, "spec.replicas", 0), 1);
	assert_int_equal(json_path_int(object, "spec.revisionHistoryLimit", 0), 10);
	assert_int_equal(json_path_int(object, "spec.progressDeadlineSeconds", 0), 600);
	pod = json_path(object, "spec.template.spec");
	assert_json((json_t *)pod,
	            "{'restartPolicy':'Always','dnsPolicy':'ClusterFirst','schedulerName':"
	            "'default-scheduler','securityContext':{},'terminationGracePeriodSeconds':30,"
	            "'containers':[{'name':'c','image':'i:1','imagePullPolicy':'IfNotPresent',"
	            "'terminationMessagePath':'/dev/termination-log','terminationMessagePolicy':"
	            "'File','resources':{}}]}");
}

static void volumes_get_defaults(void **state)
{
	auto_json json_t *object = object_of(
		"{'template':{'spec':{'serviceAccount':'s','volumes':[{'name':'a'},{'name':'b',"
		"'secret':{'secretName':'s'}}],'containers':[{'env':[{'name':'e','valueFrom':"
		"{'fieldRef':{'fieldPath':'p'}}}]}]}}}",
		"default");
	json_t *spec = json_path(object, "template.spec");

	(void)state;
	run_hooks(&kind_pod_template, object, NULL, KIND_CREATE);
	assert_json(json_path(spec, "volumes"), "[{'name':'a','emptyDir':{}},{'name':'b','secret':"
	                                        "{'secretName':'s','defaultMode':420}}]");
	assert_string_equal(json_path_str(spec, "serviceAccountName"), "s");
	assert_json(json_path(json_array_get(json_path(spec, "containers"), 0), "env"),
	            "[{'name':'e','valueFrom':{'fieldRef':{'fieldPath':'p','apiVersion':'v1'}}}]");
}

static void selectors_match(void **state)
{
	static const struct {
		const char *selector, *labels, *text;
		bool matches;
	} cases[] = {
		{ "{}", "{}", "", true },
		{ "null", "{'a':'b'}", "", false },
		{ "{'matchLabels':{'c':'d','a':'b'}}", "{'a':'b','c':'d','e':'f'}", "a=b,c=d",
		  true },
		{ "{'matchLabels':{'a':'b'}}", "{'a':'c'}", "a=b", false },
		{ "{'matchExpressions':[{'key':'a','operator':'In','values':['c','b']}]}",
		  "{'a':'b'}", "a in (b,c)", true },
		{ "{'matchExpressions':[{'key':'a','operator':'NotIn','values':['b']}]}", "{}",
		  "a notin (b)", true },
		{ "{'matchExpressions':[{'key':'a','operator':'NotIn','values':['b']}]}",
		  "{'a':'b'}", "a notin (b)", false },
		{ "{'matchExpressions':[{'key':'z','operator':'Exists'},{'key':'b','operator':"
		  "'DoesNotExist'}]}",
		  "{'z':''}", "!b,z", true },
		{ "{'matchExpressions':[{'key':'z','operator':'Exists'}]}", "{}", "z", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *selector = parse_json(cases[i].selector);
		auto_json json_t *labels = parse_json(cases[i].labels);
		auto_buf struct buf b = BUF_INIT;

		assert_int_equal(label_selector_matches(selector, labels), cases[i].matches);
		label_selector_print(&b, selector);
		assert_string_equal(buf_str(&b), cases[i].text);
	}
}

static void scales_are_read_and_applied(void **state)
{
	auto_json json_t *object = parse_json(
		"{'metadata':{'name':'x','namespace':'n','uid':'u','resourceVersion':'7','labels':"
		"{'a':'b'}},'spec':{'replicas':3," SELECTOR "},'status':{'replicas':2}}");
	auto_json json_t *scale = scale_of(object);
	struct field_errors errs = { 0 };
	auto_free char *text = NULL;

	(void)state;
	assert_json(scale, "{'kind':'Scale','apiVersion':'autoscaling/v1','metadata':{'name':'x',"
	                   "'namespace':'n','uid':'u','resourceVersion':'7'},'spec':{'replicas':3},"
	                   "'status':{'replicas':2,'selector':'a=b'}}");
	json_path_set(scale, "spec.replicas", json_integer(-1));
	scale_validate(scale, &errs);
	text = field_errors_text(&errs);
	field_errors_done(&errs);
	assert_string_equal(text, "spec.replicas: Invalid value: -1: must be greater than or equal "
	                          "to 0");
	json_path_del(scale, "spec.replicas");
	json_path_set(scale, "metadata.resourceVersion", json_string("6"));
	scale_apply(object, scale);
	assert_int_equal(json_path_int(object, "spec.replicas", -1), 0);
	assert_string_equal(json_path_str(object, "metadata.resourceVersion"), "6");
	assert_string_equal(json_path_str(object, "metadata.labels.a"), "b");
}

static void status_writes_keep_labels(void **state)
{
	auto_json json_t *old = object_of(
		"{'metadata':{'labels':{'a':'b'}},'spec':{" SELECTOR "," TEMPLATE "}}", "default");
	auto_json json_t *object = object_of("{'status':{'replicas':1}}", "default");

	(void)state;
	run_hooks(&kind_deployment, old, NULL, KIND_CREATE);
	run_hooks(&kind_deployment, object, old, KIND_UPDATE_STATUS);
	assert_json(json_path(object, "metadata.labels"), "{'a':'b'}");
	assert_json(json_path(object, "status"), "{'replicas':1}");
}

static void annotations_count_as_generation(void **state)
{
	auto_json json_t *a = parse_json("{'apiVersion':'apps/v1','kind':'Deployment',"
	                                 "'metadata':{'annotations':{'a':'b'}}}");
	auto_json json_t *b = parse_json("{'apiVersion':'apps/v1','kind':'Deployment',"
	                                 "'metadata':{'labels':{'a':'b'}}}");

	(void)state;
	assert_true(kind_spec_changed(a, b));
	json_path_del(a, "metadata.annotations");
	assert_false(kind_spec_changed(a, b));
}

static void names_are_warned_of(void **state)
{
	auto_json json_t *object = object_of("{'metadata':{'name':'a.b'}}", "default");
	auto_json json_t *warnings = json_array();

	(void)state;
	kind_deployment.warn(object, NULL, warnings);
	assert_json(warnings,
	            "['metadata.name: this is used in Pod names and hostnames, which can "
	            "result in surprising behavior; a DNS label is recommended: [must not "
	            "contain dots]']");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_refused),
		cmocka_unit_test(defaults_are_set),
		cmocka_unit_test(volumes_get_defaults),
		cmocka_unit_test(selectors_match),
		cmocka_unit_test(scales_are_read_and_applied),
		cmocka_unit_test(status_writes_keep_labels),
		cmocka_unit_test(annotations_count_as_generation),
		cmocka_unit_test(names_are_warned_of),
	};

	return cmocka_run_group_tests_name("workload", tests, NULL, NULL);
}
