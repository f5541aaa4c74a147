/* SPDX-License-Identifier: Apache-2.0 */
#include "node/health_ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hmap.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/http_server.h"

#define RETRY_NS (5 * NSEC_PER_SEC)
#define IDLE_NS  (30 * NSEC_PER_SEC)
#define BODY_MAX 4096

struct health_port {
	struct hnode by_key;
	struct health_ports *ports;
	struct http_server *server; /* NULL: it does not listen, and is tried again */
	char *namespace, *name;
	uint16_t port;
	uint8_t family;
	uint32_t local_ready;
	bool told; /* that it cannot listen */
};

struct health_ports {
	struct loop *loop;
	const struct proxy_health *health;
	const char *node_name;
	health_ports_failed_fn failed;
	void *arg;
	struct hmap by_key;
	struct timer *retry;
};

static uint64_t key_hash(const char *ns, const char *name)
{
	return hash_combine(hash_str(ns), hash_str(name));
}

static struct health_port *find(const struct health_ports *ports, const char *ns, const char *name)
{
	struct health_port *p;

	hmap_for_each_with_hash(p, by_key, key_hash(ns, name), &ports->by_key)
		if (strcmp(p->name, name) == 0 && strcmp(p->namespace, ns) == 0)
			return p;
	return NULL;
}

static void handle(void *arg, struct http_request *req)
{
	const struct health_port *p = arg;
	bool healthy = proxy_health_ok(p->ports->health);
	auto_buf struct buf body = BUF_INIT;
	char weight[16];

	(void)snprintf(weight, sizeof(weight), "%u", p->local_ready);
	buf_printf(&body,
	           "{\n\t\"service\": {\n\t\t\"namespace\": \"%s\",\n\t\t\"name\": \"%s\"\n\t},\n"
	           "\t\"localEndpoints\": %u,\n\t\"serviceProxyHealthy\": %s\n}",
	           p->namespace, p->name, p->local_ready, healthy ? "true" : "false");
	http_add_header(req, "X-Content-Type-Options", "nosniff");
	http_add_header(req, "X-Load-Balancing-Endpoint-Weight", weight);
	http_reply(req, p->local_ready && healthy ? 200 : 503, "application/json", body.p, body.n);
}

static void tell(struct health_port *p, const struct err *err)
{
	struct health_ports *ports = p->ports;
	char *message = xasprintf("node %s failed to start healthcheck \"%s/%s\" on port %u: %s",
	                          ports->node_name, p->namespace, p->name, p->port, err->msg);

	log_warn("agent", "%s; trying again every %lld s", message, RETRY_NS / NSEC_PER_SEC);
	ports->failed(ports->arg, p->namespace, p->name, message);
	free(message);
	p->told = true;
}

static void listen_at(struct health_port *p)
{
	struct health_ports *ports = p->ports;
	struct ipaddr any = { .family = p->family };
	struct err err = { 0 };

	p->server = http_server_new(ports->loop, BODY_MAX, handle, p);
	http_server_set_idle_timeout(p->server, IDLE_NS);
	if (http_server_listen_tcp(p->server, &any, p->port, &err) == 0)
		return;
	http_server_free(p->server);
	p->server = NULL;
	if (!p->told)
		tell(p, &err);
	if (!timer_pending(ports->retry))
		timer_once(ports->retry, RETRY_NS);
}

static void on_retry(void *arg)
{
	struct health_ports *ports = arg;
	struct health_port *p;

	hmap_for_each(p, by_key, &ports->by_key)
		if (!p->server)
			listen_at(p);
}

static void free_port(struct health_ports *ports, struct health_port *p)
{
	hmap_remove(&ports->by_key, &p->by_key);
	http_server_free(p->server);
	free(p->namespace);
	free(p->name);
	free(p);
}

struct health_ports *health_ports_new(struct loop *loop, const struct proxy_health *health,
                                      const char *node_name, health_ports_failed_fn failed,
                                      void *arg)
{
	struct health_ports *ports = xnew(struct health_ports);

	*ports = (struct health_ports){
		.loop = loop, .health = health, .node_name = node_name, .failed = failed, .arg = arg
	};
	ports->retry = timer_new(loop, on_retry, ports);
	return ports;
}

void health_ports_free(struct health_ports *ports)
{
	struct health_port *p, *after;

	if (!ports)
		return;
	hmap_for_each_safe(p, after, by_key, &ports->by_key)
		free_port(ports, p);
	hmap_done(&ports->by_key);
	timer_free(ports->retry);
	free(ports);
}

void health_ports_set(struct health_ports *ports, const struct plan_service *plan)
{
	struct health_port *p = find(ports, plan->namespace, plan->name);

	if (p && p->port != plan->health_port) {
		free_port(ports, p);
		p = NULL;
	}
	if (!plan->health_port)
		return;
	if (!p) {
		p = xnew(struct health_port);
		p->ports = ports;
		p->namespace = xstrdup(plan->namespace);
		p->name = xstrdup(plan->name);
		p->port = plan->health_port;
		p->family = plan->n_ports ? plan->ports[0].family : 4;
		hmap_insert(&ports->by_key, &p->by_key, key_hash(p->namespace, p->name));
	}
	p->local_ready = plan->local_ready;
	if (!p->server)
		listen_at(p);
}

void health_ports_remove(struct health_ports *ports, const char *ns, const char *name)
{
	struct health_port *p = find(ports, ns, name);

	if (p)
		free_port(ports, p);
}
