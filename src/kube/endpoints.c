/* SPDX-License-Identifier: Apache-2.0 */
/* core/v1 Endpoints, the API before EndpointSlices. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/kind_meta.h"
#include "kube/schema.h"
#include "kube/validate.h"

#define SHOWN_MAX        3 /* addresses in a column */
#define LABEL_MANAGED_BY "endpoints.kubernetes.io/managed-by"

static const char *const short_names[] = { "ep", NULL };

static const struct merge_key merge_keys[] = {
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique within a namespace.", 0 },
	{ "Endpoints", "string", "", "The addresses and ports that are ready.", 0 },
	{ "Age", "string", "", "The time since the object was created.", 0 },
};

static void set_defaults(json_t *object)
{
	json_t *subset, *port;
	size_t i, j;

	json_array_foreach(json_path(object, "subsets"), i, subset)
		json_array_foreach(json_path(subset, "ports"), j, port)
			if (json_is_object(port) && !json_path_str(port, "protocol")[0])
				json_object_set_new(port, "protocol", json_string("TCP"));
}

static void check_address(const json_t *address, const char *at, struct field_errors *errs)
{
	const char *ip = json_path_str(address, "ip"), *host = json_path_str(address, "hostname");
	const char *node = json_path_string(address, "nodeName");
	struct ipaddr addr;
	bool valid = validate_ip(errs, field_path("%s.ip", at), ip, &addr);

	if (host[0])
		validate_name(errs, field_path("%s.hostname", at), host, name_check_dns_label);
	if (node)
		validate_name(errs, field_path("%s.nodeName", at), node, name_check_dns_subdomain);
	if (valid)
		validate_ordinary_ip(errs, field_path("%s.ip", at), ip, &addr);
	else
		field_invalid_string(errs, field_path("%s.ip", at), ip,
		                     "must be a valid IP address");
}

static void check_addresses(const json_t *subset, size_t i, const char *member,
                            struct field_errors *errs)
{
	const json_t *address;
	size_t j;

	json_array_foreach(json_path(subset, member), j, address) {
		char at[80];

		(void)snprintf(at, sizeof(at), "subsets[%zu].%s[%zu]", i, member, j);
		check_address(address, at, errs);
	}
}

static void check_port(const json_t *port, const char *at, bool name_required,
                       struct field_errors *errs)
{
	const char *name = json_path_str(port, "name");
	const char *app = json_path_string(port, "appProtocol");

	if (name[0])
		validate_name(errs, field_path("%s.name", at), name, name_check_dns_label);
	else if (name_required)
		field_required(errs, field_path("%s.name", at), "");
	validate_port(errs, field_path("%s.port", at), json_path(port, "port"));
	validate_protocol(errs, field_path("%s.protocol", at), json_path_str(port, "protocol"));
	if (app)
		validate_name(errs, field_path("%s.appProtocol", at), app, name_check_label_key);
}

static void check_subset(const json_t *subset, size_t i, struct field_errors *errs)
{
	const json_t *ports = json_path(subset, "ports"), *port;
	size_t j, n = json_array_size(ports);

	if (json_array_size(json_path(subset, "addresses")) == 0 &&
	    json_array_size(json_path(subset, "notReadyAddresses")) == 0)
		field_required(errs, field_path("subsets[%zu]", i),
		               "must specify `addresses` or `notReadyAddresses`");
	check_addresses(subset, i, "addresses", errs);
	check_addresses(subset, i, "notReadyAddresses", errs);
	json_array_foreach(ports, j, port) {
		char at[80];

		(void)snprintf(at, sizeof(at), "subsets[%zu].ports[%zu]", i, j);
		check_port(port, at, n > 1, errs);
	}
}

/* What an update leaves as it is may stay, even what older servers took. */
static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	const json_t *subsets = json_path(object, "subsets"), *subset;
	size_t i;

	(void)write;
	kind_validate_meta(&kind_endpoints, object, old, errs);
	if (old && validate_same(subsets, json_path(old, "subsets")))
		return;
	json_array_foreach(subsets, i, subset)
		check_subset(subset, i, errs);
}

static void warn(const json_t *object, const json_t *old, json_t *warnings)
{
	static const char *const members[] = { "addresses", "notReadyAddresses" };
	const json_t *labels = json_path(object, "metadata.labels"), *subset, *address;
	size_t i, j;

	(void)old;
	if (json_object_get(labels, LABEL_MANAGED_BY))
		return;
	json_array_foreach(json_path(object, "subsets"), i, subset)
		for (size_t m = 0; m < ARRAY_SIZE(members); m++)
			json_array_foreach(json_path(subset, members[m]), j, address)
				validate_warn_ip(warnings,
				                 field_path("subsets[%zu].%s[%zu].ip", i,
				                            members[m], j),
				                 json_path_str(address, "ip"));
}

static void add_endpoint(struct buf *b, size_t *n, const json_t *address, const json_t *port)
{
	const char *ip = json_path_str(address, "ip");

	if ((*n)++ >= SHOWN_MAX)
		return;
	if (b->n > 0)
		buf_addc(b, ',');
	if (!port) {
		buf_adds(b, ip);
		return;
	}
	buf_printf(b, "%s%s%s:%lld", strchr(ip, ':') ? "[" : "", ip, strchr(ip, ':') ? "]" : "",
	           (long long)json_path_int(port, "port", 0));
}

static void add_endpoints(json_t *cells, const json_t *subsets)
{
	const json_t *subset, *address, *port;
	auto_buf struct buf b = BUF_INIT;
	size_t i, j, k, n = 0;

	json_array_foreach(subsets, i, subset) {
		const json_t *addresses = json_path(subset, "addresses");
		const json_t *ports = json_path(subset, "ports");

		/* A headless Service may have none. */
		if (json_array_size(ports) == 0)
			json_array_foreach(addresses, k, address)
				add_endpoint(&b, &n, address, NULL);
		json_array_foreach(ports, j, port)
			json_array_foreach(addresses, k, address)
				add_endpoint(&b, &n, address, port);
	}
	if (n > SHOWN_MAX)
		buf_printf(&b, " + %zu more...", n - SHOWN_MAX);
	cell_add(cells, json_array_size(subsets) == 0 ? "<none>" : buf_str(&b));
}

static void row(const json_t *object, int64_t now, json_t *cells)
{
	cell_add_name(cells, object);
	add_endpoints(cells, json_path(object, "subsets"));
	cell_add_object_age(cells, object, now);
}

const struct kind kind_endpoints = {
	.group = "",
	.version = "v1",
	.api_version = "v1",
	.name = "Endpoints",
	.plural = "endpoints",
	.singular = "endpoints",
	.short_names = short_names,
	.namespaced = true,
	.create_on_update = true,
	.deprecation_warning = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 "
			       "EndpointSlice",
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_endpoints,
	.check_name = name_check_dns_subdomain,
	.prepare = kind_meta_prepare,
	.set_defaults = set_defaults,
	.validate = validate,
	.warn = warn,
	.row = row,
};
