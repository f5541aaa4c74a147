/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of a Pod, as in Kubernetes' printers/internalversion printPod. */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "kube/cell.h"
#include "kube/json.h"
#include "kube/pod.h"

struct pod_summary {
	size_t total, ready;
	int64_t restarts;
	int64_t last_restart; /* wall ns, 0 = none */
	bool running;         /* a container is ready and running */
	char reason[128];
};

static const char *condition_status(const json_t *object, const char *type)
{
	const json_t *condition;
	size_t i;

	json_array_foreach(json_path(object, "status.conditions"), i, condition)
		if (strcmp(json_path_str(condition, "type"), type) == 0)
			return json_path_str(condition, "status");
	return "";
}

static bool is_true(const json_t *object, const char *type)
{
	return strcmp(condition_status(object, type), "True") == 0;
}

static void set_reason(struct pod_summary *s, const char *reason)
{
	(void)snprintf(s->reason, sizeof(s->reason), "%s", reason);
}

static void summarise_terminated(struct pod_summary *s, const json_t *terminated)
{
	const char *reason = json_path_str(terminated, "reason");
	int64_t signal = json_path_int(terminated, "signal", 0);

	if (reason[0])
		set_reason(s, reason);
	else if (signal)
		(void)snprintf(s->reason, sizeof(s->reason), "Signal:%" PRId64, signal);
	else
		(void)snprintf(s->reason, sizeof(s->reason), "ExitCode:%" PRId64,
		               json_path_int(terminated, "exitCode", 0));
}

static void summarise_container(struct pod_summary *s, const json_t *status)
{
	const char *waiting = json_path_str(status, "state.waiting.reason");
	const char *finished = json_path_str(status, "lastState.terminated.finishedAt");
	const json_t *terminated = json_path(status, "state.terminated");
	int64_t at;

	s->restarts += json_path_int(status, "restartCount", 0);
	if (clock_parse(finished, &at) == 0 && at > s->last_restart)
		s->last_restart = at;
	if (waiting[0]) {
		set_reason(s, waiting);
	} else if (terminated) {
		summarise_terminated(s, terminated);
	} else if (json_path_bool(status, "ready", false) && json_path(status, "state.running")) {
		s->running = true;
		s->ready++;
	}
}

static void summarise(struct pod_summary *s, const json_t *object)
{
	const json_t *statuses = json_path(object, "status.containerStatuses");
	const char *reason = json_path_str(object, "status.reason");
	size_t n = json_array_size(statuses);

	*s = (struct pod_summary){
		.total = json_array_size(json_path(object, "spec.containers")),
	};
	set_reason(s, reason[0] ? reason : json_path_str(object, "status.phase"));
	for (size_t i = n; i > 0; i--)
		summarise_container(s, json_array_get(statuses, i - 1));
	/* A registered Pod has no runtime that tells of its containers, only its probes' verdict. */
	if (n == 0 && is_true(object, "Ready"))
		s->ready = s->total;
	if (strcmp(s->reason, "Completed") == 0 && s->running)
		set_reason(s, is_true(object, "Ready") ? "Running" : "NotReady");
}

static bool is_terminal(const json_t *object)
{
	const char *phase = json_path_str(object, "status.phase");

	return strcmp(phase, "Failed") == 0 || strcmp(phase, "Succeeded") == 0;
}

static void add_status(json_t *cells, const json_t *object, const struct pod_summary *s)
{
	bool deleting = json_path(object, "metadata.deletionTimestamp");

	if (deleting && strcmp(json_path_str(object, "status.reason"), "NodeLost") == 0)
		cell_add(cells, "Unknown");
	else if (deleting && !is_terminal(object))
		cell_add(cells, "Terminating");
	else
		cell_add(cells, s->reason);
}

static void add_restarts(json_t *cells, const struct pod_summary *s, int64_t now)
{
	char text[64 + CLOCK_TEXT_SIZE], age[CLOCK_TEXT_SIZE];

	clock_format_age(now - s->last_restart, age);
	if (s->restarts && s->last_restart)
		(void)snprintf(text, sizeof(text), "%" PRId64 " (%s ago)", s->restarts, age);
	else
		(void)snprintf(text, sizeof(text), "%" PRId64, s->restarts);
	cell_add(cells, text);
}

static void add_readiness_gates(json_t *cells, const json_t *object)
{
	const json_t *gates = json_path(object, "spec.readinessGates"), *gate;
	size_t i, passed = 0;
	char text[64];

	json_array_foreach(gates, i, gate)
		passed += is_true(object, json_path_str(gate, "conditionType"));
	(void)snprintf(text, sizeof(text), "%zu/%zu", passed, json_array_size(gates));
	cell_add(cells, json_array_size(gates) ? text : "<none>");
}

void pod_row(const json_t *object, int64_t now, json_t *cells)
{
	const json_t *first = json_array_get(json_path(object, "status.podIPs"), 0);
	const char *ip = json_path_str(first, "ip");
	struct pod_summary s;
	char ready[64];

	summarise(&s, object);
	(void)snprintf(ready, sizeof(ready), "%zu/%zu", s.ready, s.total);
	cell_add_name(cells, object);
	cell_add(cells, ready);
	add_status(cells, object, &s);
	add_restarts(cells, &s, now);
	cell_add_object_age(cells, object, now);
	cell_add_or(cells, ip[0] ? ip : json_path_str(object, "status.podIP"), "<none>");
	cell_add_or(cells, json_path_str(object, "spec.nodeName"), "<none>");
	cell_add_or(cells, json_path_str(object, "status.nominatedNodeName"), "<none>");
	add_readiness_gates(cells, object);
}
