/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoints_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hmap.h"
#include "base/mem.h"
#include "control/slice_json.h"
#include "kube/json.h"

/* A Pod that has an address to be told. */
struct member {
	const struct pod *pod;
	const struct ipaddr *addr;
	bool ready;
};

/* A resolved port, and which members have it; ports of the same members share a subset. */
struct port_members {
	struct slice_port port; /* number 0: stands for no port at all */
	bool *has;              /* by index of the member */
	bool taken;             /* it is in a subset */
};

struct work {
	const struct service *service;
	struct arena arena;
	struct member *members;
	size_t n_members;
	struct port_members *ports;
	size_t n_ports, cap_ports;
};

static bool takes_part(const struct service *service, const struct pod *pod)
{
	return strcmp(pod->phase, "Failed") != 0 && strcmp(pod->phase, "Succeeded") != 0 &&
	       (!pod->meta.deleting || service->publish_not_ready);
}

static int member_cmp(const void *pa, const void *pb)
{
	const struct member *a = pa, *b = pb;
	int r = memcmp(a->addr->bytes, b->addr->bytes, sizeof(a->addr->bytes));

	return r ? r : strcmp(a->pod->meta.uid, b->pod->meta.uid);
}

static void collect_members(struct work *work, const struct slice_pod *pods, size_t n)
{
	const struct service *service = work->service;
	uint8_t family = service->n_families      ? service->families[0]
	                 : service->n_cluster_ips ? service->cluster_ips[0].family
	                                          : 4;

	work->members = arena_array(&work->arena, struct member, n);
	for (size_t i = 0; i < n; i++) {
		const struct pod *pod = pods[i].pod;
		const struct ipaddr *addr = slice_pod_address(pod, family);

		if (addr && takes_part(service, pod))
			work->members[work->n_members++] = (struct member){
				pod, addr, pod->ready || service->publish_not_ready
			};
	}
	if (work->n_members > 0)
		qsort(work->members, work->n_members, sizeof(*work->members), member_cmp);
}

static void add_port(struct work *work, const struct slice_port *port, size_t member)
{
	struct port_members *entry = NULL;

	for (size_t i = 0; i < work->n_ports && !entry; i++)
		if (slice_ports_equal(&work->ports[i].port, 1, port, 1))
			entry = &work->ports[i];
	if (!entry) {
		array_reserve(work->ports, work->n_ports, work->cap_ports);
		entry = &work->ports[work->n_ports++];
		*entry = (struct port_members){
			.port = *port, .has = arena_array(&work->arena, bool, work->n_members)
		};
		memset(entry->has, 0, work->n_members * sizeof(*entry->has));
	}
	entry->has[member] = true;
}

static int port_cmp(const void *pa, const void *pb)
{
	const struct port_members *a = pa, *b = pb;
	int r = strcmp(a->port.name, b->port.name);

	return r ? r : (int)a->port.port - (int)b->port.port;
}

static void collect_ports(struct work *work)
{
	const struct service *service = work->service;
	struct slice_port *ports;

	for (size_t i = 0; i < work->n_members; i++) {
		size_t n = slice_ports_make(service, work->members[i].pod, &work->arena, &ports);

		for (size_t j = 0; j < n; j++)
			add_port(work, &ports[j], i);
		if (service->headless && service->n_ports == 0)
			add_port(work, &(struct slice_port){ .name = "", .app_protocol = "" }, i);
	}
	if (work->n_ports > 0)
		qsort(work->ports, work->n_ports, sizeof(*work->ports), port_cmp);
}

static json_t *address_json(const struct service *service, const struct member *member)
{
	const struct pod *pod = member->pod;
	char text[IPADDR_TEXT_SIZE];
	json_t *object;

	ipaddr_format(member->addr, text);
	object = json_pack("{s:s}", "ip", text);
	if (*pod->hostname && strcmp(pod->subdomain, service->meta.name) == 0)
		json_object_set_new(object, "hostname", json_string(pod->hostname));
	if (*pod->node)
		json_object_set_new(object, "nodeName", json_string(pod->node));
	json_object_set_new(object, "targetRef",
	                    json_pack("{s:s,s:s,s:s,s:s}", "kind", "Pod", "namespace",
	                              pod->meta.namespace, "name", pod->meta.name, "uid",
	                              pod->meta.uid));
	return object;
}

static json_t *port_json(const struct slice_port *port)
{
	json_t *object = json_object();

	if (*port->name)
		json_object_set_new(object, "name", json_string(port->name));
	json_object_set_new(object, "port", json_integer(port->port));
	json_object_set_new(object, "protocol", json_string(protocol_name(port->protocol)));
	if (*port->app_protocol)
		json_object_set_new(object, "appProtocol", json_string(port->app_protocol));
	return object;
}

/* All ports of the same members as 'first'. */
static json_t *subset_json(struct work *work, struct port_members *first)
{
	json_t *subset = json_object(), *ports = json_array();
	json_t *lists[2] = { json_array(), json_array() }; /* not ready, ready */

	for (size_t i = 0; i < work->n_members; i++)
		if (first->has[i])
			json_array_append_new(lists[work->members[i].ready],
			                      address_json(work->service, &work->members[i]));
	for (struct port_members *port = first; port < work->ports + work->n_ports; port++) {
		if (port->taken ||
		    memcmp(port->has, first->has, work->n_members * sizeof(*port->has)) != 0)
			continue;
		port->taken = true;
		if (port->port.port)
			json_array_append_new(ports, port_json(&port->port));
	}
	json_object_set_new(subset, "addresses", lists[1]);
	json_object_set_new(subset, "notReadyAddresses", lists[0]);
	json_object_set_new(subset, "ports", ports);
	return subset;
}

