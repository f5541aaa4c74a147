/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_api.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "kube/json.h"

#define WAIT_MAX (10 * NSEC_PER_SEC)

struct fake_watch {
	struct list_node node;
	struct http_stream *stream;
	char *collection;
	uint64_t sent; /* revision */
};

/* "/api/v1/namespaces/NS/pods/NAME", "/api/v1/pods" .. taken apart. */
struct fake_path {
	char collection[128]; /* "/api/v1/pods": of all namespaces */
	char ns[64], name[128];
};

static void split_path(const char *path, struct fake_path *ret)
{
	const char *rest = path + 1;
	int base = strncmp(path, "/apis/", 6) == 0 ? 3 : 2;
	char plural[64] = "";
	const char *found;

	*ret = (struct fake_path){ 0 };
	while (base-- > 0)
		rest = strchr(rest, '/') + 1;
	(void)snprintf(ret->collection, sizeof(ret->collection), "%.*s", (int)(rest - path), path);
	found = strncmp(rest, "namespaces/", 11) == 0 ? rest + 11 : NULL;
	if (found && strchr(found, '/')) {
		(void)sscanf(found, "%63[^/]/%63[^/]/%127s", ret->ns, plural, ret->name);
	} else {
		(void)sscanf(rest, "%63[^/]/%127s", plural, ret->name);
	}
	strcat(ret->collection, plural);
}

static char *collection_of(const char *path)
{
	struct fake_path parts;

	split_path(path, &parts);
	return xstrdup(parts.collection);
}

/* ---- watches ---- */

static void watch_closed(void *arg)
{
	struct fake_watch *watch = arg;

	list_remove(&watch->node);
	free(watch->collection);
	free(watch);
}

static void watch_send(struct fake_api *api, struct fake_watch *watch)
{
	const json_t *event;
	size_t i;

	if (api->hold && strcmp(api->hold, watch->collection) == 0)
		return;
	json_array_foreach(api->events, i, event) {
		const char *line = json_path_str(event, "line");
		uint64_t revision = (uint64_t)json_path_int(event, "rev", 0);

		if (revision <= watch->sent)
			continue;
		watch->sent = revision;
		if (strcmp(json_path_str(event, "collection"), watch->collection) == 0)
			http_stream_send(watch->stream, line, strlen(line));
	}
}

static void tell(struct fake_api *api)
{
	struct fake_watch *watch;

	list_for_each(watch, node, &api->watches)
		watch_send(api, watch);
}

static void add_event(struct fake_api *api, const char *type, const char *path, json_t *object)
{
	auto_free char *collection = collection_of(path);
	auto_free char *text = json_text(object);
	auto_free char *line = xasprintf("{\"type\":\"%s\",\"object\":%s}\n", type, text);

	json_array_append_new(api->events,
	                      json_pack("{s:I,s:s,s:s}", "rev", (json_int_t)api->revision,
	                                "collection", collection, "line", line));
	tell(api);
}

void fake_api_release(struct fake_api *api)
{
	api->hold = NULL;
	tell(api);
}

void fake_api_send(struct fake_api *api, const char *text, bool end)
{
	struct fake_watch *watch, *after;

	list_for_each_safe(watch, after, node, &api->watches)
	{
		if (*text)
			http_stream_send(watch->stream, text, strlen(text));
		if (end) {
			http_stream_end(watch->stream);
			watch_closed(watch);
		}
	}
}

void fake_api_bookmark(struct fake_api *api)
{
	auto_free char *line =
		xasprintf("{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"X\",\"apiVersion\":\"v1\","
	                  "\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"}}}\n",
	                  api->revision);

	fake_api_send(api, line, false);
}

void fake_api_expire(struct fake_api *api)
{
	json_array_clear(api->events);
	api->oldest = ++api->revision;
}

size_t fake_api_watches(const struct fake_api *api)
{
	struct fake_watch *watch;
	size_t n = 0;

	list_for_each(watch, node, &api->watches)
		n++;
	return n;
}

/* ---- objects ---- */

json_t *fake_api_get(struct fake_api *api, const char *path)
{
	return json_object_get(api->objects, path);
}

json_t *fake_api_list(struct fake_api *api, const char *prefix)
{
	json_t *list = json_array(), *object;
	const char *path;

	json_object_foreach(api->objects, path, object) {
		if (strncmp(path, prefix, strlen(prefix)) == 0)
			json_array_append(list, object);
	}
	return list;
}

static void store(struct fake_api *api, const char *path, json_t *object)
{
	bool is_new = !fake_api_get(api, path);
	char revision[24], uid[RAND_UUID_SIZE];
	struct fake_path parts;

	split_path(path, &parts);
	(void)snprintf(revision, sizeof(revision), "%" PRIu64, ++api->revision);
	json_path_set(object, "metadata.name", json_string(parts.name));
	if (*parts.ns)
		json_path_set(object, "metadata.namespace", json_string(parts.ns));
	json_path_set(object, "metadata.resourceVersion", json_string(revision));
	if (!*json_path_str(object, "metadata.uid")) {
		rand_uuid(uid);
		json_path_set(object, "metadata.uid", json_string(uid));
	}
	json_object_set(api->objects, path, object);
	add_event(api, is_new ? "ADDED" : "MODIFIED", path, object);
}

