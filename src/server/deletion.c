/* SPDX-License-Identifier: Apache-2.0 */
#include "server/deletion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/mutate.h"
#include "server/namespaces.h"
#include "server/object.h"
#include "server/request_options.h"

#define GRACE_DEFAULT 30 /* seconds, of a Pod that says nothing */
#define GRACE_MAX     (366LL * 24 * 3600)

struct deletion *deletion_new(struct server *server, const struct kind *kind, const char *ns,
                              const char *name)
{
	struct deletion *d = xnew(struct deletion);

	*d = (struct deletion){
		.server = server,
		.kind = kind,
		.ns = xstrdup(ns),
		.name = xstrdup(name),
	};
	return d;
}

static void deletion_free(struct deletion *d)
{
	json_decref(d->options);
	json_decref(d->refusal);
	free(d->ns);
	free(d->name);
	free(d);
}

/* DeleteOptions.preconditions (apiserver rest.BeforeDelete). */
static json_t *check_preconditions(const struct deletion *d, const json_t *old)
{
	const char *uid = json_path_str(d->options, "preconditions.uid");
	const char *version = json_path_str(d->options, "preconditions.resourceVersion");
	const char *old_uid = json_path_str(old, "metadata.uid");
	const char *old_version = json_path_str(old, "metadata.resourceVersion");
	struct kind named = *d->kind;

	named.plural = d->kind->name; /* here it is the kind that stands for the resource */
	if (uid[0] && strcmp(uid, old_uid) != 0)
		return status_for(409, "Conflict", &named, d->name,
		                  "Operation cannot be fulfilled on %s \"%s\": the UID in the "
		                  "precondition (%s) does not match the UID in record (%s). The "
		                  "object might have been deleted and then recreated",
		                  named.plural, d->name, uid, old_uid);
	if (version[0] && strcmp(version, old_version) != 0)
		return status_for(409, "Conflict", &named, d->name,
		                  "Operation cannot be fulfilled on %s \"%s\": the "
		                  "ResourceVersion in the precondition (%s) does not match the "
		                  "ResourceVersion in record (%s). The object might have been "
		                  "modified",
		                  named.plural, d->name, version, old_version);
	return NULL;
}

/*
 * How dependents are to be treated is said by a finalizer, which the garbage collector takes away
 * (apiserver registry.deletionFinalizersForGarbageCollection); without a word in the options what the
 * object has already stays.
 */
static void set_propagation(const struct deletion *d, json_t *object)
{
	static const char *const names[] = { "orphan", "foregroundDeletion" };
	const char *policy = json_path_str(d->options, "propagationPolicy");
	const json_t *orphan = json_path(d->options, "orphanDependents");
	json_t *old = json_path(object, "metadata.finalizers"), *list, *one;
	const char *wanted = NULL;
	size_t i;

	if (!policy[0] && !orphan)
		return;
	if (strcmp(policy, "Orphan") == 0 || (!policy[0] && json_is_true(orphan)))
		wanted = names[0];
	else if (strcmp(policy, "Foreground") == 0)
		wanted = names[1];
	list = json_array();
	json_array_foreach(old, i, one)
		if (strcmp(json_string_value(one), names[0]) != 0 &&
		    strcmp(json_string_value(one), names[1]) != 0)
			json_array_append(list, one);
	if (wanted)
		json_array_append_new(list, json_string(wanted));
	if (json_array_size(list) || old)
		json_path_set(object, "metadata.finalizers", list);
	else
		json_decref(list);
	if (!json_array_size(json_path(object, "metadata.finalizers")))
		json_path_del(object, "metadata.finalizers");
}

/* True if a kubelet has the Pod: it lets the processes end, and deletes the Pod for good. */
static bool is_run(const struct deletion *d, const json_t *pod)
{
	const char *phase = json_path_str(pod, "status.phase");
	const char *name = json_path_str(pod, "spec.nodeName");
	const struct store_object *object;
	auto_json json_t *node = NULL;

	if (d->kind != &kind_pod || !name[0] || strcmp(phase, "Succeeded") == 0 ||
	    strcmp(phase, "Failed") == 0)
		return false;
	object = store_get(d->server->store, &kind_node, "", name);
	if (!object)
		return false;
	node = store_object_json(object);
	/* Our own agent says of itself that it runs no containers. */
	return json_path_str(node, "status.nodeInfo.containerRuntimeVersion")[0] != '\0';
}

