/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot - a list as it was at an earlier revision: what there is now, with the changes since
 * then taken back by the store's history.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

/*
 * As store_list(), at 'revision'.  '*ret' is a heap array of borrowed pointers, good until the next
 * dispatch of the store.  -ESTALE: the history does not reach back so far; -ERANGE: it is yet to
 * come.
 */
int snapshot_list(struct store *store, const struct kind *kind, const char *ns, const char *after,
                  uint64_t revision, const struct store_object ***ret, size_t *ret_n);
