/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body in protobuf, read as the kind it says it is.  What is taken is JSON that could have been sent
 * instead: its text is read again as the same, and the checks of JSON bodies take it.
 */
#include <string.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/protobuf.h"

static void check_object(const struct protobuf_envelope *envelope, json_t *object)
{
	const struct kind *kind = kind_by_type(envelope->api_version, envelope->kind);
	auto_free char *text = json_text(object);
	auto_json json_t *again = NULL;
	struct err err = { 0 };

	fuzz_check(decode_json(text, strlen(text), &again, &err) == 0);
	fuzz_check(json_equal(object, again));
	if (!kind)
		return;
	if (kind_check_types(kind, object, &err) < 0)
		fuzz_check(*err.msg);
	else
		kind_normalise(kind, object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct protobuf_envelope envelope;
	auto_json json_t *object = json_object();
	struct err err = { 0 };

	if (protobuf_open(data, size, &envelope, &err) < 0) {
		fuzz_check(err.code < 0 && *err.msg);
		return 0;
	}
	if (protobuf_decode(envelope.api_version, envelope.kind, envelope.raw, envelope.raw_size,
	                    object, &err) < 0)
		fuzz_check(err.code < 0 && *err.msg);
	else
		check_object(&envelope, object);
	protobuf_envelope_done(&envelope);
	return 0;
}
