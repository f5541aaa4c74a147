/* SPDX-License-Identifier: Apache-2.0 */
/* Requests, answers and streams of http_server.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/keyvalq_struct.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "io/http_internal.h"
#include "io/tls_peer.h"
#include "io/uri.h"

#define HEAD_GUESS 512   /* bytes that the head of an answer takes, about */
#define BLOCK_SIZE 16384 /* a TLS record */

/* Pieces shorter than this are copied together: a chain entry, or a TLS record of its own, costs more. */
#define REFERENCE_MIN_PLAIN 1024
#define REFERENCE_MIN_TLS   8192

struct http_request {
	struct list_node in_server;
	struct http_server *server; /* NULL: it has gone */
	struct evhttp_request *ev;
	struct evhttp_connection *conn; /* NULL: the client has gone, and 'ev' is ours to free */
	char *path;
	struct uri_query query;
	const char *body; /* in the input buffer of 'ev'; NULL: not asked for yet */
	size_t body_size;
	bool peer_known;
	struct http_peer peer;
	struct tls_peer tls_peer; /* what 'peer' points into */
	void (*observer)(void *arg, int status);
	void *observer_arg;
};

struct http_stream {
	struct list_node in_server; /* in 'closed', once the client has gone */
	struct http_server *server; /* NULL: it has gone */
	struct evhttp_request *ev;
	struct evhttp_connection *conn; /* NULL: as above */
	bool chunked;
	bool mute; /* HEAD: no body is sent */
	void (*closed)(void *arg);
	void *arg;
};

static void request_free(struct http_request *req)
{
	list_remove(&req->in_server);
	uri_query_done(&req->query);
	tls_peer_done(&req->tls_peer);
	free(req->path);
	free(req);
}

/* After the answer: a request with a connection belongs to evhttp again. */
static void request_done(struct http_request *req)
{
	struct http_server *server = req->server;

	if (!req->conn)
		evhttp_request_free(req->ev);
	request_free(req);
	if (server)
		http_server_check_drained(server);
}

/* evhttp frees the connection, after this; the request stays for as long as the handler needs it. */
static void on_request_closed(struct evhttp_connection *conn, void *arg)
{
	struct http_request *req = arg;

	(void)conn;
	(void)http_peer(req); /* the certificate goes with the connection */
	evhttp_request_own(req->ev);
	req->conn = NULL;
}

/* An answer of one line where no handler is to see the request. */
static void refuse(struct evhttp_request *ev, int status, const char *reason)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(ev);
	auto_free char *text = xasprintf("%d %s", status, reason);
	struct evbuffer *body = evbuffer_new();

	(void)evhttp_add_header(headers, "Connection", "close");
	(void)evhttp_add_header(headers, "Content-Type", "text/plain; charset=utf-8");
	if (!body || evbuffer_add(body, text, strlen(text)) < 0)
		abort(); /* out of memory, as xmalloc() */
	evhttp_send_reply(ev, status, reason, body);
	evbuffer_free(body);
}

static const char *method_name(const struct evhttp_request *ev)
{
	static const struct {
		enum evhttp_cmd_type type;
		const char *name;
	} methods[] = {
		{ EVHTTP_REQ_GET, "GET" },         { EVHTTP_REQ_HEAD, "HEAD" },
		{ EVHTTP_REQ_POST, "POST" },       { EVHTTP_REQ_PUT, "PUT" },
		{ EVHTTP_REQ_PATCH, "PATCH" },     { EVHTTP_REQ_DELETE, "DELETE" },
		{ EVHTTP_REQ_OPTIONS, "OPTIONS" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (methods[i].type == evhttp_request_get_command(ev))
			return methods[i].name;
	return "";
}

static bool has_unread_body(struct evhttp_request *ev)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(ev);

	/* evhttp does not read the body that a HEAD, or a method that it does not know, may have */
	if (!method_name(ev)[0])
		return true;
	return evhttp_request_get_command(ev) == EVHTTP_REQ_HEAD &&
	       (evhttp_find_header(headers, "Content-Length") ||
	        evhttp_find_header(headers, "Transfer-Encoding"));
}

void http_request_dispatch(struct http_server *server, struct evhttp_request *ev, bool unix_socket)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(ev);
	const char *path = evhttp_uri_get_path(uri);
	auto_free char *decoded = xmalloc(strlen(path) + 1);
	struct http_request *req;

	if (uri_decode(path, strlen(path), false, decoded) < 0) {
		refuse(ev, HTTP_BADREQUEST, "Bad Request");
		return;
	}
	if (has_unread_body(ev))
		(void)evhttp_add_header(evhttp_request_get_output_headers(ev), "Connection",
		                        "close");
	req = xnew(struct http_request);
	req->server = server;
	req->ev = ev;
	req->conn = evhttp_request_get_connection(ev);
	req->path = take_ptr(&decoded);
	uri_query_parse(evhttp_uri_get_query(uri), &req->query);
	req->peer.unix_socket = unix_socket;
	list_add_tail(&server->requests, &req->in_server);
	evhttp_connection_set_closecb(req->conn, on_request_closed, req);
	server->handler(server->arg, req);
}

