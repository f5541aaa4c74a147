/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health - what the healthCheckNodePort of a Service says: a load balancer outside sends to the nodes
 * that have endpoints of their own (plan.h).
 */
#pragma once

#include "plan/plan.h"

/* Sets health_port and local_ready (service.NeedsHealthCheck, EndpointsMap.LocalReadyEndpoints). */
void health_plan(struct plan_service *plan, const struct service *service,
                 const struct endpoint_slice *const *slices, size_t n,
                 const struct plan_node *node);
