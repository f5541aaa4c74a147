/* SPDX-License-Identifier: Apache-2.0 */
/* The server, mostly through the client; what no client of ours would send goes by hand. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/mem.h"

static void on_each(void (*test)(struct world *w))
{
	struct world w;

	for (int transport = 0; transport < N_TRANSPORTS; transport++) {
		world_init(&w, (enum transport)transport);
		test(&w);
		world_done(&w);
	}
}

static void check_answers(struct world *w)
{
	static const struct {
		const char *method, *path, *body;
		int status;
		const char *type, *answer;
	} cases[] = {
		{ "GET", "/hello", NULL, 200, "text/plain", "ok" },
		{ "HEAD", "/hello", NULL, 200, "text/plain", "" },
		{ "GET", "/nothing", NULL, 404, "text/plain", "no" },
		{ "DELETE", "/gone", NULL, 204, "", "" },
		{ "GET", "/teapot", NULL, 422, "text/plain", "no" },
		{ "GET", "/echo", NULL, 200, "text/plain", "GET|/echo|(null)|(null)|(null)|" },
		{ "PATCH", "/echo/a%20b+c%2fd?q=1%202+3&q=4&x", "{}", 200, "text/plain",
		  "PATCH|/echo/a b+c/d|1 2 3|(null)|(null)|{}" },
		{ "POST", "/echo?q", "x", 200, "text/plain", "POST|/echo||(null)|(null)|x" },
		{ "PUT", "/echo?q=%c3%a9&&=", "", 200, "text/plain",
		  "PUT|/echo|\xc3\xa9|(null)|(null)|" },
		{ "OPTIONS", "/echo", NULL, 200, "text/plain",
		  "OPTIONS|/echo|(null)|(null)|(null)|" },
		{ "DELETE", "/echo", "body", 200, "text/plain",
		  "DELETE|/echo|(null)|(null)|(null)|body" },
	};
	struct answer a = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fetch(w, &a, cases[i].method, cases[i].path, cases[i].body);
		assert_int_equal(a.r, 0);
		assert_int_equal(a.heads, 1);
		assert_int_equal(a.status, cases[i].status);
		assert_string_equal(a.type, cases[i].type);
		assert_string_equal(buf_str(&a.body), cases[i].answer);
	}
	answer_done(&a);
}

static void answers(void **state)
{
	(void)state;
	on_each(check_answers);
}

static void check_peer(struct world *w)
{
	static const char *const expected[N_TRANSPORTS] = {
		[OVER_TCP] = "net anonymous ",
		[OVER_TLS] = "net certified admin;system:masters;team,CN=root",
		[OVER_UNIX] = "unix anonymous ",
	};
	struct answer a = { 0 };

	fetch(w, &a, "GET", "/whoami", NULL);
	assert_int_equal(a.r, 0);
	assert_string_equal(buf_str(&a.body), expected[w->transport]);
	answer_done(&a);
}

static void knows_the_peer(void **state)
{
	(void)state;
	on_each(check_peer);
}

/* 21 MB in pieces of all sizes, copied and referenced: every byte in its place, every piece freed. */
static void check_pieces(struct world *w)
{
	const size_t n = 1280;
	char block[100000];
	struct answer a = { 0 };
	uint64_t sum = 0;
	int64_t size = 0;

	for (size_t i = 0; i < n; i++) {
		memset(block, 'a' + (int)(i % 26), piece_size(i));
		sum = sum_bytes(sum, size, block, piece_size(i));
		size += (int64_t)piece_size(i);
	}
	fetch(w, &a, "GET", "/pieces?n=1280", NULL);
	assert_int_equal(a.r, 0);
	assert_int_equal(a.size, size);
	assert_true(a.sum == sum);
	run_until(w, &w->released, (int)n);
	assert_int_equal(w->released, n);
	fetch(w, &a, "HEAD", "/pieces?n=20", NULL);
	assert_int_equal(a.size, 0);
	assert_int_equal(w->released, n + 20);
	fetch(w, &a, "GET", "/pieces?n=0", NULL);
	assert_int_equal(a.r, 0);
	assert_int_equal(a.size, 0);
	answer_done(&a);
}

