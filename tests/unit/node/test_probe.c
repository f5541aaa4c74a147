/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes against real servers on loopback.  One period is a second, the shortest there is; all tests run
 * until what they wait for has happened, with a limit.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "io/tls.h"
#include "kube/json.h"
#include "node/check.h"
#include "node/probe.h"

#define LIMIT_NS (20 * NSEC_PER_SEC)

static const struct ipaddr loopback = { 4, { 127, 0, 0, 1 } };

struct fixture {
	struct loop *loop;
	struct http_server *server;
	struct prober *prober;
	struct timer *limit;
	uint16_t port;
	bool too_late;

	/* what the server answers */
	int status;
	int failures; /* so many requests get 500 first */
	unsigned int requests;
	struct http_request *unanswered;

	/* what was said */
	unsigned int n_verdicts, wanted;
	bool ready;
	char why[512];
};

static void on_limit(void *arg)
{
	struct fixture *f = arg;

	f->too_late = true;
	loop_stop(f->loop);
}

static void handle(void *arg, struct http_request *req)
{
	struct fixture *f = arg;

	f->requests++;
	if (strcmp(http_path(req), "/silent") == 0 && !f->unanswered) {
		f->unanswered = req;
		return;
	}
	if (strcmp(http_path(req), "/moved") == 0) {
		http_add_header(req, "Location", "/elsewhere");
		http_reply(req, 302, "text/plain", "", 0);
		return;
	}
	if (f->failures > 0) {
		f->failures--;
		http_reply(req, 500, "text/plain", "no", 2);
		return;
	}
	http_reply(req, f->status, "text/plain", "yes", 3);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	struct err err = { 0 };

	f->loop = loop_new();
	f->status = 200;
	f->server = http_server_new(f->loop, 4096, handle, f);
	assert_int_equal(http_server_listen_tcp(f->server, &loopback, 0, &err), 0);
	f->port = http_server_port(f->server);
	assert_int_equal(prober_new(f->loop, &f->prober, &err), 0);
	f->limit = timer_new(f->loop, on_limit, f);
	timer_once(f->limit, LIMIT_NS);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	prober_free(f->prober);
	if (f->unanswered)
		http_reply(f->unanswered, 200, "text/plain", "", 0);
	http_server_free(f->server);
	timer_free(f->limit);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void on_verdict(void *arg, bool ready, const char *why)
{
	struct fixture *f = arg;

	f->n_verdicts++;
	f->ready = ready;
	(void)snprintf(f->why, sizeof(f->why), "%s", why);
	if (f->n_verdicts == f->wanted)
		loop_stop(f->loop);
}

/* Runs until 'n' more verdicts have come. */
static void wait_verdicts(struct fixture *f, unsigned int n)
{
	f->wanted = f->n_verdicts + n;
	loop_run(f->loop);
	assert_false(f->too_late);
}

static struct probe probe(enum probe_type type, const char *path)
{
	return (struct probe){ .type = type,
		               .path = path,
		               .scheme = "HTTP",
		               .host = "",
		               .port_name = "",
		               .period_s = 1,
		               .timeout_s = 1,
		               .success_threshold = 1,
		               .failure_threshold = 1 };
}

static struct probe_worker *start(struct fixture *f, const struct probe *p, uint16_t port,
                                  bool ready)
{
	return probe_worker_new(
		f->prober,
		&(struct probe_spec){ .probe = p, .addr = loopback, .port = port, .ready = ready },
		on_verdict, f);
}

/* A port of loopback where nobody listens. */
static uint16_t dead_port(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &size), 0);
	(void)close(fd);
	return ntohs(sa.sin_port);
}

/* ---- one check each ---- */

static void statuses(void **state)
{
	static const struct {
		int status;
		bool ok;
		const char *why;
	} rows[] = {
		{ 200, true, "" },
		{ 204, true, "" },
		{ 304, true, "" },
		{ 399, true, "" },
		{ 400, false, "HTTP probe failed with statuscode: 400" },
		{ 404, false, "HTTP probe failed with statuscode: 404" },
		{ 503, false, "HTTP probe failed with statuscode: 503" },
	};
	struct fixture *f = *state;
	struct probe p = probe(PROBE_HTTP, "/");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe_worker *w;

		f->status = rows[i].status;
		w = start(f, &p, f->port, false);
		wait_verdicts(f, 1);
		assert_int_equal(f->ready, rows[i].ok);
		assert_string_equal(f->why, rows[i].why);
		probe_worker_free(w);
	}
}

static void redirects_are_answers(void **state)
{
	struct fixture *f = *state;
	struct probe p = probe(PROBE_HTTP, "/moved");
	struct probe_worker *w = start(f, &p, f->port, false);

	wait_verdicts(f, 1);
	assert_true(f->ready);
	assert_int_equal(f->requests, 1);
	probe_worker_free(w);
}

