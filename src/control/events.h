/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events - tells users about an object through an Event of the API ("kubectl describe" shows it).
 */
#pragma once

#include "client/client.h"
#include "kube/types.h"

struct event {
	const char *type;      /* "Normal" or "Warning" */
	const char *reason;    /* "FailedToUpdateEndpointSlices" */
	const char *component; /* who says so */
	const char *message;
};

/* Sends one about a Service, and does not care what becomes of it: an Event is a courtesy. */
void event_send(struct client *client, const struct service *service, const struct event *event);
