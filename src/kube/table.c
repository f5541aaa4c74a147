/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/kind.h"

void cell_add(json_t *cells, const char *text)
{
	json_array_append_new(cells, json_string_of(text));
}

void cell_add_or(json_t *cells, const char *text, const char *otherwise)
{
	cell_add(cells, text && text[0] ? text : otherwise);
}

void cell_add_int(json_t *cells, int64_t number)
{
	json_array_append_new(cells, json_integer(number));
}

void cell_add_age(json_t *cells, const char *timestamp, int64_t now)
{
	char age[CLOCK_TEXT_SIZE];
	int64_t then;

	if (!timestamp || clock_parse(timestamp, &then) < 0) {
		cell_add(cells, "<unknown>");
		return;
	}
	clock_format_age(now - then, age);
	cell_add(cells, age);
}

void cell_add_object_age(json_t *cells, const json_t *object, int64_t now)
{
	cell_add_age(cells, json_path_string(object, "metadata.creationTimestamp"), now);
}

void cell_add_name(json_t *cells, const json_t *object)
{
	cell_add(cells, json_path_str(object, "metadata.name"));
}

static json_t *column_definitions(const struct kind *kind)
{
	json_t *list = json_array();

	for (size_t i = 0; i < kind->n_columns; i++) {
		const struct table_column *c = &kind->columns[i];

		json_array_append_new(list,
		                      json_pack("{s:s, s:s, s:s, s:s, s:i}", "name", c->name,
		                                "type", c->type, "format", c->format, "description",
		                                c->description, "priority", c->priority));
	}
	return list;
}

/* The object of a row: nothing, its metadata or itself, as the client asked. */
static json_t *row_object(const struct kind *kind, json_t *object, const char *include)
{
	json_t *metadata = json_object_get(object, "metadata");

	if (strcmp(include, "None") == 0 || !metadata)
		return NULL;
	if (strcmp(include, "Object") != 0)
		return json_pack("{s:s, s:s, s:O}", "kind", "PartialObjectMetadata", "apiVersion",
		                 "meta.k8s.io/v1", "metadata", metadata);
	object = json_copy(object);
	json_object_set_new(object, "kind", json_string(kind->name));
	json_object_set_new(object, "apiVersion", json_string(kind_api_version(kind)));
	return object;
}

json_t *kind_table(const struct kind *kind, json_t *const *objects, size_t n, const char *include,
                   int64_t now)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *cells = json_array();
		json_t *row = json_pack("{s:o}", "cells", cells);
		json_t *object = row_object(kind, objects[i], include);

		kind->row(objects[i], now, cells);
		if (object)
			json_object_set_new(row, "object", object);
		json_array_append_new(rows, row);
	}
	return json_pack("{s:s, s:s, s:{}, s:o, s:o}", "kind", "Table", "apiVersion",
	                 "meta.k8s.io/v1", "metadata", "columnDefinitions",
	                 column_definitions(kind), "rows", rows);
}
