/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gc_graph - who owns whom, as far as the garbage collector needs it.  No I/O.
 *
 * Every object of the API goes in as it arrives.  Of most only a mark is kept that it is there (a hash
 * of its name and one of its uid); a node is kept of those that have owners, and of those whose
 * deletion waits for their dependents.  Hashes are hints: two that collide make the collector ask the
 * server once more, never delete.
 *
 * 'touched' is called for each node that has to be looked at: an owner may have gone or is going, or
 * what the node waits for may be over.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hmap.h"
#include "control/workqueue.h"
#include "kube/kind.h"

#define FINALIZER_FOREGROUND "foregroundDeletion"
#define FINALIZER_ORPHAN     "orphan"

struct gc_job;
struct gc_node;

struct gc_ref {
	struct hnode by_owner; /* hash of the owner's kind, namespace and name */
	struct gc_node *dependent;
	uint64_t owner_uid; /* hash */
	bool blocking;      /* blockOwnerDeletion */
};

struct gc_node {
	struct hnode by_name;
	const struct kind *kind;
	uint64_t uid;            /* hash */
	bool foreground, orphan; /* its deletion waits for that finalizer */
	struct gc_ref *refs;     /* to owners of kinds we know */
	size_t n_refs;
	struct work_item work; /* the collector's */
	struct gc_job *job;    /* the collector's: what is under way; NULL: nothing */
	const char *name;      /* in 'ns', behind its NUL */
	char ns[];
};

struct gc_graph {
	struct hmap seen, nodes, refs;
	struct workqueue *queue; /* for the work items of new nodes */
	void (*touched)(void *arg, struct gc_node *node);
	void (*dropped)(void *arg, struct gc_node *node); /* it is about to be freed */
	void *arg;
};

void gc_graph_done(struct gc_graph *graph);

void gc_graph_put(struct gc_graph *graph, const struct kind *kind, const json_t *object);
void gc_graph_remove(struct gc_graph *graph, const struct kind *kind, const char *ns,
                     const char *name);

/* The node of the owner that 'ref' names, if it has one. */
struct gc_node *gc_graph_owner(const struct gc_graph *graph, const struct gc_ref *ref);

/* True if all owners of the node are there and none waits for its dependents. */
bool gc_graph_settled(const struct gc_graph *graph, const struct gc_node *node);

/*
 * The dependents of the node, or only those that block its deletion, in a heap array that the caller
 * frees.  Returns their number.
 */
size_t gc_graph_dependents(const struct gc_graph *graph, const struct gc_node *node,
                           bool blocking_only, struct gc_node ***ret);

/*
 * Where the owner that 'reference' (of metadata.ownerReferences) names would be; NULL: of a kind we do
 * not know, or in a namespace while the dependent is in none, which upstream leaves alone likewise.
 */
const struct kind *gc_owner_kind(const json_t *reference, const struct kind *dependent);

/* The text is in the list of strings 'list'. */
bool gc_has(const json_t *list, const char *text);
uint64_t gc_uid_hash(const json_t *object);
