/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/window.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

_Static_assert((int)WINDOW_ALL == (int)PLAN_WINDOW_ALL, "window ids");
_Static_assert((int)WINDOW_LOCAL == (int)PLAN_WINDOW_LOCAL, "window ids");
_Static_assert((int)WINDOW_TOPOLOGY == (int)PLAN_WINDOW_TOPOLOGY, "window ids");
_Static_assert((int)WINDOWS == (int)PLAN_WINDOWS, "window ids");

#define BIT(window) (1u << (window))

static uint8_t *make_masks(const struct plan_port *plan)
{
	uint8_t *masks = xcalloc(plan->n_backends + 1, 1);

	for (unsigned int w = 0; w < WINDOWS; w++) {
		for (size_t i = 0; i < plan->windows[w].n; i++)
			masks[plan->windows[w].index[i]] |= (uint8_t)BIT(w);
	}
	return masks;
}

/* Adds a slot for each backend that has the bits 'want' and none of 'without'. */
static void add(struct window_plan *w, const uint8_t *masks, size_t n, unsigned int want,
                unsigned int without)
{
	for (size_t i = 0; i < n; i++) {
		if ((masks[i] & want) == want && !(masks[i] & without))
			w->index[w->n++] = (uint32_t)i;
	}
}

/* True if no backend is in window 'a' and not in 'b'. */
static bool subset(const uint8_t *masks, size_t n, unsigned int a, unsigned int b)
{
	for (size_t i = 0; i < n; i++) {
		if (masks[i] & BIT(a) && !(masks[i] & BIT(b)))
			return false;
	}
	return true;
}

void window_plan_init(struct window_plan *w, const struct plan_port *plan, uint8_t **ret_masks)
{
	size_t n = plan->n_backends;
	uint8_t *masks = make_masks(plan);

	*w = (struct window_plan){ .index = xcalloc(n * WINDOWS + 1, sizeof(uint32_t)) };
	add(w, masks, n, BIT(WINDOW_LOCAL), 0);
	w->count[WINDOW_LOCAL] = w->n;
	if (subset(masks, n, WINDOW_LOCAL, WINDOW_ALL)) {
		add(w, masks, n, BIT(WINDOW_ALL), BIT(WINDOW_LOCAL));
	} else {
		w->at[WINDOW_ALL] = w->n;
		add(w, masks, n, BIT(WINDOW_ALL), 0);
	}
	w->count[WINDOW_ALL] = w->n - w->at[WINDOW_ALL];
	if (subset(masks, n, WINDOW_TOPOLOGY, WINDOW_ALL) &&
	    subset(masks, n, WINDOW_ALL, WINDOW_TOPOLOGY)) {
		w->at[WINDOW_TOPOLOGY] = w->at[WINDOW_ALL];
		w->count[WINDOW_TOPOLOGY] = w->count[WINDOW_ALL];
	} else {
		w->at[WINDOW_TOPOLOGY] = w->n;
		add(w, masks, n, BIT(WINDOW_TOPOLOGY), 0);
		w->count[WINDOW_TOPOLOGY] = w->n - w->at[WINDOW_TOPOLOGY];
	}
	*ret_masks = masks;
}

void window_plan_done(struct window_plan *w)
{
	free(w->index);
	*w = (struct window_plan){ 0 };
}
