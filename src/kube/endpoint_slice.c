/* SPDX-License-Identifier: Apache-2.0 */
/* discovery.k8s.io/v1 EndpointSlice. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/kind_meta.h"
#include "kube/schema.h"
#include "kube/validate.h"

#define ENDPOINTS_MAX 1000
#define ADDRESSES_MAX 100
#define PORTS_MAX     20000
#define HINTS_MAX     8
#define SHOWN_MAX     3 /* ports and addresses in a column */

#define LABEL_MANAGED_BY "endpointslice.kubernetes.io/managed-by"

static const struct merge_key merge_keys[] = {
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique within a namespace.", 0 },
	{ "AddressType", "string", "", "The type of address carried by this EndpointSlice.", 0 },
	{ "Ports", "string", "", "The ports each endpoint exposes.", 0 },
	{ "Endpoints", "string", "", "The addresses of the endpoints.", 0 },
	{ "Age", "string", "", "The time since the object was created.", 0 },
};

/*
 * deprecatedTopology is of v1beta1; what is stored of it stays as long as nobody touches the
 * endpoints.
 */
static void prepare(json_t *object, const json_t *old, enum kind_write write)
{
	json_t *endpoints, *endpoint;
	size_t i;

	kind_meta_prepare(object, old, write); /* may exchange what 'object' has */
	endpoints = json_path(object, "endpoints");
	if (old && validate_same(endpoints, json_path(old, "endpoints")))
		return;
	json_array_foreach(endpoints, i, endpoint)
		json_object_del(endpoint, "deprecatedTopology");
}

static void set_defaults(json_t *object)
{
	json_t *port;
	size_t i;

	json_array_foreach(json_path(object, "ports"), i, port) {
		if (!json_is_object(port))
			continue;
		if (!json_path(port, "name"))
			json_object_set_new(port, "name", json_string(""));
		if (!json_path_str(port, "protocol")[0])
			json_object_set_new(port, "protocol", json_string("TCP"));
	}
}

static void check_ports(const json_t *ports, struct field_errors *errs)
{
	struct validate_set names = { 0 };
	const json_t *port;
	size_t i;

	if (json_array_size(ports) > PORTS_MAX) {
		field_too_many(errs, "ports", json_array_size(ports), PORTS_MAX);
		return;
	}
	json_array_foreach(ports, i, port) {
		const char *name = json_path_str(port, "name");
		const char *app = json_path_string(port, "appProtocol");
		const char *path = field_path("ports[%zu].name", i);

		if (name[0])
			validate_name(errs, path, name, name_check_dns_label);
		if (validate_set_has(&names, name, 0))
			field_duplicate(errs, path, json_path(port, "name"));
		validate_protocol(errs, field_path("ports[%zu].protocol", i),
		                  json_path_str(port, "protocol"));
		if (app)
			validate_name(errs, field_path("ports[%zu].appProtocol", i), app,
			              name_check_label_key);
	}
	validate_set_done(&names);
}

static void check_ip(const char *list_path, size_t i, const char *text, uint8_t family,
                     struct field_errors *errs)
{
	const char *path = field_path("%s[%zu]", list_path, i);
	char canonical[IPADDR_TEXT_SIZE];
	auto_free char *detail = NULL;
	struct ipaddr addr;

	if (!validate_ip(errs, path, text, &addr))
		return;
	if (addr.family != family) {
		field_invalid_string(errs, list_path, text,
		                     family == 6 ? "must be an IPv6 address"
		                                 : "must be an IPv4 address");
		return;
	}
	ipaddr_format(&addr, canonical);
	if (strcmp(canonical, text) != 0) {
		detail = xasprintf("must be in canonical form (\"%s\")", canonical);
		field_invalid_string(errs, path, text, detail);
	}
	validate_ordinary_ip(errs, path, text, &addr);
}

