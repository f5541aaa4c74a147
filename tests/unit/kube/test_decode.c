/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "parse_json.h"

static void json_is_taken(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "{}", "{}" },
		{ " [1, 2.5, \"x\", null, true] ", "[1,2.5,'x',null,true]" },
		{ "\"\\ud83d\\ude00\"", "'\xf0\x9f\x98\x80'" },
		{ "{\"a\":1,\"a\":2}", "{'a':2}" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "\"]]]]{{{{\"", "']]]]{{{{'" },
		{ "\"\\\"[\"", "\"\\\"[\"" },
		{ "\"a\xff\xc3\xa9\xed\xa0\x80\"",
		  "'a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd'" },
		{ "\"\\ud800\\n\\udc00\\ud83d\\ude00\\ud800\\ud800\"",
		  "'\xef\xbf\xbd\\n\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd'" },
		{ "{\"\xff\":1}", "{'\xef\xbf\xbd':1}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };
		json_t *j;

		if (decode_json(cases[i].text, strlen(cases[i].text), &j, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.msg);
		assert_json(j, cases[i].expected);
		json_decref(j);
	}
}

#define END   "unexpected end of JSON input"
#define VALUE " looking for beginning of value"
#define KEY   " looking for beginning of object key string"

static void json_is_refused(void **state)
{
	static const struct {
		const char *text;
		size_t size; /* 0: all of it */
		const char *error;
	} cases[] = {
		{ "", 0, END },
		{ "  ", 0, END },
		{ "{", 0, END },
		{ "[", 0, END },
		{ "{\"a\"", 0, END },
		{ "{\"a\":", 0, END },
		{ "{\"a\":1,", 0, END },
		{ "[1", 0, END },
		{ "\"a", 0, END },
		{ "\"\\", 0, END },
		{ "\"\\u12", 0, END },
		{ "-", 0, END },
		{ "1e", 0, END },
		{ "tru", 0, END },
		{ "garbage", 0, "invalid character 'g'" VALUE },
		{ "{\"a\":1,}", 0, "invalid character '}'" KEY },
		{ "{'a':1}", 0, "invalid character '\\''" KEY },
		{ "{1:1}", 0, "invalid character '1'" KEY },
		{ "[1,]", 0, "invalid character ']'" VALUE },
		{ "{\"a\" 1}", 0, "invalid character '1' after object key" },
		{ "{\"a\":1 \"b\"}", 0, "invalid character '\"' after object key:value pair" },
		{ "[1 2]", 0, "invalid character '2' after array element" },
		{ "[1}", 0, "invalid character '}' after array element" },
		{ "[1]\n[2]", 0, "invalid character '[' after top-level value" },
		{ "[\n\t01]", 0, "invalid character '1' after array element" },
		{ "[tru]", 0, "invalid character ']' in literal true (expecting 'e')" },
		{ "falsy", 0, "invalid character 'y' in literal false (expecting 'e')" },
		{ "nil", 0, "invalid character 'i' in literal null (expecting 'u')" },
		{ "NaN", 0, "invalid character 'N'" VALUE },
		{ "[-]", 0, "invalid character ']' in numeric literal" },
		{ "[1.]", 0, "invalid character ']' after decimal point in numeric literal" },
		{ "[1e+]", 0, "invalid character ']' in exponent of numeric literal" },
		{ "\"a\tb\"", 0, "invalid character '\\t' in string literal" },
		{ "\"\\x\"", 0, "invalid character 'x' in string escape code" },
		{ "\"\\u12g4\"", 0, "invalid character 'g' in \\u hexadecimal character escape" },
		{ "[1\0]", 4, "invalid character '\\x00' after array element" },
		{ "\xef\xbb\xbf{}", 0, "invalid character '\xc3\xaf'" VALUE },
		{ "[\x80]", 0, "invalid character '\\u0080'" VALUE },
		{ "[\x7f]", 0, "invalid character '\\x7f'" VALUE },
		/* Go takes these; we have no place for them. */
		{ "9223372036854775808", 0, "line 1, column 19: too big integer" },
		{ "\"a\\u0000b\"", 0,
		  "line 1, column 10: \\u0000 is not allowed without JSON_ALLOW_NUL" },
		{ "1e400", 0, "line 1, column 5: real number overflow" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size = cases[i].size ? cases[i].size : strlen(cases[i].text);
		struct err err = { 0 };
		json_t *j;

		if (decode_json(cases[i].text, size, &j, &err) != -EBADMSG)
			fail_msg("%s is taken", cases[i].text);
		if (strncmp(err.msg, cases[i].error, strlen(cases[i].error)) != 0)
			fail_msg("%s: %s", cases[i].text, err.msg);
	}
}

static char *nested(size_t depth, const char *open, const char *close)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < depth; i++)
		buf_adds(&b, open);
	for (size_t i = 0; i < depth; i++)
		buf_adds(&b, close);
	return buf_take(&b);
}

