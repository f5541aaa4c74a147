/* SPDX-License-Identifier: Apache-2.0 */
#include "slice_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "control/slice_json.h"
#include "kube/decode.h"
#include "kube/json.h"

static json_t *from_yaml(const char *yaml)
{
	auto_json json_t *docs = NULL;
	struct err err = { 0 };

	if (decode_yaml(yaml, strlen(yaml), "test", &docs, &err) < 0)
		fail_msg("%s: %s", yaml, err.msg);
	return json_incref(json_array_get(docs, 0));
}

void world_done(struct world *world)
{
	service_free(world->service);
	for (size_t i = 0; i < world->n_pods; i++) {
		pod_free((struct pod *)world->pods[i].pod);
		free((char *)world->pods[i].zone);
	}
	for (size_t i = 0; i < world->n_slices; i++)
		endpoint_slice_free(world->slices[i]);
	*world = (struct world){ 0 };
}

void world_service(struct world *world, const char *spec)
{
	auto_free char *yaml = NULL;
	auto_json json_t *object = NULL;

	service_free(world->service);
	world->service = NULL;
	if (!spec)
		return;
	yaml = xasprintf(
		"{kind: Service, apiVersion: v1, metadata: {name: web, namespace: default, "
		"uid: web-uid%s}, spec: %s}",
		world->service_meta ? world->service_meta : "", spec);
	object = from_yaml(yaml);
	if (!json_path(object, "spec.selector"))
		json_path_set(object, "spec.selector.app", json_string("web"));
	if (!json_path(object, "spec.ipFamilies"))
		json_path_set(object, "spec.ipFamilies", json_pack("[s]", "IPv4"));
	if (!json_path(object, "spec.clusterIP")) {
		json_path_set(object, "spec.clusterIP", json_string("10.96.0.1"));
		json_path_set(object, "spec.clusterIPs", json_pack("[s]", "10.96.0.1"));
	}
	world->service = service_from_json(object);
}

/* ---- Pods ---- */

struct pod_options {
	json_t *object;
	char *zone;
	bool lost; /* its Node is not there */
};

static void add_container_port(json_t *object, const char *text)
{
	char name[64], protocol[8];
	int port;

	assert_int_equal(sscanf(text, "%63[^:]:%7[^:]:%d", name, protocol, &port), 3);
	json_array_append_new(json_path(json_array_get(json_path(object, "spec.containers"), 0),
	                                "ports"),
	                      json_pack("{s:s,s:s,s:i}", "name", name, "protocol", protocol,
	                                "containerPort", port));
}

static void pod_option(struct pod_options *options, const char *key, const char *value)
{
	json_t *object = options->object;

	if (strcmp(key, "ip") == 0)
		json_array_append_new(json_path(object, "status.podIPs"),
		                      json_pack("{s:s}", "ip", value));
	else if (strcmp(key, "node") == 0)
		json_path_set(object, "spec.nodeName", json_string(value));
	else if (strcmp(key, "zone") == 0)
		options->zone = xstrdup(value);
	else if (strcmp(key, "lost") == 0)
		options->lost = true;
	else if (strcmp(key, "phase") == 0)
		json_path_set(object, "status.phase", json_string(value));
	else if (strcmp(key, "unready") == 0)
		json_path_set(object, "status.conditions",
		              json_pack("[{s:s,s:s}]", "type", "Ready", "status", "False"));
	else if (strcmp(key, "deleting") == 0)
		json_path_set(object, "metadata.deletionTimestamp",
		              json_string("2026-01-02T03:04:05Z"));
	else if (strcmp(key, "host") == 0)
		json_path_set(object, "spec.hostname", json_string(value));
	else if (strcmp(key, "sub") == 0)
		json_path_set(object, "spec.subdomain", json_string(value));
	else if (strcmp(key, "port") == 0)
		add_container_port(object, value);
	else
		fail_msg("no option of a Pod: %s", key);
}

static json_t *plain_pod(const char *name)
{
	auto_free char *uid = xasprintf("%s-uid", name);

	return json_pack("{s:s,s:s,s:{s:s,s:s,s:s,s:{s:s}},s:{s:[{s:s,s:[]}]},"
	                 "s:{s:s,s:[],s:[{s:s,s:s}]}}",
	                 "kind", "Pod", "apiVersion", "v1", "metadata", "name", name, "namespace",
	                 "default", "uid", uid, "labels", "app", "web", "spec", "containers",
	                 "name", "c", "ports", "status", "phase", "Running", "podIPs", "conditions",
	                 "type", "Ready", "status", "True");
}

static struct slice_pod *place_for(struct world *world, const char *name)
{
	for (size_t i = 0; i < world->n_pods; i++)
		if (strcmp(world->pods[i].pod->meta.name, name) == 0) {
			pod_free((struct pod *)world->pods[i].pod);
			free((char *)world->pods[i].zone);
			return &world->pods[i];
		}
	assert_true(world->n_pods < WORLD_PODS_MAX);
	return &world->pods[world->n_pods++];
}

void world_pod(struct world *world, const char *text)
{
	struct pod_options options = { 0 };
	auto_free char *copy = xstrdup(text);
	char *rest = copy, *name = strsep(&rest, " "), *word;
	struct slice_pod *place;

	options.object = plain_pod(name);
	while ((word = strsep(&rest, " "))) {
		char *value = word, *key = strsep(&value, "=");

		pod_option(&options, key, value ? value : "");
	}
	place = place_for(world, name);
	*place = (struct slice_pod){ .pod = pod_from_json(options.object),
		                     .node_known = !options.lost,
		                     .zone = options.zone ? options.zone : xstrdup("") };
	json_decref(options.object);
}