/* A name with at least one dot; one more may end it. */
static void check_fqdn(const char *list_path, size_t i, const char *text, struct field_errors *errs)
{
	const char *path = field_path("%s[%zu]", list_path, i);
	auto_free char *name = xstrdup(text);
	size_t n = strlen(name), before = errs->n;

	if (n > 0 && name[n - 1] == '.')
		name[n - 1] = '\0';
	validate_name(errs, path, name, name_check_dns_subdomain);
	if (errs->n == before && !strchr(name, '.'))
		field_invalid_string(errs, path, text,
		                     "should be a domain with at least two segments separated by "
		                     "dots");
}

static void check_addresses(const json_t *addresses, const char *path, const char *type,
                            struct field_errors *errs)
{
	const json_t *address;
	size_t i;

	if (json_array_size(addresses) == 0)
		field_required(errs, path, "must contain at least 1 address");
	else if (json_array_size(addresses) > ADDRESSES_MAX)
		field_too_many(errs, path, json_array_size(addresses), ADDRESSES_MAX);
	json_array_foreach(addresses, i, address) {
		const char *text = json_is_string(address) ? json_string_value(address) : "";

		if (strcmp(type, "FQDN") == 0)
			check_fqdn(path, i, text, errs);
		else if (strcmp(type, "IPv4") == 0)
			check_ip(path, i, text, 4, errs);
		else if (strcmp(type, "IPv6") == 0)
			check_ip(path, i, text, 6, errs);
	}
}

static void check_hints(const json_t *endpoint, size_t at, const char *member,
                        void (*check)(const char *value, struct name_errors *found),
                        struct field_errors *errs)
{
	const json_t *hints = json_path(json_path(endpoint, "hints"), member), *hint;
	struct validate_set met = { 0 };
	size_t i;

	if (json_array_size(hints) > HINTS_MAX) {
		field_too_many(errs, field_path("endpoints[%zu].hints.%s", at, member),
		               json_array_size(hints), HINTS_MAX);
		return;
	}
	json_array_foreach(hints, i, hint) {
		const char *name = json_path_str(hint, "name");
		const char *path = field_path("endpoints[%zu].hints.%s[%zu].name", at, member, i);

		if (validate_set_has(&met, name, 0))
			field_duplicate(errs, path, json_path(hint, "name"));
		validate_name(errs, path, name, check);
	}
	validate_set_done(&met);
}

static void check_endpoint(const json_t *endpoint, size_t i, const char *type,
                           struct field_errors *errs)
{
	const char *hostname = json_path_string(endpoint, "hostname");
	const char *node = json_path_string(endpoint, "nodeName");
	char path[64];

	(void)snprintf(path, sizeof(path), "endpoints[%zu].addresses", i);
	check_addresses(json_path(endpoint, "addresses"), path, type, errs);
	if (node)
		validate_name(errs, field_path("endpoints[%zu].nodeName", i), node,
		              name_check_dns_subdomain);
	if (hostname)
		validate_name(errs, field_path("endpoints[%zu].hostname", i), hostname,
		              name_check_dns_label);
	check_hints(endpoint, i, "forZones", name_check_label_value, errs);
	check_hints(endpoint, i, "forNodes", name_check_dns_subdomain, errs);
}

static void validate(const json_t *object, const json_t *old, enum kind_write write,
                     struct field_errors *errs)
{
	static const char *const types[] = { "FQDN", "IPv4", "IPv6", NULL };
	const json_t *endpoints = json_path(object, "endpoints"), *endpoint;
	const char *type = json_path_str(object, "addressType");
	const char *old_type = json_path_str(old, "addressType");
	size_t i;

	(void)write;
	kind_validate_meta(&kind_endpoint_slice, object, old, errs);
	if (old && strcmp(type, old_type) != 0) {
		/* All addresses would be wrong as well; that is no news. */
		field_invalid_string(errs, "addressType", type, "field is immutable");
		return;
	}
	validate_one_of(errs, "addressType", type, types);
	check_ports(json_path(object, "ports"), errs);
	if (json_array_size(endpoints) > ENDPOINTS_MAX) {
		field_too_many(errs, "endpoints", json_array_size(endpoints), ENDPOINTS_MAX);
		return;
	}
	/* What an update leaves as it is may stay, even what older servers took. */
	if (old && validate_same(endpoints, json_path(old, "endpoints")))
		return;
	json_array_foreach(endpoints, i, endpoint)
		check_endpoint(endpoint, i, type, errs);
}

