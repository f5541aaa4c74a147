/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "datapath/internal.h"
#include "datapath/table.h"

/* The shared maps of 'from', and sizes for new ones with 'id' as large as given. */
static int plan_growth(struct maps *to, const struct maps *from, enum map_id id, uint32_t size,
                       struct err *err)
{
	memcpy(to->max, from->max, sizeof(to->max));
	memcpy(to->fe_mult, from->fe_mult, sizeof(to->fe_mult));
	to->generation = from->generation + 1;
	to->max[id] = size;
	to->max[MAP_NAMES] = to->max[MAP_SVCS];
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
	r = plan_growth(&to, &dp->maps, id, size, err);
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
