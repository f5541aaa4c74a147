/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/mem.h"

static const char *const server_names[] = { "localhost", "127.0.0.1", NULL };
static const char *const user_groups[] = { "system:masters", "team,CN=root", NULL };

uint64_t sum_bytes(uint64_t sum, int64_t place, const void *data, size_t size)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < size; i++)
		sum += (uint64_t)p[i] * (uint64_t)(place + (int64_t)i + 1);
	return sum;
}

size_t piece_size(size_t i)
{
	static const size_t sizes[] = { 1, 700, 1500, 20000, 0, 8192, 100000, 3 };

	return sizes[i % ARRAY_SIZE(sizes)];
}

static void on_closed(void *arg)
{
	struct world *w = arg;

	w->closed++;
	w->stream = NULL;
}

static void reply_echo(struct http_request *req)
{
	struct buf b = BUF_INIT;
	const char *query = http_query(req, "q"), *none = http_query(req, "none");
	const char *header = http_header(req, "x-test");
	size_t size;
	const char *body = http_body(req, &size);

	assert_int_equal(strlen(body), size);
	buf_printf(&b, "%s|%s|%s|%s|%s|%s", http_method(req), http_path(req),
	           query ? query : "(null)", none ? none : "(null)", header ? header : "(null)",
	           body);
	http_add_header(req, "X-Echo", "one");
	http_add_header(req, "X-Echo", "two");
	http_reply(req, 200, "text/plain", buf_str(&b), b.n);
	buf_done(&b);
}

static void reply_whoami(struct http_request *req)
{
	const struct http_peer *peer = http_peer(req);
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s %s %s", peer->unix_socket ? "unix" : "net",
	           peer->certified ? "certified" : "anonymous", peer->user);
	for (const char *const *group = peer->groups; *group; group++)
		buf_printf(&b, ";%s", *group);
	http_reply(req, 200, NULL, buf_str(&b), b.n);
	buf_done(&b);
}

struct piece_arg {
	struct world *world;
	char *data;
};

static void release_piece(void *arg)
{
	struct piece_arg *p = arg;

	p->world->released++;
	free(p->data);
	free(p);
}

static void reply_pieces(struct world *w, struct http_request *req)
{
	size_t n = (size_t)atoi(http_query(req, "n"));
	struct http_piece *pieces = xcalloc(n + 1, sizeof(*pieces));

	for (size_t i = 0; i < n; i++) {
		struct piece_arg *arg = xnew(struct piece_arg);

		arg->world = w;
		arg->data = xmalloc(piece_size(i) + 1);
		memset(arg->data, 'a' + (int)(i % 26), piece_size(i));
		pieces[i] = (struct http_piece){ arg->data, piece_size(i), release_piece, arg };
	}
	http_reply_pieces(req, 200, "application/json", pieces, n);
	free(pieces);
}

static void handle(void *arg, struct http_request *req)
{
	struct world *w = arg;
	const char *path = http_path(req);

	w->handled++;
	if (strcmp(path, "/hello") == 0) {
		http_reply(req, 200, "text/plain", "ok", 2);
	} else if (strncmp(path, "/echo", 5) == 0) {
		reply_echo(req);
	} else if (strcmp(path, "/whoami") == 0) {
		reply_whoami(req);
	} else if (strcmp(path, "/pieces") == 0) {
		reply_pieces(w, req);
	} else if (strcmp(path, "/size") == 0) {
		char text[64];
		size_t size;
		const char *body = http_body(req, &size);

		(void)snprintf(text, sizeof(text), "%zu %llu", size,
		               (unsigned long long)sum_bytes(0, 0, body, size));
		http_reply(req, 201, "text/plain", text, strlen(text));
	} else if (strcmp(path, "/gone") == 0) {
		http_reply(req, 204, NULL, "", 0);
	} else if (strcmp(path, "/teapot") == 0) {
		http_reply(req, 422, "text/plain", "no", 2);
	} else if (strcmp(path, "/later") == 0) {
		w->parked = req;
		w->parks++;
	} else if (strcmp(path, "/stream") == 0) {
		w->streams++;
		w->stream = http_stream_start(req, 200, "application/json", on_closed, w);
	} else {
		http_reply(req, 404, "text/plain", "no", 2);
	}
}

