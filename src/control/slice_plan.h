/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice_plan - which EndpointSlices to create, update and delete so that they tell of a Service's
 * Pods: the reconcile algorithm of Kubernetes' EndpointSlice controller.  Pure: no I/O, no clock.
 *
 *	slice_plan_make(&(struct slice_plan_input){ .service = s, .pods = p, .n_pods = n, ... }, &plan);
 *	for (i = 0; i < plan.n; i++)
 *		... plan.changes[i]
 *	slice_plan_done(&plan);
 *
 * Few writes come before well-filled slices: endpoints stay in the slice they are in, new ones go
 * where a slice changes anyway (the fullest first), then into the one unchanged slice they fit best,
 * then into new slices; slices are never rearranged only to pack them better.  Nothing is compacted, as every
 * slice written is sent to every node.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "control/slice_endpoint.h"
#include "kube/types.h"

#define SLICE_MANAGER       "endpointslice-controller.k8s.io"
#define SLICE_ENDPOINTS_MAX 100 /* of one slice, unless told otherwise */

struct slice_plan_input {
	/* NULL: there is none any more, all slices go.  The same if it takes no endpoints. */
	const struct service *service;
	const struct slice_pod *pods; /* that the selector matches, whatever their state */
	size_t n_pods;
	/* Those we manage that carry the Service's name, whoever owns them. */
	const struct endpoint_slice *const *slices;
	size_t n_slices;
	size_t endpoints_max; /* 0: SLICE_ENDPOINTS_MAX */
};

enum slice_op {
	SLICE_CREATE,
	SLICE_UPDATE,
	SLICE_DELETE
};

struct slice_change {
	enum slice_op op;
	const struct endpoint_slice *slice; /* to be updated or deleted */
	/* what it is to have; not for SLICE_DELETE */
	uint8_t family;
	const struct slice_port *ports;
	size_t n_ports;
	const struct endpoint *const *endpoints;
	size_t n_endpoints;
};

/* Borrows from the input, which has to live as long. */
struct slice_plan {
	struct arena arena;
	struct slice_change *changes; /* creates, then updates, then deletes */
	size_t n;
	struct labels labels; /* that every slice of the Service is to have */
};

void slice_plan_make(const struct slice_plan_input *input, struct slice_plan *ret);
void slice_plan_done(struct slice_plan *plan);
