/* SPDX-License-Identifier: Apache-2.0 */
#include "control/namespace_defaults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hmap.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/reflector.h"
#include "control/workqueue.h"
#include "kube/json.h"

#define DELAY_MIN    (100 * NSEC_PER_MSEC)
#define RUNNING_MAX  16
#define ACCOUNT_NAME "default"
#define MAP_NAME     "kube-root-ca.crt"
#define MAP_KEY      "ca.crt"
#define MAP_ABOUT                                                                                 \
	"Contains a CA bundle that can be used to verify the kube-apiserver when using internal " \
	"endpoints such as the internal service IP or kubernetes.default.svc. No other usage is " \
	"guaranteed across distributions of Kubernetes clusters."

enum {
	NAMESPACES,
	ACCOUNTS,
	MAPS,
	N_REFLECTORS
};

enum map_state {
	MAP_MISSING,
	MAP_WRONG,
	MAP_RIGHT
};

/* A namespace that exists, or that an object we watch is in. */
struct entry {
	struct hnode node;
	struct namespace_defaults *controller;
	struct work_item work;
	struct client_call *call;
	bool active, has_account;
	bool writes_map; /* else the account */
	enum map_state map;
	char name[];
};

struct namespace_defaults {
	struct client *client;
	char *root_ca; /* owned; NULL: not known */
	struct workqueue queue;
	struct hmap entries;
	struct reflector *reflectors[N_REFLECTORS];
	unsigned int n_reflectors, n_synced;
};

static struct entry *need_entry(struct namespace_defaults *controller, const char *name)
{
	size_t size = strlen(name) + 1;
	struct entry *entry;

	hmap_for_each_with_hash(entry, node, hash_str(name), &controller->entries)
		if (strcmp(entry->name, name) == 0)
			return entry;
	entry = xcalloc(1, sizeof(*entry) + size);
	entry->controller = controller;
	memcpy(entry->name, name, size);
	work_item_init(&entry->work, &controller->queue);
	hmap_insert(&controller->entries, &entry->node, hash_str(name));
	return entry;
}

static void free_entry(struct entry *entry)
{
	if (entry->call)
		client_cancel(entry->call);
	work_item_done(&entry->work);
	hmap_remove(&entry->controller->entries, &entry->node);
	free(entry);
}

/* The objects of a namespace may be seen to go after it. */
static void release(struct entry *entry)
{
	if (!entry->active && !entry->has_account && entry->map == MAP_MISSING)
		free_entry(entry);
}

static void drain(struct namespace_defaults *controller)
{
	if (controller->n_synced == controller->n_reflectors)
		workqueue_drain(&controller->queue);
}

/* ---- writes ---- */

static void work(struct entry *entry);

/* A name that is taken (409) and a namespace that is going or gone (403, 404) need nothing of us. */
static void written(void *arg, int status, json_t *answer, const struct err *err)
{
	struct entry *entry = arg;
	struct namespace_defaults *controller = entry->controller;
	bool ok = status > 0 && (status < 300 || status == 403 || status == 404 || status == 409);
	int64_t delay;

	(void)answer;
	entry->call = NULL;
	if (status > 0 && status < 300) {
		work(entry);
	} else {
		if (entry->writes_map)
			entry->map = status == 409 ? MAP_RIGHT : MAP_MISSING;
		else
			entry->has_account = status == 409;
		delay = workqueue_finish(&controller->queue, &entry->work, ok);
		if (delay >= NSEC_PER_SEC)
			log_warn("control",
			         "cannot make the default objects of namespace %s: %s; trying "
			         "again in %d s",
			         entry->name, err->msg, (int)(delay / NSEC_PER_SEC));
	}
	drain(controller);
}

static void send_write(struct entry *entry, const char *method, const char *plural,
                       const char *name, json_t *body)
{
	auto_free char *path = xasprintf("/api/v1/namespaces/%s/%s%s", entry->name, plural, name);

	entry->call = client_request(entry->controller->client,
	                             &(struct client_request){ .method = method,
	                                                       .path = path,
	                                                       .body = body,
	                                                       .done = written,
	                                                       .arg = entry });
	json_decref(body);
}

static json_t *map_json(const struct namespace_defaults *controller)
{
	return json_pack("{s:s,s:s,s:{s:s,s:{s:s}},s:{s:s}}", "kind", "ConfigMap", "apiVersion",
	                 "v1", "metadata", "name", MAP_NAME, "annotations",
	                 "kubernetes.io/description", MAP_ABOUT, "data", MAP_KEY,
	                 controller->root_ca);
}

