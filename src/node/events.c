/* SPDX-License-Identifier: Apache-2.0 */
#include "node/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kube/kind.h"

#define QUEUE_MAX   256
#define MESSAGE_MAX 1024 /* as the API's limit for an Event's message */

struct events {
	struct client *client;
	char *node_name;
	struct client_call *call;
	json_t *queue[QUEUE_MAX]; /* a ring; owned references */
	size_t first, n;
};

struct events *events_new(struct client *client, const char *node_name)
{
	struct events *e = xnew(struct events);

	e->client = client;
	e->node_name = xstrdup(node_name);
	return e;
}

static json_t *pop(struct events *e)
{
	json_t *event = e->queue[e->first];

	e->first = (e->first + 1) % QUEUE_MAX;
	e->n--;
	return event;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	if (e->call)
		client_cancel(e->call);
	while (e->n > 0)
		json_decref(pop(e));
	free(e->node_name);
	free(e);
}

static void send_next(struct events *e);

static void on_sent(void *arg, int status, json_t *answer, const struct err *err)
{
	struct events *e = arg;

	(void)status;
	(void)answer;
	(void)err;
	e->call = NULL;
	send_next(e);
}

static void send_next(struct events *e)
{
	json_t *event;
	char *path;

	if (e->call || e->n == 0)
		return;
	event = pop(e);
	path = kind_path(
		&kind_event,
		json_string_value(json_object_get(json_object_get(event, "metadata"), "namespace")),
		NULL);
	e->call = client_request(
		e->client,
		&(struct client_request){
			.method = "POST", .path = path, .body = event, .done = on_sent, .arg = e });
	free(path);
	json_decref(event);
}

static json_t *reference(const struct event_subject *subject)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "apiVersion", "v1", "kind", subject->kind,
	                 "namespace", subject->namespace, "name", subject->name, "uid",
	                 subject->uid);
}

/* A name as client-go's recorder gives it: the object's and the time in hexadecimal. */
static json_t *event_meta(const struct event_subject *subject, int64_t now)
{
	char *name = xasprintf("%s.%llx", subject->name, (unsigned long long)now);
	json_t *meta = json_pack("{s:s, s:s}", "name", name, "namespace", subject->namespace);

	free(name);
	return meta;
}

void events_add(struct events *e, const struct event_subject *subject, const char *type,
                const char *reason, const char *message)
{
	char when[CLOCK_TEXT_SIZE], text[MESSAGE_MAX];
	int64_t now = clock_wall();
	json_t *event;

	if (e->n == QUEUE_MAX)
		return;
	clock_format(now, when);
	(void)snprintf(text, sizeof(text), "%s", message);
	event = json_pack(
		"{s:s, s:s, s:o, s:o, s:s, s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:i, s:s, s:s}",
		"apiVersion", "v1", "kind", "Event", "metadata", event_meta(subject, now),
		"involvedObject", reference(subject), "type", type, "reason", reason, "message",
		text, "source", "component", "fairlead", "host", e->node_name, "firstTimestamp",
		when, "lastTimestamp", when, "count", 1, "reportingComponent", "fairlead",
		"reportingInstance", e->node_name);
	if (!event) /* a text that is not UTF-8 */
		return;
	e->queue[(e->first + e->n++) % QUEUE_MAX] = event;
	send_next(e);
}

void events_pod(struct events *e, const struct pod *pod, const char *type, const char *reason,
                const char *message)
{
	const struct event_subject subject = { "Pod", pod->meta.namespace, pod->meta.name,
		                               pod->meta.uid };

	events_add(e, &subject, type, reason, message);
}
