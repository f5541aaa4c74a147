/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * victim - a connected UDP socket whose backend is gone, as evict.bpf.c writes it where it cannot
 * destroy it itself.
 */
#pragma once

#include <linux/types.h>

struct victim {
	__u64 cookie;
	__be32 local[4], remote[4]; /* IPv4 in the first */
	__be16 local_port, remote_port;
	__u32 ifindex; /* it is bound to, or 0 */
	__u8 v6;
	__u8 reserved[7];
};
