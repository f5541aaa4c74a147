/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutate - a create, update or patch on its way through the hooks of its kind into the store.
 *
 * Requests and the server's own writes (bootstrap) take the same way:
 *
 *	m = mutation_new(server, &kind_service, "default", "web", MUTATE_UPDATE, object);
 *	m->done = on_done;
 *	mutation_start(m);
 *
 * 'done' is called exactly once, perhaps before mutation_start() returns; the mutation is freed when
 * it returns.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "server/admit.h"
#include "server/state.h"

enum mutate_op {
	MUTATE_CREATE,
	MUTATE_UPDATE,
	MUTATE_PATCH_JSON,
	MUTATE_PATCH_MERGE,
	MUTATE_PATCH_STRATEGIC,
	MUTATE_APPLY, /* by the function 'apply': a subresource */
};

struct mutation {
	struct server *server;
	const struct kind *kind;
	char *ns, *name; /* owned; the name of a create may be missing: it is in the object */
	enum mutate_op op;
	json_t *input;      /* owned: the object, or the patch */
	json_t *unreadable; /* owned: of a patch that could not be read the Status that says so */
	bool status;        /* of the /status subresource */
	bool dry_run;
	bool strict, warn_unknown; /* unknown or duplicate fields: 400, or a warning */
	json_t *duplicates;        /* owned: what body_duplicates() said; NULL: nothing */
	/*
	 * Of MUTATE_APPLY: changes 'object', a copy of the stored one, by 'input'; NULL or the
	 * refusal.  May set 'own' where its change is one that updates may not make.
	 */
	json_t *(*apply)(struct mutation *m, json_t *object);
	bool own; /* the server's own object, which validation is not asked about */
	void (*done)(struct mutation *m, const struct store_object *object);
	void *arg;

	/* What came of it. */
	json_t *refusal;  /* owned: the Status; NULL if all went well */
	json_t *preview;  /* owned: the object a dry run would have written */
	json_t *warnings; /* owned: an array of strings */
	bool created;

	/* Of the way there. */
	struct admit_claim claim;
	bool removed; /* the last finalizer of a deleted object went */
};

/* Takes the reference of 'input' over. */
struct mutation *mutation_new(struct server *server, const struct kind *kind, const char *ns,
                              const char *name, enum mutate_op op, json_t *input);
void mutation_start(struct mutation *m);

/* The Status (400, 413, 422, 500) for a patch that failed with 'r' of kube/patch.h. */
json_t *mutation_patch_refused(int r, const struct err *err);

/* The Status (429, 500, 503) for a write that the store gave up with 'r'. */
json_t *mutation_failure(const struct kind *kind, const char *name, int r);