static void sends_pieces(void **state)
{
	(void)state;
	on_each(check_pieces);
}

/* A client may ask for records of 512 bytes (RFC 6066 section 4): the pieces must stay in order. */
static void sends_pieces_in_small_records(void **state)
{
	struct http_target target = { 0 };
	struct world w;
	struct err err;
	SSL_CTX *tls;

	(void)state;
	world_init(&w, OVER_TLS);
	assert_int_equal(tls_client_new(&(struct tls_pems){ .ca = w.ca.cert }, 0, &tls, &err), 0);
	assert_int_equal(
		SSL_CTX_set_tlsext_max_fragment_length(tls, TLSEXT_max_fragment_length_512), 1);
	target = (struct http_target){ .addr = w.addr,
		                       .port = http_server_port(w.server),
		                       .tls = tls };
	http_client_free(w.client);
	w.client = http_client_new(w.loop, &target);
	check_pieces(&w);
	SSL_CTX_free(tls);
	world_done(&w);
}

static void check_big_body(struct world *w)
{
	struct answer a = { 0 };
	char *body = xmalloc(BODY_MAX + 2), expected[64];

	for (size_t i = 0; i < BODY_MAX; i++)
		body[i] = (char)('a' + i % 23 + i / 1000 % 3);
	body[BODY_MAX] = '\0';
	(void)snprintf(expected, sizeof(expected), "%d %llu", BODY_MAX,
	               (unsigned long long)sum_bytes(0, 0, body, BODY_MAX));
	fetch(w, &a, "POST", "/size", body);
	assert_int_equal(a.r, 0);
	assert_int_equal(a.status, 201);
	assert_string_equal(buf_str(&a.body), expected);
	body[BODY_MAX] = 'x';
	body[BODY_MAX + 1] = '\0';
	fetch(w, &a, "POST", "/size", body);
	assert_int_equal(a.r, 0);
	assert_int_equal(a.status, 413);
	fetch(w, &a, "GET", "/hello", NULL);
	assert_int_equal(a.status, 200);
	answer_done(&a);
	free(body);
}

static void takes_big_bodies(void **state)
{
	(void)state;
	on_each(check_big_body);
}

static void check_sequential(struct world *w)
{
	struct answer a = { 0 };

	for (int i = 0; i < 500; i++) {
		fetch(w, &a, "GET", "/hello", NULL);
		assert_int_equal(a.r, 0);
		assert_string_equal(buf_str(&a.body), "ok");
	}
	answer_done(&a);
}

static void answers_many(void **state)
{
	(void)state;
	on_each(check_sequential);
}

static void check_later(struct world *w)
{
	struct answer a = { 0 };
	struct http_call call = answer_call(&a, "GET", "/later");
	struct http_exchange *exchange;

	(void)http_client_start(w->client, &call);
	run_until(w, &w->parks, 1);
	http_reply(w->parked, 200, "text/plain", "late", 4);
	run_until(w, &a.done, 1);
	assert_string_equal(buf_str(&a.body), "late");

	/* a client that does not wait: its request can be looked at and answered all the same */
	call = answer_call(&a, "GET", "/later?q=x");
	exchange = http_client_start(w->client, &call);
	run_until(w, &w->parks, 2);
	http_exchange_cancel(exchange);
	run_for(w, 50 * NSEC_PER_MSEC);
	assert_string_equal(http_path(w->parked), "/later");
	assert_string_equal(http_query(w->parked, "q"), "x");
	assert_string_equal(http_header(w->parked, "accept"), "application/json");
	assert_int_equal(http_peer(w->parked)->certified, w->transport == OVER_TLS);
	http_add_header(w->parked, "X", "y");
	http_reply(w->parked, 200, "text/plain", "late", 4);
	assert_int_equal(a.done, 0);

	/* the same with an answer in pieces, and one that becomes a stream */
	exchange = http_client_start(w->client, &call);
	run_until(w, &w->parks, 3);
	http_exchange_cancel(exchange);
	run_for(w, 50 * NSEC_PER_MSEC);
	w->stream = http_stream_start(w->parked, 200, NULL, NULL, NULL);
	http_stream_send(w->stream, "x", 1);
	http_stream_end(w->stream);
	run_for(w, 50 * NSEC_PER_MSEC);
	answer_done(&a);
}

