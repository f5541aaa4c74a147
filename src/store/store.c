/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/db.h"
#include "store/internal.h"
#include "store/object.h"

#define HISTORY_BYTES_MAX ((size_t)64 << 20)
#define HISTORY_AGE_MAX   (600 * NSEC_PER_SEC)

struct shelf *store_find_shelf(const struct store *store, const struct kind *kind)
{
	for (size_t i = 0; i < store->n_shelves; i++)
		if (store->shelves[i]->kind == kind)
			return store->shelves[i];
	return NULL;
}

struct shelf *store_shelf(struct store *store, const struct kind *kind)
{
	struct shelf *shelf = store_find_shelf(store, kind);

	if (shelf)
		return shelf;
	shelf = shelf_new(kind);
	array_reserve(store->shelves, store->n_shelves, store->cap_shelves);
	store->shelves[store->n_shelves++] = shelf;
	return shelf;
}

static struct shelf *shelf_of_resource(struct store *store, const char *resource)
{
	for (size_t i = 0; i < store->n_shelves; i++)
		if (strcmp(store->shelves[i]->resource, resource) == 0)
			return store->shelves[i];
	return NULL;
}

static int load_row(void *arg, const struct db_row *row, struct err *err)
{
	struct store *store = arg;
	struct shelf *shelf = shelf_of_resource(store, row->resource);
	struct store_object *object;
	int r;

	if (!shelf)
		return err_set(err, -ENOTSUP, "it has %s, which this one does not know",
		               row->resource);
	r = object_load(shelf->kind, row, &object, err);
	if (r < 0)
		return r;
	shelf_put(shelf, object);
	store_object_unref(object);
	return 0;
}

static int load(struct store *store, const struct store_config *config, struct err *err)
{
	int r;

	for (size_t i = 0; kinds[i]; i++)
		(void)store_shelf(store, kind_stored(kinds[i]));
	r = db_load(store->db, load_row, store, &store->revision, err);
	if (r < 0)
		return r;
	store->issued = store->revision;
	history_init(&store->history, store->revision,
	             config->history_bytes_max ? config->history_bytes_max : HISTORY_BYTES_MAX,
	             config->history_age_max ? config->history_age_max : HISTORY_AGE_MAX);
	return 0;
}

int store_open(const struct store_config *config, struct store **ret, struct err *err)
{
	struct store *store = xnew(struct store);
	int r;

	store->writer.fd = -1;
	r = db_open(config->path, &store->db, err);
	if (r == 0)
		r = load(store, config, err);
	if (r == 0)
		r = db_start_writing(store->db, err);
	if (r == 0)
		r = writer_start(&store->writer, store->db, err);
	if (r < 0) {
		store_close(store);
		return r;
	}
	*ret = store;
	return 0;
}

static void finish_pending(struct store *store)
{
	struct pollfd ready = { .fd = store->writer.fd, .events = POLLIN };

	while (store->n_mutations > 0) {
		(void)poll(&ready, 1, -1);
		store_dispatch(store);
	}
}

void store_close(struct store *store)
{
	bool running = store->writer.fd >= 0, sound = false;

	assert(!store->dispatching);
	store->closing = true;
	if (running) {
		finish_pending(store);
		sound = writer_stop(&store->writer);
	}
	if (store->db)
		db_close(store->db, !sound);
	history_done(&store->history);
	for (size_t i = 0; i < store->n_shelves; i++)
		shelf_free(store->shelves[i]);
	free(store->shelves);
	hmap_done(&store->lines);
	free(store);
}

int store_fd(const struct store *store)
{
	return store->writer.fd;
}

void store_dispatch(struct store *store)
{
	struct list_node finished;
	struct db_write *write;

	assert(!store->dispatching);
	store->dispatching = true;
	/* Only here, so that what was borrowed since the last time stays until now. */
	history_trim(&store->history, clock_now());
	writer_take(&store->writer, &finished);
	while ((write = list_first(&finished, struct db_write, in_queue))) {
		list_remove(&write->in_queue);
		store_finish(store, write);
	}
	store->dispatching = false;
}

uint64_t store_revision(const struct store *store)
{
	return store->revision;
}

const struct store_object *store_get(const struct store *store, const struct kind *kind,
                                     const char *ns, const char *name)
{
	const struct shelf *shelf = store_find_shelf(store, kind);

	return shelf ? shelf_get(shelf, ns ? ns : "", name) : NULL;
}

size_t store_list(const struct store *store, const struct kind *kind, const char *ns,
                  const char *after, const struct store_object ***ret)
{
	const struct shelf *shelf = store_find_shelf(store, kind);

	if (shelf)
		return shelf_list(shelf, ns, after, ret);
	*ret = NULL;
	return 0;
}

void store_stats(struct store *store, struct store_stats *ret)
{
	struct writer_stats of_writer;

	writer_stats(&store->writer, &of_writer);
	*ret = (struct store_stats){
		.commits = of_writer.commits,
		.writes = of_writer.writes,
		.revision = store->revision,
		.history_events = store->history.n,
		.history_bytes = store->history.bytes,
		.full = of_writer.full,
		.broken = of_writer.broken,
		.failure = of_writer.failure,
	};
	for (size_t i = 0; i < store->n_shelves; i++) {
		ret->objects += store->shelves[i]->n;
		ret->object_bytes += store->shelves[i]->bytes;
	}
}
