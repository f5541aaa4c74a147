/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "datapath/internal.h"
#include "datapath/table.h"

static bool is_half_full(const struct datapath *dp, enum map_id id)
{
	static const uint32_t parts[MAP_FIRST_SHARED] = {
		[MAP_FE4] = FE_CELLS, [MAP_FE6] = FE_CELLS,         [MAP_SVCS] = 1,
		[MAP_BACKENDS] = 1,   [MAP_SLOTS] = SLOTS_PER_LINE,
	};
	uint64_t used = 0;

	if (id == MAP_FE4 || id == MAP_FE6)
		used = table_used(&dp->maps, id);
	else if (id == MAP_SVCS)
		used = dp->svcs.high;
	else if (id == MAP_BACKENDS)
		used = dp->backends.high;
	else if (id == MAP_SLOTS)
		used = dp->slots.high;
	return used * 2 >= (uint64_t)dp->maps.max[id] * parts[id] && parts[id];
}

/* What is half full grows with the one that must: programs are loaded and exchanged once for all. */
static void set_sizes(struct maps *to, const struct datapath *dp, enum map_id id, uint32_t size)
{
	memcpy(to->max, dp->maps.max, sizeof(to->max));
	for (enum map_id i = 0; i < MAP_FIRST_SHARED; i++) {
		if (is_half_full(dp, i) && to->max[i] <= ELEMENTS_MAX / 2)
			to->max[i] *= 2;
	}
	to->max[id] = size;
	to->max[MAP_NAMES] = to->max[MAP_SVCS];
}

/* The maps that all generations share, and what the hash is made with. */
static int share_maps(struct maps *to, const struct maps *from, struct err *err)
{
	memcpy(to->fe_mult, from->fe_mult, sizeof(to->fe_mult));
	to->generation = from->generation + 1;
	for (enum map_id i = MAP_FIRST_SHARED; i < MAPS; i++) {
		to->fd[i] = fcntl(from->fd[i], F_DUPFD_CLOEXEC, 0);
		if (to->fd[i] < 0)
			return err_errno(err, "cannot keep a map");
	}
	return 0;
}

/* Puts programs that use 'to' in place of those in effect.  -EAGAIN: they must be larger still. */
static int switch_generation(struct datapath *dp, struct maps *to, struct programs *programs,
                             struct err *err)
{
	int r;

	r = programs_load(programs, to, &dp->options, err);
	if (r == 0)
		r = maps_map(to, true, err);
	if (r < 0)
		return r;
	maps_copy(to, &dp->maps);
	if (table_copy(to, &dp->maps) < 0)
		return err_set(err, -EAGAIN, "the frontends do not fit");
	r = maps_pin(to, dp->dir, err);
	if (r < 0)
		return r;
	/* from here on either generation may be adopted if we are killed: they hold the same */
	maps_set_ready(to);
	return dp->waiting ? 0 : programs_attach(programs, dp->dir, NULL, dp->cgroup_fd, err);
}

static int grow_to(struct datapath *dp, enum map_id id, uint32_t size, struct err *err)
{
	struct programs programs;
	struct maps to;
	int r;

	programs_init(&programs);
	maps_init(&to);
	set_sizes(&to, dp, id, size);
	r = share_maps(&to, &dp->maps, err);
	if (r == 0)
		r = switch_generation(dp, &to, &programs, err);
	if (r < 0) {
		if (to.config)
			__atomic_store_n(&to.config->ready, 0, __ATOMIC_RELEASE);
		if (!dp->waiting && r != -EAGAIN)
			(void)programs_attach(&dp->programs, dp->dir, NULL, dp->cgroup_fd, NULL);
		maps_unpin_others(dp->dir, dp->maps.generation);
		programs_done(&programs);
		maps_done(&to);
		return r;
	}
	maps_unpin_others(dp->dir, to.generation);
	programs_done(&dp->programs);
	maps_done(&dp->maps);
	dp->programs = programs;
	dp->maps = to;
	return 0;
}

int datapath_grow(struct datapath *dp, enum map_id id, struct err *err)
{
	uint32_t size = dp->maps.max[id];
	int r = -EAGAIN;

	while (r == -EAGAIN) {
		if (size > ELEMENTS_MAX / 2)
			return err_set(err, -ENOSPC, "the map '%s' is full with %u elements",
			               map_names[id], dp->maps.max[id]);
		size *= 2;
		r = grow_to(dp, id, size, err);
	}
	if (r < 0)
		return err_wrap(err, r, "cannot make the map '%s' larger", map_names[id]);
	pool_grow(&dp->svcs, dp->maps.max[MAP_SVCS]);
	pool_grow(&dp->backends, dp->maps.max[MAP_BACKENDS]);
	pool_grow(&dp->slots, dp->maps.max[MAP_SLOTS] * SLOTS_PER_LINE);
	return 0;
}
