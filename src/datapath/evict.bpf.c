/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Connected UDP sockets whose backend is gone are destroyed, so that their applications get
 * ECONNABORTED and connect anew: what they send passes none of the other hooks.  Run over all UDP
 * sockets of a network namespace by reading an iterator.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "maps.bpf.h"
#include "victim.h"

#define AF_INET6  10
#define V4_MAPPED bpf_htonl(0xffff)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	unsigned short skc_family;
	__be16 skc_dport;
	__u16 skc_num;
	int skc_bound_dev_if;
	__be32 skc_daddr, skc_rcv_saddr;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
};

struct inet_sock {
	struct sock sk;
};

struct udp_sock {
	struct inet_sock inet;
};

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
};

#pragma clang attribute pop

extern int bpf_sock_destroy(struct sock_common *sock) __ksym __weak;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void read6(__be32 to[4], const struct in6_addr *from)
{
	to[0] = from->in6_u.u6_addr32[0];
	to[1] = from->in6_u.u6_addr32[1];
	to[2] = from->in6_u.u6_addr32[2];
	to[3] = from->in6_u.u6_addr32[3];
}

/* It may have been disconnected, or connected elsewhere, since it was translated. */
static __always_inline bool still_connected(const struct sock_common *sk, const struct peer *peer)
{
	const __be32 *a = peer->addr;
	__be32 b[4];

	if (sk->skc_dport != peer->port)
		return false;
	if (sk->skc_family != AF_INET6)
		return a[2] == V4_MAPPED && sk->skc_daddr == a[3];
	read6(b, &sk->skc_v6_daddr);
	return b[0] == a[0] && b[1] == a[1] && b[2] == a[2] && b[3] == a[3];
}

static __always_inline bool is_gone(const struct peer *peer)
{
	__u32 id = peer->be, word;
	const struct be *be = bpf_map_lookup_elem(&backends, &id);

	if (!be)
		return true;
	word = *(const volatile __u32 *)&be->word;
	return BE_GEN(word) != peer->gen || BE_STATE(word) == BE_DEAD;
}

static __always_inline bool is_victim(struct udp_sock *sk)
{
	const struct peer *peer = bpf_sk_storage_get(&connected, sk, NULL, 0);

	return peer && is_gone(peer) && still_connected(&sk->inet.sk.__sk_common, peer);
}

/* From 6.5 on: a byte for each socket destroyed. */
SEC("iter/udp")
int evict_udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *sk = ctx->udp_sk;
	char destroyed = 1;

	if (sk && is_victim(sk) && bpf_sock_destroy(&sk->inet.sk.__sk_common) == 0)
		bpf_seq_write(ctx->meta->seq, &destroyed, sizeof(destroyed));
	return 0;
}

/* Before: a struct victim for each socket to destroy over sock_diag. */
SEC("iter/udp")
int list_udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *sk = ctx->udp_sk;
	struct victim victim = { 0 };
	struct sock_common *c;

	if (!sk || !is_victim(sk))
		return 0;
	c = &sk->inet.sk.__sk_common;
	victim.cookie = bpf_get_socket_cookie(sk);
	victim.v6 = c->skc_family == AF_INET6;
	victim.local_port = bpf_htons(c->skc_num);
	victim.remote_port = c->skc_dport;
	victim.ifindex = (__u32)c->skc_bound_dev_if;
	if (victim.v6) {
		read6(victim.local, &c->skc_v6_rcv_saddr);
		read6(victim.remote, &c->skc_v6_daddr);
	} else {
		victim.local[0] = c->skc_rcv_saddr;
		victim.remote[0] = c->skc_daddr;
	}
	bpf_seq_write(ctx->meta->seq, &victim, sizeof(victim));
	return 0;
}
