/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netaddr - the addresses of this network namespace, followed through rtnetlink (libmnl).
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/ipaddr.h"
#include "io/loop.h"

/*
 * All addresses of all devices that are up, loopback included, sorted, each once; those that
 * duplicate address detection still works on are left out.  '*ret' is heap, the caller frees.
 */
int netaddr_list(struct ipaddr **ret, size_t *ret_n, struct err *err);

/* The source address the kernel would use towards the default route, 'family' 4 or 6; -ENETUNREACH. */
int netaddr_default_source(int family, struct ipaddr *ret);

/*
 * Calls 'changed' after addresses came or went or a device went up or down (several changes may give
 * one call, and one change several); also when the kernel had to drop messages.  'changed' may free
 * the watch.
 */
struct netaddr_watch;
int netaddr_watch_new(struct loop *loop, loop_fn changed, void *arg, struct netaddr_watch **ret,
                      struct err *err);
void netaddr_watch_free(struct netaddr_watch *watch);
