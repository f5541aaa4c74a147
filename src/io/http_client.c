/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http_client.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "io/http_parser.h"

#define IDLE_MAX           4 /* connections kept for reuse */
#define IDLE_S             90
#define DEFAULT_TIMEOUT_NS (30 * NSEC_PER_SEC)
#define INPUT_MAX          (256 * 1024) /* read ahead of the consumer at most */

struct http_client {
	struct loop *loop;
	struct sockaddr_storage sa;
	socklen_t sa_size;
	SSL_CTX *tls;       /* a reference; NULL: plain */
	struct ipaddr addr; /* for the certificate, where there is no server_name */
	char *server_name;  /* owned; NULL: the address */
	char *host;         /* owned: Host header */
	char *name;         /* owned: the server, in messages */
	struct list_node exchanges;
	struct list_node idle; /* connections without an exchange, oldest first */
	int n_idle;
};

/* A connection, from connect() on.  It has an exchange or is in client->idle. */
struct connection {
	struct list_node in_idle;
	struct http_client *client;
	struct http_exchange *exchange; /* NULL: idle */
	struct event connecting;        /* until the socket is connected */
	int fd;                         /* likewise; -1: the bufferevent has it */
	struct bufferevent *bev;        /* NULL: still connecting */
	struct http_parser parser;
	bool reused; /* has carried an answer before */
	bool heard;  /* of the answer under way, something has come */
	bool secure; /* the TLS handshake is done */
	bool dead;   /* freed, but for the callback that is on the stack */
	int busy;    /* callbacks on the stack */
};

struct http_exchange {
	struct list_node in_client;
	struct http_client *client;
	struct connection *connection; /* NULL: starting it failed, 'timer' tells 'error' */
	struct http_call call;         /* its strings are not used after the start */
	struct buf request;            /* head and body, until an answer comes */
	struct timer *timer;
	int64_t timeout_ns;
	bool idempotent;
	bool to_head;
	bool retried;
	bool answered; /* the head has come */
	struct err error;
};

static int exchange_connect(struct http_exchange *exchange);

/* ---- the end of connections and exchanges ---- */

static void connection_release(struct connection *connection)
{
	if (connection->dead && connection->busy == 0)
		free(connection);
}

/* Closes it; the memory stays while a callback of it is on the stack. */
static void connection_close(struct connection *connection)
{
	if (!connection->exchange) {
		list_remove(&connection->in_idle);
		connection->client->n_idle--;
	} else {
		connection->exchange->connection = NULL;
	}
	if (connection->bev)
		bufferevent_free(connection->bev);
	if (connection->fd >= 0) {
		(void)event_del(&connection->connecting);
		(void)close(connection->fd);
	}
	http_parser_done(&connection->parser);
	connection->exchange = NULL;
	connection->bev = NULL;
	connection->fd = -1;
	connection->dead = true;
	connection_release(connection);
}

/* The connection is not touched: it was closed or made idle before. */
static void exchange_free(struct http_exchange *exchange)
{
	list_remove(&exchange->in_client);
	timer_free(exchange->timer);
	buf_done(&exchange->request);
	free(exchange);
}

static void exchange_finish(struct http_exchange *exchange, int r, const struct err *err)
{
	struct http_call call = exchange->call;
	struct err copy = { 0 };

	if (r < 0)
		copy = *err;
	exchange_free(exchange);
	if (call.on_done)
		call.on_done(call.arg, r, r < 0 ? &copy : NULL);
}

static void exchange_fail(struct http_exchange *exchange, const struct err *err)
{
	if (exchange->connection)
		connection_close(exchange->connection);
	exchange_finish(exchange, err->code, err);
}

void http_exchange_cancel(struct http_exchange *exchange)
{
	if (!exchange)
		return;
	if (exchange->connection)
		connection_close(exchange->connection);
	exchange_free(exchange);
}

/* ---- failures in words ---- */

