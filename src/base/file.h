/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file - small files as a whole: configuration, certificates, manifests.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Reads the file at 'path' ("-" is standard input) into '*ret_text' (heap, the caller frees), with a
 * NUL after its '*ret_size' bytes ('ret_size' may be NULL).
 *
 * Returns 0; -EFBIG if it has more than 'max_size' bytes; -EISDIR for a directory; else what the
 * failing system call gave.  On failure the outputs are unchanged.
 */
int file_read(const char *path, size_t max_size, char **ret_text, size_t *ret_size, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Puts 'size' bytes into the file at 'path' with 'mode', all or nothing: written beside it, synced,
 * renamed over it, the folder synced.
 */
int file_write(const char *path, const void *data, size_t size, mode_t mode, struct err *err)
	__attribute__((warn_unused_result));

/* Makes the folder 'path' and those above it where missing, with 'mode'. */
int file_mkdirs(const char *path, mode_t mode, struct err *err) __attribute__((warn_unused_result));
