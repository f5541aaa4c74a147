/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload - what Deployments and ReplicaSets share: a number of replicas of a Pod template, and a
 * selector of the Pods that are theirs.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "kube/kind.h"

/* 'status' becomes the status of a new object; its reference is taken over. */
void workload_prepare(json_t *object, const json_t *old, enum kind_write write, json_t *status);
void workload_set_defaults(json_t *object);

/* spec.selector and spec.template, and that they go together. */
void workload_validate_template(const json_t *spec, struct field_errors *errs);

/* 'members' of status (ends with NULL) are counts; some are parts of others. */
void workload_validate_counts(const json_t *status, const char *const *members,
                              struct field_errors *errs);

/* 'part' counts some of what 'whole' counts. */
void workload_validate_part(const json_t *status, const char *part, const char *whole,
                            const char *reason, struct field_errors *errs);
void workload_warn(const json_t *object, const json_t *old, json_t *warnings);

/* The cells of the containers of a template: their names, and their images. */
void workload_add_containers(json_t *cells, const json_t *template);

/* The merge keys of a Pod template at 'at' ("spec.template."), as rows of a table. */
#define WORKLOAD_MERGE_KEYS(at)                                                                    \
	{ at "metadata.ownerReferences", "uid" }, { at "metadata.finalizers", NULL },              \
		{ at "spec.containers", "name" }, { at "spec.containers.ports", "containerPort" }, \
		{ at "spec.containers.env", "name" },                                              \
		{ at "spec.containers.volumeMounts", "mountPath" },                                \
		{ at "spec.containers.volumeDevices", "devicePath" },                              \
		{ at "spec.initContainers", "name" },                                              \
		{ at "spec.initContainers.ports", "containerPort" },                               \
		{ at "spec.initContainers.env", "name" },                                          \
		{ at "spec.initContainers.volumeMounts", "mountPath" },                            \
		{ at "spec.initContainers.volumeDevices", "devicePath" },                          \
		{ at "spec.volumes", "name" }, { at "spec.imagePullSecrets", "name" },             \
		{ at "spec.hostAliases", "ip" },                                                   \
		{ at "spec.topologySpreadConstraints", "topologyKey" },                            \
		{ at "spec.schedulingGates", "name" },                                             \
	{                                                                                          \
		at "spec.resourceClaims", "name"                                                   \
	}
