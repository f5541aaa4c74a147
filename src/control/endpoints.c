/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoints.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "client/reflector.h"
#include "control/endpoints_plan.h"
#include "control/slice_cache.h"
#include "kube/json.h"
#include "kube/kind.h"

#define RUNNING_MAX       32
#define LABEL_SKIP_MIRROR "endpointslice.kubernetes.io/skip-mirror"
#define ANNOTATION_LEADER "control-plane.alpha.kubernetes.io/leader"

struct endpoints {
	struct client *client;
	struct endpoint_slices *slices;
	struct slice_cache *cache;
	struct workqueue queue;
	struct service_listener listener;
	struct reflector *reflector;
};

/* A write under way. */
struct endpoints_job {
	struct endpoints *controller;
	struct cached_service *service;
	struct client_call *call;
	int64_t told; /* the trigger that is being told */
	bool removes;
};

static void drain(void *arg)
{
	struct endpoints *controller = arg;

	if (controller->cache->endpoints_known && endpoint_slices_ready(controller->slices))
		workqueue_drain(&controller->queue);
}

/* A watch may show what is older than the answer to our own write. */
static void note(struct cached_service *service, const json_t *object)
{
	struct endpoints_note *endpoints = &service->endpoints;
	const json_t *labels = json_path(object, "metadata.labels");
	const json_t *annotations = json_path(object, "metadata.annotations");
	const char *manager = json_string_value(json_object_get(labels, LABEL_ENDPOINTS_MANAGER));
	const char *skip = json_string_value(json_object_get(labels, LABEL_SKIP_MIRROR));
	uint64_t revision = 0;

	(void)parse_u64(json_path_str(object, "metadata.resourceVersion"), UINT64_MAX, &revision);
	if (endpoints->exists && revision < endpoints->revision)
		return;
	*endpoints = (struct endpoints_note){
		.exists = true,
		.managed = manager && strcmp(manager, ENDPOINTS_MANAGER) == 0,
		.mirrorable = !(skip && strcmp(skip, "true") == 0) &&
		              !json_object_get(annotations, ANNOTATION_LEADER),
		.revision = revision,
		.digest = endpoints_digest(object),
	};
}

/* ---- writes ---- */

static void job_free(struct endpoints_job *job)
{
	if (job->call)
		client_cancel(job->call);
	job->service->endpoints_job = NULL;
	free(job);
}

static void finish(struct endpoints *controller, struct cached_service *service)
{
	(void)workqueue_finish(&controller->queue, &service->endpoints_work, true);
	slice_cache_drop(controller->cache, service);
}

static void failed(struct endpoints *controller, struct cached_service *service, int64_t told,
                   const struct err *err)
{
	int64_t delay;

	if (told && (!service->endpoints_trigger || told < service->endpoints_trigger))
		service->endpoints_trigger = told;
	delay = workqueue_finish(&controller->queue, &service->endpoints_work, false);
	if (err->code != -EEXIST && err->code != -ENOENT)
		log_warn("control", "cannot write the Endpoints of %s/%s: %s; trying again in %d s",
		         service->ns, service->name, err->msg, (int)(delay / NSEC_PER_SEC));
}

/* A namespace that is going refuses with 403: there is nothing to be done. */
static void written(void *arg, int status, json_t *answer, const struct err *err)
{
	struct endpoints_job *job = arg;
	struct endpoints *controller = job->controller;
	struct cached_service *service = job->service;
	int64_t told = job->told;
	bool removes = job->removes;

	job->call = NULL;
	job_free(job);
	if (removes && (err->code == 0 || status == 404))
		service->went = false;
	if (err->code == 0 && !removes)
		note(service, answer);
	if (err->code == 0 || status == 403 || (removes && status == 404))
		finish(controller, service);
	else
		failed(controller, service, told, err);
	drain(controller);
}

static void start(struct endpoints *controller, struct cached_service *service, const char *method,
                  const json_t *body)
{
	struct endpoints_job *job = xnew(struct endpoints_job);
	bool creates = strcmp(method, "POST") == 0;
	auto_free char *path = kind_path(&kind_endpoints, service->ns,
	                                 creates ? NULL : service->name);

	job->controller = controller;
	job->service = service;
	job->told = service->endpoints_trigger;
	job->removes = !body;
	service->endpoints_trigger = 0;
	service->endpoints_job = job;
	job->call = client_request(
		controller->client,
		&(struct client_request){ .method = method,
	                                  .path = path,
	                                  .content_type = creates || !body ? NULL
	                                                                   : CLIENT_PATCH_STRATEGIC,
	                                  .body = body,
	                                  .done = written,
	                                  .arg = job });
}

