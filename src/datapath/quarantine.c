/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/quarantine.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void quarantine_done(struct quarantine *q)
{
	free(q->entries);
	*q = (struct quarantine){ 0 };
}

static void make_room(struct quarantine *q)
{
	size_t cap = q->cap ? q->cap * 2 : 64;
	struct quarantined *entries = xreallocarray(NULL, cap, sizeof(*entries));

	for (size_t i = 0; i < q->n; i++)
		entries[i] = q->entries[(q->head + i) % q->cap];
	free(q->entries);
	q->entries = entries;
	q->head = 0;
	q->cap = cap;
}

void quarantine_push(struct quarantine *q, uint32_t base, uint32_t n, int64_t now)
{
	if (q->n == q->cap)
		make_room(q);
	q->entries[(q->head + q->n++) % q->cap] =
		(struct quarantined){ .base = base, .n = n, .since = now };
}

bool quarantine_pop(struct quarantine *q, int64_t now, uint32_t *ret_base, uint32_t *ret_n)
{
	const struct quarantined *oldest;

	if (!q->n)
		return false;
	oldest = &q->entries[q->head];
	if (now - oldest->since < QUARANTINE_NS)
		return false;
	*ret_base = oldest->base;
	*ret_n = oldest->n;
	q->head = (q->head + 1) % q->cap;
	q->n--;
	return true;
}
