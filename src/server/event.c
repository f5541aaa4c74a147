/* SPDX-License-Identifier: Apache-2.0 */
#include "server/event.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "kube/json.h"
#include "server/mutate.h"

#define DEFAULT_NAMESPACE "default" /* of Events about what is in none */

static void ignore(struct mutation *m, const struct store_object *object)
{
	(void)m;
	(void)object;
}

static json_t *regarding(const struct event *event)
{
	json_t *ref = json_pack("{s:s,s:s,s:s,s:s,s:s}", "kind", event->kind->name, "apiVersion",
	                        kind_api_version(event->kind), "name",
	                        json_path_str(event->object, "metadata.name"), "uid",
	                        json_path_str(event->object, "metadata.uid"), "resourceVersion",
	                        json_path_str(event->object, "metadata.resourceVersion"));
	const char *ns = json_path_str(event->object, "metadata.namespace");

	if (ns[0])
		json_object_set_new(ref, "namespace", json_string(ns));
	return ref;
}

/* As the recorders of client-go's tools/events and tools/record fill it. */
static json_t *event_json(const struct event *event, const char *name, const char *ns,
                          const char *message)
{
	json_t *object = json_pack("{s:{s:s,s:s},s:o,s:s,s:s,s:s,s:s,s:s}", "metadata", "name",
	                           name, "namespace", ns, "involvedObject", regarding(event),
	                           "type", "Warning", "reason", event->reason, "message", message,
	                           "reportingComponent", event->component, "reportingInstance",
	                           event->action ? event->component : "");
	char now[CLOCK_TEXT_SIZE];

	if (event->action) {
		clock_format_micro(clock_wall(), now);
		json_object_set_new(object, "eventTime", json_string(now));
		json_object_set_new(object, "action", json_string(event->action));
		return object;
	}
	clock_format(clock_wall(), now);
	json_object_set_new(object, "firstTimestamp", json_string(now));
	json_object_set_new(object, "lastTimestamp", json_string(now));
	json_object_set_new(object, "count", json_integer(1));
	json_object_set_new(object, "source", json_pack("{s:s}", "component", event->component));
	return object;
}

void event_warn(struct server *server, const struct event *event, const char *fmt, ...)
{
	const char *ns = json_path_str(event->object, "metadata.namespace");
	auto_free char *message = NULL;
	char name[300];
	struct mutation *m;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		abort();
	va_end(ap);
	if (!ns[0])
		ns = DEFAULT_NAMESPACE;
	(void)snprintf(name, sizeof(name), "%.253s.%" PRIx64,
	               json_path_str(event->object, "metadata.name"), (uint64_t)clock_wall());
	m = mutation_new(server, &kind_event, ns, name, MUTATE_CREATE,
	                 event_json(event, name, ns, message));
	m->own = true;
	m->done = ignore;
	mutation_start(m);
}
