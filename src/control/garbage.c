/* SPDX-License-Identifier: Apache-2.0 */
#include "control/garbage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/reflector.h"
#include "control/gc_graph.h"
#include "control/gc_plan.h"
#include "control/workqueue.h"
#include "kube/json.h"
#include "kube/kind.h"

#define RUNNING_MAX 32
#define DELAY_MIN   (50 * NSEC_PER_MSEC)
#define DELAY_MAX   (1000 * NSEC_PER_SEC)

/* One kind that is watched. */
struct source {
	struct garbage *garbage;
	const struct kind *kind;
	struct reflector *reflector;
};

struct garbage {
	struct client *client;
	struct workqueue queue;
	struct gc_graph graph;
	struct source *sources;
	size_t n_sources, n_synced;
};

/* A node that is looked at: one request after the other, the outcome of each says which is next. */
struct gc_job {
	struct garbage *garbage;
	struct gc_node *node;
	struct client_call *call; /* NULL between requests */
	json_t *object;           /* as the server has it; a reference */
	enum gc_owner *owners;    /* of object's ownerReferences, as far as 'n_owners' */
	size_t n_owners;
	struct gc_decision decision;
	char **dependents; /* paths: those to be orphaned yet */
	size_t n_dependents;
};

static struct gc_node *node_of(struct work_item *item)
{
	return list_entry(item, struct gc_node, work);
}

/* What has not been listed yet would look as if it were gone. */
static void drain(struct garbage *garbage)
{
	if (garbage->n_synced == garbage->n_sources)
		workqueue_drain(&garbage->queue);
}

static void job_free(struct gc_job *job)
{
	if (job->call)
		client_cancel(job->call);
	json_decref(job->object);
	json_decref(job->decision.patch);
	json_decref(job->decision.options);
	for (size_t i = 0; i < job->n_dependents; i++)
		free(job->dependents[i]);
	free(job->dependents);
	free(job->owners);
	job->node->job = NULL;
	free(job);
}

/* 'err' is NULL if all went well. */
static void job_over(struct gc_job *job, const struct err *err)
{
	struct garbage *garbage = job->garbage;
	struct gc_node *node = job->node;
	int64_t delay;

	job_free(job);
	delay = workqueue_finish(&garbage->queue, &node->work, !err);
	/* a conflict is no trouble: the next try sees what somebody else wrote */
	if (err && err->code != -EEXIST && delay >= NSEC_PER_SEC)
		log_warn("control", "garbage collection of the %s %s/%s: %s; trying again in %d s",
		         node->kind->singular, node->ns, node->name, err->msg,
		         (int)(delay / NSEC_PER_SEC));
	drain(garbage);
}

static void request(struct gc_job *job, const char *method, const char *path,
                    const char *content_type, const json_t *body,
                    void (*done)(void *arg, int status, json_t *answer, const struct err *err))
{
	job->call = client_request(job->garbage->client,
	                           &(struct client_request){ .method = method,
	                                                     .path = path,
	                                                     .content_type = content_type,
	                                                     .body = body,
	                                                     .done = done,
	                                                     .arg = job });
}

static void request_object(struct gc_job *job, const char *method, const json_t *body,
                           void (*done)(void *arg, int status, json_t *answer,
                                        const struct err *err))
{
	const struct gc_node *node = job->node;
	auto_free char *path = kind_path(node->kind, node->ns, node->name);

	request(job, method, path, strcmp(method, "PATCH") == 0 ? CLIENT_PATCH_MERGE : NULL, body,
	        done);
}

/* ---- writes ---- */

/* The last write: what has gone meanwhile is as well. */
static void written(void *arg, int status, json_t *answer, const struct err *err)
{
	struct gc_job *job = arg;

	(void)answer;
	job->call = NULL;
	job_over(job, err->code < 0 && status != 404 ? err : NULL);
}

static void remove_finalizer(struct gc_job *job, const char *finalizer)
{
	auto_json json_t *patch = gc_without_finalizer(job->object, finalizer);

	request_object(job, "PATCH", patch, written);
}

static void unblocked(void *arg, int status, json_t *answer, const struct err *err)
{
	struct gc_job *job = arg;

	if (err->code < 0)
		written(job, status, answer, err);
	else
		request_object(job, "DELETE", job->decision.options, written);
}

