/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespaces - which namespaces take new objects, and the end of those that are deleted.
 *
 * A deleted Namespace is Terminating: nothing new comes into it, the server deletes what is in it,
 * and once it is empty the Namespace goes itself.  A restart goes on where it was.
 */
#pragma once

#include <jansson.h>

#include "kube/kind.h"
#include "server/state.h"

/* Readies the state and resumes the deletions of before. */
void namespaces_init(struct server *server);
void namespaces_done(struct server *server);

/* NULL if 'ns' takes a new object 'name' of 'kind'; else the Status: 404, 403 if Terminating. */
json_t *namespaces_check_create(struct server *server, const struct kind *kind, const char *ns,
                                const char *name);

/* NULL if the Namespace may be deleted; else the 403. */
json_t *namespaces_check_delete(const char *name);

/*
 * Called when the write that makes 'name' Terminating is on its way to the store, so that no create
 * slips in behind it, and again with its outcome.
 */
void namespaces_close(struct server *server, const char *name);
void namespaces_closed(struct server *server, const char *name, bool written);
