/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod - the hooks of the Pod kind that have files of their own.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "kube/kind.h"

void pod_set_defaults(json_t *object);
void pod_validate(const json_t *object, const json_t *old, enum kind_write write,
                  struct field_errors *errs);

/* What an update may not change of a Pod's spec. */
void pod_validate_update(const json_t *spec, const json_t *old_spec, struct field_errors *errs);

/*
 * The template of Deployments, ReplicaSets and PodTemplates: metadata and spec of Pods to come.
 * 'path' is where it stands, at most 64 bytes.
 */
void pod_template_set_defaults(json_t *template);
void pod_template_validate(const json_t *template, const char *path, struct field_errors *errs);

void pod_row(const json_t *object, int64_t now, json_t *cells);

/* "BestEffort", "Burstable" or "Guaranteed", from the containers' resources. */
const char *pod_qos_class(const json_t *spec);
