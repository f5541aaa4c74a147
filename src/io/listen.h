/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen - listening stream sockets, set up as every server of ours wants them.
 *
 * The sockets are non-blocking and close-on-exec.  What is set on a TCP socket here its accepted
 * connections inherit: no Nagle delay (TLS tickets and answers are small writes), keep-alive probes
 * and a user time-out, so that a peer that lost power is noticed within about two minutes.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/ipaddr.h"

/* Returns a descriptor that the caller owns, or a negative errno; -EADDRINUSE is said plainly. */
int listen_tcp(const struct ipaddr *addr, uint16_t port, struct err *err);

/*
 * The same at 'path', mode 0600.  Replaces a socket that nobody answers on; refuses one that is
 * answered (-EADDRINUSE) and whatever is not a socket (-EEXIST).
 */
int listen_unix(const char *path, struct err *err);

/* The port that a TCP socket is bound to; 0 for others. */
uint16_t listen_port(int fd);
