/* SPDX-License-Identifier: Apache-2.0 */
#include "node/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A slice is found by its own name to learn which Service it was of. */
struct held_slice {
	struct hnode by_key;
	struct endpoint_slice *slice; /* owned */
	struct catalog_entry *entry;  /* NULL: it names no Service */
};

static uint64_t key_hash(const char *ns, const char *name)
{
	return hash_combine(hash_str(ns), hash_str(name));
}

/* ---- entries ---- */

static struct catalog_entry *find_entry(const struct catalog *c, const char *ns, const char *name)
{
	struct catalog_entry *e;

	hmap_for_each_with_hash(e, by_key, key_hash(ns, name), &c->entries)
		if (strcmp(e->name, name) == 0 && strcmp(e->namespace, ns) == 0)
			return e;
	return NULL;
}

const char *catalog_uid(const struct catalog *c, const char *ns, const char *name)
{
	const struct catalog_entry *e = find_entry(c, ns, name);

	return e && e->service ? e->service->meta.uid : "";
}

static struct catalog_entry *get_entry(struct catalog *c, const char *ns, const char *name)
{
	struct catalog_entry *e = find_entry(c, ns, name);

	if (e)
		return e;
	e = xnew(struct catalog_entry);
	e->namespace = xstrdup(ns);
	e->name = xstrdup(name);
	list_init(&e->in_changed);
	hmap_insert(&c->entries, &e->by_key, key_hash(ns, name));
	return e;
}

static void set_changed(struct catalog *c, struct catalog_entry *e)
{
	if (e->changed)
		return;
	list_remove(&e->in_changed);
	list_add_tail(&c->changed, &e->in_changed);
	e->changed = true;
}

static void free_entry(struct catalog *c, struct catalog_entry *e)
{
	hmap_remove(&c->entries, &e->by_key);
	list_remove(&e->in_changed);
	if (c->taken == e)
		c->taken = NULL;
	service_free(e->service);
	free(e->slices);
	free(e->namespace);
	free(e->name);
	free(e);
}

/* An entry stays while anything is in it or somebody has to hear that nothing is. */
static void drop_if_empty(struct catalog *c, struct catalog_entry *e)
{
	if (!e->service && e->n_slices == 0 && list_empty(&e->in_changed))
		free_entry(c, e);
}

/* ---- Services ---- */

void catalog_set_service(struct catalog *c, struct service *service)
{
	struct catalog_entry *e = get_entry(c, service->meta.namespace, service->meta.name);

	if (!e->service)
		c->n_services++;
	service_free(e->service);
	e->service = service;
	set_changed(c, e);
}

void catalog_remove_service(struct catalog *c, const char *ns, const char *name)
{
	struct catalog_entry *e = find_entry(c, ns, name);

	if (!e || !e->service)
		return;
	service_free(e->service);
	e->service = NULL;
	c->n_services--;
	set_changed(c, e);
}

/* ---- slices ---- */

static struct held_slice *find_slice(const struct catalog *c, const char *ns, const char *name)
{
	struct held_slice *held;

	hmap_for_each_with_hash(held, by_key, key_hash(ns, name), &c->slices)
		if (strcmp(held->slice->meta.name, name) == 0 &&
		    strcmp(held->slice->meta.namespace, ns) == 0)
			return held;
	return NULL;
}

static void attach(struct catalog *c, struct held_slice *held)
{
	const struct endpoint_slice *slice = held->slice;
	struct catalog_entry *e;

	held->entry = NULL;
	if (!slice->service[0])
		return;
	e = get_entry(c, slice->meta.namespace, slice->service);
	array_reserve(e->slices, e->n_slices, e->cap_slices);
	e->slices[e->n_slices++] = held->slice;
	held->entry = e;
	if (e->service) /* else there is nothing to apply them to until it comes */
		set_changed(c, e);
}

static void detach(struct catalog *c, struct held_slice *held)
{
	struct catalog_entry *e = held->entry;
	size_t i = 0;

	if (!e)
		return;
	while (e->slices[i] != held->slice)
		i++;
	e->slices[i] = e->slices[--e->n_slices]; /* a plan does not depend on their order */
	held->entry = NULL;
	if (e->service)
		set_changed(c, e);
	drop_if_empty(c, e);
}

void catalog_set_slice(struct catalog *c, struct endpoint_slice *slice)
{
	struct held_slice *held = find_slice(c, slice->meta.namespace, slice->meta.name);

	if (held) {
		detach(c, held);
		endpoint_slice_free(held->slice);
		held->slice = slice;
	} else {
		held = xnew(struct held_slice);
		held->slice = slice;
		hmap_insert(&c->slices, &held->by_key,
		            key_hash(slice->meta.namespace, slice->meta.name));
	}
	attach(c, held);
}

static void free_held(struct catalog *c, struct held_slice *held)
{
	hmap_remove(&c->slices, &held->by_key);
	endpoint_slice_free(held->slice);
	free(held);
}

void catalog_remove_slice(struct catalog *c, const char *ns, const char *name)
{
	struct held_slice *held = find_slice(c, ns, name);

	if (!held)
		return;
	detach(c, held);
	free_held(c, held);
}

/* ---- what changed ---- */

struct catalog_entry *catalog_take_changed(struct catalog *c)
{
	struct catalog_entry *e;

	if (c->taken)
		drop_if_empty(c, c->taken);
	e = list_first(&c->changed, struct catalog_entry, in_changed);
	if (e) {
		list_remove(&e->in_changed);
		e->changed = false;
	}
	c->taken = e;
	return e;
}

void catalog_set_failed(struct catalog *c, struct catalog_entry *e)
{
	list_remove(&e->in_changed);
	list_add_tail(&c->failed, &e->in_changed);
}

bool catalog_retry(struct catalog *c)
{
	struct catalog_entry *e, *after;

	list_for_each_safe(e, after, in_changed, &c->failed) set_changed(c, e);
	return !list_empty(&c->changed);
}

void catalog_change_all(struct catalog *c)
{
	struct catalog_entry *e;

	hmap_for_each(e, by_key, &c->entries)
		if (e->service)
			set_changed(c, e);
}

void catalog_init(struct catalog *c)
{
	*c = (struct catalog){ 0 };
	list_init(&c->changed);
	list_init(&c->failed);
}

void catalog_done(struct catalog *c)
{
	struct held_slice *held, *next_held;
	struct catalog_entry *e, *next;

	hmap_for_each_safe(e, next, by_key, &c->entries)
		free_entry(c, e);
	hmap_for_each_safe(held, next_held, by_key, &c->slices)
		free_held(c, held);
	hmap_done(&c->entries);
	hmap_done(&c->slices);
}
