/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pods - the registered Pods of this node: probes them and keeps their status in the API.
 *
 * Registered are those with the annotation fairlead.dev/address; others are left alone.  A verdict goes
 * into the status as soon as it is reached.  While the API cannot be reached, probing goes on and the
 * newest verdict is written when it is back.  After a restart the verdict of the API is what a
 * Pod begins with, so that nothing flips because of it.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/ipaddr.h"
#include "client/client.h"

struct pods;

/* 'client' is borrowed; 'host_ip' may be of family 0. */
int pods_new(struct client *client, const char *node_name, const struct ipaddr *host_ip,
             struct pods **ret, struct err *err);
void pods_free(struct pods *pods);

/* A Pod of the API, new or changed. */
void pods_upsert(struct pods *pods, const json_t *object);
void pods_remove(struct pods *pods, const char *ns, const char *name);
