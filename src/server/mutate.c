/* SPDX-License-Identifier: Apache-2.0 */
#include "server/mutate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/parse.h"
#include "kube/json.h"
#include "kube/patch.h"
#include "kube/status.h"
#include "server/namespaces.h"
#include "server/object.h"
#include "server/patch_refusal.h"
#include "server/view.h"

struct mutation *mutation_new(struct server *server, const struct kind *kind, const char *ns,
                              const char *name, enum mutate_op op, json_t *input)
{
	struct mutation *m = xnew(struct mutation);

	*m = (struct mutation){
		.server = server,
		.kind = kind,
		.ns = xstrdup(ns),
		.name = xstrdup(name),
		.op = op,
		.input = input,
		.warnings = json_array(),
	};
	return m;
}

static void mutation_free(struct mutation *m)
{
	json_decref(m->input);
	json_decref(m->unreadable);
	json_decref(m->refusal);
	json_decref(m->preview);
	json_decref(m->warnings);
	json_decref(m->duplicates);
	free(m->ns);
	free(m->name);
	free(m);
}

json_t *mutation_failure(const struct kind *kind, const char *name, int r)
{
	json_t *status;

	switch (-r) {
	case EAGAIN:
		status = status_for(429, "TooManyRequests", kind, name,
		                    "too many writes are under way, please try again");
		json_path_set(status, "details.retryAfterSeconds", json_integer(1));
		return status;
	case ESHUTDOWN:
		return status_for(503, "ServiceUnavailable", kind, name,
		                  "the server is shutting down");
	default:
		return status_for(500, "InternalError", kind, name,
		                  "Internal error occurred: the write could not be stored: %s",
		                  strerrordesc_np(-r));
	}
}

/* Keeps the reason; what the store takes for "refused". */
static int refuse(struct mutation *m, json_t *status)
{
	m->refusal = status;
	return -ECANCELED;
}

/* Unknown fields are about to go; the client may want to hear of them. */
static json_t *check_unknown(struct mutation *m, const json_t *object)
{
	auto_json json_t *texts = json_array();
	auto_buf struct buf b = BUF_INIT;
	json_t *text;
	size_t i;

	if (!m->strict && !m->warn_unknown)
		return NULL;
	kind_unknown_fields(m->kind, object, texts);
	json_array_extend(texts, m->duplicates);
	if (!m->strict) {
		json_array_extend(m->warnings, texts);
		return NULL;
	}
	json_array_foreach(texts, i, text)
		buf_printf(&b, "%s%s", i ? ", " : "", json_string_value(text));
	if (b.n == 0)
		return NULL;
	return status_new(400, "BadRequest",
	                  "%s in version \"%s\" cannot be handled as a %s: strict decoding "
	                  "error: %s",
	                  m->kind->name, m->kind->version, m->kind->name, buf_str(&b));
}

/* All that can be said of the new object without the one it replaces. */
static json_t *conform(struct mutation *m, json_t *object)
{
	json_t *status = object_check_kind(object, m->kind);
	struct err err = { 0 };

	if (status)
		return status;
	if (kind_check_types(m->kind, object, &err) < 0)
		return status_new(400, "BadRequest", "%s", err.msg);
	status = check_unknown(m, object);
	if (status)
		return status;
	kind_normalise(m->kind, object);
	status = object_check_namespace(object, m->kind, m->ns);
	if (!status && m->op != MUTATE_CREATE)
		status = object_check_name(object, m->name);
	if (!status && m->kind->to_stored)
		m->kind->to_stored(object);
	return status;
}

json_t *mutation_patch_refused(int r, const struct err *err)
{
	json_t *status;

	switch (-r) {
	case EINVAL:
		return status_new(400, "BadRequest", "%s", err->msg);
	case EFBIG:
		return status_new(413, "RequestEntityTooLarge", "Request entity too large: %s",
		                  err->msg);
	case EPROTO:
		return status_new(500, "", "%s", err->msg);
	default:
		status = status_new(
			422, "Invalid",
			"the server rejected our request due to an error in our request");
		json_path_set(status, "details", json_object());
		return status;
	}
}

/* What a patch is applied to; a new reference. */
static json_t *seen_by_clients(const struct kind *kind, const json_t *stored)
{
	if (!stored || !kind->stored_as)
		return json_incref((json_t *)stored);
	return view_from_stored(kind, json_deep_copy(stored));
}

/* What conform() says of a patched object: that it cannot be decoded is the patch's fault. */
static json_t *blame_patch(const struct mutation *m, const json_t *object, json_t *status)
{
	static const char words[] = " cannot be handled as a ";
	const char *why = strstr(json_path_str(status, "message"), words);
	json_t *refusal;

	why = why ? strstr(why, ": ") : NULL;
	if (!why)
		return status;
	refusal = m->op == MUTATE_PATCH_STRATEGIC ? patch_refusal_of_map(m->input, why + 2)
	                                          : patch_refusal_of_result(object, why + 2);
	json_decref(status);
	return refusal;
}

