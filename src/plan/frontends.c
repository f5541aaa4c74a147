/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/frontends.h"

/* One address may be named twice (an external IP that is a load balancer's too): the first counts. */
static void add_frontend(struct plan_port *port, enum plan_frontend_type type,
                         const struct ipaddr *addr, uint16_t number)
{
	for (size_t i = 0; i < port->n_frontends; i++)
		if (port->frontends[i].port == number &&
		    ipaddr_equal(&port->frontends[i].addr, addr))
			return;
	port->frontends[port->n_frontends++] =
		(struct plan_frontend){ .type = type, .addr = *addr, .port = number };
}

/* A range of every address is no restriction. */
static void add_source_ranges(struct arena *arena, const struct service *service,
                              struct plan_port *port)
{
	port->source_ranges = arena_array(arena, struct cidr, service->n_source_ranges);
	for (size_t i = 0; i < service->n_source_ranges; i++) {
		const struct cidr *range = &service->source_ranges[i];

		if (range->addr.family != port->family)
			continue;
		if (range->prefix == 0) {
			port->n_source_ranges = 0;
			return;
		}
		port->source_ranges[port->n_source_ranges++] = *range;
	}
}

void frontends_add(struct arena *arena, const struct service *service,
                   const struct service_port *spec, const struct ipaddr *cluster_ip,
                   struct plan_port *port)
{
	size_t max = 2 + service->n_external_ips + service->n_ingress;

	port->frontends = arena_array(arena, struct plan_frontend, max);
	add_frontend(port, PLAN_CLUSTER_IP, cluster_ip, spec->port);
	if (spec->node_port && service->type != SERVICE_CLUSTER_IP)
		add_frontend(port, PLAN_NODE_PORT, &(struct ipaddr){ .family = port->family },
		             spec->node_port);
	for (size_t i = 0; i < service->n_external_ips; i++)
		if (service->external_ips[i].family == port->family)
			add_frontend(port, PLAN_EXTERNAL_IP, &service->external_ips[i], spec->port);
	if (service->type != SERVICE_LOAD_BALANCER)
		return;
	/* ipMode Proxy: the balancer wants to see the traffic itself. */
	for (size_t i = 0; i < service->n_ingress; i++)
		if (service->ingress[i].ip.family == port->family && !service->ingress[i].proxy)
			add_frontend(port, PLAN_LOAD_BALANCER, &service->ingress[i].ip, spec->port);
	add_source_ranges(arena, service, port);
}

bool frontends_accessible(const struct plan_port *port)
{
	for (size_t i = 0; i < port->n_frontends; i++)
		if (port->frontends[i].type != PLAN_CLUSTER_IP)
			return true;
	return false;
}
