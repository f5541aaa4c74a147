/* SPDX-License-Identifier: Apache-2.0 */
#include "control/slice_writes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "control/slice_json.h"
#include "kube/json.h"
#include "kube/kind.h"

enum write_state {
	WRITE_HELD,    /* a delete, until the creates and updates are through */
	WRITE_PENDING, /* in writes->pending */
	WRITE_RUNNING, /* the request is under way */
	WRITE_AWAITED, /* answered, but the cache does not show it yet */
};

struct slice_write {
	struct list_node in_batch, in_pending;
	struct slice_batch *batch;
	enum slice_op op;
	enum write_state state;
	char *name; /* NULL: the server has not told it yet */
	json_t *body;
	struct client_call *call;
	uint64_t revision; /* WRITE_AWAITED: what the cache is to show */
};

struct slice_batch {
	struct slice_writes *writes;
	struct cached_service *service;
	struct list_node list; /* struct slice_write that are not over */
	struct timer *patience;
	struct err err; /* of the first that failed */
};

void slice_writes_init(
	struct slice_writes *writes, struct client *client, struct slice_cache *cache,
	void (*over)(void *arg, struct cached_service *service, const struct err *err), void *arg)
{
	*writes = (struct slice_writes){ .client = client,
		                         .cache = cache,
		                         .running_max = 32,
		                         .patience = 30 * NSEC_PER_SEC,
		                         .over = over,
		                         .arg = arg };
	list_init(&writes->pending);
}

static void write_free(struct slice_write *write)
{
	if (write->call) {
		client_cancel(write->call);
		write->batch->writes->n_running--;
	}
	list_remove(&write->in_batch);
	list_remove(&write->in_pending);
	json_decref(write->body);
	free(write->name);
	free(write);
}

static void batch_free(struct slice_batch *batch)
{
	struct slice_write *write, *after;

	list_for_each_safe(write, after, in_batch, &batch->list) write_free(write);
	timer_free(batch->patience);
	batch->service->batch = NULL;
	free(batch);
}

void slice_writes_cancel(struct cached_service *service)
{
	if (service->batch)
		batch_free(service->batch);
}

static void batch_over(struct slice_batch *batch)
{
	struct slice_writes *writes = batch->writes;
	struct cached_service *service = batch->service;
	struct err err = batch->err;

	batch_free(batch);
	writes->over(writes->arg, service, err.code < 0 ? &err : NULL);
}

static void patience_lost(void *arg)
{
	struct slice_batch *batch = arg;

	(void)err_set(&batch->err, -ETIMEDOUT,
	              "the watch has not shown what was written within %d s",
	              (int)(batch->writes->patience / NSEC_PER_SEC));
	batch_over(batch);
}

static size_t count(const struct slice_batch *batch, enum write_state state)
{
	const struct slice_write *write;
	size_t n = 0;

	list_for_each(write, in_batch, &batch->list)
		n += write->state == state;
	return n;
}

static void make_pending(struct slice_write *write)
{
	write->state = WRITE_PENDING;
	list_add_tail(&write->batch->writes->pending, &write->in_pending);
}

/* Something of the batch is over: what now? */
static void advance(struct slice_batch *batch)
{
	struct slice_write *write, *after;

	if (count(batch, WRITE_PENDING) + count(batch, WRITE_RUNNING) > 0)
		return;
	list_for_each_safe(write, after, in_batch, &batch->list)
	{
		if (write->state != WRITE_HELD)
			continue;
		if (batch->err.code < 0)
			write_free(write);
		else
			make_pending(write);
	}
	if (list_empty(&batch->list)) {
		batch_over(batch);
	} else if (count(batch, WRITE_PENDING) == 0 && !batch->patience) {
		batch->patience = timer_new(client_loop(batch->writes->client), patience_lost,
		                            batch);
		timer_once(batch->patience, batch->writes->patience);
	}
}

/* ---- requests ---- */

/* A namespace that is going takes its slices with it: there is nothing to be done and no error. */
static bool namespace_terminating(const json_t *answer)
{
	const json_t *cause;
	size_t i;

	json_array_foreach(json_path(answer, "details.causes"), i, cause)
		if (strcmp(json_path_str(cause, "reason"), "NamespaceTerminating") == 0)
			return true;
	return false;
}

/* True if the cache shows it already; else the write knows what to wait for. */
static bool shown(struct slice_write *write, const json_t *answer)
{
	const struct slice_batch *batch = write->batch;
	const char *name = json_path_str(answer, "metadata.name");
	struct cached_slice *cached;

	if (!write->name)
		write->name = xstrdup(name);
	if (parse_u64(json_path_str(answer, "metadata.resourceVersion"), UINT64_MAX,
	              &write->revision) < 0)
		write->revision = 0;
	cached = slice_cache_find_slice(batch->writes->cache, batch->service->ns, write->name);
	if (write->op == SLICE_DELETE)
		return !cached;
	if (!cached || cached->slice->meta.revision < write->revision)
		return false;
	if (cached->slice->meta.revision == write->revision)
		cached->known = write->revision;
	return true;
}