static void refused(void **state)
{
	struct fixture *f = *state;
	struct probe p = probe(PROBE_HTTP, "/healthz");
	uint16_t port = dead_port();
	char expected[128];
	struct probe_worker *w = start(f, &p, port, true);

	wait_verdicts(f, 1);
	assert_false(f->ready);
	(void)snprintf(expected, sizeof(expected),
	               "Get \"http://127.0.0.1:%u/healthz\": dial tcp 127.0.0.1:%u: connect: "
	               "connection refused",
	               port, port);
	assert_string_equal(f->why, expected);
	probe_worker_free(w);
	p = probe(PROBE_TCP, "");
	w = start(f, &p, port, true);
	wait_verdicts(f, 1);
	assert_false(f->ready);
	(void)snprintf(expected, sizeof(expected),
	               "dial tcp 127.0.0.1:%u: connect: connection refused", port);
	assert_string_equal(f->why, expected);
	probe_worker_free(w);
}

static void http_timeout(void **state)
{
	struct fixture *f = *state;
	struct probe p = probe(PROBE_HTTP, "/silent");
	int64_t begin = clock_now();
	struct probe_worker *w = start(f, &p, f->port, true);

	wait_verdicts(f, 1);
	assert_false(f->ready);
	assert_non_null(strstr(f->why, "context deadline exceeded"));
	assert_true(clock_now() - begin >= NSEC_PER_SEC);
	/* the next request is answered */
	wait_verdicts(f, 1);
	assert_true(f->ready);
	probe_worker_free(w);
}

/* A listener whose queue is full lets connections hang. */
static void tcp_timeout(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in sa = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct probe p = probe(PROBE_TCP, "");
	socklen_t size = sizeof(sa);
	struct probe_worker *w;
	int fd = socket(AF_INET, SOCK_STREAM, 0), full[4];

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, size), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &size), 0);
	for (size_t i = 0; i < ARRAY_SIZE(full); i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(full[i], (struct sockaddr *)&sa, size);
	}
	w = start(f, &p, ntohs(sa.sin_port), true);
	wait_verdicts(f, 1);
	assert_false(f->ready);
	assert_non_null(strstr(f->why, ": i/o timeout"));
	probe_worker_free(w);
	for (size_t i = 0; i < ARRAY_SIZE(full); i++)
		(void)close(full[i]);
	(void)close(fd);
}

static void tcp_connects(void **state)
{
	struct fixture *f = *state;
	struct probe p = probe(PROBE_TCP, "");
	struct probe_worker *w = start(f, &p, f->port, false);

	wait_verdicts(f, 1);
	assert_true(f->ready);
	assert_int_equal(f->requests, 0);
	probe_worker_free(w);
}

static void https_is_not_verified(void **state)
{
	struct fixture *f = *state;
	struct probe p = probe(PROBE_HTTP, "/");
	struct tls_identity ca = { 0 }, identity = { 0 };
	const struct tls_cert_request request = { .common_name = "other.example",
		                                  .server = 1,
		                                  .days = 1 };
	struct err err = { 0 };
	struct probe_worker *w;
	SSL_CTX *ctx = NULL;

	assert_int_equal(tls_make_ca("unknown", &ca, &err), 0);
	assert_int_equal(tls_issue(&ca, &request, &identity, &err), 0);
	assert_int_equal(
		tls_server_new(&(struct tls_pems){ .cert = identity.cert, .key = identity.key },
	                       &ctx, &err),
		0);
	assert_int_equal(http_server_listen_tls(f->server, &loopback, 0, ctx, &err), 0);
	p.scheme = "HTTPS";
	w = start(f, &p, http_server_port(f->server), false);
	wait_verdicts(f, 1);
	assert_string_equal(f->why, "");
	assert_true(f->ready);
	probe_worker_free(w);
	SSL_CTX_free(ctx);
	tls_identity_done(&ca);
	tls_identity_done(&identity);
}

/* ---- thresholds ---- */

/* Three failures in a row are needed; the two before a success do not count. */
static void failure_threshold(void **state)
{
	struct fixture *f = *state;
	struct probe p = probe(PROBE_HTTP, "/");
	struct probe_worker *w;

	p.failure_threshold = 3;
	f->failures = 2;
	w = start(f, &p, f->port, true);
	wait_verdicts(f, 1); /* the first verdict confirms */
	assert_true(f->ready);
	assert_int_equal(f->requests, 3);
	f->failures = 3;
	wait_verdicts(f, 1);
	assert_false(f->ready);
	assert_int_equal(f->requests, 6);
	/* and it flips back at once */
	wait_verdicts(f, 1);
	assert_true(f->ready);
	assert_int_equal(f->requests, 7);
	probe_worker_free(w);
}

