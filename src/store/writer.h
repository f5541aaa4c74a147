/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer - the one thread that writes: takes all that is queued, commits it as one transaction, hands
 * it back.
 *
 * The owner submits writes and, when writer_fd() is readable, takes the finished ones, in the order
 * of their submission.  In between the writes are the writer's; the objects they point to are only
 * read by it, their reference counts are the owner's.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "store/db.h"

struct writer {
	pthread_t thread;
	int fd; /* an eventfd, readable while something is finished; -1: not running */

	pthread_mutex_t mutex;
	pthread_cond_t work;
	/* Under the mutex. */
	struct list_node queue, finished; /* of db_writes */
	uint64_t commits, writes;         /* durable ones */
	struct err failure;               /* of the last commit that failed */
	bool stop;
	bool full;   /* the last commit found no room on the disk */
	bool broken; /* after -EIO all writes are refused */

	struct db *db; /* the writer thread's */
};

/* 'db' is the writer's until writer_stop(). */
int writer_start(struct writer *writer, struct db *db, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Ends the thread; everything must have been taken.  False: the disk failed, the database must be
 * left as it is.
 */
bool writer_stop(struct writer *writer);

/* Takes the db_writes of 'list' over, which is empty afterwards. */
void writer_submit(struct writer *writer, struct list_node *list);

/* Moves what is finished into 'ret' (initialised here). */
void writer_take(struct writer *writer, struct list_node *ret);

struct writer_stats {
	uint64_t commits, writes;
	bool full, broken;
	struct err failure;
};

void writer_stats(struct writer *writer, struct writer_stats *ret);
