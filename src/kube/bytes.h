/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes - base64 as fields of type []byte have it in JSON (RFC 4648, padded, in one line).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Heap. */
char *bytes_encode(const void *data, size_t size) __attribute__((warn_unused_result));

/*
 * The bytes of 'text' on the heap, with a NUL after them; line breaks count as nothing.  -EINVAL,
 * and in 'ret_size' where it went wrong, as Go's encoding/base64 counts it.
 */
int bytes_decode(const char *text, char **ret, size_t *ret_size)
	__attribute__((warn_unused_result));

/* How many bytes bytes_decode() of a good 'text' gives. */
size_t bytes_decoded_size(const char *text);
