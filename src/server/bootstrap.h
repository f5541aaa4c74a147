/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bootstrap - the objects every cluster has: the system namespaces, and the "kubernetes" Service
 * with the EndpointSlice that leads to this server.
 */
#pragma once

#include "base/err.h"
#include "server/state.h"

/*
 * Makes what is missing and waits until it is durable; the loop need not run.  From then on a timer
 * looks every 10 seconds, as kube-apiserver does.
 */
int bootstrap_init(struct server *server, struct err *err);
void bootstrap_done(struct server *server);
