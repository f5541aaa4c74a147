/* SPDX-License-Identifier: Apache-2.0 */
#include "node/agent.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/reflector.h"
#include "io/http_client.h"
#include "kube/json.h"
#include "kube/types.h"
#include "node/agent_metrics.h"
#include "node/catalog.h"
#include "node/events.h"
#include "node/health_ports.h"
#include "node/machine.h"
#include "node/monitor.h"
#include "node/node_object.h"
#include "node/pods.h"
#include "node/proxy_health.h"
#include "plan/plan.h"

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
	struct machine *machine;
	struct catalog catalog;
	struct proxy_health health;
	struct agent_metrics metrics;
	struct monitor_source source;
	struct monitor *monitor;
	struct health_ports *health_ports;
	struct events *events;
	struct pods *pods;
	struct node_object *node_object; /* NULL: the Node is another's */
	struct reflector *services, *slices, *own_node, *own_pods;
	struct timer *retry;
	bool ready;
	bool confirmed; /* the datapath knows that it has heard of every Service */
};

/* ---- catalog to datapath ---- */

static int apply(struct agent *agent, struct catalog_entry *entry, struct err *err)
{
	struct datapath *datapath = machine_datapath(agent->machine);
	const struct plan_node node = { .name = agent->node_name, .zone = agent->zone };
	struct plan_service *plan;
	int r;

	if (!entry->service) {
		agent_metrics_plan(&agent->metrics, &entry->sums, NULL);
		health_ports_remove(agent->health_ports, entry->namespace, entry->name);
		return datapath_remove(datapath, entry->namespace, entry->name, err);
	}
	plan = plan_service_new(entry->service, (const struct endpoint_slice *const *)entry->slices,
	                        entry->n_slices, &node);
	agent_metrics_plan(&agent->metrics, &entry->sums, plan);
	r = datapath_apply(datapath, plan, err);
	/* a load balancer hears of it when connections are taken */
	health_ports_set(agent->health_ports, plan);
	plan_service_free(plan);
	return r;
}

static void set_failed(struct agent *agent, struct catalog_entry *entry, const struct err *err)
{
	log_err("agent", "cannot apply the Service %s/%s: %s; trying again in %lld s",
	        entry->namespace, entry->name, err->msg, RETRY_NS / NSEC_PER_SEC);
	catalog_set_failed(&agent->catalog, entry);
	agent->metrics.failures++;
	if (!timer_pending(agent->retry))
		timer_once(agent->retry, RETRY_NS);
}

/* 'n' Services were applied since 'start'. */
static void note_synced(struct agent *agent, size_t n, int64_t start)
{
	if (!list_empty(&agent->catalog.failed))
		return;
	proxy_health_updated(&agent->health);
	if (n > 0 || !agent->ready)
		agent_metrics_synced(&agent->metrics, (double)(clock_now() - start) / NSEC_PER_SEC,
		                     !agent->ready);
}

/*
 * Applies what changed.  Nothing happens before everything that a plan depends on is known: a set
 * of endpoints that is only half there would take the other half out of service.
 */
