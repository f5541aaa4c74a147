/* SPDX-License-Identifier: Apache-2.0 */
#include "control/endpoint_slices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/reflector.h"
#include "control/events.h"
#include "control/slice_cache.h"
#include "control/slice_plan.h"
#include "control/slice_writes.h"
#include "control/workqueue.h"
#include "kube/json.h"
#include "kube/types.h"

#define COMPONENT "endpoint-slice-controller"

enum {
	SERVICES,
	PODS,
	NODES,
	SLICES,
	N_REFLECTORS
};

struct endpoint_slices {
	struct client *client;
	size_t endpoints_max;
	struct workqueue queue;
	struct slice_cache cache;
	struct slice_writes writes;
	struct reflector *reflectors[N_REFLECTORS];
	unsigned int n_synced;
};

static struct cached_service *service_of(struct work_item *item)
{
	return list_entry(item, struct cached_service, work);
}

/* Half of the picture would plan endpoints away: nothing is done before all four lists are in. */
static void drain(struct endpoint_slices *controller)
{
	if (controller->n_synced < N_REFLECTORS)
		return;
	workqueue_drain(&controller->queue);
	slice_cache_settled(&controller->cache);
}

struct slice_cache *endpoint_slices_cache(struct endpoint_slices *controller)
{
	return &controller->cache;
}

bool endpoint_slices_ready(const struct endpoint_slices *controller)
{
	return controller->n_synced == N_REFLECTORS;
}

/* ---- reconcile ---- */

/* What is planned with is known: a slice at another revision later on is somebody else's doing. */
static size_t gather_slices(struct cached_service *service, const struct endpoint_slice ***ret)
{
	const struct endpoint_slice **slices = xcalloc(service->n_slices + 1, sizeof(*slices));
	struct cached_slice *cached;
	size_t n = 0;

	list_for_each(cached, in_service, &service->slices) {
		cached->known = cached->slice->meta.revision;
		slices[n++] = cached->slice;
	}
	*ret = slices;
	return n;
}

static bool slices_changed(const struct cached_service *service)
{
	const struct cached_slice *cached;

	list_for_each(cached, in_service, &service->slices)
		if (cached->known != cached->slice->meta.revision)
			return true;
	return false;
}

static void finish(struct endpoint_slices *controller, struct cached_service *service)
{
	(void)workqueue_finish(&controller->queue, &service->work, true);
	if (!work_item_busy(&service->work))
		slice_cache_drop(&controller->cache, service);
}

static void reconcile(void *arg, struct work_item *item)
{
	struct endpoint_slices *controller = arg;
	struct cached_service *service = service_of(item);
	auto_free struct slice_pod *pods = NULL;
	auto_free const struct endpoint_slice **slices = NULL;
	struct slice_plan_input input = { .service = service->service,
		                          .endpoints_max = controller->endpoints_max };
	struct slice_plan plan;

	input.n_pods = slice_cache_pods(&controller->cache, service, &pods);
	input.pods = pods;
	input.n_slices = gather_slices(service, &slices);
	input.slices = slices;
	slice_plan_make(&input, &plan);
	service->told = service->trigger;
	service->trigger = 0;
	if (plan.n > 0) {
		slice_writes_start(&controller->writes, service, &plan, service->told);
	} else {
		finish(controller, service);
	}
	slice_plan_done(&plan);
}

/* A conflict is no news for the user: somebody else wrote, and the next try sees what. */
static void report(struct endpoint_slices *controller, const struct cached_service *service,
                   const struct err *err, int64_t delay)
{
	auto_free char *message = xasprintf("Error updating Endpoint Slices for Service %s/%s: %s",
	                                    service->ns, service->name, err->msg);

	if (err->code == -EEXIST)
		return;
	log_warn("control", "cannot update the EndpointSlices of %s/%s: %s; trying again in %d s",
	         service->ns, service->name, err->msg, (int)(delay / NSEC_PER_SEC));
	if (service->service && service->work.failures == 1)
		event_send(controller->client, service->service,
		           &(struct event){ .type = "Warning",
		                            .reason = "FailedToUpdateEndpointSlices",
		                            .component = COMPONENT,
		                            .message = message });
}

/* All writes were answered and seen, or some failed. */
static void written(void *arg, struct cached_service *service, const struct err *err)
{
	struct endpoint_slices *controller = arg;
	bool again = slices_changed(service);
	int64_t delay;

	if (again)
		workqueue_add(&controller->queue, &service->work);
	if (err) {
		if (service->told && (!service->trigger || service->told < service->trigger))
			service->trigger = service->told;
		delay = workqueue_finish(&controller->queue, &service->work, false);
		report(controller, service, err, delay);
	} else {
		finish(controller, service);
	}
	drain(controller);
}

static void touched(void *arg, struct cached_service *service)
{
	struct endpoint_slices *controller = arg;

	workqueue_add(&controller->queue, &service->work);
}

/* ---- what the watches bring ---- */

static void upsert_service(void *arg, const json_t *object)
{
	struct endpoint_slices *controller = arg;

	slice_cache_put_service(&controller->cache, service_from_json(object));
}

