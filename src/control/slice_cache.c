/* SPDX-License-Identifier: Apache-2.0 */
#include "control/slice_cache.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"

/* All Pods of a namespace with one label, and the Services that are found through it. */
struct label_group {
	struct hnode node;
	struct list_node pods; /* struct membership */
	size_t n_pods;
	struct list_node services; /* struct cached_service */
	size_t n_services;
	const char *key, *value; /* behind 'ns' */
	char ns[];
};

struct membership {
	struct list_node in_group;
	struct label_group *group;
	struct cached_pod *pod;
};

/* A Node that exists or that Pods name. */
struct cached_node {
	struct hnode by_name;
	struct node *node;     /* owned; NULL: there is none */
	struct list_node pods; /* struct cached_pod */
	char name[];
};

struct cached_pod {
	struct hnode by_name;
	struct pod *pod; /* owned */
	int64_t ready_since;
	struct cached_node *node; /* NULL: on none */
	struct list_node in_node;
	struct membership *memberships; /* one a label */
};

static uint64_t name_hash(const char *ns, const char *name)
{
	return hash_combine(hash_str(ns), hash_str(name));
}

void slice_cache_init(struct slice_cache *cache, struct workqueue *queue,
                      void (*touched)(void *arg, struct cached_service *service), void *arg)
{
	*cache = (struct slice_cache){ .queue = queue, .touched = touched, .arg = arg };
	list_init(&cache->listeners);
}

/* ---- label groups ---- */

static uint64_t group_hash(const char *ns, const struct label *label)
{
	return hash_combine(name_hash(ns, label->key), hash_str(label->value));
}

static struct label_group *find_group(const struct slice_cache *cache, const char *ns,
                                      const struct label *label)
{
	struct label_group *group;

	hmap_for_each_with_hash(group, node, group_hash(ns, label), &cache->groups)
		if (strcmp(group->value, label->value) == 0 &&
		    strcmp(group->key, label->key) == 0 && strcmp(group->ns, ns) == 0)
			return group;
	return NULL;
}

static struct label_group *need_group(struct slice_cache *cache, const char *ns,
                                      const struct label *label)
{
	size_t ns_size = strlen(ns) + 1, key_size = strlen(label->key) + 1;
	size_t value_size = strlen(label->value) + 1;
	struct label_group *group = find_group(cache, ns, label);

	if (group)
		return group;
	group = xcalloc(1, sizeof(*group) + ns_size + key_size + value_size);
	memcpy(group->ns, ns, ns_size);
	group->key = memcpy(group->ns + ns_size, label->key, key_size);
	group->value = memcpy(group->ns + ns_size + key_size, label->value, value_size);
	list_init(&group->pods);
	list_init(&group->services);
	hmap_insert(&cache->groups, &group->node, group_hash(ns, label));
	return group;
}

static void release_group(struct slice_cache *cache, struct label_group *group)
{
	if (group->n_pods > 0 || group->n_services > 0)
		return;
	hmap_remove(&cache->groups, &group->node);
	free(group);
}

/* ---- Services ---- */

static struct cached_service *find_service(const struct slice_cache *cache, const char *ns,
                                           const char *name)
{
	struct cached_service *service;

	hmap_for_each_with_hash(service, by_name, name_hash(ns, name), &cache->services)
		if (strcmp(service->name, name) == 0 && strcmp(service->ns, ns) == 0)
			return service;
	return NULL;
}

static struct cached_service *need_service(struct slice_cache *cache, const char *ns,
                                           const char *name)
{
	size_t ns_size = strlen(ns) + 1, name_size = strlen(name) + 1;
	struct cached_service *service = find_service(cache, ns, name);

	if (service)
		return service;
	service = xcalloc(1, sizeof(*service) + ns_size + name_size);
	memcpy(service->ns, ns, ns_size);
	service->name = memcpy(service->ns + ns_size, name, name_size);
	list_init(&service->slices);
	list_init(&service->in_group);
	work_item_init(&service->work, cache->queue);
	work_item_init(&service->endpoints_work, cache->queue);
	work_item_init(&service->mirror_work, cache->queue);
	hmap_insert(&cache->services, &service->by_name, name_hash(ns, name));
	return service;
}

