/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/view.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "datapath/maps.h"
#include "datapath/pins.h"
#include "datapath/programs.h"
#include "datapath/table.h"

#define BATCH      256
#define READ_TRIES 3 /* maps grow by a new generation, and the old one goes */

_Static_assert(VIEW_HOOKS == PROGRAMS, "hooks");
_Static_assert((int)VIEW_ACTIVE == (int)BE_ACTIVE, "states");
_Static_assert((int)VIEW_TERMINATING == (int)BE_TERMINATING, "states");

/* Frontends as they are read, 'svc' being the kernel's index. */
struct reading {
	const struct maps *maps;
	struct view *view;
	struct raw {
		struct view_frontend f;
		uint32_t svc;
	} * raws; /* owned */
	size_t n, cap;
	/* owned: what has an index of the kernel's in 'view', or VIEW_NONE */
	size_t *service_of, *backend_of;
	size_t backends_cap;
};

static void add_frontend(struct reading *r, const struct table_entry *e)
{
	uint32_t flags = e->value.flags;
	struct raw *raw;

	if (e->value.svc == SVC_NONE)
		return;
	array_reserve(r->raws, r->n, r->cap);
	raw = &r->raws[r->n++];
	raw->svc = e->value.svc;
	raw->f = (struct view_frontend){
		.addr = e->addr,
		.port = e->port,
		.protocol = (enum protocol)e->proto,
		.type = (enum plan_frontend_type)(flags >> FE_TYPE_SHIFT & FE_TYPE_MASK),
		.internal = (enum plan_window_id)(flags >> FE_INTERNAL_SHIFT & FE_WINDOW_MASK),
		.external = (enum plan_window_id)(flags >> FE_EXTERNAL_SHIFT & FE_WINDOW_MASK),
		.service = VIEW_NONE,
	};
}

static const char *label(struct view *view, const char text[SVC_LABEL_SIZE])
{
	return arena_strndup(&view->arena, text, strnlen(text, SVC_LABEL_SIZE - 1));
}

static void add_service(struct reading *r, uint32_t svc)
{
	struct view *view = r->view;
	const struct svc_name *name = &r->maps->names[svc];

	if (r->service_of[svc] != VIEW_NONE)
		return;
	r->service_of[svc] = view->n_services;
	view->services[view->n_services++] = (struct view_service){
		.namespace = label(view, name->namespace),
		.name = label(view, name->name),
		.port_name = label(view, name->port_name),
		.port = name->port,
		.protocol = (enum protocol)name->proto,
		.family = name->family,
		.affinity_seconds = r->maps->svcs[svc].affinity_s,
		.svc = svc,
	};
}

static int cmp_service(const void *a, const void *b)
{
	const struct view_service *x = a, *y = b;
	int r = strcmp(x->namespace, y->namespace);

	if (r == 0)
		r = strcmp(x->name, y->name);
	if (r)
		return r;
	if (x->port != y->port)
		return (int)x->port - y->port;
	return x->protocol != y->protocol ? (int)x->protocol - (int)y->protocol
	                                  : (int)x->family - y->family;
}

static size_t *none_of(uint32_t n)
{
	size_t *v = xreallocarray(NULL, n, sizeof(*v));

	for (uint32_t i = 0; i < n; i++)
		v[i] = VIEW_NONE;
	return v;
}

static void make_services(struct reading *r)
{
	struct view *view = r->view;
	uint32_t max = r->maps->max[MAP_SVCS];

	r->service_of = none_of(max);
	view->services = arena_array(&view->arena, struct view_service, r->n + 1);
	for (size_t i = 0; i < r->n; i++) {
		if (r->raws[i].svc < max)
			add_service(r, r->raws[i].svc);
	}
	qsort(view->services, view->n_services, sizeof(*view->services), cmp_service);
	for (size_t i = 0; i < view->n_services; i++)
		r->service_of[view->services[i].svc] = i;
}

