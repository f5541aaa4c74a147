/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/printer.h"
#include "kube/json.h"

static const char table_text[] =
	"{\"columnDefinitions\":[{\"name\":\"Name\",\"priority\":0},{\"name\":\"Type\",\"priority\":0},"
	"{\"name\":\"Selector\",\"priority\":1}],\"rows\":["
	"{\"cells\":[\"web\",\"ClusterIP\",\"app=web\"],"
	"\"object\":{\"metadata\":{\"namespace\":\"default\"}}},"
	"{\"cells\":[\"längst\",3,null],\"object\":{\"metadata\":{\"namespace\":\"a\"}}}]}";

static const char narrow_text[] = "{\"columnDefinitions\":[{\"name\":\"N\"},{\"name\":\"R\"}],"
				  "\"rows\":[{\"cells\":[\"a\",0]}]}";

static void check_text(const char *input, const struct printer_style *style, const char *want)
{
	auto_json json_t *table = json_loads(input, 0, NULL);
	auto_free char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	printer_table(out, table, style);
	(void)fclose(out);
	assert_string_equal(text, want);
}

static void check(const struct printer_style *style, const char *want)
{
	check_text(table_text, style, want);
}

static void prints_as_kubectl(void **state)
{
	(void)state;
	check(&(struct printer_style){ 0 }, "NAME     TYPE\n"
	                                    "web      ClusterIP\n"
	                                    "längst   3\n");
	check(&(struct printer_style){ .wide = true }, "NAME     TYPE        SELECTOR\n"
	                                               "web      ClusterIP   app=web\n"
	                                               "längst   3           <none>\n");
	check(&(struct printer_style){ .namespaces = true, .no_headers = true },
	      "default   web      ClusterIP\n"
	      "a         längst   3\n");
	check(&(struct printer_style){ .prefix = "service/" }, "NAME             TYPE\n"
	                                                       "service/web      ClusterIP\n"
	                                                       "service/längst   3\n");
	/* kubectl's columns are at least six wide */
	check_text(narrow_text, &(struct printer_style){ .no_headers = true }, "a     0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(prints_as_kubectl) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