/* What OpenSSL has against the server, or the server against us. */
static int tls_failure(struct connection *connection, struct err *err)
{
	SSL *ssl = bufferevent_openssl_get_ssl(connection->bev);
	const char *name = connection->client->name;
	long verdict = SSL_get_verify_result(ssl);
	unsigned long error, last = 0;
	const char *reason;

	while ((error = bufferevent_get_openssl_error(connection->bev)))
		if (error > SSL_ERROR_WANT_ACCEPT) /* else a result of SSL_get_error() */
			last = error;
	if (!connection->secure && verdict != X509_V_OK &&
	    SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE)
		return err_set(err, -EPROTO, "%s: the server's certificate is not trusted: %s",
		               name, X509_verify_cert_error_string(verdict));
	reason = last ? ERR_reason_error_string(last) : NULL;
	if (!reason || ERR_GET_REASON(last) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return 0;
	return err_set(err, -EPROTO, "%s: TLS: %s", name, reason);
}

/* Why a connection broke, from a bufferevent's event and errno. */
static void describe_failure(struct connection *connection, short what, int error, struct err *err)
{
	const char *name = connection->client->name;
	int code = error > 0 ? -error : -ECONNRESET;

	if ((what & BEV_EVENT_ERROR) && bufferevent_openssl_get_ssl(connection->bev)) {
		if (tls_failure(connection, err) < 0)
			return;
		/* what errno says of a TLS connection is anybody's */
		code = -ECONNRESET;
	}
	if ((what & BEV_EVENT_ERROR) && code != -ECONNRESET && code != -EPIPE)
		(void)err_set(err, code, "%s: %s", name, strerror(-code));
	else if (http_parser_eof(&connection->parser, err) < 0)
		(void)err_wrap(err, err->code, "%s", name);
	else
		(void)err_set(err, -ECONNRESET, "%s: the connection was reset", name);
}

static void on_timeout(void *arg)
{
	struct http_exchange *exchange = arg;
	struct connection *connection = exchange->connection;
	const char *name = exchange->client->name;
	int64_t ms;

	if (!connection) { /* it failed at once, and only now may say so */
		exchange_fail(exchange, &exchange->error);
		return;
	}
	ms = (exchange->answered ? exchange->call.idle_timeout_ns : exchange->timeout_ns) /
	     NSEC_PER_MSEC;
	if (!connection->bev)
		(void)err_set(&exchange->error, -ETIMEDOUT,
		              "cannot connect to %s: no answer within %g s", name,
		              (double)ms / 1000);
	else
		(void)err_set(&exchange->error, -ETIMEDOUT, "%s: %s within %g s", name,
		              exchange->answered ? "nothing more came" : "no answer",
		              (double)ms / 1000);
	exchange_fail(exchange, &exchange->error);
}

/* Fails from the loop, because http_client_start() never calls back. */
static void exchange_fail_later(struct http_exchange *exchange)
{
	timer_once(exchange->timer, 0);
}

/*
 * An idle connection may be closed by the server at the very moment we use it.  Where the answer has
 * not begun, the request is repeated once on a new connection: if repeating it does no harm (RFC
 * 9110 section 9.2.2), or if not one byte of it has left us.
 */
static bool exchange_retry(struct http_exchange *exchange)
{
	struct connection *connection = exchange->connection;
	size_t unsent = evbuffer_get_length(bufferevent_get_output(connection->bev));

	if (!connection->reused || connection->heard || exchange->retried)
		return false;
	if (!exchange->idempotent && unsent < exchange->request.n)
		return false;
	exchange->retried = true;
	connection_close(connection);
	if (exchange_connect(exchange) < 0)
		exchange_fail_later(exchange);
	return true;
}

/* ---- reading ---- */

/* Keeps the connection for another call, or closes it. */
static void connection_done(struct connection *connection)
{
	struct http_client *client = connection->client;
	struct bufferevent *bev = connection->bev;
	const struct timeval idle = { .tv_sec = IDLE_S };
	struct connection *oldest;

	if (!connection->parser.keep_alive || evbuffer_get_length(bufferevent_get_input(bev)) ||
	    evbuffer_get_length(bufferevent_get_output(bev))) {
		connection_close(connection);
		return;
	}
	http_parser_done(&connection->parser);
	connection->exchange->connection = NULL;
	connection->exchange = NULL;
	connection->reused = true;
	connection->heard = false;
	(void)bufferevent_set_timeouts(bev, &idle, NULL);
	list_add_tail(&client->idle, &connection->in_idle);
	if (client->n_idle++ < IDLE_MAX)
		return;
	oldest = list_first(&client->idle, struct connection, in_idle);
	connection_close(oldest);
}

static void start_idle_timer(struct http_exchange *exchange)
{
	if (exchange->call.idle_timeout_ns > 0)
		timer_once(exchange->timer, exchange->call.idle_timeout_ns);
	else
		timer_stop(exchange->timer);
}

/* Tells the caller one event; afterwards the connection may be dead. */
static void handle_event(struct connection *connection, int event, const struct http_span *body)
{
	struct http_exchange *exchange = connection->exchange;
	const struct http_call *call = &exchange->call;

	switch (event) {
	case HTTP_HEAD:
		exchange->answered = true;
		buf_done(&exchange->request);
		start_idle_timer(exchange);
		if (call->on_head)
			call->on_head(call->arg, connection->parser.status,
			              connection->parser.content_type);
		break;
	case HTTP_DATA:
		if (call->on_data)
			call->on_data(call->arg, body->data, body->size);
		break;
	case HTTP_END:
		connection_done(connection);
		exchange_finish(exchange, 0, NULL);
		break;
	default:
		break;
	}
}

/* Parses one stretch of input; false when there is no more, or the exchange is over. */
static bool read_some(struct connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->bev);
	struct http_exchange *exchange = connection->exchange;
	struct evbuffer_iovec vec = { 0 };
	struct http_span body;
	const char *data;
	size_t size;
	int event;

	if (evbuffer_peek(input, -1, NULL, &vec, 1) < 1 || vec.iov_len == 0)
		return false;
	data = vec.iov_base;
	size = vec.iov_len;
	event = http_parser_next(&connection->parser, &data, &size, &body, &exchange->error);
	if (event < 0) {
		(void)err_wrap(&exchange->error, event, "%s", exchange->client->name);
		exchange_fail(exchange, &exchange->error);
		return false;
	}
	if (event == HTTP_DATA) {
		/* 'body' lies in the buffer: it is drained when the caller has seen it */
		handle_event(connection, event, &body);
		if (connection->dead)
			return false;
		(void)evbuffer_drain(input, vec.iov_len - size);
		return true;
	}
	(void)evbuffer_drain(input, vec.iov_len - size);
	if (event == HTTP_MORE)
		return true;
	handle_event(connection, event, NULL);
	return event == HTTP_HEAD && !connection->dead;
}

