/* SPDX-License-Identifier: Apache-2.0 */
#include "server/namespaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/deletion.h"
#include "server/namespace_conditions.h"
#include "server/object.h"

#define SWEEP_PERIOD_NS   NSEC_PER_SEC
#define CONTENT_FINALIZER "kubernetes"

/* A Namespace that is or is about to be Terminating. */
struct terminating {
	struct list_node in_terminating;
	struct server *server;
	char *name;      /* owned */
	bool pods_first; /* the sweep under way is one of Pods only */
	bool written;    /* its deletionTimestamp is durable: the sweeping may begin */
	size_t pending;  /* deletions under way, and one while they are begun */
	struct namespace_remains remains; /* of the sweep under way */
};

static void sweep(struct terminating *t);

static struct terminating *find(struct server *server, const char *name)
{
	struct terminating *t;

	list_for_each(t, in_terminating, &server->terminating)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

static void terminating_free(struct terminating *t)
{
	list_remove(&t->in_terminating);
	namespace_remains_done(&t->remains);
	free(t->name);
	free(t);
}

/* Other rows only show what these have. */
static bool has_content(const struct kind *kind)
{
	return kind->namespaced && !kind->stored_as;
}

static size_t count_of(const struct store *store, const struct kind *kind, const char *ns)
{
	auto_free const struct store_object **objects = NULL;

	return store_list(store, kind, ns, NULL, &objects);
}

static bool is_empty(const struct store *store, const char *ns)
{
	for (const struct kind *const *kind = kinds; *kind; kind++)
		if (has_content(*kind) && count_of(store, *kind, ns))
			return false;
	return true;
}

static bool drop_finalizer(json_t *object)
{
	json_t *finalizers = json_path(object, "spec.finalizers"), *one;
	size_t i;

	json_array_foreach(finalizers, i, one) {
		if (strcmp(json_string_value(one) ? json_string_value(one) : "",
		           CONTENT_FINALIZER) != 0)
			continue;
		json_array_remove(finalizers, i);
		if (json_array_size(finalizers) == 0)
			json_path_del(object, "spec.finalizers");
		return true;
	}
	return false;
}

/* Takes the finalizer that stands for the content; what other finalizers there are stay. */
static int change_emptied(void *arg, const struct store_object *stored, struct store_change *change)
{
	const struct terminating *t = arg;
	json_t *object;

	if (!stored)
		return -ENOENT;
	object = store_object_json(stored);
	if (!drop_finalizer(object)) {
		json_decref(object);
		change->op = STORE_KEEP;
		return 0;
	}
	change->op = STORE_REMOVE;
	if (object_has_finalizers(object, &kind_namespace)) {
		(void)namespace_conditions_update(object, &t->remains); /* nothing is left */
		change->op = STORE_PUT;
	}
	change->object = object;
	return 0;
}

static void on_emptied(void *arg, int r, const struct store_object *object)
{
	struct terminating *t = arg;

	(void)object;
	t->pending = 0;
	if (r == 0 || r == -ENOENT) {
		/* Where a finalizer of the user's is left, its removal takes the Namespace away. */
		if (!store_get(t->server->store, &kind_namespace, "", t->name))
			terminating_free(t);
		return;
	}
	log_warn("server", "cannot remove namespace %s: %s; trying again", t->name,
	         strerrordesc_np(-r));
}

static void add_remains(const struct store *store, const struct kind *kind, const char *ns,
                        struct namespace_remains *remains)
{
	auto_free const struct store_object **objects = NULL;
	size_t n = store_list(store, kind, ns, NULL, &objects);

	for (size_t i = 0; i < n; i++) {
		auto_json json_t *object = store_object_json(objects[i]);

		namespace_remains_add(remains, kind->plural, kind->group, object);
	}
}

/* Tells in the Namespace what is left. */
static int change_conditions(void *arg, const struct store_object *stored,
                             struct store_change *change)
{
	struct terminating *t = arg;
	json_t *object;

