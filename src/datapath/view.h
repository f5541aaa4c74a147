/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view - what the kernel really has: the pinned maps and links, read by any process, whether an
 * agent runs or not.  For "fairlead get frontends|backends|services", "status" and "trace".
 *
 *	r = view_read(NULL, &view, &err);
 *	r = view_count_connections(view, &err);
 *	for (size_t i = 0; i < view->n_services; i++) {
 *		const struct view_service *s = &view->services[i];
 *		const struct view_window *w = &s->windows[PLAN_WINDOW_ALL];
 *
 *		for (size_t k = 0; k < w->n; k++)
 *			print(s, &view->backends[w->backends[k]]);
 *	}
 *
 * A copy, whose parts may be of different moments if an agent is writing: each window is one version
 * of itself.  It is ordered by address, and Services by namespace, name, port and family.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/ipaddr.h"
#include "plan/plan.h"

#define VIEW_NONE  SIZE_MAX /* no Service, no backend */
#define VIEW_HOOKS 8

struct view_frontend {
	struct ipaddr addr; /* of a nodePort: unspecified, every address of the node */
	uint16_t port;
	enum protocol protocol;
	enum plan_frontend_type type;
	enum plan_window_id internal, external;
	size_t service; /* in view->services; VIEW_NONE: damaged, refused */
};

struct view_window {
	const size_t *backends; /* in view->backends, in the order of the slots: a share for each */
	size_t n;
};

/* A port of a Service in one family. */
struct view_service {
	const char *namespace, *name, *port_name; /* "" as port_name of the only port */
	uint16_t port;
	enum protocol protocol;
	uint8_t family;
	uint32_t affinity_seconds; /* 0: none */
	uint32_t svc;              /* index in the kernel's maps */
	struct view_window windows[PLAN_WINDOWS];
};

/* The numbers are those of enum be_state. */
enum view_state {
	VIEW_DEAD, /* seen for an instant while an agent takes it out */
	VIEW_ACTIVE,
	VIEW_TERMINATING,
};

/* Of one Service: what several have in common is there once for each. */
struct view_backend {
	struct ipaddr addr;
	uint16_t port;
	enum view_state state;
	uint8_t windows; /* 1 << enum plan_window_id, or-ed */
	size_t service;
	uint32_t id, gen; /* in the kernel's maps */
	uint64_t connections;
};

/* A link as it is pinned. */
struct view_hook {
	const char *name; /* "connect4" */
	bool attached;
	uint64_t cgroup; /* the inode of its folder */
	uint32_t program;
};

struct view {
	struct arena arena; /* owns all but the backends */
	unsigned int generation;
	struct view_frontend *frontends;
	size_t n_frontends;
	struct view_service *services;
	size_t n_services;
	struct view_backend *backends; /* owned; those of one Service after another's */
	size_t n_backends;
	struct ipaddr *node_addrs; /* that nodePorts answer on */
	size_t n_node_addrs;
	bool loopback4, loopback6; /* they do on 127/8, on ::1, ... */
	uint64_t netns;            /* ... in the network namespace with this cookie */
	bool synced;               /* holds all Services, not only some since a first start */
	struct view_hook hooks[VIEW_HOOKS];
	int affinity_fd; /* owned */
};

/* 'pin_dir' as in datapath.h.  -ENOENT if nothing of this release is pinned there. */
int view_read(const char *pin_dir, struct view **ret, struct err *err);
void view_free(struct view *view);

/* The frontend at exactly this address ('addr' unspecified: the nodePort), or NULL. */
const struct view_frontend *view_find(const struct view *view, const struct ipaddr *addr,
                                      uint16_t port, enum protocol protocol);

/*
 * Sets 'connections' of each backend: the established TCP connections and connected UDP sockets of
 * this machine, in all network namespaces, whose other end is the backend; see docs/decisions.md.
 * The calling thread visits the namespaces.  What could be counted is, also on failure.
 */
int view_count_connections(struct view *view, struct err *err);

/* What the session affinity has for clients of the calling network namespace. */
struct view_affinity {
	size_t backend; /* VIEW_NONE: nothing, or not any more */
	uint32_t left_seconds;
};

enum view_verdict {
	VIEW_DIRECT,   /* nobody's frontend: goes where it is addressed */
	VIEW_REFUSED,  /* at once */
	VIEW_BALANCED, /* to one of 'window' */
};

struct view_trace {
	enum view_verdict verdict;
	const struct view_frontend *frontend; /* NULL with VIEW_DIRECT */
	const struct view_service *service;   /* NULL with VIEW_DIRECT, and of damaged frontends */
	const struct view_window *window;     /* NULL without Service */
	struct view_affinity affinity;
	char why[256]; /* a sentence */
};

/* What becomes of a connection from a socket of the calling network namespace. */
void view_trace(const struct view *view, const struct ipaddr *addr, uint16_t port,
                enum protocol protocol, struct view_trace *ret);
