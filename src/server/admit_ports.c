/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admit_ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"

#define REHEARSED_FIRST 32769 /* of a dry run that has a port to choose */

struct ports {
	struct admit_txn *txn;
	struct holdings rehearsed; /* ports a dry run took, with no allocator; owned */
};

static bool wants_node_ports(const json_t *service)
{
	return admit_type_is(service, "NodePort") ||
	       (admit_type_is(service, "LoadBalancer") &&
	        json_path_bool(service, "spec.allocateLoadBalancerNodePorts", true));
}

static bool wants_health_port(const json_t *service)
{
	return admit_type_is(service, "LoadBalancer") &&
	       strcmp(json_path_str(service, "spec.externalTrafficPolicy"), "Local") == 0;
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

size_t admit_ports_holdings(struct admission *admission, const json_t *service,
                            struct holdings *ret)
{
	size_t i, outside = 0;
	json_t *value;

	json_array_foreach(json_path(service, "spec.ports"), i, value)
		outside += add_port(admission, json_path_int(value, "nodePort", 0), ret);
	outside += add_port(admission, json_path_int(service, "spec.healthCheckNodePort", 0), ret);
	return outside;
}

/* The nodePort of an entry of the Service's ports is 'port'. */
static bool has_node_port(const json_t *service, int64_t port)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(json_path(service, "spec.ports"), i, entry)
		if (json_path_int(entry, "nodePort", 0) == port)
			return true;
	return false;
}

/* NULL, or why not; heap.  A dry run does not mind the range. */
static char *take(struct ports *ports, int64_t port)
{
	struct admission *admission = ports->txn->admission;
	struct admit_claim *claim = ports->txn->claim;
	uint32_t number = 0;
	bool inside = port_number(admission, port, &number);

	if (claim->dry_run) {
		if ((inside && alloc_taken(&admission->ports, number)) ||
		    holdings_has(&ports->rehearsed, NULL, (uint32_t)port))
			return xstrdup("provided port is already allocated");
		holdings_add(&ports->rehearsed, NULL, (uint32_t)port);
		return NULL;
	}
	if (!inside) {
		(void)alloc_count(&admission->port_counts, ALLOC_STATIC, -ERANGE);
		return xasprintf("provided port is not in the valid range. The range of valid "
		                 "ports is %u-%u",
		                 admission->port_min, admission->port_max);
	}
	if (alloc_count(&admission->port_counts, ALLOC_STATIC,
	                alloc_take(&admission->ports, number)) < 0)
		return xstrdup("provided port is already allocated");
	holdings_add(&claim->taken, &admission->ports, number);
	return NULL;
}

/* -ENOSPC: there is none left. */
static int take_any(struct ports *ports, int64_t *ret_port)
{
	struct admission *admission = ports->txn->admission;
	struct admit_claim *claim = ports->txn->claim;
	uint32_t number;
	int r;

	if (claim->dry_run) {
		int64_t port = REHEARSED_FIRST;

		for (size_t i = 0; i < ports->rehearsed.n; i++) {
			int64_t next = (int64_t)ports->rehearsed.list[i].number + 1;

			port = i == 0 || next > port ? next : port;
		}
		holdings_add(&ports->rehearsed, NULL, (uint32_t)port);
		*ret_port = port;
		return 0;
	}
	r = alloc_count(&admission->port_counts, ALLOC_DYNAMIC,
	                alloc_any(&admission->ports, &number));
	if (r < 0)
		return r;
	holdings_add(&claim->taken, &admission->ports, number);
	*ret_port = admission->port_min + (int64_t)number;
	return 0;
}

static void take_node_port(struct ports *ports, size_t i, int64_t port)
{
	auto_free char *why = take(ports, port);
	auto_json json_t *value = json_integer(port);

	if (why)
		field_invalid(&ports->txn->errs, field_path("spec.ports[%zu].nodePort", i), value,
		              why);
}

