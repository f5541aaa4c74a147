/* SPDX-License-Identifier: Apache-2.0 */
/* YAML that is taken is encodable, and comes back the same. */
#include <string.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "same.h"

static void check_document(const json_t *document)
{
	auto_free char *text = json_text(document);
	auto_free char *yaml = encode_yaml(document);
	auto_json json_t *decoded = NULL;
	auto_json json_t *again = NULL;
	struct err err = { 0 };

	fuzz_check(json_depth_within(document, DECODE_DEPTH_MAX));
	fuzz_check(decode_json(text, strlen(text), &decoded, &err) == 0);
	fuzz_check(json_equal(document, decoded));
	fuzz_check(decode_yaml(yaml, strlen(yaml), "x", &again, &err) == 0);
	fuzz_check(json_array_size(again) == 1 && same(document, json_array_get(again, 0)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json json_t *documents = NULL;
	struct err err = { 0 };
	json_t *document;
	size_t i;

	if (decode_yaml((const char *)data, size, "x", &documents, &err) < 0) {
		fuzz_check(err.code < 0 && strncmp(err.msg, "x:", 2) == 0);
		return 0;
	}
	json_array_foreach(documents, i, document)
		check_document(document);
	return 0;
}
