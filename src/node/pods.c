/* SPDX-License-Identifier: Apache-2.0 */
#include "node/pods.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hmap.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/types.h"
#include "node/events.h"
#include "node/pod_status.h"
#include "node/probe.h"

#define WRITES_MAX     8 /* under way at once; each may need a connection */
#define RETRY_FIRST_NS (250 * NSEC_PER_MSEC)
#define RETRY_MAX_NS   (10 * NSEC_PER_SEC)

struct pods {
	struct client *client;
	char *node_name;
	struct ipaddr host_ip;
	struct prober *prober;
	struct events *events;
	struct hmap records;
	struct list_node queue; /* records whose status is to be written */
	unsigned int n_writes;
	struct timer *retry; /* while it runs nothing is written */
	int64_t retry_delay;
};

struct record {
	struct hnode by_key;
	struct pods *pods;
	struct pod *pod;          /* owned */
	struct pod_status status; /* as it should be */
	struct probe_worker *worker;
	char *probe_key; /* what the worker was made for; NULL: nothing was decided yet */

	struct list_node in_queue;
	struct client_call *call;
	bool outdated;    /* the verdict changed while it was being written */
	bool unholdable;  /* the server made something else of it: do not insist */
	uint64_t written; /* revision that our last write made */
};

static uint64_t key_hash(const char *ns, const char *name)
{
	return hash_combine(hash_str(ns), hash_str(name));
}

static struct record *find(const struct pods *pods, const char *ns, const char *name)
{
	struct record *rec;

	hmap_for_each_with_hash(rec, by_key, key_hash(ns, name), &pods->records)
		if (strcmp(rec->pod->meta.name, name) == 0 &&
		    strcmp(rec->pod->meta.namespace, ns) == 0)
			return rec;
	return NULL;
}

/* ---- writing ---- */

static void write_more(struct pods *pods);

static void want_write(struct record *rec)
{
	if (rec->call) {
		rec->outdated = true;
		return;
	}
	list_remove(&rec->in_queue);
	list_add_tail(&rec->pods->queue, &rec->in_queue);
	write_more(rec->pods);
}

/* The API is away or busy: everything waits, longer each time. */
static void write_later(struct record *rec, const struct err *err)
{
	struct pods *pods = rec->pods;

	if (pods->retry_delay == 0)
		log_warn("pods",
		         "cannot write the status of %s/%s: %s; probing goes on, trying again",
		         rec->pod->meta.namespace, rec->pod->meta.name, err->msg);
	pods->retry_delay = pods->retry_delay ? 2 * pods->retry_delay : RETRY_FIRST_NS;
	if (pods->retry_delay > RETRY_MAX_NS)
		pods->retry_delay = RETRY_MAX_NS;
	list_add_tail(&pods->queue, &rec->in_queue);
	timer_once(pods->retry, pods->retry_delay);
}

static bool worth_retrying(int status)
{
	return status == 0 || status == 409 || status == 429 || status >= 500;
}

static void note_written(struct record *rec, const json_t *answer)
{
	auto_json json_t *patch = pod_status_patch(&rec->status);

	rec->pods->retry_delay = 0;
	rec->written = (uint64_t)strtoull(json_path_str(answer, "metadata.resourceVersion"), NULL,
	                                  10);
	if (rec->outdated || !answer)
		return;
	rec->unholdable = !pod_status_is_written(answer, patch);
	if (rec->unholdable)
		log_warn("pods", "the API did not take the status of %s/%s as it was written",
		         rec->pod->meta.namespace, rec->pod->meta.name);
}

static void on_written(void *arg, int status, json_t *answer, const struct err *err)
{
	struct record *rec = arg;
	struct pods *pods = rec->pods;
	bool outdated;

	rec->call = NULL;
	pods->n_writes--;
	if (status >= 200 && status < 300)
		note_written(rec, answer);
	else if (worth_retrying(status))
		write_later(rec, err);
	else if (status != 404) /* 404: gone, the watch will say so */
		log_warn("pods", "cannot write the status of %s/%s: %s; waiting for it to change",
		         rec->pod->meta.namespace, rec->pod->meta.name, err->msg);
	outdated = rec->outdated;
	rec->outdated = false;
	if (outdated)
		want_write(rec);
	write_more(pods);
}