struct cached_service *slice_cache_need(struct slice_cache *cache, const char *ns, const char *name)
{
	return need_service(cache, ns, name);
}

void slice_cache_listen(struct slice_cache *cache, struct service_listener *listener)
{
	list_add_tail(&cache->listeners, &listener->in_cache);
}

void slice_cache_tell(struct slice_cache *cache, struct cached_service *service)
{
	struct service_listener *listener;

	list_for_each(listener, in_cache, &cache->listeners)
		listener->touched(listener->arg, service);
}

void slice_cache_settled(struct slice_cache *cache)
{
	struct service_listener *listener;

	list_for_each(listener, in_cache, &cache->listeners)
		listener->settled(listener->arg);
}

static void earliest(int64_t *trigger, int64_t when)
{
	if (when && (!*trigger || when < *trigger))
		*trigger = when;
}

static void touch(struct slice_cache *cache, struct cached_service *service, int64_t trigger)
{
	earliest(&service->trigger, trigger);
	earliest(&service->endpoints_trigger, trigger);
	cache->touched(cache->arg, service);
	slice_cache_tell(cache, service);
}

static void leave_group(struct slice_cache *cache, struct cached_service *service)
{
	if (!service->group)
		return;
	list_remove(&service->in_group);
	service->group->n_services--;
	release_group(cache, service->group);
	service->group = NULL;
}

/*
 * The pair of the selector with the fewest Services: of {app: shop, tier: web} the one that tells
 * Services apart, so that a change of a Pod looks at few.
 */
static void join_group(struct slice_cache *cache, struct cached_service *service)
{
	const struct labels *selector = &service->service->selector;
	const struct label *best = NULL;
	size_t best_n = 0;

	for (size_t i = 0; i < selector->n; i++) {
		struct label_group *group = find_group(cache, service->ns, &selector->list[i]);
		size_t n = group ? group->n_services : 0;

		if (!best || n < best_n) {
			best = &selector->list[i];
			best_n = n;
		}
	}
	if (!best)
		return;
	service->group = need_group(cache, service->ns, best);
	list_add_tail(&service->group->services, &service->in_group);
	service->group->n_services++;
}

static void set_service(struct slice_cache *cache, struct cached_service *entry,
                        struct service *service)
{
	bool same = entry->service && service &&
	            strcmp(entry->service->meta.uid, service->meta.uid) == 0;

	leave_group(cache, entry);
	entry->went = entry->service && !service;
	if (entry->service)
		service_free(entry->service);
	entry->service = service;
	if (service)
		join_group(cache, entry);
	touch(cache, entry, service && !same ? service->meta.created : 0);
}

void slice_cache_put_service(struct slice_cache *cache, struct service *service)
{
	set_service(cache, need_service(cache, service->meta.namespace, service->meta.name),
	            service);
}

void slice_cache_remove_service(struct slice_cache *cache, const char *ns, const char *name)
{
	struct cached_service *entry = find_service(cache, ns, name);

	if (entry)
		set_service(cache, entry, NULL);
}

static void free_service(struct slice_cache *cache, struct cached_service *entry)
{
	leave_group(cache, entry);
	work_item_done(&entry->work);
	work_item_done(&entry->endpoints_work);
	work_item_done(&entry->mirror_work);
	if (entry->service)
		service_free(entry->service);
	hmap_remove(&cache->services, &entry->by_name);
	free(entry);
}

