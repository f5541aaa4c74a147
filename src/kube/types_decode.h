/* SPDX-License-Identifier: Apache-2.0 */
/*
 * types_decode - what the decoders of types.h share: reading a tree of any content into an arena.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/ipaddr.h"
#include "kube/types.h"

/* The string at 'path', copied; "" where there is none. */
const char *types_string(const json_t *object, const char *path, struct arena *arena);

/* 0 where it is missing, no number or outside 0..65535. */
uint16_t types_port(const json_t *object, const char *path);
struct meta types_meta(const json_t *object, struct arena *arena);

/* The label's value, or "". */
const char *types_label(const struct meta *meta, const char *key);

/* The strings 'member' of the objects in 'list', copied. */
const char *const *types_strings(const json_t *list, const char *member, struct arena *arena,
                                 size_t *ret_n);

/* The strings of 'list' that are addresses; others count in '*n_bad'. */
struct ipaddr *types_addresses(const json_t *list, struct arena *arena, size_t *ret_n,
                               unsigned int *n_bad);

/* A zeroed array in 'arena', NULL for n = 0. */
#define types_array(arena, type, n) ((n) ? arena_array((arena), type, (n)) : (type *)NULL)
