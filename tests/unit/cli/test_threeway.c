/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "cli/threeway.h"
#include "kube/json.h"
#include "kube/kind.h"

static json_t *read_json(const char *text)
{
	return text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
}

static const struct {
	const char *what, *last, *modified, *current, *patch;
} table[] = {
	{ "nothing to do", "{\"a\":1}", "{\"a\":1}", "{\"a\":1,\"b\":2}", "{}" },
	{ "a new field", NULL, "{\"a\":{\"b\":1}}", "{\"a\":{\"c\":2}}", "{\"a\":{\"b\":1}}" },
	{ "a changed field", "{\"a\":1}", "{\"a\":2}", "{\"a\":1}", "{\"a\":2}" },
	{ "a field taken out", "{\"a\":1,\"b\":1}", "{\"a\":1}", "{\"a\":1,\"b\":1}",
	  "{\"b\":null}" },
	{ "taken out, and gone already", "{\"a\":1,\"b\":1}", "{\"a\":1}", "{\"a\":1}", "{}" },
	{ "set by others, stays", "{\"a\":1}", "{\"a\":1}", "{\"a\":1,\"b\":1}", "{}" },
	{ "null says to delete", NULL, "{\"a\":null}", "{\"a\":1}", "{\"a\":null}" },
	{ "an atomic list", NULL, "{\"spec\":{\"externalIPs\":[\"a\",\"b\"]}}",
	  "{\"spec\":{\"externalIPs\":[\"a\"]}}", "{\"spec\":{\"externalIPs\":[\"a\",\"b\"]}}" },
	{ "a keyed list with the server's defaults", "{\"spec\":{\"ports\":[{\"port\":80}]}}",
	  "{\"spec\":{\"ports\":[{\"port\":80}]}}",
	  "{\"spec\":{\"ports\":[{\"port\":80,\"protocol\":\"TCP\",\"nodePort\":30001}]}}", "{}" },
	{ "a keyed list, one changed, one new, one gone",
	  "{\"spec\":{\"ports\":[{\"port\":80},{\"port\":81}]}}",
	  "{\"spec\":{\"ports\":[{\"port\":80,\"name\":\"x\"},{\"port\":82}]}}",
	  "{\"spec\":{\"ports\":[{\"port\":80,\"protocol\":\"TCP\"},{\"port\":81}]}}",
	  "{\"spec\":{\"$setElementOrder/ports\":[{\"port\":80},{\"port\":82}],"
	  "\"ports\":[{\"name\":\"x\",\"port\":80},{\"port\":82},{\"$patch\":\"delete\",\"port\":81}]}}" },
	{ "a set", "{\"metadata\":{\"finalizers\":[\"a\"]}}",
	  "{\"metadata\":{\"finalizers\":[\"b\"]}}",
	  "{\"metadata\":{\"finalizers\":[\"a\",\"c\"]}}",
	  "{\"metadata\":{\"finalizers\":[\"b\"],"
	  "\"$deleteFromPrimitiveList/finalizers\":[\"a\"]}}" },
};

static void makes_patches(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		auto_json json_t *last = read_json(table[i].last);
		auto_json json_t *modified = read_json(table[i].modified);
		auto_json json_t *current = read_json(table[i].current);
		auto_json json_t *want = read_json(table[i].patch);
		auto_json json_t *patch = threeway_patch(last, modified, current,
		                                         kind_service.merge_keys);
		auto_free char *text = json_text(patch);

		if (!json_equal(patch, want))
			fail_msg("%s: expected %s, got %s", table[i].what, table[i].patch, text);
	}
}

/* What the patch is for: applied to the live object it gives what the manifest says. */
static void patches_do_what_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		auto_json json_t *last = read_json(table[i].last);
		auto_json json_t *modified = read_json(table[i].modified);
		auto_json json_t *current = read_json(table[i].current);
		auto_json json_t *patch = threeway_patch(last, modified, current,
		                                         kind_service.merge_keys);
		auto_json json_t *result = NULL, *again = NULL;

		assert_int_equal(
			patch_strategic(current, patch, kind_service.merge_keys, &result, NULL), 0);
		again = threeway_patch(modified, modified, result, kind_service.merge_keys);
		if (json_object_size(again) != 0)
			fail_msg("%s: a second apply would change something", table[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_patches),
		cmocka_unit_test(patches_do_what_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