void http_requests_orphan(struct http_server *server)
{
	struct http_request *req;

	while ((req = list_first(&server->requests, struct http_request, in_server))) {
		list_remove(&req->in_server);
		req->server = NULL;
	}
}

const char *http_method(const struct http_request *req)
{
	return method_name(req->ev);
}

const char *http_path(const struct http_request *req)
{
	return req->path;
}

const char *http_query(const struct http_request *req, const char *key)
{
	return uri_query_get(&req->query, key);
}

const char *http_query_nth(const struct http_request *req, const char *key, size_t i)
{
	return uri_query_nth(&req->query, key, i);
}

const char *http_header(const struct http_request *req, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(req->ev), name);
}

bool http_header_at(const struct http_request *req, size_t i, const char **ret_name,
                    const char **ret_value)
{
	const struct evkeyval *header;

	TAILQ_FOREACH(header, evhttp_request_get_input_headers(req->ev), next)
	{
		if (i-- > 0)
			continue;
		*ret_name = header->key;
		*ret_value = header->value;
		return true;
	}
	return false;
}

const char *http_body(const struct http_request *req, size_t *ret_size)
{
	struct http_request *mutable = (struct http_request *)req; /* remembers where it lies */
	struct evbuffer *input = evhttp_request_get_input_buffer(req->ev);

	if (!req->body) {
		mutable->body_size = evbuffer_get_length(input);
		if (evbuffer_add(input, "", 1) == 0)
			mutable->body = (const char *)evbuffer_pullup(input, -1);
		if (!req->body)
			abort(); /* out of memory, as xmalloc() */
	}
	if (ret_size)
		*ret_size = req->body_size;
	return req->body;
}

static struct bufferevent *transport(struct evhttp_connection *conn)
{
	return evhttp_connection_get_bufferevent(conn);
}

const struct http_peer *http_peer(struct http_request *req)
{
	static const char *const no_groups[] = { NULL };
	SSL *ssl;

	if (req->peer_known)
		return &req->peer;
	req->peer_known = true;
	req->peer.user = "";
	req->peer.groups = no_groups;
	ssl = req->conn ? bufferevent_openssl_get_ssl(transport(req->conn)) : NULL;
	if (ssl && tls_peer_init(ssl, &req->tls_peer)) {
		req->peer.certified = true;
		req->peer.user = req->tls_peer.user;
		req->peer.groups = (const char *const *)req->tls_peer.groups;
	}
	return &req->peer;
}

void http_add_header(struct http_request *req, const char *name, const char *value)
{
	(void)evhttp_add_header(evhttp_request_get_output_headers(req->ev), name, value);
}

/* Phrases that evhttp does not know; NULL: its own. */
static const char *reason(int status)
{
	switch (status) {
	case 422:
		return "Unprocessable Entity";
	case 429:
		return "Too Many Requests";
	default:
		return NULL;
	}
}

static bool status_has_body(int status)
{
	return status >= 200 && status != HTTP_NOCONTENT && status != HTTP_NOTMODIFIED;
}

static void free_block(const void *data, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	free((void *)data);
}

/* Small pieces on their way into an output buffer, copied together. */
struct block {
	char *data;
	size_t size;
};

static void block_flush(struct block *block, struct evbuffer *out)
{
	if (block->size > 0 &&
	    evbuffer_add_reference(out, block->data, block->size, free_block, NULL) < 0)
		free(block->data);
	*block = (struct block){ 0 };
}

static void block_add(struct block *block, struct evbuffer *out, const char *data, size_t size)
{
	while (size > 0) {
		size_t n = BLOCK_SIZE - block->size;

		if (n > size)
			n = size;
		if (!block->data)
			block->data = xmalloc(BLOCK_SIZE);
		memcpy(block->data + block->size, data, n);
		block->size += n;
		data += n;
		size -= n;
		if (block->size == BLOCK_SIZE)
			block_flush(block, out);
	}
}

static void piece_release(const struct http_piece *piece)
{
	if (piece->release)
		piece->release(piece->arg);
}

