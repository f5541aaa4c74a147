/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kube/json.h"
#include "store/internal.h"
#include "store/object.h"

/* What may be under way at once; beyond it callers are told to come again. */
#define MUTATIONS_MAX     16384
#define PENDING_BYTES_MAX ((size_t)256 << 20)

struct mutation {
	struct list_node in_line;
	struct line *line;
	store_change_fn change;
	store_done_fn done;
	void *arg;
	struct db_write write; /* once it was decided; its object is a reference */
};

/*
 * The mutations of one key that are under way: one at the writer, the others wait for its end.  While
 * a line exists somebody is about to run it: store_finish(), or a line_run() further up the stack.
 */
struct line {
	struct hnode in_lines;
	struct shelf *shelf;
	const char *ns, *name; /* in this allocation */
	struct list_node waiting;
};

static uint64_t hash_key(const struct shelf *shelf, const char *ns, const char *name)
{
	return hash_combine(hash_combine(hash_str(shelf->resource), hash_str(ns)), hash_str(name));
}

static struct line *line_find(struct store *store, struct shelf *shelf, const char *ns,
                              const char *name)
{
	struct line *line;

	hmap_for_each_with_hash(line, in_lines, hash_key(shelf, ns, name), &store->lines)
		if (line->shelf == shelf && strcmp(line->ns, ns) == 0 &&
		    strcmp(line->name, name) == 0)
			return line;
	return NULL;
}

static struct line *line_new(struct store *store, struct shelf *shelf, const char *ns,
                             const char *name)
{
	size_t ns_size = strlen(ns) + 1, name_size = strlen(name) + 1;
	struct line *line = xcalloc(1, sizeof(*line) + ns_size + name_size);
	char *strings = (char *)(line + 1);

	line->shelf = shelf;
	line->ns = memcpy(strings, ns, ns_size);
	line->name = memcpy(strings + ns_size, name, name_size);
	list_init(&line->waiting);
	hmap_insert(&store->lines, &line->in_lines, hash_key(shelf, ns, name));
	return line;
}

static struct store_object *last_content(const struct store_object *old, json_t *tree,
                                         uint64_t revision)
{
	auto_json json_t *own = tree ? NULL : store_object_json(old);

	return object_new(old->kind, old->namespace, old->name, tree ? tree : own, revision);
}

/* Makes the write that 'change' asks for. */
static void fill_write(struct store *store, struct mutation *m, const struct store_change *change,
                       const struct store_object *old)
{
	const struct line *line = m->line;
	uint64_t revision = ++store->issued;

	m->write.resource = line->shelf->resource;
	m->write.remove = change->op == STORE_REMOVE;
	if (m->write.remove) {
		assert(old);
		m->write.object = last_content(old, change->object, revision);
	} else {
		assert(change->object);
		m->write.object = object_new(line->shelf->kind, line->ns, line->name,
		                             change->object, revision);
	}
}

/*
 * Asks 'change'.  1: there is something to write; else the outcome is known, with '*ret_object'
 * borrowed for 0.
 */
static int decide(struct store *store, struct mutation *m, const struct store_object **ret_object)
{
	const struct line *line = m->line;
	const struct store_object *old = shelf_get(line->shelf, line->ns, line->name);
	struct store_change change = { .op = STORE_KEEP };
	int r;

	r = m->change(m->arg, old, &change);
	if (r == 0 && change.op != STORE_KEEP) {
		fill_write(store, m, &change, old);
		r = 1;
	} else if (r == 0) {
		*ret_object = old;
	}
	json_decref(change.object);
	return r;
}

static void tell_done(struct store *store, struct mutation *m, int r,
                      const struct store_object *object)
{
	store_done_fn done = m->done;
	void *arg = m->arg;

	store->n_mutations--;
	free(m);
	done(arg, r, r == 0 ? object : NULL);
}

/* True if the line is gone: nobody waits, so the next mutation of the key is decided at once. */
static bool line_end(struct store *store, struct line *line)
{
	if (!list_empty(&line->waiting))
		return false;
	hmap_remove(&store->lines, &line->in_lines);
	free(line);
	return true;
}

/* Decides what waits, up to the first mutation that goes to the writer. */
static void line_run(struct store *store, struct line *line)
{
	const struct store_object *object;
	struct mutation *m;
	bool gone = false;
	int r;

	while (!gone && (m = list_first(&line->waiting, struct mutation, in_line))) {
		list_remove(&m->in_line);
		object = NULL;
		r = decide(store, m, &object);
		if (r > 0) {
			store->pending_bytes += m->write.object->size;
			writer_submit(&store->writer, &m->write);
			return;
		}
		gone = line_end(store, line);
		tell_done(store, m, r, object);
	}
}

void store_mutate(struct store *store, const struct kind *kind, const char *ns, const char *name,
                  store_change_fn change, store_done_fn done, void *arg)
{
	struct shelf *shelf = store_shelf(store, kind);
	const char *in = ns ? ns : "";
	struct line *line, *fresh = NULL;
	struct mutation *m;

	if (store->closing || store->n_mutations >= MUTATIONS_MAX ||
	    store->pending_bytes >= PENDING_BYTES_MAX) {
		done(arg, store->closing ? -ESHUTDOWN : -EAGAIN, NULL);
		return;
	}
	line = line_find(store, shelf, in, name);
	if (!line)
		line = fresh = line_new(store, shelf, in, name);
	m = xnew(struct mutation);
	*m = (struct mutation){ .line = line, .change = change, .done = done, .arg = arg };
	list_add_tail(&line->waiting, &m->in_line);
	store->n_mutations++;
	if (fresh)
		line_run(store, fresh);
}

static struct store_event *make_visible(struct store *store, struct shelf *shelf,
                                        const struct db_write *write)
{
	const struct store_object *object = write->object;
	const struct store_object *old = shelf_get(shelf, object->namespace, object->name);
	enum store_event_type type = write->remove ? STORE_DELETED
	                             : old         ? STORE_MODIFIED
	                                           : STORE_ADDED;
	struct store_event *event = history_push(&store->history, type, object, old);

	if (write->remove)
		shelf_remove(shelf, object->namespace, object->name);
	else
		shelf_put(shelf, object);
	store->revision = object->revision;
	return event;
}

void store_finish(struct store *store, struct db_write *write)
{
	struct mutation *m = list_entry(write, struct mutation, write);
	const struct store_object *object = write->object;
	struct store_event *event = NULL;
	struct line *line = m->line;
	struct shelf *shelf = line->shelf;
	bool gone;

	store->pending_bytes -= object->size;
	if (write->r == 0)
		event = make_visible(store, shelf, write);
	gone = line_end(store, line);
	if (event)
		store_tell(store, shelf, event);
	tell_done(store, m, write->r, object);
	store_object_unref(object);
	if (!gone)
		line_run(store, line);
}
