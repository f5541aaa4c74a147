/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/datapath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "datapath/adopt.h"
#include "datapath/effect.h"
#include "datapath/frontend.h"
#include "datapath/host.h"
#include "datapath/internal.h"
#include "datapath/pins.h"
#include "datapath/port.h"
#include "datapath/service.h"
#include "datapath/table.h"

/* What a small cluster needs, about 1 MB; a map that is full is replaced by one twice as large. */
#define PORTS_START     4096
#define FRONTENDS_START 4096
#define BACKENDS_START  16384
#define SLOTS_START     32768

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
	uint32_t n = value ? value : fallback;

	return n < ELEMENTS_MAX ? n : ELEMENTS_MAX;
}

static void set_sizes(struct maps *maps, const struct datapath_config *config)
{
	uint32_t slots = or_default(config->slots, SLOTS_START);

	maps->max[MAP_FE4] = maps->max[MAP_FE6] =
		table_buckets(or_default(config->frontends, FRONTENDS_START));
	maps->max[MAP_SVCS] = maps->max[MAP_NAMES] = or_default(config->ports, PORTS_START);
	maps->max[MAP_BACKENDS] = or_default(config->backends, BACKENDS_START);
	maps->max[MAP_SLOTS] = (slots + SLOTS_PER_LINE - 1) / SLOTS_PER_LINE;
	maps->max[MAP_CONFIG] = 1;
}

static void choose_hash(struct maps *maps)
{
	rand_bytes(maps->fe_mult, sizeof(maps->fe_mult));
	maps->fe_mult[0] |= 1;
	maps->fe_mult[1] |= 1;
}

/* Loads the programs against the maps there are, or new ones, which are in effect then. */
static int open_maps(struct datapath *dp, const struct datapath_config *config, struct err *err)
{
	uint64_t cookie;
	int r;

	r = maps_adopt(&dp->maps, dp->dir, err);
	if (r < 0)
		return r;
	maps_unpin_others(dp->dir, dp->maps.generation);
	if (!dp->maps.generation) {
		set_sizes(&dp->maps, config);
		choose_hash(&dp->maps);
		dp->maps.generation = 1;
	}
	r = programs_load(&dp->programs, &dp->maps, &dp->options, err);
	if (r == 0)
		r = maps_map(&dp->maps, true, err);
	if (r == 0)
		r = maps_pin(&dp->maps, dp->dir, err);
	if (r == 0)
		r = host_netns_cookie(&cookie, err);
	if (r < 0)
		return r;
	dp->maps.config->netns_cookie = cookie;
	memcpy(dp->maps.config->fe_mult, dp->maps.fe_mult, sizeof(dp->maps.fe_mult));
	maps_set_ready(&dp->maps);
	return 0;
}

/* Another release's maps have everything, ours nothing yet: its programs stay until we are synced. */
static bool must_wait(const struct datapath *dp)
{
	auto_free char *other = pins_other_dir(dp->pin_dir);

	return other && !dp->maps.config->synced;
}

/* What is left of other layout versions, whose links are ours by now. */
static int remove_others(const struct datapath *dp, struct err *err)
{
	char *other;
	int r = 0;

	while (r == 0 && (other = pins_other_dir(dp->pin_dir))) {
		r = programs_detach(other, err);
		if (r == 0)
			r = pins_remove(dp->pin_dir, other, err);
		free(other);
	}
	return r;
}

int datapath_attach(struct datapath *dp, struct err *err)
{
	auto_free char *other = pins_other_dir(dp->pin_dir);
	int r;

	r = programs_attach(&dp->programs, dp->dir, other, dp->cgroup_fd, err);
	if (r == 0)
		r = remove_others(dp, err);
	dp->waiting = dp->waiting && r < 0;
	return r;
}

static int open_all(struct datapath *dp, const struct datapath_config *config, struct err *err)
{
	int r;

	r = host_check_bpf(err);
	if (r < 0)
		return r;
	dp->cgroup_fd = host_cgroup_open(dp->cgroup, err);
	if (dp->cgroup_fd < 0)
		return dp->cgroup_fd;
	r = pins_open(dp->pin_dir, &dp->dir, &dp->lock_fd, err);
	if (r < 0)
		return r;
	r = open_maps(dp, config, err);
	if (r < 0)
		return r;
	dp->filter_counts = xcalloc(FILTER_BITS, sizeof(*dp->filter_counts));
	pool_init(&dp->svcs, dp->maps.max[MAP_SVCS]);
	pool_init(&dp->backends, dp->maps.max[MAP_BACKENDS]);
	pool_init(&dp->slots, dp->maps.max[MAP_SLOTS] * SLOTS_PER_LINE);
	adopt_contents(dp);
	r = effect_arm(&dp->maps, err);
	if (r < 0)
		return r;
	dp->waiting = must_wait(dp);
	return dp->waiting ? 0 : datapath_attach(dp, err);
}

int datapath_open(const struct datapath_config *config, struct datapath **ret, struct err *err)
{
	struct datapath *dp = xnew(struct datapath);
	int r;

	dp->lock_fd = dp->cgroup_fd = -1;
	dp->pin_dir = xstrdup(config->pin_dir ? config->pin_dir : PINS_DEFAULT);
	dp->cgroup = config->cgroup ? xstrdup(config->cgroup) : NULL;
	dp->options.no_set_retval = config->no_set_retval;
	maps_init(&dp->maps);
	programs_init(&dp->programs);
	evict_init(&dp->evict);
	dp->evict.no_destroy = config->no_sock_destroy;
	list_init(&dp->dying);
	r = open_all(dp, config, err);
	if (r < 0) {
		datapath_close(dp);
		return r;
	}
	*ret = dp;
	return 0;
}

