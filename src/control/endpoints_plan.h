/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoints_plan - the Endpoints object of a Service, by its Pods (Kubernetes' endpoints controller).
 * Pure.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/slice_endpoint.h"
#include "kube/types.h"

#define ENDPOINTS_MAX            1000 /* addresses of one object */
#define LABEL_ENDPOINTS_MANAGER  "endpoints.kubernetes.io/managed-by"
#define ENDPOINTS_MANAGER        "endpoint-controller"
#define ANNOTATION_OVER_CAPACITY "endpoints.kubernetes.io/over-capacity"

/* The object there is to be: name, labels, the over-capacity annotation and subsets. */
json_t *endpoints_plan(const struct service *service, const struct slice_pod *pods, size_t n_pods);

/* The strategic merge patch that makes any Endpoints object equal to the planned one. */
json_t *endpoints_patch(const json_t *planned);

/* Equal for objects that are equal in all that is planned. */
uint64_t endpoints_digest(const json_t *endpoints);

/* The planned object, or its patch, tells when what it tells happened (wall ns; 0: not known). */
void endpoints_set_trigger(json_t *planned, int64_t trigger);
