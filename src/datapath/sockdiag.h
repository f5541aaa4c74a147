/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockdiag - the sockets of a network namespace over netlink (sock_diag): lists those that are
 * connected; destroys UDP sockets where no eBPF program can (before 6.5).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ipaddr.h"
#include "datapath/victim.h"

/*
 * Destroys these sockets of the calling thread's network namespace and adds their number to
 * 'ret_destroyed'.  One that was closed or connected elsewhere meanwhile is passed over.
 */
int sockdiag_destroy(const struct victim *victims, size_t n, unsigned long *ret_destroyed,
                     struct err *err);

/*
 * Calls 'visit' with the other end of each established TCP connection or connected UDP socket of
 * the calling thread's network namespace; IPv4 also of IPv6 sockets.
 */
int sockdiag_each(int protocol,
                  void (*visit)(void *arg, const struct ipaddr *remote, uint16_t port), void *arg,
                  struct err *err);
