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
	store_change_fn change; /* NULL: a companion */
	store_done_fn done;
	void *arg;

	/* Once it was decided. */
	enum store_op op;
	json_t *object;        /* a reference */
	struct db_write write; /* once it is submitted; its object is a reference */

	struct mutation *main;       /* of a companion: what it goes with */
	struct list_node in_group;   /* of a companion */
	struct list_node companions; /* by in_group */
	size_t n_awaited;            /* companions that are not first of their line yet */
};

/*
 * The mutations of one key that are under way: one at the writer or about to go there with its
 * companions, the others wait for its end.  While a line exists somebody is about to run it:
 * store_finish(), or a line_run() further up the stack.
 *
 * A mutation joins the lines of its companions at the moment it is decided, and holds its own; so of
 * two that have keys in common one is ahead in all of them, and they never wait for each other.
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

/* Makes the write of a mutation, at the newest revision. */
static void fill_write(struct store *store, struct mutation *m)
{
	const struct line *line = m->line;
	const struct store_object *old = shelf_get(line->shelf, line->ns, line->name);
	uint64_t revision = ++store->issued;

	m->write.resource = line->shelf->resource;
	m->write.remove = m->op == STORE_REMOVE;
	if (m->write.remove) {
		assert(old);
		m->write.object = last_content(old, m->object, revision);
	} else {
		assert(m->object);
		m->write.object = object_new(line->shelf->kind, line->ns, line->name, m->object,
		                             revision);
	}
	json_decref(m->object);
	m->object = NULL;
}

static void line_run(struct store *store, struct line *line);

static struct mutation *mutation_new(struct store *store, struct line *line)
{
	struct mutation *m = xnew(struct mutation);

	*m = (struct mutation){ .line = line };
	list_init(&m->companions);
	store->n_mutations++;
	return m;
}

static void mutation_free(struct store *store, struct mutation *m)
{
	store->n_mutations--;
	json_decref(m->object);
	free(m);
}

static void add_companions(struct store *store, struct mutation *m, struct store_change *change)
{
	for (size_t i = 0; i < change->n_companions; i++) {
		struct store_companion *of = &change->companions[i];
		struct shelf *shelf = store_shelf(store, of->kind);
		const char *ns = of->ns ? of->ns : "";
		struct line *line = line_find(store, shelf, ns, of->name);
		bool waits = line != NULL;
		struct mutation *companion;

		companion = mutation_new(store, line ? line : line_new(store, shelf, ns, of->name));
		companion->main = m;
		companion->op = of->object ? STORE_PUT : STORE_REMOVE;
		companion->object = of->object;
		list_add_tail(&m->companions, &companion->in_group);
		if (waits) {
			list_add_tail(&companion->line->waiting, &companion->in_line);
			m->n_awaited++;
		}
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
		m->op = change.op;
		m->object = json_incref(change.object);
		add_companions(store, m, &change);
		r = 1;
	} else {
		assert(change.n_companions == 0);
		if (r == 0)
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

	mutation_free(store, m);
	if (done)
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

static void add_write(struct store *store, struct mutation *m, struct list_node *writes)
{
	fill_write(store, m);
	m->write.with_next = true;
	store->pending_bytes += m->write.object->size;
	list_add_tail(writes, &m->write.in_queue);
}

/* Those of the companions that do 'op'; of a removal those that are there, the others are over. */
static void add_companion_writes(struct store *store, struct mutation *m, enum store_op op,
                                 struct list_node *writes, struct list_node *over)
{
	struct mutation *companion, *after;

	list_for_each_safe(companion, after, in_group, &m->companions)
	{
		const struct line *line = companion->line;

		if (companion->op != op)
			continue;
		list_remove(&companion->in_group);
		if (op == STORE_REMOVE && !shelf_get(line->shelf, line->ns, line->name))
			list_add_tail(over, &companion->in_group);
		else
			add_write(store, companion, writes);
	}
}

/* Hands a mutation and its companions to the writer: all are first of their lines. */
static void submit(struct store *store, struct mutation *m)
{
	struct list_node writes, over;
	struct mutation *companion;

	list_init(&writes);
	list_init(&over);
	add_companion_writes(store, m, STORE_PUT, &writes, &over);
	add_write(store, m, &writes);
	add_companion_writes(store, m, STORE_REMOVE, &writes, &over);
	list_entry(writes.prev, struct db_write, in_queue)->with_next = false;
	writer_submit(&store->writer, &writes);
	while ((companion = list_first(&over, struct mutation, in_group))) {
		struct line *line = companion->line;

		list_remove(&companion->in_group);
		mutation_free(store, companion);
		if (!line_end(store, line))
			line_run(store, line);
	}
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
		if (m->main) {
			if (--m->main->n_awaited == 0)
				submit(store, m->main);
			return;
		}
		object = NULL;
		r = decide(store, m, &object);
		if (r > 0) {
			if (m->n_awaited == 0)
				submit(store, m);
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
	m = mutation_new(store, line);
	m->change = change;
	m->done = done;
	m->arg = arg;
	list_add_tail(&line->waiting, &m->in_line);
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
