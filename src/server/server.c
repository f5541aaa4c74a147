/* SPDX-License-Identifier: Apache-2.0 */
#include "server/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "kube/decode.h"
#include "kube/field_error.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/addresses.h"
#include "server/admit.h"
#include "server/authn.h"
#include "server/authz.h"
#include "server/bootstrap.h"
#include "server/discovery.h"
#include "server/impersonate.h"
#include "server/metrics.h"
#include "server/namespaces.h"
#include "server/openapi.h"
#include "server/pki.h"
#include "server/read.h"
#include "server/reply.h"
#include "server/review.h"
#include "server/route.h"
#include "server/service_account.h"
#include "server/state.h"
#include "server/subresource.h"
#include "server/token_file.h"
#include "server/virtual_kinds.h"
#include "server/watch.h"
#include "server/write.h"

#define STORE_NAME        "store.db"
#define RENEWAL_PERIOD_NS (24 * 3600 * NSEC_PER_SEC)
#define DRAIN_NS          (5 * NSEC_PER_SEC) /* for answers under way when the server ends */
#define DEFAULT_PORT      6443
#define BODY_MAX          (DECODE_BODY_MAX + (1 << 20)) /* so much over is still refused in JSON */
#define DEFAULT_CIDR      "10.96.0.0/16"
#define DEFAULT_NODE_PORT 30000, 32767

/* Such an answer is about no object: its details are empty. */
static void reply_plain_status(struct http_request *req, int code, const char *reason,
                               const char *message)
{
	json_t *status = status_new(code, reason, "%s", message);

	json_object_set_new(status, "details", json_object());
	reply_status(req, status);
}

static void reply_not_found(struct http_request *req)
{
	static const char text[] = "404 page not found\n";

	if (discovery_knows(http_path(req)))
		reply_plain_status(req, 404, "NotFound",
		                   "the server could not find the requested resource");
	else
		http_reply(req, 404, "text/plain; charset=utf-8", text, sizeof(text) - 1);
}

static void reply_not_allowed(struct http_request *req)
{
	reply_plain_status(req, 405, "MethodNotAllowed",
	                   "the server does not allow this method on the requested resource");
}

/* Why a name cannot be one of a path, or NULL (apimachinery IsValidPathSegmentName). */
static const char *name_fault(const char *name)
{
	if (strcmp(name, ".") == 0)
		return "may not be '.'";
	if (strcmp(name, "..") == 0)
		return "may not be '..'";
	if (strchr(name, '/'))
		return strchr(name, '%') ? "may not contain '/';may not contain '%'"
		                         : "may not contain '/'";
	return strchr(name, '%') ? "may not contain '%'" : NULL;
}

static bool reply_bad_name(struct http_request *req, const struct route *route)
{
	const char *why = name_fault(route->name);
	auto_buf struct buf quoted = BUF_INIT;

	if (!why)
		return false;
	field_quote(&quoted, route->name);
	reply_status(req, status_new(400, "BadRequest", "Name parameter invalid: %s: %s",
	                             buf_str(&quoted), why));
	return true;
}

static void handle_resource(struct server *server, struct http_request *req,
                            const struct route *route)
{
	switch (route->verb) {
	case VERB_GET:
		read_get(server, req, route);
		break;
	case VERB_LIST:
		read_list(server, req, route);
		break;
	case VERB_WATCH:
		watch_start(server, req, route);
		break;
	case VERB_CREATE:
		write_create(server, req, route);
		break;
	case VERB_UPDATE:
		write_update(server, req, route);
		break;
	case VERB_PATCH:
		write_patch(server, req, route);
		break;
	case VERB_DELETE:
		write_delete(server, req, route);
		break;
	case VERB_DELETE_COLLECTION:
		if (route->kind->no_deletecollection)
			reply_not_allowed(req);
		else
			write_delete_collection(server, req, route);
		break;
	case VERB_NONE:
		reply_not_allowed(req);
		break;
	}
}

static bool asks_watch(struct http_request *req)
{
	const char *watch = http_query(req, "watch");

	return watch && strcasecmp(watch, "false") != 0 && strcmp(watch, "0") != 0;
}

/* Whatever becomes of the request, its client learns of it. */
static void warn_of_deprecation(struct http_request *req, const struct kind *kind)
{
	auto_json json_t *warnings = NULL;

	if (!kind->deprecation_warning)
		return;
	warnings = json_pack("[s]", kind->deprecation_warning);
	reply_warnings(req, warnings);
}

static void handle_known(struct server *server, struct http_request *req, const struct route *route)
{
	warn_of_deprecation(req, route->kind);
	if (route->verb == VERB_NONE)
		reply_not_allowed(req);
	else if (reply_bad_name(req, route))
		return;
	else if (route->sub)
		route->sub->handle(server, req, route);
	else if (virtual_kinds_is(route->kind))
		review_create(server, req, route);
	else
		handle_resource(server, req, route);
}