/* ---- capacity ---- */

static size_t total(const json_t *subsets, const char *key)
{
	const json_t *subset;
	size_t i, n = 0;

	json_array_foreach(subsets, i, subset)
		n += json_array_size(json_object_get(subset, key));
	return n;
}

static void shorten(json_t *list, size_t n)
{
	while (json_array_size(list) > n)
		(void)json_array_remove(list, json_array_size(list) - 1);
}

/* Ready addresses first, of each subset its share, rounded up (upstream's truncateEndpoints). */
static bool truncate_subsets(json_t *subsets)
{
	size_t ready = total(subsets, "addresses"), other = total(subsets, "notReadyAddresses");
	bool only_ready = ready > ENDPOINTS_MAX;
	size_t max = only_ready ? ENDPOINTS_MAX : ENDPOINTS_MAX - ready, left = max;
	size_t all = only_ready ? ready : other, i;
	json_t *subset;

	if (ready + other <= ENDPOINTS_MAX)
		return false;
	json_array_foreach(subsets, i, subset) {
		json_t *list = json_object_get(subset,
		                               only_ready ? "addresses" : "notReadyAddresses");
		size_t share = (json_array_size(list) * max + all - 1) / all;

		if (share > left)
			share = left;
		shorten(list, share);
		left -= share;
		if (only_ready)
			shorten(json_object_get(subset, "notReadyAddresses"), 0);
	}
	return true;
}

/* An empty list is not written. */
static void drop_empty(json_t *subsets)
{
	static const char *const keys[] = { "addresses", "notReadyAddresses", "ports" };
	json_t *subset;
	size_t i;

	json_array_foreach(subsets, i, subset)
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			if (json_array_size(json_object_get(subset, keys[k])) == 0)
				json_object_del(subset, keys[k]);
}

static json_t *subsets_json(struct work *work, bool *ret_truncated)
{
	json_t *subsets = json_array();

	for (size_t i = 0; i < work->n_ports; i++)
		if (!work->ports[i].taken)
			json_array_append_new(subsets, subset_json(work, &work->ports[i]));
	*ret_truncated = truncate_subsets(subsets);
	drop_empty(subsets);
	return subsets;
}

static json_t *labels_json(const struct service *service)
{
	json_t *labels = json_object();

	for (size_t i = 0; i < service->meta.labels.n; i++)
		json_object_set_new(labels, service->meta.labels.list[i].key,
		                    json_string(service->meta.labels.list[i].value));
	json_object_set_new(labels, LABEL_ENDPOINTS_MANAGER, json_string(ENDPOINTS_MANAGER));
	json_object_del(labels, LABEL_HEADLESS);
	if (service->headless)
		json_object_set_new(labels, LABEL_HEADLESS, json_string(""));
	return labels;
}

json_t *endpoints_plan(const struct service *service, const struct slice_pod *pods, size_t n_pods)
{
	struct work work = { .service = service };
	json_t *planned, *subsets;
	bool truncated;

	collect_members(&work, pods, n_pods);
	collect_ports(&work);
	subsets = subsets_json(&work, &truncated);
	planned = json_pack("{s:s,s:s,s:{s:s,s:s,s:o,s:{}}}", "kind", "Endpoints", "apiVersion",
	                    "v1", "metadata", "name", service->meta.name, "namespace",
	                    service->meta.namespace, "labels", labels_json(service), "annotations");
	if (truncated)
		json_object_set_new(json_path(planned, "metadata.annotations"),
		                    ANNOTATION_OVER_CAPACITY, json_string("truncated"));
	if (json_array_size(subsets) > 0)
		json_object_set(planned, "subsets", subsets);
	json_decref(subsets);
	free(work.ports);
	arena_done(&work.arena);
	return planned;
}

void endpoints_set_trigger(json_t *planned, int64_t trigger)
{
	json_t *annotations = json_path(planned, "metadata.annotations");
	char text[CLOCK_TEXT_SIZE];

	if (!trigger)
		return;
	clock_format(trigger, text);
	json_object_set_new(annotations, ANNOTATION_TRIGGER_TIME, json_string(text));
}

json_t *endpoints_patch(const json_t *planned)
{
	json_t *labels = json_copy(json_path(planned, "metadata.labels"));
	json_t *annotations = json_copy(json_path(planned, "metadata.annotations"));
	json_t *subsets = json_path(planned, "subsets");

	json_object_set_new(labels, "$patch", json_string("replace"));
	if (!json_object_get(annotations, ANNOTATION_OVER_CAPACITY))
		json_object_set_new(annotations, ANNOTATION_OVER_CAPACITY, json_null());
	if (!json_object_get(annotations, ANNOTATION_TRIGGER_TIME))
		json_object_set_new(annotations, ANNOTATION_TRIGGER_TIME, json_null());
	return json_pack("{s:{s:o,s:o},s:o}", "metadata", "labels", labels, "annotations",
	                 annotations, "subsets", subsets ? json_incref(subsets) : json_null());
}

uint64_t endpoints_digest(const json_t *endpoints)
{
	const json_t *annotations = json_path(endpoints, "metadata.annotations");
	json_t *labels = json_path(endpoints, "metadata.labels");
	json_t *subsets = json_path(endpoints, "subsets");
	const json_t *over = json_object_get(annotations, ANNOTATION_OVER_CAPACITY);
	auto_json json_t *all = json_pack("[o,o,b]", labels ? json_incref(labels) : json_object(),
	                                  subsets ? json_incref(subsets) : json_array(),
	                                  over != NULL);
	auto_free char *text = json_dumps(all, JSON_SORT_KEYS | JSON_COMPACT);

	return hash_str(text);
}