void datapath_close(struct datapath *dp)
{
	if (!dp)
		return;
	evict_done(&dp->evict);
	services_done(dp);
	pool_done(&dp->svcs);
	pool_done(&dp->backends);
	pool_done(&dp->slots);
	programs_done(&dp->programs);
	maps_done(&dp->maps);
	cleanup_close(&dp->cgroup_fd);
	cleanup_close(&dp->lock_fd);
	free(dp->filter_counts);
	free(dp->pin_dir);
	free(dp->dir);
	free(dp->cgroup);
	free(dp);
}

static struct node_addr node_addr(const struct ipaddr *addr)
{
	struct node_addr key = { .addr = { 0, 0, htonl(0xffff), 0 } };

	if (addr->family == 4)
		memcpy(&key.addr[3], addr->bytes, 4);
	else
		memcpy(key.addr, addr->bytes, 16);
	return key;
}

static bool is_wanted(const struct node_addr *key, const struct ipaddr *addrs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct node_addr wanted = node_addr(&addrs[i]);

		if (memcmp(&wanted, key, sizeof(wanted)) == 0)
			return true;
	}
	return false;
}

static void delete_unwanted_addrs(const struct datapath *dp, const struct ipaddr *addrs, size_t n)
{
	struct node_addr key, next;
	int fd = dp->maps.fd[MAP_NODE_ADDRS];
	int r = bpf_map_get_next_key(fd, NULL, &key);

	while (r == 0) {
		r = bpf_map_get_next_key(fd, &key, &next);
		if (!is_wanted(&key, addrs, n))
			(void)bpf_map_delete_elem(fd, &key);
		key = next;
	}
}

int datapath_set_node_addresses(struct datapath *dp, const struct ipaddr *addrs, size_t n,
                                struct err *err)
{
	const uint32_t one = 1;
	uint32_t flags = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		struct node_addr key = node_addr(&addrs[i]);

		if (ipaddr_is_loopback(&addrs[i])) {
			flags |= addrs[i].family == 4 ? CONFIG_LOOPBACK4 : CONFIG_LOOPBACK6;
			continue;
		}
		r = bpf_map_update_elem(dp->maps.fd[MAP_NODE_ADDRS], &key, &one, BPF_ANY);
		if (r < 0)
			return err_set(err, r, "cannot set a node address: %s", strerror(-r));
	}
	delete_unwanted_addrs(dp, addrs, n);
	__atomic_store_n(&dp->maps.config->flags, flags, __ATOMIC_RELEASE);
	return 0;
}

void datapath_tick(struct datapath *dp)
{
	int64_t now = clock_now();

	pool_tick(&dp->backends, now);
	pool_tick(&dp->slots, now);
	port_reap(dp, now);
}

void datapath_stats(struct datapath *dp, struct datapath_stats *ret)
{
	*ret = (struct datapath_stats){
		.ports = dp->svcs.used,
		.frontends = dp->n_frontends,
		.backends = dp->backends.used,
		.ports_max = dp->svcs.size,
		.backends_max = dp->backends.size,
		.slots_max = dp->slots.size,
		.conflicts = dp->conflicts,
		.reattached = dp->reattached,
	};
	evict_stats(&dp->evict, &ret->udp_destroyed, &ret->udp_destroy_failures);
}

bool datapath_attached(struct datapath *dp, struct err *err)
{
	return programs_attached(&dp->programs, dp->cgroup_fd, err);
}

/* The cgroup may have been removed and made anew. */
static int attach_again(struct datapath *dp, struct err *err)
{
	int fd = host_cgroup_open(dp->cgroup, err);
	int r;

	if (fd < 0)
		return fd;
	cleanup_close(&dp->cgroup_fd);
	dp->cgroup_fd = fd;
	r = datapath_attach(dp, err);
	dp->reattached += r == 0;
	return r;
}

/* True while it is another layout version that is in effect, as it shall be. */
static bool waits_for_sync(const struct datapath *dp)
{
	return dp->waiting && !dp->maps.config->synced;
}

int datapath_check(struct datapath *dp, struct err *err)
{
	int r;

	if (waits_for_sync(dp))
		return 0;
	if (!datapath_attached(dp, err)) {
		r = attach_again(dp, err);
		if (r < 0)
			return r;
	}
	r = effect_probe(&dp->maps, dp->cgroup_fd, err);
	return r < 0 ? r : 0;
}

int datapath_cleanup(const char *pin_dir, struct err *err)
{
	auto_free char *dir = NULL;
	auto_close int lock = -1;
	int r;

	if (!pin_dir)
		pin_dir = PINS_DEFAULT;
	if (!host_on_bpffs(pin_dir))
		return 0;
	r = pins_open(pin_dir, &dir, &lock, err);
	while (r == 0 && dir) {
		r = programs_detach(dir, err);
		if (r == 0)
			r = pins_remove(pin_dir, dir, err);
		free(dir);
		dir = pins_other_dir(pin_dir);
	}
	return r;
}
