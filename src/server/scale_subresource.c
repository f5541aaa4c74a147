/* SPDX-License-Identifier: Apache-2.0 */
#include "server/scale_subresource.h"

#include "kube/json.h"
#include "kube/patch.h"
#include "kube/scale.h"
#include "kube/status.h"
#include "server/body.h"
#include "server/mutate.h"
#include "server/object.h"
#include "server/reply.h"
#include "server/request_options.h"

static void get(struct server *server, struct http_request *req, const struct route *route)
{
	const struct store_object *object = store_get(server->store, route->kind, route->ns,
	                                              route->name);
	auto_json json_t *tree = object ? store_object_json(object) : NULL;

	if (tree)
		reply_json(req, 200, scale_of(tree));
	else
		reply_status(req, status_not_found(route->kind, route->name));
}

/* Checks the new Scale and gives its number to 'object'. */
static json_t *take_over(const struct mutation *m, json_t *object, json_t *scale)
{
	struct field_errors errs = { 0 };
	struct err err = { 0 };
	json_t *status = object_check_kind(scale, &kind_scale);

	if (!status && kind_check_types(&kind_scale, scale, &err) < 0)
		status = status_new(400, "BadRequest", "%s", err.msg);
	if (!status)
		status = object_check_namespace(scale, &kind_scale, m->ns);
	if (!status)
		status = object_check_name(scale, m->name);
	if (status)
		return status;
	scale_validate(scale, &errs);
	if (errs.n)
		status = status_invalid(&kind_scale, m->name, &errs);
	else
		scale_apply(object, scale);
	field_errors_done(&errs);
	return status;
}

static json_t *apply_update(struct mutation *m, json_t *object)
{
	return take_over(m, object, m->input);
}

static json_t *patched(struct mutation *m, json_t *object, int r, json_t *scale,
                       const struct err *err)
{
	json_t *status;

	if (r < 0)
		return mutation_patch_refused(r, err);
	status = json_is_object(scale)
	                 ? take_over(m, object, scale)
	                 : status_new(400, "BadRequest", "the patched scale is not an object");
	json_decref(scale);
	return status;
}

static json_t *apply_patch_json(struct mutation *m, json_t *object)
{
	auto_json json_t *old = scale_of(object);
	struct err err = { 0 };
	json_t *scale = NULL;
	int r = patch_json(old, m->input, &scale, &err);

	return patched(m, object, r, scale, &err);
}

static json_t *apply_patch_merge(struct mutation *m, json_t *object)
{
	auto_json json_t *old = scale_of(object);
	struct err err = { 0 };
	json_t *scale = NULL;
	int r = patch_merge(old, m->input, &scale, &err);

	return patched(m, object, r, scale, &err);
}

static json_t *apply_patch_strategic(struct mutation *m, json_t *object)
{
	auto_json json_t *old = scale_of(object);
	struct err err = { 0 };
	json_t *scale = NULL;
	int r = patch_strategic(old, m->input, kind_scale.merge_keys, &scale, &err);

	return patched(m, object, r, scale, &err);
}

static void on_done(struct mutation *m, const struct store_object *object)
{
	auto_json json_t *tree = m->refusal   ? NULL
	                         : m->preview ? json_incref(m->preview)
	                                      : store_object_json(object);

	if (m->refusal)
		reply_status(m->arg, json_incref(m->refusal));
	else
		reply_json(m->arg, 200, scale_of(tree));
}

/* Reads what is to be applied and by whom; NULL or the refusal. */
static json_t *read_change(struct http_request *req, const struct route *route, json_t **ret_input,
                           json_t **ret_unreadable,
                           json_t *(**ret_apply)(struct mutation *m, json_t *object))
{
	enum patch_type type;
	json_t *status;

	if (route->verb == VERB_UPDATE) {
		*ret_apply = apply_update;
		return body_object(req, &kind_scale, ret_input);
	}
	status = body_patch(req, &type, ret_input, ret_unreadable);
	if (!status)
		*ret_apply = type == PATCH_JSON    ? apply_patch_json
		             : type == PATCH_MERGE ? apply_patch_merge
		                                   : apply_patch_strategic;
	return status;
}

static void change(struct server *server, struct http_request *req, const struct route *route)
{
	json_t *(*apply)(struct mutation * m, json_t * object) = NULL;
	json_t *input = NULL, *unreadable = NULL;
	json_t *status = read_change(req, route, &input, &unreadable, &apply);
	struct mutation *m;
	bool dry_run = false;

	if (!status)
		status = request_options_read(req, UPDATE_OPTIONS, &dry_run);
	if (status) {
		json_decref(input);
		json_decref(unreadable);
		reply_status(req, status);
		return;
	}
	m = mutation_new(server, route->kind, route->ns, route->name, MUTATE_APPLY, input);
	m->unreadable = unreadable;
	m->apply = apply;
	m->dry_run = dry_run;
	m->done = on_done;
	m->arg = req;
	mutation_start(m);
}

void scale_subresource(struct server *server, struct http_request *req, const struct route *route)
{
	if (route->verb == VERB_GET)
		get(server, req, route);
	else
		change(server, req, route);
}
