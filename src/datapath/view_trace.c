/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/clock.h"
#include "datapath/host.h"
#include "datapath/layout.h"
#include "datapath/view.h"

static bool in_own_netns(const struct view *view)
{
	uint64_t cookie;

	return host_netns_cookie(&cookie, NULL) == 0 && cookie == view->netns;
}

/* As the programs see it; 'why' says why not. */
static bool is_node_address(const struct view *view, const struct ipaddr *addr, const char **why)
{
	*why = "the address is none of this node's";
	for (size_t i = 0; i < view->n_node_addrs; i++) {
		if (ipaddr_equal(&view->node_addrs[i], addr))
			return true;
	}
	if (!ipaddr_is_loopback(addr) && !ipaddr_is_unspecified(addr))
		return false;
	if (!(addr->family == 4 ? view->loopback4 : view->loopback6)) {
		*why = "nodePorts do not answer on the loopback";
		return false;
	}
	*why = "the loopback of this network namespace is not the node's";
	return in_own_netns(view);
}

static const struct view_frontend *frontend_of(const struct view *view, const struct ipaddr *addr,
                                               uint16_t port, enum protocol protocol,
                                               struct view_trace *t)
{
	const struct ipaddr any = { .family = addr->family };
	const struct view_frontend *f = NULL, *node_port = view_find(view, &any, port, protocol);
	const char *why;

	if (!ipaddr_is_unspecified(addr))
		f = view_find(view, addr, port, protocol);
	if (f || !node_port) {
		(void)snprintf(t->why, sizeof(t->why),
		               f ? "a Service has this address and port"
		                 : "no Service has this address and port, nor this nodePort");
		return f;
	}
	if (is_node_address(view, addr, &why)) {
		(void)snprintf(t->why, sizeof(t->why), "nodePort %u at an address of this node",
		               port);
		return node_port;
	}
	(void)snprintf(t->why, sizeof(t->why), "%u is a nodePort, but %s", port, why);
	return NULL;
}

/* The backend in the window that the affinity names, if it still is the same one. */
static size_t backend_of(const struct view *view, const struct view_window *window, uint32_t id,
                         uint32_t gen)
{
	for (size_t i = 0; i < window->n; i++) {
		const struct view_backend *b = &view->backends[window->backends[i]];

		if (b->id == id && (b->gen & 0xffff) == gen)
			return window->backends[i];
	}
	return VIEW_NONE;
}

static struct view_affinity affinity_of(const struct view *view, const struct view_service *s,
                                        const struct view_window *window)
{
	struct view_affinity none = { .backend = VIEW_NONE }, found;
	struct affinity_key key = { .svc = s->svc, .window = (uint32_t)(window - s->windows) };
	struct affinity_val value;
	uint64_t client;
	int64_t left;

	if (!s->affinity_seconds || host_netns_cookie(&client, NULL) < 0)
		return none;
	key.client = client;
	if (bpf_map_lookup_elem(view->affinity_fd, &key, &value) < 0)
		return none;
	left = (int64_t)value.seen_ns + s->affinity_seconds * NSEC_PER_SEC - clock_now();
	found.backend = backend_of(view, window, value.be, value.gen);
	found.left_seconds = (uint32_t)((left + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
	return left > 0 && found.backend != VIEW_NONE ? found : none;
}

static const char *why_empty(enum plan_window_id window)
{
	switch (window) {
	case PLAN_WINDOW_LOCAL:
		return "the internal traffic policy is Local and no endpoint is on this node";
	case PLAN_WINDOW_ALL:
	case PLAN_WINDOW_TOPOLOGY:
	case PLAN_WINDOWS:
		break;
	}
	return "the Service has no usable endpoint";
}

void view_trace(const struct view *view, const struct ipaddr *addr, uint16_t port,
                enum protocol protocol, struct view_trace *ret)
{
	const struct view_frontend *f;

	*ret = (struct view_trace){ .affinity.backend = VIEW_NONE };
	f = ret->frontend = frontend_of(view, addr, port, protocol, ret);
	if (!f)
		return;
	ret->verdict = VIEW_REFUSED;
	if (f->service == VIEW_NONE) {
		(void)snprintf(ret->why, sizeof(ret->why),
		               "the frontend leads to no Service; the agent will set it right");
		return;
	}
	ret->service = &view->services[f->service];
	ret->window = &ret->service->windows[f->internal];
	if (ret->window->n == 0) {
		(void)snprintf(ret->why, sizeof(ret->why), "%s", why_empty(f->internal));
		return;
	}
	ret->verdict = VIEW_BALANCED;
	ret->affinity = affinity_of(view, ret->service, ret->window);
}
