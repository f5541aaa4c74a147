/* SPDX-License-Identifier: Apache-2.0 */
#include "node/agent.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/reflector.h"
#include "datapath/datapath.h"
#include "io/http_client.h"
#include "io/netaddr.h"
#include "kube/types.h"
#include "node/catalog.h"
#include "node/node_object.h"
#include "node/pods.h"
#include "plan/plan.h"

#define TICK_NS  NSEC_PER_SEC
#define RETRY_NS (5 * NSEC_PER_SEC) /* of Services that could not be applied */

/* Services left to another proxy and headless ones are not sent, nor are slices of the latter. */
#define SERVICES_PATH "/api/v1/services"
#define SERVICES_QUERY                                                 \
	"labelSelector=%21service.kubernetes.io%2Fservice-proxy-name&" \
	"fieldSelector=spec.clusterIP%21%3DNone"
#define SLICES_PATH  "/apis/discovery.k8s.io/v1/endpointslices"
#define SLICES_QUERY "labelSelector=%21service.kubernetes.io%2Fheadless"

struct agent {
	char *node_name;
	char *zone; /* of the own Node, "" */
	struct datapath *datapath;
	struct catalog catalog;
	struct pods *pods;
	struct node_object *node_object; /* NULL: the Node is another's */
	struct netaddr_watch *addresses;
	struct reflector *services, *slices, *own_node, *own_pods;
	struct timer *tick, *retry;
	bool ready;
	bool confirmed; /* the datapath knows that it has heard of every Service */
};

/* ---- catalog to datapath ---- */

static int apply(struct agent *agent, const struct catalog_entry *entry, struct err *err)
{
	const struct plan_node node = { .name = agent->node_name, .zone = agent->zone };
	struct plan_service *plan;
	int r;

	if (!entry->service)
		return datapath_remove(agent->datapath, entry->namespace, entry->name, err);
	plan = plan_service_new(entry->service, (const struct endpoint_slice *const *)entry->slices,
	                        entry->n_slices, &node);
	r = datapath_apply(agent->datapath, plan, err);
	plan_service_free(plan);
	return r;
}

static void set_failed(struct agent *agent, struct catalog_entry *entry, const struct err *err)
{
	log_err("agent", "cannot apply the Service %s/%s: %s; trying again in %lld s",
	        entry->namespace, entry->name, err->msg, RETRY_NS / NSEC_PER_SEC);
	catalog_set_failed(&agent->catalog, entry);
	if (!timer_pending(agent->retry))
		timer_once(agent->retry, RETRY_NS);
}

/*
 * Applies what changed.  Nothing happens before everything that a plan depends on is known: a set
 * of endpoints that is only half there would take the other half out of service.
 */
static void follow(struct agent *agent)
{
	struct catalog_entry *entry;
	struct err err = { 0 };

	if (!reflector_synced(agent->services) || !reflector_synced(agent->slices) ||
	    !reflector_synced(agent->own_node))
		return;
	while ((entry = catalog_take_changed(&agent->catalog)))
		if (apply(agent, entry, &err) < 0)
			set_failed(agent, entry, &err);
	/* What is in effect from before must not go while its Service could not be applied. */
	if (!agent->confirmed && list_empty(&agent->catalog.failed)) {
		datapath_synced(agent->datapath);
		agent->confirmed = true;
	}
	if (agent->ready)
		return;
	agent->ready = true;
	log_info("agent", "Services in effect on node %s: %zu", agent->node_name,
	         agent->catalog.n_services);
}

static void on_settled(void *arg)
{
	follow(arg);
}

static void on_retry(void *arg)
{
	struct agent *agent = arg;

	if (catalog_retry(&agent->catalog))
		follow(agent);
}

/* ---- what is watched ---- */

static void service_upsert(void *arg, const json_t *object)
{
	struct agent *agent = arg;

	catalog_set_service(&agent->catalog, service_from_json(object));
}

static void service_remove(void *arg, const char *ns, const char *name)
{
	struct agent *agent = arg;

	catalog_remove_service(&agent->catalog, ns, name);
}

static void slice_upsert(void *arg, const json_t *object)
{
	struct agent *agent = arg;

	catalog_set_slice(&agent->catalog, endpoint_slice_from_json(object));
}

static void slice_remove(void *arg, const char *ns, const char *name)
{
	struct agent *agent = arg;

	catalog_remove_slice(&agent->catalog, ns, name);
}

static void node_upsert(void *arg, const json_t *object)
{
	struct agent *agent = arg;
	struct node *node = node_from_json(object);

	if (strcmp(node->zone, agent->zone) != 0) {
		free(agent->zone);
		agent->zone = xstrdup(node->zone);
		catalog_change_all(&agent->catalog);
	}
	node_free(node);
}

/* The zone last known stays: an object that is gone for a moment says nothing about where we are. */
static void node_remove(void *arg, const char *ns, const char *name)
{
	struct agent *agent = arg;

	(void)ns;
	(void)name;
	if (agent->node_object)
		node_object_gone(agent->node_object);
}

static void pod_upsert(void *arg, const json_t *object)
{
	struct agent *agent = arg;

	pods_upsert(agent->pods, object);
}

