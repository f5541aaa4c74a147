/* SPDX-License-Identifier: Apache-2.0 */
#include "server/default_cidr.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "kube/json.h"
#include "server/event.h"
#include "server/mutate.h"
#include "server/object.h"

#define COMPONENT "kubernetes-service-cidr-controller"

static json_t *wanted_cidrs(const struct server *server)
{
	json_t *cidrs = json_array();

	for (size_t i = 0; i < server->admission->n_ranges; i++) {
		char text[IP_RANGE_TEXT_SIZE];

		ip_range_format(&server->admission->ranges[i], text);
		json_array_append_new(cidrs, json_string(text));
	}
	return cidrs;
}

static const json_t *ready_condition(const json_t *cidr)
{
	const json_t *condition;
	size_t i;

	json_array_foreach(json_path(cidr, "status.conditions"), i, condition)
		if (strcmp(json_path_str(condition, "type"), "Ready") == 0)
			return condition;
	return NULL;
}

/* As Go prints a list of strings. */
static void add_list(struct buf *b, const json_t *list)
{
	const json_t *one;
	size_t i;

	buf_adds(b, "[");
	json_array_foreach(list, i, one)
		buf_printf(b, "%s%s", i ? " " : "", json_string_value(one));
	buf_adds(b, "]");
}

static void tell_mismatch(struct server *server, const json_t *cidr, const json_t *wanted)
{
	const struct event event = { &kind_service_cidr, cidr, COMPONENT,
		                     "KubernetesDefaultServiceCIDRInconsistent", NULL };
	auto_buf struct buf here = BUF_INIT, there = BUF_INIT;

	if (server->cidr_mismatch_told)
		return;
	server->cidr_mismatch_told = true;
	add_list(&here, json_path(cidr, "spec.cidrs"));
	add_list(&there, wanted);
	event_warn(server, &event,
	           "The default ServiceCIDR %s does not match the controller flag configurations "
	           "%s",
	           buf_str(&here), buf_str(&there));
}

static void tell_not_ready(struct server *server, const json_t *cidr, const json_t *condition)
{
	const struct event event = { &kind_service_cidr, cidr, COMPONENT,
		                     json_path_str(condition, "reason"), NULL };

	if (server->cidr_not_ready_told)
		return;
	server->cidr_not_ready_told = true;
	event_warn(server, &event, "Configuration matches, but %s",
	           json_path_str(condition, "message"));
}

static struct mutation *patch(struct server *server, json_t *body)
{
	struct mutation *m = mutation_new(server, &kind_service_cidr, "", DEFAULT_CIDR_NAME,
	                                  MUTATE_PATCH_MERGE, body);

	m->own = true;
	return m;
}

static struct mutation *set_ready(struct server *server)
{
	char now[CLOCK_TEXT_SIZE];
	struct mutation *m;

	clock_format(clock_wall(), now);
	m = patch(server, json_pack("{s:{s:[{s:s,s:s,s:s,s:s,s:s}]}}", "status", "conditions",
	                            "lastTransitionTime", now, "message",
	                            "Kubernetes default Service CIDR is ready", "reason", "",
	                            "status", "True", "type", "Ready"));
	m->status = true;
	return m;
}

static struct mutation *sync_status(struct server *server, const json_t *cidr, const json_t *wanted)
{
	const json_t *condition = ready_condition(cidr);
	const char *status = json_path_str(condition, "status");

	if (object_deleting(cidr))
		return NULL;
	if (!json_equal(json_path(cidr, "spec.cidrs"), wanted)) {
		tell_mismatch(server, cidr, wanted);
		return NULL;
	}
	if (!condition || strcmp(status, "Unknown") == 0)
		return set_ready(server);
	if (strcmp(status, "False") == 0)
		tell_not_ready(server, cidr, condition);
	return NULL;
}

struct mutation *default_cidr_sync(struct server *server)
{
	const struct store_object *stored = store_get(server->store, &kind_service_cidr, "",
	                                              DEFAULT_CIDR_NAME);
	auto_json json_t *wanted = wanted_cidrs(server);
	auto_json json_t *cidr = stored ? store_object_json(stored) : NULL;
	const json_t *cidrs = json_path(cidr, "spec.cidrs");
	struct mutation *m;

	if (!cidr) {
		m = mutation_new(server, &kind_service_cidr, "", "", MUTATE_CREATE,
		                 json_pack("{s:{s:s},s:{s:O}}", "metadata", "name",
		                           DEFAULT_CIDR_NAME, "spec", "cidrs", wanted));
		m->own = true;
		return m;
	}
	if (json_array_size(wanted) == 2 && json_array_size(cidrs) == 1 &&
	    json_equal(json_array_get(cidrs, 0), json_array_get(wanted, 0)))
		return patch(server, json_pack("{s:{s:O}}", "spec", "cidrs", wanted));
	return sync_status(server, cidr, wanted);
}
