/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock - one process at a time: an flock() on a file beside the database, gone when it is released.
 *
 * SQLite's own lock would do against others, but it is taken only once the file was read, and POSIX
 * drops it when the same process closes any other descriptor of the file.
 */
#pragma once

#include "base/err.h"

struct lock {
	int fd;     /* -1: not held */
	char *path; /* owned */
};

#define LOCK_INIT ((struct lock){ .fd = -1 })

/* Locks "<path>.lock".  -EBUSY: another process has it. */
int lock_take(struct lock *lock, const char *path, struct err *err)
	__attribute__((warn_unused_result));
void lock_release(struct lock *lock);
