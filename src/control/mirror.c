/* SPDX-License-Identifier: Apache-2.0 */
#include "control/mirror.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/reflector.h"
#include "control/mirror_plan.h"
#include "control/slice_cache.h"
#include "kube/json.h"
#include "kube/kind.h"

#define RUNNING_MAX 16
#define DELAY_MIN   (100 * NSEC_PER_MSEC)

/* A slice of ours that is there. */
struct mirrored {
	struct hnode by_name;
	struct cached_service *service;
	char name[]; /* in the namespace of the Service */
};

struct mirror {
	struct client *client;
	struct endpoint_slices *slices;
	struct slice_cache *cache;
	struct workqueue queue;
	struct service_listener listener;
	struct reflector *reflector;
	struct hmap mirrored;
};

/* A Service that is looked at: Endpoints read, slices read, then one write after the other. */
struct mirror_job {
	struct mirror *mirror;
	struct cached_service *service;
	struct client_call *call;
	json_t *endpoints; /* a reference; NULL: nothing is to be mirrored */
	json_t *writes;    /* of mirror_plan() */
	size_t n_written;
};

/* With half of the picture, what is mirrored would look as if it were to go. */
static void drain(void *arg)
{
	struct mirror *mirror = arg;

	if (mirror->cache->endpoints_known && endpoint_slices_ready(mirror->slices))
		workqueue_drain(&mirror->queue);
}

static void job_free(struct mirror_job *job)
{
	if (job->call)
		client_cancel(job->call);
	json_decref(job->endpoints);
	json_decref(job->writes);
	job->service->mirror_job = NULL;
	free(job);
}

/* 'err' is NULL if all went well. */
static void job_over(struct mirror_job *job, const struct err *err)
{
	struct mirror *mirror = job->mirror;
	struct cached_service *service = job->service;
	int64_t delay;

	job_free(job);
	delay = workqueue_finish(&mirror->queue, &service->mirror_work, !err);
	if (err && err->code != -EEXIST && delay >= NSEC_PER_SEC)
		log_warn("control", "cannot mirror the Endpoints %s/%s: %s; trying again in %d s",
		         service->ns, service->name, err->msg, (int)(delay / NSEC_PER_SEC));
	if (!err)
		slice_cache_drop(mirror->cache, service);
	drain(mirror);
}

static void request(struct mirror_job *job, const char *method, const char *path,
                    const json_t *body,
                    void (*done)(void *arg, int status, json_t *answer, const struct err *err))
{
	job->call = client_request(
		job->mirror->client,
		&(struct client_request){
			.method = method, .path = path, .body = body, .done = done, .arg = job });
}

/* ---- the steps ---- */

static void write_next(struct mirror_job *job);

/* What has gone (404) and a namespace that is going (403) need nothing any more. */
static void written(void *arg, int status, json_t *answer, const struct err *err)
{
	struct mirror_job *job = arg;

	(void)answer;
	job->call = NULL;
	if (err->code < 0 && status != 404 && status != 403)
		job_over(job, err);
	else
		write_next(job);
}

static void write_next(struct mirror_job *job)
{
	const json_t *write = json_array_get(job->writes, job->n_written++);
	auto_free char *path = NULL;

	if (!write) {
		job_over(job, NULL);
		return;
	}
	path = kind_path(&kind_endpoint_slice, job->service->ns, json_path_string(write, "name"));
	request(job, json_path_str(write, "method"), path, json_path(write, "body"), written);
}

static void got_slices(void *arg, int status, json_t *answer, const struct err *err)
{
	struct mirror_job *job = arg;
	size_t bad, beyond;

	(void)status;
	job->call = NULL;
	if (err->code < 0) {
		job_over(job, err);
		return;
	}
	job->writes = mirror_plan(job->endpoints, json_path(answer, "items"), &bad, &beyond);
	if (bad + beyond > 0)
		log_warn("control",
		         "Endpoints %s/%s: %zu addresses are no IP addresses and %zu more are "
		         "beyond %d a subset; they are not mirrored",
		         job->service->ns, job->service->name, bad, beyond, MIRROR_ADDRESSES_MAX);
	write_next(job);
}

static void list_slices(struct mirror_job *job)
{
	auto_free char *collection = kind_path(&kind_endpoint_slice, job->service->ns, NULL);
	auto_free char *path =
		xasprintf("%s?labelSelector=kubernetes.io%%2Fservice-name%%3D%s%%2C"
	                  "endpointslice.kubernetes.io%%2Fmanaged-by%%3D" MIRROR_MANAGER,
	                  collection, job->service->name);

	request(job, "GET", path, NULL, got_slices);
}

static void got_endpoints(void *arg, int status, json_t *answer, const struct err *err)
{
	struct mirror_job *job = arg;

	job->call = NULL;
	if (err->code < 0 && status != 404) {
		job_over(job, err);
		return;
	}
	if (status != 404)
		job->endpoints = json_incref(answer);
	list_slices(job);
}

static bool is_mirrored(const struct cached_service *service)
{
	return service->service && service->service->selector.n == 0 && service->endpoints.exists &&
	       service->endpoints.mirrorable;
}

