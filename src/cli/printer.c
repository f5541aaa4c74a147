/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/printer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/decode.h"
#include "kube/json.h"

#define COLUMN_GAP 3
#define COLUMN_MIN 3 /* without the gap; kubectl's narrowest */

/* Characters on the screen, for UTF-8 text. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

void printer_columns(FILE *out, const char *const *cells, size_t rows, size_t columns)
{
	auto_free size_t *widths = xcalloc(columns, sizeof(size_t));

	for (size_t i = 0; i < columns; i++)
		widths[i] = COLUMN_MIN;
	for (size_t i = 0; i < rows * columns; i++) {
		size_t w = width(cells[i]);

		if (w > widths[i % columns])
			widths[i % columns] = w;
	}
	for (size_t i = 0; i < rows * columns; i++) {
		size_t column = i % columns;

		(void)fputs(cells[i], out);
		if (column == columns - 1)
			(void)fputc('\n', out);
		else
			(void)fprintf(out, "%*s",
			              (int)(widths[column] - width(cells[i]) + COLUMN_GAP), "");
	}
}

/* The cells to be printed, gathered row by row; all strings owned. */
struct grid {
	char **cells;
	size_t n, cap;
};

static void add(struct grid *grid, char *text)
{
	array_reserve(grid->cells, grid->n, grid->cap);
	grid->cells[grid->n++] = text;
}

static char *cell_text(const json_t *cell)
{
	if (json_is_string(cell))
		return xstrdup(json_string_value(cell));
	if (json_is_integer(cell))
		return xasprintf("%lld", (long long)json_integer_value(cell));
	if (json_is_boolean(cell))
		return xstrdup(json_is_true(cell) ? "true" : "false");
	if (!cell || json_is_null(cell))
		return xstrdup("<none>");
	return json_text(cell);
}

static char *upper(const char *text)
{
	char *copy = xstrdup(text);

	for (char *p = copy; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return copy;
}

static bool shown(const json_t *column, const struct printer_style *style)
{
	return style->wide || json_path_int(column, "priority", 0) == 0;
}

static void add_heads(struct grid *grid, const json_t *table, const struct printer_style *style)
{
	const json_t *columns = json_object_get(table, "columnDefinitions");
	json_t *column;
	size_t i;

	if (style->namespaces)
		add(grid, xstrdup("NAMESPACE"));
	json_array_foreach(columns, i, column)
		if (shown(column, style))
			add(grid, upper(json_path_str(column, "name")));
}

static void add_row(struct grid *grid, const json_t *table, const json_t *row,
                    const struct printer_style *style)
{
	const json_t *columns = json_object_get(table, "columnDefinitions");
	const json_t *cells = json_object_get(row, "cells");
	json_t *column;
	size_t i;

	if (style->namespaces)
		add(grid, xstrdup(json_path_str(row, "object.metadata.namespace")));
	json_array_foreach(columns, i, column) {
		char *text;

		if (!shown(column, style))
			continue;
		text = cell_text(json_array_get(cells, i));
		if (i == 0 && style->prefix && *style->prefix) {
			char *whole = xasprintf("%s%s", style->prefix, text);

			free(text);
			text = whole;
		}
		add(grid, text);
	}
}

void printer_table(FILE *out, const json_t *table, const struct printer_style *style)
{
	const json_t *rows = json_object_get(table, "rows");
	struct grid grid = { 0 };
	size_t columns, i;
	json_t *row;

	add_heads(&grid, table, style);
	columns = grid.n;
	if (style->no_headers) {
		while (grid.n > 0)
			free(grid.cells[--grid.n]);
	}
	json_array_foreach(rows, i, row)
		add_row(&grid, table, row, style);
	if (columns > 0)
		printer_columns(out, (const char *const *)grid.cells, grid.n / columns, columns);
	for (i = 0; i < grid.n; i++)
		free(grid.cells[i]);
	free(grid.cells);
}

void printer_json(FILE *out, const json_t *value)
{
	auto_free char *text = json_dumps(value, JSON_INDENT(4) | JSON_SORT_KEYS);

	(void)fprintf(out, "%s\n", text ? text : "null");
}

void printer_yaml(FILE *out, const json_t *value)
{
	auto_free char *text = encode_yaml(value);

	(void)fputs(text, out);
}