static void listen_tls(struct world *w)
{
	struct tls_cert_request server = {
		.common_name = "server", .names = server_names, .server = 1, .days = 1
	};
	struct tls_cert_request user = { .common_name = "admin",
		                         .organizations = user_groups,
		                         .days = 1 };
	struct err err = { 0 };

	assert_int_equal(tls_make_ca("test-ca", &w->ca, &err), 0);
	assert_int_equal(tls_issue(&w->ca, &server, &w->server_id, &err), 0);
	assert_int_equal(tls_issue(&w->ca, &user, &w->user_id, &err), 0);
	assert_int_equal(tls_server_new(&(struct tls_pems){ w->ca.cert, w->server_id.cert,
	                                                    w->server_id.key },
	                                &w->server_tls, &err),
	                 0);
	assert_int_equal(http_server_listen_tls(w->server, &w->addr, 0, w->server_tls, &err), 0);
}

struct http_client *world_client(struct world *w, const struct tls_identity *id, const char *ca,
                                 const char *server_name)
{
	struct http_target target = { .addr = w->addr,
		                      .port = http_server_port(w->server),
		                      .server_name = server_name };
	struct http_client *client;
	SSL_CTX *tls = NULL;
	struct err err = { 0 };

	if (w->transport == OVER_UNIX)
		target.unix_path = w->path;
	if (w->transport == OVER_TLS)
		assert_int_equal(tls_client_new(&(struct tls_pems){ ca, id ? id->cert : NULL,
		                                                    id ? id->key : NULL },
		                                0, &tls, &err),
		                 0);
	target.tls = tls;
	client = http_client_new(w->loop, &target);
	SSL_CTX_free(tls);
	return client;
}

static void on_tick(void *arg)
{
	(void)arg;
}

void world_init(struct world *w, enum transport transport)
{
	struct err err = { 0 };

	*w = (struct world){ .transport = transport };
	assert_int_equal(ipaddr_parse("127.0.0.1", &w->addr), 0);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/io-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof(w->path), "%s/sock", w->dir);
	w->loop = loop_new();
	w->tick = timer_new(w->loop, on_tick, NULL);
	timer_every(w->tick, 20 * NSEC_PER_MSEC);
	w->server = http_server_new(w->loop, BODY_MAX, handle, w);
	if (transport == OVER_TLS)
		listen_tls(w);
	else if (transport == OVER_TCP)
		assert_int_equal(http_server_listen_tcp(w->server, &w->addr, 0, &err), 0);
	else
		assert_int_equal(http_server_listen_unix(w->server, w->path, &err), 0);
	w->client = world_client(w, &w->user_id, w->ca.cert, NULL);
}

void world_done(struct world *w)
{
	http_client_free(w->client);
	http_server_free(w->server);
	timer_free(w->tick);
	loop_free(w->loop);
	SSL_CTX_free(w->server_tls);
	tls_identity_done(&w->ca);
	tls_identity_done(&w->server_id);
	tls_identity_done(&w->user_id);
	assert_int_equal(rmdir(w->dir), 0);
}

void run_until(struct world *w, const int *counter, int target)
{
	int64_t limit = clock_now() + 20 * NSEC_PER_SEC;

	while (*counter < target) {
		assert_true(clock_now() < limit);
		(void)event_base_loop(loop_base(w->loop), EVLOOP_ONCE);
	}
}

void run_for(struct world *w, int64_t ns)
{
	int64_t limit = clock_now() + ns;

	while (clock_now() < limit)
		(void)event_base_loop(loop_base(w->loop), EVLOOP_ONCE);
}

static void on_head(void *arg, int status, const char *content_type)
{
	struct answer *a = arg;

	a->heads++;
	a->status = status;
	(void)snprintf(a->type, sizeof(a->type), "%s", content_type ? content_type : "");
}

