/* SPDX-License-Identifier: Apache-2.0 */
#include "server/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/prom.h"
#include "server/metrics_alloc.h"

#define STATM_MAX 4096

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
	uint64_t buckets[ARRAY_SIZE(bounds)]; /* each without those below it */
	uint64_t n;
	double sum;
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
	*l = (struct latency){ .verb = verb, .kind = kind };
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
		l->n++;
		l->sum += seconds;
		for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
			if (seconds <= bounds[i]) {
				l->buckets[i]++;
				break;
			}
		}
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
	static const char name[] = "apiserver_request_duration_seconds";
	uint64_t below = 0;

	for (size_t i = 0; i <= ARRAY_SIZE(bounds); i++) {
		bool last = i == ARRAY_SIZE(bounds);

		below = last ? l->n : below + l->buckets[i];
		buf_printf(b, "%s_bucket{", name);
		add_labels(b, l->verb, l->kind);
		if (last)
			buf_adds(b, ",le=\"+Inf\"} ");
		else
			buf_printf(b, ",le=\"%g\"} ", bounds[i]);
		buf_printf(b, "%llu\n", (unsigned long long)below);
	}
	buf_printf(b, "%s_sum{", name);
	add_labels(b, l->verb, l->kind);
	buf_printf(b, "} %.9g\n%s_count{", l->sum, name);
	add_labels(b, l->verb, l->kind);
	buf_printf(b, "} %llu\n", (unsigned long long)l->n);
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

static size_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	if (!dir)
		return 0;
	for (const struct dirent *entry; (entry = readdir(dir));)
		n += entry->d_name[0] != '.';
	(void)closedir(dir);
	return n - 1; /* without that of the folder itself */
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void add_process(struct buf *b, const struct metrics *metrics)
{
	unsigned long long pages = 0, resident = 0;
	struct rlimit files = { 0 };
	struct rusage usage = { 0 };
	char *statm = NULL;

	if (file_read("/proc/self/statm", STATM_MAX, &statm, NULL, NULL) == 0)
		(void)sscanf(statm, "%llu %llu", &pages, &resident);
	free(statm);
	(void)getrusage(RUSAGE_SELF, &usage);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	prom_value(b, "process_cpu_seconds_total", "counter", "Processor time used, in seconds.",
	           seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
	prom_value(b, "process_resident_memory_bytes", "gauge", "Resident memory in bytes.",
	           (double)resident * (double)sysconf(_SC_PAGESIZE));
	prom_value(b, "process_virtual_memory_bytes", "gauge", "Virtual memory in bytes.",
	           (double)pages * (double)sysconf(_SC_PAGESIZE));
	prom_value(b, "process_open_fds", "gauge", "Open file descriptors.", (double)open_fds());
	prom_value(b, "process_max_fds", "gauge", "Most file descriptors that may be open.",
	           (double)files.rlim_cur);
	prom_value(b, "process_start_time_seconds", "gauge", "Start of the process, Unix time.",
	           (double)metrics->started / NSEC_PER_SEC);
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
	add_process(&b, metrics);
	http_reply(req, 200, PROM_TYPE, b.p, b.n);
}