/* The last event of an answer needs no further input. */
static bool at_end(const struct connection *connection)
{
	return connection->parser.state == HTTP_IN_NOTHING;
}

static void on_readable(struct bufferevent *bev, void *arg)
{
	struct connection *connection = arg;
	struct http_exchange *exchange = connection->exchange;

	(void)bev;
	if (!exchange) { /* nobody asked for anything */
		connection_close(connection);
		return;
	}
	connection->heard = true;
	connection->busy++;
	if (exchange->answered)
		start_idle_timer(exchange);
	while (read_some(connection))
		if (at_end(connection)) {
			handle_event(connection, HTTP_END, NULL);
			break;
		}
	connection->busy--;
	connection_release(connection);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct connection *connection = arg;
	struct http_exchange *exchange = connection->exchange;
	int error = errno;

	(void)bev;
	if (what & BEV_EVENT_CONNECTED) { /* the TLS handshake */
		connection->secure = true;
		return;
	}
	if (!exchange) { /* idle: closed by the server, or for too long */
		connection_close(connection);
		return;
	}
	if (exchange_retry(exchange))
		return;
	/* all that came before the end has been parsed */
	if ((what & BEV_EVENT_EOF) && http_parser_eof(&connection->parser, NULL) == HTTP_END) {
		handle_event(connection, HTTP_END, NULL);
		return;
	}
	describe_failure(connection, what, error, &exchange->error);
	exchange_fail(exchange, &exchange->error);
}

/* ---- connecting ---- */

