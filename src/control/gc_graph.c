/* SPDX-License-Identifier: Apache-2.0 */
#include "control/gc_graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"

/* An object that is there. */
struct seen {
	struct hnode by_name;
	uint64_t uid;
};

static uint64_t key_hash(const struct kind *kind, const char *ns, const char *name)
{
	return hash_combine(hash_bytes(&kind, sizeof(kind)),
	                    hash_combine(hash_str(ns), hash_str(name)));
}

uint64_t gc_uid_hash(const json_t *object)
{
	return hash_str(json_path_str(object, "metadata.uid"));
}

bool gc_has(const json_t *list, const char *text)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (json_is_string(one) && strcmp(json_string_value(one), text) == 0)
			return true;
	return false;
}

const struct kind *gc_owner_kind(const json_t *reference, const struct kind *dependent)
{
	const struct kind *kind = kind_by_type(json_path_str(reference, "apiVersion"),
	                                       json_path_str(reference, "kind"));

	return kind && kind->namespaced && !dependent->namespaced ? NULL : kind;
}

/* ---- what is there ---- */

static struct seen *find_seen(const struct gc_graph *graph, uint64_t key)
{
	struct hnode *node = hmap_first_with_hash(&graph->seen, key);

	return node ? (struct seen *)((char *)node - offsetof(struct seen, by_name)) : NULL;
}

/* True if that is news. */
static bool see(struct gc_graph *graph, uint64_t key, uint64_t uid)
{
	struct seen *seen = find_seen(graph, key);

	if (seen && seen->uid == uid)
		return false;
	if (!seen) {
		seen = xnew(struct seen);
		hmap_insert(&graph->seen, &seen->by_name, key);
	}
	seen->uid = uid;
	return true;
}

static void forget(struct gc_graph *graph, uint64_t key)
{
	struct seen *seen = find_seen(graph, key);

	if (!seen)
		return;
	hmap_remove(&graph->seen, &seen->by_name);
	free(seen);
}

/* ---- nodes ---- */

static struct gc_node *find_node(const struct gc_graph *graph, const struct kind *kind,
                                 const char *ns, const char *name)
{
	struct gc_node *node;

	hmap_for_each_with_hash(node, by_name, key_hash(kind, ns, name), &graph->nodes)
		if (node->kind == kind && strcmp(node->name, name) == 0 &&
		    strcmp(node->ns, ns) == 0)
			return node;
	return NULL;
}

struct gc_node *gc_graph_owner(const struct gc_graph *graph, const struct gc_ref *ref)
{
	struct gc_node *node;

	hmap_for_each_with_hash(node, by_name, ref->by_owner.hash, &graph->nodes)
		if (node->uid == ref->owner_uid)
			return node;
	return NULL;
}

bool gc_graph_settled(const struct gc_graph *graph, const struct gc_node *node)
{
	for (size_t i = 0; i < node->n_refs; i++) {
		const struct gc_ref *ref = &node->refs[i];
		const struct seen *seen = find_seen(graph, ref->by_owner.hash);
		const struct gc_node *owner = gc_graph_owner(graph, ref);

		if (!seen || seen->uid != ref->owner_uid || (owner && owner->foreground))
			return false;
	}
	return true;
}

size_t gc_graph_dependents(const struct gc_graph *graph, const struct gc_node *node,
                           bool blocking_only, struct gc_node ***ret)
{
	struct gc_node **list = NULL;
	size_t n = 0, cap = 0;
	struct gc_ref *ref;

	hmap_for_each_with_hash(ref, by_owner, node->by_name.hash, &graph->refs) {
		if (ref->owner_uid != node->uid || (blocking_only && !ref->blocking))
			continue;
		array_reserve(list, n, cap);
		list[n++] = ref->dependent;
	}
	*ret = list;
	return n;
}

static void touch_dependents(struct gc_graph *graph, uint64_t key)
{
	struct gc_ref *ref;

	hmap_for_each_with_hash(ref, by_owner, key, &graph->refs)
		graph->touched(graph->arg, ref->dependent);
}

/* An owner that waits for its dependents has one less, or one that blocks it no more. */
static void drop_refs(struct gc_graph *graph, struct gc_node *node)
{
	for (size_t i = 0; i < node->n_refs; i++) {
		struct gc_node *owner = gc_graph_owner(graph, &node->refs[i]);

		hmap_remove(&graph->refs, &node->refs[i].by_owner);
		if (owner && owner != node && owner->foreground)
			graph->touched(graph->arg, owner);
	}
	free(take_ptr(&node->refs));
	node->n_refs = 0;
}

