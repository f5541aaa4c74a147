/* SPDX-License-Identifier: Apache-2.0 */
/* networking.k8s.io/v1 IPAddress: an address in use, by its name, and what uses it. */
#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/ipaddr.h"
#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/kind_meta.h"
#include "kube/schema.h"
#include "kube/validate.h"

static const char *const short_names[] = { "ip", NULL };

static const struct merge_key merge_keys[] = {
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

/* Kubernetes' rows have a third cell, the age, that no column shows. */
static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique.", 0 },
	{ "ParentRef", "string", "", "The object the address belongs to.", 0 },
};

/* An address in canonical form. */
static void check_name(const char *value, struct name_errors *found)
{
	static const char *const errors[] = {
		"must not have leading 0s",
		"must not be an IPv4-mapped IPv6 address",
		"must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
	};
	struct field_errors errs = { 0 };
	char canonical[IPADDR_TEXT_SIZE];
	struct ipaddr addr;

	if (validate_ip(&errs, "", value, &addr)) {
		ipaddr_format(&addr, canonical);
		/* The text lives as long as name_errors are read: the caller copies at once. */
		if (strcmp(canonical, value) != 0)
			found->list[found->n++] = field_path("must be in canonical form (\"%s\")",
			                                     canonical);
	}
	for (size_t i = 0; i < ARRAY_SIZE(errors) && errs.n > 0; i++)
		if (strstr(errs.list[0].message, errors[i]))
			found->list[found->n++] = errors[i];
	field_errors_done(&errs);
}

static void check_step(const json_t *parent, const char *member, bool required,
                       struct field_errors *errs)
{
	const char *path = field_path("spec.parentRef.%s", member);
	const char *value = json_path_str(parent, member);

	if (value[0])
		validate_name(errs, path, value, name_check_path_segment);
	else if (required)
		field_required(errs, path, "");
}

static void check_parent(const json_t *parent, struct field_errors *errs)
{
	const char *group = json_path_str(parent, "group");

	if (!parent) {
		field_required(errs, "spec.parentRef", "");
		return;
	}
	if (group[0])
		validate_name(errs, "spec.parentRef.group", group, name_check_dns_subdomain);
	check_step(parent, "resource", true, errs);
	check_step(parent, "name", true, errs);
	check_step(parent, "namespace", false, errs);
}

/* As Go prints the struct it compares. */
static json_t *parent_value(const json_t *parent)
{
	return json_pack("{s:s,s:s,s:s,s:s}", "Group", json_path_str(parent, "group"), "Resource",
	                 json_path_str(parent, "resource"), "Namespace",
	                 json_path_str(parent, "namespace"), "Name", json_path_str(parent, "name"));
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	const json_t *parent = json_path(object, "spec.parentRef");

	(void)write;
	kind_validate_meta(&kind_ip_address, object, old, errs);
	check_parent(parent, errs);
	if (old && parent) {
		auto_json json_t *now = parent_value(parent);
		auto_json json_t *before = parent_value(json_path(old, "spec.parentRef"));

		validate_immutable(errs, "spec.parentRef", now, before);
	}
}

/* "services/default/kubernetes"; a group follows the resource. */
static void add_parent(json_t *cells, const json_t *parent)
{
	const char *group = json_path_str(parent, "group");
	const char *ns = json_path_str(parent, "namespace");
	auto_buf struct buf b = BUF_INIT;

	if (!parent) {
		cell_add(cells, "<none>");
		return;
	}
	buf_printf(&b, "%s%s%s", json_path_str(parent, "resource"), group[0] ? "." : "", group);
	for (size_t i = 0; i < b.n; i++)
		b.p[i] = (char)tolower((unsigned char)b.p[i]);
	buf_printf(&b, "%s%s/%s", ns[0] ? "/" : "", ns, json_path_str(parent, "name"));
	cell_add(cells, buf_str(&b));
}

static void row(const json_t *object, int64_t now, json_t *cells)
{
	cell_add_name(cells, object);
	add_parent(cells, json_path(object, "spec.parentRef"));
	cell_add_object_age(cells, object, now);
}

const struct kind kind_ip_address = {
	.group = "networking.k8s.io",
	.version = "v1",
	.api_version = "networking.k8s.io/v1",
	.name = "IPAddress",
	.plural = "ipaddresses",
	.singular = "ipaddress",
	.short_names = short_names,
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_ip_address,
	.check_name = check_name,
	.prepare = kind_meta_prepare,
	.validate = validate,
	.row = row,
};
