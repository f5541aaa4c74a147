/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_scan - a look at text before, or after, a parser has seen it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * True if JSON 'text' never has more than 'max' objects and arrays open; else '*ret_offset' is the
 * bracket that is one too many.  Does not check that it is JSON.
 */
bool text_depth_within(const char *text, size_t size, unsigned int max, size_t *ret_offset);

/* Line and column, from 1, in characters, of the byte at 'offset'. */
void text_position(const char *text, size_t offset, size_t *ret_line, size_t *ret_column);

/*
 * The column, from 1, of the first tab among the blanks that begin line 'line' (from 1); 0 if there
 * is none.
 */
size_t text_indent_tab(const char *text, size_t size, size_t line);
