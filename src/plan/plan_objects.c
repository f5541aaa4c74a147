/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan_objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kube/json.h"
#include "kube/types.h"
#include "plan/plan.h"

#define LIST_DEPTH_MAX 8 /* Lists in Lists */

/* What was found among the objects; typed, owned. */
struct objects {
	const char *node_name;
	struct service **services;
	size_t n_services, cap_services;
	struct endpoint_slice **slices;
	size_t n_slices, cap_slices;
	struct node *node; /* NULL if it is not among them */
};

/* ---- reading ---- */

/* 'object' with its namespace filled in; a new reference. */
static json_t *with_namespace(const json_t *object)
{
	json_t *copy;

	if (json_path_str(object, "metadata.namespace")[0])
		return json_incref((json_t *)object);
	copy = json_deep_copy(object);
	json_path_set(copy, "metadata.namespace", json_string("default"));
	return copy;
}

static void take_node(struct objects *o, const json_t *object)
{
	if (strcmp(json_path_str(object, "metadata.name"), o->node_name) != 0)
		return;
	node_free(o->node);
	o->node = node_from_json(object);
}

static bool is_kind(const json_t *object, const char *api_version, const char *kind)
{
	return strcmp(json_path_str(object, "apiVersion"), api_version) == 0 &&
	       strcmp(json_path_str(object, "kind"), kind) == 0;
}

static void take_service(struct objects *o, const json_t *object)
{
	auto_json json_t *whole = with_namespace(object);

	array_reserve(o->services, o->n_services, o->cap_services);
	o->services[o->n_services++] = service_from_json(whole);
}

static void take_slice(struct objects *o, const json_t *object)
{
	auto_json json_t *whole = with_namespace(object);

	array_reserve(o->slices, o->n_slices, o->cap_slices);
	o->slices[o->n_slices++] = endpoint_slice_from_json(whole);
}

static void take(struct objects *o, const json_t *object, unsigned int depth)
{
	json_t *items = json_path(object, "items"), *item;
	size_t i;

	if (is_kind(object, "v1", "Service"))
		take_service(o, object);
	else if (is_kind(object, "discovery.k8s.io/v1", "EndpointSlice"))
		take_slice(o, object);
	else if (is_kind(object, "v1", "Node"))
		take_node(o, object);
	else if (json_is_array(items) && depth < LIST_DEPTH_MAX)
		json_array_foreach(items, i, item)
			take(o, item, depth + 1);
}

static int service_cmp(const void *va, const void *vb)
{
	const struct service *const *a = va, *const *b = vb;
	int r = strcmp((*a)->meta.namespace, (*b)->meta.namespace);

	return r ? r : strcmp((*a)->meta.name, (*b)->meta.name);
}

/* By the Service they belong to, so that those of one Service are neighbours. */
static int slice_cmp(const void *va, const void *vb)
{
	const struct endpoint_slice *const *a = va, *const *b = vb;
	int r = strcmp((*a)->meta.namespace, (*b)->meta.namespace);

	if (r == 0)
		r = strcmp((*a)->service, (*b)->service);
	return r ? r : strcmp((*a)->meta.name, (*b)->meta.name);
}

static void objects_init(struct objects *o, const json_t *list, const char *node_name)
{
	size_t i;
	json_t *object;

	*o = (struct objects){ .node_name = node_name };
	json_array_foreach((json_t *)list, i, object)
		take(o, object, 0);
	if (o->n_services > 0)
		qsort(o->services, o->n_services, sizeof(*o->services), service_cmp);
	if (o->n_slices > 0)
		qsort(o->slices, o->n_slices, sizeof(*o->slices), slice_cmp);
}

static void objects_done(struct objects *o)
{
	for (size_t i = 0; i < o->n_services; i++)
		service_free(o->services[i]);
	for (size_t i = 0; i < o->n_slices; i++)
		endpoint_slice_free(o->slices[i]);
	free(o->services);
	free(o->slices);
	node_free(o->node);
}

