/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64 - RFC 4648 base64 as kubeconfig files carry it, over OpenSSL.
 */
#pragma once

#include <stddef.h>

/* With padding, in one line; heap. */
char *base64_encode(const void *data, size_t size) __attribute__((warn_unused_result));

/*
 * The bytes of 'text' (line breaks allowed) on the heap, with a NUL after them; 'ret_size' may be
 * NULL.  -EINVAL: not base64.
 */
int base64_decode(const char *text, char **ret, size_t *ret_size)
	__attribute__((warn_unused_result));