static void on_piece_sent(const void *data, size_t size, void *arg)
{
	struct http_piece *piece = arg;

	(void)data;
	(void)size;
	piece_release(piece);
	free(piece);
}

static void add_reference(struct evbuffer *out, const struct http_piece *piece)
{
	struct http_piece *copy = xmemdup(piece, sizeof(*piece));

	if (evbuffer_add_reference(out, piece->data, piece->size, on_piece_sent, copy) < 0)
		on_piece_sent(piece->data, piece->size, copy);
}

static void add_pieces(struct evbuffer *out, const struct http_piece *pieces, size_t n,
                       size_t reference_min)
{
	struct block block = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (pieces[i].size >= reference_min) {
			block_flush(&block, out);
			add_reference(out, &pieces[i]);
		} else {
			block_add(&block, out, pieces[i].data, pieces[i].size);
			piece_release(&pieces[i]);
		}
	}
	block_flush(&block, out);
}

static void answer_gone(struct http_server *server)
{
	server->unsent--;
	http_server_check_drained(server);
}

static void on_answer_sent(struct evhttp_request *ev, void *arg)
{
	evhttp_connection_set_closecb(evhttp_request_get_connection(ev), NULL, NULL);
	answer_gone(arg);
}

static void on_answer_lost(struct evhttp_connection *conn, void *arg)
{
	(void)conn;
	answer_gone(arg);
}

/* Counts the answer that is about to end until the kernel has all of it. */
static void follow_answer(struct http_server *server, struct evhttp_connection *conn,
                          struct evhttp_request *ev)
{
	server->unsent++;
	evhttp_connection_set_closecb(conn, on_answer_lost, server);
	evhttp_request_set_on_complete_cb(ev, on_answer_sent, server);
}

/* Status line and headers; what is added to the output buffer afterwards is the body. */
static void send_head(struct http_request *req, int status, const char *type, size_t size)
{
	struct evbuffer *out = bufferevent_get_output(transport(req->conn));
	char length[24];

	if (type)
		http_add_header(req, "Content-Type", type);
	if (status_has_body(status)) {
		(void)snprintf(length, sizeof(length), "%zu", size);
		http_add_header(req, "Content-Length", length);
	}
	/* head and small body in one piece: one TLS record, one packet */
	(void)evbuffer_expand(out, HEAD_GUESS + (size < BLOCK_SIZE ? size : 0));
	follow_answer(req->server, req->conn, req->ev);
	evhttp_send_reply(req->ev, status, reason(status), NULL);
}

/* Whether an answer of 'status' to this request carries its body. */
static bool sends_body(const struct http_request *req, int status)
{
	return status_has_body(status) && evhttp_request_get_command(req->ev) != EVHTTP_REQ_HEAD;
}

void http_observe(struct http_request *req, void (*fn)(void *arg, int status), void *arg)
{
	req->observer = fn;
	req->observer_arg = arg;
}

static void tell_observer(struct http_request *req, int status)
{
	if (req->observer)
		req->observer(req->observer_arg, status);
	req->observer = NULL;
}

void http_reply(struct http_request *req, int status, const char *type, const void *body,
                size_t size)
{
	bool body_sent = sends_body(req, status);
	struct evbuffer *out;

	if (req->conn) {
		out = bufferevent_get_output(transport(req->conn));
		send_head(req, status, type, size);
		if (body_sent && size > 0)
			(void)evbuffer_add(out, body, size);
	}
	tell_observer(req, status);
	request_done(req);
}

void http_reply_pieces(struct http_request *req, int status, const char *type,
                       const struct http_piece *pieces, size_t n)
{
	bool body_sent = sends_body(req, status);
	size_t size = 0;
	bool tls;

	for (size_t i = 0; i < n; i++)
		size += pieces[i].size;
	if (req->conn) {
		tls = bufferevent_openssl_get_ssl(transport(req->conn)) != NULL;
		send_head(req, status, type, size);
		if (body_sent)
			add_pieces(bufferevent_get_output(transport(req->conn)), pieces, n,
			           tls ? REFERENCE_MIN_TLS : REFERENCE_MIN_PLAIN);
	}
	if (!req->conn || !body_sent)
		for (size_t i = 0; i < n; i++)
			piece_release(&pieces[i]);
	tell_observer(req, status);
	request_done(req);
}

/* Its owner is told from the loop, never from within a call of its own. */
static void stream_lost(struct http_stream *stream)
{
	stream->conn = NULL;
	list_add_tail(&stream->server->closed, &stream->in_server);
	timer_once(stream->server->tell_closed, 0);
}