void slice_cache_drop(struct slice_cache *cache, struct cached_service *service)
{
	if (!service->service && service->n_slices == 0 && !service->endpoints.exists &&
	    service->n_mirrored == 0 && !work_item_busy(&service->work) &&
	    !work_item_busy(&service->endpoints_work) && !work_item_busy(&service->mirror_work))
		free_service(cache, service);
}

/* ---- Nodes ---- */

static struct cached_node *find_node(const struct slice_cache *cache, const char *name)
{
	struct cached_node *node;

	hmap_for_each_with_hash(node, by_name, hash_str(name), &cache->nodes)
		if (strcmp(node->name, name) == 0)
			return node;
	return NULL;
}

static struct cached_node *need_node(struct slice_cache *cache, const char *name)
{
	struct cached_node *entry = find_node(cache, name);
	size_t size = strlen(name) + 1;

	if (entry)
		return entry;
	entry = xcalloc(1, sizeof(*entry) + size);
	memcpy(entry->name, name, size);
	list_init(&entry->pods);
	hmap_insert(&cache->nodes, &entry->by_name, hash_str(name));
	return entry;
}

static void release_node(struct slice_cache *cache, struct cached_node *entry)
{
	if (entry->node || !list_empty(&entry->pods))
		return;
	hmap_remove(&cache->nodes, &entry->by_name);
	free(entry);
}

static void touch_matching(struct slice_cache *cache, const struct cached_pod *entry,
                           int64_t trigger)
{
	const struct labels *labels = &entry->pod->meta.labels;
	struct cached_service *service;

	for (size_t i = 0; i < labels->n; i++)
		list_for_each(service, in_group, &entry->memberships[i].group->services)
			if (labels_contain(labels, &service->service->selector))
				touch(cache, service, trigger);
}

/* Heartbeats change Nodes all the time; slices tell of the zone only. */
void slice_cache_put_node(struct slice_cache *cache, struct node *node)
{
	struct cached_node *entry = need_node(cache, node->meta.name);
	bool same = entry->node && strcmp(entry->node->zone, node->zone) == 0;
	struct cached_pod *pod;

	if (entry->node)
		node_free(entry->node);
	entry->node = node;
	if (same)
		return;
	list_for_each(pod, in_node, &entry->pods)
		touch_matching(cache, pod, 0);
}

/*
 * Its Pods' endpoints go at the next change of their Services, not now, as in Kubernetes: a Node
 * object deleted by mistake is not to take running Services down at once.
 */
void slice_cache_remove_node(struct slice_cache *cache, const char *name)
{
	struct cached_node *entry = find_node(cache, name);

	if (!entry || !entry->node)
		return;
	node_free(entry->node);
	entry->node = NULL;
	release_node(cache, entry);
}

/* ---- Pods ---- */

static struct cached_pod *find_pod(const struct slice_cache *cache, const char *ns,
                                   const char *name)
{
	struct cached_pod *entry;

	hmap_for_each_with_hash(entry, by_name, name_hash(ns, name), &cache->pods)
		if (strcmp(entry->pod->meta.name, name) == 0 &&
		    strcmp(entry->pod->meta.namespace, ns) == 0)
			return entry;
	return NULL;
}

static bool container_ports_equal(const struct pod *a, const struct pod *b)
{
	if (a->n_ports != b->n_ports)
		return false;
	for (size_t i = 0; i < a->n_ports; i++)
		if (a->ports[i].port != b->ports[i].port ||
		    a->ports[i].protocol != b->ports[i].protocol ||
		    strcmp(a->ports[i].name, b->ports[i].name) != 0)
			return false;
	return true;
}

static bool addresses_equal(const struct pod *a, const struct pod *b)
{
	if (a->n_ips != b->n_ips)
		return false;
	for (size_t i = 0; i < a->n_ips; i++)
		if (!ipaddr_equal(&a->ips[i], &b->ips[i]))
			return false;
	return true;
}