static void handle_path(struct server *server, struct http_request *req, const struct route *route)
{
	const char *method = http_method(req);

	if (!route->resource && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		reply_not_allowed(req);
	else if (route->resource || !discovery_handle(server, req, http_path(req)))
		reply_not_found(req);
}

/* NULL with 'who' filled, or the refusal: 401, 403, or 400 for a bad impersonation. */
static json_t *check_access(const struct server *server, struct http_request *req,
                            const struct route *route, struct identity *who)
{
	struct authz_attributes asked;
	json_t *status = authn_request(server, req, who);

	if (status)
		return status;
	authz_attributes_of(route, http_method(req), http_path(req), &asked);
	status = impersonate(server, req, &asked, who);
	return status ? status : authz_check(server, who, &asked);
}

/* Connections that are open may bring requests until the last answer is sent. */
static json_t *shutting_down(void)
{
	json_t *status = status_new(503, "ServiceUnavailable", "the server is shutting down");

	json_path_set(status, "details.retryAfterSeconds", json_integer(1));
	return status;
}

static void handle(void *arg, struct http_request *req)
{
	struct server *server = arg;
	struct identity who = { 0 };
	struct route route;
	json_t *status;

	route_parse(http_method(req), http_path(req), asks_watch(req), &route);
	route.who = &who;
	metrics_observe(server, req, &route);
	status = server->closing && route.resource ? shutting_down()
	                                           : check_access(server, req, &route, &who);
	if (status)
		reply_status(req, status);
	else if (route.kind)
		handle_known(server, req, &route);
	else
		handle_path(server, req, &route);
	route_done(&route);
	identity_done(&who);
}

static void on_store_ready(void *arg)
{
	struct server *server = arg;

	store_dispatch(server->store);
}

static int open_store(struct server *server, const struct server_config *config, struct err *err)
{
	const char *cidr = config->service_cidr ? config->service_cidr : DEFAULT_CIDR;
	auto_free char *path = xasprintf("%s/" STORE_NAME, config->data_dir);
	const uint16_t ports[] = { DEFAULT_NODE_PORT };
	int r;

	r = admission_new(cidr, config->node_port_min ? config->node_port_min : ports[0],
	                  config->node_port_max ? config->node_port_max : ports[1],
	                  &server->admission, err);
	if (r < 0)
		return r;
	r = file_mkdirs(config->data_dir, 0700, err);
	if (r < 0)
		return r;
	r = store_open(&(struct store_config){ .path = path }, &server->store, err);
	if (r < 0)
		return r;
	server->store_ready = fd_watch_new(server->loop, store_fd(server->store), on_store_ready,
	                                   server);
	admission_load(server->admission, server->store);
	return addresses_init(server, err);
}

static void pki_request_of(const struct server *server, struct pki_request *ret)
{
	*ret = (struct pki_request){
		.data_dir = server->data_dir,
		.listen = server->listen,
		.port = server->port,
		.tls_sans = (const char *const *)server->tls_sans,
	};
	ip_range_address(&server->admission->ranges[0], 0, &ret->service_ip);
}

/* A server may run for longer than its certificate lasts. */
static void on_renewal(void *arg)
{
	struct server *server = arg;
	struct pki_request request;
	struct err err = { 0 };

	pki_request_of(server, &request);
	if (pki_renew(&request, server->tls, &err) < 0)
		log_warn("server", "cannot renew the certificates: %s; trying again in a day",
		         err.msg);
}

static int open_keys(struct server *server, const struct server_config *config, struct err *err)
{
	struct pki_request request;
	int r;

	pki_request_of(server, &request);
	r = pki_setup(&request, &server->tls, err);
	if (r == 0)
		r = service_account_key(config->data_dir, &server->account_key, err);
	if (r == 0 && config->token_auth_file)
		r = token_file_load(config->token_auth_file, &server->tokens, err);
	if (r < 0)
		return r;
	server->renewals = timer_new(server->loop, on_renewal, server);
	timer_every(server->renewals, RENEWAL_PERIOD_NS);
	return 0;
}

static int open_listeners(struct server *server, const struct server_config *config,
                          struct err *err)
{
	auto_free char *socket = xasprintf("%s/" SERVER_SOCKET_NAME, config->data_dir);
	int r = open_keys(server, config, err);

	if (r < 0)
		return r;
	server->http = http_server_new(server->loop, BODY_MAX, handle, server);
	r = http_server_listen_tls(server->http, &server->listen, server->port, server->tls, err);
	if (r < 0)
		return r;
	return http_server_listen_unix(server->http, socket, err);
}

static char **copy_list(const char *const *list)
{
	char **copy;
	size_t n = 0;

	while (list && list[n])
		n++;
	copy = xcalloc(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(list[i]);
	return copy;
}

static void free_list(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

int server_new(struct loop *loop, const struct server_config *config, struct server **ret,
               struct err *err)
{
	struct server *server = xnew(struct server);
	int r;

	server->loop = loop;
	server->metrics = metrics_new();
	server->openapi = openapi_new(discovery_version());
	server->data_dir = xstrdup(config->data_dir);
	server->tls_sans = copy_list(config->tls_sans);
	server->listen = config->listen;
	server->port = config->port ? config->port : DEFAULT_PORT;
	if (server->listen.family == 0)
		(void)ipaddr_parse("127.0.0.1", &server->listen);
	list_init(&server->watchers);
	list_init(&server->terminating);
	r = open_store(server, config, err);
	if (r == 0)
		r = open_listeners(server, config, err);
	if (r == 0) {
		watch_init(server);
		namespaces_init(server);
		r = bootstrap_init(server, err);
	}
	if (r == 0)
		addresses_repair(server);
	if (r < 0) {
		server_free(server);
		return r;
	}
	*ret = server;
	return 0;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	server->closing = true;
	bootstrap_done(server);
	addresses_done(server);
	watch_done(server);
	if (server->http)
		http_server_drain(server->http, DRAIN_NS);
	if (server->store_ready)
		fd_watch_free(server->store_ready);
	/* Those that were too slow are answered nonetheless, to the HTTP server. */
	if (server->store)
		store_close(server->store);
	if (server->http)
		http_server_free(server->http);
	namespaces_done(server);
	admission_free(server->admission);
	token_file_free(server->tokens);
	metrics_free(server->metrics);
	openapi_free(server->openapi);
	timer_free(server->renewals);
	SSL_CTX_free(server->tls);
	free_list(server->tls_sans);
	free(server->data_dir);
	EVP_PKEY_free(server->account_key);
	free(server);
}