void fake_api_put(struct fake_api *api, const char *path, const char *json)
{
	auto_free char *text = xstrdup(json);
	auto_json json_t *object = NULL;
	json_t *old = fake_api_get(api, path);

	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	object = json_loads(text, 0, NULL);
	if (!object)
		fail_msg("not JSON: %s", json);
	if (old && !*json_path_str(object, "metadata.uid"))
		json_path_set(object, "metadata.uid",
		              json_string(json_path_str(old, "metadata.uid")));
	store(api, path, object);
}

void fake_api_delete(struct fake_api *api, const char *path)
{
	auto_json json_t *object = json_incref(fake_api_get(api, path));
	char revision[24];

	if (!object)
		fail_msg("%s is not there to be deleted", path);
	(void)snprintf(revision, sizeof(revision), "%" PRIu64, ++api->revision);
	json_path_set(object, "metadata.resourceVersion", json_string(revision));
	json_object_del(api->objects, path);
	add_event(api, "DELETED", path, object);
}

/* ---- requests ---- */

static void reply_json(struct http_request *req, int status, const json_t *answer)
{
	auto_free char *text = json_text(answer);

	http_reply(req, status, "application/json", text, strlen(text));
}

static void reply_status(struct http_request *req, int status, const char *message)
{
	auto_json json_t *answer = json_pack("{s:s,s:s,s:s,s:i}", "kind", "Status", "status",
	                                     "Failure", "message", message, "code", status);

	reply_json(req, status, answer);
}

static void reply_watch(struct fake_api *api, struct http_request *req, const char *collection)
{
	uint64_t since = strtoull(http_query(req, "resourceVersion"), NULL, 10);
	struct fake_watch *watch;

	if (since < api->oldest) {
		reply_status(req, 410, "too old resource version");
		return;
	}
	watch = xnew(struct fake_watch);
	watch->collection = xstrdup(collection);
	watch->sent = since;
	watch->stream = http_stream_start(req, 200, "application/json", watch_closed, watch);
	list_add_tail(&api->watches, &watch->node);
	watch_send(api, watch);
}

/* Continue tokens are the number of the next item: fine while nothing changes meanwhile. */
static void reply_list(struct fake_api *api, struct http_request *req, const char *collection)
{
	const char *limit = http_query(req, "limit"), *token = http_query(req, "continue");
	size_t from = token ? strtoul(token, NULL, 10) : 0, n = 0;
	size_t max = limit ? strtoul(limit, NULL, 10) : SIZE_MAX;
	auto_json json_t *answer = json_pack("{s:s,s:s,s:{},s:[]}", "kind", "ThingList",
	                                     "apiVersion", "v1", "metadata", "items");
	char text[24];
	json_t *object;
	const char *path;

	(void)snprintf(text, sizeof(text), "%" PRIu64, api->revision);
	json_path_set(answer, "metadata.resourceVersion", json_string(text));
	json_object_foreach(api->objects, path, object) {
		auto_free char *its = collection_of(path);

		if (strcmp(its, collection) != 0 || n++ < from)
			continue;
		if (n > from + max) {
			(void)snprintf(text, sizeof(text), "%zu", n - 1);
			json_path_set(answer, "metadata.continue", json_string(text));
			break;
		}
		json_array_append(json_object_get(answer, "items"), object);
	}
	reply_json(req, 200, answer);
}

static void handle_create(struct fake_api *api, struct http_request *req, json_t *object)
{
	const char *base = json_path_string(object, "metadata.generateName");
	auto_free char *path = NULL;
	char suffix[RAND_SUFFIX_SIZE];

	if (base) {
		rand_suffix(suffix);
		path = xasprintf("%s/%s%s", http_path(req), base, suffix);
	} else {
		path = xasprintf("%s/%s", http_path(req), json_path_str(object, "metadata.name"));
	}
	if (fake_api_get(api, path)) {
		reply_status(req, 409, "already exists");
		return;
	}
	store(api, path, object);
	reply_json(req, 201, object);
}

static void handle_write(struct fake_api *api, struct http_request *req)
{
	size_t size;
	const char *body = http_body(req, &size);
	auto_json json_t *object = json_loadb(body, size, 0, NULL);
	json_t *old = fake_api_get(api, http_path(req));
	bool is_put = strcmp(http_method(req), "PUT") == 0;

	if (strcmp(http_method(req), "POST") == 0) {
		handle_create(api, req, object);
	} else if (!old) {
		reply_status(req, 404, "not found");
	} else if (is_put && strcmp(json_path_str(object, "metadata.resourceVersion"),
	                            json_path_str(old, "metadata.resourceVersion")) != 0) {
		reply_status(req, 409, "the object has been modified");
	} else if (is_put) {
		store(api, http_path(req), object);
		reply_json(req, 200, object);
	} else {
		fake_api_delete(api, http_path(req));
		reply_status(req, 200, "deleted");
	}
}