/* evhttp frees the connection, after this. */
static void on_stream_closed(struct evhttp_connection *conn, void *arg)
{
	struct http_stream *stream = arg;

	(void)conn;
	evhttp_request_own(stream->ev);
	stream_lost(stream);
}

static void stream_free(struct http_stream *stream)
{
	list_remove(&stream->in_server);
	if (!stream->conn)
		evhttp_request_free(stream->ev);
	free(stream);
}

void http_streams_tell_closed(struct http_server *server)
{
	struct http_stream *stream;

	while ((stream = list_first(&server->closed, struct http_stream, in_server))) {
		void (*closed)(void *arg) = stream->closed;
		void *arg = stream->arg;

		stream_free(stream);
		closed(arg);
	}
}

/* A stream may last for days: what only the request needed is given back. */
static void drop_request_data(struct evhttp_request *ev)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(ev);
	struct evbuffer *input = evhttp_request_get_input_buffer(ev);
	auto_free char *connection = xstrdup_null(evhttp_find_header(headers, "Connection"));

	/* evhttp asks for this one when the answer ends */
	evhttp_clear_headers(headers);
	if (connection)
		(void)evhttp_add_header(headers, "Connection", connection);
	(void)evbuffer_drain(input, evbuffer_get_length(input));
}

static void stream_open(struct http_stream *stream, struct http_request *req, int status,
                        const char *type)
{
	struct bufferevent *bev = transport(req->conn);
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req->ev);

	if (type)
		http_add_header(req, "Content-Type", type);
	evhttp_connection_set_closecb(req->conn, on_stream_closed, stream);
	/* silence of the client is no reason to close; data it does not take for that long is */
	(void)bufferevent_set_timeouts(bev, NULL, &stream->server->idle_timeout);
	/* nor shall it fill our memory with requests meanwhile */
	bufferevent_setwatermark(bev, EV_READ, 0, HTTP_HEAD_MAX);
	evhttp_send_reply_start(req->ev, status, reason(status));
	stream->chunked = evhttp_find_header(headers, "Transfer-Encoding") != NULL;
	if (!stream->chunked && !stream->mute) {
		/* HTTP/1.0: its end is the end of the connection, whatever the client asked for */
		evhttp_clear_headers(evhttp_request_get_input_headers(req->ev));
		(void)evhttp_add_header(headers, "Connection", "close");
	}
	drop_request_data(req->ev);
}

struct http_stream *http_stream_start(struct http_request *req, int status, const char *type,
                                      void (*closed)(void *arg), void *arg)
{
	struct http_stream *stream = xnew(struct http_stream);

	stream->server = req->server;
	stream->ev = req->ev;
	stream->conn = req->conn;
	stream->closed = closed;
	stream->arg = arg;
	stream->mute = !sends_body(req, status);
	list_init(&stream->in_server);
	if (req->conn)
		stream_open(stream, req, status, type);
	else if (req->server)
		stream_lost(stream);
	tell_observer(req, status);
	request_free(req);
	return stream;
}

void http_stream_send(struct http_stream *stream, const void *data, size_t size)
{
	struct evbuffer *out;

	/* an empty chunk would be the end */
	if (!stream->conn || stream->mute || size == 0)
		return;
	out = bufferevent_get_output(transport(stream->conn));
	/* in one piece where it is small: one TLS record */
	if (size < BLOCK_SIZE)
		(void)evbuffer_expand(out, size + 32);
	if (stream->chunked)
		(void)evbuffer_add_printf(out, "%zx\r\n", size);
	(void)evbuffer_add(out, data, size);
	if (stream->chunked)
		(void)evbuffer_add(out, "\r\n", 2);
}

size_t http_stream_backlog(const struct http_stream *stream)
{
	if (!stream->conn)
		return 0;
	return evbuffer_get_length(bufferevent_get_output(transport(stream->conn)));
}

void http_stream_abort(struct http_stream *stream)
{
	if (stream->conn)
		(void)shutdown(bufferevent_getfd(transport(stream->conn)), SHUT_RDWR);
}

void http_stream_end(struct http_stream *stream)
{
	struct bufferevent *bev;

	if (stream->conn) {
		bev = transport(stream->conn);
		follow_answer(stream->server, stream->conn, stream->ev);
		(void)bufferevent_set_timeouts(bev, &stream->server->idle_timeout,
		                               &stream->server->idle_timeout);
		bufferevent_setwatermark(bev, EV_READ, 0, http_input_max(stream->server));
		evhttp_send_reply_end(stream->ev);
	}
	stream_free(stream);
}