static void depth_is_limited(void **state)
{
	auto_free char *fits = nested(DECODE_DEPTH_MAX, "[", "]");
	auto_free char *deep = nested(DECODE_DEPTH_MAX + 1, "[", "]");
	auto_free char *abyss = nested(1000000, "[", "]");
	struct err err = { 0 };
	json_t *j;

	(void)state;
	assert_int_equal(decode_json(fits, strlen(fits), &j, &err), 0);
	json_decref(j);
	assert_int_equal(decode_json(deep, strlen(deep), &j, &err), -EFBIG);
	assert_string_equal(err.msg, "invalid character '[' exceeded max depth");
	assert_int_equal(decode_json(abyss, strlen(abyss), &j, &err), -EFBIG);
	assert_int_equal(decode_yaml(fits, strlen(fits), "x", &j, &err), 0);
	json_decref(j);
	assert_int_equal(decode_yaml(deep, strlen(deep), "x", &j, &err), -EFBIG);
	assert_string_equal(err.msg, "x:1:257: too many nested mappings and sequences");
}

static void yaml_is_taken(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "", "[]" },
		{ "# nothing\n", "[]" },
		{ "---\n---\n", "[]" },
		{ "---\nnull\n--- # c\n~\n", "[]" },
		{ "a: 1\n---\nb: 2\n...\n---\nc: 3\n", "[{'a':1},{'b':2},{'c':3}]" },
		{ "kind: Service\nspec:\n  ports:\n  - port: 80\n    name: http\n",
		  "[{'kind':'Service','spec':{'ports':[{'port':80,'name':'http'}]}}]" },
		{ "\xef\xbb\xbf"
		  "a: b",
		  "[{'a':'b'}]" },
		{ "a:\tb", "[{'a':'b'}]" },
		{ "a: b\r\nc: d\r\n", "[{'a':'b','c':'d'}]" },

		/* scalars: plain ones are typed, others are strings */
		{ "[y, n, yes, No, ON, off, true, FALSE]",
		  "[[true,false,true,false,true,false,true,false]]" },
		{ "['y', \"1\", 'null', \"\"]", "[['y','1','null','']]" },
		{ "[~, null, Null, ]", "[[null,null,null]]" },
		{ "[0777, 0o17, 0x1F, 0b101, -0b1, 1_000, +5, 08]", "[[511,15,31,5,-1,1000,5,8]]" },
		{ "[1.5, 1e3, 1.0, .5, -.5, 1e400, 1.2.3]",
		  "[[1.5,1000,1,0.5,-0.5,'1e400','1.2.3']]" },
		{ "[2001-01-01, 2001-12-14T21:59:43Z, 1:30]",
		  "[['2001-01-01','2001-12-14T21:59:43Z','1:30']]" },
		{ "- !!str 123\n- !!int \"5\"\n- !!float 1\n- !foo bar\n- ! 12",
		  "[['123',5,1,'bar','12']]" },
		{ "a: |\n  x\n   y\nb: >-\n  p\n  q\n", "[{'a':'x\\n y\\n','b':'p q'}]" },

		/* keys become strings */
		{ "80: a\nyes: b\n1.5: c\n0x10: d\n2001-01-01: e\n",
		  "[{'80':'a','true':'b','1.5':'c','16':'d','2001-01-01':'e'}]" },

		/* anchors, aliases, merges */
		{ "a: &x {k: [1]}\nb: *x\n", "[{'a':{'k':[1]},'b':{'k':[1]}}]" },
		{ "a: &x 1\nb: &x 2\nc: *x\n", "[{'a':1,'b':2,'c':2}]" },
		{ "&k key: *k\n", "[{'key':'key'}]" },
		{ "a: &x {k: 1, l: 2}\nb:\n  l: 3\n  <<: *x\n  m: 4\n",
		  "[{'a':{'k':1,'l':2},'b':{'k':1,'l':3,'m':4}}]" },
		{ "<<: [{a: 1}, {a: 2, b: 3}]\n", "[{'a':1,'b':3}]" },
		{ "'<<': {a: 1}\n", "[{'<<':{'a':1}}]" },

		/* JSON, which YAML does not take all of */
		{ "{\"a\": \"\\ud83d\\ude00\\/\"}\n{\"b\":\t1}",
		  "[{'a':'\xf0\x9f\x98\x80/'},{'b':1}]" },
		{ "{a: b, 'c': [d]}", "[{'a':'b','c':['d']}]" },
		{ "{\"a\":1}\n---\n{\"b\":2}\n", "[{'a':1},{'b':2}]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* a copy without a NUL behind it, for the sanitizer */
		auto_free char *text = xmemdup(cases[i].text, strlen(cases[i].text) + 1);
		struct err err = { 0 };
		json_t *j;

		if (decode_yaml(text, strlen(cases[i].text), "x", &j, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.msg);
		assert_json(j, cases[i].expected);
		json_decref(j);
	}
}