	if (!stored)
		return -ENOENT;
	object = store_object_json(stored);
	change->op = STORE_KEEP;
	if (namespace_conditions_update(object, &t->remains)) {
		change->op = STORE_PUT;
		change->object = object;
		return 0;
	}
	json_decref(object);
	return 0;
}

static void on_told(void *arg, int r, const struct store_object *object)
{
	struct terminating *t = arg;

	(void)r; /* the next sweep tries again */
	(void)object;
	namespace_remains_done(&t->remains);
	t->pending = 0;
}

static void one_done(struct terminating *t)
{
	struct server *server = t->server;

	if (--t->pending || server->closing)
		return;
	t->pending = 1;
	if (is_empty(server->store, t->name)) {
		store_mutate(server->store, &kind_namespace, "", t->name, change_emptied,
		             on_emptied, t);
		return;
	}
	if (t->pods_first && !count_of(server->store, &kind_pod, t->name)) {
		t->pending = 0;
		sweep(t);
		return;
	}
	for (const struct kind *const *kind = kinds; *kind; kind++)
		if (has_content(*kind))
			add_remains(server->store, *kind, t->name, &t->remains);
	store_mutate(server->store, &kind_namespace, "", t->name, change_conditions, on_told, t);
}

static void on_deleted(struct deletion *d, const struct store_object *object)
{
	struct terminating *t = d->arg;

	(void)object;
	if (d->refusal && status_code(d->refusal) != 404)
		namespace_remains_add_error(&t->remains, json_path_str(d->refusal, "message"));
	one_done(t);
}

static void delete_all(struct terminating *t, const struct kind *kind)
{
	auto_free const struct store_object **objects = NULL;
	size_t n = store_list(t->server->store, kind, t->name, NULL, &objects);

	for (size_t i = 0; i < n; i++)
		(void)store_object_ref(objects[i]);
	for (size_t i = 0; i < n; i++) {
		struct deletion *d = deletion_new(t->server, kind, t->name, objects[i]->name);

		d->options = json_pack("{s:s}", "propagationPolicy", "Background");
		d->done = on_deleted;
		d->arg = t;
		t->pending++;
		deletion_start(d);
		store_object_unref(objects[i]);
	}
}

/*
 * Pods go first, and nothing else before the last of them is gone: what protects them, as
 * NetworkPolicies and Secrets do, must not go while they run (KEP-5080).
 */
static void sweep(struct terminating *t)
{
	t->pending = 1;
	t->pods_first = count_of(t->server->store, &kind_pod, t->name) != 0;
	for (const struct kind *const *kind = kinds; *kind; kind++)
		if (has_content(*kind) && (*kind == &kind_pod) == t->pods_first)
			delete_all(t, *kind);
	one_done(t);
}

static void on_sweep(void *arg)
{
	struct server *server = arg;
	struct terminating *t, *after;

	list_for_each_safe(t, after, in_terminating, &server->terminating)
	{
		if (!store_get(server->store, &kind_namespace, "", t->name) && t->written &&
		    !t->pending)
			terminating_free(t);
		else if (t->written && !t->pending)
			sweep(t);
	}
	if (list_empty(&server->terminating))
		timer_stop(server->sweeps);
}

void namespaces_close(struct server *server, const char *name)
{
	struct terminating *t = find(server, name);

	if (t)
		return;
	t = xnew(struct terminating);
	*t = (struct terminating){ .server = server, .name = xstrdup(name) };
	list_add_tail(&server->terminating, &t->in_terminating);
}

void namespaces_closed(struct server *server, const char *name, bool written)
{
	struct terminating *t = find(server, name);

	if (!t || t->written)
		return;
	if (!written) {
		terminating_free(t);
		return;
	}
	t->written = true;
	if (server->closing)
		return;
	if (!timer_pending(server->sweeps))
		timer_every(server->sweeps, SWEEP_PERIOD_NS);
	sweep(t);
}

void namespaces_init(struct server *server)
{
	auto_free const struct store_object **objects = NULL;
	size_t n = store_list(server->store, &kind_namespace, NULL, NULL, &objects);

	list_init(&server->terminating);
	server->sweeps = timer_new(server->loop, on_sweep, server);
	for (size_t i = 0; i < n; i++) {
		auto_json json_t *object = store_object_json(objects[i]);

		if (!object_deleting(object))
			continue;
		namespaces_close(server, objects[i]->name);
		find(server, objects[i]->name)->written = true;
		timer_every(server->sweeps, SWEEP_PERIOD_NS);
	}
}

void namespaces_done(struct server *server)
{
	struct terminating *t, *after;

	timer_free(server->sweeps);
	list_for_each_safe(t, after, in_terminating, &server->terminating) terminating_free(t);
}

json_t *namespaces_check_create(struct server *server, const struct kind *kind, const char *ns,
                                const char *name)
{
	json_t *status;

	if (!store_get(server->store, &kind_namespace, "", ns))
		return status_not_found(&kind_namespace, ns);
	if (!find(server, ns))
		return NULL;
	status = status_for(403, "Forbidden", kind, name,
	                    "%s%s%s \"%s\" is forbidden: unable to create new content in "
	                    "namespace %s because it is being terminated",
	                    kind->plural, kind->group[0] ? "." : "", kind->group, name, ns);
	json_path_set(status, "details.causes",
	              json_pack("[{s:s,s:o,s:s}]", "reason", "NamespaceTerminating", "message",
	                        json_sprintf("namespace %s is being terminated", ns), "field",
	                        "metadata.namespace"));
	return status;
}

json_t *namespaces_check_delete(const char *name)
{
	static const char *const immortal[] = { "default", "kube-system", "kube-public" };

	for (size_t i = 0; i < ARRAY_SIZE(immortal); i++)
		if (strcmp(name, immortal[i]) == 0)
			return status_for(403, "Forbidden", &kind_namespace, name,
			                  "namespaces \"%s\" is forbidden: this namespace may not "
			                  "be deleted",
			                  name);
	return NULL;
}
