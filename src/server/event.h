/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event - tells users through an Event of the API ("kubectl get events") what the server itself found.
 */
#pragma once

#include <jansson.h>

#include "kube/kind.h"
#include "server/state.h"

struct event {
	const struct kind *kind; /* of 'object' */
	const json_t *object;    /* what it is about; borrowed for the call */
	const char *component;   /* who says so: "ipallocator-repair-controller" */
	const char *reason;      /* "ClusterIPOutOfRange" */
	const char *action;      /* "ClusterIPAllocation"; NULL: an Event of the older form */
};

/* A Warning.  Nobody waits for what becomes of it: an Event is a courtesy. */
void event_warn(struct server *server, const struct event *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
