/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal - what the parts of an open datapath share.
 *
 * The mapped arrays are the truth; here is only what they do not say: which indices are free, which
 * Service owns a descriptor, who claims a frontend.  All of it is rebuilt from the maps by adopt.c.
 *
 *	service 1-n port 1-n claim n-1 frontend
 */
#pragma once

#include "base/hmap.h"
#include "base/list.h"
#include "datapath/datapath.h"
#include "datapath/evict.h"
#include "datapath/maps.h"
#include "datapath/pool.h"
#include "datapath/programs.h"

#define ELEMENTS_MAX (1u << 24) /* of any map that grows */

struct datapath {
	char *pin_dir, *dir; /* PIN_DIR, PIN_DIR/v3 */
	char *cgroup;        /* NULL: the root */
	int lock_fd, cgroup_fd;
	bool waiting; /* another layout version stays in effect until the maps hold everything */
	uint64_t reattached;
	struct programs_options options;
	struct programs programs;
	struct evict evict;
	struct maps maps;
	struct pool svcs, backends, slots;
	struct hmap services;   /* struct service_state by namespace and name */
	struct hmap orphans;    /* struct port that no plan confirmed yet, by owner */
	struct hmap frontends;  /* struct frontend by key */
	struct list_node dying; /* struct port, oldest first: unreachable, but perhaps still read */
	uint32_t n_frontends;   /* in the kernel */
	uint8_t *filter_counts; /* owned; frontends of each bit of the filter */
	uint64_t conflicts;
};

struct service_state {
	struct hnode by_name;
	char *ns, *name;
	struct list_node ports;
};

/* Puts the programs into effect, in place of another layout version's if there is one. */
int datapath_attach(struct datapath *dp, struct err *err);

/*
 * Makes the map 'id' (descriptors, slots, backends, frontends) at least twice as large: a new
 * generation of maps, and programs for it in the place of those in effect.
 */
int datapath_grow(struct datapath *dp, enum map_id id, struct err *err);
