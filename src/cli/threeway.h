/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threeway - the patch that 'apply' sends (client-side apply, as kubectl computes it).
 *
 * Of three versions - what was applied last, what is to be applied, what the server has - the patch
 * sets what the new manifest says and the live object does not have, and deletes what the last
 * manifest said and the new one no longer does.  What others put into the live object stays.
 */
#pragma once

#include <jansson.h>

#include "kube/patch.h"

/*
 * A strategic merge patch (a new reference; an empty object if there is nothing to do).  'last' may be
 * NULL.  Lists named in 'keys' (NULL: none) are compared element by element.
 */
json_t *threeway_patch(const json_t *last, const json_t *modified, const json_t *current,
                       const struct merge_key *keys);
