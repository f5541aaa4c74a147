/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/patch.h"
#include "parse_json.h"

struct patch_case {
	const char *object, *patch;
	const char *expected; /* NULL: fails with 'code' and a text that has 'message' in it */
	int code;
	const char *message;
};

static void run(int (*patch)(const json_t *object, const json_t *patch, json_t **ret,
                             struct err *err),
                const struct patch_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		auto_json json_t *object = parse_json(cases[i].object);
		auto_json json_t *operations = parse_json(cases[i].patch);
		auto_json json_t *result = NULL;
		struct err err = { 0 };
		int r = patch(object, operations, &result, &err);

		if (r != (cases[i].expected ? 0 : cases[i].code))
			fail_msg("%s on %s: %d %s", cases[i].patch, cases[i].object, r, err.msg);
		if (cases[i].expected)
			assert_json(result, cases[i].expected);
		else if (!strstr(err.msg, cases[i].message))
			fail_msg("%s on %s: %s", cases[i].patch, cases[i].object, err.msg);
		assert_json(object, cases[i].object); /* the inputs stay */
		assert_json(operations, cases[i].patch);
	}
}

/* The examples of RFC 7386, appendix A, that are objects, and more. */
static void merge_patches_apply(void **state)
{
	static const struct patch_case cases[] = {
		{ "{'a':'b'}", "{'a':'c'}", "{'a':'c'}", 0, NULL },
		{ "{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}", 0, NULL },
		{ "{'a':'b'}", "{'a':null}", "{}", 0, NULL },
		{ "{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}", 0, NULL },
		{ "{'a':['b']}", "{'a':'c'}", "{'a':'c'}", 0, NULL },
		{ "{'a':'c'}", "{'a':['b']}", "{'a':['b']}", 0, NULL },
		{ "{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}", 0, NULL },
		{ "{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}", 0, NULL },
		{ "{'e':null}", "{'a':1}", "{'e':null,'a':1}", 0, NULL },
		{ "{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}", 0, NULL },
		{ "{'a':1}", "{}", "{'a':1}", 0, NULL },
		{ "{'a':'s'}", "{'a':{'b':1,'c':null}}", "{'a':{'b':1}}", 0, NULL },
		{ "{}", "{'a':[null,{'b':null}]}", "{'a':[null,{'b':null}]}", 0, NULL },
		{ "{}", "[]", NULL, -EINVAL,
		  "error decoding patch: json: cannot unmarshal array into Go value of type "
		  "map[string]interface {}" },
		{ "{}", "'x'", NULL, -EINVAL, "json: cannot unmarshal string into" },
		{ "{}", "null", NULL, -EINVAL, "Invalid JSON Patch" },
	};

	(void)state;
	run(patch_merge, cases, ARRAY_SIZE(cases));
}

