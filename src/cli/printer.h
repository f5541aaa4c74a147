/* SPDX-License-Identifier: Apache-2.0 */
/*
 * printer - answers for people (kubectl's columns) and for programs.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * Prints rows of a meta.k8s.io/v1 Table as kubectl does: upper-case heads, three spaces between
 * columns.  'wide' adds columns of priority 1; 'namespaces' puts a NAMESPACE column first; 'prefix'
 * ("service/", "" for none) stands before the names.
 */
struct printer_style {
	bool wide, namespaces, no_headers;
	const char *prefix;
};

void printer_table(FILE *out, const json_t *table, const struct printer_style *style);

/* Indented as kubectl -o json does it, or YAML; a newline at the end. */
void printer_json(FILE *out, const json_t *value);
void printer_yaml(FILE *out, const json_t *value);

/* Columns of plain text, the first row heads; 'cells' has rows * columns strings. */
void printer_columns(FILE *out, const char *const *cells, size_t rows, size_t columns);
