/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockdiag - destroys UDP sockets over netlink (sock_diag), where no eBPF program can (before 6.5).
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "datapath/victim.h"

/*
 * Destroys these sockets of the calling thread's network namespace and adds their number to
 * 'ret_destroyed'.  One that was closed or connected elsewhere meanwhile is passed over.
 */
int sockdiag_destroy(const struct victim *victims, size_t n, unsigned long *ret_destroyed,
                     struct err *err);
