/* SPDX-License-Identifier: Apache-2.0 */
/* networking.k8s.io/v1 ServiceCIDR. */
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/ipaddr.h"
#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/kind_meta.h"
#include "kube/schema.h"
#include "kube/validate.h"

#define CIDRS_MAX 2

static const struct merge_key merge_keys[] = {
	{ "status.conditions", "type" },
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique.", 0 },
	{ "CIDRs", "string", "", "The blocks addresses of Services are taken from.", 0 },
	{ "Age", "string", "", "The time since the object was created.", 0 },
};

static void prepare(json_t *object, const json_t *old, enum kind_write write)
{
	kind_meta_prepare(object, old, write);
	if (write == KIND_CREATE)
		json_object_set_new(object, "status", json_object());
}

/* Strict, and in the one form RFC 5952 gives it. */
static void check_cidr(const json_t *value, size_t i, struct field_errors *errs)
{
	const char *path = field_path("spec.cidrs[%zu]", i);
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	char addr[IPADDR_TEXT_SIZE];
	auto_free char *canonical = NULL;
	size_t before = errs->n;
	struct cidr cidr;

	validate_cidr(errs, path, text);
	if (errs->n > before || cidr_parse(text, &cidr) < 0)
		return;
	ipaddr_format(&cidr.addr, addr);
	canonical = xasprintf("%s/%u", addr, cidr.prefix);
	if (strcmp(canonical, text) != 0) {
		auto_free char *detail = xasprintf("must be in canonical form (\"%s\")", canonical);

		field_invalid_string(errs, path, text, detail);
	}
}

static uint8_t family_of(const json_t *value)
{
	const char *text = json_string_value(value);
	struct cidr cidr;

	return text && cidr_parse(text, &cidr) == 0 ? cidr.addr.family : 0;
}

static void check_cidrs(const json_t *cidrs, struct field_errors *errs)
{
	const json_t *value;
	size_t i;

	if (json_array_size(cidrs) == 0) {
		field_required(errs, "spec.cidrs", "at least one CIDR required");
		return;
	}
	if (json_array_size(cidrs) > CIDRS_MAX) {
		auto_json json_t *spec = json_pack("{s:O}", "CIDRs", cidrs);

		field_invalid(errs, "spec.cidrs", spec, "may only hold up to 2 values");
		return;
	}
	json_array_foreach(cidrs, i, value)
		check_cidr(value, i, errs);
	if (json_array_size(cidrs) == 2 && family_of(json_array_get(cidrs, 0)) &&
	    family_of(json_array_get(cidrs, 0)) == family_of(json_array_get(cidrs, 1)))
		field_invalid(errs, "spec.cidrs", cidrs,
		              "may specify no more than one IP for each IP family, i.e "
		              "192.168.0.0/24 and 2001:db8::/64");
}

/* A second family may be added; nothing else changes. */
static void check_update(const json_t *cidrs, const json_t *old, struct field_errors *errs)
{
	size_t n = json_array_size(cidrs), n_old = json_array_size(old);
	bool grows = n_old == 1 && n == 2;

	if (n != n_old && !grows) {
		field_invalid(errs, "spec.cidrs", cidrs, "field is immutable");
		return;
	}
	for (size_t i = 0; i < n_old; i++)
		validate_immutable(errs, field_path("spec.cidrs[%zu]", i), json_array_get(cidrs, i),
		                   json_array_get(old, i));
	if (grows)
		check_cidrs(cidrs, errs);
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	const json_t *cidrs = json_path(object, "spec.cidrs");

	kind_validate_meta(&kind_service_cidr, object, old, errs);
	if (write == KIND_UPDATE_STATUS)
		return;
	if (old)
		check_update(cidrs, json_path(old, "spec.cidrs"), errs);
	else
		check_cidrs(cidrs, errs);
}

static void row(const json_t *object, int64_t now, json_t *cells)
{
	auto_buf struct buf b = BUF_INIT;
	const json_t *cidr;
	size_t i;

	json_array_foreach(json_path(object, "spec.cidrs"), i, cidr)
		if (json_is_string(cidr))
			buf_printf(&b, "%s%s", b.n ? "," : "", json_string_value(cidr));
	cell_add_name(cells, object);
	cell_add(cells, buf_str(&b));
	cell_add_object_age(cells, object, now);
}

const struct kind kind_service_cidr = {
	.group = "networking.k8s.io",
	.version = "v1",
	.api_version = "networking.k8s.io/v1",
	.name = "ServiceCIDR",
	.plural = "servicecidrs",
	.singular = "servicecidr",
	.has_status = true,
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_service_cidr,
	.check_name = name_check_dns_subdomain,
	.prepare = prepare,
	.validate = validate,
	.row = row,
};