/* In all that a slice may tell of it. */
static bool pods_equal(const struct pod *a, const struct pod *b)
{
	return a->ready == b->ready && a->meta.deleting == b->meta.deleting &&
	       strcmp(a->phase, b->phase) == 0 && strcmp(a->meta.uid, b->meta.uid) == 0 &&
	       strcmp(a->node, b->node) == 0 && strcmp(a->hostname, b->hostname) == 0 &&
	       strcmp(a->subdomain, b->subdomain) == 0 && addresses_equal(a, b) &&
	       container_ports_equal(a, b) && labels_equal(&a->meta.labels, &b->meta.labels);
}

static void pod_join(struct slice_cache *cache, struct cached_pod *entry)
{
	const struct labels *labels = &entry->pod->meta.labels;

	entry->memberships = labels->n ? xcalloc(labels->n, sizeof(struct membership)) : NULL;
	for (size_t i = 0; i < labels->n; i++) {
		struct membership *membership = &entry->memberships[i];

		membership->pod = entry;
		membership->group = need_group(cache, entry->pod->meta.namespace, &labels->list[i]);
		membership->group->n_pods++;
		list_add_tail(&membership->group->pods, &membership->in_group);
	}
	if (!*entry->pod->node)
		return;
	entry->node = need_node(cache, entry->pod->node);
	list_add_tail(&entry->node->pods, &entry->in_node);
}

static void pod_leave(struct slice_cache *cache, struct cached_pod *entry)
{
	for (size_t i = 0; i < entry->pod->meta.labels.n; i++) {
		struct membership *membership = &entry->memberships[i];

		list_remove(&membership->in_group);
		membership->group->n_pods--;
		release_group(cache, membership->group);
	}
	free(take_ptr(&entry->memberships));
	if (!entry->node)
		return;
	list_remove(&entry->in_node);
	release_node(cache, entry->node);
	entry->node = NULL;
}

static void replace_pod(struct slice_cache *cache, struct cached_pod *entry, struct pod *pod,
                        int64_t ready_since)
{
	bool same = pods_equal(entry->pod, pod);

	if (!same) {
		touch_matching(cache, entry, 0);
		pod_leave(cache, entry);
	}
	pod_free(entry->pod);
	entry->pod = pod;
	if (!same) {
		pod_join(cache, entry);
		touch_matching(cache, entry, ready_since != entry->ready_since ? ready_since : 0);
	}
	entry->ready_since = ready_since;
}

void slice_cache_put_pod(struct slice_cache *cache, struct pod *pod, int64_t ready_since)
{
	struct cached_pod *entry = find_pod(cache, pod->meta.namespace, pod->meta.name);

	if (entry) {
		replace_pod(cache, entry, pod, ready_since);
		return;
	}
	entry = xnew(struct cached_pod);
	entry->pod = pod;
	entry->ready_since = ready_since;
	list_init(&entry->in_node);
	hmap_insert(&cache->pods, &entry->by_name, name_hash(pod->meta.namespace, pod->meta.name));
	pod_join(cache, entry);
	touch_matching(cache, entry, ready_since);
}

static void free_pod(struct slice_cache *cache, struct cached_pod *entry)
{
	pod_leave(cache, entry);
	hmap_remove(&cache->pods, &entry->by_name);
	pod_free(entry->pod);
	free(entry);
}

void slice_cache_remove_pod(struct slice_cache *cache, const char *ns, const char *name)
{
	struct cached_pod *entry = find_pod(cache, ns, name);

	if (!entry)
		return;
	touch_matching(cache, entry, 0);
	free_pod(cache, entry);
}

/* The group of the selector that has the fewest Pods; NULL: some pair has none at all. */
static struct label_group *smallest_group(const struct slice_cache *cache,
                                          const struct cached_service *service)
{
	const struct labels *selector = &service->service->selector;
	struct label_group *best = NULL;

	for (size_t i = 0; i < selector->n; i++) {
		struct label_group *group = find_group(cache, service->ns, &selector->list[i]);

		if (!group)
			return NULL;
		if (!best || group->n_pods < best->n_pods)
			best = group;
	}
	return best;
}