static void yaml_is_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "a: b\n@c: d\n",
		  "service.yaml:2:1: found character that cannot start any token" },
		{ "spec:\n\tports: 1\n",
		  "service.yaml:2:1: found character that cannot start any token: a tab; YAML does "
		  "not allow tabs in indentation, use spaces" },
		{ "spec:\n  a: 1\n \tb: 2\n",
		  "service.yaml:3:2: found a tab character that violates indentation: a tab; YAML "
		  "does not allow tabs in indentation, use spaces" },
		{ "a: b: c", "service.yaml:1:5: mapping values are not allowed in this context" },
		{ "a: [1,\nb: 2\n", "service.yaml:3:1: did not find expected ',' or ']', while "
		                    "parsing a flow sequence that begins in line 1" },
		{ "a: 1\na: 2\n", "service.yaml:2:1: key \"a\" already set in map" },
		{ "1: x\n\"1\": y\n", "service.yaml:2:1: key \"1\" already set in map" },
		{ "{\"a\": 1, \"a\": 2}", "service.yaml:1:10: key \"a\" already set in map" },
		{ "a: *b", "service.yaml:1:4: unknown anchor 'b' referenced" },
		{ "a: &b 1\n---\nc: *b", "service.yaml:3:4: unknown anchor 'b' referenced" },
		{ "a: &b [*b]", "service.yaml:1:8: anchor 'b' value contains itself" },
		{ "? [a]\n: b\n", "service.yaml:1:3: a key must be a string" },
		{ "~: b\n", "service.yaml:1:1: a key must be a string" },
		{ "<<: 1\n", "service.yaml:1:1: map merge requires map or sequence of maps as the "
		             "value" },
		{ "<<: [{}, 1]\n",
		  "service.yaml:1:1: map merge requires map or sequence of maps as "
		  "the value" },
		{ "a: .inf", "service.yaml:1:4: JSON has no .inf and .nan" },
		{ "a: 9223372036854775808", "service.yaml:1:4: the integer is beyond 64 bits" },
		{ "a: !!int x", "service.yaml:1:4: the value does not fit its tag" },
		{ "a: !!binary eA==",
		  "service.yaml:1:4: !!binary is not supported: write the base64 "
		  "text as a string" },
		{ "a: \"\\0\"", "service.yaml:1:4: a NUL character is not allowed in a string" },
		{ "a: 1\nb: \xff\n", "service.yaml:2:4: invalid leading UTF-8 octet" },
		{ "a: \x01", "service.yaml:1:4: control characters are not allowed" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };
		json_t *j;

		if (decode_yaml(cases[i].text, strlen(cases[i].text), "service.yaml", &j, &err) !=
		    -EBADMSG)
			fail_msg("%s is taken", cases[i].text);
		assert_string_equal(err.msg, cases[i].message);
	}
}

static void aliases_are_limited(void **state)
{
	static const char laughs[] = "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
				     "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
				     "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
				     "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
				     "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
				     "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
	auto_buf struct buf text = BUF_INIT;
	struct err err = { 0 };
	json_t *j;

	(void)state;
	assert_int_equal(decode_yaml(laughs, sizeof(laughs) - 1, "x", &j, &err), -EFBIG);
	assert_non_null(strstr(err.msg, "document contains excessive aliasing"));

	/* a long string many times */
	buf_adds(&text, "a: &a ");
	for (int i = 0; i < 1 << 20; i++)
		buf_addc(&text, 'x');
	buf_adds(&text, "\nb: [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n");
	assert_int_equal(decode_yaml(text.p, text.n, "x", &j, &err), -EFBIG);

	/* each alias nests one deeper than the one before */
	buf_reset(&text);
	buf_adds(&text, "- &a0 []\n");
	for (int i = 1; i < 400; i++)
		buf_printf(&text, "- &a%d [*a%d]\n", i, i - 1);
	assert_int_equal(decode_yaml(text.p, text.n, "x", &j, &err), -EFBIG);
	assert_non_null(strstr(err.msg, "too many nested"));
}

static void aliases_are_copies(void **state)
{
	static const char text[] = "a: &x {k: 1}\nb: *x\n";
	struct err err = { 0 };
	json_t *j;

	(void)state;
	assert_int_equal(decode_yaml(text, sizeof(text) - 1, "x", &j, &err), 0);
	json_path_set(json_array_get(j, 0), "a.k", json_integer(2));
	assert_json(j, "[{'a':{'k':2},'b':{'k':1}}]");
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_taken),      cmocka_unit_test(json_is_refused),
		cmocka_unit_test(depth_is_limited),   cmocka_unit_test(yaml_is_taken),
		cmocka_unit_test(yaml_is_refused),    cmocka_unit_test(aliases_are_limited),
		cmocka_unit_test(aliases_are_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
