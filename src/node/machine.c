/* SPDX-License-Identifier: Apache-2.0 */
#include "node/machine.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/netaddr.h"

#define TICK_NS  NSEC_PER_SEC
#define CHECK_NS (15 * NSEC_PER_SEC)

struct machine {
	struct datapath *datapath;
	struct netaddr_watch *addresses;
	struct timer *tick, *check;
	struct err trouble; /* of the last check; code 0: none */
	uint64_t failures;
};

/* nodePorts answer on every address the machine has now. */
static int follow_addresses(struct machine *machine, struct err *err)
{
	auto_free struct ipaddr *addrs = NULL;
	size_t n;
	int r;

	r = netaddr_list(&addrs, &n, err);
	if (r < 0)
		return r;
	return datapath_set_node_addresses(machine->datapath, addrs, n, err);
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
	struct machine *machine = arg;

	datapath_tick(machine->datapath);
}

/* Told when it changes, not each time. */
static void check(void *arg)
{
	struct machine *machine = arg;
	struct datapath_stats before, after;
	struct err err = { 0 };
	int r;

	datapath_stats(machine->datapath, &before);
	r = datapath_check(machine->datapath, &err);
	datapath_stats(machine->datapath, &after);
	if (after.reattached != before.reattached)
		log_warn("agent",
		         "the programs were no longer attached to the cgroup: attached anew");
	machine->failures += r < 0;
	if (r < 0 && !machine->trouble.code)
		log_err("agent",
		        "connections of this node are not balanced: %s; trying again "
		        "every %lld s",
		        err.msg, CHECK_NS / NSEC_PER_SEC);
	else if (r == 0 && machine->trouble.code)
		log_info("agent", "connections of this node are balanced again");
	machine->trouble = r < 0 ? err : (struct err){ 0 };
}

static int open_all(struct machine *machine, struct loop *loop,
                    const struct datapath_config *config, struct err *err)
{
	int r;

	r = datapath_open(config, &machine->datapath, err);
	if (r < 0)
		return r;
	r = netaddr_watch_new(loop, on_addresses, machine, &machine->addresses, err);
	if (r < 0)
		return r;
	return follow_addresses(machine, err);
}

int machine_new(struct loop *loop, const char *pin_dir, const char *cgroup, struct machine **ret,
                struct err *err)
{
	const struct datapath_config config = { .pin_dir = pin_dir, .cgroup = cgroup };
	struct machine *machine = xnew(struct machine);
	int r;

	r = open_all(machine, loop, &config, err);
	if (r < 0) {
		machine_free(machine);
		return r;
	}
	machine->tick = timer_new(loop, on_tick, machine);
	machine->check = timer_new(loop, check, machine);
	timer_every(machine->tick, TICK_NS);
	timer_every(machine->check, CHECK_NS);
	check(machine);
	*ret = machine;
	return 0;
}

void machine_free(struct machine *machine)
{
	if (!machine)
		return;
	netaddr_watch_free(machine->addresses);
	timer_free(machine->tick);
	timer_free(machine->check);
	datapath_close(machine->datapath);
	free(machine);
}

struct datapath *machine_datapath(const struct machine *machine)
{
	return machine->datapath;
}

void machine_synced(struct machine *machine)
{
	datapath_synced(machine->datapath);
	check(machine);
}

const char *machine_trouble(const struct machine *machine)
{
	return machine->trouble.code ? machine->trouble.msg : NULL;
}

uint64_t machine_failures(const struct machine *machine)
{
	return machine->failures;
}

struct ipaddr machine_default_ip(void)
{
	struct ipaddr addr = { 0 };

	if (netaddr_default_source(4, &addr) < 0 && netaddr_default_source(6, &addr) < 0)
		addr = (struct ipaddr){ 4, { 127, 0, 0, 1 } };
	return addr;
}