/* Controllers' own slices are known to be right. */
static bool is_of_controller(const json_t *object)
{
	const json_t *labels = json_path(object, "metadata.labels");
	const char *by = json_string_value(json_object_get(labels, LABEL_MANAGED_BY));

	return by && (strcmp(by, "endpointslice-controller.k8s.io") == 0 ||
	              strcmp(by, "endpointslicemirroring-controller.k8s.io") == 0);
}

static void warn_addresses(const json_t *object, json_t *warnings)
{
	const json_t *endpoint, *address;
	size_t i, j;

	json_array_foreach(json_path(object, "endpoints"), i, endpoint)
		json_array_foreach(json_path(endpoint, "addresses"), j, address)
			if (json_is_string(address))
				validate_warn_ip(warnings,
				                 field_path("endpoints[%zu].addresses[%zu]", i, j),
				                 json_string_value(address));
}

static void warn(const json_t *object, const json_t *old, json_t *warnings)
{
	if (!old && strcmp(json_path_str(object, "addressType"), "FQDN") == 0)
		json_array_append_new(
			warnings, json_string("spec.addressType: FQDN endpoints are deprecated"));
	if (!is_of_controller(object))
		warn_addresses(object, warnings);
}

/* "a,b,c + 2 more..." from the texts of a column. */
struct short_list {
	struct buf text;
	size_t n;
};

static void short_list_add(struct short_list *list, const char *text)
{
	if (list->n++ >= SHOWN_MAX)
		return;
	if (list->text.n > 0)
		buf_addc(&list->text, ',');
	buf_adds(&list->text, text);
}

static void short_list_cell(struct short_list *list, json_t *cells)
{
	if (list->n > SHOWN_MAX)
		buf_printf(&list->text, " + %zu more...", list->n - SHOWN_MAX);
	cell_add_or(cells, buf_str(&list->text), "<unset>");
	buf_done(&list->text);
}

static void add_ports(json_t *cells, const json_t *ports)
{
	struct short_list list = { BUF_INIT, 0 };
	const json_t *port;
	size_t i;

	json_array_foreach(ports, i, port) {
		const char *name = json_path_str(port, "name");
		char number[24];

		(void)snprintf(number, sizeof(number), "%" PRId64, json_path_int(port, "port", 0));
		short_list_add(&list, json_path(port, "port") ? number : name[0] ? name : "*");
	}
	short_list_cell(&list, cells);
}

static void add_endpoints(json_t *cells, const json_t *endpoints)
{
	struct short_list list = { BUF_INIT, 0 };
	const json_t *endpoint, *address;
	size_t i, j;

	json_array_foreach(endpoints, i, endpoint)
		json_array_foreach(json_path(endpoint, "addresses"), j, address)
			if (json_is_string(address))
				short_list_add(&list, json_string_value(address));
	short_list_cell(&list, cells);
}

static void row(const json_t *object, int64_t now, json_t *cells)
{
	cell_add_name(cells, object);
	cell_add(cells, json_path_str(object, "addressType"));
	add_ports(cells, json_path(object, "ports"));
	add_endpoints(cells, json_path(object, "endpoints"));
	cell_add_object_age(cells, object, now);
}

const struct kind kind_endpoint_slice = {
	.group = "discovery.k8s.io",
	.version = "v1",
	.api_version = "discovery.k8s.io/v1",
	.name = "EndpointSlice",
	.plural = "endpointslices",
	.singular = "endpointslice",
	.namespaced = true,
	.has_generation = true,
	.generation_meta = "labels",
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_endpoint_slice,
	.check_name = name_check_dns_subdomain,
	.prepare = prepare,
	.set_defaults = set_defaults,
	.validate = validate,
	.warn = warn,
	.row = row,
};