static void write_planned(struct endpoints *controller, struct cached_service *service)
{
	auto_free struct slice_pod *pods = NULL;
	size_t n = slice_cache_pods(controller->cache, service, &pods);
	auto_json json_t *planned = endpoints_plan(service->service, pods, n);
	auto_json json_t *patch = NULL;

	if (service->endpoints.exists && service->endpoints.digest == endpoints_digest(planned)) {
		service->endpoints_trigger = 0;
		finish(controller, service);
		return;
	}
	endpoints_set_trigger(planned, service->endpoints_trigger);
	patch = endpoints_patch(planned);
	if (service->endpoints.exists)
		start(controller, service, "PATCH", patch);
	else
		start(controller, service, "POST", planned);
}

/* Endpoints without a Service are the user's, unless there was one or we made them. */
static void reconcile(void *arg, struct work_item *item)
{
	struct endpoints *controller = arg;
	struct cached_service *entry = list_entry(item, struct cached_service, endpoints_work);
	const struct service *service = entry->service;

	if (!service && entry->endpoints.exists && (entry->went || entry->endpoints.managed))
		start(controller, entry, "DELETE", NULL);
	else if (service && service->type != SERVICE_EXTERNAL_NAME && service->selector.n > 0 &&
	         !service->meta.deleting)
		write_planned(controller, entry);
	else
		finish(controller, entry);
}

/* ---- what the watches bring ---- */

static void touched(void *arg, struct cached_service *service)
{
	struct endpoints *controller = arg;

	workqueue_add(&controller->queue, &service->endpoints_work);
}

static void upsert(void *arg, const json_t *object)
{
	struct endpoints *controller = arg;
	struct cached_service *service =
		slice_cache_need(controller->cache, json_path_str(object, "metadata.namespace"),
	                         json_path_str(object, "metadata.name"));

	note(service, object);
	slice_cache_tell(controller->cache, service);
}

static void removed(void *arg, const char *ns, const char *name)
{
	struct endpoints *controller = arg;
	struct cached_service *service = slice_cache_need(controller->cache, ns, name);

	service->endpoints = (struct endpoints_note){ 0 };
	slice_cache_tell(controller->cache, service);
}

static void synced(void *arg)
{
	struct endpoints *controller = arg;

	controller->cache->endpoints_known = true;
}

static void settled(void *arg)
{
	struct endpoints *controller = arg;

	slice_cache_settled(controller->cache);
}

static void trouble(void *arg, const struct err *err, int64_t retry_ns)
{
	(void)arg;
	log_warn("control", "%s; trying again in %d ms", err->msg, (int)(retry_ns / NSEC_PER_MSEC));
}

static const struct reflector_handler handler = { upsert, removed, synced, settled, trouble };

struct endpoints *endpoints_new(struct client *client, struct endpoint_slices *slices)
{
	struct endpoints *controller = xnew(struct endpoints);

	controller->client = client;
	controller->slices = slices;
	controller->cache = endpoint_slices_cache(slices);
	workqueue_init(&controller->queue, client_loop(client), reconcile, controller);
	controller->queue.running_max = RUNNING_MAX;
	controller->listener = (struct service_listener){ .settled = drain,
		                                          .touched = touched,
		                                          .arg = controller };
	slice_cache_listen(controller->cache, &controller->listener);
	controller->reflector = reflector_new(client, "/api/v1/endpoints", NULL, &handler,
	                                      controller);
	return controller;
}

void endpoints_free(struct endpoints *controller)
{
	struct cached_service *service;

	if (!controller)
		return;
	reflector_free(controller->reflector);
	list_remove(&controller->listener.in_cache);
	hmap_for_each(service, by_name, &controller->cache->services) {
		work_item_done(&service->endpoints_work);
		if (service->endpoints_job)
			job_free(service->endpoints_job);
	}
	free(controller);
}