static int pod_cmp(const void *a, const void *b)
{
	return strcmp(((const struct slice_pod *)a)->pod->meta.name,
	              ((const struct slice_pod *)b)->pod->meta.name);
}

size_t slice_cache_pods(const struct slice_cache *cache, const struct cached_service *service,
                        struct slice_pod **ret)
{
	struct label_group *group = service->service ? smallest_group(cache, service) : NULL;
	struct slice_pod *pods = NULL;
	struct membership *membership;
	size_t n = 0, cap = 0;

	if (group) {
		list_for_each(membership, in_group, &group->pods) {
			const struct cached_pod *entry = membership->pod;
			const struct node *node = entry->node ? entry->node->node : NULL;

			if (!labels_contain(&entry->pod->meta.labels, &service->service->selector))
				continue;
			array_reserve(pods, n, cap);
			pods[n++] = (struct slice_pod){ .pod = entry->pod,
				                        .node_known = node,
				                        .zone = node ? node->zone : "" };
		}
	}
	if (n > 1)
		qsort(pods, n, sizeof(*pods), pod_cmp);
	*ret = pods;
	return n;
}

/* ---- slices ---- */

struct cached_slice *slice_cache_find_slice(const struct slice_cache *cache, const char *ns,
                                            const char *name)
{
	struct cached_slice *entry;

	hmap_for_each_with_hash(entry, by_name, name_hash(ns, name), &cache->slices)
		if (strcmp(entry->slice->meta.name, name) == 0 &&
		    strcmp(entry->slice->meta.namespace, ns) == 0)
			return entry;
	return NULL;
}

struct cached_service *slice_cache_remove_slice(struct slice_cache *cache, const char *ns,
                                                const char *name)
{
	struct cached_slice *entry = slice_cache_find_slice(cache, ns, name);
	struct cached_service *owner;

	if (!entry)
		return NULL;
	owner = entry->owner;
	list_remove(&entry->in_service);
	owner->n_slices--;
	hmap_remove(&cache->slices, &entry->by_name);
	endpoint_slice_free(entry->slice);
	free(entry);
	return owner;
}

struct cached_slice *slice_cache_put_slice(struct slice_cache *cache, struct endpoint_slice *slice)
{
	const struct meta *meta = &slice->meta;
	struct cached_slice *entry = slice_cache_find_slice(cache, meta->namespace, meta->name);

	if (!entry) {
		entry = xnew(struct cached_slice);
		list_init(&entry->in_service);
		hmap_insert(&cache->slices, &entry->by_name,
		            name_hash(meta->namespace, meta->name));
		entry->owner = need_service(cache, meta->namespace, slice->service);
		list_add_tail(&entry->owner->slices, &entry->in_service);
		entry->owner->n_slices++;
	} else {
		endpoint_slice_free(entry->slice);
	}
	entry->slice = slice;
	return entry;
}

void slice_cache_done(struct slice_cache *cache)
{
	struct cached_slice *slice, *next_slice;
	struct cached_pod *pod, *next_pod;
	struct cached_node *node, *next_node;
	struct cached_service *service, *next_service;

	hmap_for_each_safe(slice, next_slice, by_name, &cache->slices) {
		endpoint_slice_free(slice->slice);
		free(slice);
	}
	hmap_for_each_safe(pod, next_pod, by_name, &cache->pods)
		free_pod(cache, pod);
	hmap_for_each_safe(node, next_node, by_name, &cache->nodes) {
		node_free(node->node);
		free(node);
	}
	hmap_for_each_safe(service, next_service, by_name, &cache->services)
		free_service(cache, service);
	hmap_done(&cache->slices);
	hmap_done(&cache->pods);
	hmap_done(&cache->nodes);
	hmap_done(&cache->services);
	hmap_done(&cache->groups);
}
