/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - the objects of the API, durable, with one strictly increasing revision.
 *
 * RAM is the database, SQLite (WAL, synchronous=FULL) is the log: reads, lists and watches come from
 * memory.  A write is handed to one writer thread, which commits whatever has gathered in one
 * transaction; only after that commit is the write visible to anybody and its 'done' called.  So
 * nothing is ever seen that a power cut could undo, and no revision is given out twice, also after
 * kill -9.
 *
 * An object is held as its canonical JSON text, one immutable reference-counted buffer a revision.
 *
 * Writes.  store_mutate() calls 'change' with the newest content of the key as soon as no earlier
 * write of that key is pending (then at once, before it returns), so a change is computed from what it
 * replaces: a compare-and-swap needs no loop.  A change may bring companions: objects of other keys
 * that are written in the same transaction.  Those put have the revisions before the main write's,
 * those removed the ones behind it, so that watchers never see an object miss its companion.
 *
 * Threads.  All calls are from one thread, the owner's loop; the owner calls store_dispatch() when
 * store_fd() is readable.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kube/kind.h"
#include "kube/selector.h"

struct store;

struct store_object {
	unsigned int refs; /* use store_object_ref() and _unref() */
	uint64_t revision; /* metadata.resourceVersion */
	const struct kind *kind;
	const char *namespace; /* "" for cluster-scoped kinds; in this allocation, like the rest */
	const char *name;
	struct labels labels;
	const char *text; /* {"kind":..,"apiVersion":..,"metadata":{..}..}, NUL-terminated */
	size_t size;
	size_t body; /* offset in 'text' behind kind and apiVersion: items of a List omit them */
};

struct store_object *store_object_ref(const struct store_object *object);
void store_object_unref(const struct store_object *object);

/* The object as a tree; a new reference.  Aborts on damage (the text is our own). */
json_t *store_object_json(const struct store_object *object);

struct store_config {
	const char *path;         /* the database file */
	size_t history_bytes_max; /* of events kept for watches; 0: 64 MiB */
	int64_t history_age_max;  /* ns; 0: 10 minutes */
};

/*
 * Opens or makes the database.  -EUCLEAN: damaged or not ours (the message says what to do; nothing
 * was changed); -EBUSY: another process has it open.
 */
int store_open(const struct store_config *config, struct store **ret, struct err *err);

/*
 * Finishes the pending writes, calls their 'done', closes.  Watches must have ended before.  Not from
 * within a callback of the store; mutations begun by these last 'done's are refused.
 */
void store_close(struct store *store);
int store_fd(const struct store *store);
void store_dispatch(struct store *store);

/* The newest visible revision. */
uint64_t store_revision(const struct store *store);

struct store_stats {
	uint64_t commits, writes; /* transactions and writes made durable since the start */
	uint64_t revision;
	size_t objects, object_bytes;
	size_t history_events, history_bytes;
	bool full;          /* the last commit found no room on the disk */
	bool broken;        /* the disk failed: writes are refused until a new start */
	struct err failure; /* the last failure of the disk, for people; code 0: none yet */
};

void store_stats(struct store *store, struct store_stats *ret);

/* Borrowed until the next dispatch; NULL if there is none. */
const struct store_object *store_get(const struct store *store, const struct kind *kind,
                                     const char *ns, const char *name);

/*
 * The objects of 'kind' in namespace 'ns' (NULL or "": all) in order of namespace and name, from the
 * first behind 'after' ("ns/name", NULL: the start).  Returns their number; '*ret' is a heap array of
 * borrowed pointers that the caller frees.
 */
size_t store_list(const struct store *store, const struct kind *kind, const char *ns,
                  const char *after, const struct store_object ***ret);

enum store_op {
	STORE_KEEP, /* nothing to write: 'done' gets the old object */
	STORE_PUT,  /* write 'object' */
	STORE_REMOVE, /* remove; 'done' gets the last content, 'object' if set, with the new revision */
};

/* A further object that is written with the main one, in the same transaction: both or neither. */
struct store_companion {
	const struct kind *kind;
	const char *ns, *name;
	json_t *object; /* what is put, whatever was there; NULL: what is there is removed */
};

#define STORE_COMPANIONS_MAX 4

struct store_change {
	enum store_op op;
	json_t *object; /* set by 'change', a reference that the store takes; the store sets its
	                   metadata.resourceVersion */
	/*
	 * Of different keys; the strings are borrowed until 'change' returns, the objects are
	 * references that the store takes.  Not with STORE_KEEP.  Writes of a companion's key that
	 * are under way come first.  A kind that is written as a companion has none itself.
	 */
	struct store_companion companions[STORE_COMPANIONS_MAX];
	size_t n_companions;
};

/*
 * Decides the write: 'old' is NULL if there is no such object (STORE_REMOVE is then not allowed).  Fills '*change' and returns 0, or
 * returns a negative errno that goes to 'done' unchanged.  May read the store.
 */
typedef int (*store_change_fn)(void *arg, const struct store_object *old,
                               struct store_change *change);

/*
 * The outcome, exactly once, from store_dispatch() or (refused, or STORE_KEEP) from within
 * store_mutate(): r 0 with the object, or what 'change' returned, or from the store: -ENOSPC (the disk is
 * full; later writes may succeed), -EIO (the disk failed; after it every write is refused until a new
 * start), -EAGAIN (too many are under way), -ESHUTDOWN (the store closes).  The object (NULL unless r
 * is 0, or if STORE_KEEP found none) is borrowed; 'done' may call anything but store_close() and
 * store_dispatch().
 */
typedef void (*store_done_fn)(void *arg, int r, const struct store_object *object);

void store_mutate(struct store *store, const struct kind *kind, const char *ns, const char *name,
                  store_change_fn change, store_done_fn done, void *arg);

enum store_event_type {
	STORE_ADDED,
	STORE_MODIFIED,
	STORE_DELETED
};

struct store_event {
	uint64_t revision;
	enum store_event_type type;
	const struct store_object
		*object; /* DELETED: the last content, at the revision of the delete */
	const struct store_object *old; /* MODIFIED and DELETED: what it replaced */
	/* The watch line of the event, written once for all its watchers: store_event_line(). */
	char *lines[3];
	size_t line_sizes[3];
};

/*
 * {"type":"ADDED","object":{..}}\n as 'type', which differs from the event's own where an object enters
 * or leaves a selection (a MODIFIED as DELETED shows the old content, at the new revision).  Lives
 * until 'fn' returns: copy or send it at once.
 */
const char *store_event_line(struct store_event *event, enum store_event_type type,
                             size_t *ret_size);

struct store_watch;
typedef void (*store_watch_fn)(void *arg, struct store_event *event);

/*
 * Calls 'fn' for each event of 'kind' behind revision 'since', in order, exactly once: those in the
 * history before it returns, later ones as they are committed.  'fn' may end watches, its own too; of
 * its own it has the handle only once this has returned: '*ret' is written last.
 * -ESTALE: 'since' is older than the history ('*ret_oldest' says what is kept); -ERANGE: it is in the future.
 */
int store_watch_new(struct store *store, const struct kind *kind, uint64_t since, store_watch_fn fn,
                    void *arg, struct store_watch **ret, uint64_t *ret_oldest);
void store_watch_free(struct store_watch *watch);