static void success_threshold(void **state)
{
	struct fixture *f = *state;
	struct probe p = probe(PROBE_HTTP, "/");
	struct probe_worker *w;

	p.success_threshold = 2;
	w = start(f, &p, f->port, false);
	wait_verdicts(f, 1);
	assert_true(f->ready);
	assert_int_equal(f->requests, 2);
	probe_worker_free(w);
}

static void first_check_is_soon(void **state)
{
	struct fixture *f = *state;
	struct probe p = probe(PROBE_HTTP, "/");
	int64_t begin = clock_now();
	struct probe_worker *w;

	p.period_s = 3600;
	w = start(f, &p, f->port, false);
	wait_verdicts(f, 1);
	assert_true(clock_now() - begin < 5 * NSEC_PER_SEC);
	probe_worker_free(w);
}

/* More than may be under way at once: each gets its turn. */
static void many(void **state)
{
	struct probe_worker *workers[3 * PROBE_CHECKS_MAX];
	struct fixture *f = *state;
	struct probe p = probe(PROBE_HTTP, "/");

	p.period_s = 3600;
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
		workers[i] = start(f, &p, f->port, false);
	wait_verdicts(f, ARRAY_SIZE(workers));
	assert_int_equal(f->requests, ARRAY_SIZE(workers));
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
		probe_worker_free(workers[i]);
}

/* Freed while their checks are under way or waiting: the others still get theirs. */
static void freed_midway(void **state)
{
	struct probe_worker *workers[2 * PROBE_CHECKS_MAX];
	struct fixture *f = *state;
	struct probe silent = probe(PROBE_HTTP, "/silent"), p = probe(PROBE_HTTP, "/");
	struct probe_worker *first, *last;

	silent.timeout_s = 3600;
	p.period_s = 3600;
	first = start(f, &silent, f->port, false);
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
		workers[i] = start(f, &p, f->port, false);
	wait_verdicts(f, 1);
	probe_worker_free(first);
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
		probe_worker_free(workers[i]);
	last = start(f, &p, f->port, false);
	wait_verdicts(f, 1);
	assert_true(f->ready);
	probe_worker_free(last);
}

/* ---- where it goes ---- */

static void resolves(void **state)
{
	static const struct {
		const char *probe, *address; /* NULL: an error */
		uint16_t port;
	} rows[] = {
		{ "{\"httpGet\":{\"port\":8080}}", "10.0.0.5", 8080 },
		{ "{\"httpGet\":{\"port\":\"web\"}}", "10.0.0.5", 80 },
		{ "{\"tcpSocket\":{\"port\":\"admin\"}}", "10.0.0.5", 9000 },
		{ "{\"httpGet\":{\"port\":\"gone\"}}", NULL, 0 },
		{ "{\"httpGet\":{\"port\":80,\"host\":\"192.0.2.9\"}}", "192.0.2.9", 80 },
		{ "{\"httpGet\":{\"port\":80,\"host\":\"example.com\"}}", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		auto_json json_t *j = json_pack(
			"{s:{s:s, s:{s:s}}, s:{s:[{s:s, s:[{s:s, s:i}, {s:s, s:i}], s:o}]}}",
			"metadata", "name", "web-1", "annotations", ANNOTATION_ADDRESS, "10.0.0.5",
			"spec", "containers", "name", "web", "ports", "name", "web",
			"containerPort", 80, "name", "admin", "containerPort", 9000,
			"readinessProbe", json_loads(rows[i].probe, 0, NULL));
		struct pod *pod = pod_from_json(j);
		struct err err = { 0 };
		char text[IPADDR_TEXT_SIZE];
		struct ipaddr addr;
		uint16_t port;
		int r;

		print_message("# %s\n", rows[i].probe);
		r = probe_resolve(pod, &addr, &port, &err);
		assert_int_equal(r, rows[i].address ? 0 : -EINVAL);
		if (r == 0) {
			ipaddr_format(&addr, text);
			assert_string_equal(text, rows[i].address);
			assert_int_equal(port, rows[i].port);
		} else {
			assert_true(err.msg[0]);
		}
		pod_free(pod);
	}
}

#define with_servers(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		with_servers(statuses),
		with_servers(redirects_are_answers),
		with_servers(refused),
		with_servers(http_timeout),
		with_servers(tcp_timeout),
		with_servers(tcp_connects),
		with_servers(https_is_not_verified),
		with_servers(failure_threshold),
		with_servers(success_threshold),
		with_servers(first_check_is_soon),
		with_servers(many),
		with_servers(freed_midway),
		cmocka_unit_test(resolves),
	};

	return cmocka_run_group_tests_name("node probe", tests, NULL, NULL);
}
