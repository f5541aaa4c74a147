/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service - the Service kind: its hooks, and the questions about a spec they all ask.
 *
 * What Kubernetes does with a Service between the request and the store is in one file a step:
 * service_update (what an update hands on, before defaulting), service_default, service_families
 * (called by the server), service_validate, service_warn; service_row prints it.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "kube/kind.h"

#define ANNOTATION_TOPOLOGY_MODE  "service.kubernetes.io/topology-mode"
#define ANNOTATION_TOPOLOGY_HINTS "service.kubernetes.io/topology-aware-hints"
#define ANNOTATION_SOURCE_RANGES  "service.beta.kubernetes.io/load-balancer-source-ranges"

void service_prepare(json_t *object, const json_t *old, enum kind_write write);
void service_set_defaults(json_t *object);
void service_validate(const json_t *object, const json_t *old, enum kind_write write,
                      struct field_errors *errs);
void service_warn(const json_t *object, const json_t *old, json_t *warnings);
void service_row(const json_t *object, int64_t now, json_t *cells);

/* The parts of service_validate() in files of their own. */
void service_validate_ips(const json_t *spec, const json_t *old_spec, struct field_errors *errs);
void service_validate_update(const json_t *spec, const json_t *old_spec, struct field_errors *errs);
void service_validate_status(const json_t *object, const json_t *old, struct field_errors *errs);

/* spec.type, with its default where it is missing. */
const char *service_type(const json_t *spec);
bool service_is_type(const json_t *spec, const char *type);

/* spec.clusterIPs is ["None"]. */
bool service_is_headless(const json_t *spec);
bool service_uses_node_ports(const json_t *spec); /* NodePort or LoadBalancer */
bool service_is_externally_accessible(const json_t *spec);
bool service_needs_health_check(const json_t *spec);

/* Equal, where missing, null and empty are the same. */
bool service_same(const json_t *spec, const json_t *other, const char *member);
