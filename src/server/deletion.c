/* SPDX-License-Identifier: Apache-2.0 */
#include "server/deletion.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/admit.h"
#include "server/mutate.h"
#include "server/namespaces.h"
#include "server/object.h"

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

	if (uid[0] && strcmp(uid, old_uid) != 0)
		return status_for(409, "Conflict", d->kind, d->name,
		                  "Operation cannot be fulfilled on %s \"%s\": the UID in the "
		                  "precondition (%s) does not match the UID in record (%s). The "
		                  "object might have been deleted and then recreated",
		                  d->kind->plural, d->name, uid, old_uid);
	if (version[0] && strcmp(version, old_version) != 0)
		return status_for(409, "Conflict", d->kind, d->name,
		                  "Operation cannot be fulfilled on %s \"%s\": the "
		                  "ResourceVersion in the precondition (%s) does not match the "
		                  "ResourceVersion in record (%s). The object might have been "
		                  "modified",
		                  d->kind->plural, d->name, version, old_version);
	return NULL;
}

/* Sets deletionTimestamp and what goes with it. */
static void mark(const struct deletion *d, json_t *object)
{
	char now[CLOCK_TEXT_SIZE];
	int64_t generation = json_path_int(object, "metadata.generation", 0);

	clock_format(clock_wall(), now);
	json_path_set(object, "metadata.deletionTimestamp", json_string(now));
	json_path_set(object, "metadata.deletionGracePeriodSeconds", json_integer(0));
	if (generation > 0)
		json_path_set(object, "metadata.generation", json_integer(generation + 1));
	if (d->kind == &kind_namespace)
		json_path_set(object, "status.phase", json_string("Terminating"));
}

static int on_change(void *arg, const struct store_object *stored, struct store_change *change)
{
	struct deletion *d = arg;
	json_t *old;

	if (!stored) {
		d->refusal = status_not_found(d->kind, d->name);
		return -ECANCELED;
	}
	old = store_object_json(stored);
	d->refusal = check_preconditions(d, old);
	d->removed = !object_has_finalizers(old, d->kind);
	change->op = STORE_KEEP;
	if (!d->refusal && !d->dry_run) {
		if (d->removed) {
			change->op = STORE_REMOVE;
		} else if (!object_deleting(old)) {
			mark(d, old);
			change->op = STORE_PUT;
			change->object = json_incref(old);
			if (d->kind == &kind_namespace)
				namespaces_close(d->server, d->name);
		}
	}
	json_decref(old);
	return d->refusal ? -ECANCELED : 0;
}

static void on_done(void *arg, int r, const struct store_object *object)
{
	struct deletion *d = arg;

	if (r == 0 && d->removed && !d->dry_run) {
		json_t *last = store_object_json(object);

		admit_removed(d->server->admission, d->kind, last);
		json_decref(last);
	}
	if (d->kind == &kind_namespace && !d->removed && !d->dry_run && !d->refusal)
		namespaces_closed(d->server, d->name, r == 0);
	if (r < 0 && !d->refusal)
		d->refusal = mutation_failure(d->kind, d->name, r);
	d->done(d, d->refusal ? NULL : object);
	deletion_free(d);
}

void deletion_start(struct deletion *d)
{
	json_t *status = d->kind == &kind_namespace ? namespaces_check_delete(d->name) : NULL;

	if (status) {
		d->refusal = status;
		on_done(d, -ECANCELED, NULL);
		return;
	}
	store_mutate(d->server->store, d->kind, d->ns, d->name, on_change, on_done, d);
}
