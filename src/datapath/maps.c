/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/maps.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/mem.h"

const char *const map_names[MAPS] = {
	[MAP_FE4] = "fe4",
	[MAP_FE6] = "fe6",
	[MAP_SVCS] = "svcs",
	[MAP_NAMES] = "names",
	[MAP_SLOTS] = "slots",
	[MAP_BACKENDS] = "backends",
	[MAP_CONFIG] = "config",
	[MAP_FILTER] = "filter",
	[MAP_NODE_ADDRS] = "node_addrs",
	[MAP_AFFINITY] = "affinity",
	[MAP_CONNECTED] = "connected",
	[MAP_UNCONNECTED] = "unconnected",
	[MAP_RECENT] = "recent",
	[MAP_RNG] = "rng",
	[MAP_NETNS_SEEN] = "netns_seen",
};

static const struct map_layout {
	uint32_t key, value; /* 0: not checked, private to the programs */
} layouts[MAPS] = {
	[MAP_FE4] = { sizeof(uint32_t), sizeof(struct fe4_bucket) },
	[MAP_FE6] = { sizeof(uint32_t), sizeof(struct fe6_bucket) },
	[MAP_SVCS] = { sizeof(uint32_t), sizeof(struct svc) },
	[MAP_NAMES] = { sizeof(uint32_t), sizeof(struct svc_name) },
	[MAP_SLOTS] = { sizeof(uint32_t), sizeof(struct slot_line) },
	[MAP_BACKENDS] = { sizeof(uint32_t), sizeof(struct be) },
	[MAP_CONFIG] = { sizeof(uint32_t), sizeof(struct config) },
	[MAP_FILTER] = { sizeof(uint32_t), sizeof(struct filter) },
	[MAP_NODE_ADDRS] = { sizeof(struct node_addr), sizeof(uint32_t) },
	[MAP_AFFINITY] = { sizeof(struct affinity_key), sizeof(struct affinity_val) },
	[MAP_CONNECTED] = { sizeof(int), sizeof(struct peer) },
	[MAP_RECENT] = { sizeof(uint32_t), sizeof(struct recent) },
	[MAP_RNG] = { sizeof(uint32_t), sizeof(uint64_t) },
	[MAP_NETNS_SEEN] = { sizeof(uint32_t), sizeof(struct netns_seen) },
};

void maps_init(struct maps *maps)
{
	*maps = (struct maps){ 0 };
	for (int i = 0; i < MAPS; i++)
		maps->fd[i] = -1;
}

/* The bytes of an array as the kernel maps it: whole pages. */
static size_t map_bytes(const struct maps *maps, enum map_id id)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (size_t)maps->max[id] * layouts[id].value;

	return (bytes + page - 1) / page * page;
}

static void unmap(struct maps *maps, enum map_id id, void *p)
{
	if (p)
		(void)munmap(p, map_bytes(maps, id));
}

static bool is_power_of_two(uint32_t n)
{
	return n > 1 && (n & (n - 1)) == 0;
}

unsigned int maps_shift(const struct maps *maps, enum map_id id)
{
	assert(is_power_of_two(maps->max[id]));
	return 64 - (unsigned int)__builtin_ctz(maps->max[id]);
}

void maps_done(struct maps *maps)
{
	unmap(maps, MAP_FE4, maps->fe4);
	unmap(maps, MAP_FE6, maps->fe6);
	unmap(maps, MAP_SVCS, maps->svcs);
	unmap(maps, MAP_NAMES, maps->names);
	unmap(maps, MAP_SLOTS, maps->slots);
	unmap(maps, MAP_BACKENDS, maps->backends);
	unmap(maps, MAP_CONFIG, maps->config);
	unmap(maps, MAP_FILTER, maps->filter);
	unmap(maps, MAP_NETNS_SEEN, maps->netns_seen);
	for (int i = 0; i < MAPS; i++)
		cleanup_close(&maps->fd[i]);
	maps_init(maps);
}

static char *map_path(const char *dir, unsigned int generation, enum map_id id)
{
	if (id >= MAP_FIRST_SHARED)
		return xasprintf("%s/%s", dir, map_names[id]);
	return xasprintf("%s/g%u/%s", dir, generation, map_names[id]);
}

/* -ENOENT if it is not pinned. */
static int adopt_one(struct maps *maps, const char *dir, unsigned int generation, enum map_id id,
                     struct err *err)
{
	auto_free char *path = map_path(dir, generation, id);
	auto_close int fd = bpf_obj_get(path);
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	if (fd < 0)
		return err_errno(err, "cannot open the map %s", path);
	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return err_errno(err, "%s is not a map", path);
	if (layouts[id].key &&
	    (info.key_size != layouts[id].key || info.value_size != layouts[id].value))
		return err_set(
			err, -ESTALE,
			"%s has another layout than this program's; remove it with --cleanup",
			path);
	maps->max[id] = info.max_entries;
	maps->fd[id] = take_fd(&fd);
	return 0;
}

static int adopt_generation(struct maps *maps, const char *dir, unsigned int generation,
                            struct err *err)
{
	int r;

	for (enum map_id id = 0; id < MAP_FIRST_SHARED; id++) {
		r = adopt_one(maps, dir, generation, id, err);
		if (r < 0)
			return r;
	}
	r = maps_map(maps, false, err);
	if (r < 0)
		return r;
	if (!__atomic_load_n(&maps->config->ready, __ATOMIC_ACQUIRE))
		return err_set(err, -ENOENT, "generation %u is not complete", generation);
	if (!is_power_of_two(maps->max[MAP_FE4]) || !is_power_of_two(maps->max[MAP_FE6]))
		return err_set(err, -ESTALE, "generation %u is damaged; remove it with --cleanup",
		               generation);
	memcpy(maps->fe_mult, maps->config->fe_mult, sizeof(maps->fe_mult));
	maps->generation = generation;
	return 0;
}