void world_remove_pod(struct world *world, const char *name)
{
	struct slice_pod *place = place_for(world, name);
	size_t at = (size_t)(place - world->pods);

	memmove(place, place + 1, (world->n_pods - at - 1) * sizeof(*place));
	world->n_pods--;
}

/* ---- slices ---- */

static void add_slice(struct world *world, const json_t *object)
{
	assert_true(world->n_slices < WORLD_SLICES_MAX);
	world->slices[world->n_slices++] = endpoint_slice_from_json(object);
}

void world_slice(struct world *world, const char *yaml)
{
	auto_json json_t *object = from_yaml(yaml);

	add_slice(world, object);
}

static size_t index_of(const struct world *world, const char *name)
{
	size_t i = 0;

	while (i < world->n_slices && strcmp(world->slices[i]->meta.name, name) != 0)
		i++;
	return i;
}

const struct endpoint_slice *world_find(const struct world *world, const char *name)
{
	size_t i = index_of(world, name);

	if (i == world->n_slices)
		fail_msg("there is no slice %s", name);
	return world->slices[i];
}

/* ---- plans as text ---- */

static void add_endpoint(struct buf *b, const struct endpoint *e)
{
	auto_buf struct buf words = BUF_INIT;

	if (!e->ready)
		buf_adds(&words, " unready");
	if (e->serving != e->ready)
		buf_adds(&words, e->serving ? " serving" : " not-serving");
	if (e->terminating)
		buf_adds(&words, " terminating");
	if (*e->hostname)
		buf_printf(&words, " host=%s", e->hostname);
	if (*e->zone)
		buf_printf(&words, " zone=%s", e->zone);
	for (size_t i = 0; i < e->n_zone_hints; i++)
		buf_printf(&words, " for-zone=%s", e->zone_hints[i]);
	for (size_t i = 0; i < e->n_node_hints; i++)
		buf_printf(&words, " for-node=%s", e->node_hints[i]);
	buf_printf(b, " %s", e->target_name);
	if (words.n > 0)
		buf_printf(b, "(%s)", buf_str(&words) + 1);
}

static void add_change(struct buf *b, const struct slice_change *change, const char *name)
{
	static const char *const verbs[] = {
		[SLICE_CREATE] = "create", [SLICE_UPDATE] = "update", [SLICE_DELETE] = "delete"
	};

	buf_printf(b, "%s %s", verbs[change->op], name);
	if (change->op == SLICE_DELETE) {
		buf_adds(b, "\n");
		return;
	}
	buf_printf(b, " IPv%d", change->family);
	for (size_t i = 0; i < change->n_ports; i++)
		buf_printf(b, " %s/%s:%u", change->ports[i].name,
		           protocol_name(change->ports[i].protocol), change->ports[i].port);
	buf_adds(b, " |");
	if (change->n_endpoints > 8)
		buf_printf(b, " %zu endpoints", change->n_endpoints);
	for (size_t i = 0; i < change->n_endpoints && change->n_endpoints <= 8; i++)
		add_endpoint(b, change->endpoints[i]);
	buf_addc(b, '\n');
}

/* Carries one change out; 'ret_name' is what the slice is called. */
static void apply(struct world *world, const struct slice_plan *plan,
                  const struct slice_change *change, char ret_name[static 64])
{
	auto_json json_t *object = NULL;
	size_t at;

	(void)snprintf(ret_name, 64, "%s", change->slice ? change->slice->meta.name : "");
	if (change->op != SLICE_DELETE)
		object = slice_json(world->service, plan, change, 0);
	if (change->op == SLICE_CREATE) {
		(void)snprintf(ret_name, 64, "web-%d", ++world->made);
		json_path_set(object, "metadata.name", json_string(ret_name));
		add_slice(world, object);
		return;
	}
	at = index_of(world, ret_name);
	assert_true(at < world->n_slices);
	endpoint_slice_free(world->slices[at]);
	world->slices[at] = change->op == SLICE_DELETE ? world->slices[--world->n_slices]
	                                               : endpoint_slice_from_json(object);
}

static char *plan_text(struct world *world)
{
	auto_free const struct endpoint_slice **slices = xcalloc(world->n_slices + 1,
	                                                         sizeof(struct endpoint_slice *));
	struct slice_plan_input input = {
		.service = world->service,
		.pods = world->pods,
		.n_pods = world->n_pods,
		.slices = slices,
		.n_slices = world->n_slices,
		.endpoints_max = world->endpoints_max,
	};
	struct slice_plan plan;
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < world->n_slices; i++)
		slices[i] = world->slices[i];
	slice_plan_make(&input, &plan);
	for (size_t i = 0; i < plan.n; i++) {
		char name[64] = "";

		/* the text first: carrying it out frees the slice it borrows from */
		if (plan.changes[i].op == SLICE_CREATE)
			(void)snprintf(name, sizeof(name), "web-%d", world->made + 1);
		else
			(void)snprintf(name, sizeof(name), "%s", plan.changes[i].slice->meta.name);
		add_change(&b, &plan.changes[i], name);
		apply(world, &plan, &plan.changes[i], name);
	}
	slice_plan_done(&plan);
	buf_adds(&b, "");
	return buf_take(&b);
}

void world_expect(struct world *world, const char *wanted)
{
	auto_free char *text = plan_text(world);
	auto_free char *again = plan_text(world);

	assert_string_equal(text ? text : "", wanted);
	assert_string_equal(again ? again : "", "");
}
