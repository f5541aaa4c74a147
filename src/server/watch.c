/* SPDX-License-Identifier: Apache-2.0 */
#include "server/watch.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/list_options.h"
#include "server/reply.h"

#define BACKLOG_MAX        (16 << 20)  /* of one watcher; more than one batch of the store */
#define BACKLOG_TOTAL_MAX  (128 << 20) /* of all of them */
#define BACKLOG_CHECK_NS   (100 * NSEC_PER_MSEC)
#define BOOKMARK_PERIOD_NS (60 * NSEC_PER_SEC)
#define TIMEOUT_MIN_S      1800 /* a watch without timeoutSeconds ends within this and its double */

struct watcher {
	struct list_node in_watchers;
	struct server *server;
	const struct kind *kind;
	char *ns; /* owned; "" for all */
	struct list_options options;
	char *name; /* owned; the only object that matters, or NULL */
	struct view view;
	bool columns_sent; /* a Table's columns go with its first event only */
	bool ended;        /* too far behind */
	size_t backlog_max;
	struct http_stream *stream;
	struct store_watch *watch; /* NULL while the history is replayed */
	struct timer *timeout;
};

static void watcher_free(struct watcher *w)
{
	list_remove(&w->in_watchers);
	if (w->watch)
		store_watch_free(w->watch);
	timer_free(w->timeout);
	list_options_done(&w->options);
	free(w->ns);
	free(w->name);
	free(w);
}

static void watcher_end(struct watcher *w)
{
	http_stream_end(w->stream);
	watcher_free(w);
}

static void on_closed(void *arg)
{
	watcher_free(arg);
}

static void on_timeout(void *arg)
{
	watcher_end(arg);
}

static const char *event_name(enum store_event_type type)
{
	static const char *const names[] = {
		[STORE_ADDED] = "ADDED",
		[STORE_MODIFIED] = "MODIFIED",
		[STORE_DELETED] = "DELETED",
	};

	return names[type];
}

/* {"type":TYPE,"object":TREE}; the reference of 'object' is taken over. */
static void send_tree(struct watcher *w, const char *type, json_t *object)
{
	auto_json json_t *event = json_pack("{s:s,s:o}", "type", type, "object", object);
	auto_free char *text = json_text(event);
	auto_buf struct buf b = BUF_INIT;

	buf_adds(&b, text);
	buf_addc(&b, '\n');
	http_stream_send(w->stream, b.p, b.n);
}

/* In another form than the store's; the reference of 'tree' is taken over. */
static void send_view(struct watcher *w, const char *type, json_t *tree)
{
	json_t *answer = view_of(&w->view, tree);

	if (w->view.form.as == ACCEPT_TABLE && w->columns_sent)
		json_object_set_new(answer, "columnDefinitions", json_null());
	w->columns_sent = true;
	send_tree(w, type, answer);
}

static void send_text(struct watcher *w, const struct store_object *object)
{
	auto_buf struct buf b = BUF_INIT;

	buf_reserve(&b, object->size + 40);
	buf_adds(&b, "{\"type\":\"ADDED\",\"object\":");
	buf_add(&b, object->text, object->size);
	buf_adds(&b, "}\n");
	http_stream_send(w->stream, b.p, b.n);
}

static bool selects(const struct watcher *w, const struct store_object *object, json_t **tree)
{
	if (w->ns[0] && strcmp(w->ns, object->namespace) != 0)
		return false;
	if (w->name && strcmp(w->name, object->name) != 0)
		return false;
	return list_options_match(&w->options, object, tree);
}

static void forget_trees(struct server *server)
{
	json_decref(server->event_trees.object);
	json_decref(server->event_trees.old);
	server->event_trees.object = server->event_trees.old = NULL;
}

/* What 'event' is for this watcher; false: nothing. */
static bool seen_as(const struct watcher *w, const struct store_event *event,
                    enum store_event_type *ret_type)
{
	struct server *server = w->server;
	bool before, after;

