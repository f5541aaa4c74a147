/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frontends - the addresses a port of a Service is reached at, and who may (plan.h).
 */
#pragma once

#include "plan/plan.h"

/* Sets the frontends, their windows left out, and the source ranges of 'port'. */
void frontends_add(struct arena *arena, const struct service *service,
                   const struct service_port *spec, const struct ipaddr *cluster_ip,
                   struct plan_port *port);

/* True if clients from outside have an address for it (ServicePort.ExternallyAccessible). */
bool frontends_accessible(const struct plan_port *port);
