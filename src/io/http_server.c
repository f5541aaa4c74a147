/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/http_internal.h"
#include "io/listen.h"

#define IDLE_S         600
#define METHODS_ALL    0xffff /* unknown ones too: evhttp's own refusal is not to the point */
#define REPORT_EVERY_S 10

struct listener {
	struct list_node in_server;
	struct http_server *server;
	struct evhttp *http;
	struct evhttp_bound_socket *accepting; /* of 'http'; NULL: no longer */
	SSL_CTX *tls;                          /* a reference; NULL: plain */
	char *path;                            /* of a Unix socket, owned; NULL: TCP */
};

size_t http_input_max(const struct http_server *server)
{
	/* evhttp leaves a body where it is until it is complete, behind what is left of a head */
	return server->body_max + 2 * HTTP_HEAD_MAX;
}

/*
 * Out of descriptors, a waiting connection would wake the loop for ever.  A descriptor kept in
 * reserve is given up for as long as it takes to accept that connection and to close it.
 */
static _Atomic int reserve_fd = -1;

static void keep_reserve(void)
{
	int none = -1, fd;

	if (atomic_load(&reserve_fd) >= 0)
		return;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && !atomic_compare_exchange_strong(&reserve_fd, &none, fd))
		(void)close(fd);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	static _Atomic int64_t reported;
	int64_t now = clock_now(), before = atomic_load(&reported);
	int error = errno, fd;

	(void)arg;
	if (now - before > REPORT_EVERY_S * NSEC_PER_SEC &&
	    atomic_compare_exchange_strong(&reported, &before, now))
		log_warn("http", "cannot accept connections: %s; refusing them", strerror(error));
	if (error != EMFILE && error != ENFILE)
		return;
	fd = atomic_exchange(&reserve_fd, -1);
	if (fd >= 0)
		(void)close(fd);
	fd = accept4(evconnlistener_get_fd(listener), NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		(void)close(fd);
	keep_reserve();
}

/* evhttp's way of asking for the transport of a connection that it has just accepted. */
static struct bufferevent *new_transport(struct event_base *base, void *arg)
{
	struct listener *listener = arg;
	SSL *ssl = listener->tls ? SSL_new(listener->tls) : NULL;
	struct bufferevent *bev;

	if (ssl)
		bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
		                                     BEV_OPT_CLOSE_ON_FREE);
	else
		bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!bev || (listener->tls && !ssl)) {
		/* given none, evhttp makes a plain connection, on the TLS port too */
		log_err("http", "out of memory for a connection; giving up");
		abort();
	}
	bufferevent_setwatermark(bev, EV_READ, 0, http_input_max(listener->server));
	return bev;
}

static void on_request(struct evhttp_request *ev, void *arg)
{
	struct listener *listener = arg;

	http_request_dispatch(listener->server, ev, listener->path != NULL);
}

static struct evhttp *new_evhttp(struct listener *listener)
{
	struct evhttp *http = evhttp_new(loop_base(listener->server->loop));

	if (!http)
		return NULL;
	evhttp_set_max_headers_size(http, HTTP_HEAD_MAX);
	evhttp_set_max_body_size(http, (ev_ssize_t)listener->server->body_max);
	/* a body that is too large is read to its end and thrown away, so that the client gets to read
	 * the 413 and not a reset while it is still sending */
	(void)evhttp_set_flags(http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_default_content_type(http, NULL);
	evhttp_set_allowed_methods(http, METHODS_ALL);
	evhttp_set_timeout_tv(http, &listener->server->idle_timeout);
	evhttp_set_bevcb(http, new_transport, listener);
	evhttp_set_gencb(http, on_request, listener);
	return http;
}

static void listener_free(struct listener *listener)
{
	list_remove(&listener->in_server);
	if (listener->http)
		evhttp_free(listener->http);
	if (listener->path)
		(void)unlink(listener->path);
	SSL_CTX_free(listener->tls);
	free(listener->path);
	free(listener);
}

/* Serves on 'fd', which is taken over; 'tls' and 'path' as in struct listener. */
static int listener_add(struct http_server *server, int fd, SSL_CTX *tls, const char *path,
                        struct err *err)
{
	struct listener *listener = xnew(struct listener);
	struct evconnlistener *accepting = NULL;

