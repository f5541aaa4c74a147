/* SPDX-License-Identifier: Apache-2.0 */
#include "server/namespace_conditions.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "kube/json.h"

#define ERRORS_MAX 16 /* that a condition tells */

static void count(json_t **counts, const char *key)
{
	json_int_t n;

	if (!*counts)
		*counts = json_object();
	n = json_integer_value(json_object_get(*counts, key));
	json_object_set_new(*counts, key, json_integer(n + 1));
}

void namespace_remains_add(struct namespace_remains *remains, const char *plural, const char *group,
                           const json_t *object)
{
	auto_free char *resource = xasprintf("%s.%s", plural, group);
	json_t *finalizer;
	size_t i;

	count(&remains->resources, resource);
	json_array_foreach(json_path(object, "metadata.finalizers"), i, finalizer)
		if (json_is_string(finalizer))
			count(&remains->finalizers, json_string_value(finalizer));
}

void namespace_remains_add_error(struct namespace_remains *remains, const char *message)
{
	json_t *one;
	size_t i;

	if (!remains->errors)
		remains->errors = json_array();
	json_array_foreach(remains->errors, i, one)
		if (strcmp(json_string_value(one), message) == 0)
			return;
	if (json_array_size(remains->errors) < ERRORS_MAX)
		json_array_append_new(remains->errors, json_string_of(message));
}

void namespace_remains_done(struct namespace_remains *remains)
{
	json_decref(remains->resources);
	json_decref(remains->finalizers);
	json_decref(remains->errors);
	*remains = (struct namespace_remains){ 0 };
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the texts in order, with commas between; frees them. */
static void add_sorted(struct buf *b, char **texts, size_t n)
{
	qsort(texts, n, sizeof(*texts), compare_texts);
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "%s%s", i ? ", " : "", texts[i]);
		free(texts[i]);
	}
	free(texts);
}

/* "KEY WORD 2 resource instances, ..." */
static void add_counts(struct buf *b, json_t *counts, const char *word)
{
	char **texts = xcalloc(json_object_size(counts) + 1, sizeof(*texts));
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach(counts, key, value)
		texts[n++] = xasprintf("%s %s %lld resource instances", key, word,
		                       (long long)json_integer_value(value));
	add_sorted(b, texts, n);
}

static void add_errors(struct buf *b, const json_t *errors)
{
	char **texts = xcalloc(json_array_size(errors) + 1, sizeof(*texts));
	json_t *one;
	size_t i;

	json_array_foreach(errors, i, one)
		texts[i] = xstrdup(json_string_value(one));
	buf_printf(b,
	           "Failed to delete all resource types, %zu remaining: ", json_array_size(errors));
	add_sorted(b, texts, json_array_size(errors));
}

/* NULL if there is none of that type. */
static json_t *find_condition(const json_t *conditions, const char *type)
{
	json_t *condition;
	size_t i;

	json_array_foreach(conditions, i, condition)
		if (strcmp(json_path_str(condition, "type"), type) == 0)
			return condition;
	return NULL;
}

static bool set_condition(json_t *conditions, const char *type, bool is, const char *reason,
                          const char *message)
{
	const char *status = is ? "True" : "False";
	json_t *condition = find_condition(conditions, type);
	char now[CLOCK_TEXT_SIZE];

	clock_format(clock_wall(), now);
	if (!condition) {
		json_array_append_new(conditions,
		                      json_pack("{s:s,s:s,s:s,s:s,s:s}", "type", type, "status",
		                                status, "lastTransitionTime", now, "reason", reason,
		                                "message", message));
		return true;
	}
	if (strcmp(json_path_str(condition, "status"), status) == 0 &&
	    strcmp(json_path_str(condition, "reason"), reason) == 0 &&
	    strcmp(json_path_str(condition, "message"), message) == 0)
		return false;
	if (strcmp(json_path_str(condition, "status"), status) != 0)
		json_object_set_new(condition, "lastTransitionTime", json_string(now));
	json_object_set_new(condition, "status", json_string(status));
	json_object_set_new(condition, "reason", json_string(reason));
	json_object_set_new(condition, "message", json_string(message));
	return true;
}

bool namespace_conditions_update(json_t *namespace, const struct namespace_remains *remains)
{
	auto_buf struct buf errors = BUF_INIT, content = BUF_INIT, finalizers = BUF_INIT;
	json_t *conditions = json_path(namespace, "status.conditions");
	bool changed;

	if (!json_is_array(conditions)) {
		conditions = json_array();
		json_path_set(namespace, "status.conditions", conditions);
	}
	add_errors(&errors, remains->errors);
	buf_adds(&content, "Some resources are remaining: ");
	add_counts(&content, remains->resources, "has");
	buf_adds(&finalizers, "Some content in the namespace has finalizers remaining: ");
	add_counts(&finalizers, remains->finalizers, "in");

	/* The server knows its own kinds: finding and reading them cannot fail. */
	changed = set_condition(conditions, "NamespaceDeletionDiscoveryFailure", false,
	                        "ResourcesDiscovered", "All resources successfully discovered");
	changed |= set_condition(conditions, "NamespaceDeletionGroupVersionParsingFailure", false,
	                         "ParsedGroupVersions",
	                         "All legacy kube types successfully parsed");
	if (json_array_size(remains->errors))
		changed |= set_condition(conditions, "NamespaceDeletionContentFailure", true,
		                         "ContentDeletionFailed", buf_str(&errors));
	else
		changed |= set_condition(conditions, "NamespaceDeletionContentFailure", false,
		                         "ContentDeleted",
		                         "All content successfully deleted, may be waiting on "
		                         "finalization");
	if (json_object_size(remains->resources))
		changed |= set_condition(conditions, "NamespaceContentRemaining", true,
		                         "SomeResourcesRemain", buf_str(&content));
	else
		changed |= set_condition(conditions, "NamespaceContentRemaining", false,
		                         "ContentRemoved", "All content successfully removed");
	if (json_object_size(remains->finalizers))
		changed |= set_condition(conditions, "NamespaceFinalizersRemaining", true,
		                         "SomeFinalizersRemain", buf_str(&finalizers));
	else
		changed |= set_condition(conditions, "NamespaceFinalizersRemaining", false,
		                         "ContentHasNoFinalizers",
		                         "All content-preserving finalizers finished");
	return changed;
}