static void carry_out(struct gc_job *job)
{
	const struct gc_decision *decision = &job->decision;

	if (decision->patch)
		request_object(job, "PATCH", decision->patch,
		               decision->options ? unblocked : written);
	else if (decision->options)
		request_object(job, "DELETE", decision->options, written);
	else
		job_over(job, NULL);
}

/* ---- an object that waits for its dependents ---- */

static void orphan_next(struct gc_job *job);

static void orphaned(void *arg, int status, json_t *answer, const struct err *err)
{
	struct gc_job *job = arg;

	(void)answer;
	job->call = NULL;
	if (err->code < 0 && status != 404)
		job_over(job, err);
	else
		orphan_next(job);
}

/* Each dependent loses its owner, then the owner its finalizer. */
static void orphan_next(struct gc_job *job)
{
	auto_json json_t *patch = gc_without_owner(json_path_str(job->object, "metadata.uid"));
	auto_free char *path = NULL;

	if (job->n_dependents == 0) {
		remove_finalizer(job, FINALIZER_ORPHAN);
		return;
	}
	path = job->dependents[--job->n_dependents];
	request(job, "PATCH", path, CLIENT_PATCH_STRATEGIC, patch, orphaned);
}

static void orphan_dependents(struct gc_job *job)
{
	auto_free struct gc_node **list = NULL;
	size_t n = gc_graph_dependents(&job->garbage->graph, job->node, false, &list);

	job->dependents = xcalloc(n + 1, sizeof(*job->dependents));
	for (size_t i = 0; i < n; i++)
		job->dependents[i] = kind_path(list[i]->kind, list[i]->ns, list[i]->name);
	job->n_dependents = n;
	orphan_next(job);
}

