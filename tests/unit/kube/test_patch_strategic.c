/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/patch.h"
#include "parse_json.h"

static const struct merge_key keys[] = {
	{ "spec.ports", "port" },
	{ "spec.containers", "name" },
	{ "spec.containers.ports", "containerPort" },
	{ "status.conditions", "type" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static void patches_merge(void **state)
{
	static const struct {
		const char *object, *patch, *expected;
	} cases[] = {
		{ "{'a':1}", "{}", "{'a':1}" },
		{ "{'a':{'b':1,'c':2}}", "{'a':{'b':3,'d':4}}", "{'a':{'b':3,'c':2,'d':4}}" },
		{ "{'a':{'b':1,'c':2}}", "{'a':{'b':null,'x':null}}", "{'a':{'c':2}}" },
		{ "{'a':1}", "{'a':{'b':1,'c':null}}", "{'a':{'b':1}}" },
		{ "{'a':{'b':1}}", "{'a':[1]}", "{'a':[1]}" },

		/* lists: atomic unless the table says otherwise */
		{ "{'spec':{'ips':['a','b']}}", "{'spec':{'ips':['c']}}",
		  "{'spec':{'ips':['c']}}" },
		{ "{'ports':[{'port':1}]}", "{'ports':[{'port':2}]}", "{'ports':[{'port':2}]}" },
		{ "{'spec':{'ports':[{'port':80,'name':'a'},{'port':81}]}}",
		  "{'spec':{'ports':[{'port':81,'name':'b'}]}}",
		  "{'spec':{'ports':[{'port':80,'name':'a'},{'port':81,'name':'b'}]}}" },
		{ "{'spec':{'ports':[{'port':80}]}}",
		  "{'spec':{'ports':[{'port':81,'name':null}]}}",
		  "{'spec':{'ports':[{'port':81},{'port':80}]}}" },
		{ "{'spec':{}}", "{'spec':{'ports':[{'port':81},{'port':82}]}}",
		  "{'spec':{'ports':[{'port':81},{'port':82}]}}" },
		{ "{'spec':{'ports':[{'port':80}]}}", "{'spec':{'ports':null}}", "{'spec':{}}" },
		{ "{'spec':{'containers':[{'name':'c','ports':[{'containerPort':1},"
		  "{'containerPort':2}]}]}}",
		  "{'spec':{'containers':[{'name':'c','ports':[{'containerPort':2,'name':'x'}]}]}}",
		  "{'spec':{'containers':[{'name':'c','ports':[{'containerPort':1},"
		  "{'containerPort':2,'name':'x'}]}]}}" },

		/* sets */
		{ "{'metadata':{'finalizers':['a','b']}}", "{'metadata':{'finalizers':['c','a']}}",
		  "{'metadata':{'finalizers':['c','a','b']}}" },
		{ "{'metadata':{'finalizers':['a','b']}}",
		  "{'metadata':{'$deleteFromPrimitiveList/finalizers':['a','x']}}",
		  "{'metadata':{'finalizers':['b']}}" },
		{ "{'metadata':{'finalizers':['a','b']}}",
		  "{'metadata':{'$deleteFromPrimitiveList/finalizers':['a'],'finalizers':['c'],"
		  "'$setElementOrder/finalizers':['c','b']}}",
		  "{'metadata':{'finalizers':['c','b']}}" },
		{ "{'metadata':{}}", "{'metadata':{'$deleteFromPrimitiveList/finalizers':['a']}}",
		  "{'metadata':{}}" },

		/* $patch */
		{ "{'a':{'b':1}}", "{'a':{'$patch':'replace','c':2}}", "{'a':{'c':2}}" },
		{ "{'a':{'b':1}}", "{'a':{'$patch':'delete'}}", "{'a':{}}" },
		{ "{'a':{'b':1}}", "{'a':{'$patch':'merge','c':2}}", "{'a':{'b':1,'c':2}}" },
		{ "{'a':{'b':1}}",
		  "{'a':{'$patch':'replace','$setElementOrder/x':[],'c':{'$retainKeys':['d'],'d':1}}}",
		  "{'a':{'c':{'d':1}}}" },
		{ "{}", "{'a':{'$patch':'delete'},'b':{'$retainKeys':[],'c':null}}", "{'b':{}}" },
		{ "{'spec':{'ports':[{'port':80},{'port':81}]}}",
		  "{'spec':{'ports':[{'port':80,'$patch':'delete'},{'port':9,'$patch':'delete'}]}}",
		  "{'spec':{'ports':[{'port':81}]}}" },
		{ "{'spec':{'ports':[{'port':80},{'port':81}]}}",
		  "{'spec':{'ports':[{'port':82},{'$patch':'replace'}]}}",
		  "{'spec':{'ports':[{'port':82}]}}" },
		{ "{'spec':{'ports':[{'port':80},{'port':81}]}}",
		  "{'spec':{'ports':[{'port':80,'name':'x','$patch':'merge'}]}}",
		  "{'spec':{'ports':[{'port':80,'name':'x'},{'port':81}]}}" },

		/* $setElementOrder: what kubectl apply sends */
		{ "{'spec':{'ports':[{'port':80,'nodePort':30000},{'port':81}]}}",
		  "{'spec':{'$setElementOrder/ports':[{'port':82},{'port':80}],"
		  "'ports':[{'port':82},{'port':81,'$patch':'delete'}]}}",
		  "{'spec':{'ports':[{'port':82},{'port':80,'nodePort':30000}]}}" },
		{ "{'spec':{'ports':[{'port':80},{'port':81},{'port':82}]}}",
		  "{'spec':{'$setElementOrder/ports':[{'port':82},{'port':80}]}}",
		  "{'spec':{'ports':[{'port':81},{'port':82},{'port':80}]}}" },
		{ "{'spec':{}}", "{'spec':{'$setElementOrder/ports':[{'port':80}]}}",
		  "{'spec':{}}" },
		{ "{'spec':{}}",
		  "{'spec':{'$setElementOrder/ports':[{'port':80}],'ports':[{'port':80}]}}",
		  "{'spec':{'ports':[{'port':80}]}}" },
		{ "{'spec':{'ips':['a']}}",
		  "{'spec':{'$setElementOrder/ips':['b','a'],'ips':['b']}}",
		  "{'spec':{'ips':['b']}}" },
		{ "{'spec':{'ports':[]}}", "{'spec':{'$setElementOrder/ports':[],'ports':[]}}",
		  "{'spec':{'ports':[]}}" },

		/* $retainKeys */
		{ "{'a':{'b':1,'c':2}}", "{'a':{'$retainKeys':['c','d'],'d':3}}",
		  "{'a':{'c':2,'d':3}}" },

		/* two ports of one number, the known trap: the first is meant */
		{ "{'spec':{'ports':[{'port':53,'protocol':'UDP'},{'port':53,'protocol':'TCP'}]}}",
		  "{'spec':{'ports':[{'port':53,'name':'dns'}]}}",
		  "{'spec':{'ports':[{'port':53,'protocol':'UDP','name':'dns'},"
		  "{'port':53,'protocol':'TCP'}]}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = parse_json(cases[i].object);
		auto_json json_t *patch = parse_json(cases[i].patch);
		auto_json json_t *result = NULL;
		struct err err = { 0 };

		if (patch_strategic(object, patch, keys, &result, &err) < 0)
			fail_msg("%s: %s", cases[i].patch, err.msg);
		assert_json(result, cases[i].expected);
		assert_json(object, cases[i].object); /* the inputs stay */
		assert_json(patch, cases[i].patch);
	}
}

static void patches_are_refused(void **state)
{
	static const struct {
		const char *object, *patch, *message;
	} cases[] = {
		{ "{}", "[]", "must be a JSON object" },
		{ "{}", "{'$patch':'frob'}", "unknown patch type: frob" },
		{ "{'a':{}}", "{'a':{'$patch':1}}", "unknown patch type: not a string" },
		{ "{'spec':{'ports':[]}}", "{'spec':{'ports':[{'port':1,'$patch':'x'}]}}",
		  "unknown patch type: x" },
		{ "{'spec':{'ports':[]}}", "{'spec':{'ports':[{'name':'x'}]}}",
		  "does not contain declared merge key: port" },
		{ "{'spec':{'ports':[]}}", "{'spec':{'ports':[{'$patch':'delete'}]}}",
		  "does not contain declared merge key: port" },
		{ "{'spec':{'ports':[{'name':'x'}]}}", "{'spec':{'ports':[{'port':1}]}}",
		  "does not contain declared merge key: port" },
		{ "{'spec':{'ports':[]}}", "{'spec':{'ports':[1]}}", "is not an object" },
		{ "{'spec':{'ports':[]}}", "{'spec':{'ports':[{'port':{}}]}}", "not identical" },
		{ "{'metadata':{'finalizers':['a']}}", "{'metadata':{'finalizers':[{}]}}",
		  "not identical" },
		{ "{'spec':{'ports':[{'port':1}]}}", "{'spec':{'$setElementOrder/ports':{}}}",
		  "invalid patch format of setElementOrder list" },
		{ "{'spec':{'ports':[{'port':1}]}}",
		  "{'spec':{'$setElementOrder/ports':[{'port':1}],'ports':[{'port':2}]}}",
		  "The order in patch list doesn't match $setElementOrder list of spec" },
		{ "{'spec':{'ports':[{'port':1}]}}",
		  "{'spec':{'$setElementOrder/ports':[{'port':1},{'port':2}],"
		  "'ports':[{'port':2},{'port':1}]}}",
		  "The order in patch list" },
		{ "{'metadata':{'finalizers':['a']}}",
		  "{'metadata':{'$deleteFromPrimitiveList/finalizers':'a'}}",
		  "invalid patch format of primitive list" },
		{ "{'a':{}}", "{'a':{'$retainKeys':['b'],'c':1}}",
		  "patch content doesn't match retainKeys list" },
		{ "{'a':{}}", "{'a':{'$retainKeys':1}}", "invalid patch format of retainKeys" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = parse_json(cases[i].object);
		auto_json json_t *patch = parse_json(cases[i].patch);
		auto_json json_t *result = NULL;
		struct err err = { 0 };

		if (patch_strategic(object, patch, keys, &result, &err) != -EINVAL)
			fail_msg("%s is taken", cases[i].patch);
		if (!strstr(err.msg, cases[i].message))
			fail_msg("%s: %s", cases[i].patch, err.msg);
	}
}

static void nothing_merges_without_a_table(void **state)
{
	auto_json json_t *object = parse_json("{'spec':{'ports':[{'port':1}]}}");
	auto_json json_t *patch = parse_json("{'spec':{'ports':[{'port':2}]}}");
	auto_json json_t *result = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(patch_strategic(object, patch, NULL, &result, &err), 0);
	assert_json(result, "{'spec':{'ports':[{'port':2}]}}");
}

static json_t *many_ports(int n, int step)
{
	json_t *ports = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(ports, json_pack("{s:i}", "port", i * step));
	return json_pack("{s:{s:o}}", "spec", "ports", ports);
}

/* Quadratic work would take minutes: the test's time limit is the assertion. */
static void long_lists_merge_fast(void **state)
{
	auto_json json_t *object = many_ports(50000, 1);
	auto_json json_t *patch = many_ports(50000, 2);
	auto_json json_t *result = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(patch_strategic(object, patch, keys, &result, &err), 0);
	assert_int_equal(json_array_size(json_path(result, "spec.ports")), 75000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patches_merge),
		cmocka_unit_test(patches_are_refused),
		cmocka_unit_test(nothing_merges_without_a_table),
		cmocka_unit_test(long_lists_merge_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
