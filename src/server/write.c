/* SPDX-License-Identifier: Apache-2.0 */
#include "server/write.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/authz.h"
#include "server/body.h"
#include "server/deletion.h"
#include "server/list_options.h"
#include "server/mutate.h"
#include "server/object.h"
#include "server/reply.h"
#include "server/request_options.h"

/* A request whose answer comes from the store. */
struct waiting {
	struct http_request *req;
	struct view view;
};

static struct waiting *waiting_new(struct http_request *req, const struct view *view)
{
	struct waiting *waiting = xnew(struct waiting);

	*waiting = (struct waiting){ req, *view };
	return waiting;
}

static void on_mutated(struct mutation *m, const struct store_object *object)
{
	auto_free struct waiting *waiting = m->arg;
	int code = m->created ? 201 : 200;

	reply_warnings(waiting->req, m->warnings);
	if (m->refusal) {
		reply_status(waiting->req, json_incref(m->refusal));
		return;
	}
	if (m->preview)
		reply_tree(waiting->req, code, &waiting->view,
		           view_from_stored(m->kind, json_incref(m->preview)));
	else
		reply_object(waiting->req, code, &waiting->view, object);
}

static enum write_options options_of(enum mutate_op op)
{
	return op == MUTATE_CREATE   ? CREATE_OPTIONS
	       : op == MUTATE_UPDATE ? UPDATE_OPTIONS
	                             : PATCH_OPTIONS;
}

/* Takes 'input' and 'unreadable' over. */
static void mutate(struct server *server, struct http_request *req, const struct route *route,
                   enum mutate_op op, const struct view *view, json_t *input, json_t *unreadable)
{
	const char *validation = http_query(req, "fieldValidation");
	struct mutation *m;
	bool dry_run = false;
	json_t *status = request_options_read(req, options_of(op), &dry_run);

	if (status) {
		json_decref(input);
		json_decref(unreadable);
		reply_status(req, status);
		return;
	}
	m = mutation_new(server, route->kind, route->ns, route->name, op, input);
	m->unreadable = unreadable;
	m->status = route->status;
	m->dry_run = dry_run;
	m->strict = validation && strcmp(validation, "Strict") == 0;
	m->warn_unknown = !validation || !validation[0] || strcmp(validation, "Warn") == 0;
	if (m->strict || m->warn_unknown)
		m->duplicates = body_duplicates(req);
	m->done = on_mutated;
	m->arg = waiting_new(req, view);
	mutation_start(m);
}

static void write_object(struct server *server, struct http_request *req, const struct route *route,
                         enum mutate_op op)
{
	struct view view;
	json_t *object, *status;

	if (!reply_view(req, route->kind, REPLY_ONE, &view))
		return;
	status = body_object(req, route->kind, &object);
	if (!status && op == MUTATE_CREATE) {
		status = authz_check_new(route->who, route->kind, object);
		if (status)
			json_decref(object);
	}
	if (status)
		reply_status(req, status);
	else
		mutate(server, req, route, op, &view, object, NULL);
}

void write_create(struct server *server, struct http_request *req, const struct route *route)
{
	write_object(server, req, route, MUTATE_CREATE);
}

void write_update(struct server *server, struct http_request *req, const struct route *route)
{
	write_object(server, req, route, MUTATE_UPDATE);
}

void write_patch(struct server *server, struct http_request *req, const struct route *route)
{
	static const enum mutate_op ops[] = {
		[PATCH_JSON] = MUTATE_PATCH_JSON,
		[PATCH_MERGE] = MUTATE_PATCH_MERGE,
		[PATCH_STRATEGIC] = MUTATE_PATCH_STRATEGIC,
	};
	json_t *patch, *unreadable, *status;
	struct view view;
	enum patch_type type;

	if (!reply_view(req, route->kind, REPLY_ONE, &view))
		return;
	status = body_patch(req, &type, &patch, &unreadable);
	if (status)
		reply_status(req, status);
	else
		mutate(server, req, route, ops[type], &view, patch, unreadable);
}

static json_t *apply_finalizers(struct mutation *m, json_t *object)
{
	json_t *finalizers = json_path(m->input, "spec.finalizers");
	json_t *status = object_check_version(m->input, m->kind, object);
	struct field_errors errs = { 0 };

	if (status)
		return status;
	kind_validate_finalizers(finalizers, "spec.finalizers", &errs);
	if (errs.n)
		status = status_invalid(m->kind, m->name, &errs);
	field_errors_done(&errs);
	if (status)
		return status;
	if (json_array_size(finalizers))
		json_path_set(object, "spec.finalizers", json_incref(finalizers));
	else
		json_path_del(object, "spec.finalizers");
	m->own = true;
	return NULL;
}

void write_finalize(struct server *server, struct http_request *req, const struct route *route)
{
	struct view view;
	json_t *object = NULL, *status;
	struct mutation *m;

	if (!reply_view(req, route->kind, REPLY_ONE, &view))
		return;
	status = body_virtual(req, route->kind, &object);
	if (!status)
		status = object_check_name(object, route->name);
	if (status) {
		json_decref(object);
		reply_status(req, status);
		return;
	}
	m = mutation_new(server, route->kind, route->ns, route->name, MUTATE_APPLY, object);
	m->apply = apply_finalizers;
	m->done = on_mutated;
	m->arg = waiting_new(req, &view);
	mutation_start(m);
}

