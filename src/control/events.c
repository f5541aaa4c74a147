/* SPDX-License-Identifier: Apache-2.0 */
#include "control/events.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/kind.h"

static void sent(void *arg, int status, json_t *answer, const struct err *err)
{
	(void)arg;
	(void)status;
	(void)answer;
	(void)err;
}

static json_t *event_json(const struct service *service, const struct event *event)
{
	const struct meta *meta = &service->meta;
	/* client-go's form: the name of the object and the time in hex */
	auto_free char *name = xasprintf("%s.%" PRIx64, meta->name, (uint64_t)clock_wall());
	char now[CLOCK_TEXT_SIZE], version[24];

	clock_format(clock_wall(), now);
	(void)snprintf(version, sizeof(version), "%" PRIu64, meta->revision);
	return json_pack("{s:s,s:s,s:{s:s,s:s},s:{s:s,s:s,s:s,s:s,s:s,s:s},s:s,s:s,s:s,s:{s:s},"
	                 "s:s,s:s,s:i,s:s,s:s}",
	                 "kind", "Event", "apiVersion", "v1", "metadata", "name", name, "namespace",
	                 meta->namespace, "involvedObject", "kind", "Service", "apiVersion", "v1",
	                 "namespace", meta->namespace, "name", meta->name, "uid", meta->uid,
	                 "resourceVersion", version, "type", event->type, "reason", event->reason,
	                 "message", event->message, "source", "component", event->component,
	                 "firstTimestamp", now, "lastTimestamp", now, "count", 1,
	                 "reportingComponent", event->component, "reportingInstance", "");
}

void event_send(struct client *client, const struct service *service, const struct event *event)
{
	auto_json json_t *body = event_json(service, event);
	auto_free char *path = kind_path(&kind_event, service->meta.namespace, NULL);

	(void)client_request(client,
	                     &(struct client_request){
				     .method = "POST", .path = path, .body = body, .done = sent });
}
