/* SPDX-License-Identifier: Apache-2.0 */
#include "control/mirror_plan.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/ipaddr.h"
#include "base/mem.h"
#include "control/slice_json.h"
#include "kube/json.h"
#include "kube/types.h"

#define ANNOTATION_LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

/* What is counted while reading. */
struct tally {
	size_t bad, beyond;
};

static json_t *ports_json(const json_t *subset)
{
	json_t *ports = json_array(), *port;
	size_t i;

	json_array_foreach(json_path(subset, "ports"), i, port) {
		const char *protocol = json_path_str(port, "protocol");
		json_t *one = json_pack("{s:s,s:s,s:O?}", "name", json_path_str(port, "name"),
		                        "protocol", protocol[0] ? protocol : "TCP", "port",
		                        json_path(port, "port"));

		if (json_path_string(port, "appProtocol"))
			json_object_set(one, "appProtocol", json_path(port, "appProtocol"));
		json_array_append_new(ports, one);
	}
	return ports;
}

static json_t *endpoint_json(const json_t *address, bool ready)
{
	static const char *const keys[] = { "hostname", "nodeName", "targetRef" };
	json_t *endpoint = json_pack("{s:[s],s:{s:b}}", "addresses", json_path_str(address, "ip"),
	                             "conditions", "ready", (int)ready);

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (json_path(address, keys[i]))
			json_object_set(endpoint, keys[i], json_path(address, keys[i]));
	return endpoint;
}

/* In any order, as a list of the API is compared here. */
static bool same_members(const json_t *a, const json_t *b)
{
	const json_t *x, *y;
	size_t i, j;

	if (json_array_size(a) != json_array_size(b))
		return false;
	json_array_foreach(a, i, x) {
		bool found = json_equal(x, json_array_get(b, i)) != 0; /* mostly */

		for (j = 0; !found && (y = json_array_get(b, j)); j++)
			found = json_equal(x, y) != 0;
		if (!found)
			return false;
	}
	return true;
}

/* The slice of that family and those ports, made if need be. */
static json_t *need_slice(json_t *wanted, const char *family, json_t *ports)
{
	json_t *slice;
	size_t i;

	json_array_foreach(wanted, i, slice)
		if (strcmp(json_path_str(slice, "addressType"), family) == 0 &&
		    same_members(json_path(slice, "ports"), ports))
			return slice;
	slice = json_pack("{s:s,s:[],s:O}", "addressType", family, "endpoints", "ports", ports);
	json_array_append_new(wanted, slice);
	return slice;
}

static void add_addresses(json_t *wanted, const json_t *addresses, bool ready, json_t *ports,
                          size_t *n, struct tally *tally)
{
	const json_t *address;
	size_t i;

	json_array_foreach(addresses, i, address) {
		struct ipaddr ip;
		json_t *list;

		if (ipaddr_parse(json_path_str(address, "ip"), &ip) < 0) {
			tally->bad++;
			continue;
		}
		if (*n == MIRROR_ADDRESSES_MAX) {
			tally->beyond++;
			continue;
		}
		list = json_path(need_slice(wanted, ip.family == 6 ? "IPv6" : "IPv4", ports),
		                 "endpoints");
		(*n)++;
		/* of merged subsets: a slice holds no more either */
		if (json_array_size(list) < MIRROR_ADDRESSES_MAX)
			json_array_append_new(list, endpoint_json(address, ready));
		else
			tally->beyond++;
	}
}

static json_t *wanted_slices(const json_t *endpoints, struct tally *tally)
{
	json_t *wanted = json_array();
	const json_t *subset;
	size_t i;

	json_array_foreach(json_path(endpoints, "subsets"), i, subset) {
		auto_json json_t *ports = ports_json(subset);
		size_t n = 0;

		add_addresses(wanted, json_path(subset, "addresses"), true, ports, &n, tally);
		add_addresses(wanted, json_path(subset, "notReadyAddresses"), false, ports, &n,
		              tally);
	}
	return wanted;
}

static json_t *labels_json(const json_t *endpoints)
{
	json_t *labels = json_object();

	json_object_update(labels, json_path(endpoints, "metadata.labels"));
	json_object_set_new(labels, LABEL_SERVICE_NAME,
	                    json_string(json_path_str(endpoints, "metadata.name")));
	json_object_set_new(labels, LABEL_MANAGED_BY, json_string(MIRROR_MANAGER));
	return labels;
}

static json_t *annotations_json(const json_t *endpoints)
{
	json_t *annotations = json_object();

	json_object_update(annotations, json_path(endpoints, "metadata.annotations"));
	json_object_del(annotations, ANNOTATION_TRIGGER_TIME);
	json_object_del(annotations, ANNOTATION_LAST_APPLIED);
	return annotations;
}

