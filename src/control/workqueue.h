/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workqueue - keys that wait to be worked on: each at most once in the queue, at most one run of a key at
 * a time, and failures tried again after growing delays (client-go util/workqueue).
 *
 * The key is intrusive: a struct work_item in whatever the work is about.
 *
 *	workqueue_add(&queue, &service->work);      any number of times
 *	workqueue_drain(&queue);                    calls run(arg, &service->work)
 *	...
 *	workqueue_finish(&queue, &service->work, r == 0);   from run(), or whenever it is finished
 *	workqueue_drain(&queue);
 *
 * An item added while it runs is run once more afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "io/loop.h"

struct workqueue;

struct work_item {
	struct list_node in_queue; /* waiting, else unlinked */
	struct workqueue *queue;
	struct timer *retry; /* while it backs off */
	unsigned int failures;
	bool running, again;
};

struct workqueue {
	struct loop *loop;
	struct list_node waiting;
	size_t n_running, running_max;
	int64_t delay_min, delay_max; /* between tries: doubled each time */
	void (*run)(void *arg, struct work_item *item);
	void *arg;
	bool draining;
};

/* Delays are 1 s to 1000 s, and 256 items run at once; both may be changed afterwards. */
void workqueue_init(struct workqueue *queue, struct loop *loop,
                    void (*run)(void *arg, struct work_item *item), void *arg);

void work_item_init(struct work_item *item, struct workqueue *queue);

/* Takes the item out of the queue; a run that is under way counts as over. */
void work_item_done(struct work_item *item);

/* True while there is something to do for it: it waits, runs or backs off. */
bool work_item_busy(const struct work_item *item);

/* The item is to be run: from the next workqueue_drain() on, whatever delay it was in. */
void workqueue_add(struct workqueue *queue, struct work_item *item);

/*
 * Its run is finished.  If that failed and nobody added it meanwhile, it is run again after the delay
 * that is returned; else 0.
 */
int64_t workqueue_finish(struct workqueue *queue, struct work_item *item, bool ok);

/* Starts what waits, as far as 'running_max' allows. */
void workqueue_drain(struct workqueue *queue);
