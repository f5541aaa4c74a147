/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that is taken comes back the same through its text, and through YAML. */
#include <string.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/json_scan.h"
#include "same.h"

/* What Go takes can be mended, and stays what it is when it is mended again. */
static void check_refused(const char *text, size_t size)
{
	auto_free char *once = NULL;
	auto_free char *twice = NULL;
	struct err err = { 0 };
	size_t n, m;

	if (json_scan_check(text, size, DECODE_DEPTH_MAX, &err) < 0) {
		fuzz_check(err.code < 0 && *err.msg);
		return;
	}
	once = json_scan_mend(text, size, &n);
	fuzz_check(json_scan_check(once, n, DECODE_DEPTH_MAX, &err) == 0);
	twice = json_scan_mend(once, n, &m);
	fuzz_check(n == m && memcmp(once, twice, n) == 0);
}

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
		check_refused((const char *)data, size);
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