static void answers_later(void **state)
{
	(void)state;
	on_each(check_later);
}

static void check_stream(struct world *w)
{
	struct answer a = { 0 };
	struct http_call call = answer_call(&a, "GET", "/stream");

	(void)http_client_start(w->client, &call);
	run_until(w, &a.heads, 1);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.type, "application/json");
	for (int i = 1; i <= 100; i++) {
		http_stream_send(w->stream, "{\"event\":1}\n", 12);
		http_stream_send(w->stream, "", 0); /* not the end */
		run_until(w, &a.pieces, i);
		assert_int_equal(a.size, 12 * i);
	}
	assert_int_equal(http_stream_backlog(w->stream), 0);
	for (int i = 0; i < 100; i++)
		http_stream_send(w->stream, "burst", 5);
	assert_true(http_stream_backlog(w->stream) >= 500);
	http_stream_end(w->stream);
	run_until(w, &a.done, 1);
	assert_int_equal(a.r, 0);
	assert_int_equal(a.size, 1700);
	assert_int_equal(w->closed, 0);
	/* the connection goes on */
	fetch(w, &a, "GET", "/hello", NULL);
	assert_int_equal(a.status, 200);
	answer_done(&a);
}

static void streams(void **state)
{
	(void)state;
	on_each(check_stream);
}

static void check_closed(struct world *w)
{
	struct answer a = { 0 };
	struct http_call call = answer_call(&a, "GET", "/stream");
	struct http_exchange *exchange;

	/* told once, while nothing is being sent */
	exchange = http_client_start(w->client, &call);
	run_until(w, &a.heads, 1);
	http_exchange_cancel(exchange);
	run_until(w, &w->closed, 1);
	run_for(w, 50 * NSEC_PER_MSEC);
	assert_int_equal(w->closed, 1);

	/* and while it is */
	call = answer_call(&a, "GET", "/stream");
	exchange = http_client_start(w->client, &call);
	run_until(w, &a.heads, 1);
	http_exchange_cancel(exchange);
	for (int i = 0; w->stream && i < 1000; i++) {
		http_stream_send(w->stream, "data", 4);
		(void)http_stream_backlog(w->stream);
		run_for(w, NSEC_PER_MSEC);
	}
	assert_int_equal(w->closed, 2);

	/* not after the end */
	call = answer_call(&a, "GET", "/stream");
	exchange = http_client_start(w->client, &call);
	run_until(w, &a.heads, 1);
	http_stream_end(w->stream);
	http_exchange_cancel(exchange);
	run_for(w, 50 * NSEC_PER_MSEC);
	assert_int_equal(w->closed, 2);
	answer_done(&a);
}

static void tells_closed_streams(void **state)
{
	(void)state;
	on_each(check_closed);
}

