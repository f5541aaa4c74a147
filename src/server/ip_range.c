/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ip_range.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/alloc.h"

#define BAND_STEP   16
#define BAND_MAX    256
#define PREFIX6_MIN 64

/* The last 32 or 64 bits of an address, as a number. */
static uint64_t low_bits(const struct ipaddr *addr)
{
	size_t end = addr->family == 4 ? 4 : 16;
	uint64_t bits = 0;

	for (size_t i = end == 4 ? 0 : 8; i < end; i++)
		bits = bits << 8 | addr->bytes[i];
	return bits;
}

static void set_low_bits(struct ipaddr *addr, uint64_t bits)
{
	size_t end = addr->family == 4 ? 4 : 16;

	for (size_t i = end; i > (end == 4 ? 0U : 8U); i--) {
		addr->bytes[i - 1] = (uint8_t)bits;
		bits >>= 8;
	}
}

int ip_range_init(struct ip_range *range, const char *text)
{
	unsigned int host_bits, unused;
	struct cidr cidr;
	uint64_t last; /* the number of the last address, counted from the network's */
	int r;

	r = cidr_parse(text, &cidr);
	if (r < 0)
		return r;
	if (cidr.addr.family == 6 && cidr.prefix < PREFIX6_MIN)
		return -EINVAL;
	host_bits = (cidr.addr.family == 4 ? 32 : 128) - cidr.prefix;
	last = host_bits < 64 ? (1ULL << host_bits) - 1 : UINT64_MAX;
	if (low_bits(&cidr.addr) & last)
		return -EINVAL;
	unused = cidr.addr.family == 4 ? 1 : 0; /* behind the last usable one */
	*range = (struct ip_range){
		.cidr = cidr,
		.size = last > unused ? last - unused : 0,
	};
	range->band = alloc_band(last == UINT64_MAX ? last : last + 1, BAND_STEP, BAND_MAX);
	return 0;
}

void ip_range_format(const struct ip_range *range, char ret_text[static IP_RANGE_TEXT_SIZE])
{
	char addr[IPADDR_TEXT_SIZE];

	ipaddr_format(&range->cidr.addr, addr);
	(void)snprintf(ret_text, IP_RANGE_TEXT_SIZE, "%s/%u", addr, range->cidr.prefix);
}

int ip_range_number(const struct ip_range *range, const struct ipaddr *addr, uint64_t *ret_number)
{
	uint64_t offset;

	if (!cidr_contains(&range->cidr, addr))
		return -ERANGE;
	offset = low_bits(addr) - low_bits(&range->cidr.addr);
	if (offset == 0 || offset > range->size)
		return -ERANGE;
	*ret_number = offset - 1;
	return 0;
}

void ip_range_address(const struct ip_range *range, uint64_t number, struct ipaddr *ret)
{
	struct ipaddr addr = range->cidr.addr;

	set_low_bits(&addr, low_bits(&addr) + number + 1);
	*ret = addr;
}