static void pump(struct slice_writes *writes);

static void answered(void *arg, int status, json_t *answer, const struct err *err)
{
	struct slice_write *write = arg;
	struct slice_batch *batch = write->batch;
	struct slice_writes *writes = batch->writes;
	bool deleted = write->op == SLICE_DELETE && status == 404;

	write->call = NULL;
	writes->n_running--;
	if (err->code < 0 && !deleted) {
		if (batch->err.code == 0 && !namespace_terminating(answer))
			batch->err = *err;
		write_free(write);
	} else if (shown(write, answer)) {
		write_free(write);
	} else {
		write->state = WRITE_AWAITED;
	}
	advance(batch);
	pump(writes);
}

static void send_write(struct slice_writes *writes, struct slice_write *write)
{
	static const char *const methods[] = {
		[SLICE_CREATE] = "POST", [SLICE_UPDATE] = "PUT", [SLICE_DELETE] = "DELETE"
	};
	auto_free char *path = kind_path(&kind_endpoint_slice, write->batch->service->ns,
	                                 write->name);

	write->state = WRITE_RUNNING;
	writes->n_running++;
	write->call = client_request(writes->client,
	                             &(struct client_request){ .method = methods[write->op],
	                                                       .path = path,
	                                                       .body = write->body,
	                                                       .done = answered,
	                                                       .arg = write });
	json_decref(take_ptr(&write->body));
}

static void pump(struct slice_writes *writes)
{
	struct slice_write *write;

	while (writes->n_running < writes->running_max &&
	       (write = list_first(&writes->pending, struct slice_write, in_pending))) {
		list_remove(&write->in_pending);
		send_write(writes, write);
	}
}

static json_t *delete_options(const struct endpoint_slice *slice)
{
	return json_pack("{s:s,s:s,s:{s:s}}", "kind", "DeleteOptions", "apiVersion", "v1",
	                 "preconditions", "uid", slice->meta.uid);
}

static void add_write(struct slice_batch *batch, const struct slice_plan *plan,
                      const struct slice_change *change, int64_t trigger)
{
	struct slice_write *write = xnew(struct slice_write);

	write->batch = batch;
	write->op = change->op;
	list_init(&write->in_pending);
	list_add_tail(&batch->list, &write->in_batch);
	if (change->slice)
		write->name = xstrdup(change->slice->meta.name);
	write->body = change->op == SLICE_DELETE
	                      ? delete_options(change->slice)
	                      : slice_json(batch->service->service, plan, change, trigger);
	if (change->op == SLICE_DELETE)
		write->state = WRITE_HELD;
	else
		make_pending(write);
}

void slice_writes_start(struct slice_writes *writes, struct cached_service *service,
                        const struct slice_plan *plan, int64_t trigger)
{
	struct slice_batch *batch = xnew(struct slice_batch);

	batch->writes = writes;
	batch->service = service;
	list_init(&batch->list);
	service->batch = batch;
	for (size_t i = 0; i < plan->n; i++)
		add_write(batch, plan, &plan->changes[i], trigger);
	advance(batch);
	pump(writes);
}

/* ---- what the watch shows ---- */

static struct slice_write *find_write(const struct cached_service *service, const char *name)
{
	struct slice_write *write;

	if (!service->batch)
		return NULL;
	list_for_each(write, in_batch, &service->batch->list)
		if (write->name && strcmp(write->name, name) == 0)
			return write;
	return NULL;
}

static void write_shown(struct slice_write *write)
{
	struct slice_batch *batch = write->batch;

	write_free(write);
	advance(batch);
}

bool slice_writes_seen(struct slice_writes *writes, struct cached_slice *slice)
{
	struct slice_write *write = find_write(slice->owner, slice->slice->meta.name);
	uint64_t revision = slice->slice->meta.revision;
	bool ours;

	if (!write || write->state != WRITE_AWAITED || write->op == SLICE_DELETE ||
	    revision < write->revision)
		return false;
	ours = revision == write->revision;
	if (ours)
		slice->known = revision;
	write_shown(write);
	pump(writes);
	return ours;
}

bool slice_writes_deletes(const struct cached_service *service, const char *name)
{
	const struct slice_write *write = find_write(service, name);

	return write && write->op == SLICE_DELETE;
}

void slice_writes_gone(struct slice_writes *writes, struct cached_service *service,
                       const char *name)
{
	struct slice_write *write = find_write(service, name);

	/* also one we wrote and somebody deleted before the watch showed it: no use in waiting on */
	if (write && write->state == WRITE_AWAITED) {
		write_shown(write);
		pump(writes);
	}
}
