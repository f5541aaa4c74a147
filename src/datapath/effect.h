/* SPDX-License-Identifier: Apache-2.0 */
/*
 * effect - tries whether the programs really are in effect: a socket connects and sends to an
 * address that only they answer, with "refused".  No packet is sent, whether they do or not.
 *
 * That a program is attached does not say that it is reached: another program at the cgroup may
 * have sent the connection elsewhere, and on hybrid systems a controller of cgroup v1 once did.
 *
 * The addresses are the dummy one (192.0.0.8, RFC 7600) and one that is to be discarded (100::8,
 * RFC 6666); the port is random, so that another datapath on the machine is not taken for ours.
 */
#pragma once

#include "base/err.h"
#include "datapath/maps.h"

/* Enters the frontends of the addresses; once for all generations. */
int effect_arm(struct maps *maps, struct err *err);

/*
 * Tries it in this process or, where that fails, in a child in the cgroup.  1: in effect; 0: cannot
 * be tried, 'err' says why; -ENOENT: not in effect, 'err' names the hook.
 */
int effect_probe(const struct maps *maps, int cgroup_fd, struct err *err);
