/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history - the events of the recent past, oldest first, bounded by bytes and age.
 *
 * A ring of pointers; an event stays where it is until it is trimmed.  What counts as its bytes is
 * the memory that only the history keeps: the object it replaced and a deleted one's last content;
 * while watches are told of it, also the lines written for them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

struct history {
	struct history_event **ring; /* owned; 'cap' slots, a power of two */
	size_t cap, first, n;
	size_t bytes, bytes_max;
	int64_t age_max; /* ns */
	uint64_t oldest; /* events behind this revision are all here */
};

void history_init(struct history *history, uint64_t revision, size_t bytes_max, int64_t age_max);
void history_done(struct history *history);

/* Takes references to the two; 'old' is NULL for ADDED.  The event is borrowed until it is trimmed. */
struct store_event *history_push(struct history *history, enum store_event_type type,
                                 const struct store_object *object, const struct store_object *old);

/* Gives the lines written for its watchers back; they are written again for who asks later. */
void history_drop_lines(struct store_event *event);

/* Drops what is beyond the bounds at 'now' (clock_now()). */
void history_trim(struct history *history, int64_t now);

/* The index of the first event behind 'revision', for history_at(); 'n' if there is none. */
size_t history_behind(const struct history *history, uint64_t revision);
struct store_event *history_at(const struct history *history, size_t index);
