/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alloc - numbers [0, size) handed out once: the bitmap under clusterIPs and nodePorts.
 *
 * Two bands (KEP-3070, KEP-3682): users pick numbers by hand from the lower, static one, so
 * alloc_any() gives numbers of the upper one, from a random start, while it has any.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ALLOC_SIZE_MAX (1U << 20)

/* How numbers were asked for: by the user, or any (the scopes of kube-apiserver's metrics). */
enum alloc_scope {
	ALLOC_STATIC,
	ALLOC_DYNAMIC,
	ALLOC_SCOPES,
};

/* What was asked for since the start, without dry runs. */
struct alloc_counts {
	uint64_t done[ALLOC_SCOPES], failed[ALLOC_SCOPES];
};

struct alloc {
	uint32_t size;
	uint32_t band; /* numbers of the static band: [0, band) */
	uint32_t used;
	uint64_t *bits; /* owned */
};

/* 'size' is at most ALLOC_SIZE_MAX, 'band' at most 'size'. */
void alloc_init(struct alloc *alloc, uint32_t size, uint32_t band);
void alloc_done(struct alloc *alloc);

/* -EEXIST: taken already; -ERANGE: no such number. */
int alloc_take(struct alloc *alloc, uint32_t number);

/* -ENOSPC: all are taken. */
int alloc_any(struct alloc *alloc, uint32_t *ret_number);

/* Releasing what is not taken is a programming error. */
void alloc_release(struct alloc *alloc, uint32_t number);
bool alloc_taken(const struct alloc *alloc, uint32_t number);

/* Counts what was asked for with result 'r', and returns it. */
int alloc_count(struct alloc_counts *counts, enum alloc_scope scope, int r);

/* The static band of 'total' numbers: total / step, from 16 to 'max'; 0 if total <= 16. */
uint32_t alloc_band(uint64_t total, uint32_t step, uint32_t max);
