/* SPDX-License-Identifier: Apache-2.0 */
/* The input is read as a label selector and as a field selector. */
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "fuzz.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/selector.h"

static const char *const fields[] = { "spec.clusterIP", "spec.type", NULL };
static const struct kind kind = { .name = "Service", .fields = fields };

/* "s,!zz" selects what "s" selects and has no label zz. */
static void check_label_selector(const char *text, const struct labels *labels)
{
	auto_free char *longer = xasprintf("%s,!zz", text);
	struct selector *selector, *with_more;
	struct err err = { 0 };

	if (selector_parse(text, &selector, &err) < 0) {
		fuzz_check(err.code < 0 && *err.msg);
		return;
	}
	if (strspn(text, " \t\r\n") == strlen(text)) {
		fuzz_check(selector_matches(selector, labels));
	} else {
		fuzz_check(selector_parse(longer, &with_more, &err) == 0);
		fuzz_check(selector_matches(with_more, labels) ==
		           (selector_matches(selector, labels) && !labels_get(labels, "zz")));
		selector_free(with_more);
	}
	selector_free(selector);
}

static void check_field_selector(const char *text, const json_t *object)
{
	struct field_selector *selector;
	struct err err = { 0 };
	bool matches, decided;

	if (field_selector_parse(&kind, text, &selector, &err) < 0) {
		fuzz_check(err.code < 0 && *err.msg);
		return;
	}
	matches = field_selector_matches_key(selector, "", json_path_str(object, "metadata.name"),
	                                     &decided);
	if (decided || !matches)
		fuzz_check(matches == field_selector_matches(selector, object));
	field_selector_free(selector);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	auto_json json_t *object = json_pack("{s:{s:s, s:{s:s, s:s, s:s}}, s:{s:s}}", "metadata",
	                                     "name", "web", "labels", "a", "b", "app", "web", "n",
	                                     "5", "spec", "type", "ClusterIP");
	struct arena arena = ARENA_INIT;
	struct labels labels = labels_from_json(json_path(object, "metadata.labels"), &arena);

	check_label_selector(text, &labels);
	check_field_selector(text, object);
	arena_done(&arena);
	return 0;
}
