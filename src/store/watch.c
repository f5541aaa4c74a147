/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/internal.h"

struct store_watch {
	struct list_node in_shelf;
	struct store *store;
	store_watch_fn fn;
	void *arg;
	uint64_t seen; /* told up to this revision */
	bool ended;    /* waits to be swept out */
};

static void sweep(struct store *store)
{
	struct store_watch *watch, *after;

	store->watches_ended = false;
	for (size_t i = 0; i < store->n_shelves; i++)
		list_for_each_safe(watch, after, in_shelf,
		                   &store->shelves[i]->watches) if (watch->ended)
		{
			list_remove(&watch->in_shelf);
			free(watch);
		}
}

void store_tell(struct store *store, struct shelf *shelf, struct store_event *event)
{
	struct store_watch *watch;

	store->telling++;
	list_for_each(watch, in_shelf, &shelf->watches) {
		/* One that was made by a watch before it in the list has seen the event already. */
		if (watch->ended || watch->seen >= event->revision)
			continue;
		watch->seen = event->revision;
		watch->fn(watch->arg, event);
	}
	/* Texts as long as the objects: kept, they would double the memory of the history. */
	history_drop_lines(event);
	if (--store->telling == 0 && store->watches_ended)
		sweep(store);
}

static void replay(struct store *store, const struct kind *kind, uint64_t since, store_watch_fn fn,
                   void *arg)
{
	const struct history *history = &store->history;

	/* Nothing is pushed or trimmed meanwhile: both happen in store_dispatch(), outside of fn. */
	for (size_t i = history_behind(history, since); i < history->n; i++) {
		struct store_event *event = history_at(history, i);

		if (event->object->kind != kind)
			continue;
		fn(arg, event);
		history_drop_lines(event);
	}
}

int store_watch_new(struct store *store, const struct kind *kind, uint64_t since, store_watch_fn fn,
                    void *arg, struct store_watch **ret, uint64_t *ret_oldest)
{
	struct store_watch *watch;

	if (since < store->history.oldest) {
		*ret_oldest = store->history.oldest;
		return -ESTALE;
	}
	if (since > store->revision)
		return -ERANGE;
	replay(store, kind, since, fn, arg);
	watch = xnew(struct store_watch);
	*watch = (struct store_watch){
		.store = store,
		.fn = fn,
		.arg = arg,
		.seen = store->revision,
	};
	list_add_tail(&store_shelf(store, kind)->watches, &watch->in_shelf);
	*ret = watch;
	return 0;
}

void store_watch_free(struct store_watch *watch)
{
	if (!watch)
		return;
	if (watch->store->telling > 0) {
		watch->ended = true;
		watch->store->watches_ended = true;
		return;
	}
	list_remove(&watch->in_shelf);
	free(watch);
}
