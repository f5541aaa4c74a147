/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"

#define WAIT_MS 10000

void harness_init(struct harness *h)
{
	*h = (struct harness){ .dir = "/tmp/fairlead-store-XXXXXX" };
	assert_non_null(mkdtemp(h->dir));
	(void)snprintf(h->path, sizeof(h->path), "%s/state.db", h->dir);
	h->config.path = h->path;
}

void harness_open(struct harness *h)
{
	struct err err = { 0 };

	if (store_open(&h->config, &h->store, &err) < 0)
		fail_msg("%s", err.msg);
}

void harness_close(struct harness *h)
{
	if (h->store)
		store_close(h->store);
	h->store = NULL;
}

static void remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		(void)closedir(dir);
	(void)rmdir(path);
}

void harness_done(struct harness *h)
{
	harness_close(h);
	remove_folder(h->dir);
}

int harness_setup(void **state)
{
	struct harness *h = xnew(struct harness);

	harness_init(h);
	harness_open(h);
	*state = h;
	return 0;
}

int harness_teardown(void **state)
{
	harness_done(*state);
	free(*state);
	return 0;
}

static json_t *object_of(const char *ns, const char *name, const char *value)
{
	return json_pack("{s:{s:s,s:s,s:{s:s}},s:s,s:{s:s}}", "metadata", "name", name, "namespace",
	                 ns, "labels", "value", value, "kind", "ignored", "spec", "value", value);
}

static int change(void *arg, const struct store_object *old, struct store_change *ret)
{
	struct op *op = arg;

	op->changed++;
	op->old_revision = old ? old->revision : 0;
	if (op->on_change)
		op->on_change(op, old);
	if (op->refuse)
		return op->refuse;
	ret->op = op->op;
	if (op->json)
		ret->object = json_loads(op->json, 0, NULL);
	else if (op->value)
		ret->object = object_of(op->ns, op->name, op->value);
	for (size_t i = 0; i < ARRAY_SIZE(op->with) && op->with[i].name; i++)
		ret->companions[ret->n_companions++] = (struct store_companion){
			.kind = &kind_ip_address,
			.name = op->with[i].name,
			.object = op->with[i].value
			                  ? object_of("", op->with[i].name, op->with[i].value)
			                  : NULL,
		};
	return 0;
}

static void done(void *arg, int r, const struct store_object *object)
{
	struct op *op = arg;

	op->done++;
	op->r = r;
	op->revision = object ? object->revision : 0;
	op->text = object ? xstrdup(object->text) : NULL;
	if (op->on_done)
		op->on_done(op, object);
}

void op_start(struct harness *h, struct op *op)
{
	op->h = h;
	store_mutate(h->store, op->kind ? op->kind : &kind_service, op->ns, op->name, change, done,
	             op);
}

void op_wait(struct harness *h, struct op *op)
{
	struct pollfd ready = { .fd = store_fd(h->store), .events = POLLIN };

	while (!op->done) {
		if (poll(&ready, 1, WAIT_MS) != 1)
			fail_msg("%s/%s was not done in %d ms", op->ns, op->name, WAIT_MS);
		store_dispatch(h->store);
	}
	assert_int_equal(op->done, 1);
}

void op_done(struct op *op)
{
	free(op->text);
	op->text = NULL;
}

static uint64_t run(struct harness *h, struct op *op)
{
	op_start(h, op);
	op_wait(h, op);
	op_done(op);
	return op->revision;
}

uint64_t put(struct harness *h, const char *ns, const char *name, const char *value)
{
	struct op op = { .ns = ns, .name = name, .op = STORE_PUT, .value = value };
	uint64_t revision = run(h, &op);

	assert_int_equal(op.r, 0);
	return revision;
}

uint64_t drop(struct harness *h, const char *ns, const char *name)
{
	struct op op = { .ns = ns, .name = name, .op = STORE_REMOVE };
	uint64_t revision = run(h, &op);

	assert_int_equal(op.r, 0);
	return revision;
}

void put_many(struct harness *h, int n, const char *value)
{
	struct op *ops = xcalloc((size_t)n, sizeof(*ops));
	char(*names)[16] = xcalloc((size_t)n, sizeof(*names));

	for (int i = 0; i < n; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "n%04d", i);
		ops[i] = (struct op){
			.ns = "default", .name = names[i], .op = STORE_PUT, .value = value
		};
		op_start(h, &ops[i]);
	}
	for (int i = 0; i < n; i++) {
		op_wait(h, &ops[i]);
		assert_int_equal(ops[i].r, 0);
		op_done(&ops[i]);
	}
	free(ops);
	free(names);
}

int try_put(struct harness *h, const char *ns, const char *name, const char *value)
{
	struct op op = { .ns = ns, .name = name, .op = STORE_PUT, .value = value };

	(void)run(h, &op);
	return op.r;
}

char *listing(struct harness *h, const char *ns, const char *after)
{
	auto_free const struct store_object **objects = NULL;
	size_t n = store_list(h->store, &kind_service, ns, after, &objects);
	struct buf b = BUF_INIT;

	buf_adds(&b, "");
	for (size_t i = 0; i < n; i++) {
		auto_json json_t *tree = store_object_json(objects[i]);

		buf_printf(&b, "%s/%s=%s@%llu ", objects[i]->namespace, objects[i]->name,
		           json_path_str(tree, "spec.value"),
		           (unsigned long long)objects[i]->revision);
	}
	return buf_take(&b);
}
