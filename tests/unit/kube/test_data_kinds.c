/* SPDX-License-Identifier: Apache-2.0 */
/* ConfigMaps and Secrets, and the base64 in them. */
#include "cmocka_all.h"

#include <errno.h>

#include "base/buf.h"
#include "kube/bytes.h"
#include "refusals.h"

#define KEY_RULE                                                                             \
	"a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. " \
	"'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "          \
	"'[-._a-zA-Z0-9]+')"
#define IMMUTABLE "Forbidden: field is immutable when `immutable` is set"

static void objects_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{ &kind_config_map, NULL, "{'data':{'a.b_C-1':'x'},'binaryData':{'b':'eA=='}}",
		  "[]", 0 },
		{ &kind_config_map, NULL, "{'data':{'a b':''}}",
		  "data[a b]: Invalid value: \"a b\": " KEY_RULE, 0 },
		{ &kind_config_map, NULL, "{'binaryData':{'..a':''}}",
		  "binaryData[..a]: Invalid value: \"..a\": must not start with '..'", 0 },
		{ &kind_config_map, NULL, "{'data':{'.':''}}",
		  "data[.]: Invalid value: \".\": must not be '.'", 0 },
		{ &kind_config_map, NULL, "{'data':{'..':''}}",
		  "data[..]: Invalid value: \"..\": must not be '..'", 0 },
		{ &kind_config_map, NULL, "{'data':{'a':''},'binaryData':{'a':''}}",
		  "data[a]: Invalid value: \"a\": duplicate of key present in binaryData", 0 },
		{ &kind_config_map, "{'immutable':true,'data':{'a':'1'}}",
		  "{'data':{'a':'2'},"
		  "'binaryData':{'b':''}}",
		  "[immutable: " IMMUTABLE ", data: " IMMUTABLE ", binaryData: " IMMUTABLE "]", 0 },
		{ &kind_config_map, "{'immutable':true,'data':{'a':'1'}}",
		  "{'metadata':{'labels':{'a':'b'}},'immutable':true,'data':{'a':'1'}}", "[]", 0 },
		{ &kind_config_map, "{'data':{'a':'1'}}", "{'immutable':true}", "[]", 0 },
		{ &kind_secret, NULL, "{'data':{'a':'eA=='},'type':'my/type'}", "[]", 0 },
		{ &kind_secret, NULL, "{'data':{'a/b':''}}",
		  "data[a/b]: Invalid value: \"a/b\": " KEY_RULE, 0 },
		{ &kind_secret, NULL, "{'type':'kubernetes.io/service-account-token'}",
		  "metadata.annotations[kubernetes.io/service-account.name]: Required value", 0 },
		{ &kind_secret, NULL, "{'type':'kubernetes.io/tls'}",
		  "[data[tls.crt]: Required value, data[tls.key]: Required value]", 0 },
		{ &kind_secret, NULL,
		  "{'type':'kubernetes.io/tls','data':{'tls.crt':'','tls.key':''}}", "[]", 0 },
		{ &kind_secret, NULL, "{'type':'kubernetes.io/basic-auth'}",
		  "[data[username]: Required value, data[password]: Required value]", 0 },
		{ &kind_secret, NULL,
		  "{'type':'kubernetes.io/basic-auth','stringData':{'username':''}}", "[]", 0 },
		{ &kind_secret, NULL,
		  "{'type':'kubernetes.io/ssh-auth','data':{'ssh-privatekey':''}}",
		  "data[ssh-privatekey]: Required value", 0 },
		{ &kind_secret, NULL, "{'type':'kubernetes.io/dockercfg'}",
		  "data[.dockercfg]: Required value", 0 },
		{ &kind_secret, NULL, "{'type':'kubernetes.io/dockerconfigjson'}",
		  "data[.dockerconfigjson]: Required value", 0 },
		{ &kind_secret, NULL,
		  "{'type':'kubernetes.io/dockerconfigjson','stringData':{'.dockerconfigjson':'{}'}}",
		  "[]", 0 },
		{ &kind_secret, "{'type':'a'}", "{'type':'b'}",
		  "type: Invalid value: \"b\": field is immutable", 0 },
		{ &kind_secret, "{'immutable':true,'data':{'a':'MQ=='}}",
		  "{'immutable':false,'stringData':{'a':'2'}}",
		  "[immutable: " IMMUTABLE ", data: " IMMUTABLE "]", 0 },
		{ &kind_secret, "{'immutable':true,'data':{'a':'MQ=='}}",
		  "{'immutable':true,'stringData':{'a':'1'}}", "[]", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(&cases[i]);
}