/* The newest below 'below', 0 if there is none. */
static unsigned int newest_generation(const char *dir, unsigned int below)
{
	DIR *folder = opendir(dir);
	const struct dirent *entry;
	unsigned int newest = 0;

	if (!folder)
		return 0;
	while ((entry = readdir(folder))) {
		unsigned int n;
		char rest;

		if (sscanf(entry->d_name, "g%u%c", &n, &rest) == 1 && n > newest && n < below)
			newest = n;
	}
	(void)closedir(folder);
	return newest;
}

int maps_adopt(struct maps *maps, const char *dir, struct err *err)
{
	unsigned int generation = UINT32_MAX;
	int r;

	while ((generation = newest_generation(dir, generation))) {
		r = adopt_generation(maps, dir, generation, err);
		if (r == 0)
			break;
		maps_done(maps);
		if (r != -ENOENT)
			return r;
	}
	for (enum map_id id = MAP_FIRST_SHARED; id < MAPS; id++) {
		r = adopt_one(maps, dir, 0, id, err);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int pin_one(const struct maps *maps, const char *dir, enum map_id id, struct err *err)
{
	auto_free char *path = map_path(dir, maps->generation, id);

	if (access(path, F_OK) == 0)
		return 0;
	if (bpf_obj_pin(maps->fd[id], path) < 0)
		return err_errno(err, "cannot pin the map %s", path);
	return 0;
}

int maps_pin(const struct maps *maps, const char *dir, struct err *err)
{
	auto_free char *folder = xasprintf("%s/g%u", dir, maps->generation);

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return err_errno(err, "cannot make the folder %s", folder);
	for (enum map_id id = 0; id < MAPS; id++) {
		int r = pin_one(maps, dir, id, err);

		if (r < 0)
			return r;
	}
	return 0;
}

void maps_set_ready(struct maps *maps)
{
	__atomic_store_n(&maps->config->ready, 1, __ATOMIC_RELEASE);
}

static int map_one(struct maps *maps, enum map_id id, bool writable, void *ret, struct err *err)
{
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	void **p = ret;
	void *at;

	unmap(maps, id, *p);
	*p = NULL;
	at = mmap(NULL, map_bytes(maps, id), prot, MAP_SHARED, maps->fd[id], 0);
	if (at == MAP_FAILED)
		return err_errno(err, "cannot map '%s' into memory", map_names[id]);
	*p = at;
	return 0;
}

int maps_map(struct maps *maps, bool writable, struct err *err)
{
	int r;

	r = map_one(maps, MAP_FE4, writable, &maps->fe4, err);
	if (r == 0)
		r = map_one(maps, MAP_FE6, writable, &maps->fe6, err);
	if (r == 0)
		r = map_one(maps, MAP_SVCS, writable, &maps->svcs, err);
	if (r == 0)
		r = map_one(maps, MAP_NAMES, writable, &maps->names, err);
	if (r == 0)
		r = map_one(maps, MAP_SLOTS, writable, &maps->slots, err);
	if (r == 0)
		r = map_one(maps, MAP_BACKENDS, writable, &maps->backends, err);
	if (r == 0)
		r = map_one(maps, MAP_CONFIG, writable, &maps->config, err);
	if (r == 0 && maps->fd[MAP_FILTER] >= 0)
		r = map_one(maps, MAP_FILTER, writable, &maps->filter, err);
	return r;
}

int maps_map_netns(struct maps *maps, struct err *err)
{
	return map_one(maps, MAP_NETNS_SEEN, false, &maps->netns_seen, err);
}

int maps_read(struct map_cursor *cursor, void *keys, void *values, uint32_t max, struct err *err)
{
	uint32_t n = max, next = 0;
	int r;

	if (cursor->finished)
		return 0;
	r = bpf_map_lookup_batch(cursor->fd, cursor->started ? &cursor->position : NULL, &next,
	                         keys, values, &n, NULL);
	if (r < 0 && r != -ENOENT)
		return err_set(err, r, "cannot read a map: %s", strerror(-r));
	cursor->finished = r == -ENOENT;
	cursor->started = true;
	cursor->position = next;
	return (int)n;
}

void maps_copy(struct maps *to, const struct maps *from)
{
	memcpy(to->svcs, from->svcs, (size_t)from->config->svc_high * sizeof(*to->svcs));
	memcpy(to->names, from->names, (size_t)from->config->svc_high * sizeof(*to->names));
	memcpy(to->backends, from->backends, (size_t)from->config->be_high * sizeof(*to->backends));
	memcpy(to->slots, from->slots, (size_t)from->max[MAP_SLOTS] * sizeof(struct slot_line));
	*to->config = *from->config;
	to->config->ready = 0;
}

static void unpin_generation(const char *dir, unsigned int generation)
{
	auto_free char *folder = xasprintf("%s/g%u", dir, generation);

	for (enum map_id id = 0; id < MAP_FIRST_SHARED; id++) {
		auto_free char *path = map_path(dir, generation, id);

		(void)unlink(path);
	}
	(void)rmdir(folder);
}

void maps_unpin_others(const char *dir, unsigned int keep)
{
	unsigned int generation = UINT32_MAX;

	while ((generation = newest_generation(dir, generation))) {
		if (generation != keep)
			unpin_generation(dir, generation);
	}
}
