/* SPDX-License-Identifier: Apache-2.0 */
#include "server/read.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/list_options.h"
#include "server/reply.h"
#include "server/snapshot.h"

/* One page of a list. */
struct page {
	const struct kind *kind;
	const struct store_object **objects; /* owned; borrowed pointers */
	size_t n;
	uint64_t revision;
	char *token;         /* owned; NULL: the last page */
	size_t remaining;    /* objects behind this page */
	bool tell_remaining; /* only without selectors */
};

void read_get(struct server *server, struct http_request *req, const struct route *route)
{
	const struct store_object *object = store_get(server->store, kind_stored(route->kind),
	                                              route->ns, route->name);
	uint64_t version, current = store_revision(server->store);
	struct view view;
	json_t *status;

	if (!reply_view(req, route->kind, REPLY_ONE, &view))
		return;
	status = list_options_version(req, false, &version);
	if (!status && version > current)
		status = list_options_too_large(version, current);
	if (status)
		reply_status(req, status);
	else if (object)
		reply_object(req, 200, &view, object);
	else
		reply_status(req, status_not_found(route->kind, route->name));
}

/* Moves what is selected to the front of 'page->objects', up to the limit. */
static void select_objects(struct page *page, const struct list_options *options)
{
	size_t i, taken = 0;

	for (i = 0; i < page->n && !(options->limit && taken == options->limit); i++) {
		auto_json json_t *tree = NULL;

		if (list_options_match(options, page->objects[i], &tree))
			page->objects[taken++] = page->objects[i];
	}
	page->remaining = page->n - i;
	page->n = taken;
	if (page->remaining && taken)
		page->token = list_options_continue(page->revision, page->objects[taken - 1]);
	page->tell_remaining = page->token && !options->labels && !options->fields;
}

static void page_done(struct page *page)
{
	free(page->objects);
	free(page->token);
}

/* {"kind":"ServiceList",...,"items":[{"metadata":...},...]} from the texts as they are. */
static void reply_texts(struct http_request *req, const struct page *page)
{
	struct buf b = BUF_INIT;
	size_t size = 512;

	for (size_t i = 0; i < page->n; i++)
		size += page->objects[i]->size;
	buf_reserve(&b, size);
	buf_printf(&b,
	           "{\"kind\":\"%sList\",\"apiVersion\":\"%s\",\"metadata\":{"
	           "\"resourceVersion\":\"%llu\"",
	           page->kind->name, kind_api_version(page->kind),
	           (unsigned long long)page->revision);
	if (page->token) {
		buf_adds(&b, ",\"continue\":");
		buf_add_json_string(&b, page->token);
	}
	if (page->tell_remaining)
		buf_printf(&b, ",\"remainingItemCount\":%zu", page->remaining);
	buf_adds(&b, "},\"items\":[");
	for (size_t i = 0; i < page->n; i++) {
		const struct store_object *object = page->objects[i];

		buf_adds(&b, i ? ",{" : "{");
		buf_add(&b, object->text + object->body, object->size - object->body);
	}
	buf_adds(&b, "]}\n");

	struct http_piece piece = { b.p, b.n, free, b.p };

	http_reply_pieces(req, 200, TYPE_JSON, &piece, 1);
}

static void reply_trees(struct http_request *req, const struct view *view, const struct page *page)
{
	const struct view_page meta = {
		.revision = page->revision,
		.token = page->token,
		.remaining = page->tell_remaining ? (int64_t)page->remaining : -1,
	};
	json_t *items = json_array();

	for (size_t i = 0; i < page->n; i++)
		json_array_append_new(items, view_tree(page->kind, page->objects[i]));
	reply_viewed(req, 200, view, view_list(view, &meta, items));
}

/* Fills the page's objects and revision with all that is behind the key; NULL or the refusal. */
static json_t *find_objects(struct store *store, const struct route *route,
                            const struct list_options *options, struct page *page)
{
	uint64_t current = page->revision, wanted = current;
	int r;

	if (options->after && options->after_revision)
		wanted = options->after_revision;
	else if (options->has_version && options->version > current)
		return list_options_too_large(options->version, current);
	else if (options->exact)
		wanted = options->version;
	if (wanted == current) {
		page->n = store_list(store, kind_stored(route->kind), route->ns, options->after,
		                     &page->objects);
		return NULL;
	}
	r = snapshot_list(store, kind_stored(route->kind), route->ns, options->after, wanted,
	                  &page->objects, &page->n);
	if (r == -ERANGE)
		return list_options_too_large(wanted, current);
	page->revision = wanted;
	return r < 0 ? list_options_expired(options) : NULL;
}

void read_list(struct server *server, struct http_request *req, const struct route *route)
{
	struct page page = { .kind = route->kind, .revision = store_revision(server->store) };
	struct list_options options;
	struct view view;
	json_t *status;

	if (!reply_view(req, route->kind, REPLY_LIST, &view))
		return;
	status = list_options_parse(req, route->kind, false, &options);
	if (!status)
		status = find_objects(server->store, route, &options, &page);
	if (status) {
		list_options_done(&options);
		reply_status(req, status);
		return;
	}
	select_objects(&page, &options);
	if (reply_needs_tree(req, &view))
		reply_trees(req, &view, &page);
	else
		reply_texts(req, &page);
	page_done(&page);
	list_options_done(&options);
}
