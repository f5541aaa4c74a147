/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cidr_plan - what a ServiceCIDR needs next: pure.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"

#define CIDR_FINALIZER "networking.k8s.io/service-cidr-finalizer"
#define CIDR_GRACE_NS  (10 * 1000000000LL) /* from the deletion until it may go */

/* What is asked about addresses, where that decides. */
enum cidr_addresses {
	CIDR_ADDRESSES_NONE, /* none would be without a ServiceCIDR */
	CIDR_ADDRESSES_LEFT,
	CIDR_ADDRESSES_UNKNOWN, /* not listed yet: the plan waits */
};

/*
 * A strategic merge patch of the object, or of its status with '*ret_status'; NULL: nothing is to be
 * written.  '*ret_wait_ns' is then how long until it is to be looked at again, 0: until something
 * changes.  'now' is clock_wall().
 */
json_t *cidr_plan(const json_t *cidr, enum cidr_addresses addresses, int64_t now, bool *ret_status,
                  int64_t *ret_wait_ns);

/* Of the 'n' ServiceCIDRs in 'all', each block of 'cidr' is within one of another. */
bool cidr_plan_covered(const json_t *cidr, json_t *const *all, size_t n);

/* Of the 'n' ServiceCIDRs in 'all', 'cidr' is the only one with 'addr'. */
bool cidr_plan_only_one(const json_t *cidr, json_t *const *all, size_t n,
                        const struct ipaddr *addr);