/* {"kind":"Status","status":"Success","details":{name, group, kind, uid}} */
static json_t *deleted_status(const struct kind *kind, const struct store_object *object)
{
	auto_json json_t *tree = store_object_json(object);
	json_t *status = json_pack("{s:s,s:s,s:{},s:s,s:{s:s,s:s,s:s}}", "kind", "Status",
	                           "apiVersion", "v1", "metadata", "status", "Success", "details",
	                           "name", object->name, "kind", kind->plural, "uid",
	                           json_path_str(tree, "metadata.uid"));

	if (kind->group[0])
		json_path_set(status, "details.group", json_string(kind->group));
	return status;
}

static void on_deleted(struct deletion *d, const struct store_object *object)
{
	auto_free struct waiting *waiting = d->arg;

	if (d->refusal)
		reply_status(waiting->req, json_incref(d->refusal));
	else if (!d->removed || d->kind->delete_returns_object)
		reply_object(waiting->req, 200, &waiting->view, object);
	else
		reply_json(waiting->req, 200, deleted_status(d->kind, object));
}

/* The DeleteOptions of the body, else of the query; answers and returns false if they are refused. */
static bool read_options(struct http_request *req, json_t **ret_options, bool *ret_dry_run)
{
	json_t *options = NULL, *status = NULL;
	size_t size;

	*ret_dry_run = false;
	(void)http_body(req, &size);
	if (size == 0)
		status = request_options_read(req, DELETE_OPTIONS, ret_dry_run);
	if (!status)
		status = body_delete_options(req, &options);
	if (status) {
		reply_status(req, status);
		return false;
	}
	if (json_array_size(json_path(options, "dryRun")))
		*ret_dry_run = true;
	*ret_options = options;
	return true;
}

void write_delete(struct server *server, struct http_request *req, const struct route *route)
{
	struct view view;
	struct deletion *d;
	json_t *options;
	bool dry_run;

	if (!reply_view(req, route->kind, REPLY_ONE, &view) ||
	    !read_options(req, &options, &dry_run))
		return;
	d = deletion_new(server, route->kind, route->ns, route->name);
	d->options = options;
	d->dry_run = dry_run;
	d->done = on_deleted;
	d->arg = waiting_new(req, &view);
	deletion_start(d);
}

/* A deletecollection under way. */
struct collection {
	struct http_request *req;
	struct view view;
	json_t *items;   /* owned: what is deleted */
	json_t *refusal; /* owned: the first failure, if any */
	size_t pending;  /* deletions under way, and one while they are begun */
	uint64_t revision;
};

static void collection_one_done(struct collection *c)
{
	const struct view_page page = { .revision = c->revision, .remaining = -1 };

	if (--c->pending)
		return;
	if (c->refusal) {
		reply_status(c->req, c->refusal);
		json_decref(c->items);
	} else {
		reply_viewed(c->req, 200, &c->view, view_list(&c->view, &page, c->items));
	}
	free(c);
}

static void on_member_deleted(struct deletion *d, const struct store_object *object)
{
	struct collection *c = d->arg;

	if (object)
		json_array_append_new(c->items, view_tree(d->kind, object));
	else if (status_code(d->refusal) != 404 && !c->refusal)
		c->refusal = json_incref(d->refusal);
	collection_one_done(c);
}

static void delete_members(struct server *server, struct collection *c, const char *ns,
                           const struct list_options *selection, json_t *options, bool dry_run)
{
	auto_free const struct store_object **objects = NULL;
	size_t n = store_list(server->store, kind_stored(c->view.kind), ns, NULL, &objects);

	for (size_t i = 0; i < n; i++)
		(void)store_object_ref(objects[i]);
	for (size_t i = 0; i < n; i++) {
		auto_json json_t *tree = NULL;

		if (list_options_match(selection, objects[i], &tree)) {
			struct deletion *d = deletion_new(server, c->view.kind,
			                                  objects[i]->namespace, objects[i]->name);

			d->options = json_incref(options);
			d->dry_run = dry_run;
			d->done = on_member_deleted;
			d->arg = c;
			c->pending++;
			deletion_start(d);
		}
		store_object_unref(objects[i]);
	}
}

void write_delete_collection(struct server *server, struct http_request *req,
                             const struct route *route)
{
	struct list_options selection;
	struct collection *c;
	struct view view;
	json_t *options, *status;
	bool dry_run;

	if (!reply_view(req, route->kind, REPLY_LIST, &view) ||
	    !read_options(req, &options, &dry_run))
		return;
	status = list_options_parse(req, route->kind, false, &selection);
	if (status) {
		reply_status(req, status);
	} else {
		c = xnew(struct collection);
		*c = (struct collection){ .req = req,
			                  .view = view,
			                  .items = json_array(),
			                  .pending = 1,
			                  .revision = store_revision(server->store) };
		delete_members(server, c, route->ns, &selection, options, dry_run);
		collection_one_done(c);
	}
	list_options_done(&selection);
	json_decref(options);
}
