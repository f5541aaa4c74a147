/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice_world - one Service with its Pods and slices, for tests of plans: each plan is carried out as
 * the API would, and told as text.
 *
 *	world_service(&w, "{ports: [{port: 80}]}");
 *	world_pod(&w, "a ip=10.0.0.1 node=n1");
 *	world_expect(&w, "create web-1 IPv4 /TCP:80 | a\n");
 */
#pragma once

#include <jansson.h>

#include "control/slice_plan.h"

#define WORLD_PODS_MAX   1200
#define WORLD_SLICES_MAX 64

struct world {
	struct service *service;
	struct slice_pod pods[WORLD_PODS_MAX];
	size_t n_pods;
	struct endpoint_slice *slices[WORLD_SLICES_MAX];
	size_t n_slices;
	int made; /* names given out: web-1, web-2 .. */
	size_t endpoints_max;
	const char *service_meta; /* more of the Service's metadata */
};

void world_done(struct world *world);

/* The spec as YAML, without its selector; NULL: there is no Service. */
void world_service(struct world *world, const char *spec);

/*
 * "NAME [ip=A] [ip=A6] [node=N] [zone=Z] [phase=P] [unready] [deleting] [lost] [host=H] [sub=S] [port=NAME:PROTO:N]",
 * replacing the Pod of that name.
 */
void world_pod(struct world *world, const char *text);
void world_remove_pod(struct world *world, const char *name);

/* A slice as somebody wrote it: YAML. */
void world_slice(struct world *world, const char *yaml);
const struct endpoint_slice *world_find(const struct world *world, const char *name);

/*
 * Plans, compares the changes as text with 'wanted', carries them out, and makes sure that a second
 * plan has nothing to do.  One line a change: "create web-1 IPv4 http/TCP:8080 | a b(unready)\n".
 */
void world_expect(struct world *world, const char *wanted);
