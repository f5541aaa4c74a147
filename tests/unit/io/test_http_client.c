/* SPDX-License-Identifier: Apache-2.0 */
/* The client, against our server and against one that does what a script says. */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/list.h"
#include "base/mem.h"
#include "io/listen.h"

/*
 * A server of which each connection follows the next script: "recv" waits for a request, "close"
 * closes, anything else is sent.
 */
struct scripted {
	struct world *world;
	int fd;
	uint16_t port;
	struct fd_watch *watch;
	const char *const (*scripts)[8];
	int accepted, requests;
	struct script_connection *connections[16];
	struct buf seen; /* all requests */
};

struct script_connection {
	struct scripted *server;
	int fd;
	struct fd_watch *watch;
	const char *const *step;
};

static void script_close(struct script_connection *c)
{
	fd_watch_free(c->watch);
	(void)close(c->fd);
	c->watch = NULL;
	c->fd = -1;
}

static void script_go(struct script_connection *c)
{
	for (; *c->step && strcmp(*c->step, "recv") != 0; c->step++) {
		if (strcmp(*c->step, "close") == 0) {
			script_close(c);
			return;
		}
		assert_int_equal(send(c->fd, *c->step, strlen(*c->step), MSG_NOSIGNAL),
		                 strlen(*c->step));
	}
}

static void on_script_readable(void *arg)
{
	struct script_connection *c = arg;
	char text[4096];
	ssize_t n = recv(c->fd, text, sizeof(text), MSG_DONTWAIT);

	if (n <= 0) {
		script_close(c);
		return;
	}
	buf_add(&c->server->seen, text, (size_t)n);
	if (!strstr(buf_str(&c->server->seen), "\r\n\r\n"))
		return;
	c->server->requests++;
	if (*c->step)
		c->step++;
	script_go(c);
}

static void on_script_accept(void *arg)
{
	struct scripted *s = arg;
	struct script_connection *c = xnew(struct script_connection);

	assert_true(s->accepted < (int)ARRAY_SIZE(s->connections));
	c->server = s;
	c->fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(c->fd >= 0);
	c->step = s->scripts[s->accepted];
	s->connections[s->accepted++] = c;
	c->watch = fd_watch_new(s->world->loop, c->fd, on_script_readable, c);
	script_go(c);
}

/* Points the world's client to a server of these scripts. */
static void scripted_init(struct scripted *s, struct world *w, const char *const (*scripts)[8])
{
	struct err err;

	*s = (struct scripted){ .world = w, .scripts = scripts };
	s->fd = listen_tcp(&w->addr, 0, &err);
	assert_true(s->fd >= 0);
	s->port = listen_port(s->fd);
	s->watch = fd_watch_new(w->loop, s->fd, on_script_accept, s);
	http_client_free(w->client);
	w->client = http_client_new(w->loop,
	                            &(struct http_target){ .addr = w->addr, .port = s->port });
}

static void scripted_done(struct scripted *s)
{
	for (int i = 0; i < s->accepted; i++) {
		if (s->connections[i]->fd >= 0)
			script_close(s->connections[i]);
		free(s->connections[i]);
	}
	fd_watch_free(s->watch);
	(void)close(s->fd);
	buf_done(&s->seen);
}

