/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table - the frontends as the programs look them up: two hash tables in mapped arrays, see layout.h.
 *
 * One process writes, by stores; it alone knows what is free.  Others may read at any time, and see
 * each frontend as it was or is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipaddr.h"
#include "datapath/maps.h"

struct table_entry {
	struct ipaddr addr; /* all zeros: nodePort */
	uint16_t port;
	uint8_t proto;
	struct fe_val value;
};

/* Buckets that hold this many frontends and have room for as many more. */
uint32_t table_buckets(uint32_t frontends);

/* Sets the value of a frontend in one store; -ENOSPC if both of its buckets are full. */
int table_set(struct maps *maps, const struct table_entry *entry);

/* Removes it, if it is there. */
void table_delete(struct maps *maps, const struct table_entry *entry);

/* The next frontend from '*at', which is 0 at first; false at the end. */
bool table_next(const struct maps *maps, size_t *at, struct table_entry *ret);

/* Frontends in MAP_FE4 or MAP_FE6. */
size_t table_used(const struct maps *maps, enum map_id id);

/* Sets in 'to', of the same sizes or larger, what 'from' has.  -ENOSPC: larger still. */
int table_copy(struct maps *to, const struct maps *from);
