/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db - the SQLite file behind the store: opened and checked, loaded once, then only written.
 *
 * WAL with synchronous=FULL: db_commit() returns 0 once a power cut can no longer undo the batch.
 * One connection, locked against everybody else; used by one thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "store/store.h"

#define DB_APPLICATION_ID 0x464c4453 /* "FLDS"; file(1) and we know our files by it */
#define DB_VERSION        1          /* user_version: of the tables below */

struct db;

/* One write of a batch.  What it points to must not change until it is finished. */
struct db_write {
	struct list_node in_queue;
	const char *resource;              /* "services", "endpointslices.discovery.k8s.io" */
	const struct store_object *object; /* new content; of a removal the last, at its revision */
	bool remove;
	bool with_next; /* in one transaction with the one behind it */
	int r;          /* out: 0 or a negative errno */
};

/* A row as it was stored; the pointers are good until the callback returns. */
struct db_row {
	const char *resource, *ns, *name, *text;
	size_t size;
	uint64_t revision;
};

typedef int (*db_row_fn)(void *arg, const struct db_row *row, struct err *err);

/*
 * Opens the database at 'path', or makes an empty one.  -EUCLEAN: damaged or not ours, and nothing
 * was changed; -EBUSY: in use.
 */
int db_open(const char *path, struct db **ret, struct err *err) __attribute__((warn_unused_result));

/*
 * Calls 'fn' for each object in order of resource, namespace and name; '*ret_revision' is the
 * highest revision ever committed.  An -EUCLEAN of 'fn' is reported as damage of the file, -ENOTSUP
 * as content of another version (with -EUCLEAN, too).
 */
int db_load(struct db *db, db_row_fn fn, void *arg, uint64_t *ret_revision, struct err *err)
	__attribute__((warn_unused_result));

/* Ends the checks: from here on the file is changed, also by db_close() (which tidies the WAL up). */
int db_start_writing(struct db *db, struct err *err) __attribute__((warn_unused_result));

/*
 * Writes a list of db_writes in one transaction, all or nothing.  -ENOSPC: there was no room, it may
 * be tried again; -EIO: the disk cannot be trusted from here on.
 */
int db_commit(struct db *db, const struct list_node *batch, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Copies the WAL into the database once it is long enough, or in any case with 'now', so that it is
 * written from its start again.  Fails as db_commit().
 */
int db_checkpoint(struct db *db, bool now, struct err *err) __attribute__((warn_unused_result));

/* A 'broken' one keeps its WAL as it is: what was not synced must not be copied. */
void db_close(struct db *db, bool broken);
