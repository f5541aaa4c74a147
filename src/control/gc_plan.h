/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gc_plan - what is to become of an object, by the state of its owners (Kubernetes' garbage
 * collector, attemptToDeleteItem).  Pure.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

enum gc_owner {
	GC_OWNER_THERE,
	GC_OWNER_GONE,    /* none of that name, or one of another uid */
	GC_OWNER_WAITING, /* its deletion waits for this object */
};

/* The state of the owner that the live 'owner' object (NULL: there is none) has for 'reference'. */
enum gc_owner gc_owner_state(const json_t *reference, const json_t *owner);

struct gc_decision {
	json_t *patch;   /* merge patch of the object, a new reference; NULL: none */
	json_t *options; /* DeleteOptions: the object is to be deleted; NULL: it is not */
};

struct gc_situation {
	const enum gc_owner *owners; /* as many as metadata.ownerReferences */
	bool has_dependents;
	bool circle; /* one of its dependents waits for its own dependents */
};

/*
 * For an object that is not being deleted itself.  Nothing: one owner at least is there and all others
 * are too.  A patch takes the owners away that are not, or (with options, to be done first) unblocks
 * owners in a circle that would wait for each other for ever.
 */
void gc_decide(const json_t *object, const struct gc_situation *situation, struct gc_decision *ret);

/* Merge patch that takes a finalizer away. */
json_t *gc_without_finalizer(const json_t *object, const char *finalizer);

/* Strategic merge patch that takes the owner of that uid away from a dependent. */
json_t *gc_without_owner(const char *uid);
