/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_write - a tree as compact JSON text.
 *
 * The text of jansson's json_dumps(JSON_COMPACT), several times faster: every object at rest, every
 * answer and event is written once by this.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* Appends 'value'; a tree must not contain itself (those we make or decode cannot). */
void json_write(struct buf *b, const json_t *value);