static void on_data(void *arg, const void *data, size_t size)
{
	struct answer *a = arg;

	a->sum = sum_bytes(a->sum, a->size, data, size);
	a->size += (int64_t)size;
	a->pieces++;
	if (a->body.n < 65536)
		buf_add(&a->body, data, size);
}

static void on_done(void *arg, int r, const struct err *err)
{
	struct answer *a = arg;

	a->done++;
	a->r = r;
	if (err)
		a->err = *err;
}

void answer_done(struct answer *a)
{
	buf_done(&a->body);
	*a = (struct answer){ 0 };
}

struct http_call answer_call(struct answer *a, const char *method, const char *path)
{
	answer_done(a);
	return (struct http_call){ .method = method,
		                   .path = path,
		                   .on_head = on_head,
		                   .on_data = on_data,
		                   .on_done = on_done,
		                   .arg = a };
}

void fetch(struct world *w, struct answer *a, const char *method, const char *path,
           const char *body)
{
	struct http_call call = answer_call(a, method, path);

	call.body = body;
	call.body_size = body ? strlen(body) : 0;
	(void)http_client_start(w->client, &call);
	assert_int_equal(a->done, 0);
	run_until(w, &a->done, 1);
	assert_int_equal(a->done, 1);
}

static void on_raw(void *arg)
{
	struct raw *raw = arg;
	char text[65536];
	ssize_t n;

	n = recv(raw->fd, text, sizeof(text), MSG_DONTWAIT);
	if (n > 0) {
		buf_add(&raw->in, text, (size_t)n);
	} else if (n == 0 || errno != EAGAIN) {
		raw->ended++;
		fd_watch_free(raw->watch);
		raw->watch = NULL;
	}
}

void raw_init(struct raw *raw, struct world *w)
{
	struct sockaddr_storage sa = { 0 };
	struct sockaddr_un *un = (struct sockaddr_un *)&sa;
	socklen_t size = sizeof(*un);

	*raw = (struct raw){ .world = w };
	if (w->transport == OVER_UNIX) {
		un->sun_family = AF_UNIX;
		(void)snprintf(un->sun_path, sizeof(un->sun_path), "%s", w->path);
	} else {
		size = ipaddr_sockaddr(&w->addr, http_server_port(w->server), &sa);
	}
	raw->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(raw->fd >= 0);
	assert_int_equal(connect(raw->fd, (struct sockaddr *)&sa, size), 0);
	raw->watch = fd_watch_new(w->loop, raw->fd, on_raw, raw);
}

void raw_done(struct raw *raw)
{
	fd_watch_free(raw->watch);
	if (raw->fd >= 0)
		(void)close(raw->fd);
	buf_done(&raw->in);
	raw->watch = NULL;
	raw->fd = -1;
}

void raw_send(struct raw *raw, const char *text)
{
	size_t n = strlen(text), sent = 0;
	int64_t limit = clock_now() + 10 * NSEC_PER_SEC;

	/* the server is in this thread, and must get to read */
	while (sent < n) {
		ssize_t r = send(raw->fd, text + sent, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (r < 0 && errno != EAGAIN)
			return; /* the server has closed, which the test will see */
		if (r > 0)
			sent += (size_t)r;
		else
			(void)event_base_loop(loop_base(raw->world->loop), EVLOOP_ONCE);
		assert_true(clock_now() < limit);
	}
}

void raw_expect(struct raw *raw, const char *text)
{
	int64_t limit = clock_now() + 10 * NSEC_PER_SEC;

	while (!strstr(buf_str(&raw->in), text)) {
		if (raw->ended || clock_now() > limit)
			fail_msg("no \"%s\" in \"%s\"", text, buf_str(&raw->in));
		(void)event_base_loop(loop_base(raw->world->loop), EVLOOP_ONCE);
	}
}

void raw_expect_end(struct raw *raw)
{
	run_until(raw->world, &raw->ended, 1);
}