/* The seconds that the object has left: those asked for, else those it asks for itself. */
static int64_t grace_seconds(const struct deletion *d, const json_t *object)
{
	int64_t own = json_path_int(object, "spec.terminationGracePeriodSeconds", GRACE_DEFAULT);
	int64_t seconds;

	if (!is_run(d, object))
		return 0;
	seconds = json_path_int(d->options, "gracePeriodSeconds", own);
	if (seconds < 0)
		seconds = 1; /* as pkg/registry/core/pod */
	return seconds > GRACE_MAX ? GRACE_MAX : seconds;
}

/* Sets deletionTimestamp and what goes with it. */
static void mark(const struct deletion *d, json_t *object, int64_t grace)
{
	char end[CLOCK_TEXT_SIZE];
	int64_t generation = json_path_int(object, "metadata.generation", 0);

	clock_format(clock_wall() + grace * NSEC_PER_SEC, end);
	json_path_set(object, "metadata.deletionTimestamp", json_string(end));
	if (d->kind != &kind_namespace)
		json_path_set(object, "metadata.deletionGracePeriodSeconds", json_integer(grace));
	if (generation > 0)
		json_path_set(object, "metadata.generation", json_integer(generation + 1));
	if (d->kind == &kind_namespace)
		json_path_set(object, "status.phase", json_string("Terminating"));
}

/* Marks 'object', or shortens the time it has left, where it may not go yet. */
static void put_off(struct deletion *d, json_t *object, int64_t grace)
{
	bool deleting = object_deleting(object);

	if (!deleting || grace < json_path_int(object, "metadata.deletionGracePeriodSeconds", 0))
		mark(d, object, grace);
	if (!deleting && d->kind == &kind_namespace)
		namespaces_close(d->server, d->name);
}

static int on_change(void *arg, const struct store_object *stored, struct store_change *change)
{
	struct deletion *d = arg;
	auto_json json_t *before = NULL;
	auto_json json_t *object = NULL;
	int64_t grace;

	if (!stored) {
		d->refusal = status_not_found(d->kind, d->name);
		return -ECANCELED;
	}
	before = store_object_json(stored);
	d->refusal = check_preconditions(d, before);
	if (d->refusal)
		return -ECANCELED;
	object = json_deep_copy(before);
	set_propagation(d, object);
	grace = grace_seconds(d, object);
	d->removed = grace == 0 && !object_has_finalizers(object, d->kind);
	change->op = STORE_KEEP;
	if (d->dry_run)
		return 0;
	if (d->removed) {
		change->op = STORE_REMOVE;
		admit_removal(d->server->admission, d->kind, before, &d->claim);
		admit_companions(&d->claim, before, change);
		return 0;
	}
	put_off(d, object, grace);
	if (!json_equal(object, before)) {
		change->op = STORE_PUT;
		change->object = json_incref(object);
	}
	return 0;
}

static void on_done(void *arg, int r, const struct store_object *object)
{
	struct deletion *d = arg;

	admit_settle(d->server->admission, &d->claim, r == 0);
	if (d->kind == &kind_namespace && !d->removed && !d->dry_run && !d->refusal)
		namespaces_closed(d->server, d->name, r == 0);
	if (r < 0 && !d->refusal)
		d->refusal = mutation_failure(d->kind, d->name, r);
	d->done(d, d->refusal ? NULL : object);
	deletion_free(d);
}

/* apimachinery validation.ValidateDeleteOptions. */
static json_t *validate_options(const json_t *options)
{
	static const char *const policies[] = { "Foreground", "Background", "Orphan", "nil", NULL };
	const char *policy = json_path_str(options, "propagationPolicy");
	struct field_errors errs = { 0 };
	bool known = !policy[0];

	for (const char *const *p = policies; p[1]; p++)
		known = known || strcmp(policy, *p) == 0;
	if (policy[0] && json_path(options, "orphanDependents"))
		field_invalid_string(&errs, "propagationPolicy", policy,
		                     "orphanDependents and deletionPropagation cannot be both set");
	if (!known)
		field_unsupported(&errs, "propagationPolicy", policy, policies);
	request_options_check_dry_run(json_path(options, "dryRun"), &errs);
	return request_options_refusal("DeleteOptions", &errs);
}

void deletion_start(struct deletion *d)
{
	json_t *status = d->kind == &kind_namespace ? namespaces_check_delete(d->name) : NULL;

	if (!status)
		status = validate_options(d->options);

	if (status) {
		d->refusal = status;
		on_done(d, -ECANCELED, NULL);
		return;
	}
	store_mutate(d->server->store, kind_stored(d->kind), d->ns, d->name, on_change, on_done, d);
}
