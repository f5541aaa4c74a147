/* SPDX-License-Identifier: Apache-2.0 */
#include "node/pod_status.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "kube/json.h"

#define MESSAGE_SEPARATOR "]: " /* between the containers and the reason */

static const char *const condition_names[POD_CONDITIONS] = {
	[POD_SCHEDULED] = "PodScheduled",
	[POD_INITIALIZED] = "Initialized",
	[POD_CONTAINERS_READY] = "ContainersReady",
	[POD_READY] = "Ready",
};

/* ---- reading ---- */

/* The API's times have no fraction: ours must not either, or they would differ when read back. */
static int64_t whole_seconds(int64_t wall)
{
	return wall - wall % NSEC_PER_SEC;
}

static int64_t time_at(const json_t *object, const char *path, int64_t otherwise)
{
	int64_t t;

	return clock_parse(json_path_str(object, path), &t) < 0 ? otherwise : whole_seconds(t);
}

static const json_t *find_condition(const json_t *pod, const char *type)
{
	json_t *list = json_path(pod, "status.conditions"), *condition;
	size_t i;

	json_array_foreach(list, i, condition)
		if (strcmp(json_path_str(condition, "type"), type) == 0)
			return condition;
	return NULL;
}

static bool is_true(const json_t *condition)
{
	return condition && strcmp(json_path_str(condition, "status"), "True") == 0;
}

/* What unready_message() put behind the containers' names. */
static const char *why_in(const json_t *condition)
{
	const char *message = json_path_str(condition, "message");
	const char *end = strstr(message, MESSAGE_SEPARATOR);

	return end ? end + strlen(MESSAGE_SEPARATOR) : "";
}

void pod_status_set_containers(struct pod_status *s, const json_t *pod)
{
	json_t *list = json_path(pod, "spec.containers"), *container;
	size_t i;

	arena_done(&s->arena);
	s->n_containers = 0;
	s->containers = arena_array(&s->arena, struct pod_container, json_array_size(list) + 1);
	json_array_foreach(list, i, container)
		s->containers[s->n_containers++] = (struct pod_container){
			.name = arena_strdup(&s->arena, json_path_str(container, "name")),
			.image = arena_strdup(&s->arena, json_path_str(container, "image")),
		};
}

void pod_status_init(struct pod_status *s, const json_t *pod, int64_t now)
{
	*s = (struct pod_status){ 0 };
	pod_status_set_containers(s, pod);
	s->start_time = time_at(pod, "status.startTime", whole_seconds(now));
	s->ready = is_true(find_condition(pod, condition_names[POD_READY]));
	s->why = xstrdup(s->ready ? "" : why_in(find_condition(pod, condition_names[POD_READY])));
	for (size_t i = 0; i < POD_CONDITIONS; i++) {
		const json_t *condition = find_condition(pod, condition_names[i]);
		/* The first two are always True here, the others follow 'ready'. */
		bool same = is_true(condition) == (i < POD_CONTAINERS_READY || s->ready);

		s->since[i] = condition && same
		                      ? time_at(condition, "lastTransitionTime", s->start_time)
		                      : whole_seconds(now);
	}
}

void pod_status_done(struct pod_status *s)
{
	arena_done(&s->arena);
	free(s->why);
	s->why = NULL;
}

void pod_status_set_ready(struct pod_status *s, bool ready, const char *why, int64_t now)
{
	char *copy = xstrdup(ready ? "" : why);

	free(s->why);
	s->why = copy;
	if (s->ready == ready)
		return;
	s->ready = ready;
	s->since[POD_CONTAINERS_READY] = s->since[POD_READY] = whole_seconds(now);
}

/* ---- writing ---- */

static json_t *time_json(int64_t wall)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(wall, text);
	return json_string(text);
}

