/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is three lines: the kind of patch ("merge", "json" or "strategic"), the object, the patch
 * (which may go on over further lines).
 */
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fuzz.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/patch.h"

static const struct merge_key keys[] = {
	{ "spec.ports", "port" },
	{ "spec.containers", "name" },
	{ "spec.containers.ports", "containerPort" },
	{ "status.conditions", "type" },
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

/* Takes a line off the front of the input. */
static bool take_line(const char **at, const char *end, const char **ret, size_t *ret_size)
{
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));

	if (!newline)
		return false;
	*ret = *at;
	*ret_size = (size_t)(newline - *at);
	*at = newline + 1;
	return true;
}

static bool is(const char *line, size_t size, const char *word)
{
	return size == strlen(word) && memcmp(line, word, size) == 0;
}

static int apply(const char *kind, size_t size, const json_t *object, const json_t *patch,
                 json_t **ret, struct err *err)
{
	if (is(kind, size, "merge"))
		return patch_merge(object, patch, ret, err);
	if (is(kind, size, "json"))
		return patch_json(object, patch, ret, err);
	return patch_strategic(object, patch, keys, ret, err);
}

static void check_identity(const json_t *object)
{
	auto_json json_t *empty = json_object();
	auto_json json_t *no_operations = json_array();
	auto_json json_t *merged = NULL;
	auto_json json_t *same = NULL;
	auto_json json_t *strategic = NULL;
	struct err err = { 0 };

	fuzz_check(patch_json(object, no_operations, &same, &err) == 0);
	fuzz_check(json_equal(object, same));
	if (!json_is_object(object))
		return;
	fuzz_check(patch_merge(object, empty, &merged, &err) == 0);
	fuzz_check(json_equal(object, merged));
	fuzz_check(patch_strategic(object, empty, keys, &strategic, &err) == 0);
	fuzz_check(json_equal(object, strategic));
}

static void check_result(const json_t *result)
{
	auto_free char *text = json_text(result);
	auto_json json_t *again = NULL;
	struct err err = { 0 };

	fuzz_check(decode_json(text, strlen(text), &again, &err) == 0);
	fuzz_check(json_equal(result, again));
}

/* A merge patch applied again changes nothing (RFC 7386 has no operation that counts). */
static void check_idempotent(const json_t *result, const json_t *patch)
{
	auto_json json_t *twice = NULL;
	struct err err = { 0 };

	fuzz_check(patch_merge(result, patch, &twice, &err) == 0);
	fuzz_check(json_equal(result, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size, *kind, *text;
	auto_json json_t *object = NULL;
	auto_json json_t *patch = NULL;
	auto_json json_t *object_before = NULL;
	auto_json json_t *patch_before = NULL;
	auto_json json_t *result = NULL;
	size_t kind_size, text_size;
	struct err err = { 0 };

	if (!take_line(&at, end, &kind, &kind_size) || !take_line(&at, end, &text, &text_size) ||
	    decode_json(text, text_size, &object, &err) < 0 ||
	    decode_json(at, (size_t)(end - at), &patch, &err) < 0)
		return 0;
	check_identity(object);
	object_before = json_deep_copy(object);
	patch_before = json_deep_copy(patch);
	if (apply(kind, kind_size, object, patch, &result, &err) == 0) {
		check_result(result);
		if (is(kind, kind_size, "merge"))
			check_idempotent(result, patch);
	} else {
		fuzz_check(err.code < 0 && *err.msg && !result);
	}
	fuzz_check(json_equal(object, object_before) && json_equal(patch, patch_before));
	return 0;
}
