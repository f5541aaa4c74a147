/* SPDX-License-Identifier: Apache-2.0 */
#include "store/writer.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Of one transaction: keeps the answer to its first write and the WAL within bounds. */
#define BATCH_WRITES_MAX 1024
#define BATCH_BYTES_MAX  (8 << 20)

struct batch {
	struct list_node writes; /* of db_writes */
	size_t n, bytes;
};

static void move_all(struct list_node *from, struct list_node *to)
{
	struct list_node *node;

	while (!list_empty(from)) {
		node = from->next;
		list_remove(node);
		list_add_tail(to, node);
	}
}

/* Waits for work; false: there is none and no more will come. */
static bool next_batch(struct writer *writer, struct batch *batch, bool *ret_broken)
{
	struct db_write *item;
	bool divided = false;

	*batch = (struct batch){ .n = 0 };
	list_init(&batch->writes);
	(void)pthread_mutex_lock(&writer->mutex);
	while (list_empty(&writer->queue) && !writer->stop)
		(void)pthread_cond_wait(&writer->work, &writer->mutex);
	while ((divided || (batch->n < BATCH_WRITES_MAX && batch->bytes < BATCH_BYTES_MAX)) &&
	       (item = list_first(&writer->queue, struct db_write, in_queue))) {
		list_remove(&item->in_queue);
		list_add_tail(&batch->writes, &item->in_queue);
		batch->n++;
		batch->bytes += item->object->size;
		divided = item->with_next;
	}
	*ret_broken = writer->broken;
	(void)pthread_mutex_unlock(&writer->mutex);
	return batch->n > 0;
}

static void hand_back(struct writer *writer, struct batch *batch, int r)
{
	const uint64_t one = 1;
	struct db_write *item;

	list_for_each(item, in_queue, &batch->writes)
		item->r = r;
	(void)pthread_mutex_lock(&writer->mutex);
	move_all(&batch->writes, &writer->finished);
	if (r == 0) {
		writer->commits++;
		writer->writes += batch->n;
		writer->full = false;
	}
	(void)pthread_mutex_unlock(&writer->mutex);
	/* Fails only where the counter is full, and then the fd is readable. */
	(void)!write(writer->fd, &one, sizeof(one));
}

static void note_failure(struct writer *writer, int r, const struct err *err)
{
	(void)pthread_mutex_lock(&writer->mutex);
	writer->failure = *err;
	/*
	 * After a failed sync the kernel may have dropped the pages and call the next sync a success
	 * (https://wiki.postgresql.org/wiki/Fsync_Errors): only what a new start reads is certain.
	 */
	writer->full = r == -ENOSPC;
	if (r != -ENOSPC)
		writer->broken = true;
	(void)pthread_mutex_unlock(&writer->mutex);
}

static void commit_batch(struct writer *writer, struct batch *batch)
{
	struct err err = { 0 }, later = { 0 };
	bool full;
	int r;

	r = db_commit(writer->db, &batch->writes, &err);
	if (r < 0)
		note_failure(writer, r, &err);
	hand_back(writer, batch, r);
	if (r < 0 && r != -ENOSPC)
		return;
	/* A WAL that is written from its start again needs no room: on a full disk it may help. */
	full = r == -ENOSPC;
	r = db_checkpoint(writer->db, full, &later);
	if (r < 0)
		note_failure(writer, r, &later);
}

static void *writer_main(void *arg)
{
	struct writer *writer = arg;
	struct batch batch;
	bool broken;

	while (next_batch(writer, &batch, &broken)) {
		if (broken)
			hand_back(writer, &batch, -EIO);
		else
			commit_batch(writer, &batch);
	}
	return NULL;
}

int writer_start(struct writer *writer, struct db *db, struct err *err)
{
	sigset_t all, before;
	int r;

	writer->db = db;
	list_init(&writer->queue);
	list_init(&writer->finished);
	(void)pthread_mutex_init(&writer->mutex, NULL);
	(void)pthread_cond_init(&writer->work, NULL);
	writer->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (writer->fd < 0)
		return err_errno(err, "cannot make an eventfd");
	/* Signals are the owner's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&writer->thread, NULL, writer_main, writer);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		(void)close(writer->fd);
		writer->fd = -1;
		errno = r;
		return err_errno(err, "cannot start the store's thread");
	}
	(void)pthread_setname_np(writer->thread, "store");
	return 0;
}

bool writer_stop(struct writer *writer)
{
	(void)pthread_mutex_lock(&writer->mutex);
	writer->stop = true;
	(void)pthread_cond_signal(&writer->work);
	(void)pthread_mutex_unlock(&writer->mutex);
	(void)pthread_join(writer->thread, NULL);
	(void)close(writer->fd);
	writer->fd = -1;
	(void)pthread_cond_destroy(&writer->work);
	(void)pthread_mutex_destroy(&writer->mutex);
	return !writer->broken;
}

void writer_submit(struct writer *writer, struct list_node *list)
{
	(void)pthread_mutex_lock(&writer->mutex);
	move_all(list, &writer->queue);
	(void)pthread_cond_signal(&writer->work);
	(void)pthread_mutex_unlock(&writer->mutex);
}

void writer_take(struct writer *writer, struct list_node *ret)
{
	uint64_t count;

	list_init(ret);
	(void)!read(writer->fd, &count, sizeof(count)); /* nothing there is no harm */
	(void)pthread_mutex_lock(&writer->mutex);
	move_all(&writer->finished, ret);
	(void)pthread_mutex_unlock(&writer->mutex);
}

void writer_stats(struct writer *writer, struct writer_stats *ret)
{
	(void)pthread_mutex_lock(&writer->mutex);
	*ret = (struct writer_stats){
		.commits = writer->commits,
		.writes = writer->writes,
		.full = writer->full,
		.broken = writer->broken,
		.failure = writer->failure,
	};
	(void)pthread_mutex_unlock(&writer->mutex);
}
