/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check - one attempt to see whether a server answers: GET over HTTP or HTTPS, or a TCP connection,
 * each on a connection of its own, as kubelet's probes do.
 *
 * Over HTTPS the certificate is not verified.  Redirects are not followed: their status counts as an
 * answer.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ipaddr.h"
#include "io/loop.h"
#include "kube/types.h"

struct check;

struct check_target {
	enum probe_type type; /* PROBE_HTTP or PROBE_TCP */
	struct ipaddr addr;
	uint16_t port;
	const char *path; /* HTTP only, with its query */
	SSL_CTX *tls;     /* NULL: plain */
	int64_t timeout_ns;
};

/*
 * 'target' is copied.  Never calls back before it returns; then 'done' exactly once unless cancelled:
 * 'why' is "" or what failed, in kubelet's words; the check is gone.
 */
struct check *check_start(struct loop *loop, const struct check_target *target,
                          void (*done)(void *arg, bool ok, const char *why), void *arg);
void check_cancel(struct check *check);
