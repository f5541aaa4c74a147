/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice_endpoint - the endpoint and the ports that one Pod gives a Service.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "kube/types.h"

/* A Pod that the selector matches, with what its Node says. */
struct slice_pod {
	const struct pod *pod;
	bool node_known;  /* the Node object is there */
	const char *zone; /* of the Node, "" if it has none */
};

/* The address of that family (4 or 6), or NULL. */
const struct ipaddr *slice_pod_address(const struct pod *pod, uint8_t family);

/* Not finished for good; its Node, if it is on one, is there or nobody cares. */
bool slice_pod_counts(const struct service *service, const struct slice_pod *pod);

/*
 * The endpoint of a Pod that has an address of 'family', with its conditions and the hints of
 * spec.trafficDistribution.  Strings are the Pod's; arrays go into 'arena'.
 */
struct endpoint slice_endpoint_make(const struct service *service, const struct slice_pod *pod,
                                    uint8_t family, struct arena *arena);

/* The same endpoint (address, hostname, target), whatever its state; and a hash of just that. */
bool slice_endpoint_same(const struct endpoint *a, const struct endpoint *b);
uint64_t slice_endpoint_hash(const struct endpoint *endpoint);

/* For the same endpoint: nothing else differs either. */
bool slice_endpoint_state_equal(const struct endpoint *a, const struct endpoint *b);

/*
 * The Service's ports as this Pod has them: a named targetPort is the container port of that name and
 * protocol, and one the Pod does not have is left out.  Returns their number.
 */
size_t slice_ports_make(const struct service *service, const struct pod *pod, struct arena *arena,
                        struct slice_port **ret);

/* The same ports in any order. */
bool slice_ports_equal(const struct slice_port *a, size_t n_a, const struct slice_port *b,
                       size_t n_b);
