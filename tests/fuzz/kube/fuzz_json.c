/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that is taken comes back the same through its text, and through YAML. */
#include <string.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json json_t *value = NULL;
	auto_json json_t *again = NULL;
	auto_json json_t *documents = NULL;
	auto_free char *text = NULL;
	auto_free char *yaml = NULL;
	struct err err = { 0 };

	if (decode_json((const char *)data, size, &value, &err) < 0) {
		fuzz_check(err.code < 0 && *err.msg);
		return 0;
	}
	fuzz_check(json_depth_within(value, DECODE_DEPTH_MAX));
	text = json_text(value);
	fuzz_check(decode_json(text, strlen(text), &again, &err) == 0);
	fuzz_check(json_equal(value, again));
	yaml = encode_yaml(value);
	fuzz_check(decode_yaml(yaml, strlen(yaml), "x", &documents, &err) == 0);
	if (json_is_null(value))
		fuzz_check(json_array_size(documents) == 0);
	else
		fuzz_check(json_array_size(documents) == 1 &&
		           same(value, json_array_get(documents, 0)));
	return 0;
}
