/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_file - the database as a file: making it, telling whether it is ours before SQLite touches it.
 */
#pragma once

#include "base/err.h"

/* Makes an empty database at 'path', mode 0600, all or nothing. */
int db_file_create(const char *path, struct err *err) __attribute__((warn_unused_result));

/*
 * Looks at the header only, changes nothing.  0: ours, by its header; -ENOENT: there is no file and
 * no left-over (the one outcome without a message); -EUCLEAN: something else, and what to do.
 */
int db_file_check(const char *path, struct err *err) __attribute__((warn_unused_result));

/* -EUCLEAN with what to do about it. */
int db_file_damaged(const char *path, const char *what, struct err *err);

/* The same for a file of another version. */
int db_file_foreign(const char *path, const char *what, struct err *err);
