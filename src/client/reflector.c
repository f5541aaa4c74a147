/* SPDX-License-Identifier: Apache-2.0 */
#include "client/reflector.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "client/known_set.h"
#include "kube/decode.h"
#include "kube/json.h"

#define PAGE_ITEMS        500
#define VERSION_SIZE      64                   /* of a resourceVersion, with the NUL */
#define LINE_MAX_BYTES    ((size_t)16 << 20)   /* of one watch event */
#define REFUSAL_MAX_BYTES ((size_t)64 << 10)   /* of the Status that refuses a watch */
#define WATCH_SECONDS_MIN 300                  /* client-go's spread, so that not all end at once */
#define WATCH_IDLE        (150 * NSEC_PER_SEC) /* two bookmarks missed */
#define WATCH_SHORT       NSEC_PER_SEC         /* a watch that ends sooner, and empty, has failed */
#define RETRY_MIN         NSEC_PER_SEC
#define RETRY_MAX         (30 * NSEC_PER_SEC)

struct reflector {
	struct client *client;
	char *path, *query; /* 'query' with a leading "&", or "" */
	const struct reflector_handler *handler;
	void *arg;

	struct timer *timer;  /* runs proceed() */
	struct timer *settle; /* runs settled() after all that one read brought */
	unsigned int failures;
	bool synced;
	bool relisting; /* since the last event: a second 410 in a row is a failure */
	struct known_set known;

	/* the list under way */
	struct client_call *list;
	char *continue_token; /* NULL: the first page */

	/* the watch under way */
	struct http_exchange *watch;
	char version[VERSION_SIZE]; /* seen last; "": list first */
	struct buf line;            /* the part of an event that has come so far, or of a refusal */
	int status;
	int64_t started;
	bool useful; /* it has brought something */
	bool broken; /* what still comes is ignored; the timer ends it */
};

static int64_t retry_delay(unsigned int failures)
{
	int64_t delay = RETRY_MIN;

	if (failures == 0)
		return 0;
	while (--failures > 0 && delay < RETRY_MAX)
		delay *= 2;
	if (delay > RETRY_MAX)
		delay = RETRY_MAX;
	/* a server that comes back is not to meet all its clients in the same moment */
	return delay / 2 + (int64_t)rand_below((uint32_t)(delay / NSEC_PER_MSEC)) * NSEC_PER_MSEC;
}

static void retry(struct reflector *reflector, const struct err *err)
{
	int64_t delay = retry_delay(reflector->failures++);

	if (delay > 0 && reflector->handler->trouble)
		reflector->handler->trouble(reflector->arg, err, delay);
	timer_once(reflector->timer, delay);
}

static void relist(struct reflector *reflector)
{
	reflector->version[0] = '\0';
	free(take_ptr(&reflector->continue_token));
}

/* What we missed is forgotten: only a new list helps, and it can be had at once. */
static bool relist_at_once(struct reflector *reflector)
{
	bool first = !reflector->relisting;

	relist(reflector);
	reflector->relisting = true;
	if (first)
		timer_once(reflector->timer, 0);
	return first;
}

static int set_version(struct reflector *reflector, const char *version)
{
	size_t n = strlen(version);

	if (n == 0 || n >= VERSION_SIZE)
		return -EBADMSG;
	memcpy(reflector->version, version, n + 1);
	return 0;
}

static void upsert(struct reflector *reflector, const json_t *object)
{
	if (known_set_see(&reflector->known, json_path_str(object, "metadata.namespace"),
	                  json_path_str(object, "metadata.name"),
	                  json_path_str(object, "metadata.resourceVersion")))
		reflector->handler->upsert(reflector->arg, object);
}

static void settled(void *arg)
{
	struct reflector *reflector = arg;

	if (reflector->handler->settled)
		reflector->handler->settled(reflector->arg);
}

/* ---- list ---- */

/* Items of a list have no kind of their own: "ServiceList" says that they are Services. */
static void set_type(json_t *item, const char *list_kind, json_t *api_version)
{
	size_t n = strlen(list_kind);

	if (!json_object_get(item, "kind") && n > 4 && strcmp(list_kind + n - 4, "List") == 0)
		(void)json_object_set_new(item, "kind", json_stringn(list_kind, n - 4));
	if (!json_object_get(item, "apiVersion") && json_is_string(api_version))
		(void)json_object_set(item, "apiVersion", api_version);
}

static void gone(void *arg, const char *ns, const char *name)
{
	struct reflector *reflector = arg;

	reflector->handler->remove(reflector->arg, ns, name);
}

static void list_finished(struct reflector *reflector)
{
	known_set_sweep(&reflector->known, gone, reflector);
	if (!reflector->synced) {
		reflector->synced = true;
		if (reflector->handler->synced)
			reflector->handler->synced(reflector->arg);
	}
}

