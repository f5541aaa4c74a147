/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kube/json.h"
#include "kube/types.h"
#include "kube/types_decode.h"

/* Nil means: ready, serving as far as ready, not terminating (discovery/v1 EndpointConditions). */
static void read_conditions(struct endpoint *endpoint, const json_t *conditions)
{
	endpoint->ready = json_path_bool(conditions, "ready", true);
	endpoint->serving = json_path_bool(conditions, "serving", endpoint->ready);
	endpoint->terminating = json_path_bool(conditions, "terminating", false);
}

static void read_endpoint(struct endpoint *endpoint, const json_t *json, struct arena *arena)
{
	read_conditions(endpoint, json_path(json, "conditions"));
	endpoint->node = types_string(json, "nodeName", arena);
	endpoint->zone = types_string(json, "zone", arena);
	endpoint->hostname = types_string(json, "hostname", arena);
	endpoint->target_kind = types_string(json, "targetRef.kind", arena);
	endpoint->target_namespace = types_string(json, "targetRef.namespace", arena);
	endpoint->target_name = types_string(json, "targetRef.name", arena);
	endpoint->target_uid = types_string(json, "targetRef.uid", arena);
	endpoint->zone_hints = types_strings(json_path(json, "hints.forZones"), "name", arena,
	                                     &endpoint->n_zone_hints);
	endpoint->node_hints = types_strings(json_path(json, "hints.forNodes"), "name", arena,
	                                     &endpoint->n_node_hints);
}

static void read_endpoints(struct endpoint_slice *slice, const json_t *list, struct arena *arena)
{
	const json_t *json;
	size_t i;

	/* FQDN slices have no addresses to balance over. */
	if (!slice->family)
		return;
	slice->endpoints = types_array(arena, struct endpoint, json_array_size(list));
	json_array_foreach(list, i, json) {
		const char *text =
			json_string_value(json_array_get(json_path(json, "addresses"), 0));
		struct endpoint *endpoint = &slice->endpoints[slice->n_endpoints];
		struct ipaddr addr;

		if (!text || ipaddr_parse(text, &addr) < 0 || addr.family != slice->family) {
			slice->n_bad++;
			continue;
		}
		endpoint->addr = addr;
		read_endpoint(endpoint, json, arena);
		slice->n_endpoints++;
	}
}

static void read_ports(struct endpoint_slice *slice, const json_t *list, struct arena *arena)
{
	const json_t *json;
	size_t i;

	slice->ports = types_array(arena, struct slice_port, json_array_size(list));
	json_array_foreach(list, i, json) {
		struct slice_port *port = &slice->ports[slice->n_ports];
		const char *protocol = json_path_str(json, "protocol");

		port->name = types_string(json, "name", arena);
		port->protocol = protocol_parse(protocol[0] ? protocol : "TCP");
		port->port = types_port(json, "port");
		port->app_protocol = types_string(json, "appProtocol", arena);
		if (port->protocol && (port->port || json_path_int(json, "port", 0) == 0))
			slice->n_ports++;
		else
			slice->n_bad++;
	}
}

static const char *controller_uid(const json_t *owners, struct arena *arena)
{
	const json_t *owner;
	size_t i;

	json_array_foreach(owners, i, owner)
		if (json_path_bool(owner, "controller", false))
			return types_string(owner, "uid", arena);
	return "";
}

struct endpoint_slice *endpoint_slice_from_json(const json_t *object)
{
	const char *type = json_path_str(object, "addressType");
	struct arena arena = ARENA_INIT;
	struct endpoint_slice *slice = arena_new(&arena, struct endpoint_slice);

	slice->meta = types_meta(object, &arena);
	slice->service = types_label(&slice->meta, LABEL_SERVICE_NAME);
	slice->managed_by = types_label(&slice->meta, LABEL_MANAGED_BY);
	slice->owner_uid = controller_uid(json_path(object, "metadata.ownerReferences"), &arena);
	slice->family = strcmp(type, "IPv4") == 0 ? 4 : strcmp(type, "IPv6") == 0 ? 6 : 0;
	read_endpoints(slice, json_path(object, "endpoints"), &arena);
	read_ports(slice, json_path(object, "ports"), &arena);
	slice->arena = arena;
	return slice;
}

void endpoint_slice_free(struct endpoint_slice *slice)
{
	struct arena arena;

	if (!slice)
		return;
	/* The object is in its own arena. */
	arena = slice->arena;
	arena_done(&arena);
}