static void follow(struct agent *agent)
{
	struct catalog_entry *entry;
	int64_t start = clock_now();
	struct err err = { 0 };
	size_t n = 0;

	if (!reflector_synced(agent->services) || !reflector_synced(agent->slices) ||
	    !reflector_synced(agent->own_node))
		return;
	for (; (entry = catalog_take_changed(&agent->catalog)); n++)
		if (apply(agent, entry, &err) < 0)
			set_failed(agent, entry, &err);
	note_synced(agent, n, start);
	/* What is in effect from before must not go while its Service could not be applied. */
	if (!agent->confirmed && list_empty(&agent->catalog.failed)) {
		machine_synced(agent->machine);
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

static void note_service(struct agent *agent)
{
	proxy_health_queued(&agent->health);
	agent_metrics_service(&agent->metrics);
}

static void note_slice(struct agent *agent, int64_t trigger)
{
	proxy_health_queued(&agent->health);
	agent_metrics_endpoints(&agent->metrics, trigger);
}

/* When what the slice tells happened; 0 if its controller does not say. */
static int64_t trigger_time(const json_t *slice)
{
	const char *text = json_string_value(
		json_object_get(json_path(slice, "metadata.annotations"), ANNOTATION_TRIGGER_TIME));
	int64_t wall = 0;

	if (text)
		(void)clock_parse(text, &wall);
	return wall;
}

static void service_upsert(void *arg, const json_t *object)
{
	struct agent *agent = arg;

	note_service(agent);
	catalog_set_service(&agent->catalog, service_from_json(object));
}

static void service_remove(void *arg, const char *ns, const char *name)
{
	struct agent *agent = arg;

	note_service(agent);
	catalog_remove_service(&agent->catalog, ns, name);
}

static void slice_upsert(void *arg, const json_t *object)
{
	struct agent *agent = arg;

	note_slice(agent, trigger_time(object));
	catalog_set_slice(&agent->catalog, endpoint_slice_from_json(object));
}

static void slice_remove(void *arg, const char *ns, const char *name)
{
	struct agent *agent = arg;

	note_slice(agent, 0);
	catalog_remove_slice(&agent->catalog, ns, name);
}

static void node_upsert(void *arg, const json_t *object)
{
	struct agent *agent = arg;
	struct node *node = node_from_json(object);

	proxy_health_set_node(&agent->health, object);
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
	proxy_health_set_node(&agent->health, NULL);
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

/* ---- what is told ---- */

static void add_metrics(void *arg, struct buf *out)
{
	struct agent *agent = arg;
	struct datapath_stats stats;

	datapath_stats(machine_datapath(agent->machine), &stats);
	agent->metrics.in_effect = !machine_trouble(agent->machine);
	agent->metrics.check_failures = machine_failures(agent->machine);
	agent_metrics_text(&agent->metrics, &agent->health, &stats, out);
}

static bool add_check(struct buf *out, const char *name, bool good, const char *why)
{
	if (good)
		buf_printf(out, "[+]%s ok\n", name);
	else
		buf_printf(out, "[-]%s failed: %s\n", name, why);
	return good;
}

static bool add_checks(void *arg, struct buf *out)
{
	struct agent *agent = arg;
	const char *trouble = machine_trouble(agent->machine);
	bool good = add_check(out, "services", agent->ready,
	                      "the API has not told all Services and EndpointSlices yet");

	good &= add_check(out, "applied", list_empty(&agent->catalog.failed),
	                  "a Service could not be put into effect; the log says why");
	return add_check(out, "datapath", !trouble, trouble) && good;
}

static void on_health_port_failed(void *arg, const char *ns, const char *name, const char *message)
{
	struct agent *agent = arg;
	const struct event_subject subject = { "Service", ns, name,
		                               catalog_uid(&agent->catalog, ns, name) };

	events_add(agent->events, &subject, "Warning", "FailedToStartServiceHealthcheck", message);
}

/* ---- life ---- */

int agent_new(struct client *client, const struct agent_config *config, struct agent **ret,
              struct err *err)
{
	struct ipaddr ip = config->node_ip.family ? config->node_ip : machine_default_ip();
	struct loop *loop = client_loop(client);
	struct agent *agent = xnew(struct agent);
	int r;

	agent->node_name = xstrdup(config->node_name);
	agent->zone = xstrdup("");
	catalog_init(&agent->catalog);
	agent_metrics_init(&agent->metrics);
	agent->events = events_new(client, config->node_name);
	agent->health_ports = health_ports_new(loop, &agent->health, agent->node_name,
	                                       on_health_port_failed, agent);
	r = machine_new(loop, config->pin_dir, config->cgroup, &agent->machine, err);
	if (r == 0)
		r = pods_new(client, config->node_name, &ip, &agent->pods, err);
	if (r < 0) {
		agent_free(agent);
		return r;
	}
	agent->retry = timer_new(loop, on_retry, agent);
	if (config->register_node)
		agent->node_object = node_object_new(client, config->node_name, &ip);
	watch_all(agent, client);
	agent->source = (struct monitor_source){
		.health = &agent->health, .metrics = add_metrics, .ready = add_checks, .arg = agent
	};
	agent->monitor = monitor_new(loop, &config->healthz, &config->metrics, &agent->source);
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
	monitor_free(agent->monitor);
	health_ports_free(agent->health_ports);
	events_free(agent->events);
	node_object_free(agent->node_object);
	pods_free(agent->pods);
	timer_free(agent->retry);
	catalog_done(&agent->catalog);
	machine_free(agent->machine);
	free(agent->node_name);
	free(agent->zone);
	free(agent);
}

bool agent_ready(const struct agent *agent)
{
	return agent->ready;
}