/* The certificate must name the server: by address, or by a name, which also goes into SNI. */
static SSL *new_ssl(struct http_client *client)
{
	SSL *ssl = SSL_new(client->tls);
	X509_VERIFY_PARAM *param = ssl ? SSL_get0_param(ssl) : NULL;
	struct ipaddr addr = client->addr;
	int ok;

	if (!param)
		return NULL;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (client->server_name && ipaddr_parse(client->server_name, &addr) < 0)
		ok = X509_VERIFY_PARAM_set1_host(param, client->server_name, 0) == 1 &&
		     SSL_set_tlsext_host_name(ssl, client->server_name) == 1;
	else
		ok = X509_VERIFY_PARAM_set1_ip(param, addr.bytes, addr.family == 4 ? 4 : 16) == 1;
	if (ok)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

/* The socket is connected: the bufferevent takes over and sends the request. */
static int connection_open(struct connection *connection, struct err *err)
{
	struct event_base *base = loop_base(connection->client->loop);
	struct http_exchange *exchange = connection->exchange;
	struct bufferevent *bev = NULL;
	SSL *ssl;

	if (connection->client->tls) {
		ssl = new_ssl(connection->client);
		if (ssl)
			bev = bufferevent_openssl_socket_new(base, connection->fd, ssl,
			                                     BUFFEREVENT_SSL_CONNECTING,
			                                     BEV_OPT_CLOSE_ON_FREE);
	} else {
		bev = bufferevent_socket_new(base, connection->fd, BEV_OPT_CLOSE_ON_FREE);
	}
	if (!bev)
		return err_set(err, -ENOMEM, "%s: cannot set up the connection",
		               connection->client->name);
	connection->fd = -1;
	connection->bev = bev;
	bufferevent_setcb(bev, on_readable, NULL, on_event, connection);
	bufferevent_setwatermark(bev, EV_READ, 0, INPUT_MAX);
	(void)evbuffer_add(bufferevent_get_output(bev), exchange->request.p, exchange->request.n);
	(void)bufferevent_enable(bev, EV_READ | EV_WRITE);
	return 0;
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct connection *connection = arg;
	struct http_exchange *exchange = connection->exchange;
	socklen_t size = sizeof(int);
	int error = 0, r;

	(void)what;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error != 0)
		r = err_set(&exchange->error, -error, "cannot connect to %s: %s",
		            exchange->client->name, strerror(error));
	else
		r = connection_open(connection, &exchange->error);
	if (r < 0)
		exchange_fail(exchange, &exchange->error);
}

static int connect_socket(struct http_client *client, bool *ret_connected, struct err *err)
{
	int family = client->sa.ss_family, on = 1, r;
	auto_close int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_errno(err, "cannot connect to %s", client->name);
	if (family != AF_UNIX) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	r = connect(fd, (const struct sockaddr *)&client->sa, client->sa_size);
	if (r < 0 && errno != EINPROGRESS)
		return err_errno(err, "cannot connect to %s", client->name);
	*ret_connected = r == 0;
	return take_fd(&fd);
}

/* Starts on a new connection; on failure exchange->error says why. */
static int exchange_connect(struct http_exchange *exchange)
{
	struct http_client *client = exchange->client;
	struct connection *connection;
	bool connected;
	int fd, r;

	fd = connect_socket(client, &connected, &exchange->error);
	if (fd < 0)
		return fd;
	connection = xnew(struct connection);
	connection->client = client;
	connection->exchange = exchange;
	connection->fd = fd;
	list_init(&connection->in_idle);
	http_parser_init(&connection->parser, exchange->to_head);
	exchange->connection = connection;
	(void)event_assign(&connection->connecting, loop_base(client->loop), fd, EV_WRITE,
	                   on_connected, connection);
	if (!connected) {
		(void)event_add(&connection->connecting, NULL);
		return 0;
	}
	r = connection_open(connection, &exchange->error);
	if (r < 0)
		connection_close(connection);
	return r;
}

/* Whether the server has closed a connection, although the loop has not come to see it yet. */
static bool connection_stale(const struct connection *connection)
{
	char byte;
	ssize_t n = recv(bufferevent_getfd(connection->bev), &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN) || (n > 0 && !connection->client->tls);
}

/* Starts on the connection that was used last; false where none is left. */
static bool exchange_reuse(struct http_exchange *exchange)
{
	struct http_client *client = exchange->client;
	struct connection *connection;

	while (!list_empty(&client->idle)) {
		connection = list_entry(client->idle.prev, struct connection, in_idle);
		if (connection_stale(connection)) {
			connection_close(connection);
			continue;
		}
		list_remove(&connection->in_idle);
		client->n_idle--;
		connection->exchange = exchange;
		exchange->connection = connection;
		http_parser_init(&connection->parser, exchange->to_head);
		(void)bufferevent_set_timeouts(connection->bev, NULL, NULL);
		(void)evbuffer_add(bufferevent_get_output(connection->bev), exchange->request.p,
		                   exchange->request.n);
		return true;
	}
	return false;
}

/* ---- requests ---- */

static bool line_ok(const char *text, bool blanks)
{
	for (; text && *text; text++)
		if (iscntrl((unsigned char)*text) || (!blanks && *text == ' '))
			return false;
	return true;
}

static int write_request(struct http_client *client, const struct http_call *call, struct buf *ret,
                         struct err *err)
{
	bool body = call->body || strcmp(call->method, "POST") == 0 ||
	            strcmp(call->method, "PUT") == 0 || strcmp(call->method, "PATCH") == 0;

