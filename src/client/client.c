/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "client/server_url.h"
#include "io/tls.h"
#include "kube/decode.h"
#include "kube/json.h"

#define ANSWER_MAX        ((size_t)256 << 20)
#define TIMEOUT_DEFAULT   (30 * NSEC_PER_SEC)
#define TOKEN_REREAD      (60 * NSEC_PER_SEC) /* client-go's period too */
#define NOT_JSON_SHOW_MAX 200                 /* bytes of an answer that is no Status */

/* A bearer token; one from a file is rotated behind our back. */
struct credentials {
	char *header; /* "Bearer ..", or NULL */
	char *token_file;
	int64_t read_at; /* clock_now() */
};

struct client {
	struct loop *loop;
	struct http_client *http;
	struct list_node calls;
	struct credentials *credentials; /* apart: a const client may read the file anew */
	char *prefix;
};

struct client_call {
	struct list_node in_client;
	struct http_exchange *exchange;
	struct buf body;
	int status;
	void (*done)(void *arg, int status, json_t *answer, const struct err *err);
	void *arg;
};

static struct credentials *credentials_new(const struct kubeconfig *config)
{
	struct credentials *credentials = xnew(struct credentials);

	credentials->token_file = xstrdup_null(config->token_file);
	credentials->read_at = clock_now();
	if (config->token)
		credentials->header = xasprintf("Bearer %s", config->token);
	return credentials;
}

static void credentials_free(struct credentials *credentials)
{
	if (!credentials)
		return;
	free(credentials->header);
	free(credentials->token_file);
	free(credentials);
}

/* An unreadable file leaves the old token: the server decides whether it is still good. */
static void credentials_refresh(struct credentials *credentials)
{
	auto_free char *token = NULL;
	int64_t now = clock_now();

	if (!credentials->token_file || now - credentials->read_at < TOKEN_REREAD)
		return;
	credentials->read_at = now;
	if (kubeconfig_read_token(credentials->token_file, &token, NULL) < 0)
		return;
	free(credentials->header);
	credentials->header = xasprintf("Bearer %s", token);
}

static int open_transport(struct client *client, const struct server_url *url,
                          const struct kubeconfig *config, struct err *err)
{
	struct http_target target = { .unix_path = url->unix_path,
		                      .port = url->port,
		                      .host = url->authority };
	struct ipaddr literal;
	struct tls_pems pems = { .ca = config->ca, .cert = config->cert, .key = config->key };
	int r;

	if (url->unix_path && strlen(url->unix_path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return err_set(err, -EINVAL, "the path of the server's socket is too long: %s",
		               url->unix_path);
	if (!url->unix_path) {
		r = server_url_resolve(url, &target.addr, err);
		if (r < 0)
			return r;
	}
	if (url->tls) {
		r = tls_client_new(&pems, config->insecure, &target.tls, err);
		if (r < 0)
			return r;
		target.server_name = config->tls_server_name;
		/* NULL: the certificate must name the address itself */
		if (!target.server_name && ipaddr_parse(url->host, &literal) < 0)
			target.server_name = url->host;
	}
	client->http = http_client_new(client->loop, &target);
	SSL_CTX_free(target.tls);
	return 0;
}

int client_new(struct loop *loop, const struct kubeconfig *config, struct client **ret,
               struct err *err)
{
	struct client *client;
	struct server_url url;
	int r;

	r = server_url_parse(config->server, &url, err);
	if (r < 0)
		return r;
	client = xnew(struct client);
	client->loop = loop;
	list_init(&client->calls);
	client->prefix = xstrdup(url.prefix);
	client->credentials = credentials_new(config);
	r = open_transport(client, &url, config, err);
	server_url_done(&url);
	if (r < 0) {
		client_free(client);
		return r;
	}
	*ret = client;
	return 0;
}

static void call_free(struct client_call *call)
{
	list_remove(&call->in_client);
	buf_done(&call->body);
	free(call);
}

void client_free(struct client *client)
{
	struct client_call *call, *after;

	if (!client)
		return;
	list_for_each_safe(call, after, in_client, &client->calls) client_cancel(call);
	if (client->http)
		http_client_free(client->http);
	credentials_free(client->credentials);
	free(client->prefix);
	free(client);
}

int client_status_code(int status)
{
	static const struct {
		int status, code;
	} table[] = {
		{ 400, -EINVAL },     { 401, -EACCES },     { 403, -EACCES }, { 404, -ENOENT },
		{ 405, -EOPNOTSUPP }, { 406, -EOPNOTSUPP }, { 409, -EEXIST }, { 410, -ESTALE },
		{ 413, -EFBIG },      { 415, -EOPNOTSUPP }, { 422, -EINVAL }, { 429, -EAGAIN },
	};

	if (status < 300)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].status == status)
			return table[i].code;
	return -EIO;
}

