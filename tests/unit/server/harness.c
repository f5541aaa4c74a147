/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rand.h"

#define LIMIT_NS (5 * NSEC_PER_SEC)

static void start(struct harness *h)
{
	auto_free char *socket = xasprintf("%s/" SERVER_SOCKET_NAME, h->dir);
	struct http_target target = { .unix_path = socket };
	struct err err = { 0 };
	int r = -EADDRINUSE;

	h->loop = loop_new();
	/* Any free port will do. */
	for (int i = 0; i < 20 && r == -EADDRINUSE; i++) {
		h->config.port = (uint16_t)(20000 + rand_below(9000));
		r = server_new(h->loop, &h->config, &h->server, &err);
	}
	if (r < 0)
		fail_msg("server_new: %s", err.msg);
	h->client = http_client_new(h->loop, &target);
}

static void end(struct harness *h)
{
	http_client_free(h->client);
	server_free(h->server);
	loop_free(h->loop);
}

void harness_start(struct harness *h, const struct server_config *config)
{
	*h = (struct harness){ 0 };
	if (config)
		h->config = *config;
	(void)snprintf(h->dir, sizeof(h->dir), "/tmp/fairlead-test-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	h->config.data_dir = h->dir;
	start(h);
}

void harness_restart(struct harness *h)
{
	harness_restart_with(h, NULL);
}

void harness_restart_with(struct harness *h, void (*change)(const char *dir))
{
	end(h);
	if (change)
		change(h->dir);
	start(h);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void harness_stop(struct harness *h)
{
	end(h);
	json_decref(h->answer);
	buf_done(&h->body);
	(void)nftw(h->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* One call under way. */
struct exchange {
	struct harness *h;
	int status, r;
};

static void on_head(void *arg, int status, const char *type)
{
	struct exchange *x = arg;

	x->status = status;
	(void)snprintf(x->h->type, sizeof(x->h->type), "%s", type ? type : "");
}

static void on_data(void *arg, const void *data, size_t size)
{
	struct exchange *x = arg;

	buf_add(&x->h->body, data, size);
}

static void on_done(void *arg, int r, const struct err *err)
{
	struct exchange *x = arg;

	if (r < 0)
		print_message("# exchange: %s\n", err->msg);
	x->r = r;
	loop_stop(x->h->loop);
}

int call_bytes(struct harness *h, const char *method, const char *path, const char *type,
               const char *accept, const void *body, size_t size)
{
	struct exchange x = { .h = h };
	const struct http_call http = {
		.method = method,
		.path = path,
		.accept = accept,
		.content_type = type || !body ? type : "application/json",
		.body = body,
		.body_size = size,
		.authorization = h->authorization,
		.on_head = on_head,
		.on_data = on_data,
		.on_done = on_done,
		.arg = &x,
	};

	buf_reset(&h->body);
	json_decref(h->answer);
	h->answer = NULL;
	(void)http_client_start(h->other ? h->other : h->client, &http);
	loop_run(h->loop);
	if (x.r < 0)
		return x.r;
	h->answer = json_loadb(buf_str(&h->body), h->body.n, 0, NULL);
	return x.status;
}

int call(struct harness *h, const char *method, const char *path, const char *type,
         const char *accept, const char *body)
{
	return call_bytes(h, method, path, type, accept, body, body ? strlen(body) : 0);
}

char *harness_file(const struct harness *h, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", h->dir, name);
	char *text = NULL;

	assert_int_equal(file_read(path, 1 << 20, &text, NULL, NULL), 0);
	return text;
}

struct http_client *harness_connect(const struct harness *h, const struct tls_identity *identity)
{
	auto_free char *ca = harness_file(h, "pki/ca.crt");
	const struct tls_pems pems = { .ca = ca,
		                       .cert = identity ? identity->cert : NULL,
		                       .key = identity ? identity->key : NULL };
	struct http_target target = { .port = h->config.port };
	struct http_client *client;
	struct err err = { 0 };

	assert_int_equal(ipaddr_parse("127.0.0.1", &target.addr), 0);
	if (tls_client_new(&pems, 0, &target.tls, &err) < 0)
		fail_msg("%s", err.msg);
	client = http_client_new(h->loop, &target);
	SSL_CTX_free(target.tls);
	return client;
}

int get(struct harness *h, const char *path)
{
	return call(h, "GET", path, NULL, NULL, NULL);
}

int post(struct harness *h, const char *path, const char *body)
{
	return call(h, "POST", path, NULL, NULL, body);
}

int put(struct harness *h, const char *path, const char *body)
{
	return call(h, "PUT", path, NULL, NULL, body);
}

int patch(struct harness *h, const char *path, const char *type, const char *body)
{
	return call(h, "PATCH", path, type, NULL, body);
}

int del(struct harness *h, const char *path)
{
	return call(h, "DELETE", path, NULL, NULL, NULL);
}

const char *said(const struct harness *h, const char *path)
{
	return json_path_str(h->answer, path);
}

static void on_stream_head(void *arg, int status, const char *type)
{
	struct stream *s = arg;

	(void)type;
	s->status = status;
}

static void on_stream_data(void *arg, const void *data, size_t size)
{
	struct stream *s = arg;
	const char *at, *line_end;

	buf_add(&s->text, data, size);
	for (at = s->text.p; (line_end = strchr(at, '\n')); at = line_end + 1) {
		json_t *event = json_loadb(at, (size_t)(line_end - at), 0, NULL);

		assert_non_null(event);
		json_array_append_new(s->events, event);
	}
	/* What is left is the beginning of a line. */
	memmove(s->text.p, at, strlen(at) + 1);
	s->text.n = strlen(s->text.p);
	if (json_array_size(s->events) >= s->wanted)
		loop_stop(s->h->loop);
}

static void on_stream_done(void *arg, int r, const struct err *err)
{
	struct stream *s = arg;

	(void)err;
	s->exchange = NULL;
	s->r = r;
	loop_stop(s->h->loop);
}

void stream_open(struct stream *s, struct harness *h, const char *path, const char *accept)
{
	const struct http_call http = {
		.method = "GET",
		.path = path,
		.accept = accept,
		.on_head = on_stream_head,
		.on_data = on_stream_data,
		.on_done = on_stream_done,
		.arg = s,
	};

	*s = (struct stream){ .h = h, .events = json_array(), .wanted = SIZE_MAX };
	s->exchange = http_client_start(h->client, &http);
	/* A call on another connection may overtake it: before its head is here it may miss it. */
	for (int i = 0; i < 100 && s->status == 0 && s->exchange; i++)
		harness_run(h, 10);
	assert_int_not_equal(s->status, 0);
}

void stream_close(struct stream *s)
{
	if (s->exchange)
		http_exchange_cancel(s->exchange);
	json_decref(s->events);
	buf_done(&s->text);
}

static void on_limit(void *arg)
{
	loop_stop(arg);
}

void harness_run(struct harness *h, int ms)
{
	struct timer *timer = timer_new(h->loop, on_limit, h->loop);

	timer_once(timer, ms * NSEC_PER_MSEC);
	loop_run(h->loop);
	timer_free(timer);
}

void stream_wait(struct stream *s, size_t n)
{
	int64_t until = clock_now() + LIMIT_NS;

	s->wanted = n;
	while (json_array_size(s->events) < n && s->exchange && clock_now() < until)
		harness_run(s->h, 100);
	s->wanted = SIZE_MAX;
	if (json_array_size(s->events) < n)
		fail_msg("%zu events instead of %zu", json_array_size(s->events), n);
}

void stream_wait_end(struct stream *s)
{
	int64_t until = clock_now() + LIMIT_NS;

	while (s->exchange && clock_now() < until)
		harness_run(s->h, 100);
	assert_null(s->exchange);
}

void stream_idle(struct stream *s)
{
	size_t before = json_array_size(s->events);

	harness_run(s->h, 50);
	assert_int_equal(json_array_size(s->events), before);
}

const char *stream_event(const struct stream *s, size_t i)
{
	static char text[300];
	const json_t *event = json_array_get(s->events, i);
	const char *name = json_path_str(event, "object.metadata.name");

	(void)snprintf(text, sizeof(text), "%s %s", json_path_str(event, "type"),
	               name[0] ? name : "-");
	return text;
}
