/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "parse_json.h"

/* The texts are those of sigs.k8s.io/yaml 1.4, which kubectl 1.32 prints with. */
static void yaml_is_kubectls(void **state)
{
	static const struct {
		const char *json, *yaml;
	} cases[] = {
		{ "{}", "{}\n" },
		{ "[]", "[]\n" },
		{ "null", "null\n" },
		{ "'x'", "x\n" },
		{ "{'b':[{'port':80,'name':'x'},{}],'a':{'c':[],'d':{}}}",
		  "a:\n  c: []\n  d: {}\nb:\n- name: x\n  port: 80\n- {}\n" },
		{ "[[1,[2]],[]]", "- - 1\n  - - 2\n- []\n" },
		{ "[{'k':[{'l':1}]}]", "- k:\n  - l: 1\n" },

		/* strings that would be read as something else get quotes */
		{ "['true','y','No','null','~','']",
		  "- \"true\"\n- \"y\"\n- \"No\"\n- \"null\"\n- \"~\"\n- \"\"\n" },
		{ "['1','0777','1_0','1.5','1e3','.5','-1','0x1F']",
		  "- \"1\"\n- \"0777\"\n- \"1_0\"\n- \"1.5\"\n- \"1e3\"\n- \".5\"\n- \"-1\"\n"
		  "- \"0x1F\"\n" },
		{ "['2026-01-02T03:04:05Z','1:30','.inf']",
		  "- \"2026-01-02T03:04:05Z\"\n- \"1:30\"\n- \".inf\"\n" },
		{ "['10.0.0.1','fd00::1','web-1','a b','http://x:80/','1.2.3','=','<<']",
		  "- 10.0.0.1\n- fd00::1\n- web-1\n- a b\n- http://x:80/\n- 1.2.3\n- =\n- <<\n" },
		{ "[' a','a ','a: b','a:','a #b','#a','- a','-','---','*a','&a','!a','%','@','[x']",
		  "- ' a'\n- 'a '\n- 'a: b'\n- 'a:'\n- 'a #b'\n- '#a'\n- '- a'\n- '-'\n- '---'\n"
		  "- '*a'\n- '&a'\n- '!a'\n- '%'\n- '@'\n- '[x'\n" },
		{ "['a\\tb','\\u0007','\\r','\\u007f']",
		  "- \"a\\tb\"\n- \"\\a\"\n- \"\\r\"\n- \"\\x7F\"\n" },
		{ "['\xc3\xa9','\xe6\x97\xa5','\xf0\x9f\x98\x80']",
		  "- \xc3\xa9\n- \xe6\x97\xa5\n- \"\\U0001F600\"\n" },

		/* several lines */
		{ "{'a':'x\\ny\\n','b':'x\\ny','c':'x\\n\\n','d':' x\\ny','e':'x \\ny'}",
		  "a: |\n  x\n  y\nb: |-\n  x\n  y\nc: |+\n  x\n\nd: |2-\n   x\n  y\n"
		  "e: \"x \\ny\"\n" },
		{ "'x\\n\\n'", "|+\n  x\n\n" },

		/* numbers */
		{ "[1,-5,9223372036854775807,1.5,1e21,1e6,true,false,null]",
		  "- 1\n- -5\n- 9223372036854775807\n- 1.5\n- 1e+21\n- 1e+06\n- true\n- false\n"
		  "- null\n" },

		/* keys: numbers by value, letters last */
		{ "{'a10':1,'a2':2,'b':3,'B':4,'10':5,'9':6,'a-b':7,'ab':8,'a':9,'':10}",
		  "\"\": 10\n\"9\": 6\n\"10\": 5\nB: 4\na: 9\na-b: 7\na2: 2\na10: 1\nab: 8\nb: 3\n" },
		{ "{'y':1,'80':2,'<<':3,'true':4}",
		  "\"<<\": 3\n\"80\": 2\n\"true\": 4\n\"y\": 1\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json json_t *j = parse_json(cases[i].json);
		auto_free char *yaml = encode_yaml(j);

		assert_string_equal(yaml, cases[i].yaml);
	}
}

static void long_lines_stay_whole(void **state)
{
	auto_buf struct buf words = BUF_INIT;
	auto_json json_t *j = NULL;
	auto_free char *yaml = NULL;

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_adds(&words, i == 0 ? "word" : " word");
	j = json_pack("{s:s}", "k", words.p);
	yaml = encode_yaml(j);
	assert_int_equal(strlen(yaml), words.n + strlen("k: \n"));
}

static uint32_t random_state = 1;

/* The same sequence in every run. */
static uint32_t next_random(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

static json_t *random_string(void)
{
	static const char *const pieces[] = {
		"a",
		"b1",
		" ",
		"  ",
		"\n",
		"\n\n",
		"\t",
		":",
		"- ",
		"#",
		"'",
		"\"",
		"\\",
		"0",
		"1",
		".",
		"_",
		"e",
		"x",
		"true",
		"null",
		"y",
		"~",
		"|",
		">",
		"<<",
		"{",
		"}",
		"[",
		"]",
		",",
		"?",
		"!",
		"&",
		"*",
		"%",
		"@",
		"`",
		"---",
		"...",
		"\r",
		"\xc3\xa9",
		"\xf0\x9f\x98\x80",
		"\xe2\x80\xa8",
		"\xe2\x80\xa9",
		"\xc2\x85",
		"\xef\xbb\xbf",
		"\x01",
		"\x7f",
		"2001-01-01",
		"1:30",
		"=",
		"$patch",
	};
	auto_buf struct buf b = BUF_INIT;

	for (uint32_t n = next_random(5); n > 0; n--)
		buf_adds(&b, pieces[next_random(ARRAY_SIZE(pieces))]);
	return json_string(buf_str(&b));
}

static json_t *random_value(unsigned int depth)
{
	json_t *value;

	switch (depth > 4 ? 4 + next_random(6) : next_random(10)) {
	case 0:
	case 1:
		value = json_object();
		for (uint32_t n = next_random(4); n > 0; n--) {
			auto_json json_t *key = random_string();

			json_object_set_new(value, json_string_value(key), random_value(depth + 1));
		}
		return value;
	case 2:
	case 3:
		value = json_array();
		for (uint32_t n = next_random(4); n > 0; n--)
			json_array_append_new(value, random_value(depth + 1));
		return value;
	case 4:
		return json_integer((json_int_t)next_random(1000) - 500);
	case 5:
		return json_real((next_random(1000) + 0.5) / 16);
	case 6:
		return json_boolean(next_random(2));
	default:
		return random_string();
	}
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		auto_json json_t *before = random_value(0);
		auto_free char *yaml = encode_yaml(before);
		auto_json json_t *after = NULL;
		struct err err = { 0 };

		if (decode_yaml(yaml, strlen(yaml), "x", &after, &err) < 0)
			fail_msg("%s: %s", yaml, err.msg);
		if (!json_equal(json_array_get(after, 0), before))
			fail_msg("read differently: %s", yaml);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yaml_is_kubectls),
		cmocka_unit_test(long_lines_stay_whole),
		cmocka_unit_test(what_is_written_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
