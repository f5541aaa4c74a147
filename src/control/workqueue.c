/* SPDX-License-Identifier: Apache-2.0 */
#include "control/workqueue.h"

#include <assert.h>

#include "base/clock.h"

void workqueue_init(struct workqueue *queue, struct loop *loop,
                    void (*run)(void *arg, struct work_item *item), void *arg)
{
	*queue = (struct workqueue){ .loop = loop,
		                     .running_max = 256,
		                     .delay_min = NSEC_PER_SEC,
		                     .delay_max = 1000 * NSEC_PER_SEC,
		                     .run = run,
		                     .arg = arg };
	list_init(&queue->waiting);
}

void work_item_init(struct work_item *item, struct workqueue *queue)
{
	*item = (struct work_item){ .queue = queue };
	list_init(&item->in_queue);
}

static void stop_retry(struct work_item *item)
{
	timer_free(item->retry);
	item->retry = NULL;
}

void work_item_done(struct work_item *item)
{
	stop_retry(item);
	list_remove(&item->in_queue);
	if (item->running)
		item->queue->n_running--;
	item->running = false;
}

bool work_item_busy(const struct work_item *item)
{
	return item->running || item->retry || !list_empty(&item->in_queue);
}

void workqueue_add(struct workqueue *queue, struct work_item *item)
{
	item->queue = queue;
	if (item->running) {
		item->again = true;
		return;
	}
	stop_retry(item);
	if (list_empty(&item->in_queue))
		list_add_tail(&queue->waiting, &item->in_queue);
}

static void retry_now(void *arg)
{
	struct work_item *item = arg;

	workqueue_add(item->queue, item);
	workqueue_drain(item->queue);
}

static int64_t delay_after(const struct workqueue *queue, unsigned int failures)
{
	int64_t delay = queue->delay_min;

	while (--failures > 0 && delay < queue->delay_max)
		delay *= 2;
	return delay < queue->delay_max ? delay : queue->delay_max;
}

int64_t workqueue_finish(struct workqueue *queue, struct work_item *item, bool ok)
{
	int64_t delay;

	assert(item->running);
	item->running = false;
	queue->n_running--;
	item->failures = ok ? 0 : item->failures + 1;
	if (item->again) {
		item->again = false;
		workqueue_add(queue, item);
		return 0;
	}
	if (ok)
		return 0;
	delay = delay_after(queue, item->failures);
	item->retry = timer_new(queue->loop, retry_now, item);
	timer_once(item->retry, delay);
	return delay;
}

void workqueue_drain(struct workqueue *queue)
{
	struct work_item *item;

	/* a run that ends at once drains from within: the loop below goes on with what it added */
	if (queue->draining)
		return;
	queue->draining = true;
	while (queue->n_running < queue->running_max &&
	       (item = list_first(&queue->waiting, struct work_item, in_queue))) {
		list_remove(&item->in_queue);
		item->running = true;
		queue->n_running++;
		queue->run(queue->arg, item);
	}
	queue->draining = false;
}