/* What is written counts as there until the watch tells otherwise. */
static void work(struct entry *entry)
{
	struct namespace_defaults *controller = entry->controller;
	enum map_state map = entry->map;

	if (entry->active && !entry->has_account) {
		entry->has_account = true;
		entry->writes_map = false;
		send_write(entry, "POST", "serviceaccounts", "",
		           json_pack("{s:s,s:s,s:{s:s}}", "kind", "ServiceAccount", "apiVersion",
		                     "v1", "metadata", "name", ACCOUNT_NAME));
	} else if (entry->active && controller->root_ca && map != MAP_RIGHT) {
		entry->map = MAP_RIGHT;
		entry->writes_map = true;
		if (map == MAP_MISSING)
			send_write(entry, "POST", "configmaps", "", map_json(controller));
		else
			send_write(entry, "PUT", "configmaps", "/" MAP_NAME, map_json(controller));
	} else {
		(void)workqueue_finish(&controller->queue, &entry->work, true);
	}
}

static void run(void *arg, struct work_item *item)
{
	(void)arg;
	work(list_entry(item, struct entry, work));
}

/* ---- what the watches bring ---- */

static void changed(struct entry *entry)
{
	workqueue_add(&entry->controller->queue, &entry->work);
}

static void upsert_namespace(void *arg, const json_t *object)
{
	struct entry *entry = need_entry(arg, json_path_str(object, "metadata.name"));

	entry->active = !json_path_string(object, "metadata.deletionTimestamp");
	changed(entry);
}

static void remove_namespace(void *arg, const char *ns, const char *name)
{
	struct entry *entry = need_entry(arg, name);

	(void)ns;
	entry->active = false;
	release(entry);
}

static void upsert_account(void *arg, const json_t *object)
{
	need_entry(arg, json_path_str(object, "metadata.namespace"))->has_account = true;
}

static void remove_account(void *arg, const char *ns, const char *name)
{
	struct entry *entry = need_entry(arg, ns);

	(void)name;
	entry->has_account = false;
	changed(entry);
	release(entry);
}

static void upsert_map(void *arg, const json_t *object)
{
	struct namespace_defaults *controller = arg;
	struct entry *entry = need_entry(arg, json_path_str(object, "metadata.namespace"));
	const json_t *data = json_path(object, "data");
	const char *ca = json_string_value(json_object_get(data, MAP_KEY));
	bool right = controller->root_ca && json_object_size(data) == 1 && ca &&
	             strcmp(ca, controller->root_ca) == 0;

	entry->map = right ? MAP_RIGHT : MAP_WRONG;
	if (!right)
		changed(entry);
}

static void remove_map(void *arg, const char *ns, const char *name)
{
	struct entry *entry = need_entry(arg, ns);

	(void)name;
	entry->map = MAP_MISSING;
	changed(entry);
	release(entry);
}

static void synced(void *arg)
{
	struct namespace_defaults *controller = arg;

	controller->n_synced++;
}

static void settled(void *arg)
{
	drain(arg);
}

static void trouble(void *arg, const struct err *err, int64_t retry_ns)
{
	(void)arg;
	log_warn("control", "%s; trying again in %d ms", err->msg, (int)(retry_ns / NSEC_PER_MSEC));
}

static const struct reflector_handler handlers[N_REFLECTORS] = {
	[NAMESPACES] = { upsert_namespace, remove_namespace, synced, settled, trouble },
	[ACCOUNTS] = { upsert_account, remove_account, synced, settled, trouble },
	[MAPS] = { upsert_map, remove_map, synced, settled, trouble },
};

static const struct {
	const char *path, *query;
} sources[N_REFLECTORS] = {
	[NAMESPACES] = { "/api/v1/namespaces", NULL },
	[ACCOUNTS] = { "/api/v1/serviceaccounts", "fieldSelector=metadata.name%3D" ACCOUNT_NAME },
	[MAPS] = { "/api/v1/configmaps", "fieldSelector=metadata.name%3D" MAP_NAME },
};

struct namespace_defaults *namespace_defaults_new(struct client *client, const char *root_ca)
{
	struct namespace_defaults *controller = xnew(struct namespace_defaults);

	controller->client = client;
	controller->root_ca = xstrdup_null(root_ca);
	controller->n_reflectors = root_ca ? N_REFLECTORS : MAPS;
	workqueue_init(&controller->queue, client_loop(client), run, controller);
	controller->queue.delay_min = DELAY_MIN;
	controller->queue.running_max = RUNNING_MAX;
	for (unsigned int i = 0; i < controller->n_reflectors; i++)
		controller->reflectors[i] = reflector_new(client, sources[i].path, sources[i].query,
		                                          &handlers[i], controller);
	return controller;
}

void namespace_defaults_free(struct namespace_defaults *controller)
{
	struct entry *entry, *next;

	if (!controller)
		return;
	for (unsigned int i = 0; i < controller->n_reflectors; i++)
		reflector_free(controller->reflectors[i]);
	hmap_for_each_safe(entry, next, node, &controller->entries)
		free_entry(entry);
	hmap_done(&controller->entries);
	free(controller->root_ca);
	free(controller);
}