static bool faulty(struct fake_api *api, struct http_request *req)
{
	struct fake_fault *fault = &api->fault;

	if (fault->times <= 0 || strcmp(fault->method, http_method(req)) != 0 ||
	    strncmp(fault->path, http_path(req), strlen(fault->path)) != 0 ||
	    (fault->query && !http_query(req, fault->query)))
		return false;
	fault->times--;
	http_reply(req, fault->status, "application/json", fault->body, strlen(fault->body));
	return true;
}

static void handle(void *arg, struct http_request *req)
{
	struct fake_api *api = arg;
	bool watch = http_query(req, "watch");
	const char *token = http_query(req, "continue"),
		   *since = http_query(req, "resourceVersion");
	auto_free char *line = xasprintf("%s %s%s%s", watch ? "WATCH" : http_method(req),
	                                 http_path(req), token || since ? " " : "",
	                                 token   ? token
	                                 : since ? since
	                                         : "");
	struct fake_path parts;

	json_array_append_new(api->requests, json_string(line));
	split_path(http_path(req), &parts);
	if (faulty(api, req))
		return;
	if (strcmp(http_method(req), "GET") != 0)
		handle_write(api, req);
	else if (watch)
		reply_watch(api, req, parts.collection);
	else if (*parts.name && fake_api_get(api, http_path(req)))
		reply_json(req, 200, fake_api_get(api, http_path(req)));
	else if (*parts.name)
		reply_status(req, 404, "not found");
	else
		reply_list(api, req, parts.collection);
}

size_t fake_api_requests(const struct fake_api *api, const char *prefix)
{
	const json_t *line;
	size_t i, n = 0;

	json_array_foreach(api->requests, i, line)
		n += strncmp(json_string_value(line), prefix, strlen(prefix)) == 0;
	return n;
}

/* ---- life ---- */

void fake_api_start(struct fake_api *api)
{
	struct err err = { 0 };

	api->server = http_server_new(api->loop, 3 << 20, handle, api);
	if (http_server_listen_unix(api->server, api->socket, &err) < 0)
		fail_msg("%s", err.msg);
}

void fake_api_stop(struct fake_api *api)
{
	http_server_free(take_ptr(&api->server));
	(void)unlink(api->socket);
}

struct fake_api *fake_api_new(void)
{
	struct fake_api *api = xnew(struct fake_api);

	strcpy(api->folder, "/tmp/test-fake-api-XXXXXX");
	assert_non_null(mkdtemp(api->folder));
	(void)snprintf(api->socket, sizeof(api->socket), "%s/api.sock", api->folder);
	api->loop = loop_new();
	api->revision = 1;
	api->objects = json_object();
	api->events = json_array();
	api->requests = json_array();
	list_init(&api->watches);
	fake_api_start(api);
	return api;
}

void fake_api_free(struct fake_api *api)
{
	if (api->server)
		fake_api_stop(api);
	loop_free(api->loop);
	json_decref(api->objects);
	json_decref(api->events);
	json_decref(api->requests);
	(void)rmdir(api->folder);
	free(api);
}

struct client *fake_api_client(struct fake_api *api)
{
	auto_free char *server = xasprintf("unix://%s", api->socket);
	struct kubeconfig config = { .server = server };
	struct client *client = NULL;
	struct err err = { 0 };

	if (client_new(api->loop, &config, &client, &err) < 0)
		fail_msg("%s", err.msg);
	return client;
}

/* ---- waiting ---- */

struct waiting {
	struct fake_api *api;
	bool (*condition)(void *arg);
	void *arg;
	int64_t end;
	bool met, over;
};

static void look(void *arg)
{
	struct waiting *waiting = arg;

	/* a second stop would end the next run of the loop */
	if (waiting->over)
		return;
	waiting->met = waiting->condition && waiting->condition(waiting->arg);
	waiting->over = waiting->met || clock_now() >= waiting->end;
	if (waiting->over)
		loop_stop(waiting->api->loop);
}

static bool run(struct fake_api *api, bool (*condition)(void *arg), void *arg, int64_t ns)
{
	struct waiting waiting = {
		.api = api, .condition = condition, .arg = arg, .end = clock_now() + ns
	};
	struct timer *timer = timer_new(api->loop, look, &waiting);

	timer_every(timer, NSEC_PER_MSEC);
	loop_run(api->loop);
	timer_free(timer);
	return waiting.met;
}

void fake_api_until(struct fake_api *api, bool (*condition)(void *arg), void *arg)
{
	if (!run(api, condition, arg, WAIT_MAX)) {
		auto_free char *requests = json_text(api->requests);

		fail_msg("the condition did not come true; requests so far: %s", requests);
	}
}

void fake_api_run(struct fake_api *api, int64_t ns)
{
	(void)run(api, NULL, NULL, ns);
}
