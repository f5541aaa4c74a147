/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena - memory of one stated lifetime, given back all at once.
 *
 * A typed API object owns an arena that holds the object itself and its strings and arrays: one
 * arena_done() frees it.
 */
#pragma once

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* owned, newest first */
	size_t used;                /* bytes of the newest chunk */
};

#define ARENA_INIT ((struct arena){ 0 })

/* Zeroed memory, aligned for any type; never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_strdup(struct arena *arena, const char *s);
char *arena_strndup(struct arena *arena, const char *s, size_t n);
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_done(struct arena *arena);

#define arena_new(arena, type)      ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array(arena, type, n) ((type *)arena_alloc((arena), (n) * sizeof(type)))
