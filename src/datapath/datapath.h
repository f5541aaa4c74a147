/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datapath - makes the kernel do what the plan says: eBPF programs at a cgroup, their maps, and the
 * differences between what is in the maps and a plan.  Nothing of Kubernetes is in here.
 *
 * Everything is pinned under one folder of a bpffs: the process may be killed, restarted or
 * upgraded while connections go on and new ones are balanced from the last plan.  After a restart
 * the maps are adopted as they are; a frontend that no plan confirmed is removed only by
 * datapath_synced(), when the first full set of plans has been applied.  What another release left,
 * with another layout of its maps, stays in effect until then, and is replaced at once.
 *
 * Connected UDP sockets whose backend is gone are destroyed some 30 ms later, in every network
 * namespace that can be entered: that needs the host's view of the processes, or of the mounted
 * namespaces.
 *
 * Threads.  One thread owns a datapath, which has another inside.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ipaddr.h"
#include "plan/plan.h"

struct datapath;

struct datapath_config {
	const char *pin_dir; /* NULL: /sys/fs/bpf/fairlead; bpffs is mounted there if it is not */
	const char *cgroup; /* NULL: the root of the cgroup v2 hierarchy, from /proc/self/mountinfo */
	/* Elements the maps start with; they grow.  0: a default for a small cluster. */
	uint32_t ports, frontends, backends, slots;
	bool no_set_retval;   /* refuse connections as on kernels before 6.1; for tests */
	bool no_sock_destroy; /* destroy UDP sockets as on kernels before 6.5; for tests */
};

/*
 * Loads or adopts, attaches, pins.  The error says exactly what is missing and how to get it:
 * -EPERM (not root, or which capability), -ENOENT (no cgroup v2), -EOPNOTSUPP (the kernel refuses
 * BPF), -EBUSY (another process has this 'pin_dir' open), -ESTALE (pinned by something else).
 */
int datapath_open(const struct datapath_config *config, struct datapath **ret, struct err *err);

/* Leaves everything pinned and in effect. */
void datapath_close(struct datapath *datapath);

/*
 * Makes one Service's ports as in 'plan' (borrowed for the call): new, changed and vanished ports
 * and endpoints alike.  Readers see the old or the new set of a port, never a mixture, and no
 * instant without endpoints.  A frontend that another Service has already is counted as a conflict;
 * it passes to this one at once when the other gives it up.
 */
int datapath_apply(struct datapath *datapath, const struct plan_service *plan, struct err *err);
int datapath_remove(struct datapath *datapath, const char *ns, const char *name, struct err *err);

/* Every Service has been applied once: what is left from before and unconfirmed goes. */
void datapath_synced(struct datapath *datapath);

/*
 * The addresses nodePorts answer on; replaces the set.  Any loopback address among them stands for
 * all of its family (127/8, ::1), which only clients in the network namespace of the process that
 * opened the datapath reach.
 */
int datapath_set_node_addresses(struct datapath *datapath, const struct ipaddr *addrs, size_t n,
                                struct err *err);

/* To be called about once a second: gives quarantined ids and runs back. */
void datapath_tick(struct datapath *datapath);

struct datapath_stats {
	uint32_t ports, frontends, backends; /* in use, for a second after it too */
	uint32_t ports_max, backends_max, slots_max;
	uint64_t conflicts;            /* frontends skipped because another Service has them */
	uint64_t reattached;           /* times datapath_check() had to */
	uint64_t udp_destroyed;        /* connected sockets, because their backend was gone */
	uint64_t udp_destroy_failures; /* passes over the network namespaces that failed in one */
};

void datapath_stats(struct datapath *datapath, struct datapath_stats *ret);

/*
 * What the pinned maps really hold, read without a running agent: [{"address","port","protocol",
 * "window":..,"backends":[{"address","port","state"}]}].  -ENOENT if nothing is pinned.
 */
int datapath_dump(const char *pin_dir, json_t **ret, struct err *err);

/*
 * Detaches and removes everything pinned under 'pin_dir' (NULL: the default).  0 if there is
 * nothing, -EBUSY while a datapath is open there (datapath_close() first).  A bpffs that was
 * mounted stays.
 */
int datapath_cleanup(const char *pin_dir, struct err *err);

/*
 * True if all programs are attached at the cgroup and effective there, by asking the kernel;
 * otherwise 'err' names the missing one.
 */
bool datapath_attached(struct datapath *datapath, struct err *err);

/*
 * Makes sure that the programs are in effect, to be called at the start and some times a minute, for
 * readyz and a metric: asks the kernel as datapath_attached() does, attaches anew what is missing
 * (also at a cgroup that was removed and made again), then tries it with a socket, in a child
 * process where this one is not in the cgroup.  Takes microseconds; some milliseconds with a child.
 * 0; -ENOENT if a connection would not be balanced in spite of it, or why attaching failed.
 *
 * 0 as well after an upgrade, as long as the release before is in effect until datapath_synced().
 */
int datapath_check(struct datapath *datapath, struct err *err);
