/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_object - keeps this machine's Node object in the API, as kubelet does: made if it is missing,
 * labels and status refreshed, and a Lease in kube-node-lease renewed every 10 s as the heartbeat.
 *
 * Labels and conditions of others are left as they are.  What fails is tried again, 250 ms to 10 s later.
 */
#pragma once

#include "base/err.h"
#include "base/ipaddr.h"
#include "client/client.h"

struct node_object;

/* 'client' is borrowed.  Starts at once; failures are logged, first and last only. */
struct node_object *node_object_new(struct client *client, const char *name,
                                    const struct ipaddr *ip);

/* Ends the heartbeat; the Node stays. */
void node_object_free(struct node_object *node);

/* The object was deleted: makes it anew. */
void node_object_gone(struct node_object *node);
