/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admit_service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/service_families.h"
#include "kube/status.h"

/* One admission under way. */
struct txn {
	struct admission *admission;
	json_t *object;
	struct holdings had; /* by the old object; owned */
	struct admit_claim *claim;
	struct field_errors errs;
};

static bool type_is(const json_t *object, const char *type)
{
	return strcmp(json_path_str(object, "spec.type"), type) == 0;
}

/* Whether the object is of a type that has clusterIPs allocated. */
static bool wants_ips(const json_t *object)
{
	const char *first =
		json_string_value(json_array_get(json_path(object, "spec.clusterIPs"), 0));

	return !type_is(object, "ExternalName") &&
	       strcmp(json_path_str(object, "spec.clusterIP"), "None") != 0 &&
	       !(first && strcmp(first, "None") == 0);
}

static bool wants_node_ports(const json_t *object)
{
	return type_is(object, "NodePort") ||
	       (type_is(object, "LoadBalancer") &&
	        json_path_bool(object, "spec.allocateLoadBalancerNodePorts", true));
}

static bool wants_health_port(const json_t *object)
{
	return type_is(object, "LoadBalancer") &&
	       strcmp(json_path_str(object, "spec.externalTrafficPolicy"), "Local") == 0;
}

static struct ip_range *range_of(struct admission *admission, uint8_t family)
{
	for (size_t i = 0; i < admission->n_ranges; i++)
		if (admission->families[i] == family)
			return &admission->ranges[i];
	return NULL;
}

/* The range and number of an address in text; -EINVAL: no address, -ERANGE: in no range. */
static int find_ip(struct admission *admission, const char *text, struct ip_range **ret_range,
                   uint32_t *ret_number)
{
	struct ipaddr addr;

	if (!text || ipaddr_parse(text, &addr) < 0)
		return -EINVAL;
	*ret_range = range_of(admission, addr.family);
	return *ret_range ? ip_range_number(*ret_range, &addr, ret_number) : -ERANGE;
}

/* A port as number of the allocator; false if the range has it not. */
static bool port_number(const struct admission *admission, int64_t port, uint32_t *ret_number)
{
	if (port < admission->port_min || port > admission->port_max)
		return false;
	*ret_number = (uint32_t)(port - admission->port_min);
	return true;
}

static size_t add_port(struct admission *admission, int64_t port, struct holdings *ret)
{
	uint32_t number;

	if (port == 0)
		return 0;
	if (!port_number(admission, port, &number))
		return 1;
	/* Two protocols of one Service may share a number. */
	if (!holdings_has(ret, &admission->ports, number))
		holdings_add(ret, &admission->ports, number);
	return 0;
}

size_t admit_service_holdings(struct admission *admission, const json_t *object,
                              struct holdings *ret)
{
	struct ip_range *range;
	size_t i, outside = 0;
	uint32_t number;
	json_t *value;

	if (wants_ips(object)) {
		json_array_foreach(json_path(object, "spec.clusterIPs"), i, value) {
			if (find_ip(admission, json_string_value(value), &range, &number) == 0)
				holdings_add(ret, &range->alloc, number);
			else
				outside++;
		}
	}
	json_array_foreach(json_path(object, "spec.ports"), i, value)
		outside += add_port(admission, json_path_int(value, "nodePort", 0), ret);
	outside += add_port(admission, json_path_int(object, "spec.healthCheckNodePort", 0), ret);
	return outside;
}

/* Takes 'number' unless the old object or this write has it already. */
static int take(struct txn *txn, struct alloc *alloc, uint32_t number)
{
	int r;

	if (holdings_has(&txn->had, alloc, number) ||
	    holdings_has(&txn->claim->taken, alloc, number))
		return 0;
	r = alloc_take(alloc, number);
	if (r == 0)
		holdings_add(&txn->claim->taken, alloc, number);
	return r;
}

