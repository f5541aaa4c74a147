/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem - allocation that cannot fail.
 *
 * On Linux small allocations practically never fail, and the branches for it would never be tested:
 * these abort with a message instead (the datapath lives in pinned maps, the service manager
 * restarts us).  A size that comes from outside is checked against a limit before it gets here.
 */
#pragma once

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));
void *xrealloc(void *p, size_t size) __attribute__((warn_unused_result));

/* Like realloc() of 'n' elements of 'size' bytes, with the product checked. */
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((warn_unused_result));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull, warn_unused_result));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, warn_unused_result));
void *xmemdup(const void *p, size_t n) __attribute__((malloc, warn_unused_result));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), warn_unused_result));

/* Duplicates 's', or gives NULL for NULL. */
char *xstrdup_null(const char *s) __attribute__((warn_unused_result));

/* A zeroed 'struct x' on the heap: 'struct x *p = xnew(struct x);' */
#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

/*
 * Makes room for one more element in the array 'p' of 'n' used and 'cap' allocated elements:
 *
 *	array_reserve(list, n, cap);
 *	list[n++] = x;
 */
#define array_reserve(p, n, cap)                                       \
	do {                                                           \
		if ((n) >= (cap)) {                                    \
			(cap) = (cap) ? (cap)*2 : 8;                   \
			(p) = xreallocarray((p), (cap), sizeof(*(p))); \
		}                                                      \
	} while (0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
