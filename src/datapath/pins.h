/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pins - the folder everything is pinned in, held by one process at a time.
 */
#pragma once

#include "base/err.h"

#define PINS_DEFAULT "/sys/fs/bpf/fairlead"

/* The folder of this layout version under 'pin_dir', "…/v<N>" (heap). */
char *pins_dir(const char *pin_dir);

/* The newest folder of another layout version (heap), which another release left; or NULL. */
char *pins_other_dir(const char *pin_dir);

/*
 * Makes and locks it; the lock goes with the descriptor, also of a killed process.  -EBUSY if
 * another process holds it.
 */
int pins_open(const char *pin_dir, char **ret_dir, int *ret_lock, struct err *err);

/* Removes 'dir' with all in it, and 'pin_dir' if it is empty then. */
int pins_remove(const char *pin_dir, const char *dir, struct err *err);
