/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ip_range.h"

#include <errno.h>
#include <string.h>

#define BAND_STEP 16
#define BAND_MAX  256

/* The last 32 bits of an address, as a number. */
static uint32_t low_bits(const struct ipaddr *addr)
{
	const uint8_t *p = addr->bytes + (addr->family == 4 ? 0 : 12);

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void set_low_bits(struct ipaddr *addr, uint32_t bits)
{
	uint8_t *p = addr->bytes + (addr->family == 4 ? 0 : 12);

	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(bits >> (24 - 8 * i));
}

int ip_range_init(struct ip_range *range, const char *text, struct err *err)
{
	struct cidr cidr;
	unsigned int host_bits;
	uint64_t total;
	int r;

	r = cidr_parse(text, &cidr);
	if (r < 0)
		return err_set(err, r, "service CIDR \"%s\": not a CIDR such as 10.96.0.0/16",
		               text);
	host_bits = (cidr.addr.family == 4 ? 32 : 128) - cidr.prefix;
	total = host_bits < 32 ? 1ULL << host_bits : UINT64_MAX;
	if (total < 4 || total > ALLOC_SIZE_MAX)
		return err_set(err, -EINVAL,
		               "service CIDR %s: between 4 and %u addresses are possible "
		               "(IPv4 /30 to /12, IPv6 /126 to /108)",
		               text, ALLOC_SIZE_MAX);
	if (low_bits(&cidr.addr) & (total - 1))
		return err_set(err, -EINVAL, "service CIDR %s: bits are set beyond the prefix",
		               text);
	range->cidr = cidr;
	alloc_init(&range->alloc, (uint32_t)total - (cidr.addr.family == 4 ? 2 : 1),
	           alloc_band(total, BAND_STEP, BAND_MAX));
	return 0;
}

void ip_range_done(struct ip_range *range)
{
	alloc_done(&range->alloc);
	*range = (struct ip_range){ 0 };
}

int ip_range_number(const struct ip_range *range, const struct ipaddr *addr, uint32_t *ret_number)
{
	uint32_t offset;

	if (!cidr_contains(&range->cidr, addr))
		return -ERANGE;
	offset = low_bits(addr) - low_bits(&range->cidr.addr);
	if (offset == 0 || offset > range->alloc.size)
		return -ERANGE;
	*ret_number = offset - 1;
	return 0;
}

void ip_range_address(const struct ip_range *range, uint32_t number, struct ipaddr *ret)
{
	struct ipaddr addr = range->cidr.addr;

	set_low_bits(&addr, low_bits(&addr) + number + 1);
	*ret = addr;
}
