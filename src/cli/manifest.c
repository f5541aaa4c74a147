/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "kube/decode.h"
#include "kube/json.h"
#include "kube/kind.h"

static void take_apart(const json_t *document, json_t *objects)
{
	const json_t *items = json_object_get(document, "items");
	const char *kind = json_path_str(document, "kind");
	size_t n = strlen(kind), i;
	json_t *item;

	if (n < 4 || strcmp(kind + n - 4, "List") != 0 || !json_is_array(items)) {
		(void)json_array_append(objects, (json_t *)document);
		return;
	}
	json_array_foreach(items, i, item)
		take_apart(item, objects);
}

static int read_file(const char *path, json_t *objects, struct err *err)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	auto_json json_t *documents = NULL;
	auto_free char *text = NULL;
	json_t *document;
	size_t size, i;
	int r;

	r = file_read(path, MANIFEST_SIZE_MAX, &text, &size, err);
	if (r < 0)
		return r;
	r = decode_yaml(text, size, name, &documents, err);
	if (r < 0)
		return r;
	json_array_foreach(documents, i, document) {
		if (!json_is_object(document))
			return err_set(err, -EINVAL, "%s: document %zu is not an object", name,
			               i + 1);
		take_apart(document, objects);
	}
	return 0;
}

static int is_manifest(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0);
}

static int read_folder(const char *path, json_t *objects, struct err *err)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_manifest, alphasort);
	int r = 0;

	if (n < 0)
		return err_errno(err, "cannot read the folder %s", path);
	if (n == 0)
		r = err_set(err, -ENOENT, "no .yaml, .yml or .json file in %s", path);
	for (int i = 0; i < n; i++) {
		auto_free char *file = xasprintf("%s/%s", path, entries[i]->d_name);

		if (r == 0)
			r = read_file(file, objects, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int manifest_read(const char *const *files, json_t **ret, struct err *err)
{
	auto_json json_t *objects = json_array();
	struct stat st;
	int r;

	for (; *files; files++) {
		if (stat(*files, &st) == 0 && S_ISDIR(st.st_mode))
			r = read_folder(*files, objects, err);
		else
			r = read_file(*files, objects, err);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(&objects);
	return 0;
}

int manifest_read_known(const char *const *files, json_t **ret, struct err *err)
{
	auto_json json_t *objects = NULL;
	json_t *object;
	size_t i;
	int r;

	r = manifest_read(files, &objects, err);
	if (r < 0)
		return r;
	if (json_array_size(objects) == 0)
		return err_set(err, -EINVAL, "no objects passed: %s has none", files[0]);
	json_array_foreach(objects, i, object) {
		const char *version = json_path_str(object, "apiVersion");
		const char *kind = json_path_str(object, "kind");
		const char *name = json_path_str(object, "metadata.name");

		if (!*kind || !*version)
			return err_set(err, -EINVAL, "object %zu of %s has no %s", i + 1, files[0],
			               *kind ? "apiVersion" : "kind");
		if (!kind_of(object))
			return err_set(err, -EINVAL,
			               "no matches for kind \"%s\" in version \"%s\" (object %zu)",
			               kind, version, i + 1);
		if (!*name)
			return err_set(err, -EINVAL, "%s number %zu has no metadata.name", kind,
			               i + 1);
	}
	*ret = take_ptr(&objects);
	return 0;
}