/* The element of the backend 'id', one for all windows of a Service. */
static size_t add_backend(struct reading *r, size_t service, uint32_t id)
{
	const struct be *be = &r->maps->backends[id];
	struct view *view = r->view;
	struct view_backend *b;
	uint32_t word = __atomic_load_n(&be->word, __ATOMIC_ACQUIRE);

	if (r->backend_of[id] != VIEW_NONE)
		return r->backend_of[id];
	r->backend_of[id] = view->n_backends;
	array_reserve(view->backends, view->n_backends, r->backends_cap);
	b = &view->backends[view->n_backends];
	*b = (struct view_backend){
		.addr.family = be->family,
		.port = ntohs(be->port),
		.state = BE_STATE(word) <= BE_TERMINATING ? (enum view_state)BE_STATE(word)
		                                          : VIEW_DEAD,
		.windows = (uint8_t)BE_WINDOWS(word),
		.service = service,
		.id = id,
		.gen = BE_GEN(word),
	};
	memcpy(b->addr.bytes, be->addr, sizeof(b->addr.bytes));
	return view->n_backends++;
}

static void make_window(struct reading *r, size_t service, enum window_id w)
{
	struct view_service *s = &r->view->services[service];
	uint64_t word = __atomic_load_n(&r->maps->svcs[s->svc].window[w], __ATOMIC_ACQUIRE);
	uint64_t slots = (uint64_t)r->maps->max[MAP_SLOTS] * SLOTS_PER_LINE;
	uint64_t base = WINDOW_BASE(word);
	size_t *backends = arena_array(&r->view->arena, size_t, WINDOW_COUNT(word) + 1);

	s->windows[w].backends = backends;
	for (uint64_t i = base; i < base + WINDOW_COUNT(word) && i < slots; i++) {
		uint32_t id = __atomic_load_n(&r->maps->slots[i], __ATOMIC_RELAXED);

		if (id < r->maps->max[MAP_BACKENDS])
			backends[s->windows[w].n++] = add_backend(r, service, id);
	}
}

static void make_backends(struct reading *r)
{
	r->backend_of = none_of(r->maps->max[MAP_BACKENDS]);
	for (size_t i = 0; i < r->view->n_services; i++) {
		for (enum window_id w = 0; w < WINDOWS; w++)
			make_window(r, i, w);
	}
}

static int cmp_frontend(const void *a, const void *b)
{
	const struct view_frontend *x = a, *y = b;
	int r = ipaddr_cmp(&x->addr, &y->addr);

	if (r)
		return r;
	return x->port != y->port ? (int)x->port - y->port : (int)x->protocol - (int)y->protocol;
}

static void make_frontends(struct reading *r)
{
	struct view *view = r->view;

	view->frontends = arena_array(&view->arena, struct view_frontend, r->n + 1);
	for (size_t i = 0; i < r->n; i++) {
		struct view_frontend *f = &view->frontends[view->n_frontends++];

		*f = r->raws[i].f;
		if (r->raws[i].svc < r->maps->max[MAP_SVCS] && f->internal < PLAN_WINDOWS)
			f->service = r->service_of[r->raws[i].svc];
	}
	qsort(view->frontends, view->n_frontends, sizeof(*view->frontends), cmp_frontend);
}

static void read_frontends(const struct maps *maps, struct view *view)
{
	struct reading reading = { .maps = maps, .view = view };
	struct table_entry e;
	size_t at = 0;

	while (table_next(maps, &at, &e))
		add_frontend(&reading, &e);
	make_services(&reading);
	make_backends(&reading);
	make_frontends(&reading);
	free(reading.raws);
	free(reading.service_of);
	free(reading.backend_of);
}

static struct ipaddr address_of(const struct node_addr *key)
{
	struct ipaddr addr = { .family = 6 };
	bool v4 = !key->addr[0] && !key->addr[1] && key->addr[2] == htonl(0xffff);

	if (!v4) {
		memcpy(addr.bytes, key->addr, 16);
		return addr;
	}
	addr.family = 4;
	memcpy(addr.bytes, &key->addr[3], 4);
	return addr;
}