static void remove_service(void *arg, const char *ns, const char *name)
{
	struct endpoint_slices *controller = arg;

	slice_cache_remove_service(&controller->cache, ns, name);
}

/* When the Ready condition last changed; 0: not known. */
static int64_t ready_since(const json_t *pod)
{
	const json_t *condition;
	int64_t when;
	size_t i;

	json_array_foreach(json_path(pod, "status.conditions"), i, condition)
		if (strcmp(json_path_str(condition, "type"), "Ready") == 0 &&
		    clock_parse(json_path_str(condition, "lastTransitionTime"), &when) == 0)
			return when;
	return 0;
}

static void upsert_pod(void *arg, const json_t *object)
{
	struct endpoint_slices *controller = arg;

	slice_cache_put_pod(&controller->cache, pod_from_json(object), ready_since(object));
}

static void remove_pod(void *arg, const char *ns, const char *name)
{
	struct endpoint_slices *controller = arg;

	slice_cache_remove_pod(&controller->cache, ns, name);
}

static void upsert_node(void *arg, const json_t *object)
{
	struct endpoint_slices *controller = arg;

	slice_cache_put_node(&controller->cache, node_from_json(object));
}

static void remove_node(void *arg, const char *ns, const char *name)
{
	struct endpoint_slices *controller = arg;

	(void)ns;
	slice_cache_remove_node(&controller->cache, name);
}

static void remove_slice(void *arg, const char *ns, const char *name)
{
	struct endpoint_slices *controller = arg;
	struct cached_service *owner;

	owner = slice_cache_remove_slice(&controller->cache, ns, name);
	if (!owner)
		return;
	/* first, as the end of a batch drops an entry that nobody has any use for */
	if (!slice_writes_deletes(owner, name))
		workqueue_add(&controller->queue, &owner->work);
	slice_writes_gone(&controller->writes, owner, name);
}

/* While its Service is being written, news of a slice are judged when that is over: written(). */
static void upsert_slice(void *arg, const json_t *object)
{
	struct endpoint_slices *controller = arg;
	struct endpoint_slice *slice = endpoint_slice_from_json(object);
	const struct meta *meta = &slice->meta;
	struct cached_slice *cached;
	struct cached_service *owner;
	bool ours;

	cached = slice_cache_find_slice(&controller->cache, meta->namespace, meta->name);
	ours = strcmp(slice->managed_by, SLICE_MANAGER) == 0 && *slice->service;
	if (cached && (!ours || strcmp(cached->owner->name, slice->service) != 0))
		remove_slice(controller, meta->namespace, meta->name);
	if (!ours) {
		endpoint_slice_free(slice);
		return;
	}
	cached = slice_cache_put_slice(&controller->cache, slice);
	owner = cached->owner;
	if (slice_writes_seen(&controller->writes, cached) || owner->batch)
		return;
	if (cached->known != meta->revision)
		workqueue_add(&controller->queue, &owner->work);
}

static void synced(void *arg)
{
	struct endpoint_slices *controller = arg;

	controller->n_synced++;
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

static const struct reflector_handler handlers[N_REFLECTORS] = {
	[SERVICES] = { upsert_service, remove_service, synced, settled, trouble },
	[PODS] = { upsert_pod, remove_pod, synced, settled, trouble },
	[NODES] = { upsert_node, remove_node, synced, settled, trouble },
	[SLICES] = { upsert_slice, remove_slice, synced, settled, trouble },
};

static const struct {
	const char *path, *query;
} sources[N_REFLECTORS] = {
	[SERVICES] = { "/api/v1/services", NULL },
	[PODS] = { "/api/v1/pods", NULL },
	[NODES] = { "/api/v1/nodes", NULL },
	[SLICES] = { "/apis/discovery.k8s.io/v1/endpointslices",
	             "labelSelector=endpointslice.kubernetes.io%2Fmanaged-by%3D" SLICE_MANAGER },
};

struct endpoint_slices *endpoint_slices_new(struct client *client,
                                            const struct endpoint_slices_config *config)
{
	struct endpoint_slices *controller = xnew(struct endpoint_slices);

	controller->client = client;
	controller->endpoints_max = config->endpoints_max;
	workqueue_init(&controller->queue, client_loop(client), reconcile, controller);
	if (config->retry_min)
		controller->queue.delay_min = config->retry_min;
	slice_cache_init(&controller->cache, &controller->queue, touched, controller);
	slice_writes_init(&controller->writes, client, &controller->cache, written, controller);
	if (config->patience)
		controller->writes.patience = config->patience;
	for (int i = 0; i < N_REFLECTORS; i++)
		controller->reflectors[i] = reflector_new(client, sources[i].path, sources[i].query,
		                                          &handlers[i], controller);
	return controller;
}

void endpoint_slices_free(struct endpoint_slices *controller)
{
	struct cached_service *service;

	if (!controller)
		return;
	for (int i = 0; i < N_REFLECTORS; i++)
		reflector_free(controller->reflectors[i]);
	hmap_for_each(service, by_name, &controller->cache.services)
		slice_writes_cancel(service);
	slice_cache_done(&controller->cache);
	free(controller);
}