/* Hands one page over.  -EBADMSG: it is not a list. */
static int take_page(struct reflector *reflector, json_t *page, struct err *err)
{
	const char *kind = json_path_str(page, "kind");
	const char *token = json_path_str(page, "metadata.continue");
	json_t *item, *items = json_path(page, "items");
	size_t i;

	/* Go writes an empty list as null now and then */
	if (!json_is_object(page) || (items && !json_is_array(items)))
		return err_set(err, -EBADMSG, "the answer is not a list");
	if (!*token && set_version(reflector, json_path_str(page, "metadata.resourceVersion")) < 0)
		return err_set(err, -EBADMSG, "the list has no usable resourceVersion");
	json_array_foreach(items, i, item) {
		if (!json_is_object(item))
			continue;
		set_type(item, kind, json_object_get(page, "apiVersion"));
		upsert(reflector, item);
	}
	free(reflector->continue_token);
	reflector->continue_token = *token ? xstrdup(token) : NULL;
	if (!reflector->continue_token)
		list_finished(reflector);
	settled(reflector);
	return 0;
}

static void proceed(void *arg);

static void listed(void *arg, int status, json_t *answer, const struct err *answer_err)
{
	struct reflector *reflector = arg;
	bool had_token = reflector->continue_token;
	struct err err = *answer_err;
	int r = err.code;

	reflector->list = NULL;
	if (had_token && status >= 400 && status < 500 && status != 429) {
		/* 410: the pages took longer than the server's history; else it is not its token */
		relist(reflector);
	} else if (r == 0) {
		r = take_page(reflector, answer, &err);
		if (r == 0) {
			proceed(reflector);
			return;
		}
	}
	(void)err_wrap(&err, r, "list %s", reflector->path);
	retry(reflector, &err);
}

static void start_list(struct reflector *reflector)
{
	auto_free char *token = reflector->continue_token ? http_escape(reflector->continue_token)
	                                                  : NULL;
	auto_free char *path = xasprintf("%s?limit=%d%s%s%s", reflector->path, PAGE_ITEMS,
	                                 token ? "&continue=" : "", token ? token : "",
	                                 reflector->query);

	if (!token)
		known_set_begin(&reflector->known);
	reflector->list = client_request(
		reflector->client,
		&(struct client_request){
			.method = "GET", .path = path, .done = listed, .arg = reflector });
}

/* ---- watch ---- */

static int take_error(const json_t *status, struct err *err)
{
	(void)client_status_err((int)json_path_int(status, "code", 500), status, err);
	return err->code < 0 ? err->code : err_set(err, -EIO, "an ERROR event without a reason");
}

static int take_event(struct reflector *reflector, const char *text, size_t size, struct err *err)
{
	auto_json json_t *event = NULL;
	const json_t *object;
	const char *type, *ns, *name;
	int r;

	r = decode_json(text, size, &event, err);
	if (r < 0)
		return r;
	type = json_path_str(event, "type");
	object = json_path(event, "object");
	if (strcmp(type, "ERROR") == 0)
		return take_error(object, err);
	if (set_version(reflector, json_path_str(object, "metadata.resourceVersion")) < 0)
		return err_set(err, -EBADMSG, "an event of type \"%.32s\" without resourceVersion",
		               type);
	reflector->useful = true;
	reflector->relisting = false;
	reflector->failures = 0;
	ns = json_path_str(object, "metadata.namespace");
	name = json_path_str(object, "metadata.name");
	if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0)
		upsert(reflector, object);
	else if (strcmp(type, "DELETED") == 0 && known_set_forget(&reflector->known, ns, name))
		gone(reflector, ns, name);
	return 0;
}

/* The exchange cannot be cancelled from within its own callback: the timer does it. */
static void break_off(struct reflector *reflector, const struct err *why)
{
	struct err err = *why;

	reflector->broken = true;
	if (err.code == -ESTALE && relist_at_once(reflector))
		return;
	(void)err_wrap(&err, err.code, "watch %s", reflector->path);
	retry(reflector, &err);
}

/* Takes the whole events out of what came; the rest of the last one waits in 'line'. */
static int take_lines(struct reflector *reflector, const char *data, size_t size, struct err *err)
{
	struct buf *line = &reflector->line;
	const char *end;
	int r;

	for (; (end = memchr(data, '\n', size)); size -= (size_t)(end + 1 - data), data = end + 1) {
		size_t n = (size_t)(end - data);

		if (n > LINE_MAX_BYTES - line->n)
			break;
		if (line->n == 0) {
			r = n ? take_event(reflector, data, n, err) : 0;
		} else {
			buf_add(line, data, n);
			r = take_event(reflector, line->p, line->n, err);
			buf_reset(line);
		}
		if (r < 0)
			return r;
	}
	if (size > LINE_MAX_BYTES - line->n)
		return err_set(err, -EFBIG, "an event of more than %zu MiB", LINE_MAX_BYTES >> 20);
	buf_add(line, data, size);
	return 0;
}

