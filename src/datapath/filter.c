/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/filter.h"

#include <arpa/inet.h>
#include <string.h>

#include "datapath/frontend.h"
#include "datapath/internal.h"

static uint32_t bit_of(const struct frontend *f)
{
	uint32_t words[4];

	memcpy(words, f->addr.bytes, sizeof(words));
	if (f->addr.family == 4)
		return filter_bit(words[0], htons(f->port));
	return filter_bit(addr_sum(words), htons(f->port));
}

static void set_bit(struct datapath *dp, uint32_t bit, bool on)
{
	__u64 *word = &dp->maps.filter->word[bit / 64], mask = 1ull << bit % 64;

	__atomic_store_n(word, on ? *word | mask : *word & ~mask, __ATOMIC_RELEASE);
}

void filter_add(struct datapath *dp, const struct frontend *f)
{
	uint32_t bit = bit_of(f);
	uint8_t *count = &dp->filter_counts[bit];

	if (*count < UINT8_MAX)
		++*count;
	set_bit(dp, bit, true);
}

void filter_remove(struct datapath *dp, const struct frontend *f)
{
	uint32_t bit = bit_of(f);
	uint8_t *count = &dp->filter_counts[bit];

	/* at its limit it stays there: a bit too many costs a look-up, one too few a connection */
	if (*count < UINT8_MAX)
		--*count;
	if (!*count)
		set_bit(dp, bit, false);
}

void filter_adopted(struct datapath *dp)
{
	for (uint32_t bit = 0; bit < FILTER_BITS; bit++) {
		if (!dp->filter_counts[bit] && dp->maps.filter->word[bit / 64] >> bit % 64 & 1)
			set_bit(dp, bit, false);
	}
}
