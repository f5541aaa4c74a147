/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/status.h"

static const struct kind service = { .group = "", .name = "Service", .plural = "services" };
static const struct kind slice = { .group = "discovery.k8s.io",
	                           .name = "EndpointSlice",
	                           .plural = "endpointslices" };

static json_t *invalid(const struct kind *kind, const char *path)
{
	struct field_errors errs = { 0 };
	json_t *status;

	if (path)
		field_required(&errs, path, "");
	status = status_invalid(kind, "x", &errs);
	field_errors_done(&errs);
	return status;
}

#define FAILURE "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","

static void texts_are_kubernetes(void **state)
{
	const struct {
		json_t *status;
		const char *text;
	} cases[] = {
		{ status_not_found(&service, "x"),
		  FAILURE "\"message\":\"services \\\"x\\\" not found\",\"reason\":\"NotFound\","
		          "\"details\":{\"name\":\"x\",\"kind\":\"services\"},\"code\":404}" },
		{ status_not_found(&slice, "x"),
		  FAILURE "\"message\":\"endpointslices.discovery.k8s.io \\\"x\\\" not found\","
		          "\"reason\":\"NotFound\",\"details\":{\"name\":\"x\",\"group\":"
		          "\"discovery.k8s.io\",\"kind\":\"endpointslices\"},\"code\":404}" },
		{ status_already_exists(&service, "x"),
		  FAILURE "\"message\":\"services \\\"x\\\" already exists\",\"reason\":"
		          "\"AlreadyExists\",\"details\":{\"name\":\"x\",\"kind\":\"services\"},"
		          "\"code\":409}" },
		{ status_conflict(&service, "x"),
		  FAILURE "\"message\":\"Operation cannot be fulfilled on services \\\"x\\\": the "
		          "object has been modified; please apply your changes to the latest "
		          "version and try again\",\"reason\":\"Conflict\",\"details\":{\"name\":"
		          "\"x\",\"kind\":\"services\"},\"code\":409}" },
		{ invalid(&service, "spec.ports"), FAILURE
		  "\"message\":\"Service \\\"x\\\" is invalid: spec.ports: Required value\","
		  "\"reason\":\"Invalid\",\"details\":{\"name\":\"x\",\"kind\":\"Service\","
		  "\"causes\":[{\"reason\":\"FieldValueRequired\",\"message\":\"Required "
		  "value\",\"field\":\"spec.ports\"}]},\"code\":422}" },
		{ invalid(&slice, NULL),
		  FAILURE "\"message\":\"EndpointSlice.discovery.k8s.io \\\"x\\\" is invalid\","
		          "\"reason\":\"Invalid\",\"details\":{\"name\":\"x\",\"group\":"
		          "\"discovery.k8s.io\",\"kind\":\"EndpointSlice\",\"causes\":[]},"
		          "\"code\":422}" },
		{ status_expired(5, 10),
		  FAILURE "\"message\":\"too old resource version: 5 (10)\",\"reason\":\"Expired\","
		          "\"code\":410}" },
		{ status_new(400, "BadRequest", "bad %s", "\xff"),
		  FAILURE "\"message\":\"bad \xef\xbf\xbd\",\"reason\":\"BadRequest\","
		          "\"code\":400}" },
		{ status_new(500, "", "x"), FAILURE "\"message\":\"x\",\"code\":500}" },
		{ status_for(405, "MethodNotAllowed", &service, "", "no %d", 1),
		  FAILURE "\"message\":\"no 1\",\"reason\":\"MethodNotAllowed\",\"details\":{"
		          "\"kind\":\"services\"},\"code\":405}" },
		{ status_not_found(&service, "a\"\n"),
		  FAILURE "\"message\":\"services \\\"a\\\\\\\"\\\\n\\\" not found\",\"reason\":"
		          "\"NotFound\",\"details\":{\"name\":\"a\\\"\\n\",\"kind\":\"services\"},"
		          "\"code\":404}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *text = json_text(cases[i].status);

		assert_string_equal(text, cases[i].text);
		json_decref(cases[i].status);
	}
}

static void code_is_read(void **state)
{
	auto_json json_t *status = status_expired(1, 2);

	(void)state;
	assert_int_equal(status_code(status), 410);
	assert_int_equal(status_code(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_kubernetes),
		cmocka_unit_test(code_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
