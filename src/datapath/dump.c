/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "datapath/datapath.h"
#include "datapath/maps.h"
#include "datapath/pins.h"

#define BATCH 256

struct entry {
	struct ipaddr addr;
	uint16_t port;
	uint8_t proto;
	struct fe_val value;
};

struct entries {
	struct entry *v; /* owned */
	size_t n, cap;
};

static void add(struct entries *entries, const struct entry *entry)
{
	array_reserve(entries->v, entries->n, entries->cap);
	entries->v[entries->n++] = *entry;
}

static int read4(const struct maps *maps, struct entries *entries, struct err *err)
{
	struct map_cursor cursor = { .fd = maps->fd[MAP_FE4] };
	struct fe4_key keys[BATCH];
	struct fe_val values[BATCH];
	int n;

	while ((n = maps_read(&cursor, keys, values, BATCH, err)) > 0) {
		for (int i = 0; i < n; i++) {
			struct entry e = { .addr.family = 4, .value = values[i] };

			memcpy(e.addr.bytes, &keys[i].vip, 4);
			e.port = ntohs(keys[i].port);
			e.proto = keys[i].proto;
			if (e.value.svc != SVC_NONE)
				add(entries, &e);
		}
	}
	return n;
}

static int read6(const struct maps *maps, struct entries *entries, struct err *err)
{
	struct map_cursor cursor = { .fd = maps->fd[MAP_FE6] };
	struct fe6_key keys[BATCH];
	struct fe_val values[BATCH];
	int n;

	while ((n = maps_read(&cursor, keys, values, BATCH, err)) > 0) {
		for (int i = 0; i < n; i++) {
			struct entry e = { .addr.family = 6, .value = values[i] };

			memcpy(e.addr.bytes, keys[i].vip, 16);
			e.port = ntohs(keys[i].port);
			e.proto = keys[i].proto;
			if (e.value.svc != SVC_NONE)
				add(entries, &e);
		}
	}
	return n;
}

static int cmp(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = ipaddr_cmp(&x->addr, &y->addr);

	if (r)
		return r;
	return x->port != y->port ? (int)x->port - y->port : (int)x->proto - y->proto;
}

static json_t *addr_json(const struct ipaddr *addr, uint16_t port)
{
	char text[IPADDR_TEXT_SIZE];

	ipaddr_format(addr, text);
	return json_pack("{s:s, s:i}", "address", text, "port", port);
}

static const char *state_name(uint32_t word)
{
	switch ((enum be_state)BE_STATE(word)) {
	case BE_ACTIVE:
		return "active";
	case BE_TERMINATING:
		return "terminating";
	case BE_DEAD:
		break;
	}
	return "dead";
}

static json_t *backend_json(const struct be *be)
{
	struct ipaddr addr = { .family = be->family };
	json_t *object;

	memcpy(addr.bytes, be->addr, sizeof(addr.bytes));
	object = addr_json(&addr, ntohs(be->port));
	json_object_set_new(object, "state", json_string(state_name(be->word)));
	return object;
}

static json_t *backends_json(const struct maps *maps, uint64_t word)
{
	uint64_t base = WINDOW_BASE(word), slots = (uint64_t)maps->max[MAP_SLOTS] * SLOTS_PER_LINE;
	json_t *array = json_array();

	for (uint64_t i = base; i < base + WINDOW_COUNT(word) && i < slots; i++) {
		uint32_t id = maps->slots[i];

		if (id < maps->max[MAP_BACKENDS])
			json_array_append_new(array, backend_json(&maps->backends[id]));
	}
	return array;
}

static json_t *entry_json(const struct maps *maps, const struct entry *e)
{
	static const char *const windows[] = { "all", "local", "topology", "" };
	static const char *const types[] = { "ClusterIP", "NodePort", "ExternalIP",
		                             "LoadBalancer" };
	uint32_t window = e->value.flags >> FE_INTERNAL_SHIFT & FE_WINDOW_MASK;
	uint32_t type = e->value.flags >> FE_TYPE_SHIFT & FE_TYPE_MASK;
	const char *proto = e->proto == PROTOCOL_TCP   ? "TCP"
	                    : e->proto == PROTOCOL_UDP ? "UDP"
	                                               : "SCTP";
	json_t *object = addr_json(&e->addr, e->port);
	uint64_t word = 0;

	if (e->value.svc < maps->max[MAP_SVCS] && window < WINDOWS)
		word = __atomic_load_n(&maps->svcs[e->value.svc].window[window], __ATOMIC_ACQUIRE);
	json_object_set_new(object, "protocol", json_string(proto));
	json_object_set_new(object, "type",
	                    json_string(type < ARRAY_SIZE(types) ? types[type] : ""));
	json_object_set_new(object, "window", json_string(windows[window]));
	json_object_set_new(object, "backends", backends_json(maps, word));
	return object;
}

static int dump(const struct maps *maps, json_t **ret, struct err *err)
{
	struct entries entries = { 0 };
	json_t *array;
	int r;

	r = read4(maps, &entries, err);
	if (r == 0)
		r = read6(maps, &entries, err);
	if (r == 0) {
		if (entries.n)
			qsort(entries.v, entries.n, sizeof(*entries.v), cmp);
		array = json_array();
		for (size_t i = 0; i < entries.n; i++)
			json_array_append_new(array, entry_json(maps, &entries.v[i]));
		*ret = array;
	}
	free(entries.v);
	return r;
}

int datapath_dump(const char *pin_dir, json_t **ret, struct err *err)
{
	auto_free char *dir = pins_dir(pin_dir ? pin_dir : PINS_DEFAULT);
	struct maps maps;
	int r;

	maps_init(&maps);
	r = maps_adopt(&maps, dir, err);
	if (r == 0 && !maps.generation)
		r = err_set(err, -ENOENT, "nothing is pinned under %s: no agent has run here", dir);
	if (r == 0)
		r = dump(&maps, ret, err);
	maps_done(&maps);
	return r;
}
