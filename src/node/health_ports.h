/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health_ports - the HTTP servers of healthCheckNodePorts: a load balancer outside asks each node
 * whether it has endpoints of a Service with external policy Local
 * (kube-proxy's pkg/proxy/healthcheck/service_health.go).
 *
 * Any path and method: 200 if there is a ready endpoint here and the proxy is healthy, else 503.
 */
#pragma once

#include "io/loop.h"
#include "node/proxy_health.h"
#include "plan/plan.h"

struct health_ports;

/* A server could not listen; told once, and tried again every few seconds. */
typedef void (*health_ports_failed_fn)(void *arg, const char *ns, const char *name,
                                       const char *message);

/* 'health' is borrowed, 'node_name' is for messages and borrowed too. */
struct health_ports *health_ports_new(struct loop *loop, const struct proxy_health *health,
                                      const char *node_name, health_ports_failed_fn failed,
                                      void *arg);
void health_ports_free(struct health_ports *ports);

/* What the plan of a Service says now. */
void health_ports_set(struct health_ports *ports, const struct plan_service *plan);
void health_ports_remove(struct health_ports *ports, const char *ns, const char *name);
