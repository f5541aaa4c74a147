/* SPDX-License-Identifier: Apache-2.0 */
#include "server/patch_refusal.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "kube/field_error.h"
#include "kube/go_text.h"
#include "kube/json.h"
#include "kube/status.h"

static json_t *refusal(const char *shown, const char *why)
{
	struct field_errors errs = { 0 };
	auto_free char *text = NULL;
	json_t *status;

	field_invalid_string(&errs, "patch", shown, why);
	text = field_errors_text(&errs);
	status = status_new(422, "Invalid", " \"\" is invalid: %s", text);
	json_path_set(status, "details.causes", field_errors_causes(&errs));
	field_errors_done(&errs);
	return status;
}

json_t *patch_refusal_of_result(const json_t *object, const char *why)
{
	auto_free char *text = json_text(object);

	return refusal(text, why);
}

json_t *patch_refusal_of_map(const json_t *patch, const char *why)
{
	auto_buf struct buf b = BUF_INIT;

	go_text_value(&b, patch);
	return refusal(buf_str(&b), why);
}
