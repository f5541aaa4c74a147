/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scale - autoscaling/v1 Scale, the /scale of the kinds with 'has_scale': the number of replicas of
 * an object, and nothing else of it.
 *
 *	scale = scale_of(object);		GET
 *	...patch it, or take a body, checked by kind_check_types(&kind_scale, ...)...
 *	scale_validate(scale, &errs);		422 of kind_scale with the object's name
 *	scale_apply(object, scale);		then an update of the object like any other
 */
#pragma once

#include <jansson.h>

#include "kube/kind.h"

/* Not one of 'kinds': it has no collection. */
extern const struct kind kind_scale;

/* A new reference; of an object whose spec and status have replicas. */
json_t *scale_of(const json_t *object);
void scale_validate(const json_t *scale, struct field_errors *errs);

/*
 * Gives 'object' the replicas of 'scale', and its resourceVersion: the update then conflicts if the
 * object is another one by now, or is unconditional if there is none.
 */
void scale_apply(json_t *object, const json_t *scale);