static int cmp_addr(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

static int read_node_addrs(const struct maps *maps, struct view *view, struct err *err)
{
	struct map_cursor cursor = { .fd = maps->fd[MAP_NODE_ADDRS] };
	struct node_addr keys[BATCH];
	uint32_t values[BATCH];
	int n;

	view->node_addrs = arena_array(&view->arena, struct ipaddr, maps->max[MAP_NODE_ADDRS] + 1);
	while ((n = maps_read(&cursor, keys, values, BATCH, err)) > 0) {
		for (int i = 0; i < n && view->n_node_addrs < maps->max[MAP_NODE_ADDRS]; i++)
			view->node_addrs[view->n_node_addrs++] = address_of(&keys[i]);
	}
	qsort(view->node_addrs, view->n_node_addrs, sizeof(*view->node_addrs), cmp_addr);
	return n;
}

static void read_config(const struct maps *maps, struct view *view)
{
	uint32_t flags = __atomic_load_n(&maps->config->flags, __ATOMIC_ACQUIRE);

	view->generation = maps->generation;
	view->loopback4 = flags & CONFIG_LOOPBACK4;
	view->loopback6 = flags & CONFIG_LOOPBACK6;
	view->netns = maps->config->netns_cookie;
	view->synced = maps->config->synced;
}

static void read_hooks(const char *dir, struct view *view)
{
	for (enum program_id id = 0; id < PROGRAMS; id++) {
		auto_free char *path = xasprintf("%s/links/%s", dir, program_names[id]);
		auto_close int fd = bpf_obj_get(path);
		struct bpf_link_info info = { 0 };
		uint32_t size = sizeof(info);

		view->hooks[id].name = program_names[id];
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
			continue;
		/* of a link that was detached, or whose cgroup was removed, it is 0 */
		view->hooks[id].attached = info.cgroup.cgroup_id != 0;
		view->hooks[id].cgroup = info.cgroup.cgroup_id;
		view->hooks[id].program = info.prog_id;
	}
}

static int read_all(struct maps *maps, const char *dir, struct view *view, struct err *err)
{
	int r;

	r = read_node_addrs(maps, view, err);
	if (r < 0)
		return r;
	read_frontends(maps, view);
	read_config(maps, view);
	read_hooks(dir, view);
	view->affinity_fd = maps->fd[MAP_AFFINITY];
	maps->fd[MAP_AFFINITY] = -1;
	return 0;
}

static int nothing_pinned(const char *pin_dir, struct err *err)
{
	auto_free char *other = pins_other_dir(pin_dir);

	if (other)
		return err_set(err, -ENOENT,
		               "what is pinned under %s is another release's: no agent of this "
		               "one has run here",
		               other);
	return err_set(err, -ENOENT, "nothing is pinned under %s: no agent has run here", pin_dir);
}

/* Not one that is just being made, or replaced by a larger one. */
static bool complete(const struct maps *maps)
{
	for (enum map_id id = 0; id < MAPS; id++) {
		if (maps->fd[id] < 0)
			return false;
	}
	return maps->generation > 0;
}

static int open_maps(const char *pin_dir, const char *dir, struct maps *maps, struct err *err)
{
	int r;

	for (int i = 0; i < READ_TRIES; i++) {
		maps_done(maps);
		r = maps_adopt(maps, dir, err);
		if (r < 0 || complete(maps))
			return r;
	}
	return nothing_pinned(pin_dir, err);
}

int view_read(const char *pin_dir, struct view **ret, struct err *err)
{
	const char *pins = pin_dir ? pin_dir : PINS_DEFAULT;
	auto_free char *dir = pins_dir(pins);
	struct view *view;
	struct maps maps;
	int r;

	maps_init(&maps);
	r = open_maps(pins, dir, &maps, err);
	if (r < 0) {
		maps_done(&maps);
		return r;
	}
	view = xnew(struct view);
	view->affinity_fd = -1;
	r = read_all(&maps, dir, view, err);
	maps_done(&maps);
	if (r < 0)
		view_free(view);
	else
		*ret = view;
	return r;
}

const struct view_frontend *view_find(const struct view *view, const struct ipaddr *addr,
                                      uint16_t port, enum protocol protocol)
{
	const struct view_frontend key = { .addr = *addr, .port = port, .protocol = protocol };

	if (!view->n_frontends)
		return NULL;
	return bsearch(&key, view->frontends, view->n_frontends, sizeof(key), cmp_frontend);
}

void view_free(struct view *view)
{
	if (!view)
		return;
	cleanup_close(&view->affinity_fd);
	free(view->backends);
	arena_done(&view->arena);
	free(view);
}
