/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_set - which objects a consumer has been told of, and at which version.
 *
 * It turns a fresh list into differences: known_set_begin(), known_set_see() for each item of the
 * list, known_set_sweep() for what the list did not have.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hmap.h"

struct known_set {
	struct hmap map;
	uint32_t round; /* of the list under way */
};

#define KNOWN_SET_INIT ((struct known_set){ 0 })

void known_set_done(struct known_set *set);

/* A list begins (anew): nothing has been seen in it yet. */
void known_set_begin(struct known_set *set);

/* The object exists at 'version' (any text): true if that is news. */
bool known_set_see(struct known_set *set, const char *ns, const char *name, const char *version);

/* The object has gone: true if it was known. */
bool known_set_forget(struct known_set *set, const char *ns, const char *name);

/* Forgets what has not been seen since known_set_begin(), telling 'gone' of each. */
void known_set_sweep(struct known_set *set,
                     void (*gone)(void *arg, const char *ns, const char *name), void *arg);