static void add_refs(struct gc_graph *graph, struct gc_node *node, const json_t *references)
{
	const json_t *reference;
	size_t i;

	if (json_array_size(references) == 0)
		return;
	node->refs = xcalloc(json_array_size(references), sizeof(*node->refs));
	json_array_foreach(references, i, reference) {
		const struct kind *kind = gc_owner_kind(reference, node->kind);
		struct gc_ref *ref = &node->refs[node->n_refs];

		if (!kind)
			continue;
		node->n_refs++;
		ref->dependent = node;
		ref->owner_uid = hash_str(json_path_str(reference, "uid"));
		ref->blocking = json_path_bool(reference, "blockOwnerDeletion", false);
		hmap_insert(&graph->refs, &ref->by_owner,
		            key_hash(kind, kind->namespaced ? node->ns : "",
		                     json_path_str(reference, "name")));
	}
}

static void free_node(struct gc_graph *graph, struct gc_node *node)
{
	graph->dropped(graph->arg, node);
	drop_refs(graph, node);
	work_item_done(&node->work);
	hmap_remove(&graph->nodes, &node->by_name);
	free(node);
}

static struct gc_node *add_node(struct gc_graph *graph, const struct kind *kind, const char *ns,
                                const char *name)
{
	size_t ns_size = strlen(ns) + 1, name_size = strlen(name) + 1;
	struct gc_node *node = xcalloc(1, sizeof(*node) + ns_size + name_size);

	node->kind = kind;
	memcpy(node->ns, ns, ns_size);
	node->name = memcpy(node->ns + ns_size, name, name_size);
	work_item_init(&node->work, graph->queue);
	hmap_insert(&graph->nodes, &node->by_name, key_hash(kind, ns, name));
	return node;
}

static void update_node(struct gc_graph *graph, struct gc_node *node, const json_t *object)
{
	const json_t *finalizers = json_path(object, "metadata.finalizers");
	bool deleting = json_path_string(object, "metadata.deletionTimestamp") != NULL;
	bool began = deleting && !node->foreground && gc_has(finalizers, FINALIZER_FOREGROUND);

	node->uid = gc_uid_hash(object);
	node->foreground = deleting && gc_has(finalizers, FINALIZER_FOREGROUND);
	node->orphan = deleting && gc_has(finalizers, FINALIZER_ORPHAN);
	drop_refs(graph, node);
	add_refs(graph, node, json_path(object, "metadata.ownerReferences"));
	if (began)
		touch_dependents(graph, node->by_name.hash);
	if (node->foreground || node->orphan || !gc_graph_settled(graph, node))
		graph->touched(graph->arg, node);
}

static bool needs_node(const json_t *object)
{
	const json_t *finalizers = json_path(object, "metadata.finalizers");

	return json_array_size(json_path(object, "metadata.ownerReferences")) > 0 ||
	       (json_path_string(object, "metadata.deletionTimestamp") &&
	        (gc_has(finalizers, FINALIZER_FOREGROUND) || gc_has(finalizers, FINALIZER_ORPHAN)));
}

void gc_graph_put(struct gc_graph *graph, const struct kind *kind, const json_t *object)
{
	const char *ns = json_path_str(object, "metadata.namespace");
	const char *name = json_path_str(object, "metadata.name");
	struct gc_node *node = find_node(graph, kind, ns, name);
	uint64_t key = key_hash(kind, ns, name);

	/* those that meant another object of this name */
	if (see(graph, key, gc_uid_hash(object)))
		touch_dependents(graph, key);
	if (!needs_node(object)) {
		if (node)
			free_node(graph, node);
		return;
	}
	update_node(graph, node ? node : add_node(graph, kind, ns, name), object);
}

void gc_graph_remove(struct gc_graph *graph, const struct kind *kind, const char *ns,
                     const char *name)
{
	struct gc_node *node = find_node(graph, kind, ns, name);
	uint64_t key = key_hash(kind, ns, name);

	forget(graph, key);
	if (node)
		free_node(graph, node);
	touch_dependents(graph, key);
}

void gc_graph_done(struct gc_graph *graph)
{
	struct gc_node *node, *next_node;
	struct seen *seen, *next_seen;

	/* the refs at once, as no owner is to be told any more */
	hmap_for_each(node, by_name, &graph->nodes) {
		free(take_ptr(&node->refs));
		node->n_refs = 0;
	}
	hmap_done(&graph->refs);
	hmap_for_each_safe(node, next_node, by_name, &graph->nodes)
		free_node(graph, node);
	hmap_for_each_safe(seen, next_seen, by_name, &graph->seen)
		free(seen);
	hmap_done(&graph->nodes);
	hmap_done(&graph->seen);
}