static void run(void *arg, struct work_item *item)
{
	struct mirror *mirror = arg;
	struct cached_service *service = list_entry(item, struct cached_service, mirror_work);
	struct mirror_job *job;
	auto_free char *path = NULL;

	if (!is_mirrored(service) && service->n_mirrored == 0) {
		(void)workqueue_finish(&mirror->queue, item, true);
		slice_cache_drop(mirror->cache, service);
		return;
	}
	job = xnew(struct mirror_job);
	job->mirror = mirror;
	job->service = service;
	service->mirror_job = job;
	if (!is_mirrored(service)) {
		list_slices(job);
		return;
	}
	path = kind_path(&kind_endpoints, service->ns, service->name);
	request(job, "GET", path, NULL, got_endpoints);
}

/* ---- what the watches bring ---- */

static void touched(void *arg, struct cached_service *service)
{
	struct mirror *mirror = arg;

	/* Pods come and go all the time, and few Services are mirrored */
	if (is_mirrored(service) || service->n_mirrored > 0)
		workqueue_add(&mirror->queue, &service->mirror_work);
}

static uint64_t name_hash(const char *ns, const char *name)
{
	return hash_combine(hash_str(ns), hash_str(name));
}

static struct mirrored *find(const struct mirror *mirror, const char *ns, const char *name)
{
	struct mirrored *mirrored;

	hmap_for_each_with_hash(mirrored, by_name, name_hash(ns, name), &mirror->mirrored)
		if (strcmp(mirrored->name, name) == 0 && strcmp(mirrored->service->ns, ns) == 0)
			return mirrored;
	return NULL;
}

static void removed(void *arg, const char *ns, const char *name)
{
	struct mirror *mirror = arg;
	struct mirrored *mirrored = find(mirror, ns, name);

	if (!mirrored)
		return;
	mirrored->service->n_mirrored--;
	workqueue_add(&mirror->queue, &mirrored->service->mirror_work);
	hmap_remove(&mirror->mirrored, &mirrored->by_name);
	free(mirrored);
}

static void upsert(void *arg, const json_t *object)
{
	struct mirror *mirror = arg;
	const char *ns = json_path_str(object, "metadata.namespace");
	const char *name = json_path_str(object, "metadata.name");
	const json_t *labels = json_path(object, "metadata.labels");
	const char *service = json_string_value(json_object_get(labels, LABEL_SERVICE_NAME));
	size_t size = strlen(name) + 1;
	struct mirrored *mirrored = find(mirror, ns, name);

	if (mirrored && (!service || strcmp(mirrored->service->name, service) != 0))
		removed(mirror, ns, name);
	if (!service)
		return;
	mirrored = find(mirror, ns, name);
	if (!mirrored) {
		mirrored = xcalloc(1, sizeof(*mirrored) + size);
		memcpy(mirrored->name, name, size);
		mirrored->service = slice_cache_need(mirror->cache, ns, service);
		mirrored->service->n_mirrored++;
		hmap_insert(&mirror->mirrored, &mirrored->by_name, name_hash(ns, name));
	}
	workqueue_add(&mirror->queue, &mirrored->service->mirror_work);
}

static void settled(void *arg)
{
	drain(arg);
}

static void trouble(void *arg, const struct err *err, int64_t retry_ns)
{
	(void)arg;
	log_warn("control", "%s; trying again in %d ms", err->msg, (int)(retry_ns / NSEC_PER_MSEC));
}

static const struct reflector_handler handler = { upsert, removed, NULL, settled, trouble };

struct mirror *mirror_new(struct client *client, struct endpoint_slices *slices)
{
	struct mirror *mirror = xnew(struct mirror);

	mirror->client = client;
	mirror->slices = slices;
	mirror->cache = endpoint_slices_cache(slices);
	workqueue_init(&mirror->queue, client_loop(client), run, mirror);
	mirror->queue.delay_min = DELAY_MIN;
	mirror->queue.running_max = RUNNING_MAX;
	mirror->listener =
		(struct service_listener){ .settled = drain, .touched = touched, .arg = mirror };
	slice_cache_listen(mirror->cache, &mirror->listener);
	mirror->reflector = reflector_new(client, "/apis/discovery.k8s.io/v1/endpointslices",
	                                  "labelSelector=endpointslice.kubernetes.io%2Fmanaged-by"
	                                  "%3D" MIRROR_MANAGER,
	                                  &handler, mirror);
	return mirror;
}

void mirror_free(struct mirror *mirror)
{
	struct cached_service *service;
	struct mirrored *mirrored, *next;

	if (!mirror)
		return;
	reflector_free(mirror->reflector);
	list_remove(&mirror->listener.in_cache);
	hmap_for_each(service, by_name, &mirror->cache->services) {
		work_item_done(&service->mirror_work);
		if (service->mirror_job)
			job_free(service->mirror_job);
	}
	hmap_for_each_safe(mirrored, next, by_name, &mirror->mirrored)
		free(mirrored);
	hmap_done(&mirror->mirrored);
	free(mirror);
}
