/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal - the store itself, for the modules of this room.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hmap.h"
#include "base/list.h"
#include "store/history.h"
#include "store/shelf.h"
#include "store/store.h"
#include "store/writer.h"

struct store {
	struct db *db; /* the writer's while it runs */
	struct writer writer;
	struct shelf **shelves; /* owned, one a kind; they stay where they are */
	size_t n_shelves, cap_shelves;
	uint64_t revision; /* newest visible */
	uint64_t issued;   /* newest given to a write, perhaps not visible yet */
	struct history history;
	struct hmap lines; /* of struct line: the keys with mutations under way */
	size_t n_mutations, pending_bytes;
	unsigned int telling; /* depth of loops over watches: ended ones stay in the lists */
	bool watches_ended;   /* some are to be swept out once 'telling' is 0 */
	bool dispatching;
	bool closing;
};

/* The shelf of 'kind', made if there is none yet. */
struct shelf *store_shelf(struct store *store, const struct kind *kind);

/* The same for readers: NULL if there is none. */
struct shelf *store_find_shelf(const struct store *store, const struct kind *kind);

/* watch.c: tells the watches of 'shelf' of an event that is in the history and visible. */
void store_tell(struct store *store, struct shelf *shelf, struct store_event *event);

/* mutate.c: makes a finished write visible, or not, and goes on with its key. */
void store_finish(struct store *store, struct db_write *write);