static void check_backlog(struct world *w)
{
	struct raw raw;
	char block[4096];

	if (w->transport == OVER_TLS)
		return; /* by hand only in plain text */
	memset(block, 'x', sizeof(block));
	raw_init(&raw, w);
	raw_send(&raw, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	run_until(w, &w->streams, 1);
	fd_watch_free(raw.watch); /* reads no more */
	raw.watch = NULL;
	for (int i = 0; i < 100000 && http_stream_backlog(w->stream) < 1000000; i++) {
		http_stream_send(w->stream, block, sizeof(block));
		(void)event_base_loop(loop_base(w->loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
	}
	assert_true(http_stream_backlog(w->stream) >= 1000000);
	raw_done(&raw);
	run_until(w, &w->closed, 1);
}

static void counts_backlog(void **state)
{
	(void)state;
	on_each(check_backlog);
}

/* Requests in vain while the answer streams on: neither an answer nor memory for them. */
static void ignores_input_while_streaming(void **state)
{
	struct world w;
	struct raw raw;
	char block[4097];
	size_t sent = 0;
	ssize_t n = 0;

	(void)state;
	world_init(&w, OVER_UNIX);
	raw_init(&raw, &w);
	raw_send(&raw, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	run_until(&w, &w.streams, 1);
	memset(block, 'x', sizeof(block) - 1);
	block[sizeof(block) - 1] = '\0';
	for (int64_t end = clock_now() + 300 * NSEC_PER_MSEC; clock_now() < end;) {
		n = send(raw.fd, block, sizeof(block) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			sent += (size_t)n;
		run_for(&w, 100000);
	}
	assert_true(sent > 4096 && sent < 1024 * 1024);
	assert_int_equal(w.handled, 1);
	http_stream_send(w.stream, "still here", 10);
	raw_expect(&raw, "still here");
	raw_done(&raw);
	/* it reads no more of this client: the end is noticed when something is sent */
	http_stream_send(w.stream, "anybody?", 8);
	run_until(&w, &w.closed, 1);
	world_done(&w);
}

static void check_idle(struct world *w)
{
	struct answer a = { 0 };
	struct http_call call = answer_call(&a, "GET", "/stream");
	struct http_server *server = w->server;
	struct raw raw;
	struct err err = { 0 };

	if (w->transport == OVER_TLS)
		return;
	http_server_set_idle_timeout(server, 200 * NSEC_PER_MSEC);
	if (w->transport == OVER_UNIX) {
		(void)snprintf(w->path, sizeof(w->path), "%s/short", w->dir);
		assert_int_equal(http_server_listen_unix(server, w->path, &err), 0);
	} else {
		assert_int_equal(http_server_listen_tcp(server, &w->addr, 0, &err), 0);
	}
	http_client_free(w->client);
	w->client = world_client(w, NULL, NULL, NULL);

	/* a stream outlives the time-out, and the connection has it again afterwards */
	(void)http_client_start(w->client, &call);
	run_until(w, &a.heads, 1);
	run_for(w, 600 * NSEC_PER_MSEC);
	http_stream_send(w->stream, "alive", 5);
	run_until(w, &a.pieces, 1);
	assert_int_equal(w->closed, 0);
	http_stream_end(w->stream);
	run_until(w, &a.done, 1);
	assert_int_equal(a.r, 0);

	/* so does a request that waits for its answer; a connection without one does not */
	call = answer_call(&a, "GET", "/later");
	(void)http_client_start(w->client, &call);
	raw_init(&raw, w);
	raw_send(&raw, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	raw_expect(&raw, "\r\n\r\nok");
	raw_expect_end(&raw);
	raw_done(&raw);
	run_for(w, 400 * NSEC_PER_MSEC);
	http_reply(w->parked, 200, NULL, "late", 4);
	run_until(w, &a.done, 1);
	assert_string_equal(buf_str(&a.body), "late");
	answer_done(&a);
}

static void closes_idle_connections_only(void **state)
{
	(void)state;
	on_each(check_idle);
}

/* What evhttp or we refuse before a handler sees it: an answer, then the end of the connection. */
static void refuses(void **state)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {
		{ "NONSENSE\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET / HTTP/9.9\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET / HTTP/1.1\r\nno colon\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET /% HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 " },
		/* methods whose bodies nobody reads */
		{ "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 " },
		{ "TRACE / HTTP/1.1\r\nContent-Length: 35\r\n\r\n"
		  "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
		  "HTTP/1.1 404 " },
		{ "POST /size HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 " },
		{ "POST /size HTTP/1.1\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 400 " },
		{ "POST /size HTTP/1.1\r\nExpect: magic\r\nContent-Length: 2\r\n\r\n{}",
		  "HTTP/1.1 417 " },
		/* refused bodies must not be taken for requests */
		{ "POST /size HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "5000000\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
		  "HTTP/1.1 413 " },
		{ "POST /size HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
		  "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
		  "HTTP/1.1 4" },
		{ "HEAD /hello HTTP/1.1\r\nContent-Length: 35\r\n\r\n"
		  "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
		  "HTTP/1.1 200 " },
	};
	struct world w;
	struct raw raw;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		world_init(&w, i % 2 ? OVER_UNIX : OVER_TCP);
		raw_init(&raw, &w);
		raw_send(&raw, cases[i].request);
		raw_expect(&raw, cases[i].answer);
		raw_send(&raw, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
		raw_expect_end(&raw);
		/* exactly one answer */
		assert_null(strstr(raw.in.p + 1, "HTTP/1.1 "));
		assert_true(w.handled <= 1);
		raw_done(&raw);
		world_done(&w);
	}
}

static void refuses_long_heads(void **state)
{
	struct buf head = BUF_INIT;
	struct world w;
	struct raw raw;

	(void)state;
	world_init(&w, OVER_TCP);
	buf_adds(&head, "GET /hello HTTP/1.1\r\n");
	for (int i = 0; i < 100; i++)
		buf_printf(&head, "X-%d: %01000d\r\n", i, i);
	buf_adds(&head, "\r\n");
	raw_init(&raw, &w);
	raw_send(&raw, head.p);
	raw_expect(&raw, "HTTP/1.1 400 ");
	raw_expect_end(&raw);
	assert_int_equal(w.handled, 0);
	raw_done(&raw);
	buf_done(&head);
	world_done(&w);
}

/* What goes over the wire, byte for byte where it matters. */
static void speaks_http(void **state)
{
	struct world w;
	struct raw raw;

	(void)state;
	world_init(&w, OVER_TCP);
	raw_init(&raw, &w);
	raw_send(&raw, "GET /hello HTTP/1.1\r\nHost: x\r\nX-Test: 1\r\n\r\n");
	raw_expect(&raw, "\r\n\r\nok");
	assert_ptr_equal(strstr(raw.in.p, "HTTP/1.1 200 OK\r\n"), raw.in.p);
	assert_non_null(strstr(raw.in.p, "\r\nContent-Length: 2\r\n"));
	assert_non_null(strstr(raw.in.p, "\r\nDate: "));
	assert_non_null(strstr(raw.in.p, " GMT\r\n"));
	assert_non_null(strstr(raw.in.p, "\r\nContent-Type: text/plain\r\n"));

	buf_reset(&raw.in);
	raw_send(&raw, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n"
	               "GET /echo HTTP/1.1\r\nHost: x\r\nx-TEST: pipelined\r\n\r\n");
	raw_expect(&raw, "pipelined|");
	assert_non_null(strstr(raw.in.p, "\r\nContent-Length: 2\r\n"));
	assert_null(strstr(raw.in.p, "ok"));
	assert_non_null(strstr(raw.in.p, "\r\nX-Echo: one\r\nX-Echo: two\r\n"));

	buf_reset(&raw.in);
	raw_send(&raw, "DELETE /gone HTTP/1.1\r\nHost: x\r\n\r\n"
	               "GET /teapot HTTP/1.1\r\nHost: x\r\n\r\n");
	raw_expect(&raw, "\r\n\r\nno");
	assert_non_null(strstr(raw.in.p, "HTTP/1.1 204 No Content\r\n"));
	assert_non_null(strstr(raw.in.p, "HTTP/1.1 422 Unprocessable Entity\r\n"));

	buf_reset(&raw.in);
	raw_send(&raw, "POST /size HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
	               "Content-Length: 3\r\n\r\n");
	raw_expect(&raw, "HTTP/1.1 100 Continue\r\n\r\n");
	raw_send(&raw, "abc");
	raw_expect(&raw, "\r\n\r\n3 ");

	buf_reset(&raw.in);
	raw_send(&raw, "POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	               "2\r\nab\r\n3\r\ncde\r\n0\r\nTrailer: 1\r\n\r\n");
	raw_expect(&raw, "\r\n\r\n5 ");

	buf_reset(&raw.in);
	raw_send(&raw, "GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	raw_expect(&raw, "\r\n\r\n");
	assert_non_null(strstr(raw.in.p, "\r\nTransfer-Encoding: chunked\r\n"));
	http_stream_send(w.stream, "0123456789abcdef", 16);
	raw_expect(&raw, "\r\n\r\n10\r\n0123456789abcdef\r\n");
	http_stream_end(w.stream);
	raw_expect(&raw, "\r\n0\r\n\r\n");
	raw_expect_end(&raw); /* as it asked */
	raw_done(&raw);
	world_done(&w);
}

static void speaks_http_1_0(void **state)
{
	struct world w;
	struct raw raw;

	(void)state;
	world_init(&w, OVER_TCP);
	raw_init(&raw, &w);
	raw_send(&raw, "GET /hello HTTP/1.0\r\n\r\n");
	raw_expect(&raw, "\r\n\r\nok");
	raw_expect_end(&raw);
	raw_done(&raw);

	raw_init(&raw, &w);
	raw_send(&raw, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	run_until(&w, &w.streams, 1);
	http_stream_send(w.stream, "data", 4);
	raw_expect(&raw, "\r\n\r\ndata");
	http_stream_end(w.stream);
	raw_expect_end(&raw);
	raw_done(&raw);

	/* HEAD of a stream */
	raw_init(&raw, &w);
	raw_send(&raw, "HEAD /stream HTTP/1.1\r\n\r\n");
	run_until(&w, &w.streams, 2);
	http_stream_send(w.stream, "data", 4);
	http_stream_end(w.stream);
	raw_send(&raw, "GET /hello HTTP/1.1\r\n\r\n");
	raw_expect(&raw, "\r\n\r\nok");
	assert_null(strstr(raw.in.p, "data"));
	raw_done(&raw);
	world_done(&w);
}

static void check_free(struct world *w)
{
	struct answer later = { 0 }, stream = { 0 };
	struct http_call call = answer_call(&later, "GET", "/later");

	(void)http_client_start(w->client, &call);
	call = answer_call(&stream, "GET", "/stream");
	(void)http_client_start(w->client, &call);
	run_until(w, &w->parks, 1);
	run_until(w, &stream.heads, 1);
	http_server_free(w->server);
	w->server = NULL;
	assert_int_equal(w->closed, 1);
	http_reply(w->parked, 200, "text/plain", "nobody listens", 14);
	run_until(w, &later.done, 1);
	run_until(w, &stream.done, 1);
	assert_int_equal(later.r, -ECONNRESET);
	assert_int_equal(stream.r, -ECONNRESET);
	answer_done(&later);
	answer_done(&stream);
}

static void frees_while_busy(void **state)
{
	(void)state;
	on_each(check_free);
}

/* Clients that hang up in the middle of everything; ASan sees to it that nothing dangles. */
static void check_hangups(struct world *w)
{
	static const char *const paths[] = { "/hello", "/pieces?n=40", "/stream", "/size" };
	struct answer a = { 0 };
	struct http_call call;
	struct http_exchange *exchange;

	for (int i = 0; i < 200; i++) {
		call = answer_call(&a, i % 3 ? "GET" : "POST", paths[i % 4]);
		call.body = "x";
		call.body_size = 1;
		exchange = http_client_start(w->client, &call);
		for (int turn = 0; turn < i % 9; turn++)
			(void)event_base_loop(loop_base(w->loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
		if (!a.done)
			http_exchange_cancel(exchange);
	}
	fetch(w, &a, "GET", "/hello", NULL);
	assert_int_equal(a.status, 200);
	run_until(w, &w->closed, w->streams);
	assert_int_equal(w->closed, w->streams);
	answer_done(&a);
}

static void survives_hangups(void **state)
{
	(void)state;
	on_each(check_hangups);
}

static void unix_socket_file(void **state)
{
	struct http_server *other;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char path[200];
	struct world w;
	struct stat st;
	struct err err;
	int fd;

	(void)state;
	world_init(&w, OVER_UNIX);
	assert_int_equal(stat(w.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	other = http_server_new(w.loop, 1000, NULL, NULL);
	assert_int_equal(http_server_listen_unix(other, w.path, &err), -EADDRINUSE);
	assert_non_null(strstr(err.msg, "another process"));
	(void)snprintf(path, sizeof(path), "%s/no/such", w.dir);
	assert_int_equal(http_server_listen_unix(other, path, &err), -ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(http_server_listen_unix(other, path, &err), -ENAMETOOLONG);

	/* a file that is no socket stays */
	(void)snprintf(path, sizeof(path), "%s/file", w.dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(http_server_listen_unix(other, path, &err), -EEXIST);
	assert_int_equal(unlink(path), 0);

	/* a socket that nobody answers on is replaced, and goes with the server */
	memcpy(sa.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	(void)close(fd);
	assert_int_equal(http_server_listen_unix(other, path, &err), 0);
	http_server_free(other);
	assert_int_equal(stat(path, &st), -1);
	world_done(&w);
}

static void port_in_use(void **state)
{
	struct http_server *other;
	struct world w;
	struct err err;

	(void)state;
	world_init(&w, OVER_TCP);
	other = http_server_new(w.loop, 1000, NULL, NULL);
	assert_int_equal(http_server_listen_tcp(other, &w.addr, http_server_port(w.server), &err),
	                 -EADDRINUSE);
	assert_non_null(strstr(err.msg, "another program is using this port"));
	http_server_free(other);
	world_done(&w);
}

/* Out of descriptors: who connects is turned away, the loop does not spin, and it recovers. */
static void survives_descriptor_shortage(void **state)
{
	int hogs[256], n = 0, turns = 0;
	struct rlimit limit, low;
	struct answer a = { 0 };
	struct world w;
	struct raw raw;

	(void)state;
	world_init(&w, OVER_TCP);
	raw_init(&raw, &w);
	raw_send(&raw, "GET /hello HTTP/1.1\r\n\r\n");
	raw_expect(&raw, "ok");
	raw_done(&raw);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 200;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	raw_init(&raw, &w); /* in the backlog now: the loop has not accepted it */
	while (n < 256 && (hogs[n] = dup(0)) >= 0)
		n++;
	assert_true(n < 256);
	raw_expect_end(&raw);
	for (int64_t end = clock_now() + 100 * NSEC_PER_MSEC; clock_now() < end; turns++)
		(void)event_base_loop(loop_base(w.loop), EVLOOP_ONCE);
	assert_true(turns < 50);
	while (n > 0)
		(void)close(hogs[--n]);
	raw_done(&raw);
	fetch(&w, &a, "GET", "/hello", NULL);
	assert_int_equal(a.status, 200);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	answer_done(&a);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(knows_the_peer),
		cmocka_unit_test(sends_pieces),
		cmocka_unit_test(sends_pieces_in_small_records),
		cmocka_unit_test(takes_big_bodies),
		cmocka_unit_test(answers_many),
		cmocka_unit_test(answers_later),
		cmocka_unit_test(streams),
		cmocka_unit_test(tells_closed_streams),
		cmocka_unit_test(counts_backlog),
		cmocka_unit_test(ignores_input_while_streaming),
		cmocka_unit_test(closes_idle_connections_only),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_long_heads),
		cmocka_unit_test(speaks_http),
		cmocka_unit_test(speaks_http_1_0),
		cmocka_unit_test(frees_while_busy),
		cmocka_unit_test(survives_hangups),
		cmocka_unit_test(unix_socket_file),
		cmocka_unit_test(port_in_use),
		cmocka_unit_test(survives_descriptor_shortage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
