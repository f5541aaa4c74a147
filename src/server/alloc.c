/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alloc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rand.h"

#define BAND_MIN 16

void alloc_init(struct alloc *alloc, uint32_t size, uint32_t band)
{
	assert(size <= ALLOC_SIZE_MAX && band <= size);
	*alloc = (struct alloc){
		.size = size,
		.band = band,
		.bits = xcalloc(size / 64 + 1, sizeof(uint64_t)),
	};
}

void alloc_done(struct alloc *alloc)
{
	free(alloc->bits);
	*alloc = (struct alloc){ 0 };
}

bool alloc_taken(const struct alloc *alloc, uint32_t number)
{
	return number < alloc->size && (alloc->bits[number / 64] >> (number % 64) & 1);
}

int alloc_take(struct alloc *alloc, uint32_t number)
{
	if (number >= alloc->size)
		return -ERANGE;
	if (alloc_taken(alloc, number))
		return -EEXIST;
	alloc->bits[number / 64] |= 1ULL << (number % 64);
	alloc->used++;
	return 0;
}

/* Takes a free number of [from, to), looking from a random one onwards and round. */
static int take_between(struct alloc *alloc, uint32_t from, uint32_t to, uint32_t *ret_number)
{
	uint32_t n = to - from, start;

	if (n == 0)
		return -ENOSPC;
	start = rand_below(n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t number = from + (start + i) % n;

		if (alloc_take(alloc, number) == 0) {
			*ret_number = number;
			return 0;
		}
	}
	return -ENOSPC;
}

int alloc_any(struct alloc *alloc, uint32_t *ret_number)
{
	if (alloc->used == alloc->size)
		return -ENOSPC;
	if (take_between(alloc, alloc->band, alloc->size, ret_number) == 0)
		return 0;
	return take_between(alloc, 0, alloc->band, ret_number);
}

void alloc_release(struct alloc *alloc, uint32_t number)
{
	assert(alloc_taken(alloc, number));
	alloc->bits[number / 64] &= ~(1ULL << (number % 64));
	alloc->used--;
}

int alloc_count(struct alloc_counts *counts, enum alloc_scope scope, int r)
{
	++*(r < 0 ? &counts->failed[scope] : &counts->done[scope]);
	return r;
}

uint32_t alloc_band(uint64_t total, uint32_t step, uint32_t max)
{
	uint64_t band = total / step;

	if (total <= BAND_MIN)
		return 0;
	return band < BAND_MIN ? BAND_MIN : band > max ? max : (uint32_t)band;
}
