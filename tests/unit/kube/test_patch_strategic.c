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
		{ "{'a':1}", "null", "{'a':1}" },
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
		{ "{'metadata':{'finalizers':['a']}}",
		  "{'metadata':{'$deleteFromPrimitiveList/finalizers':'a'}}",
		  "{'metadata':{'finalizers':['a']}}" },

		/* $patch */
		{ "{'a':{'b':1}}", "{'a':{'$patch':'replace','c':2}}", "{'a':{'c':2}}" },
		{ "{'a':{'b':1}}", "{'a':{'$patch':'delete'}}", "{'a':{}}" },
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
		const char *object, *patch;
		int code;
		const char *message;
	} cases[] = {
		{ "{}", "[]", -EINVAL,
		  "json: cannot unmarshal array into Go value of type map[string]interface {}" },
		{ "{}", "{'$patch':'frob'}", -EPROTO,
		  "unknown patch type: frob in map: map[$patch:frob]" },
		{ "{}", "{'$patch':'merge'}", -EPROTO,
		  "unknown patch type: merge in map: map[$patch:merge]" },
		{ "{'a':{}}", "{'a':{'$patch':1,'b':[null,1.5,{}]}}", -EPROTO,
		  "unknown patch type: %!s(int64=1) in map: map[$patch:1 b:[<nil> 1.5 map[]]]" },
		{ "{'a':{}}", "{'a':{'$patch':null}}", -EPROTO,
		  "unknown patch type: %!s(<nil>) in map: map[$patch:<nil>]" },
		{ "{'spec':{'ports':[]}}", "{'spec':{'ports':[{'port':1,'$patch':'x'}]}}", -EPROTO,
		  "unknown patch type: x in map: map[$patch:x port:1]" },
		{ "{'spec':{'ports':[]}}", "{'spec':{'ports':[{'port':1,'$patch':'merge'}]}}",
		  -EPROTO, "merging lists cannot yet be specified in the patch" },
		{ "{'spec':{'ports':[]}}", "{'spec':{'ports':[{'name':'x'}]}}", -EPROTO,
		  "map: map[name:x] does not contain declared merge key: port" },
		{ "{'spec':{'ports':[]}}", "{'spec':{'ports':[{'$patch':'delete'}]}}", -EPROTO,
		  "map: map[$patch:delete] does not contain declared merge key: port" },
		{ "{'spec':{'ports':[{'name':'x'}]}}", "{'spec':{'ports':[{'port':1}]}}", -EPROTO,
		  "map: map[name:x] does not contain declared merge key: port" },
		{ "{'spec':{'ports':[]}}", "{'spec':{'ports':[1]}}", -EPROTO,
		  "expected a map[string]interface {}, but received a int64" },
		{ "{'spec':{'ports':[{'port':1}]}}", "{'spec':{'ports':[1]}}", -EPROTO,
		  "list element types are not identical: [[map[port:1]] [1]]" },
		{ "{'spec':{'ports':[]}}", "{'spec':{'ports':[{'port':{}}]}}", -EPROTO,
		  "the merge key port is no scalar: map[string]interface {}" },
		{ "{'metadata':{'finalizers':['a']}}", "{'metadata':{'finalizers':[{}]}}", -EPROTO,
		  "list element types are not identical: [[a] [map[]]]" },
		{ "{'metadata':{'finalizers':[]}}", "{'metadata':{'finalizers':[{}]}}", -EPROTO,
		  "cannot merge lists without merge key" },
		{ "{'metadata':{'finalizers':[]}}", "{'metadata':{'finalizers':[[]]}}", -EBADMSG,
		  "lists of lists are not supported" },
		{ "{'spec':{'ports':[{'port':1}]}}", "{'spec':{'$setElementOrder/ports':{}}}",
		  -EPROTO, "expected a []interface {}, but received a map[string]interface {}" },
		{ "{'spec':{'ports':[{'port':1}]}}",
		  "{'spec':{'$setElementOrder/ports':[],'ports':5}}", -EPROTO,
		  "expected a []interface {}, but received a int64" },
		{ "{'spec':{'ports':[{'port':1}]}}", "{'spec':{'$setElementOrder/ports':[5]}}",
		  -EPROTO, "value for key 0 is not a map" },
		{ "{'spec':{'ports':[{'port':1}]}}",
		  "{'spec':{'$setElementOrder/ports':[5],'ports':[{'port':1}]}}", -EPROTO,
		  "expected a map[string]interface {}, but received a int64" },
		{ "{'spec':{}}", "{'spec':{'$setElementOrderports':[]}}", -EINVAL,
		  "invalid patch format of setElementOrder list" },
		{ "{'spec':{'ports':[{'port':1}]}}",
		  "{'spec':{'$setElementOrder/ports':[{'port':1}],'ports':[{'port':2}]}}", -EPROTO,
		  "The order in patch list:\n[map[port:2]]\n doesn't match $setElementOrder list:\n"
		  "[map[port:1]]\n" },
		{ "{'spec':{'ports':[{'port':1}]}}",
		  "{'spec':{'$setElementOrder/ports':[{'port':1},{'port':2}],"
		  "'ports':[{'port':2},{'port':1}]}}",
		  -EPROTO, "The order in patch list" },
		{ "{'metadata':{}}", "{'metadata':{'$deleteFromPrimitiveListx':'a'}}", -EINVAL,
		  "invalid patch format of primitive list" },
		{ "{'metadata':{'finalizers':['a']}}",
		  "{'metadata':{'$deleteFromPrimitiveList/finalizers':[1]}}", -EPROTO,
		  "list element types are not identical: [[a] [1]]" },
		{ "{'a':{}}", "{'a':{'$retainKeys':['b'],'c':1}}", -EINVAL,
		  "invalid patch format of retainKeys" },
		{ "{'a':{}}", "{'a':{'$retainKeys':1}}", -EINVAL,
		  "invalid patch format of retainKeys" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *object = parse_json(cases[i].object);
		auto_json json_t *patch = parse_json(cases[i].patch);
		auto_json json_t *result = NULL;
		struct err err = { 0 };

		if (patch_strategic(object, patch, keys, &result, &err) != cases[i].code)
			fail_msg("%s: %d %s", cases[i].patch, err.code, err.msg);
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
