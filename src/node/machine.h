/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine - the datapath of this machine: opened, given the addresses the machine has, and looked
 * after.  Some times a minute, and at the start, it is tried whether connections are really balanced.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/ipaddr.h"
#include "datapath/datapath.h"
#include "io/loop.h"

struct machine;

/* 'pin_dir' and 'cgroup' as in datapath.h. */
int machine_new(struct loop *loop, const char *pin_dir, const char *cgroup, struct machine **ret,
                struct err *err);

/* Leaves the datapath in effect. */
void machine_free(struct machine *machine);
struct datapath *machine_datapath(const struct machine *machine); /* borrowed */

/* All Services are in effect: what another release left may go, and all is tried anew. */
void machine_synced(struct machine *machine);

/* As it was found last; NULL: connections are balanced. */
const char *machine_trouble(const struct machine *machine);

/* Times it was found that they are not. */
uint64_t machine_failures(const struct machine *machine);

/* The address of a node that was told none: that of the default route, else the loopback. */
struct ipaddr machine_default_ip(void);
