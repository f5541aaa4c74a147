/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/status.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "kube/json.h"
#include "kube/kind.h"

#define CONFLICT_TEXT                                                                    \
	"the object has been modified; please apply your changes to the latest version " \
	"and try again"

/* In the order in which kube-apiserver writes the fields. */
static json_t *make_status(int code, const char *reason, const char *message, json_t *details)
{
	json_t *status = json_object();

	json_object_set_new(status, "kind", json_string("Status"));
	json_object_set_new(status, "apiVersion", json_string("v1"));
	json_object_set_new(status, "metadata", json_object());
	json_object_set_new(status, "status", json_string("Failure"));
	json_object_set_new(status, "message", json_string_of(message));
	if (*reason)
		json_object_set_new(status, "reason", json_string(reason));
	if (details)
		json_object_set_new(status, "details", details);
	json_object_set_new(status, "code", json_integer(code));
	return status;
}

static json_t *make_details(const char *name, const char *group, const char *kind)
{
	json_t *details = json_object();

	if (name && *name)
		json_object_set_new(details, "name", json_string_of(name));
	if (*group)
		json_object_set_new(details, "group", json_string(group));
	json_object_set_new(details, "kind", json_string(kind));
	return details;
}

json_t *status_new(int code, const char *reason, const char *fmt, ...)
{
	auto_buf struct buf message = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&message, fmt, ap);
	va_end(ap);
	return make_status(code, reason, buf_str(&message), NULL);
}

json_t *status_for(int code, const char *reason, const struct kind *kind, const char *name,
                   const char *fmt, ...)
{
	auto_buf struct buf message = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&message, fmt, ap);
	va_end(ap);
	return make_status(code, reason, buf_str(&message),
	                   make_details(name, kind->group, kind->plural));
}

/* 'services "x"', 'endpointslices.discovery.k8s.io "x"' */
static void add_object(struct buf *b, const char *kind, const char *group, const char *name)
{
	buf_printf(b, "%s%s%s ", kind, *group ? "." : "", group);
	field_quote(b, name);
}

static json_t *about_object(int code, const char *reason, const struct kind *kind, const char *name,
                            const char *before, const char *after)
{
	auto_buf struct buf message = BUF_INIT;

	buf_adds(&message, before);
	add_object(&message, kind->plural, kind->group, name);
	buf_adds(&message, after);
	return make_status(code, reason, buf_str(&message),
	                   make_details(name, kind->group, kind->plural));
}

json_t *status_not_found(const struct kind *kind, const char *name)
{
	return about_object(404, "NotFound", kind, name, "", " not found");
}

json_t *status_already_exists(const struct kind *kind, const char *name)
{
	return about_object(409, "AlreadyExists", kind, name, "", " already exists");
}

json_t *status_conflict(const struct kind *kind, const char *name)
{
	return about_object(409, "Conflict", kind, name, "Operation cannot be fulfilled on ",
	                    ": " CONFLICT_TEXT);
}

json_t *status_invalid(const struct kind *kind, const char *name, const struct field_errors *errs)
{
	json_t *details = make_details(name, kind->group, kind->name);
	auto_free char *text = field_errors_text(errs);
	auto_buf struct buf message = BUF_INIT;

	json_object_set_new(details, "causes", field_errors_causes(errs));
	add_object(&message, kind->name, kind->group, name);
	buf_adds(&message, " is invalid");
	if (errs->n > 0)
		buf_printf(&message, ": %s", text);
	return make_status(422, "Invalid", buf_str(&message), details);
}

json_t *status_expired(uint64_t asked, uint64_t oldest)
{
	return status_new(410, "Expired", "too old resource version: %" PRIu64 " (%" PRIu64 ")",
	                  asked, oldest);
}

int status_code(const json_t *status)
{
	return (int)json_path_int(status, "code", 0);
}
