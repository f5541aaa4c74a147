/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quarantine - ranges of indices that were just made unreachable and may not be used again yet: an
 * eBPF program that read the old word may still be on its way to them.
 *
 * First in, first out.  A program runs for less than a microsecond; QUARANTINE_NS is generous
 * instead of waiting for the kernel's grace period.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUARANTINE_NS 1000000000LL

struct quarantined {
	uint32_t base, n;
	int64_t since;
};

struct quarantine {
	struct quarantined *entries; /* owned; a ring of 'cap' */
	size_t head, n, cap;
};

void quarantine_done(struct quarantine *q);
void quarantine_push(struct quarantine *q, uint32_t base, uint32_t n, int64_t now);

/* Takes out the oldest range if its time is over at 'now'. */
bool quarantine_pop(struct quarantine *q, int64_t now, uint32_t *ret_base, uint32_t *ret_n);
