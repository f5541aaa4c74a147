/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pod_subresources.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/body.h"
#include "server/deletion.h"
#include "server/mutate.h"
#include "server/object.h"
#include "server/reply.h"
#include "server/request_options.h"
#include "server/virtual_kinds.h"

static void reply_success(struct http_request *req)
{
	reply_json(req, 201,
	           json_pack("{s:s,s:s,s:{},s:s,s:i}", "kind", "Status", "apiVersion", "v1",
	                     "metadata", "status", "Success", "code", 201));
}

/* The body, which is about the Pod of the URL; NULL after answering. */
static json_t *read_body(struct http_request *req, const struct route *route,
                         const struct kind *kind, const char *mismatch, bool *ret_dry_run)
{
	json_t *body = NULL, *status = body_virtual(req, kind, &body);
	const char *name = json_path_str(body, "metadata.name");

	if (!status)
		status = request_options_read(req, CREATE_OPTIONS, ret_dry_run);
	if (!status)
		status = object_check_namespace(body, kind, route->ns);
	if (!status && name[0] && strcmp(name, route->name) != 0)
		status = status_new(400, "BadRequest", "%s", mismatch);
	if (!status)
		return body;
	json_decref(body);
	reply_status(req, status);
	return NULL;
}

static json_t *binding_conflict(const char *name, json_t *why)
{
	json_t *status = status_new(409, "Conflict",
	                            "Operation cannot be fulfilled on pods/binding \"%s\": %s",
	                            name, json_string_value(why));

	json_object_set_new(status, "details",
	                    json_pack("{s:s,s:s}", "name", name, "kind", "pods/binding"));
	json_decref(why);
	return status;
}

static json_t *validate_binding(const json_t *binding)
{
	static const char *const supported[] = { "Node", "<empty>", NULL };
	const char *kind = json_path_str(binding, "target.kind");
	struct field_errors errs = { 0 };
	auto_free char *text = NULL;
	json_t *status = NULL;

	if (kind[0] && strcmp(kind, "Node") != 0)
		field_unsupported(&errs, "target.kind", kind, supported);
	if (!json_path_str(binding, "target.name")[0])
		field_required(&errs, "target.name", "");
	/* Kubernetes passes the errors on as they are, without the 422 of other objects. */
	text = field_errors_text(&errs);
	if (errs.n)
		status = status_new(500, "", "%s", text);
	field_errors_done(&errs);
	return status;
}

/* status.conditions[type=PodScheduled] becomes True. */
static void set_scheduled(json_t *pod)
{
	json_t *conditions = json_path(pod, "status.conditions"), *condition;
	char now[CLOCK_TEXT_SIZE];
	size_t i;

	clock_format(clock_wall(), now);
	if (!json_is_array(conditions)) {
		conditions = json_array();
		json_path_set(pod, "status.conditions", conditions);
	}
	json_array_foreach(conditions, i, condition) {
		if (strcmp(json_path_str(condition, "type"), "PodScheduled") == 0) {
			json_array_remove(conditions, i);
			break;
		}
	}
	json_array_append_new(conditions,
	                      json_pack("{s:s,s:s,s:n,s:s}", "type", "PodScheduled", "status",
	                                "True", "lastProbeTime", "lastTransitionTime", now));
}

/* What pkg/registry/core/pod/storage assigns: the node, labels and annotations, the condition. */
static json_t *apply_binding(struct mutation *m, json_t *pod)
{
	const char *node = json_path_str(pod, "spec.nodeName"), *key;
	json_t *annotations = json_path(m->input, "metadata.annotations"), *value;

	if (object_deleting(pod))
		return binding_conflict(m->name, json_sprintf("pod %s is being deleted, cannot be "
		                                              "assigned to a host",
		                                              m->name));
	if (node[0])
		return binding_conflict(m->name,
		                        json_sprintf("pod %s is already assigned to node \"%s\"",
		                                     m->name, node));
	json_path_set(pod, "spec.nodeName", json_incref(json_path(m->input, "target.name")));
	if (!json_is_object(json_path(pod, "metadata.annotations")) &&
	    json_object_size(annotations))
		json_path_set(pod, "metadata.annotations", json_object());
	json_object_foreach(annotations, key, value)
		json_object_set(json_path(pod, "metadata.annotations"), key, value);
	set_scheduled(pod);
	m->own = true;
	return NULL;
}

static void on_bound(struct mutation *m, const struct store_object *object)
{
	(void)object;
	if (m->refusal)
		reply_status(m->arg, json_incref(m->refusal));
	else
		reply_success(m->arg);
}

void pod_binding(struct server *server, struct http_request *req, const struct route *route)
{
	bool dry_run = false;
	json_t *binding = read_body(req, route, &kind_binding,
	                            "name in URL does not match name in Binding object", &dry_run);
	struct mutation *m;
	json_t *status;

	if (!binding)
		return;
	status = validate_binding(binding);
	if (status) {
		json_decref(binding);
		reply_status(req, status);
		return;
	}
	m = mutation_new(server, route->kind, route->ns, route->name, MUTATE_APPLY, binding);
	m->apply = apply_binding;
	m->dry_run = dry_run;
	m->done = on_bound;
	m->arg = req;
	mutation_start(m);
}

static void on_evicted(struct deletion *d, const struct store_object *object)
{
	(void)object;
	if (d->refusal)
		reply_status(d->arg, json_incref(d->refusal));
	else
		reply_success(d->arg);
}

void pod_eviction(struct server *server, struct http_request *req, const struct route *route)
{
	bool dry_run = false;
	json_t *eviction = read_body(req, route, &kind_eviction,
	                             "name in URL does not match name in Eviction object",
	                             &dry_run);
	struct deletion *d;

	if (!eviction)
		return;
	d = deletion_new(server, route->kind, route->ns, route->name);
	d->options = json_incref(json_path(eviction, "deleteOptions"));
	d->dry_run = dry_run || json_array_size(json_path(d->options, "dryRun"));
	d->done = on_evicted;
	d->arg = req;
	deletion_start(d);
	json_decref(eviction);
}