static void watch_head(void *arg, int status, const char *content_type)
{
	struct reflector *reflector = arg;

	(void)content_type;
	reflector->status = status;
}

static void watch_data(void *arg, const void *data, size_t size)
{
	struct reflector *reflector = arg;
	struct err err = { 0 };

	if (reflector->broken)
		return;
	if (reflector->status != 200) {
		if (size <= REFUSAL_MAX_BYTES - reflector->line.n)
			buf_add(&reflector->line, data, size);
		return;
	}
	if (take_lines(reflector, data, size, &err) < 0)
		break_off(reflector, &err);
	/* one read brings many pieces of data: the timer runs when they are all through */
	if (!timer_pending(reflector->settle))
		timer_once(reflector->settle, 0);
}

static void take_refusal(struct reflector *reflector, struct err *err)
{
	auto_json json_t *answer = NULL;

	if (decode_json(buf_str(&reflector->line), reflector->line.n, &answer, NULL) < 0)
		answer = NULL;
	if (client_status_err(reflector->status, answer, err) == 0)
		(void)err_set(err, -EPROTO, "the server answered HTTP status %d",
		              reflector->status);
}

static void watch_done(void *arg, int r, const struct err *done_err)
{
	struct reflector *reflector = arg;
	bool lasted = clock_now() - reflector->started >= WATCH_SHORT;
	struct err err = { 0 };

	reflector->watch = NULL;
	/* break_off() has said why already, and the timer is set */
	if (reflector->broken)
		return;
	if (r < 0) {
		err = *done_err;
	} else if (reflector->status != 200) {
		take_refusal(reflector, &err);
		if (err.code == -ESTALE && relist_at_once(reflector))
			return;
	} else if (reflector->useful || lasted) {
		reflector->failures = 0;
		timer_once(reflector->timer, 0);
		return;
	} else {
		(void)err_set(&err, -ECONNRESET, "the server ended the watch at once");
	}
	(void)err_wrap(&err, err.code, "watch %s", reflector->path);
	retry(reflector, &err);
}

static void start_watch(struct reflector *reflector)
{
	unsigned int seconds = WATCH_SECONDS_MIN + rand_below(WATCH_SECONDS_MIN + 1);
	auto_free char *version = http_escape(reflector->version);
	auto_free char *path =
		xasprintf("%s%s?watch=true&allowWatchBookmarks=true&resourceVersion=%s"
	                  "&timeoutSeconds=%u%s",
	                  client_prefix(reflector->client), reflector->path, version, seconds,
	                  reflector->query);

	buf_reset(&reflector->line);
	reflector->status = 0;
	reflector->useful = reflector->broken = false;
	reflector->started = clock_now();
	reflector->watch = http_client_start(
		client_http(reflector->client),
		&(struct http_call){ .method = "GET",
	                             .path = path,
	                             .authorization = client_authorization(reflector->client),
	                             .idle_timeout_ns = WATCH_IDLE,
	                             .on_head = watch_head,
	                             .on_data = watch_data,
	                             .on_done = watch_done,
	                             .arg = reflector });
}

/* ---- both ---- */

static void proceed(void *arg)
{
	struct reflector *reflector = arg;

	if (reflector->watch)
		http_exchange_cancel(take_ptr(&reflector->watch));
	if (*reflector->version)
		start_watch(reflector);
	else
		start_list(reflector);
}

struct reflector *reflector_new(struct client *client, const char *path, const char *query,
                                const struct reflector_handler *handler, void *arg)
{
	struct reflector *reflector = xnew(struct reflector);

	reflector->client = client;
	reflector->path = xstrdup(path);
	reflector->query = query && *query ? xasprintf("&%s", query) : xstrdup("");
	reflector->handler = handler;
	reflector->arg = arg;
	reflector->known = KNOWN_SET_INIT;
	reflector->timer = timer_new(client_loop(client), proceed, reflector);
	reflector->settle = timer_new(client_loop(client), settled, reflector);
	proceed(reflector);
	return reflector;
}

void reflector_free(struct reflector *reflector)
{
	if (!reflector)
		return;
	if (reflector->list)
		client_cancel(reflector->list);
	if (reflector->watch)
		http_exchange_cancel(reflector->watch);
	timer_free(reflector->timer);
	timer_free(reflector->settle);
	known_set_done(&reflector->known);
	buf_done(&reflector->line);
	free(reflector->continue_token);
	free(reflector->path);
	free(reflector->query);
	free(reflector);
}

bool reflector_synced(const struct reflector *reflector)
{
	return reflector->synced;
}