	list_add_tail(&server->listeners, &listener->in_server);
	listener->server = server;
	listener->path = xstrdup_null(path);
	if (tls && SSL_CTX_up_ref(tls))
		listener->tls = tls;
	listener->http = new_evhttp(listener);
	if (listener->http)
		accepting = evconnlistener_new(loop_base(server->loop), NULL, NULL,
		                               LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE, 0,
		                               fd);
	if (!accepting)
		(void)close(fd);
	if (accepting)
		listener->accepting = evhttp_bind_listener(listener->http, accepting);
	if (!listener->accepting) {
		if (accepting)
			evconnlistener_free(accepting);
		listener_free(listener);
		return err_set(err, -ENOMEM, "cannot serve HTTP");
	}
	evconnlistener_set_error_cb(accepting, on_accept_error);
	return 0;
}

static void on_tell_closed(void *arg)
{
	http_streams_tell_closed(arg);
}

struct http_server *http_server_new(struct loop *loop, size_t body_max, http_handler_fn handler,
                                    void *arg)
{
	struct http_server *server = xnew(struct http_server);

	server->loop = loop;
	server->body_max = body_max;
	server->handler = handler;
	server->arg = arg;
	http_server_set_idle_timeout(server, IDLE_S * NSEC_PER_SEC);
	list_init(&server->listeners);
	list_init(&server->requests);
	list_init(&server->closed);
	server->tell_closed = timer_new(loop, on_tell_closed, server);
	keep_reserve();
	return server;
}

void http_server_set_idle_timeout(struct http_server *server, int64_t timeout_ns)
{
	server->idle_timeout.tv_sec = timeout_ns / NSEC_PER_SEC;
	server->idle_timeout.tv_usec = timeout_ns % NSEC_PER_SEC / 1000;
}

void http_server_check_drained(struct http_server *server)
{
	if (server->draining && list_empty(&server->requests) && server->unsent == 0)
		loop_stop(server->loop);
}

static void on_drain_limit(void *arg)
{
	struct http_server *server = arg;

	loop_stop(server->loop);
}

void http_server_drain(struct http_server *server, int64_t limit_ns)
{
	struct listener *listener;
	struct timer *limit;

	list_for_each(listener, in_server, &server->listeners) {
		evhttp_del_accept_socket(listener->http, listener->accepting);
		listener->accepting = NULL;
	}
	if (list_empty(&server->requests) && server->unsent == 0)
		return;
	limit = timer_new(server->loop, on_drain_limit, server);
	timer_once(limit, limit_ns);
	server->draining = true;
	loop_run(server->loop);
	server->draining = false;
	timer_free(limit);
}

void http_server_free(struct http_server *server)
{
	struct listener *listener, *after;

	if (!server)
		return;
	list_for_each_safe(listener, after, in_server, &server->listeners) listener_free(listener);
	http_requests_orphan(server);
	http_streams_tell_closed(server);
	timer_free(server->tell_closed);
	free(server);
}

static int listen_any(struct http_server *server, const struct ipaddr *addr, uint16_t port,
                      SSL_CTX *tls, struct err *err)
{
	int fd = listen_tcp(addr, port, err);
	uint16_t chosen;
	int r;

	if (fd < 0)
		return fd;
	chosen = listen_port(fd);
	r = listener_add(server, fd, tls, NULL, err);
	if (r < 0)
		return r;
	server->port = chosen;
	return 0;
}

int http_server_listen_tcp(struct http_server *server, const struct ipaddr *addr, uint16_t port,
                           struct err *err)
{
	return listen_any(server, addr, port, NULL, err);
}

int http_server_listen_tls(struct http_server *server, const struct ipaddr *addr, uint16_t port,
                           SSL_CTX *ctx, struct err *err)
{
	return listen_any(server, addr, port, ctx, err);
}

int http_server_listen_unix(struct http_server *server, const char *path, struct err *err)
{
	int fd = listen_unix(path, err);

	if (fd < 0)
		return fd;
	return listener_add(server, fd, NULL, path, err);
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}
