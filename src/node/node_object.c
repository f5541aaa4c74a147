/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node_object.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "node/node_status.h"

#define LEASE_NAMESPACE  "kube-node-lease"
#define LEASE_PERIOD_NS  (10 * NSEC_PER_SEC)
#define STATUS_PERIOD_NS (300 * NSEC_PER_SEC) /* kubelet's nodeStatusReportFrequency */
#define RETRY_FIRST_NS   (250 * NSEC_PER_MSEC)
#define RETRY_MAX_NS     (10 * NSEC_PER_SEC)

/*
 * A write that repeats: a patch, or a create where there is nothing to patch, again after a while.  The Node
 * with its labels, its status, and the Lease are one each.
 */
struct upkeep {
	struct node_object *node;
	const char *what; /* for log lines */
	const struct kind *kind;
	const char *ns;
	const char *subresource; /* "" or "/status" */
	int64_t period_ns;       /* 0: once */
	json_t *(*body)(struct node_object *node);
	void (*written)(struct node_object *node, json_t *answer); /* or NULL */

	struct timer *timer;
	struct client_call *call;
	bool creating;
	int64_t retry_ns; /* 0: the last write worked */
};

struct node_object {
	struct client *client;
	char *name;
	struct ipaddr ip;
	json_t *seen; /* the object as it was when its labels were written */
	struct upkeep labels, status, lease;
};

/* ---- the writes ---- */

static json_t *labels_body(struct node_object *node)
{
	return node_status_labels(node->name);
}

static json_t *status_body(struct node_object *node)
{
	return node_status_patch(node->seen, node->name, &node->ip, clock_wall());
}

static json_t *lease_body(struct node_object *node)
{
	return node_status_lease(node->name, clock_wall());
}

/* What a patch would add, as a whole object. */
static json_t *whole(const struct upkeep *u, json_t *body)
{
	json_path_set(body, "apiVersion", json_string(kind_api_version(u->kind)));
	json_path_set(body, "kind", json_string(u->kind->name));
	json_path_set(body, "metadata.name", json_string(u->node->name));
	return body;
}

static void on_answer(void *arg, int status, json_t *answer, const struct err *err);

static void send_write(struct upkeep *u, bool create)
{
	auto_json json_t *body = u->body(u->node);
	auto_free char *object = kind_path(u->kind, u->ns, create ? NULL : u->node->name);
	auto_free char *path = xasprintf("%s%s", object, create ? "" : u->subresource);

	if (create)
		whole(u, body);
	u->creating = create;
	u->call = client_request(u->node->client,
	                         &(struct client_request){
					 .method = create ? "POST" : "PATCH",
					 .path = path,
					 .content_type = create ? NULL : CLIENT_PATCH_MERGE,
					 .body = body,
					 .timeout_ns = LEASE_PERIOD_NS,
					 .done = on_answer,
					 .arg = u,
				 });
}

static void start(struct upkeep *u)
{
	timer_stop(u->timer);
	if (!u->call)
		send_write(u, false);
}

static void on_timer(void *arg)
{
	start(arg);
}

static void worked(struct upkeep *u, json_t *answer)
{
	if (u->retry_ns)
		log_info("node", "the %s of %s is written again", u->what, u->node->name);
	u->retry_ns = 0;
	if (u->period_ns)
		timer_once(u->timer, u->period_ns);
	if (u->written)
		u->written(u->node, answer);
}

static void failed(struct upkeep *u, const struct err *err)
{
	if (u->retry_ns == 0)
		log_warn("node", "cannot write the %s of %s: %s; trying again", u->what,
		         u->node->name, err->msg);
	u->retry_ns = u->retry_ns ? 2 * u->retry_ns : RETRY_FIRST_NS;
	if (u->retry_ns > RETRY_MAX_NS)
		u->retry_ns = RETRY_MAX_NS;
	timer_once(u->timer, u->retry_ns);
}

static void on_answer(void *arg, int status, json_t *answer, const struct err *err)
{
	struct upkeep *u = arg;

	u->call = NULL;
	if (status >= 200 && status < 300)
		worked(u, answer);
	else if (status == 404 && !u->creating && !u->subresource[0])
		send_write(u, true);
	else
		failed(u, err);
}

static void labels_written(struct node_object *node, json_t *answer)
{
	json_decref(node->seen);
	node->seen = json_incref(answer);
	start(&node->status);
}

/* ---- the whole ---- */

static void upkeep_done(struct upkeep *u)
{
	if (u->call)
		client_cancel(u->call);
	timer_free(u->timer);
}

static void upkeep_init(struct upkeep *u, struct node_object *node)
{
	u->node = node;
	u->timer = timer_new(client_loop(node->client), on_timer, u);
}

struct node_object *node_object_new(struct client *client, const char *name,
                                    const struct ipaddr *ip)
{
	struct node_object *node = xnew(struct node_object);

	node->client = client;
	node->name = xstrdup(name);
	node->ip = *ip;
	node->labels = (struct upkeep){ .what = "Node object",
		                        .kind = &kind_node,
		                        .subresource = "",
		                        .period_ns = STATUS_PERIOD_NS,
		                        .body = labels_body,
		                        .written = labels_written };
	node->status = (struct upkeep){ .what = "Node status",
		                        .kind = &kind_node,
		                        .subresource = "/status",
		                        .body = status_body };
	node->lease = (struct upkeep){ .what = "Lease",
		                       .kind = &kind_lease,
		                       .ns = LEASE_NAMESPACE,
		                       .subresource = "",
		                       .period_ns = LEASE_PERIOD_NS,
		                       .body = lease_body };
	upkeep_init(&node->labels, node);
	upkeep_init(&node->status, node);
	upkeep_init(&node->lease, node);
	start(&node->labels);
	start(&node->lease);
	return node;
}

void node_object_free(struct node_object *node)
{
	if (!node)
		return;
	upkeep_done(&node->labels);
	upkeep_done(&node->status);
	upkeep_done(&node->lease);
	json_decref(node->seen);
	free(node->name);
	free(node);
}

void node_object_gone(struct node_object *node)
{
	start(&node->labels);
}