static void pod_remove(void *arg, const char *ns, const char *name)
{
	struct agent *agent = arg;

	pods_remove(agent->pods, ns, name);
}

static void on_trouble(void *arg, const struct err *err, int64_t retry_ns)
{
	(void)arg;
	log_warn("agent", "%s; all stays as it is, trying again in %lld s", err->msg,
	         (long long)((retry_ns + NSEC_PER_SEC - 1) / NSEC_PER_SEC));
}

static const struct reflector_handler service_handler = {
	.upsert = service_upsert,
	.remove = service_remove,
	.settled = on_settled,
	.trouble = on_trouble,
};

static const struct reflector_handler slice_handler = {
	.upsert = slice_upsert,
	.remove = slice_remove,
	.settled = on_settled,
	.trouble = on_trouble,
};

static const struct reflector_handler node_handler = {
	.upsert = node_upsert,
	.remove = node_remove,
	.settled = on_settled,
	.trouble = on_trouble,
};

static const struct reflector_handler pod_handler = {
	.upsert = pod_upsert,
	.remove = pod_remove,
	.trouble = on_trouble,
};

static void watch_all(struct agent *agent, struct client *client)
{
	auto_free char *name = http_escape(agent->node_name);
	auto_free char *node_query = xasprintf("fieldSelector=metadata.name%%3D%s", name);
	auto_free char *pod_query = xasprintf("fieldSelector=spec.nodeName%%3D%s", name);

	agent->services = reflector_new(client, SERVICES_PATH, SERVICES_QUERY, &service_handler,
	                                agent);
	agent->slices = reflector_new(client, SLICES_PATH, SLICES_QUERY, &slice_handler, agent);
	agent->own_node = reflector_new(client, "/api/v1/nodes", node_query, &node_handler, agent);
	agent->own_pods = reflector_new(client, "/api/v1/pods", pod_query, &pod_handler, agent);
}

/* ---- this machine ---- */

/* nodePorts answer on every address the machine has now. */
static int follow_addresses(struct agent *agent, struct err *err)
{
	auto_free struct ipaddr *addrs = NULL;
	size_t n;
	int r;

	r = netaddr_list(&addrs, &n, err);
	if (r < 0)
		return r;
	return datapath_set_node_addresses(agent->datapath, addrs, n, err);
}

static void on_addresses(void *arg)
{
	struct err err = { 0 };

	if (follow_addresses(arg, &err) < 0)
		log_err("agent",
		        "cannot follow the addresses of this machine: %s; nodePorts stay as they are",
		        err.msg);
}

static void on_tick(void *arg)
{
	struct agent *agent = arg;

	datapath_tick(agent->datapath);
}

static struct ipaddr node_ip(const struct agent_config *config)
{
	struct ipaddr addr = config->node_ip;

	if (addr.family == 0 && netaddr_default_source(4, &addr) < 0 &&
	    netaddr_default_source(6, &addr) < 0)
		addr = (struct ipaddr){ 4, { 127, 0, 0, 1 } };
	return addr;
}

/* ---- life ---- */

static int open_machine(struct agent *agent, struct loop *loop, const struct agent_config *config,
                        struct err *err)
{
	const struct datapath_config datapath = { .pin_dir = config->pin_dir,
		                                  .cgroup = config->cgroup };
	int r;

	r = datapath_open(&datapath, &agent->datapath, err);
	if (r < 0)
		return r;
	r = netaddr_watch_new(loop, on_addresses, agent, &agent->addresses, err);
	if (r < 0)
		return r;
	return follow_addresses(agent, err);
}

int agent_new(struct client *client, const struct agent_config *config, struct agent **ret,
              struct err *err)
{
	struct loop *loop = client_loop(client);
	struct agent *agent = xnew(struct agent);
	struct ipaddr ip = node_ip(config);
	int r;

	agent->node_name = xstrdup(config->node_name);
	agent->zone = xstrdup("");
	catalog_init(&agent->catalog);
	r = open_machine(agent, loop, config, err);
	if (r == 0)
		r = pods_new(client, config->node_name, &ip, &agent->pods, err);
	if (r < 0) {
		agent_free(agent);
		return r;
	}
	agent->tick = timer_new(loop, on_tick, agent);
	agent->retry = timer_new(loop, on_retry, agent);
	timer_every(agent->tick, TICK_NS);
	if (config->register_node)
		agent->node_object = node_object_new(client, config->node_name, &ip);
	watch_all(agent, client);
	*ret = agent;
	return 0;
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	reflector_free(agent->services);
	reflector_free(agent->slices);
	reflector_free(agent->own_node);
	reflector_free(agent->own_pods);
	node_object_free(agent->node_object);
	pods_free(agent->pods);
	netaddr_watch_free(agent->addresses);
	timer_free(agent->tick);
	timer_free(agent->retry);
	catalog_done(&agent->catalog);
	if (agent->datapath)
		datapath_close(agent->datapath);
	free(agent->node_name);
	free(agent->zone);
	free(agent);
}

bool agent_ready(const struct agent *agent)
{
	return agent->ready;
}