int client_status_err(int status, const json_t *answer, struct err *err)
{
	const char *message = json_path_str(answer, "message");
	int code = client_status_code(status);

	if (code < 0 && *message)
		return err_set(err, code, "%s", message);
	if (code < 0)
		return err_set(err, code, "the server answered HTTP status %d", status);
	return 0;
}

static void on_head(void *arg, int status, const char *content_type)
{
	struct client_call *call = arg;

	(void)content_type;
	call->status = status;
}

static void on_data(void *arg, const void *data, size_t size)
{
	struct client_call *call = arg;
	struct err err;

	if (size <= ANSWER_MAX - call->body.n) {
		buf_add(&call->body, data, size);
		return;
	}
	(void)err_set(&err, -EFBIG, "the answer has more than %zu MiB", ANSWER_MAX >> 20);
	http_exchange_cancel(take_ptr(&call->exchange));
	call->done(call->arg, 0, NULL, &err);
	call_free(call);
}

/* The answer of a proxy between us and the server is often plain text. */
static void describe_text(const struct client_call *call, struct err *err)
{
	int n = (int)strcspn(buf_str(&call->body), "\r\n");

	if (n > NOT_JSON_SHOW_MAX)
		n = NOT_JSON_SHOW_MAX;
	if (n > 0)
		(void)err_set(err, client_status_code(call->status), "%.*s", n,
		              buf_str(&call->body));
	else
		(void)client_status_err(call->status, NULL, err);
}

static void report(struct client_call *call)
{
	auto_json json_t *answer = NULL;
	struct err err = { 0 };

	if (decode_json(buf_str(&call->body), call->body.n, &answer, NULL) < 0)
		answer = NULL;
	/* the text may be hundreds of megabytes: it goes before the callback works with the tree */
	if (!answer && client_status_code(call->status) < 0)
		describe_text(call, &err);
	else
		(void)client_status_err(call->status, answer, &err);
	buf_done(&call->body);
	call->body = BUF_INIT;
	call->done(call->arg, call->status, answer, &err);
}

static void on_done(void *arg, int r, const struct err *err)
{
	struct client_call *call = arg;

	call->exchange = NULL;
	if (r < 0)
		call->done(call->arg, 0, NULL, err);
	else
		report(call);
	call_free(call);
}

struct client_call *client_request(struct client *client, const struct client_request *request)
{
	struct client_call *call = xnew(struct client_call);
	auto_free char *body = request->body ? json_text(request->body) : NULL;
	auto_free char *path = xasprintf("%s%s", client->prefix, request->path);
	int64_t timeout = request->timeout_ns ? request->timeout_ns : TIMEOUT_DEFAULT;
	struct http_call http = {
		.method = request->method,
		.path = path,
		.accept = request->accept,
		.content_type = request->content_type ? request->content_type : "application/json",
		.body = body,
		.body_size = body ? strlen(body) : 0,
		.authorization = client_authorization(client),
		.timeout_ns = timeout,
		.idle_timeout_ns = timeout,
		.on_head = on_head,
		.on_data = on_data,
		.on_done = on_done,
		.arg = call,
	};

	call->done = request->done;
	call->arg = request->arg;
	list_add_tail(&client->calls, &call->in_client);
	call->exchange = http_client_start(client->http, &http);
	return call;
}

void client_cancel(struct client_call *call)
{
	/* within its own 'done' there is nothing left to cancel */
	if (!call->exchange)
		return;
	http_exchange_cancel(call->exchange);
	call_free(call);
}

struct http_client *client_http(struct client *client)
{
	return client->http;
}

const char *client_authorization(const struct client *client)
{
	credentials_refresh(client->credentials);
	return client->credentials->header;
}

const char *client_prefix(const struct client *client)
{
	return client->prefix;
}

struct loop *client_loop(const struct client *client)
{
	return client->loop;
}
