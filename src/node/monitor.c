/* SPDX-License-Identifier: Apache-2.0 */
#include "node/monitor.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/prom.h"
#include "io/http_server.h"

#define RETRY_NS  (5 * NSEC_PER_SEC)
#define IDLE_NS   (60 * NSEC_PER_SEC)
#define BODY_MAX  4096
#define TYPE_TEXT "text/plain; charset=utf-8"

struct endpoint_server {
	const char *what;
	struct monitor *monitor;
	struct monitor_address at;
	http_handler_fn handle;
	struct http_server *server; /* NULL: it does not listen */
	bool told;
};

struct monitor {
	struct loop *loop;
	const struct monitor_source *source;
	struct endpoint_server health, metrics;
	struct timer *retry;
};

static void reply_text(struct http_request *req, int status, const char *text)
{
	http_reply(req, status, TYPE_TEXT, text, strlen(text));
}

static void reply_health(const struct monitor *monitor, struct http_request *req, bool livez)
{
	auto_buf struct buf body = BUF_INIT;
	int status = proxy_health_answer(monitor->source->health, livez, &body);

	http_add_header(req, "X-Content-Type-Options", "nosniff");
	http_reply(req, status, "application/json", body.p, body.n);
}

static void reply_ready(const struct monitor *monitor, struct http_request *req)
{
	auto_buf struct buf lines = BUF_INIT;
	bool ready = monitor->source->ready(monitor->source->arg, &lines);

	buf_printf(&lines, "readyz check %s\n", ready ? "passed" : "failed");
	reply_text(req, ready ? 200 : 503,
	           ready && !http_query(req, "verbose") ? "ok" : buf_str(&lines));
}

/* 'path' is one of both servers. */
static bool handle_common(const struct monitor *monitor, struct http_request *req, const char *path)
{
	if (strcmp(path, "/livez") == 0)
		reply_health(monitor, req, true);
	else if (strcmp(path, "/readyz") == 0)
		reply_ready(monitor, req);
	else
		return false;
	return true;
}

static void handle_health(void *arg, struct http_request *req)
{
	const struct endpoint_server *s = arg;
	const char *path = http_path(req);

	if (strcmp(path, "/healthz") == 0)
		reply_health(s->monitor, req, false);
	else if (!handle_common(s->monitor, req, path))
		reply_text(req, 404, "404 page not found\n");
}

static void reply_metrics(const struct monitor *monitor, struct http_request *req)
{
	auto_buf struct buf out = BUF_INIT;

	monitor->source->metrics(monitor->source->arg, &out);
	http_reply(req, 200, PROM_TYPE, out.p, out.n);
}

/* Its /healthz says no more than that it answers, as kube-proxy's does. */
static void handle_metrics(void *arg, struct http_request *req)
{
	const struct endpoint_server *s = arg;
	const char *path = http_path(req);

	if (strcmp(path, "/metrics") == 0)
		reply_metrics(s->monitor, req);
	else if (strcmp(path, "/healthz") == 0)
		reply_text(req, 200, "ok");
	else if (strcmp(path, "/proxyMode") == 0)
		reply_text(req, 200, "ebpf");
	else if (!handle_common(s->monitor, req, path))
		reply_text(req, 404, "404 page not found\n");
}

static void tell(struct endpoint_server *s, const struct err *err)
{
	if (s->told)
		return;
	log_warn("agent", "no server for %s: %s; trying again every %lld s", s->what, err->msg,
	         RETRY_NS / NSEC_PER_SEC);
	s->told = true;
}

/* True if there is nothing left to do. */
static bool try_listen(struct endpoint_server *s)
{
	struct err err = { 0 };

	if (s->server || s->at.port == 0)
		return true;
	s->server = http_server_new(s->monitor->loop, BODY_MAX, s->handle, s);
	http_server_set_idle_timeout(s->server, IDLE_NS);
	if (http_server_listen_tcp(s->server, &s->at.addr, s->at.port, &err) == 0)
		return true;
	http_server_free(s->server);
	s->server = NULL;
	tell(s, &err);
	return false;
}

static void listen_all(void *arg)
{
	struct monitor *monitor = arg;
	bool health = try_listen(&monitor->health), metrics = try_listen(&monitor->metrics);

	if (!health || !metrics)
		timer_once(monitor->retry, RETRY_NS);
}

struct monitor *monitor_new(struct loop *loop, const struct monitor_address *healthz,
                            const struct monitor_address *metrics,
                            const struct monitor_source *source)
{
	struct monitor *monitor = xnew(struct monitor);

	*monitor = (struct monitor){
		.loop = loop,
		.source = source,
		.health = { .what = "health",
		            .monitor = monitor,
		            .at = *healthz,
		            .handle = handle_health },
		.metrics = { .what = "metrics",
		             .monitor = monitor,
		             .at = *metrics,
		             .handle = handle_metrics },
	};
	monitor->retry = timer_new(loop, listen_all, monitor);
	listen_all(monitor);
	return monitor;
}

void monitor_free(struct monitor *monitor)
{
	if (!monitor)
		return;
	timer_free(monitor->retry);
	http_server_free(monitor->health.server);
	http_server_free(monitor->metrics.server);
	free(monitor);
}