/* That a merge or JSON patch left anything that could be an object; NULL, or the refusal. */
static json_t *check_left(const json_t *object)
{
	auto_free char *why = NULL;
	struct err err = { 0 };
	int r = kind_check_type_meta(object, &err);

	if (r == 0)
		return NULL;
	why = xasprintf(
		"%s%s",
		r == -ENOTSUP ? "" : "couldn't get version/kind; json parse error: ", err.msg);
	return patch_refusal_of_result(object, why);
}

static json_t *check_restored(const struct mutation *m, const json_t *object)
{
	struct err err = { 0 };

	if (kind_check_restored(m->kind, object, &err) < 0)
		return patch_refusal_of_map(m->input, err.msg);
	return NULL;
}

static int apply_patch(const struct mutation *m, const json_t *old, json_t **ret, struct err *err)
{
	if (m->op == MUTATE_PATCH_JSON)
		return patch_json(old, m->input, ret, err);
	if (m->op == MUTATE_PATCH_MERGE)
		return patch_merge(old, m->input, ret, err);
	return patch_strategic(old, m->input, m->kind->merge_keys, ret, err);
}

static json_t *build_patched(struct mutation *m, const json_t *old, json_t **ret)
{
	auto_json json_t *object = NULL;
	struct err err = { 0 };
	json_t *status;
	int r;

	if (m->unreadable)
		return json_incref(m->unreadable);
	r = apply_patch(m, old, &object, &err);
	if (r < 0)
		return mutation_patch_refused(r, &err);
	status = m->op == MUTATE_PATCH_STRATEGIC ? check_restored(m, object) : check_left(object);
	if (status)
		return status;
	status = conform(m, object);
	if (status)
		return blame_patch(m, object, status);
	*ret = take_ptr(&object);
	return NULL;
}

static json_t *build_applied(struct mutation *m, const json_t *old, json_t **ret)
{
	auto_json json_t *object = NULL;
	json_t *status;

	if (m->unreadable)
		return json_incref(m->unreadable);
	object = json_deep_copy(old);
	status = m->apply(m, object);
	if (!status)
		*ret = take_ptr(&object);
	return status;
}

/* The new object before any hook: the input itself, or the old one with the patch applied. */
static json_t *build(struct mutation *m, const json_t *stored, json_t **ret)
{
	auto_json json_t *old = NULL;

	if (m->op == MUTATE_CREATE || m->op == MUTATE_UPDATE) {
		*ret = json_incref(m->input);
		return NULL;
	}
	old = seen_by_clients(m->kind, stored);
	return m->op == MUTATE_APPLY ? build_applied(m, old, ret) : build_patched(m, old, ret);
}

static enum kind_write write_of(const struct mutation *m, const json_t *old)
{
	if (m->status)
		return KIND_UPDATE_STATUS;
	return old && m->op != MUTATE_CREATE ? KIND_UPDATE : KIND_CREATE;
}

static json_t *validate(struct mutation *m, const json_t *object, const json_t *old,
                        enum kind_write write)
{
	struct field_errors errs = { 0 };
	json_t *status = NULL;

	if (m->kind->validate && !m->own)
		m->kind->validate(object, old, write, &errs);
	if (errs.n)
		status = status_invalid(kind_stored(m->kind),
		                        json_path_str(object, "metadata.name"), &errs);
	field_errors_done(&errs);
	return status;
}

/* The hooks, in the order of kube/kind.h. */
static json_t *run_hooks(struct mutation *m, json_t *object, const json_t *old)
{
	enum kind_write write = write_of(m, old);
	json_t *status;

	if (m->kind->prepare && m->op != MUTATE_APPLY)
		m->kind->prepare(object, old, write);
	json_path_del(object, "metadata.managedFields");
	if (write == KIND_CREATE)
		object_stamp_new(object, m->kind);
	if (m->kind->set_defaults)
		m->kind->set_defaults(object);
	m->claim.dry_run = m->dry_run;
	status = admit_object(m->server->admission, m->kind, object, old, write, &m->claim);
	if (!status)
		status = validate(m, object, old, write);
	if (status)
		return status;
	/* A Pod's binding is none of its own changes. */
	if (old && !(m->own && m->kind == &kind_pod))
		object_count_generation(object, m->kind, old);
	if (m->kind->warn)
		m->kind->warn(object, old, m->warnings);
	return NULL;
}