static void bad_logins_are_redacted(void **state)
{
	auto_json json_t *object = object_of("{'type':'kubernetes.io/dockercfg','stringData':"
	                                     "{'.dockercfg':'password'}}",
	                                     "default");
	auto_free char *errors = NULL;

	(void)state;
	run_hooks(&kind_secret, object, NULL, KIND_CREATE);
	errors = errors_of(&kind_secret, object, NULL, KIND_CREATE);
	assert_string_equal(errors, "data[.dockercfg]: Invalid value: \"<secret contents "
	                            "redacted>\": is not JSON");
}

static void string_data_is_encoded(void **state)
{
	auto_json json_t *object = object_of("{'data':{'a':'YQ==','b':'Yg=='},"
	                                     "'stringData':{'b':'new','c':''}}",
	                                     "default");

	(void)state;
	run_hooks(&kind_secret, object, NULL, KIND_CREATE);
	json_object_del(object, "metadata");
	assert_json(object, "{'type':'Opaque','data':{'a':'YQ==','b':'bmV3','c':''}}");
}

static void sizes_are_limited(void **state)
{
	auto_json json_t *map = object_of("{'data':{}}", "default");
	auto_json json_t *secret = object_of("{'stringData':{}}", "default");
	auto_buf struct buf big = BUF_INIT;
	auto_free char *errors = NULL;

	(void)state;
	for (size_t i = 0; i <= (size_t)1 << 20; i++)
		buf_addc(&big, 'x');
	json_path_set(map, "data.a", json_string(buf_str(&big)));
	json_path_set(secret, "stringData.a", json_string(buf_str(&big)));
	run_hooks(&kind_config_map, map, NULL, KIND_CREATE);
	run_hooks(&kind_secret, secret, NULL, KIND_CREATE);
	errors = errors_of(&kind_config_map, map, NULL, KIND_CREATE);
	assert_string_equal(errors, "[]: Too long: may not be more than 1048576 bytes");
	free(take_ptr(&errors));
	errors = errors_of(&kind_secret, secret, NULL, KIND_CREATE);
	assert_string_equal(errors, "data: Too long: may not be more than 1048576 bytes");
}

static void bytes_are_coded(void **state)
{
	static const struct {
		const char *text, *bytes; /* NULL: refused */
		size_t at;
	} cases[] = {
		{ "", "", 0 },        { "YQ==", "a", 0 },     { "YWI=", "ab", 0 },
		{ "YWJj", "abc", 0 }, { "YW\nJj", "abc", 0 }, { "YWJjZA==", "abcd", 0 },
		{ "Y", NULL, 1 },     { "YQ", NULL, 2 },      { "YQ=", NULL, 2 },
		{ "YW*j", NULL, 2 },  { "YQ==a", NULL, 2 },   { "====", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *bytes = NULL;
		auto_free char *again = NULL;
		size_t n;
		int r = bytes_decode(cases[i].text, &bytes, &n);

		if (!cases[i].bytes) {
			assert_int_equal(r, -EINVAL);
			assert_int_equal(n, cases[i].at);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(bytes, cases[i].bytes);
		assert_int_equal(bytes_decoded_size(cases[i].text), n);
		again = bytes_encode(bytes, n);
		if (!strchr(cases[i].text, '\n'))
			assert_string_equal(again, cases[i].text);
	}
}

static void bad_base64_is_no_secret(void **state)
{
	auto_json json_t *object = parse_json("{'data':{'a':'*'}}");
	struct err err = { 0 };

	(void)state;
	assert_int_equal(kind_check_types(&kind_secret, object, &err), -EBADMSG);
	assert_string_equal(err.msg, "Secret in version \"v1\" cannot be handled as a Secret: "
	                             "illegal base64 data at input byte 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_refused),    cmocka_unit_test(bad_logins_are_redacted),
		cmocka_unit_test(string_data_is_encoded), cmocka_unit_test(sizes_are_limited),
		cmocka_unit_test(bytes_are_coded),        cmocka_unit_test(bad_base64_is_no_secret),
	};

	return cmocka_run_group_tests_name("data_kinds", tests, NULL, NULL);
}
