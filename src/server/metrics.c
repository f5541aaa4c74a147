/* SPDX-License-Identifier: Apache-2.0 */
#include "server/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/prom.h"
#include "server/metrics_alloc.h"

/* Upper bounds in seconds (apiserver metrics.requestLatencies). */
static const double bounds[] = { 0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2,
	                         3,     4,     5,    6,   8,   10,  15,  20,  30,  45,   60 };

/* Both tables have a row for each verb, kind and code that was seen: a few hundred at most. */
struct total {
	enum verb verb;
	const struct kind *kind; /* NULL: no resource that is served */
	int code;
	uint64_t n;
};

struct latency {
	enum verb verb;
	const struct kind *kind;
	struct prom_histogram seconds;
};

struct metrics {
	struct total *totals; /* owned */
	size_t n_totals, cap_totals;
	struct latency *latencies; /* owned */
	size_t n_latencies, cap_latencies;
	int64_t started; /* clock_wall() */
};

/* A request under way. */
struct observation {
	struct metrics *metrics;
	enum verb verb;
	const struct kind *kind;
	int64_t begun;
};

struct metrics *metrics_new(void)
{
	struct metrics *metrics = xnew(struct metrics);

	metrics->started = clock_wall();
	return metrics;
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	free(metrics->totals);
	free(metrics->latencies);
	free(metrics);
}

static void count(struct metrics *metrics, enum verb verb, const struct kind *kind, int code)
{
	for (size_t i = 0; i < metrics->n_totals; i++) {
		struct total *t = &metrics->totals[i];

		if (t->verb == verb && t->kind == kind && t->code == code) {
			t->n++;
			return;
		}
	}
	array_reserve(metrics->totals, metrics->n_totals, metrics->cap_totals);
	metrics->totals[metrics->n_totals++] = (struct total){ verb, kind, code, 1 };
}

static struct latency *latency_of(struct metrics *metrics, enum verb verb, const struct kind *kind)
{
	struct latency *l;

	for (size_t i = 0; i < metrics->n_latencies; i++)
		if (metrics->latencies[i].verb == verb && metrics->latencies[i].kind == kind)
			return &metrics->latencies[i];
	array_reserve(metrics->latencies, metrics->n_latencies, metrics->cap_latencies);
	l = &metrics->latencies[metrics->n_latencies++];
	*l = (struct latency){
		.verb = verb,
		.kind = kind,
		.seconds = { .bounds = bounds, .n_bounds = ARRAY_SIZE(bounds) },
	};
	return l;
}

static void on_answered(void *arg, int code)
{
	struct observation *o = arg;
	double seconds = (double)(clock_now() - o->begun) / NSEC_PER_SEC;
	struct latency *l;

	count(o->metrics, o->verb, o->kind, code);
	/* How long a watch takes says nothing. */
	if (o->verb != VERB_WATCH) {
		l = latency_of(o->metrics, o->verb, o->kind);
		prom_observe(&l->seconds, seconds);
	}
	free(o);
}

void metrics_observe(struct server *server, struct http_request *req, const struct route *route)
{
	struct observation *o = xnew(struct observation);

	*o = (struct observation){
		.metrics = server->metrics,
		.verb = route->resource ? route->verb : VERB_GET,
		.kind = route->kind,
		.begun = clock_now(),
	};
	http_observe(req, on_answered, o);
}

/* As kube-apiserver labels them. */
static const char *verb_label(enum verb verb)
{
	static const char *const labels[] = {
		[VERB_GET] = "GET",       [VERB_LIST] = "LIST",
		[VERB_WATCH] = "WATCH",   [VERB_CREATE] = "POST",
		[VERB_UPDATE] = "PUT",    [VERB_PATCH] = "PATCH",
		[VERB_DELETE] = "DELETE", [VERB_DELETE_COLLECTION] = "DELETECOLLECTION",
		[VERB_NONE] = "OTHER",
	};

	return labels[verb];
}

static void add_labels(struct buf *b, enum verb verb, const struct kind *kind)
{
	buf_printf(b, "verb=\"%s\",group=\"%s\",version=\"%s\",resource=\"%s\"", verb_label(verb),
	           kind ? kind->group : "", kind ? kind->version : "", kind ? kind->plural : "");
}

static void add_requests(struct buf *b, const struct metrics *metrics)
{
	prom_head(b, "apiserver_request_total", "counter", "Requests by verb, resource and code.");
	for (size_t i = 0; i < metrics->n_totals; i++) {
		const struct total *t = &metrics->totals[i];

		buf_adds(b, "apiserver_request_total{");
		add_labels(b, t->verb, t->kind);
		buf_printf(b, ",code=\"%d\"} %llu\n", t->code, (unsigned long long)t->n);
	}
}

static void add_latency(struct buf *b, const struct latency *l)
{
	auto_buf struct buf labels = BUF_INIT;

	add_labels(&labels, l->verb, l->kind);
	prom_histogram(b, "apiserver_request_duration_seconds", buf_str(&labels), &l->seconds);
}

static void add_store(struct buf *b, const struct server *server)
{
	const struct list_node *node;
	struct store_stats stats;
	size_t watchers = 0;

	store_stats(server->store, &stats);
	for (node = server->watchers.next; node != &server->watchers; node = node->next)
		watchers++;
	prom_value(b, "apiserver_longrunning_requests", "gauge", "Watches that are open.",
	           (double)watchers);
	prom_value(b, "fairlead_store_objects", "gauge", "Objects in the store.",
	           (double)stats.objects);
	prom_value(b, "fairlead_store_object_bytes", "gauge", "Bytes of these objects.",
	           (double)stats.object_bytes);
	prom_value(b, "fairlead_store_revision", "counter", "The newest resourceVersion.",
	           (double)stats.revision);
	prom_value(b, "fairlead_store_commits_total", "counter", "Transactions made durable.",
	           (double)stats.commits);
	prom_value(b, "fairlead_store_writes_total", "counter", "Writes made durable.",
	           (double)stats.writes);
	prom_value(b, "fairlead_store_history_events", "gauge", "Events kept for watches.",
	           (double)stats.history_events);
	prom_value(b, "fairlead_store_broken", "gauge", "1 if the disk has failed.", stats.broken);
}

void metrics_reply(const struct server *server, struct http_request *req)
{
	const struct metrics *metrics = server->metrics;
	auto_buf struct buf b = BUF_INIT;

	add_requests(&b, metrics);
	prom_head(&b, "apiserver_request_duration_seconds", "histogram",
	          "Time to the answer, in seconds, of all but watches.");
	for (size_t i = 0; i < metrics->n_latencies; i++)
		add_latency(&b, &metrics->latencies[i]);
	add_store(&b, server);
	metrics_add_allocators(&b, server->admission);
	prom_process(&b, metrics->started);
	http_reply(req, 200, PROM_TYPE, b.p, b.n);
}
