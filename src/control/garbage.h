/* SPDX-License-Identifier: Apache-2.0 */
/*
 * garbage - the garbage collector: objects whose owners (metadata.ownerReferences) are all gone are
 * deleted, deletions with propagationPolicy Foreground and Orphan are carried out.
 *
 * All kinds of the table are watched into a gc_graph, Events apart.  Whatever the graph suspects is
 * verified with the server before anything is deleted, and the deletion names uid and resourceVersion.
 */
#pragma once

#include "client/client.h"

struct garbage;

struct garbage *garbage_new(struct client *client);
void garbage_free(struct garbage *garbage);