static void write_status(struct record *rec)
{
	auto_json json_t *patch = pod_status_patch(&rec->status);
	auto_free char *object = kind_path(&kind_pod, rec->pod->meta.namespace,
	                                   rec->pod->meta.name);
	auto_free char *path = xasprintf("%s/status", object);

	rec->pods->n_writes++;
	rec->call = client_request(rec->pods->client,
	                           &(struct client_request){ .method = "PATCH",
	                                                     .path = path,
	                                                     .content_type = CLIENT_PATCH_MERGE,
	                                                     .body = patch,
	                                                     .done = on_written,
	                                                     .arg = rec });
}

static void write_more(struct pods *pods)
{
	struct record *rec;

	while (pods->n_writes < WRITES_MAX && !timer_pending(pods->retry)) {
		rec = list_first(&pods->queue, struct record, in_queue);
		if (!rec)
			return;
		list_remove(&rec->in_queue);
		write_status(rec);
	}
}

static void on_retry(void *arg)
{
	write_more(arg);
}

/* ---- verdicts ---- */

static void set_verdict(struct record *rec, bool ready, const char *why)
{
	bool changed = rec->status.ready != ready;

	if (!changed && strcmp(rec->status.why, ready ? "" : why) == 0)
		return;
	pod_status_set_ready(&rec->status, ready, why, clock_wall());
	if (changed)
		log_info("pods", "%s/%s is %s%s%s", rec->pod->meta.namespace, rec->pod->meta.name,
		         ready ? "ready" : "not ready", ready ? "" : ": ", ready ? "" : why);
	rec->unholdable = false;
	want_write(rec);
}

static void on_decided(void *arg, bool ready, const char *why)
{
	struct record *rec = arg;
	auto_free char *text = xasprintf("Readiness probe failed: %s", why);

	/* not after a restart that finds what the status says already */
	if (!ready && (rec->status.ready || strcmp(rec->status.why, text) != 0))
		events_pod(rec->pods->events, rec->pod, "Warning", "Unhealthy", text);
	set_verdict(rec, ready, text);
}

/* What is left of the initial delay, which counts from the Pod's start. */
static int64_t initial_delay(const struct record *rec)
{
	int64_t end = rec->status.start_time + rec->pod->probe.initial_delay_s * NSEC_PER_SEC;
	int64_t left = end - clock_wall();

	return left > 0 ? left : 0;
}

/* A Pod that cannot be probed is not ready; one that need not be is. */
static void start_probe(struct record *rec)
{
	struct probe_spec spec = {
		.probe = &rec->pod->probe,
		.delay_ns = initial_delay(rec),
		.ready = rec->status.ready,
	};
	struct err err = { 0 };

	if (rec->status.pod_ip.family == 0) {
		auto_free char *why = xasprintf("annotation " ANNOTATION_ADDRESS
		                                ": \"%s\" is not an IP address",
		                                rec->pod->address);

		set_verdict(rec, false, why);
	} else if (rec->pod->probe.type == PROBE_NONE) {
		set_verdict(rec, true, "");
	} else if (rec->pod->probe.type == PROBE_OTHER) {
		set_verdict(rec, false,
		            "this kind of readiness probe is not supported here, only httpGet and "
		            "tcpSocket are");
	} else if (probe_resolve(rec->pod, &spec.addr, &spec.port, &err) < 0) {
		set_verdict(rec, false, err.msg);
	} else {
		rec->worker = probe_worker_new(rec->pods->prober, &spec, on_decided, rec);
	}
}

/* Everything about the probe that matters, in one string. */
static char *probe_key(const struct pod *pod)
{
	const struct probe *p = &pod->probe;
	struct ipaddr addr = { 0 };
	uint16_t port = 0;

	(void)probe_resolve(pod, &addr, &port, NULL);
	return xasprintf("%s %d %s %s %s %s %u %u %u %u %u %u", pod->address, p->type, p->scheme,
	                 p->host, p->port_name, p->path, port, p->initial_delay_s, p->period_s,
	                 p->timeout_s, p->success_threshold, p->failure_threshold);
}

