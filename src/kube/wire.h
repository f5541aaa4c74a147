/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire - the wire format of protobuf, read piece by piece: varints, tags, blocks.
 *
 * What is not well-formed is -EBADMSG, in the words of the Go code that Kubernetes reads it with
 * ("unexpected EOF", "proto: integer overflow").
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_64BIT = 1,
	WIRE_BLOCK = 2, /* a varint of its length before it */
	WIRE_GROUP = 3,
	WIRE_GROUP_END = 4,
	WIRE_32BIT = 5,
};

/* What is left of a message; borrows the bytes. */
struct wire {
	const uint8_t *p, *end;
};

/* Bits above the 64th are dropped, as Go does. */
int wire_varint(struct wire *w, uint64_t *ret, struct err *err) __attribute__((warn_unused_result));

/* A block with the length before it. */
int wire_block(struct wire *w, struct wire *ret_part, struct err *err)
	__attribute__((warn_unused_result));

/* What stands before a field: 'ret_type' may be anything from 0 to 7; 'message' is for the error. */
int wire_tag(struct wire *w, const char *message, uint32_t *ret_field, unsigned int *ret_type,
             struct err *err) __attribute__((warn_unused_result));

/* Passes over the value of a field of this type, groups with all that is in them. */
int wire_skip(struct wire *w, unsigned int type, struct err *err)
	__attribute__((warn_unused_result));