	if (!line_ok(call->method, false) || !line_ok(call->path, false) ||
	    !line_ok(call->accept, true) || !line_ok(call->content_type, true) ||
	    !line_ok(call->authorization, true))
		return err_set(err, -EINVAL,
		               "%s: a blank or control character in the request for %.100s",
		               client->name, call->path);
	buf_printf(ret, "%s %s HTTP/1.1\r\nHost: %s\r\n", call->method, call->path, client->host);
	buf_printf(ret, "User-Agent: fairlead/" FAIRLEAD_VERSION "\r\nAccept: %s\r\n",
	           call->accept ? call->accept : "application/json");
	if (call->authorization)
		buf_printf(ret, "Authorization: %s\r\n", call->authorization);
	if (body && call->content_type)
		buf_printf(ret, "Content-Type: %s\r\n", call->content_type);
	if (body)
		buf_printf(ret, "Content-Length: %zu\r\n", call->body_size);
	buf_adds(ret, "\r\n");
	if (call->body)
		buf_add(ret, call->body, call->body_size);
	return 0;
}

static bool is_idempotent(const char *method)
{
	static const char *const methods[] = { "GET", "HEAD", "OPTIONS", "PUT", "DELETE" };

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(method, methods[i]) == 0)
			return true;
	return false;
}

struct http_exchange *http_client_start(struct http_client *client, const struct http_call *call)
{
	struct http_exchange *exchange = xnew(struct http_exchange);
	int r;

	exchange->client = client;
	exchange->call = *call;
	exchange->idempotent = is_idempotent(call->method);
	exchange->to_head = strcmp(call->method, "HEAD") == 0;
	exchange->timeout_ns = call->timeout_ns > 0 ? call->timeout_ns : DEFAULT_TIMEOUT_NS;
	exchange->timer = timer_new(client->loop, on_timeout, exchange);
	list_add_tail(&client->exchanges, &exchange->in_client);
	r = write_request(client, call, &exchange->request, &exchange->error);
	if (r == 0 && !exchange_reuse(exchange))
		r = exchange_connect(exchange);
	if (r < 0)
		exchange_fail_later(exchange);
	else
		timer_once(exchange->timer, exchange->timeout_ns);
	return exchange;
}

/* ---- clients ---- */

static void set_address(struct http_client *client, const struct http_target *target)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&client->sa;
	char text[IPADDR_TEXT_SIZE + 8];

	if (!target->unix_path) {
		client->sa_size = ipaddr_sockaddr(&target->addr, target->port, &client->sa);
		ipaddr_format_hostport(&target->addr, target->port, text);
		client->name = xstrdup(text);
		client->host = xstrdup(target->host ? target->host : text);
		return;
	}
	client->name = xstrdup(target->unix_path);
	client->host = xstrdup(target->host ? target->host : "localhost");
	un->sun_family = AF_UNIX;
	/* a path that is too long stays empty, and connecting says that it is invalid */
	if (strlen(target->unix_path) < sizeof(un->sun_path))
		memcpy(un->sun_path, target->unix_path, strlen(target->unix_path));
	client->sa_size = un->sun_path[0] ? sizeof(*un) : sizeof(un->sun_family);
}

struct http_client *http_client_new(struct loop *loop, const struct http_target *target)
{
	struct http_client *client = xnew(struct http_client);

	client->loop = loop;
	client->addr = target->addr;
	client->server_name = xstrdup_null(target->server_name);
	if (target->tls && SSL_CTX_up_ref(target->tls))
		client->tls = target->tls;
	list_init(&client->exchanges);
	list_init(&client->idle);
	set_address(client, target);
	return client;
}

void http_client_free(struct http_client *client)
{
	struct http_exchange *exchange;
	struct connection *connection;

	if (!client)
		return;
	while ((exchange = list_first(&client->exchanges, struct http_exchange, in_client)))
		http_exchange_cancel(exchange);
	while ((connection = list_first(&client->idle, struct connection, in_idle)))
		connection_close(connection);
	SSL_CTX_free(client->tls);
	free(client->server_name);
	free(client->host);
	free(client->name);
	free(client);
}

char *http_escape(const char *text)
{
	struct buf b = BUF_INIT;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (isalnum(c) || strchr("-._~", c))
			buf_addc(&b, *text);
		else
			buf_printf(&b, "%%%02X", c);
	}
	return buf_take(&b);
}