static int take_any(struct txn *txn, struct alloc *alloc, uint32_t *ret_number)
{
	int r = alloc_any(alloc, ret_number);

	if (r == 0)
		holdings_add(&txn->claim->taken, alloc, *ret_number);
	return r;
}

static json_t *internal_error(const char *text)
{
	json_t *status = status_new(500, "InternalError", "Internal error occurred: %s", text);

	json_path_set(status, "details.causes", json_pack("[{s:s}]", "message", text));
	return status;
}

/* Takes the address that the user asked for; what is no address is left to validation. */
static void take_ip(struct txn *txn, const char *text)
{
	auto_free char *detail = NULL;
	struct ip_range *range;
	uint32_t number;
	int r = find_ip(txn->admission, text, &range, &number);

	if (r == -EINVAL)
		return;
	if (r == 0)
		r = take(txn, &range->alloc, number);
	if (r == 0)
		return;
	detail = xasprintf("failed to allocate IP %s: %s", text,
	                   r == -EEXIST ? "provided IP is already allocated"
	                                : "the provided network does not match the current range");
	field_invalid(&txn->errs, "spec.clusterIPs", json_path(txn->object, "spec.clusterIPs"),
	              detail);
}

static json_t *give_ip(struct txn *txn, uint8_t family, json_t *ips)
{
	struct ip_range *range = range_of(txn->admission, family);
	char text[IPADDR_TEXT_SIZE];
	auto_free char *why = NULL;
	struct ipaddr addr;
	uint32_t number;

	if (range && take_any(txn, &range->alloc, &number) == 0) {
		ip_range_address(range, number, &addr);
		ipaddr_format(&addr, text);
		json_array_append_new(ips, json_string(text));
		return NULL;
	}
	why = xasprintf("failed to allocate a serviceIP for Service \"%s\": range is full",
	                json_path_str(txn->object, "metadata.name"));
	return internal_error(why);
}

/*
 * One address a family.  What the old object had in a place stays its own affair: changing it is
 * refused by validation, with the better message.
 */
static json_t *admit_ips(struct txn *txn, size_t n_old)
{
	json_t *families = json_path(txn->object, "spec.ipFamilies");
	auto_json json_t *ips = json_array();
	json_t *asked = json_path(txn->object, "spec.clusterIPs"), *status;

	json_array_extend(ips, asked);
	for (size_t i = 0; i < json_array_size(families); i++) {
		const char *family = json_string_value(json_array_get(families, i));

		if (i < json_array_size(ips)) {
			if (i >= n_old)
				take_ip(txn, json_string_value(json_array_get(ips, i)));
			continue;
		}
		if (txn->errs.n)
			return NULL;
		status = give_ip(txn, family && strcmp(family, "IPv6") == 0 ? 6 : 4, ips);
		if (status)
			return status;
	}
	if (json_array_size(ips) == 0)
		return NULL;
	json_path_set(txn->object, "spec.clusterIP", json_incref(json_array_get(ips, 0)));
	json_path_set(txn->object, "spec.clusterIPs", json_incref(ips));
	return NULL;
}

/* The nodePort that another port entry of the same port number has; 0 if none. */
static int64_t shared_node_port(const json_t *ports, int64_t port)
{
	json_t *entry;
	size_t i;

	json_array_foreach(ports, i, entry)
		if (json_path_int(entry, "port", 0) == port && json_path_int(entry, "nodePort", 0))
			return json_path_int(entry, "nodePort", 0);
	return 0;
}

static void take_node_port(struct txn *txn, const char *path, int64_t port)
{
	const struct admission *admission = txn->admission;
	auto_json json_t *value = json_integer(port);
	auto_free char *detail = NULL;
	uint32_t number;

	if (!port_number(admission, port, &number)) {
		detail = xasprintf("provided port is not in the valid range. The range of valid "
		                   "ports is %u-%u",
		                   admission->port_min, admission->port_max);
		field_invalid(&txn->errs, path, value, detail);
	} else if (take(txn, &txn->admission->ports, number) < 0) {
		field_invalid(&txn->errs, path, value, "provided port is already allocated");
	}
}

