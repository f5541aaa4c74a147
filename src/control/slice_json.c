/* SPDX-License-Identifier: Apache-2.0 */
#include "control/slice_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define GENERATED_BASE_MAX \
	58 /* five random characters make it 63 (apiserver names.SimpleNameGenerator) */

static void set_string(json_t *object, const char *key, const char *value)
{
	if (*value)
		(void)json_object_set_new(object, key, json_string(value));
}

static json_t *labels_json(const struct labels *labels)
{
	json_t *object = json_object();

	for (size_t i = 0; i < labels->n; i++)
		(void)json_object_set_new(object, labels->list[i].key,
		                          json_string(labels->list[i].value));
	return object;
}

/* What others noted on the slice stays; the time is that of this change or none. */
static json_t *annotations_json(const struct endpoint_slice *slice, int64_t trigger)
{
	json_t *object = slice ? labels_json(&slice->meta.annotations) : json_object();
	char text[CLOCK_TEXT_SIZE];

	(void)json_object_del(object, ANNOTATION_TRIGGER_TIME);
	if (trigger) {
		clock_format(trigger, text);
		set_string(object, ANNOTATION_TRIGGER_TIME, text);
	}
	return object;
}

static json_t *meta_json(const struct service *service, const struct slice_plan *plan,
                         const struct slice_change *change, int64_t trigger)
{
	const struct endpoint_slice *slice = change->slice;
	json_t *meta = json_object();
	char text[GENERATED_BASE_MAX + 1];

	(void)snprintf(text, sizeof(text), "%s-", service->meta.name);
	set_string(meta, "generateName", text);
	set_string(meta, "namespace", service->meta.namespace);
	if (slice) {
		set_string(meta, "name", slice->meta.name);
		set_string(meta, "uid", slice->meta.uid);
		(void)snprintf(text, sizeof(text), "%" PRIu64, slice->meta.revision);
		set_string(meta, "resourceVersion", text);
	}
	(void)json_object_set_new(meta, "labels", labels_json(&plan->labels));
	(void)json_object_set_new(meta, "annotations", annotations_json(slice, trigger));
	(void)json_object_set_new(meta, "ownerReferences",
	                          json_pack("[{s:s,s:s,s:s,s:s,s:b,s:b}]", "apiVersion", "v1",
	                                    "kind", "Service", "name", service->meta.name, "uid",
	                                    service->meta.uid, "controller", 1,
	                                    "blockOwnerDeletion", 1));
	return meta;
}

static json_t *hints_list(const char *const *names, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, json_pack("{s:s}", "name", names[i]));
	return list;
}

static json_t *hints_json(const struct endpoint *endpoint)
{
	json_t *hints = json_object();

	if (endpoint->n_zone_hints > 0)
		(void)json_object_set_new(hints, "forZones",
		                          hints_list(endpoint->zone_hints, endpoint->n_zone_hints));
	if (endpoint->n_node_hints > 0)
		(void)json_object_set_new(hints, "forNodes",
		                          hints_list(endpoint->node_hints, endpoint->n_node_hints));
	return hints;
}

static json_t *endpoint_json(const struct endpoint *endpoint)
{
	char address[IPADDR_TEXT_SIZE];
	json_t *object, *target;

	ipaddr_format(&endpoint->addr, address);
	object = json_pack("{s:[s],s:{s:b,s:b,s:b}}", "addresses", address, "conditions", "ready",
	                   (int)endpoint->ready, "serving", (int)endpoint->serving, "terminating",
	                   (int)endpoint->terminating);
	set_string(object, "hostname", endpoint->hostname);
	target = json_object();
	set_string(target, "kind", endpoint->target_kind);
	set_string(target, "namespace", endpoint->target_namespace);
	set_string(target, "name", endpoint->target_name);
	set_string(target, "uid", endpoint->target_uid);
	(void)json_object_set_new(object, "targetRef", target);
	set_string(object, "nodeName", endpoint->node);
	set_string(object, "zone", endpoint->zone);
	if (endpoint->n_zone_hints > 0 || endpoint->n_node_hints > 0)
		(void)json_object_set_new(object, "hints", hints_json(endpoint));
	return object;
}

/* The name is always there, "" where the Service's port has none. */
static json_t *port_json(const struct slice_port *port)
{
	json_t *object = json_pack("{s:s,s:s,s:i}", "name", port->name, "protocol",
	                           protocol_name(port->protocol), "port", (int)port->port);

	set_string(object, "appProtocol", port->app_protocol);
	return object;
}

json_t *slice_json(const struct service *service, const struct slice_plan *plan,
                   const struct slice_change *change, int64_t trigger)
{
	/* Go's nil, which is written as null. */
	json_t *endpoints = change->n_endpoints ? json_array() : json_null();
	json_t *ports = change->n_ports ? json_array() : json_null();

	for (size_t i = 0; i < change->n_endpoints; i++)
		(void)json_array_append_new(endpoints, endpoint_json(change->endpoints[i]));
	for (size_t i = 0; i < change->n_ports; i++)
		(void)json_array_append_new(ports, port_json(&change->ports[i]));
	return json_pack("{s:s,s:s,s:o,s:s,s:o,s:o}", "kind", "EndpointSlice", "apiVersion",
	                 "discovery.k8s.io/v1", "metadata",
	                 meta_json(service, plan, change, trigger), "addressType",
	                 change->family == 6 ? "IPv6" : "IPv4", "endpoints", endpoints, "ports",
	                 ports);
}