static json_t *give_node_port(struct ports *ports, json_t *entry)
{
	int64_t port;

	if (take_any(ports, &port) < 0)
		return admit_internal_error("failed to allocate a nodePort: range is full");
	json_object_set_new(entry, "nodePort", json_integer(port));
	return NULL;
}

/* The nodePort that one of the first 'n' entries has for the same port number; 0 if none. */
static int64_t shared_node_port(const json_t *list, size_t n, int64_t port)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *entry = json_array_get(list, i);

		if (json_path_int(entry, "port", 0) == port && json_path_int(entry, "nodePort", 0))
			return json_path_int(entry, "nodePort", 0);
	}
	return 0;
}

/* initNodePorts(): entries of one port number (two protocols) share a nodePort. */
static json_t *admit_new(struct ports *ports)
{
	json_t *list = json_path(ports->txn->object, "spec.ports"), *entry, *status = NULL;
	bool automatic = wants_node_ports(ports->txn->object);
	size_t i;

	json_array_foreach(list, i, entry) {
		int64_t port = json_path_int(entry, "port", 0);
		int64_t own = json_path_int(entry, "nodePort", 0);
		int64_t shared = shared_node_port(list, i, port);

		if (status || ports->txn->errs.n)
			break;
		if (!json_is_object(entry) || (own == 0 && !automatic))
			continue;
		if (own == 0 && shared == 0) {
			/* a later entry may ask for one, then both have it */
			shared = shared_node_port(list, json_array_size(list), port);
			if (shared)
				take_node_port(ports, i, shared);
			else
				status = give_node_port(ports, entry);
		} else if (own != 0 && own != shared) {
			take_node_port(ports, i, own);
		}
		if (own == 0 && shared)
			json_object_set_new(entry, "nodePort", json_integer(shared));
	}
	return status;
}

/* updateNodePorts(): what the old Service has is its own. */
static json_t *admit_changed(struct ports *ports)
{
	json_t *list = json_path(ports->txn->object, "spec.ports"), *entry, *status = NULL;
	bool automatic = wants_node_ports(ports->txn->object);
	size_t i;

	json_array_foreach(list, i, entry) {
		int64_t own = json_path_int(entry, "nodePort", 0);
		bool met = false;

		if (status || ports->txn->errs.n)
			break;
		if (!json_is_object(entry) || (own == 0 && !automatic))
			continue;
		for (size_t k = 0; k < i && own; k++)
			met = met || json_path_int(json_array_get(list, k), "nodePort", 0) == own;
		if (own == 0)
			status = give_node_port(ports, entry);
		else if (!met && !has_node_port(ports->txn->old, own))
			take_node_port(ports, i, own);
	}
	return status;
}

static json_t *admit_health_port(struct ports *ports)
{
	int64_t port = json_path_int(ports->txn->object, "spec.healthCheckNodePort", 0);
	auto_free char *reason = NULL;
	auto_free char *why = NULL;

	if (port == 0) {
		if (take_any(ports, &port) < 0)
			return admit_internal_error("failed to allocate a HealthCheck NodePort 0: "
			                            "range is full");
		json_path_set(ports->txn->object, "spec.healthCheckNodePort", json_integer(port));
		return NULL;
	}
	reason = take(ports, port);
	if (!reason)
		return NULL;
	why = xasprintf("failed to allocate requested HealthCheck NodePort %d: %s", (int)port,
	                reason);
	return admit_internal_error(why);
}

json_t *admit_ports(struct admit_txn *txn)
{
	struct ports ports = { .txn = txn };
	json_t *status = NULL;

	/* Ports that the type does not have are refused by validation. */
	if (admit_type_is(txn->object, "NodePort") || admit_type_is(txn->object, "LoadBalancer"))
		status = txn->old ? admit_changed(&ports) : admit_new(&ports);
	if (!status && !txn->errs.n && wants_health_port(txn->object) &&
	    !(txn->old && wants_health_port(txn->old)))
		status = admit_health_port(&ports);
	free(ports.rehearsed.list);
	return status;
}
