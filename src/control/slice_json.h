/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice_json - a planned EndpointSlice as the API object to be sent.  Pure.
 */
#pragma once

#include <jansson.h>

#include "control/slice_plan.h"

/*
 * The body of the create or update 'change' of 'plan', a new reference.  An update carries uid and
 * resourceVersion of the slice it was planned on, so that the server refuses it if somebody else wrote
 * meanwhile.  'trigger' is when what it tells happened (wall ns; 0: not known).
 */
json_t *slice_json(const struct service *service, const struct slice_plan *plan,
                   const struct slice_change *change, int64_t trigger);