/* The examples of RFC 6902, appendix A, and more. */
static void json_patches_apply(void **state)
{
	static const struct patch_case cases[] = {
		{ "{'foo':'bar'}", "[{'op':'add','path':'/baz','value':'qux'}]",
		  "{'baz':'qux','foo':'bar'}", 0, NULL },
		{ "{'foo':['bar','baz']}", "[{'op':'add','path':'/foo/1','value':'qux'}]",
		  "{'foo':['bar','qux','baz']}", 0, NULL },
		{ "{'baz':'qux','foo':'bar'}", "[{'op':'remove','path':'/baz'}]", "{'foo':'bar'}",
		  0, NULL },
		{ "{'foo':['bar','qux','baz']}", "[{'op':'remove','path':'/foo/1'}]",
		  "{'foo':['bar','baz']}", 0, NULL },
		{ "{'baz':'qux','foo':'bar'}", "[{'op':'replace','path':'/baz','value':'boo'}]",
		  "{'baz':'boo','foo':'bar'}", 0, NULL },
		{ "{'foo':{'bar':'baz','waldo':'fred'},'qux':{'corge':'grault'}}",
		  "[{'op':'move','from':'/foo/waldo','path':'/qux/thud'}]",
		  "{'foo':{'bar':'baz'},'qux':{'corge':'grault','thud':'fred'}}", 0, NULL },
		{ "{'foo':['all','grass','cows','eat']}",
		  "[{'op':'move','from':'/foo/1','path':'/foo/3'}]",
		  "{'foo':['all','cows','eat','grass']}", 0, NULL },
		{ "{'baz':'qux','foo':['a',2,'c']}",
		  "[{'op':'test','path':'/baz','value':'qux'},{'op':'test','path':'/foo/1','value':2}]",
		  "{'baz':'qux','foo':['a',2,'c']}", 0, NULL },
		{ "{'baz':'qux'}", "[{'op':'test','path':'/baz','value':'bar'}]", NULL, -EBADMSG,
		  "testing value /baz failed" },
		{ "{'foo':'bar'}", "[{'op':'add','path':'/child','value':{'grandchild':{}}}]",
		  "{'foo':'bar','child':{'grandchild':{}}}", 0, NULL },
		{ "{'foo':'bar'}", "[{'op':'add','path':'/baz','value':'qux','xyz':123}]",
		  "{'foo':'bar','baz':'qux'}", 0, NULL },
		{ "{'foo':'bar'}", "[{'op':'add','path':'/baz/bat','value':'qux'}]", NULL, -EBADMSG,
		  "add operation does not apply: nothing at \"/baz/bat\"" },
		{ "{'/':9,'~1':10}", "[{'op':'test','path':'/~01','value':10}]", "{'/':9,'~1':10}",
		  0, NULL },
		{ "{'/':9,'~1':10}", "[{'op':'test','path':'/~01','value':'10'}]", NULL, -EBADMSG,
		  "testing value" },
		{ "{'foo':['bar']}", "[{'op':'add','path':'/foo/-','value':['abc','def']}]",
		  "{'foo':['bar',['abc','def']]}", 0, NULL },

		{ "{'a/b':1}", "[{'op':'replace','path':'/a~1b','value':2}]", "{'a/b':2}", 0,
		  NULL },
		{ "{'':1}", "[{'op':'replace','path':'/','value':2}]", "{'':2}", 0, NULL },
		{ "{'a':1}", "[]", "{'a':1}", 0, NULL },
		{ "{'a':1}", "[{'op':'add','path':'/a','value':null}]", "{'a':null}", 0, NULL },
		{ "{'a':1}", "[{'op':'replace','path':'','value':{'b':2}}]", "{'b':2}", 0, NULL },
		{ "{'a':[1]}",
		  "[{'op':'copy','from':'/a','path':'/b'},"
		  "{'op':'add','path':'/b/0','value':0}]",
		  "{'a':[1],'b':[0,1]}", 0, NULL },
		{ "{'a':[1,2]}", "[{'op':'add','path':'/a/2','value':3}]", "{'a':[1,2,3]}", 0,
		  NULL },
		{ "{'a':1}", "[{'op':'test','path':'/b','value':null}]", "{'a':1}", 0, NULL },
		{ "{'a':1}", "[{'op':'test','path':'','value':{'a':1}}]", "{'a':1}", 0, NULL },

		{ "{'a':[1]}", "[{'op':'add','path':'/a/2','value':3}]", NULL, -EBADMSG,
		  "nothing at" },
		{ "{'a':[1]}", "[{'op':'add','path':'/a/-3','value':3}]", NULL, -EBADMSG,
		  "nothing at" },
		{ "{'a':[1]}", "[{'op':'remove','path':'/a/-2'}]", NULL, -EBADMSG, "nothing at" },
		{ "{'a':[1]}", "[{'op':'remove','path':'/a/x'}]", NULL, -EBADMSG, "nothing at" },
		{ "{'a':[1]}", "[{'op':'replace','path':'/a/-','value':3}]", NULL, -EBADMSG,
		  "nothing at" },
		{ "{'a':[1]}", "[{'op':'remove','path':'/a/99999999999999999999'}]", NULL, -EBADMSG,
		  "nothing at" },
		{ "{'a':1}", "[{'op':'remove','path':'/b'}]", NULL, -EBADMSG, "remove operation" },
		{ "{'a':1}", "[{'op':'remove','path':''}]", NULL, -EBADMSG, "remove operation" },
		{ "{'a':1}", "[{'op':'replace','path':'/b/c','value':1}]", NULL, -EBADMSG,
		  "replace operation does not apply" },
		{ "{'a':1}", "[{'op':'add','path':'','value':{}}]", NULL, -EBADMSG,
		  "add operation does not apply" },
		{ "{'a':1}", "[{'op':'replace','path':'','value':5}]", NULL, -EBADMSG,
		  "must be object or array" },
		{ "{'a':1}", "[{'op':'replace','path':''}]", NULL, -EBADMSG,
		  "must be object or array" },
		{ "{'a':1}", "[{'op':'copy','from':'/b/c','path':'/c'}]", NULL, -EBADMSG,
		  "copy operation does not apply" },
		{ "{'a':1}", "[{'op':'copy','from':'','path':'/c'}]", NULL, -EBADMSG,
		  "copy operation does not apply" },
		{ "{'a':1}", "[{'op':'move','from':'/b','path':'/c'}]", NULL, -EBADMSG,
		  "move operation does not apply" },
		{ "{'a':{'b':1}}", "[{'op':'move','from':'/a','path':'/a/b/c'}]", NULL, -EBADMSG,
		  "move operation does not apply" },
		{ "{'a':1}", "[{'op':'replace','path':'/a','value':2},{'op':'remove','path':'/x'}]",
		  NULL, -EBADMSG, "remove operation" },

		{ "{}", "{}", NULL, -EINVAL,
		  "error decoding patch: json: cannot unmarshal object into Go value of type "
		  "[]handlers.jsonPatchOp" },
		{ "{}", "[1]", NULL, -EINVAL,
		  "json: cannot unmarshal number into Go value of type handlers.jsonPatchOp" },
		{ "{}", "[{'op':'add','path':5}]", NULL, -EINVAL,
		  "json: cannot unmarshal number into Go struct field jsonPatchOp.path of type "
		  "string" },
		{ "{}", "[null]", NULL, -EBADMSG, "Unexpected kind: unknown" },
		{ "{}", "[{'op':'frob','path':'/a'}]", NULL, -EBADMSG, "Unexpected kind: frob" },
		{ "{}", "[{'op':'add','value':1}]", NULL, -EBADMSG, "missing path field" },
		{ "{}", "[{'op':'add','path':null,'value':1}]", NULL, -EBADMSG,
		  "missing path field" },
		{ "{}", "[{'op':'copy','path':'/a'}]", NULL, -EBADMSG, "missing from field" },
		{ "{}", "[{'op':'add','path':'a','value':1}]", NULL, -EBADMSG,
		  "\"a\" is not a JSON pointer" },

		/* what the library does that Kubernetes uses, and RFC 6902 does not */
		{ "{'a':1}", "null", "{'a':1}", 0, NULL },
		{ "{'a':1}", "[{'op':'replace','path':'/b','value':1}]", "{'a':1,'b':1}", 0, NULL },
		{ "{'a':1}", "[{'op':'add','path':'/a'}]", "{'a':null}", 0, NULL },
		{ "{'a':1}", "[{'op':'test','path':'/b'}]", "{'a':1}", 0, NULL },
		{ "{'a':1}", "[{'op':'copy','from':'/b','path':'/c'}]", "{'a':1,'c':null}", 0,
		  NULL },
		{ "{'a':1}", "[{'op':'add','path':'x/b','value':1}]", "{'a':1,'b':1}", 0, NULL },
		{ "{}", "[{'op':'add','path':'/a~2~','value':1}]", "{'a~2~':1}", 0, NULL },
		{ "{'a':[1,2]}", "[{'op':'add','path':'/a/-1','value':3}]", "{'a':[1,2,3]}", 0,
		  NULL },
		{ "{'a':[1,2]}", "[{'op':'remove','path':'/a/-1'}]", "{'a':[1]}", 0, NULL },
		{ "{'a':[1,2]}", "[{'op':'replace','path':'/a/+01','value':3}]", "{'a':[1,3]}", 0,
		  NULL },
	};

	(void)state;
	run(patch_json, cases, ARRAY_SIZE(cases));
}

static int apply_repeated(const char *object, const char *operation, int n)
{
	auto_json json_t *j = parse_json(object);
	auto_json json_t *op = parse_json(operation);
	auto_json json_t *patch = json_array();
	auto_json json_t *result = NULL;
	struct err err = { 0 };

	for (int i = 0; i < n; i++)
		json_array_append(patch, op);
	return patch_json(j, patch, &result, &err);
}

static void json_patches_are_limited(void **state)
{
	static const char add[] = "{'op':'add','path':'/a','value':1}";

	(void)state;
	assert_int_equal(apply_repeated("{}", add, 10000), 0);
	assert_int_equal(apply_repeated("{}", add, 10001), -EFBIG);
	/* doubles with every operation */
	assert_int_equal(apply_repeated("{'a':[1]}", "{'op':'copy','from':'/a','path':'/a/-'}",
	                                100),
	                 -EBADMSG);
	/* nests deeper with every operation */
	assert_int_equal(apply_repeated("{'a':{}}", "{'op':'copy','from':'/a','path':'/a/a'}", 300),
	                 -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merge_patches_apply),
		cmocka_unit_test(json_patches_apply),
		cmocka_unit_test(json_patches_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