/* Whether the write may be tried at all on what is there. */
static json_t *check_old(struct mutation *m, const json_t *old)
{
	bool creates = m->op == MUTATE_CREATE ||
	               (m->op == MUTATE_UPDATE && m->kind->create_on_update && !m->status);

	if (!old && !creates)
		return status_not_found(m->kind, m->name);
	if (!old && m->kind->namespaced)
		return namespaces_check_create(m->server, m->kind, m->ns, m->name);
	return NULL;
}

/* Turns the finished object into what the store is to do. */
static void decide(struct mutation *m, json_t *object, const json_t *old,
                   struct store_change *change)
{
	m->created = !old;
	/* What a dry run was given on a create it shows, as kube-apiserver does. */
	if (old || !m->dry_run)
		json_path_del(object, "metadata.resourceVersion");
	if (old)
		json_path_set(object, "metadata.resourceVersion",
		              json_incref(json_path(old, "metadata.resourceVersion")));
	change->op = STORE_KEEP;
	if (m->dry_run) {
		m->preview = json_incref(object);
		return;
	}
	if (old && json_equal(object, old))
		return;
	m->removed = old && object_deleting(old) && !object_has_finalizers(object, m->kind);
	if (m->removed) {
		/* It goes with what it had: what it would have got is not needed. */
		admit_settle(m->server->admission, &m->claim, false);
		admit_removal(m->server->admission, m->kind, old, &m->claim);
	}
	change->op = m->removed ? STORE_REMOVE : STORE_PUT;
	change->object = json_incref(object);
	admit_companions(&m->claim, object, change);
}

/* Kubernetes' store is who says so, and it is not asked in a dry run; hence no reason and a 500. */
static json_t *check_new_version(const struct mutation *m, const json_t *object)
{
	uint64_t version;

	if (m->op != MUTATE_CREATE || m->dry_run ||
	    parse_u64(json_path_str(object, "metadata.resourceVersion"), UINT64_MAX, &version) <
	            0 ||
	    version == 0)
		return NULL;
	return status_new(500, "", "resourceVersion should not be set on objects to be created");
}

static json_t *already_exists(const struct mutation *m, const json_t *old)
{
	json_t *status = status_already_exists(m->kind, m->name);

	if (json_path_string(old, "metadata.deletionTimestamp"))
		json_path_set(status, "message",
		              json_sprintf("object is being deleted: %s",
		                           json_path_str(status, "message")));
	return status;
}

static int on_change(void *arg, const struct store_object *stored, struct store_change *change)
{
	struct mutation *m = arg;
	auto_json json_t *old = stored ? store_object_json(stored) : NULL;
	auto_json json_t *object = NULL;
	json_t *status;

	status = check_old(m, old);
	if (!status)
		status = build(m, old, &object);
	if (!status && m->op != MUTATE_CREATE)
		status = object_check_version(object, m->kind, old);
	/* A patch that changes it is invalid. */
	if (!status && m->op == MUTATE_UPDATE)
		status = object_check_uid(object, m->kind, old);
	if (!status)
		status = run_hooks(m, object, m->op == MUTATE_CREATE ? NULL : old);
	if (!status)
		status = check_new_version(m, object);
	/* A create is refused as invalid before it is as a duplicate, as in Kubernetes. */
	if (!status && old && m->op == MUTATE_CREATE)
		status = already_exists(m, old);
	if (status)
		return refuse(m, status);
	object_set_kind(object, kind_stored(m->kind));
	decide(m, object, old, change);
	return 0;
}

static void on_done(void *arg, int r, const struct store_object *object)
{
	struct mutation *m = arg;
	bool written = r == 0 && !m->dry_run;

	admit_settle(m->server->admission, &m->claim, written);
	if (r < 0 && !m->refusal)
		m->refusal = mutation_failure(m->kind, m->name, r);
	m->done(m, object);
	mutation_free(m);
}

static bool name_taken(void *arg, const char *name)
{
	struct mutation *m = arg;

	return store_get(m->server->store, kind_stored(m->kind), m->ns, name) != NULL;
}

/* The key of a create is in its object. */
static void prepare_create(struct mutation *m)
{
	object_generate_name(m->input, name_taken, m);
	free(m->name);
	m->name = xstrdup(json_path_str(m->input, "metadata.name"));
}

void mutation_start(struct mutation *m)
{
	json_t *status = NULL;

	if (m->op == MUTATE_CREATE || m->op == MUTATE_UPDATE)
		status = conform(m, m->input);
	if (!status && m->op == MUTATE_CREATE)
		prepare_create(m);
	if (status)
		on_done(m, refuse(m, status), NULL);
	else
		store_mutate(m->server->store, kind_stored(m->kind), m->ns, m->name, on_change,
		             on_done, m);
}
