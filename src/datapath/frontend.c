/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/frontend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/mem.h"
#include "datapath/filter.h"
#include "datapath/internal.h"
#include "datapath/port.h"

union fe_key {
	struct fe4_key v4;
	struct fe6_key v6;
};

static uint64_t key_hash(const struct ipaddr *addr, uint16_t port, uint8_t proto)
{
	return hash_combine(hash_bytes(addr, sizeof(*addr)), (uint64_t)port << 8 | proto);
}

struct frontend *frontend_get(struct datapath *dp, const struct ipaddr *addr, uint16_t port,
                              uint8_t proto)
{
	uint64_t hash = key_hash(addr, port, proto);
	struct frontend *f;

	hmap_for_each_with_hash(f, by_key, hash, &dp->frontends) {
		if (f->port == port && f->proto == proto && ipaddr_equal(&f->addr, addr))
			return f;
	}
	f = xnew(struct frontend);
	f->addr = *addr;
	f->port = port;
	f->proto = proto;
	list_init(&f->claims);
	hmap_insert(&dp->frontends, &f->by_key, hash);
	return f;
}

static struct claim *first_claim(const struct frontend *f)
{
	return list_first(&f->claims, struct claim, in_frontend);
}

static struct claim *find_claim(struct frontend *f, const struct port *port)
{
	struct claim *c;

	list_for_each(c, in_frontend, &f->claims) {
		if (c->port == port)
			return c;
	}
	return NULL;
}

struct claim *frontend_claim(struct frontend *f, struct port *port, uint32_t flags)
{
	struct claim *c = find_claim(f, port), *first;

	if (!c) {
		c = xnew(struct claim);
		c->frontend = f;
		c->port = port;
		first = first_claim(f);
		/* adding before the first is adding at the tail of a list that starts there */
		list_add_tail(first && !first->port->service ? f->claims.next : &f->claims,
		              &c->in_frontend);
		list_add_tail(&port->claims, &c->in_port);
	}
	c->flags = flags;
	return c;
}

bool claim_waits(const struct claim *claim)
{
	return first_claim(claim->frontend)->port->service != claim->port->service;
}

static void map_of(const struct frontend *f, union fe_key *ret_key, enum map_id *ret_id)
{
	memset(ret_key, 0, sizeof(*ret_key));
	if (f->addr.family == 4) {
		memcpy(&ret_key->v4.vip, f->addr.bytes, sizeof(ret_key->v4.vip));
		ret_key->v4.port = htons(f->port);
		ret_key->v4.proto = f->proto;
		*ret_id = MAP_FE4;
	} else {
		memcpy(ret_key->v6.vip, f->addr.bytes, sizeof(ret_key->v6.vip));
		ret_key->v6.port = htons(f->port);
		ret_key->v6.proto = f->proto;
		*ret_id = MAP_FE6;
	}
}

/* An update of what is there needs a free element as well: the kernel exchanges it. */
static int update_map(struct datapath *dp, const struct frontend *f, const struct fe_val *value,
                      struct err *err)
{
	union fe_key key;
	enum map_id id;
	int r;

	map_of(f, &key, &id);
	r = bpf_map_update_elem(dp->maps.fd[id], &key, value, BPF_ANY);
	if (r == -E2BIG) {
		r = datapath_grow(dp, id, err);
		if (r < 0)
			return r;
		r = bpf_map_update_elem(dp->maps.fd[id], &key, value, BPF_ANY);
	}
	return r < 0 ? err_set(err, r, "cannot set a frontend: %s", strerror(-r)) : 0;
}

static int write_value(struct datapath *dp, struct frontend *f, const struct fe_val *value,
                       struct err *err)
{
	int r;

	if (!f->present)
		filter_add(dp, f);
	r = update_map(dp, f, value, err);
	if (r < 0) {
		if (!f->present)
			filter_remove(dp, f);
		return r;
	}
	dp->n_frontends += !f->present;
	f->present = true;
	f->value = *value;
	return 0;
}

static int delete_value(struct datapath *dp, struct frontend *f, struct err *err)
{
	union fe_key key;
	enum map_id id;
	int r;

	map_of(f, &key, &id);
	r = bpf_map_delete_elem(dp->maps.fd[id], &key);
	if (r < 0 && r != -ENOENT)
		return err_set(err, r, "cannot delete a frontend: %s", strerror(-r));
	filter_remove(dp, f);
	dp->n_frontends--;
	f->present = false;
	return 0;
}

int frontend_settle(struct datapath *dp, struct frontend *f, struct err *err)
{
	const struct claim *c = first_claim(f);
	struct fe_val value;

	if (!c)
		return f->present ? delete_value(dp, f, err) : 0;
	value = (struct fe_val){ .svc = c->port->svc, .flags = c->flags };
	if (f->present && memcmp(&value, &f->value, sizeof(value)) == 0)
		return 0;
	return write_value(dp, f, &value, err);
}

static void claim_free(struct claim *c)
{
	list_remove(&c->in_frontend);
	list_remove(&c->in_port);
	free(c);
}

int frontend_drop(struct datapath *dp, struct claim *claim, struct err *err)
{
	struct frontend *f = claim->frontend;
	int r;

	claim_free(claim);
	r = frontend_settle(dp, f, err);
	if (list_empty(&f->claims)) {
		hmap_remove(&dp->frontends, &f->by_key);
		free(f);
	}
	return r;
}

void frontends_done(struct datapath *dp)
{
	struct frontend *f, *after;
	struct claim *c, *next;

	hmap_for_each_safe(f, after, by_key, &dp->frontends) {
		list_for_each_safe(c, next, in_frontend, &f->claims) claim_free(c);
		free(f);
	}
	hmap_done(&dp->frontends);
}
