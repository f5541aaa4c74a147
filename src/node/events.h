/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events - core/v1 Events of the agent, best effort: one request at a time, a bounded queue, and what
 * the API does not take is forgotten.
 */
#pragma once

#include "client/client.h"
#include "kube/types.h"

struct events;

/* 'client' is borrowed, 'node_name' copied. */
struct events *events_new(struct client *client, const char *node_name);
void events_free(struct events *events);

/* What an Event is about; of core/v1. */
struct event_subject {
	const char *kind, *namespace, *name, *uid;
};

/* "Warning" or "Normal", a reason in CamelCase, and what happened. */
void events_add(struct events *events, const struct event_subject *subject, const char *type,
                const char *reason, const char *message);

/* The same about a Pod. */
void events_pod(struct events *events, const struct pod *pod, const char *type, const char *reason,
                const char *message);
