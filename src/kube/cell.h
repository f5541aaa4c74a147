/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cell - the cells of a Table row: what the 'row' hooks of the kinds append to 'cells'.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

void cell_add(json_t *cells, const char *text);

/* 'text', or 'otherwise' where it is NULL or "". */
void cell_add_or(json_t *cells, const char *text, const char *otherwise);
void cell_add_int(json_t *cells, int64_t number);

/* The time since 'timestamp' (RFC 3339) as kubectl has it, "5m"; "<unknown>" without one. */
void cell_add_age(json_t *cells, const char *timestamp, int64_t now);

/* The age of an object. */
void cell_add_object_age(json_t *cells, const json_t *object, int64_t now);
void cell_add_name(json_t *cells, const json_t *object);