static json_t *give_node_port(struct txn *txn, json_t *entry)
{
	uint32_t number;

	if (take_any(txn, &txn->admission->ports, &number) < 0)
		return internal_error("failed to allocate a nodePort: range is full");
	json_object_set_new(entry, "nodePort", json_integer(txn->admission->port_min + number));
	return NULL;
}

static json_t *admit_node_ports(struct txn *txn, const json_t *old)
{
	json_t *ports = json_path(txn->object, "spec.ports"), *entry, *status;
	bool automatic = wants_node_ports(txn->object);
	size_t i;

	json_array_foreach(ports, i, entry) {
		int64_t port = json_path_int(entry, "nodePort", 0);

		if (port)
			take_node_port(txn, field_path("spec.ports[%zu].nodePort", i), port);
	}
	if (!automatic || txn->errs.n)
		return NULL;
	json_array_foreach(ports, i, entry) {
		int64_t shared = old ? 0 : shared_node_port(ports, json_path_int(entry, "port", 0));

		if (!json_is_object(entry) || json_path_int(entry, "nodePort", 0))
			continue;
		if (shared) {
			json_object_set_new(entry, "nodePort", json_integer(shared));
			continue;
		}
		status = give_node_port(txn, entry);
		if (status)
			return status;
	}
	return NULL;
}

static json_t *admit_health_port(struct txn *txn)
{
	int64_t port = json_path_int(txn->object, "spec.healthCheckNodePort", 0);
	auto_free char *why = NULL;
	uint32_t number;
	int r = -ERANGE;

	if (port == 0) {
		if (take_any(txn, &txn->admission->ports, &number) < 0)
			return internal_error("failed to allocate a HealthCheck NodePort 0: range "
			                      "is full");
		json_path_set(txn->object, "spec.healthCheckNodePort",
		              json_integer(txn->admission->port_min + number));
		return NULL;
	}
	if (port_number(txn->admission, port, &number))
		r = take(txn, &txn->admission->ports, number);
	if (r == 0)
		return NULL;
	why = r == -EEXIST
	              ? xasprintf("failed to allocate requested HealthCheck NodePort %d: "
	                          "provided port is already allocated",
	                          (int)port)
	              : xasprintf("failed to allocate requested HealthCheck NodePort %d: "
	                          "provided port is not in the valid range. The range of "
	                          "valid ports is %u-%u",
	                          (int)port, txn->admission->port_min, txn->admission->port_max);
	return internal_error(why);
}

static json_t *admit_all(struct txn *txn, const json_t *old)
{
	size_t n_old = old && !type_is(old, "ExternalName")
	                       ? json_array_size(json_path(old, "spec.clusterIPs"))
	                       : 0;
	json_t *status = NULL;

	service_default_families(txn->object, old, txn->admission->families,
	                         txn->admission->n_ranges, &txn->errs);
	if (txn->errs.n)
		return NULL;
	if (wants_ips(txn->object))
		status = admit_ips(txn, n_old);
	/* Ports that the type does not have are refused by validation. */
	if (!status && !txn->errs.n &&
	    (type_is(txn->object, "NodePort") || type_is(txn->object, "LoadBalancer")))
		status = admit_node_ports(txn, old);
	if (!status && !txn->errs.n && wants_health_port(txn->object))
		status = admit_health_port(txn);
	return status;
}

json_t *admit_service(struct admission *admission, json_t *object, const json_t *old,
                      struct admit_claim *claim)
{
	struct txn txn = { .admission = admission, .object = object, .claim = claim };
	json_t *status;

	if (old)
		(void)admit_service_holdings(admission, old, &txn.had);
	status = admit_all(&txn, old);
	if (!status && txn.errs.n)
		status = status_invalid(&kind_service, json_path_str(object, "metadata.name"),
		                        &txn.errs);
	field_errors_done(&txn.errs);
	free(txn.had.list);
	return status;
}