	/* A thousand watchers by a field ask for the same two trees. */
	if (server->event_trees.revision != event->revision)
		forget_trees(server);
	server->event_trees.revision = event->revision;
	before = event->old && selects(w, event->old, &server->event_trees.old);
	after = event->type != STORE_DELETED &&
	        selects(w, event->object, &server->event_trees.object);

	if (before && after)
		*ret_type = STORE_MODIFIED;
	else if (after)
		*ret_type = STORE_ADDED;
	else if (before)
		*ret_type = STORE_DELETED;
	return before || after;
}

/* As store_event_line(): what leaves a selection is shown as it was, at the new revision. */
static json_t *event_tree(const struct watcher *w, const struct store_event *event,
                          enum store_event_type type)
{
	bool left = type == STORE_DELETED && event->type == STORE_MODIFIED;
	json_t *tree = view_tree(w->kind, left ? event->old : event->object);

	json_path_set(tree, "metadata.resourceVersion",
	              json_sprintf("%llu", (unsigned long long)event->revision));
	return tree;
}

static void on_event(void *arg, struct store_event *event)
{
	struct watcher *w = arg;
	enum store_event_type type;
	const char *line;
	size_t size;

	if (w->ended || !seen_as(w, event, &type))
		return;
	if (!view_is_stored(&w->view)) {
		send_view(w, event_name(type), event_tree(w, event, type));
	} else {
		line = store_event_line(event, type, &size);
		http_stream_send(w->stream, line, size);
	}
	if (!timer_pending(w->server->backlogs))
		timer_once(w->server->backlogs, BACKLOG_CHECK_NS);
	if (http_stream_backlog(w->stream) <= w->backlog_max)
		return;
	/* While the history is replayed watch_start() still holds the watcher and ends it. */
	w->ended = true;
	if (w->watch)
		watcher_end(w);
}

static void send_bookmark(struct watcher *w, bool initial_end)
{
	json_t *object = json_pack(
		"{s:s,s:s,s:{s:o}}", "kind", w->kind->name, "apiVersion", kind_api_version(w->kind),
		"metadata", "resourceVersion",
		json_sprintf("%llu", (unsigned long long)store_revision(w->server->store)));

	kind_normalise(w->kind, object); /* the members that Go always writes */

	if (initial_end)
		json_object_set_new(json_object_get(object, "metadata"), "annotations",
		                    json_pack("{s:s}", "k8s.io/initial-events-end", "true"));
	send_view(w, "BOOKMARK", object);
}

static void on_bookmarks(void *arg)
{
	struct server *server = arg;
	struct watcher *w, *after;

	list_for_each_safe(w, after, in_watchers, &server->watchers) if (w->options.bookmarks)
		send_bookmark(w, false);
}

static struct watcher *furthest_behind(struct server *server, size_t *ret_total)
{
	struct watcher *w, *furthest = NULL;
	size_t most = 0;

	*ret_total = 0;
	list_for_each(w, in_watchers, &server->watchers) {
		size_t backlog = http_stream_backlog(w->stream);

		*ret_total += backlog;
		if (!w->ended && backlog > most) {
			most = backlog;
			furthest = w;
		}
	}
	return furthest;
}

/*
 * Each watcher has its own copy of what it has not read.  Where all of them together hold too much, those
 * furthest behind are cut off; they come again and go on from where they were.
 */
static void on_backlogs(void *arg)
{
	struct server *server = arg;
	struct watcher *w;
	size_t total, left;

	w = furthest_behind(server, &total);
	for (left = total; w && left > BACKLOG_TOTAL_MAX; w = furthest_behind(server, &total)) {
		left -= http_stream_backlog(w->stream);
		w->ended = true;
		http_stream_abort(w->stream);
		server->backlogs_cut = true;
	}
	if (!server->backlogs_cut)
		return;
	if (left < total) {
		timer_once(server->backlogs, BACKLOG_CHECK_NS); /* they are freed by then */
		return;
	}
	server->backlogs_cut = false;
	(void)malloc_trim(0);
}

