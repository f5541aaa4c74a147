/* SPDX-License-Identifier: Apache-2.0 */
#include "server/request_options.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/status.h"

#define MANAGER_MAX 128

static const char *const option_names[] = {
	[CREATE_OPTIONS] = "CreateOptions",
	[UPDATE_OPTIONS] = "UpdateOptions",
	[PATCH_OPTIONS] = "PatchOptions",
	[DELETE_OPTIONS] = "DeleteOptions",
};

json_t *request_options_refusal(const char *options, struct field_errors *errs)
{
	auto_free char *text = NULL;
	json_t *status;

	if (!errs->n)
		return NULL;
	text = field_errors_text(errs);
	status = status_new(422, "Invalid", "%s.meta.k8s.io \"\" is invalid: %s", options, text);
	json_path_set(status, "details",
	              json_pack("{s:s,s:s,s:o}", "group", "meta.k8s.io", "kind", options, "causes",
	                        field_errors_causes(errs)));
	field_errors_done(errs);
	return status;
}

void request_options_check_dry_run(const json_t *values, struct field_errors *errs)
{
	static const char *const supported[] = { "All", NULL };
	const json_t *value;
	size_t i;

	json_array_foreach(values, i, value) {
		if (strcmp(json_string_value(value) ? json_string_value(value) : "", "All") == 0)
			continue;
		field_unsupported_value(errs, "dryRun", values, supported);
		return;
	}
}

static json_t *dry_run_of(struct http_request *req)
{
	json_t *values = json_array();
	const char *value;

	for (size_t i = 0; (value = http_query_nth(req, "dryRun", i)); i++)
		if (*value)
			json_array_append_new(values, json_string_of(value));
	return values;
}

/* Of the printable characters of ASCII; those of other scripts are taken for printable. */
static void check_manager(const char *manager, struct field_errors *errs)
{
	if (strlen(manager) > MANAGER_MAX)
		field_too_long(errs, "fieldManager", MANAGER_MAX);
	for (size_t i = 0; manager[i]; i++) {
		unsigned char c = (unsigned char)manager[i];
		auto_free char *why = NULL;

		if (c >= ' ' && c != 0x7f)
			continue;
		why = xasprintf("invalid character U+%04X (at position %zu)", c, i);
		field_invalid_string(errs, "fieldManager", manager, why);
	}
}

static void check_validation(const char *value, struct field_errors *errs)
{
	static const char *const supported[] = { "", "Ignore", "Strict", "Warn", NULL };

	for (const char *const *s = supported; *s; s++)
		if (strcmp(value, *s) == 0)
			return;
	field_unsupported(errs, "fieldValidation", value, supported);
}

json_t *request_options_read(struct http_request *req, enum write_options options,
                             bool *ret_dry_run)
{
	const char *manager = http_query(req, "fieldManager");
	const char *validation = http_query(req, "fieldValidation");
	auto_json json_t *dry_run = dry_run_of(req);
	struct field_errors errs = { 0 };

	/* Apply patches, which are not served, may be forced. */
	if (options == PATCH_OPTIONS && http_query(req, "force"))
		field_forbidden(&errs, "force", "may not be specified for non-apply patch");
	if (options != DELETE_OPTIONS && manager)
		check_manager(manager, &errs);
	request_options_check_dry_run(dry_run, &errs);
	if (options != DELETE_OPTIONS && validation)
		check_validation(validation, &errs);
	*ret_dry_run = json_array_size(dry_run) > 0;
	return request_options_refusal(option_names[options], &errs);
}