/* Something else answers there now: what a probe found at the old address says nothing. */
static void follow_address(struct record *rec)
{
	struct ipaddr addr = { 0 };
	bool moved;

	(void)ipaddr_parse(rec->pod->address, &addr);
	moved = !ipaddr_equal(&addr, &rec->status.pod_ip);
	rec->status.pod_ip = addr;
	if (moved && rec->status.ready && rec->pod->probe.type != PROBE_NONE)
		set_verdict(rec, false, "its address changed");
}

static void follow_probe(struct record *rec)
{
	auto_free char *key = probe_key(rec->pod);

	follow_address(rec);
	if (rec->probe_key && strcmp(rec->probe_key, key) == 0)
		return;
	probe_worker_free(rec->worker);
	rec->worker = NULL;
	free(rec->probe_key);
	rec->probe_key = take_ptr(&key);
	start_probe(rec);
}

/* ---- records ---- */

static bool is_ours(const struct pods *pods, const struct pod *pod)
{
	return pod->address[0] && strcmp(pod->node, pods->node_name) == 0 &&
	       strcmp(pod->phase, "Succeeded") != 0 && strcmp(pod->phase, "Failed") != 0;
}

static struct record *record_new(struct pods *pods, struct pod *pod, const json_t *object)
{
	struct record *rec = xnew(struct record);

	rec->pods = pods;
	rec->pod = pod;
	list_init(&rec->in_queue);
	pod_status_init(&rec->status, object, clock_wall());
	rec->status.host_ip = pods->host_ip;
	if (pod->n_ips > 0)
		rec->status.pod_ip = pod->ips[0];
	hmap_insert(&pods->records, &rec->by_key, key_hash(pod->meta.namespace, pod->meta.name));
	return rec;
}

static void record_free(struct record *rec)
{
	struct pods *pods = rec->pods;

	hmap_remove(&pods->records, &rec->by_key);
	list_remove(&rec->in_queue);
	probe_worker_free(rec->worker);
	if (rec->call) {
		client_cancel(rec->call);
		pods->n_writes--;
	}
	pod_status_done(&rec->status);
	pod_free(rec->pod);
	free(rec->probe_key);
	free(rec);
}

/* What another wrote into the status, or a write that got lost, is put right. */
static void check_written(struct record *rec, const json_t *object)
{
	auto_json json_t *patch = NULL;

	if (rec->call || rec->unholdable || rec->pod->meta.revision < rec->written)
		return;
	patch = pod_status_patch(&rec->status);
	if (!pod_status_is_written(object, patch))
		want_write(rec);
}

void pods_upsert(struct pods *pods, const json_t *object)
{
	struct pod *pod = pod_from_json(object);
	struct record *rec = find(pods, pod->meta.namespace, pod->meta.name);

	if (rec && (!is_ours(pods, pod) || strcmp(rec->pod->meta.uid, pod->meta.uid) != 0)) {
		record_free(rec);
		rec = NULL;
	}
	if (!is_ours(pods, pod)) {
		pod_free(pod);
		return;
	}
	if (rec) {
		pod_free(rec->pod);
		rec->pod = pod;
		pod_status_set_containers(&rec->status, object);
	} else {
		rec = record_new(pods, pod, object);
	}
	follow_probe(rec);
	check_written(rec, object);
}

void pods_remove(struct pods *pods, const char *ns, const char *name)
{
	struct record *rec = find(pods, ns, name);

	if (rec)
		record_free(rec);
	write_more(pods);
}

int pods_new(struct client *client, const char *node_name, const struct ipaddr *host_ip,
             struct pods **ret, struct err *err)
{
	struct pods *pods = xnew(struct pods);
	int r;

	r = prober_new(client_loop(client), &pods->prober, err);
	if (r < 0) {
		free(pods);
		return r;
	}
	pods->client = client;
	pods->node_name = xstrdup(node_name);
	pods->host_ip = *host_ip;
	pods->events = events_new(client, node_name);
	pods->retry = timer_new(client_loop(client), on_retry, pods);
	list_init(&pods->queue);
	*ret = pods;
	return 0;
}

void pods_free(struct pods *pods)
{
	struct record *rec, *after;

	if (!pods)
		return;
	hmap_for_each_safe(rec, after, by_key, &pods->records)
		record_free(rec);
	hmap_done(&pods->records);
	events_free(pods->events);
	timer_free(pods->retry);
	prober_free(pods->prober);
	free(pods->node_name);
	free(pods);
}
