/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window - how the windows of a service port share one run of slots.
 *
 * The local backends come first, so that the local window usually is the head of the whole one; the
 * topology window is the same run wherever it has the same backends.  The order is a function of
 * the plan alone: an unchanged plan gives unchanged slots, also after a restart.
 */
#pragma once

#include <stdint.h>

#include "datapath/layout.h"
#include "plan/plan.h"

struct window_plan {
	uint32_t *index; /* owned; into plan->backends, one a slot */
	uint32_t n;
	uint32_t at[WINDOWS], count[WINDOWS]; /* each window in it */
};

/* Also gives the windows of each backend as bits 1 << window (heap, the caller frees). */
void window_plan_init(struct window_plan *w, const struct plan_port *plan, uint8_t **ret_masks);
void window_plan_done(struct window_plan *w);
