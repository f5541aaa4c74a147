/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <stdlib.h>

#include "base/hmap.h"
#include "base/mem.h"
#include "datapath/netns.h"
#include "datapath/sockdiag.h"
#include "datapath/view.h"

/* A backend's address; several Services may have it. */
struct target {
	struct hnode by_addr;
	struct ipaddr addr;
	uint16_t port;
	uint8_t protocol;
	uint64_t connections;
};

struct count {
	struct hmap targets;
	int protocol; /* that is being listed */
};

static uint64_t target_hash(const struct ipaddr *addr, uint16_t port, int protocol)
{
	return hash_combine(hash_bytes(addr, sizeof(*addr)),
	                    (uint64_t)port << 8 | (uint64_t)protocol);
}

static struct target *target_find(const struct count *count, const struct ipaddr *addr,
                                  uint16_t port, int protocol)
{
	struct target *t;

	hmap_for_each_with_hash(t, by_addr, target_hash(addr, port, protocol), &count->targets) {
		if (t->port == port && t->protocol == protocol && ipaddr_equal(&t->addr, addr))
			return t;
	}
	return NULL;
}

static int protocol_of(const struct view *view, const struct view_backend *b)
{
	return view->services[b->service].protocol == PROTOCOL_UDP ? IPPROTO_UDP : IPPROTO_TCP;
}

static void add_targets(struct count *count, const struct view *view)
{
	for (size_t i = 0; i < view->n_backends; i++) {
		const struct view_backend *b = &view->backends[i];
		int protocol = protocol_of(view, b);
		struct target *t;

		if (target_find(count, &b->addr, b->port, protocol))
			continue;
		t = xnew(struct target);
		t->addr = b->addr;
		t->port = b->port;
		t->protocol = (uint8_t)protocol;
		hmap_insert(&count->targets, &t->by_addr, target_hash(&t->addr, t->port, protocol));
	}
}

static void visit_socket(void *arg, const struct ipaddr *remote, uint16_t port)
{
	const struct count *count = arg;
	struct target *t = target_find(count, remote, port, count->protocol);

	if (t)
		t->connections++;
}

static int count_here(void *arg, struct err *err)
{
	static const int protocols[] = { IPPROTO_TCP, IPPROTO_UDP };
	struct count *count = arg;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(protocols) && r == 0; i++) {
		count->protocol = protocols[i];
		r = sockdiag_each(protocols[i], visit_socket, count, err);
	}
	return r;
}

int view_count_connections(struct view *view, struct err *err)
{
	struct count count = { 0 };
	struct target *t, *after;
	int r;

	add_targets(&count, view);
	r = netns_each(count_here, &count, err);
	for (size_t i = 0; i < view->n_backends; i++) {
		struct view_backend *b = &view->backends[i];

		b->connections =
			target_find(&count, &b->addr, b->port, protocol_of(view, b))->connections;
	}
	hmap_for_each_safe(t, after, by_addr, &count.targets)
		free(t);
	hmap_done(&count.targets);
	return r;
}