static void delete_dependents(struct gc_job *job)
{
	struct garbage *garbage = job->garbage;
	auto_free struct gc_node **list = NULL;
	size_t n = gc_graph_dependents(&garbage->graph, job->node, true, &list);

	if (n == 0) {
		remove_finalizer(job, FINALIZER_FOREGROUND);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (!list[i]->foreground)
			workqueue_add(&garbage->queue, &list[i]->work);
	job_over(job, NULL);
}

/* ---- an object whose owners may have gone ---- */

static void decide(struct gc_job *job)
{
	const struct gc_graph *graph = &job->garbage->graph;
	auto_free struct gc_node **list = NULL;
	struct gc_situation situation = { .owners = job->owners };
	size_t n = gc_graph_dependents(graph, job->node, false, &list);

	situation.has_dependents = n > 0;
	for (size_t i = 0; i < n; i++)
		situation.circle |= list[i]->foreground;
	gc_decide(job->object, &situation, &job->decision);
	carry_out(job);
}

static void next_owner(struct gc_job *job);

static void got_owner(void *arg, int status, json_t *answer, const struct err *err)
{
	struct gc_job *job = arg;
	const json_t *references = json_path(job->object, "metadata.ownerReferences");

	job->call = NULL;
	if (err->code < 0 && status != 404) {
		job_over(job, err);
		return;
	}
	job->owners[job->n_owners] = gc_owner_state(json_array_get(references, job->n_owners),
	                                            status == 404 ? NULL : answer);
	job->n_owners++;
	next_owner(job);
}

/* An owner of a kind that we do not know may be there: nothing is done then, as upstream. */
static void next_owner(struct gc_job *job)
{
	const json_t *references = json_path(job->object, "metadata.ownerReferences");
	const json_t *reference = json_array_get(references, job->n_owners);
	const struct kind *kind;
	auto_free char *path = NULL;

	if (!reference) {
		decide(job);
		return;
	}
	kind = gc_owner_kind(reference, job->node->kind);
	if (!kind) {
		job_over(job, NULL);
		return;
	}
	path = kind_path(kind, kind->namespaced ? job->node->ns : NULL,
	                 json_path_str(reference, "name"));
	request(job, "GET", path, NULL, NULL, got_owner);
}

static void examine(struct gc_job *job)
{
	const json_t *finalizers = json_path(job->object, "metadata.finalizers");
	size_t n = json_array_size(json_path(job->object, "metadata.ownerReferences"));

	if (json_path_string(job->object, "metadata.deletionTimestamp")) {
		if (gc_has(finalizers, FINALIZER_ORPHAN))
			orphan_dependents(job);
		else if (gc_has(finalizers, FINALIZER_FOREGROUND))
			delete_dependents(job);
		else
			job_over(job, NULL);
	} else if (n == 0) {
		job_over(job, NULL);
	} else {
		job->owners = xcalloc(n, sizeof(*job->owners));
		next_owner(job);
	}
}

static void got_object(void *arg, int status, json_t *answer, const struct err *err)
{
	struct gc_job *job = arg;

	job->call = NULL;
	if (err->code < 0) {
		job_over(job, status == 404 ? NULL : err);
	} else if (!json_is_object(answer) || gc_uid_hash(answer) != job->node->uid) {
		job_over(job, NULL); /* another one by now: the watch will tell */
	} else {
		job->object = json_incref(answer);
		examine(job);
	}
}

static void run(void *arg, struct work_item *item)
{
	struct garbage *garbage = arg;
	struct gc_node *node = node_of(item);
	struct gc_job *job;

	if (!node->foreground && !node->orphan && gc_graph_settled(&garbage->graph, node)) {
		(void)workqueue_finish(&garbage->queue, &node->work, true);
		return;
	}
	job = xnew(struct gc_job);
	job->garbage = garbage;
	job->node = node;
	node->job = job;
	request_object(job, "GET", NULL, got_object);
}

/* ---- what the watches bring ---- */

static void touched(void *arg, struct gc_node *node)
{
	struct garbage *garbage = arg;

	workqueue_add(&garbage->queue, &node->work);
}

static void dropped(void *arg, struct gc_node *node)
{
	(void)arg;
	if (node->job)
		job_free(node->job);
}

static void upsert(void *arg, const json_t *object)
{
	struct source *source = arg;

	gc_graph_put(&source->garbage->graph, source->kind, object);
}

static void gone(void *arg, const char *ns, const char *name)
{
	struct source *source = arg;

	gc_graph_remove(&source->garbage->graph, source->kind, ns, name);
}

static void synced(void *arg)
{
	struct source *source = arg;

	source->garbage->n_synced++;
}

static void settled(void *arg)
{
	struct source *source = arg;

	drain(source->garbage);
}

static void trouble(void *arg, const struct err *err, int64_t retry_ns)
{
	const struct source *source = arg;

	log_warn("control", "cannot follow %s: %s; trying again in %d ms", source->kind->plural,
	         err->msg, (int)(retry_ns / NSEC_PER_MSEC));
}

static const struct reflector_handler handler = { upsert, gone, synced, settled, trouble };

/* Events own nothing and are many; some rows only show the objects of others. */
static bool is_collected(const struct kind *kind)
{
	return !kind->stored_as && strcmp(kind->name, "Event") != 0;
}

/* Every Service has an IPAddress, which comes and goes with it and has no owners. */
static const char *query_of(const struct kind *kind)
{
	return kind == &kind_ip_address
	               ? "labelSelector=ipaddress.kubernetes.io%2Fmanaged-by%21%3Dipallocator.k8s.io"
	               : NULL;
}

struct garbage *garbage_new(struct client *client)
{
	struct garbage *garbage = xnew(struct garbage);
	size_t n = 0;

	garbage->client = client;
	workqueue_init(&garbage->queue, client_loop(client), run, garbage);
	garbage->queue.running_max = RUNNING_MAX;
	garbage->queue.delay_min = DELAY_MIN;
	garbage->queue.delay_max = DELAY_MAX;
	garbage->graph = (struct gc_graph){
		.queue = &garbage->queue, .touched = touched, .dropped = dropped, .arg = garbage
	};
	while (kinds[n])
		n++;
	garbage->sources = xcalloc(n, sizeof(*garbage->sources));
	for (size_t i = 0; i < n; i++) {
		struct source *source = &garbage->sources[garbage->n_sources];
		auto_free char *path = kind_path(kinds[i], NULL, NULL);

		if (!is_collected(kinds[i]))
			continue;
		garbage->n_sources++;
		*source = (struct source){ .garbage = garbage, .kind = kinds[i] };
		source->reflector = reflector_new(client, path, query_of(kinds[i]), &handler,
		                                  source);
	}
	return garbage;
}

void garbage_free(struct garbage *garbage)
{
	if (!garbage)
		return;
	for (size_t i = 0; i < garbage->n_sources; i++)
		reflector_free(garbage->sources[i].reflector);
	gc_graph_done(&garbage->graph);
	free(garbage->sources);
	free(garbage);
}
