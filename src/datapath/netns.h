/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns - visits the network namespaces of the machine: those of the processes there are, and those
 * mounted where "ip netns" and container runtimes keep them.
 */
#pragma once

#include "base/err.h"

/*
 * Calls 'visit' in each, the calling thread having entered it; the thread is back in its own
 * afterwards.  Namespaces that vanish meanwhile are passed over; an error is that of the first visit
 * which failed, or of the first namespace there is no right to enter; the others are visited all the
 * same.  Only for threads that
 * nothing else depends on: meanwhile whatever they do with the network is done elsewhere.
 */
int netns_each(int (*visit)(void *arg, struct err *err), void *arg, struct err *err);