void watch_init(struct server *server)
{
	server->backlogs = timer_new(server->loop, on_backlogs, server);
	list_init(&server->watchers);
	server->bookmarks = timer_new(server->loop, on_bookmarks, server);
	timer_every(server->bookmarks, BOOKMARK_PERIOD_NS);
}

void watch_done(struct server *server)
{
	struct watcher *w, *after;

	timer_free(server->bookmarks);
	timer_free(server->backlogs);
	list_for_each_safe(w, after, in_watchers, &server->watchers) watcher_end(w);
	forget_trees(server);
}

static void send_initial(struct watcher *w)
{
	auto_free const struct store_object **objects = NULL;
	size_t n = store_list(w->server->store, kind_stored(w->kind), w->ns, NULL, &objects);

	for (size_t i = 0; i < n; i++) {
		auto_json json_t *tree = NULL;

		if (!selects(w, objects[i], &tree))
			continue;
		if (view_is_stored(&w->view))
			send_text(w, objects[i]);
		else
			send_view(w, "ADDED", view_tree(w->kind, objects[i]));
	}
	/* The state itself may be larger than what a slow watcher may be behind. */
	w->backlog_max += http_stream_backlog(w->stream);
	if (w->options.initial && w->options.bookmarks)
		send_bookmark(w, true);
}

/* True if the watch begins with what there is, rather than behind a version. */
static bool wants_state(const struct list_options *options)
{
	if (options->has_initial)
		return options->initial;
	return !options->has_version || options->version == 0;
}

static struct watcher *watcher_new(struct server *server, struct http_request *req,
                                   const struct route *route, struct list_options *options)
{
	struct watcher *w = xnew(struct watcher);

	*w = (struct watcher){
		.server = server,
		.kind = route->kind,
		.ns = xstrdup(route->ns),
		.name = route->name[0] ? xstrdup(route->name) : NULL,
		.options = *options,
		.backlog_max = BACKLOG_MAX,
	};
	list_add_tail(&server->watchers, &w->in_watchers);
	w->timeout = timer_new(server->loop, on_timeout, w);
	timer_once(w->timeout,
	           (int64_t)(options->timeout_s ? options->timeout_s
	                                        : TIMEOUT_MIN_S + rand_below(TIMEOUT_MIN_S)) *
	                   NSEC_PER_SEC);
	/* The query's strings go with the request. */
	options->after = NULL;
	w->options.after = NULL;
	w->stream = http_stream_start(req, 200, TYPE_JSON, on_closed, w);
	return w;
}

static void run(struct watcher *w)
{
	struct store *store = w->server->store;
	const struct list_options *options = &w->options;
	bool from_version = !wants_state(options) && options->has_version && options->version;
	uint64_t since = from_version ? options->version : store_revision(store), oldest = 0;
	int r;

	if (wants_state(options))
		send_initial(w);
	r = store_watch_new(store, kind_stored(w->kind), since, on_event, w, &w->watch, &oldest);
	if (r == -ESTALE)
		send_tree(w, "ERROR", status_expired(since, oldest));
	if (r < 0 || w->ended)
		watcher_end(w);
}

void watch_start(struct server *server, struct http_request *req, const struct route *route)
{
	uint64_t current = store_revision(server->store);
	struct list_options options;
	struct view view;
	struct watcher *w;
	json_t *status;

	if (!reply_view(req, route->kind, REPLY_ONE | ACCEPT_NO_YAML, &view))
		return;
	status = list_options_parse(req, route->kind, true, &options);
	if (!status && options.has_version && options.version > current)
		status = list_options_too_large(options.version, current);
	if (status) {
		list_options_done(&options);
		reply_status(req, status);
		return;
	}
	w = watcher_new(server, req, route, &options);
	w->view = view;
	run(w);
}