static void add_meta(json_t *slice, const json_t *endpoints)
{
	json_t *meta = json_object();

	json_object_set_new(slice, "kind", json_string("EndpointSlice"));
	json_object_set_new(slice, "apiVersion", json_string("discovery.k8s.io/v1"));
	json_object_set_new(meta, "generateName",
	                    json_sprintf("%.57s-", json_path_str(endpoints, "metadata.name")));
	json_object_set_new(meta, "labels", labels_json(endpoints));
	json_object_set_new(meta, "annotations", annotations_json(endpoints));
	json_object_set_new(meta, "ownerReferences",
	                    json_pack("[{s:s,s:s,s:s,s:s,s:b,s:b}]", "apiVersion", "v1", "kind",
	                              "Endpoints", "name",
	                              json_path_str(endpoints, "metadata.name"), "uid",
	                              json_path_str(endpoints, "metadata.uid"), "controller", 1,
	                              "blockOwnerDeletion", 1));
	json_object_set_new(slice, "metadata", meta);
}

static const char *owner_uid(const json_t *slice)
{
	return json_path_str(json_array_get(json_path(slice, "metadata.ownerReferences"), 0),
	                     "uid");
}

/* A slice there is that may become the wanted one; 'exact': of the same ports. */
static const json_t *candidate(const json_t *free_slices, const json_t *wanted, bool exact,
                               size_t *ret_index)
{
	const json_t *slice;
	size_t i;

	json_array_foreach(free_slices, i, slice) {
		if (strcmp(json_path_str(slice, "addressType"),
		           json_path_str(wanted, "addressType")) != 0 ||
		    strcmp(owner_uid(slice), owner_uid(wanted)) != 0 ||
		    (exact && !same_members(json_path(slice, "ports"), json_path(wanted, "ports"))))
			continue;
		*ret_index = i;
		return slice;
	}
	return NULL;
}

static bool up_to_date(const json_t *slice, const json_t *wanted)
{
	auto_json json_t *none = json_object();
	const json_t *annotations = json_path(slice, "metadata.annotations");

	return same_members(json_path(slice, "ports"), json_path(wanted, "ports")) &&
	       same_members(json_path(slice, "endpoints"), json_path(wanted, "endpoints")) &&
	       json_equal(json_path(slice, "metadata.labels"),
	                  json_path(wanted, "metadata.labels")) &&
	       json_equal(annotations ? annotations : none,
	                  json_path(wanted, "metadata.annotations"));
}

static void add_write(json_t *writes, const char *method, const json_t *slice, json_t *body)
{
	json_t *write = json_pack("{s:s,s:O}", "method", method, "body", body);

	if (slice)
		json_object_set(write, "name", json_path(slice, "metadata.name"));
	json_array_append_new(writes, write);
}

static void write_over(json_t *writes, const json_t *slice, json_t *wanted)
{
	json_t *meta = json_path(wanted, "metadata");

	if (up_to_date(slice, wanted))
		return;
	json_object_set(meta, "name", json_path(slice, "metadata.name"));
	json_object_set(meta, "resourceVersion", json_path(slice, "metadata.resourceVersion"));
	add_write(writes, "PUT", slice, wanted);
}

json_t *mirror_plan(const json_t *endpoints, const json_t *slices, size_t *ret_bad,
                    size_t *ret_beyond)
{
	struct tally tally = { 0 };
	auto_json json_t *wanted = wanted_slices(endpoints, &tally), *left = json_array();
	auto_json json_t *spare = json_array(), *options = json_object();
	json_t *writes = json_array(), *slice;
	size_t i, index;

	json_array_extend(spare, (json_t *)slices);
	/* those of the same ports stay what they are; others are written over before new ones are made */
	for (int exact = 1; exact >= 0; exact--) {
		json_array_foreach(exact ? wanted : left, i, slice) {
			const json_t *old;

			if (exact)
				add_meta(slice, endpoints);
			old = candidate(spare, slice, exact, &index);
			if (old)
				write_over(writes, old, slice);
			else if (exact)
				json_array_append(left, slice);
			else if (!json_path_string(endpoints, "metadata.deletionTimestamp"))
				add_write(writes, "POST", NULL, slice);
			if (old)
				json_array_remove(spare, index);
		}
	}
	json_array_foreach(spare, i, slice)
		add_write(writes, "DELETE", slice, options);
	*ret_bad = tally.bad;
	*ret_beyond = tally.beyond;
	return writes;
}
