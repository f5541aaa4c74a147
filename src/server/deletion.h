/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deletion - one object on its way out: at once, or marked until its finalizers are done.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "server/admit.h"
#include "server/state.h"

struct deletion {
	struct server *server;
	const struct kind *kind;
	char *ns, *name; /* owned */
	json_t *options; /* owned: DeleteOptions, or NULL */
	bool dry_run;
	/* 'object' is the last content, or the one marked; NULL if refused. */
	void (*done)(struct deletion *d, const struct store_object *object);
	void *arg;

	json_t *refusal;          /* owned: the Status; NULL if all went well */
	struct admit_claim claim; /* of the way there */
	bool removed; /* false: it waits for its finalizers, or for the kubelet of a Pod */
};

struct deletion *deletion_new(struct server *server, const struct kind *kind, const char *ns,
                              const char *name);

/* 'done' is called exactly once, perhaps before this returns; the deletion is freed afterwards. */
void deletion_start(struct deletion *d);
