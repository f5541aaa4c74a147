/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip_range - the usable addresses of a service CIDR, numbered for alloc.
 *
 * Number 0 is the first usable address; of IPv4 the network and the broadcast address are not
 * usable, of IPv6 the first one (registry/core/service/ipallocator).
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/ipaddr.h"
#include "server/alloc.h"

struct ip_range {
	struct cidr cidr;
	struct alloc alloc;
};

/* Of "10.96.0.0/16"; -EINVAL with the reason if it is none, too small or too large. */
int ip_range_init(struct ip_range *range, const char *text, struct err *err);
void ip_range_done(struct ip_range *range);

/* -ERANGE if 'addr' is not usable. */
int ip_range_number(const struct ip_range *range, const struct ipaddr *addr, uint32_t *ret_number);
void ip_range_address(const struct ip_range *range, uint32_t number, struct ipaddr *ret);
