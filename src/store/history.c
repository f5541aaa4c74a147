/* SPDX-License-Identifier: Apache-2.0 */
#include "store/history.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "kube/json.h"
#include "store/object.h"

#define RING_MIN 64

struct history_event {
	struct store_event event;
	struct history *history;
	int64_t time; /* clock_now() */
	size_t bytes;
};

static const char *const type_names[] = {
	[STORE_ADDED] = "ADDED",
	[STORE_MODIFIED] = "MODIFIED",
	[STORE_DELETED] = "DELETED",
};

void history_init(struct history *history, uint64_t revision, size_t bytes_max, int64_t age_max)
{
	*history = (struct history){
		.bytes_max = bytes_max,
		.age_max = age_max,
		.oldest = revision,
	};
}

static struct history_event **slot(const struct history *history, size_t index)
{
	return &history->ring[(history->first + index) & (history->cap - 1)];
}

static void grow(struct history *history)
{
	size_t cap = history->cap ? 2 * history->cap : RING_MIN;
	struct history_event **ring = xcalloc(cap, sizeof(*ring));

	for (size_t i = 0; i < history->n; i++)
		ring[i] = *slot(history, i);
	free(history->ring);
	history->ring = ring;
	history->cap = cap;
	history->first = 0;
}

static void add_bytes(struct history_event *he, size_t bytes)
{
	he->bytes += bytes;
	he->history->bytes += bytes;
}

struct store_event *history_push(struct history *history, enum store_event_type type,
                                 const struct store_object *object, const struct store_object *old)
{
	struct history_event *he = xnew(struct history_event);

	if (history->n == history->cap)
		grow(history);
	he->event = (struct store_event){
		.revision = object->revision,
		.type = type,
		.object = store_object_ref(object),
		.old = old ? store_object_ref(old) : NULL,
	};
	he->history = history;
	he->time = clock_now();
	add_bytes(he, sizeof(*he) + (old ? object_footprint(old) : 0) +
	                      (type == STORE_DELETED ? object_footprint(object) : 0));
	*slot(history, history->n++) = he;
	return &he->event;
}

void history_drop_lines(struct store_event *event)
{
	struct history_event *he = list_entry(event, struct history_event, event);

	for (size_t i = 0; i < ARRAY_SIZE(event->lines); i++) {
		if (!event->lines[i])
			continue;
		he->bytes -= event->line_sizes[i];
		he->history->bytes -= event->line_sizes[i];
		free(event->lines[i]);
		event->lines[i] = NULL;
	}
}

static void drop_oldest(struct history *history)
{
	struct history_event *he = *slot(history, 0);

	history_drop_lines(&he->event);
	history->oldest = he->event.revision;
	history->bytes -= he->bytes;
	history->first = (history->first + 1) & (history->cap - 1);
	history->n--;
	store_object_unref(he->event.object);
	store_object_unref(he->event.old);
	free(he);
}

void history_done(struct history *history)
{
	while (history->n > 0)
		drop_oldest(history);
	free(history->ring);
	history->ring = NULL;
}

void history_trim(struct history *history, int64_t now)
{
	while (history->n > 0 && (history->bytes > history->bytes_max ||
	                          now - (*slot(history, 0))->time > history->age_max))
		drop_oldest(history);
}

size_t history_behind(const struct history *history, uint64_t revision)
{
	size_t low = 0, high = history->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((*slot(history, middle))->event.revision <= revision)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct store_event *history_at(const struct history *history, size_t index)
{
	return &(*slot(history, index))->event;
}

/*
 * What an object that leaves a selection is shown as: its last content that was selected, at the
 * revision of the change (kube-apiserver's cacher does the same).
 */
static struct store_object *last_selected(const struct store_event *event)
{
	const struct store_object *old = event->old;
	auto_json json_t *tree = store_object_json(old);

	return object_new(old->kind, old->namespace, old->name, tree, event->revision);
}

static void write_line(struct store_event *event, enum store_event_type type)
{
	bool leaves = type == STORE_DELETED && event->type == STORE_MODIFIED;
	struct store_object *object = leaves ? last_selected(event)
	                                     : store_object_ref(event->object);
	struct buf b = BUF_INIT;

	buf_reserve(&b, object->size + 64);
	buf_printf(&b, "{\"type\":\"%s\",\"object\":", type_names[type]);
	buf_add(&b, object->text, object->size);
	buf_adds(&b, "}\n");
	store_object_unref(object);
	add_bytes(list_entry(event, struct history_event, event), b.n);
	event->line_sizes[type] = b.n;
	event->lines[type] = buf_take(&b);
}

const char *store_event_line(struct store_event *event, enum store_event_type type,
                             size_t *ret_size)
{
	if (!event->lines[type])
		write_line(event, type);
	*ret_size = event->line_sizes[type];
	return event->lines[type];
}
