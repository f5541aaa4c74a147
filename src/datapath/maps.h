/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maps - the maps of one generation: made, pinned, adopted, mapped into memory, copied.
 *
 *	PIN_DIR/v3/g<N>/{fe4,fe6,svcs,names,slots,backends,config}   grow: a larger set is generation N + 1
 *	PIN_DIR/v3/{filter,node_addrs,affinity,...}            shared by all generations
 *	PIN_DIR/v3/links/{connect4,...}                        see programs.h
 *
 * The newest generation whose config says 'ready' is the one in effect; an older one or an
 * incomplete one is left by a process that was killed while growing, and is removed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "datapath/layout.h"

enum map_id {
	MAP_FE4, /* buckets, a power of two of at least two */
	MAP_FE6,
	MAP_SVCS,
	MAP_NAMES, /* as many as descriptors */
	MAP_SLOTS, /* lines */
	MAP_BACKENDS,
	MAP_CONFIG,
	MAP_FIRST_SHARED, /* the first of those all generations share */
	MAP_FILTER = MAP_FIRST_SHARED,
	MAP_NODE_ADDRS,
	MAP_AFFINITY,
	MAP_CONNECTED,
	MAP_UNCONNECTED,
	MAP_RECENT,
	MAP_RNG,
	MAP_NETNS_SEEN,
	MAPS,
};

extern const char *const map_names[MAPS];

struct maps {
	unsigned int generation;
	int fd[MAPS];        /* owned; -1 = to be made */
	uint32_t max[MAPS];  /* elements; 0 = as the object file says */
	uint64_t fe_mult[2]; /* of the frontends' hash; 0 = to be chosen */
	/* mapped, NULL before maps_map() */
	struct fe4_bucket *fe4; /* see table.h */
	struct fe6_bucket *fe6;
	struct svc *svcs;
	struct svc_name *names;
	uint32_t *slots; /* max[MAP_SLOTS] * SLOTS_PER_LINE */
	struct be *backends;
	struct config *config;
	struct filter *filter;
	struct netns_seen *netns_seen; /* by maps_map_netns() only */
};

void maps_init(struct maps *maps);
void maps_done(struct maps *maps);

/*
 * Opens what is pinned under 'dir' (".../v3").  Without a complete generation only the shared ones
 * there are: 'generation' is 0 then.  -ESTALE if a map has another layout than ours.
 */
int maps_adopt(struct maps *maps, const char *dir, struct err *err);

/* Pins those that are not pinned yet.  The generation is in effect once maps_set_ready(). */
int maps_pin(const struct maps *maps, const char *dir, struct err *err);
void maps_set_ready(struct maps *maps);

/* Maps the arrays into memory. */
int maps_map(struct maps *maps, bool writable, struct err *err);

int maps_map_netns(struct maps *maps, struct err *err);

/* The first bits of a hash are the bucket, the rest is 'shift' bits. */
unsigned int maps_shift(const struct maps *maps, enum map_id id);

/* Copies what the arrays of 'from' hold into the larger ones of 'to', both mapped; not the frontends. */
void maps_copy(struct maps *to, const struct maps *from);

/* Removes the pins of all generations but 'keep'; the maps go with their last user. */
void maps_unpin_others(const char *dir, unsigned int keep);

/* A walk over a hash: { .fd = fd } at first. */
struct map_cursor {
	int fd;
	uint32_t position; /* the kernel's */
	bool started, finished;
};

/* Reads the next elements, 'max' at most; returns how many, 0 at the end. */
int maps_read(struct map_cursor *cursor, void *keys, void *values, uint32_t max, struct err *err);