/* ---- planning ---- */

/* Where slice 's' stands to Service 'service': below 0 before its slices, 0 one of them. */
static int slice_order(const struct endpoint_slice *s, const struct service *service)
{
	int r = strcmp(s->meta.namespace, service->meta.namespace);

	return r ? r : strcmp(s->service, service->meta.name);
}

/* The slices of 'service' begin at or behind '*pos', which moves there; returns how many. */
static size_t slices_of(const struct objects *o, const struct service *service, size_t *pos)
{
	size_t n = 0;

	while (*pos < o->n_slices && slice_order(o->slices[*pos], service) < 0)
		(*pos)++;
	while (*pos + n < o->n_slices && slice_order(o->slices[*pos + n], service) == 0)
		n++;
	return n;
}

static struct plan_service *plan_one(const struct objects *o, const struct service *service,
                                     size_t *pos)
{
	const struct plan_node node = { .name = o->node_name,
		                        .zone = o->node ? o->node->zone : "" };
	size_t n = slices_of(o, service, pos);
	const struct endpoint_slice *const *slices = NULL;

	if (n > 0)
		slices = (const struct endpoint_slice *const *)o->slices + *pos;
	return plan_service_new(service, slices, n, &node);
}

/* Why no Service will ever use the slice, or NULL. */
static const char *why_unused(const struct objects *o, const struct endpoint_slice *slice)
{
	size_t low = 0, high = o->n_services;

	if (!slice->service[0])
		return "no label " LABEL_SERVICE_NAME;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = slice_order(slice, o->services[middle]);

		if (r == 0)
			return NULL;
		if (r < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return "there is no Service of the name in its label " LABEL_SERVICE_NAME;
}

void plan_objects_print(const json_t *objects, const char *node, struct buf *out)
{
	struct objects o;
	size_t pos = 0;

	objects_init(&o, objects, node);
	if (node[0])
		buf_printf(out, "node %s", node);
	else
		buf_adds(out, "no node given: no endpoint is local");
	if (o.node && o.node->zone[0])
		buf_printf(out, ", zone %s", o.node->zone);
	buf_addc(out, '\n');
	for (size_t i = 0; i < o.n_services; i++) {
		struct plan_service *plan = plan_one(&o, o.services[i], &pos);

		plan_service_print(plan, out);
		plan_service_free(plan);
	}
	for (size_t i = 0; i < o.n_slices; i++) {
		const char *why = why_unused(&o, o.slices[i]);

		if (why)
			buf_printf(out, "unused slice %s/%s: %s\n", o.slices[i]->meta.namespace,
			           o.slices[i]->meta.name, why);
	}
	objects_done(&o);
}

static json_t *unused_json(const struct objects *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->n_slices; i++) {
		const char *why = why_unused(o, o->slices[i]);
		json_t *j;

		if (!why)
			continue;
		j = json_object();
		json_object_set_new(j, "slice",
		                    json_sprintf("%s/%s", o->slices[i]->meta.namespace,
		                                 o->slices[i]->meta.name));
		json_object_set_new(j, "why", json_string(why));
		json_array_append_new(list, j);
	}
	return list;
}

json_t *plan_objects_json(const json_t *objects, const char *node)
{
	json_t *j = json_object(), *services = json_array();
	struct objects o;
	size_t pos = 0;

	objects_init(&o, objects, node);
	for (size_t i = 0; i < o.n_services; i++) {
		struct plan_service *plan = plan_one(&o, o.services[i], &pos);

		json_array_append_new(services, plan_service_json(plan));
		plan_service_free(plan);
	}
	json_object_set_new(j, "node", json_string(node));
	json_object_set_new(j, "zone", json_string(o.node ? o.node->zone : ""));
	json_object_set_new(j, "services", services);
	json_object_set_new(j, "unused", unused_json(&o));
	objects_done(&o);
	return j;
}
