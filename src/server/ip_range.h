/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip_range - the usable addresses of a service CIDR, numbered.
 *
 * Number 0 is the first usable address; of IPv4 the network and the broadcast address are not
 * usable, of IPv6 the first one (registry/core/service/ipallocator).  The first numbers are the
 * static band, which users pick addresses from by hand (KEP-3070).
 */
#pragma once

#include <stdint.h>

#include "base/ipaddr.h"

struct ip_range {
	struct cidr cidr;
	uint64_t size; /* usable addresses; 0: it is too small */
	uint64_t band; /* numbers of the static band: [0, band) */
};

#define IP_RANGE_TEXT_SIZE (IPADDR_TEXT_SIZE + 4)

/* Of "10.96.0.0/16"; -EINVAL: it is none, bits are set beyond the prefix, or wider than an IPv6 /64. */
int ip_range_init(struct ip_range *range, const char *text);

/* Canonical. */
void ip_range_format(const struct ip_range *range, char ret_text[static IP_RANGE_TEXT_SIZE]);

/* -ERANGE if 'addr' is not usable. */
int ip_range_number(const struct ip_range *range, const struct ipaddr *addr, uint64_t *ret_number);
void ip_range_address(const struct ip_range *range, uint64_t number, struct ipaddr *ret);
