/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/frontend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "datapath/filter.h"
#include "datapath/internal.h"
#include "datapath/port.h"
#include "datapath/table.h"

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

static struct table_entry entry_of(const struct frontend *f, const struct fe_val *value)
{
	return (struct table_entry){
		.addr = f->addr, .port = f->port, .proto = f->proto, .value = *value
	};
}

static int update_map(struct datapath *dp, const struct frontend *f, const struct fe_val *value,
                      struct err *err)
{
	struct table_entry e = entry_of(f, value);
	int r;

	while ((r = table_set(&dp->maps, &e)) == -ENOSPC) {
		r = datapath_grow(dp, f->addr.family == 4 ? MAP_FE4 : MAP_FE6, err);
		if (r < 0)
			return r;
	}
	return r;
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

static void delete_value(struct datapath *dp, struct frontend *f)
{
	struct table_entry e = entry_of(f, &f->value);

	table_delete(&dp->maps, &e);
	filter_remove(dp, f);
	dp->n_frontends--;
	f->present = false;
}

int frontend_settle(struct datapath *dp, struct frontend *f, struct err *err)
{
	const struct claim *c = first_claim(f);
	struct fe_val value;

	if (!c && f->present)
		delete_value(dp, f);
	if (!c)
		return 0;
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
