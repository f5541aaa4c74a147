/* SPDX-License-Identifier: Apache-2.0 */
#include "store/object.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/json_write.h"

#define METADATA "\"metadata\":"

struct store_object *store_object_ref(const struct store_object *object)
{
	/* Constant to its readers; the count belongs to the owner's thread. */
	struct store_object *mine = (struct store_object *)object;

	mine->refs++;
	return mine;
}

void store_object_unref(const struct store_object *object)
{
	struct store_object *mine = (struct store_object *)object;

	if (!mine)
		return;
	assert(mine->refs > 0);
	if (--mine->refs == 0)
		free(mine);
}

json_t *store_object_json(const struct store_object *object)
{
	json_t *tree = json_loadb(object->text, object->size, JSON_ALLOW_NUL, NULL);

	assert(tree);
	return tree;
}

size_t object_footprint(const struct store_object *object)
{
	/* The text is the last part of the allocation. */
	return (size_t)(object->text + object->size + 1 - (const char *)object);
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

static size_t labels_size(json_t *map, size_t *ret_n)
{
	size_t size = 0, n = 0;
	const char *key;
	json_t *value;

	json_object_foreach(map, key, value) {
		if (!json_is_string(value))
			continue;
		size += strlen(key) + strlen(json_string_value(value)) + 2;
		n++;
	}
	*ret_n = n;
	return size;
}

static const char *put_string(char **at, const char *s)
{
	char *start = *at;

	*at = stpcpy(start, s) + 1;
	return start;
}

static void put_labels(char **at, json_t *map, struct labels *labels)
{
	const char *key;
	json_t *value;

	json_object_foreach(map, key, value) {
		if (!json_is_string(value))
			continue;
		labels->list[labels->n++] = (struct label){
			.key = put_string(at, key),
			.value = put_string(at, json_string_value(value)),
		};
	}
	if (labels->n)
		qsort(labels->list, labels->n, sizeof(*labels->list), compare_labels);
}

/* 'fixed' has what is known already: revision, kind, size, body. */
static struct store_object *assemble(const struct store_object *fixed, const char *ns,
                                     const char *name, json_t *labels, const char *text)
{
	size_t n_labels, strings = labels_size(labels, &n_labels) + strlen(ns) + strlen(name) + 2;
	struct store_object *object = xmalloc(sizeof(*object) + n_labels * sizeof(struct label) +
	                                      strings + fixed->size + 1);
	struct label *list = (struct label *)(object + 1);
	char *at = (char *)(list + n_labels);

	*object = *fixed;
	object->refs = 1;
	object->labels = (struct labels){ .list = list };
	object->namespace = put_string(&at, ns);
	object->name = put_string(&at, name);
	put_labels(&at, labels, &object->labels);
	object->text = at;
	memcpy(at, text, fixed->size);
	at[fixed->size] = '\0';
	return object;
}

/* '{"kind":"Service","apiVersion":"v1",', which every text of the kind begins with. */
static void add_type(struct buf *b, const struct kind *kind)
{
	buf_printf(b, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",", kind->name,
	           kind_api_version(kind));
}

static void add_members(struct buf *b, json_t *tree)
{
	const char *key;
	json_t *value;

	buf_adds(b, METADATA);
	json_write(b, json_object_get(tree, "metadata"));
	json_object_foreach(tree, key, value) {
		if (strcmp(key, "kind") == 0 || strcmp(key, "apiVersion") == 0 ||
		    strcmp(key, "metadata") == 0)
			continue;
		buf_addc(b, ',');
		buf_add_json_string(b, key);
		buf_addc(b, ':');
		json_write(b, value);
	}
	buf_addc(b, '}');
}

struct store_object *object_new(const struct kind *kind, const char *ns, const char *name,
                                json_t *tree, uint64_t revision)
{
	struct store_object fixed = { .revision = revision, .kind = kind };
	auto_buf struct buf b = BUF_INIT;

	assert(json_is_object(tree));
	json_path_set(tree, "metadata.resourceVersion",
	              json_sprintf("%llu", (unsigned long long)revision));
	add_type(&b, kind);
	fixed.body = b.n;
	add_members(&b, tree);
	fixed.size = b.n;
	return assemble(&fixed, ns, name, json_path(tree, "metadata.labels"), b.p);
}

int object_load(const struct kind *kind, const struct db_row *row, struct store_object **ret,
                struct err *err)
{
	struct store_object fixed = { .revision = row->revision, .kind = kind, .size = row->size };
	auto_json json_t *metadata = NULL;
	auto_buf struct buf b = BUF_INIT;
	json_error_t e;

	add_type(&b, kind);
	fixed.body = b.n;
	buf_adds(&b, METADATA);
	if (row->size < b.n || memcmp(row->text, b.p, b.n) != 0)
		return err_set(err, -EUCLEAN, "the text of %s %s/%s does not begin with %s",
		               kind->plural, row->ns, row->name, b.p);
	/* Labels are all that is wanted of it: reading metadata only is several times faster. */
	metadata = json_loadb(row->text + b.n, row->size - b.n,
	                      JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK, &e);
	if (!json_is_object(metadata))
		return err_set(err, -EUCLEAN, "the metadata of %s %s/%s cannot be read: %s",
		               kind->plural, row->ns, row->name, e.text);
	*ret = assemble(&fixed, row->ns, row->name, json_path(metadata, "labels"), row->text);
	return 0;
}