/* kubelet's text with the reason behind it: "containers with unready status: [web]: ...". */
static json_t *unready_message(const struct pod_status *s)
{
	auto_buf struct buf text = BUF_INIT;

	buf_adds(&text, "containers with unready status: [");
	for (size_t i = 0; i < s->n_containers; i++)
		buf_printf(&text, "%s%s", i ? " " : "", s->containers[i].name);
	if (s->why[0])
		buf_printf(&text, MESSAGE_SEPARATOR "%s", s->why);
	else
		buf_addc(&text, ']');
	return json_string(buf_str(&text));
}

static json_t *condition_json(const struct pod_status *s, enum pod_condition c)
{
	bool value = c < POD_CONTAINERS_READY || s->ready;
	json_t *j = json_object();

	json_object_set_new(j, "type", json_string(condition_names[c]));
	json_object_set_new(j, "status", json_string(value ? "True" : "False"));
	json_object_set_new(j, "lastProbeTime", json_null());
	json_object_set_new(j, "lastTransitionTime", time_json(s->since[c]));
	if (!value) {
		json_object_set_new(j, "reason", json_string("ContainersNotReady"));
		json_object_set_new(j, "message", unready_message(s));
	}
	return j;
}

static json_t *container_json(const struct pod_status *s, const struct pod_container *container)
{
	json_t *j = json_object(), *running = json_object(), *state = json_object();

	json_object_set_new(running, "startedAt", time_json(s->start_time));
	json_object_set_new(state, "running", running);
	json_object_set_new(j, "name", json_string(container->name));
	json_object_set_new(j, "state", state);
	json_object_set_new(j, "lastState", json_object());
	json_object_set_new(j, "ready", json_boolean(s->ready));
	json_object_set_new(j, "restartCount", json_integer(0));
	json_object_set_new(j, "image", json_string(container->image));
	json_object_set_new(j, "imageID", json_string(""));
	json_object_set_new(j, "started", json_true());
	return j;
}

static void set_addresses(json_t *status, const struct pod_status *s)
{
	char text[IPADDR_TEXT_SIZE];

	if (s->host_ip.family) {
		ipaddr_format(&s->host_ip, text);
		json_object_set_new(status, "hostIP", json_string(text));
	}
	if (!s->pod_ip.family) {
		json_object_set_new(status, "podIP", json_null());
		json_object_set_new(status, "podIPs", json_null());
		return;
	}
	ipaddr_format(&s->pod_ip, text);
	json_object_set_new(status, "podIP", json_string(text));
	json_object_set_new(status, "podIPs", json_pack("[{s:s}]", "ip", text));
}

json_t *pod_status_patch(const struct pod_status *s)
{
	json_t *status = json_object(), *list = json_array(), *patch = json_object();

	json_object_set_new(status, "phase", json_string("Running"));
	for (unsigned int i = 0; i < POD_CONDITIONS; i++)
		json_array_append_new(list, condition_json(s, i));
	json_object_set_new(status, "conditions", list);
	set_addresses(status, s);
	json_object_set_new(status, "startTime", time_json(s->start_time));
	list = json_array();
	for (size_t i = 0; i < s->n_containers; i++)
		json_array_append_new(list, container_json(s, &s->containers[i]));
	json_object_set_new(status, "containerStatuses", list);
	json_object_set_new(patch, "status", status);
	return patch;
}

/*
 * 'have' holds everything of 'want', a null meaning "absent"; members that the server added beside do
 * not matter, and a null or an empty object may have been left out.
 */
static bool holds(const json_t *have, const json_t *want)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_null(want) || (json_is_object(want) && json_object_size(want) == 0))
		return !have || json_is_null(have) || json_is_object(have);
	if (json_is_array(want)) {
		if (json_array_size(have) != json_array_size(want))
			return false;
		json_array_foreach((json_t *)want, i, value)
			if (!holds(json_array_get(have, i), value))
				return false;
		return true;
	}
	if (!json_is_object(want))
		return json_equal(have, want);
	json_object_foreach((json_t *)want, key, value)
		if (!holds(json_object_get(have, key), value))
			return false;
	return true;
}

bool pod_status_is_written(const json_t *pod, const json_t *patch)
{
	return holds(json_object_get(pod, "status"), json_object_get(patch, "status"));
}