#define OK2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* One request to one script each. */
static void reports_failures(void **state)
{
	static const struct {
		const char *const script[1][8];
		int r, status;
		const char *body, *message;
	} cases[] = {
		{ { { "recv", OK2 } }, 0, 200, "ok", "" },
		{ { { "recv", "HTTP/1.1 200 OK\r\n\r\nto the end", "close" } },
		  0,
		  200,
		  "to the end",
		  "" },
		{ { { "recv", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		      "2\r\nok\r\n", "0\r\n\r\n" } },
		  0,
		  200,
		  "ok",
		  "" },
		{ { { "recv", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", "close" } },
		  -ECONNRESET,
		  200,
		  "ok",
		  "in mid-answer" },
		{ { { "recv", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
		      "close" } },
		  -ECONNRESET,
		  200,
		  "ok",
		  "in mid-answer" },
		{ { { "recv", "HTTP/1.1 200 OK\r\n", "close" } },
		  -ECONNRESET,
		  0,
		  "",
		  "in mid-answer" },
		{ { { "recv", "close" } }, -ECONNRESET, 0, "", "closed the connection" },
		{ { { "recv", "SSH-2.0-x\r\n" } }, -EPROTO, 0, "", "not an HTTP/1.1 answer" },
		{ { { "recv",
		      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n" } },
		  -EPROTO,
		  200,
		  "ok",
		  "bad chunk size" },
		{ { { "recv", "HTTP/1.1 200 OK\r\n" } },
		  -ETIMEDOUT,
		  0,
		  "",
		  "no answer within 0.15 s" },
		{ { { "recv", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok" } },
		  -ETIMEDOUT,
		  200,
		  "ok",
		  "nothing more came within 0.1 s" },
	};
	struct answer a = { 0 };
	struct scripted s;
	struct world w;
	char name[64];

	(void)state;
	world_init(&w, OVER_TCP);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_call call = answer_call(&a, "GET", "/");

		scripted_init(&s, &w, cases[i].script);
		call.timeout_ns = 150 * NSEC_PER_MSEC;
		call.idle_timeout_ns = 100 * NSEC_PER_MSEC;
		(void)http_client_start(w.client, &call);
		run_until(&w, &a.done, 1);
		assert_int_equal(a.r, cases[i].r);
		assert_int_equal(a.err.code, cases[i].r);
		assert_int_equal(a.status, cases[i].status);
		assert_string_equal(buf_str(&a.body), cases[i].body);
		assert_non_null(strstr(a.err.msg, cases[i].message));
		(void)snprintf(name, sizeof(name), "127.0.0.1:%d: ", s.port);
		if (a.r < 0)
			assert_ptr_equal(strstr(a.err.msg, name), a.err.msg);
		assert_int_equal(s.accepted, 1);
		scripted_done(&s);
	}
	answer_done(&a);
	world_done(&w);
}

static void reports_connect_failures(void **state)
{
	struct http_target target = { .port = 0 };
	struct answer a = { 0 };
	struct world w;
	struct err err;
	char expected[128];
	int fd;

	(void)state;
	world_init(&w, OVER_TCP);
	fd = listen_tcp(&w.addr, 0, &err);
	target.addr = w.addr;
	target.port = listen_port(fd);
	(void)close(fd);
	http_client_free(w.client);
	w.client = http_client_new(w.loop, &target);
	fetch(&w, &a, "GET", "/", NULL);
	assert_int_equal(a.r, -ECONNREFUSED);
	(void)snprintf(expected, sizeof(expected),
	               "cannot connect to 127.0.0.1:%d: Connection refused", target.port);
	assert_string_equal(a.err.msg, expected);

	http_client_free(w.client);
	target.unix_path = "/tmp/no/such/socket";
	w.client = http_client_new(w.loop, &target);
	fetch(&w, &a, "GET", "/", NULL);
	assert_int_equal(a.r, -ENOENT);
	assert_string_equal(a.err.msg,
	                    "cannot connect to /tmp/no/such/socket: No such file or directory");
	fetch(&w, &a, "GET", "/a b", NULL);
	assert_int_equal(a.r, -EINVAL);
	fetch(&w, &a, "GET", "/a\r\nX: y", NULL);
	assert_int_equal(a.r, -EINVAL);
	answer_done(&a);
	world_done(&w);
}

static void keeps_connections(void **state)
{
	static const char *const scripts[][8] = {
		{ "recv", OK2, "recv", OK2, "recv",
		  "HTTP/1.1 200 OK\r\nConnection: close\r\n"
		  "Content-Length: 2\r\n\r\nok" },
		{ "recv", OK2 "stray", "recv" },
		{ "recv", OK2 },
	};
	struct answer a = { 0 };
	struct scripted s;
	struct world w;

	(void)state;
	world_init(&w, OVER_TCP);
	scripted_init(&s, &w, scripts);
	for (int i = 0; i < 5; i++) {
		fetch(&w, &a, i % 2 ? "POST" : "GET", "/", "body");
		assert_int_equal(a.r, 0);
		assert_string_equal(buf_str(&a.body), "ok");
		/* three on the first, which then closes; one on the second, which cannot be trusted */
		assert_int_equal(s.accepted, i < 3 ? 1 : i - 1);
	}
	scripted_done(&s);
	answer_done(&a);
	world_done(&w);
}

/* A kept connection that the server closes on receipt of the next request. */
static void repeats_what_may_be_repeated(void **state)
{
	static const struct {
		const char *method;
		int r;
	} cases[] = {
		{ "GET", 0 },    { "HEAD", 0 },           { "PUT", 0 },
		{ "DELETE", 0 }, { "POST", -ECONNRESET }, { "PATCH", -ECONNRESET },
	};
	static const char *const scripts[][8] = {
		{ "recv", OK2, "recv", "close" },
		{ "recv", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
	};
	static const char *const hopeless[][8] = {
		{ "recv", OK2, "recv", "close" },
		{ "recv", "close" },
	};
	struct answer a = { 0 };
	struct scripted s;
	struct world w;

	(void)state;
	world_init(&w, OVER_TCP);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scripted_init(&s, &w, scripts);
		fetch(&w, &a, "GET", "/", NULL);
		assert_int_equal(a.r, 0);
		fetch(&w, &a, cases[i].method, "/", NULL);
		assert_int_equal(a.r, cases[i].r);
		assert_int_equal(s.accepted, cases[i].r == 0 ? 2 : 1);
		scripted_done(&s);
	}
	/* once, not for ever */
	scripted_init(&s, &w, hopeless);
	fetch(&w, &a, "GET", "/", NULL);
	fetch(&w, &a, "GET", "/", NULL);
	assert_int_equal(a.r, -ECONNRESET);
	assert_int_equal(s.accepted, 2);
	scripted_done(&s);
	answer_done(&a);
	world_done(&w);
}

/* A kept connection that the server has closed meanwhile is not used for a POST either. */
static void sees_closed_connections(void **state)
{
	static const char *const scripts[][8] = {
		{ "recv", OK2, "close" },
		{ "recv", OK2 },
	};
	struct answer a = { 0 };
	struct scripted s;
	struct world w;

	(void)state;
	world_init(&w, OVER_TCP);
	scripted_init(&s, &w, scripts);
	fetch(&w, &a, "GET", "/", NULL);
	fetch(&w, &a, "POST", "/", "x");
	assert_int_equal(a.r, 0);
	assert_int_equal(s.accepted, 2);
	scripted_done(&s);
	answer_done(&a);
	world_done(&w);
}

static void sends_requests(void **state)
{
	static const char *const scripts[][8] = { { "recv", OK2 } };
	struct answer a = { 0 };
	struct http_call call = answer_call(&a, "POST", "/p?q=1");
	struct scripted s;
	struct world w;
	char expected[256];

	(void)state;
	world_init(&w, OVER_TCP);
	scripted_init(&s, &w, scripts);
	call.body = "{}";
	call.body_size = 2;
	call.accept = "application/json;as=Table";
	call.content_type = "application/yaml";
	call.authorization = "Bearer x";
	(void)http_client_start(w.client, &call);
	run_until(&w, &a.done, 1);
	(void)snprintf(expected, sizeof(expected),
	               "POST /p?q=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: fairlead/%s\r\n"
	               "Accept: application/json;as=Table\r\nAuthorization: Bearer x\r\n"
	               "Content-Type: application/yaml\r\nContent-Length: 2\r\n\r\n{}",
	               s.port, FAIRLEAD_VERSION);
	assert_string_equal(buf_str(&s.seen), expected);
	scripted_done(&s);
	answer_done(&a);
	world_done(&w);
}

/* A watch does not hold up requests, and many at a time are answered. */
static void asks_in_parallel(void **state)
{
	struct answer answers[20] = { 0 }, stream = { 0 };
	struct http_call call = answer_call(&stream, "GET", "/stream");
	struct world w;

	(void)state;
	for (int transport = 0; transport < N_TRANSPORTS; transport++) {
		world_init(&w, (enum transport)transport);
		call = answer_call(&stream, "GET", "/stream");
		(void)http_client_start(w.client, &call);
		for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
			call = answer_call(&answers[i], "GET", "/hello");
			(void)http_client_start(w.client, &call);
		}
		for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
			run_until(&w, &answers[i].done, 1);
			assert_string_equal(buf_str(&answers[i].body), "ok");
			answer_done(&answers[i]);
		}
		run_until(&w, &stream.heads, 1);
		assert_int_equal(stream.done, 0);
		world_done(&w);
		answer_done(&stream);
	}
}

/* Callbacks that end things under the client's feet. */
enum where {
	IN_HEAD,
	IN_DATA,
	IN_DONE,
	N_WHERE,
};

struct saboteur {
	struct world *world;
	struct http_exchange *exchange;
	enum where where;
	bool free_client; /* else the exchange is cancelled */
	int heads, datas, dones;
};

static void sabotage(struct saboteur *b)
{
	if (b->free_client) {
		http_client_free(b->world->client);
		b->world->client = NULL;
	} else if (b->where != IN_DONE) {
		http_exchange_cancel(b->exchange);
	} else {
		/* start another from within */
		struct http_call call = { .method = "GET", .path = "/hello" };

		(void)http_client_start(b->world->client, &call);
	}
}

static void sabotage_head(void *arg, int status, const char *type)
{
	struct saboteur *b = arg;

	assert_int_equal(status, 200);
	assert_string_equal(type, "application/json");
	b->heads++;
	if (b->where == IN_HEAD)
		sabotage(b);
}

static void sabotage_data(void *arg, const void *data, size_t size)
{
	struct saboteur *b = arg;

	assert_true(size > 0 && ((const char *)data)[0] != '\0');
	b->datas++;
	if (b->where == IN_DATA)
		sabotage(b);
}

static void sabotage_done(void *arg, int r, const struct err *err)
{
	struct saboteur *b = arg;

	assert_int_equal(r, 0);
	assert_null(err);
	b->dones++;
	sabotage(b);
}

static void survives_callbacks(void **state)
{
	struct world w;

	(void)state;
	for (int i = 0; i < N_TRANSPORTS * N_WHERE * 2; i++) {
		struct saboteur b = { .world = &w,
			              .where = (enum where)(i / 2 % N_WHERE),
			              .free_client = i % 2 };
		struct http_call call = { .method = "GET",
			                  .path = "/pieces?n=8",
			                  .on_head = sabotage_head,
			                  .on_data = sabotage_data,
			                  .on_done = sabotage_done,
			                  .arg = &b };

		world_init(&w, (enum transport)(i / 2 / N_WHERE));
		b.exchange = http_client_start(w.client, &call);
		run_until(&w,
		          b.where == IN_HEAD   ? &b.heads
		          : b.where == IN_DATA ? &b.datas
		                               : &b.dones,
		          1);
		run_for(&w, 30 * NSEC_PER_MSEC);
		assert_int_equal(b.heads, 1);
		assert_true(b.where == IN_HEAD ? b.datas == 0 : b.datas >= 1);
		if (b.where == IN_DATA)
			assert_int_equal(b.datas, 1);
		assert_int_equal(b.dones, b.where == IN_DONE);
		world_done(&w);
	}
}

/* Cancelled before anything happened, and callbacks that nobody gave. */
static void cancels_at_once(void **state)
{
	struct http_call call = { .method = "GET", .path = "/hello" };
	struct world w;

	(void)state;
	for (int transport = 0; transport < N_TRANSPORTS; transport++) {
		world_init(&w, (enum transport)transport);
		http_exchange_cancel(NULL);
		http_exchange_cancel(http_client_start(w.client, &call));
		(void)http_client_start(w.client, &call);
		run_until(&w, &w.handled, 1);
		run_for(&w, 20 * NSEC_PER_MSEC);
		world_done(&w);
	}
}

static void check_tls(struct world *w, const struct tls_identity *id, const char *ca,
                      const char *name, int r, const char *text)
{
	struct answer a = { 0 };

	http_client_free(w->client);
	w->client = world_client(w, id, ca, name);
	fetch(w, &a, "GET", "/whoami", NULL);
	assert_int_equal(a.r, r);
	if (!strstr(r == 0 ? buf_str(&a.body) : a.err.msg, text))
		fail_msg("\"%s\", not \"%s\"", r == 0 ? buf_str(&a.body) : a.err.msg, text);
	answer_done(&a);
}

static void verifies_both_ways(void **state)
{
	struct tls_cert_request user = { .common_name = "mallory", .days = 1 };
	struct tls_identity other_ca, stranger, wrong_use;
	struct world w;
	struct err err;

	(void)state;
	world_init(&w, OVER_TLS);
	assert_int_equal(tls_make_ca("other", &other_ca, &err), 0);
	assert_int_equal(tls_issue(&other_ca, &user, &stranger, &err), 0);
	user.server = 1;
	assert_int_equal(tls_issue(&w.ca, &user, &wrong_use, &err), 0);

	check_tls(&w, &w.user_id, w.ca.cert, NULL, 0, "certified admin;system:masters");
	check_tls(&w, NULL, w.ca.cert, NULL, 0, "net anonymous ");
	check_tls(&w, NULL, w.ca.cert, "localhost", 0, "anonymous");
	check_tls(&w, NULL, w.ca.cert, "127.0.0.1", 0, "anonymous");
	check_tls(&w, NULL, other_ca.cert, NULL, -EPROTO,
	          "the server's certificate is not trusted: ");
	check_tls(&w, NULL, w.ca.cert, "example.com", -EPROTO, "hostname mismatch");
	check_tls(&w, NULL, w.ca.cert, "127.0.0.2", -EPROTO, "IP address mismatch");
	/* ours is not trusted: the server says so and hangs up */
	check_tls(&w, &stranger, w.ca.cert, NULL, -EPROTO, "TLS: ");
	check_tls(&w, &wrong_use, w.ca.cert, NULL, -EPROTO, "TLS: ");
	assert_int_equal(w.handled, 4);

	tls_identity_done(&other_ca);
	tls_identity_done(&stranger);
	tls_identity_done(&wrong_use);
	world_done(&w);
}

/* TLS where there is none, none where there is, and trust in anything where asked for. */
static void tls_mismatches(void **state)
{
	static const char *const scripts[][8] = { { "recv", "HTTP/1.1 400 Bad Request\r\n\r\n",
		                                    "close" } };
	struct http_target target = { 0 };
	struct answer a = { 0 };
	struct scripted s;
	struct world w;
	struct err err;
	SSL_CTX *tls;

	(void)state;
	world_init(&w, OVER_TLS);
	target = (struct http_target){ .addr = w.addr, .port = http_server_port(w.server) };
	http_client_free(w.client);
	w.client = http_client_new(w.loop, &target);
	fetch(&w, &a, "GET", "/hello", NULL);
	assert_true(a.r == -EPROTO || a.r == -ECONNRESET);

	assert_int_equal(tls_client_new(&(struct tls_pems){ 0 }, 1, &tls, &err), 0);
	target.tls = tls;
	http_client_free(w.client);
	w.client = http_client_new(w.loop, &target);
	fetch(&w, &a, "GET", "/hello", NULL);
	assert_int_equal(a.r, 0);

	scripted_init(&s, &w, scripts);
	target.port = s.port;
	http_client_free(w.client);
	w.client = http_client_new(w.loop, &target);
	buf_adds(&s.seen, "\r\n\r\n"); /* anything is a request */
	fetch(&w, &a, "GET", "/hello", NULL);
	assert_int_equal(a.r, -EPROTO);
	assert_non_null(strstr(a.err.msg, "TLS: "));
	scripted_done(&s);
	SSL_CTX_free(tls);
	answer_done(&a);
	world_done(&w);
}

static void escapes(void **state)
{
	static const struct {
		const char *text, *escaped;
	} cases[] = {
		{ "", "" },
		{ "aZ09-._~", "aZ09-._~" },
		{ "a b/c?d=e&f+g%", "a%20b%2Fc%3Fd%3De%26f%2Bg%25" },
		{ "app in (a,b)", "app%20in%20%28a%2Cb%29" },
		{ "\xc3\xa9", "%C3%A9" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *escaped = http_escape(cases[i].text);

		assert_string_equal(escaped, cases[i].escaped);
		free(escaped);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_failures),
		cmocka_unit_test(reports_connect_failures),
		cmocka_unit_test(keeps_connections),
		cmocka_unit_test(repeats_what_may_be_repeated),
		cmocka_unit_test(sees_closed_connections),
		cmocka_unit_test(sends_requests),
		cmocka_unit_test(asks_in_parallel),
		cmocka_unit_test(survives_callbacks),
		cmocka_unit_test(cancels_at_once),
		cmocka_unit_test(verifies_both_ways),
		cmocka_unit_test(tls_mismatches),
		cmocka_unit_test(escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
