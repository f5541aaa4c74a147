/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The socket path: a connection to a Service is translated when it is made, so that its packets
 * cost nothing.  TCP and UDP; IPv4, IPv6 and IPv4-mapped addresses on IPv6 sockets.
 *
 * An address is carried as 16 bytes, IPv4 as ::ffff:a.b.c.d, because the hooks of one IPv6 socket
 * see an IPv4 peer now in the one and now in the other form.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "select.bpf.h"

#define ALLOW        1
#define REJECT       0
#define ECONNREFUSED 111

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before loading: the kernel has bpf_set_retval() for these hooks (6.1). */
const volatile bool has_set_retval = true;

struct dest {
	__be32 addr[4];
	__be16 port;
};

static __always_inline struct dest dest4(struct bpf_sock_addr *ctx)
{
	return (struct dest){
		.addr = { 0, 0, V4_MAPPED, ctx->user_ip4 },
		.port = (__be16)ctx->user_port,
	};
}

static __always_inline struct dest dest6(struct bpf_sock_addr *ctx)
{
	return (struct dest){
		.addr = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] },
		.port = (__be16)ctx->user_port,
	};
}

static __always_inline bool is_v4(const __be32 addr[4])
{
	return !addr[0] && !addr[1] && addr[2] == V4_MAPPED;
}

static __always_inline bool same(const __be32 a[4], const __be32 b[4])
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static __always_inline void copy(__be32 to[4], const __be32 from[4])
{
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
}

/* Writes an address of the family the hook is for. */
static __always_inline void set_dest(struct bpf_sock_addr *ctx, bool v6, const __be32 addr[4],
                                     __be16 port)
{
	if (v6) {
		ctx->user_ip6[0] = addr[0];
		ctx->user_ip6[1] = addr[1];
		ctx->user_ip6[2] = addr[2];
		ctx->user_ip6[3] = addr[3];
	} else {
		ctx->user_ip4 = addr[3];
	}
	ctx->user_port = port;
}

/*
 * ECONNREFUSED at once.  Before 6.1 a rejection can only be EPERM, which applications take for
 * fatal; port 0 of the loopback refuses on any kernel.
 */
static __always_inline int refuse(struct bpf_sock_addr *ctx, bool v6, const struct dest *dest)
{
	__be32 loopback[4] = { 0, 0, 0, bpf_htonl(1) };

	if (has_set_retval) {
		bpf_set_retval(-ECONNREFUSED);
		return REJECT;
	}
	if (is_v4(dest->addr)) {
		loopback[2] = V4_MAPPED;
		loopback[3] = bpf_htonl(0x7f000001);
	}
	set_dest(ctx, v6, loopback, 0);
	return ALLOW;
}

static __always_inline bool frontend(struct bpf_sock_addr *ctx, const struct dest *dest,
                                     struct fe_val *ret)
{
	const __be32 *a = dest->addr;

	if (is_v4(a))
		return !no_frontend(a[3], dest->port) && frontend4(ctx, a[3], dest->port, ret);
	return !no_frontend(addr_sum(a), dest->port) && frontend6(ctx, a, dest->port, ret);
}

/* To the address of nobody is to the loopback, and that is who answers. */
static __always_inline void name_loopback(struct dest *dest)
{
	if (dest->addr[0] | dest->addr[1] | dest->addr[3])
		return;
	dest->addr[3] = dest->addr[2] ? bpf_htonl(0x7f000001) : bpf_htonl(1);
}

/* The backend's address as the sockets of the frontend's family see it. */
static __always_inline void backend_addr(__be32 addr[4], const struct dest *dest,
                                         const struct be *be)
{
	if (is_v4(dest->addr))
		copy(addr, (__be32[4]){ 0, 0, V4_MAPPED, be->addr[0] });
	else
		copy(addr, be->addr);
}

static __always_inline void remember(struct peer *peer, const struct dest *dest, __u32 svc,
                                     __u32 id, const struct be *be)
{
	copy(peer->vip, dest->addr);
	peer->vip_port = dest->port;
	backend_addr(peer->addr, dest, be);
	peer->port = be->port;
	peer->svc = svc;
	peer->be = id;
	peer->gen = BE_GEN(be->word);
}

/*
 * The UDP socket may be connected to a Service.  Looking first spares most the deleting, and asking
 * for its state spares fresh ones even that.  One that was disconnected (AF_UNSPEC) passes for
 * fresh: if it dials the very backend it had, it still has the Service's name for it.
 */
static __always_inline void forget_connection(struct bpf_sock_addr *ctx)
{
	if (ctx->sk && ctx->sk->state == BPF_TCP_ESTABLISHED &&
	    bpf_sk_storage_get(&connected, ctx->sk, NULL, 0))
		bpf_sk_storage_delete(&connected, ctx->sk);
}

static __always_inline struct recent *recent_get(__u64 cookie)
{
	__u32 at = cookie % RECENT_MAX;

	return bpf_map_lookup_elem(&recent, &at);
}

static __always_inline void remember_recent(struct bpf_sock_addr *ctx, const struct dest *dest,
                                            const __be32 addr[4], __be16 port)
{
	struct recent now = { .addr = addr_sum(addr), .vip_port = dest->port, .port = port };
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct recent *r = recent_get(cookie);

	if (!r)
		return;
	copy(now.vip, dest->addr);
	now.seal = cookie ^ recent_sum(&now);
	*r = now;
}

/* Connected sockets are looked for only where there are any. */
static __always_inline void mark_netns(struct bpf_sock_addr *ctx)
{
	__u64 cookie = bpf_get_netns_cookie(ctx) % NETNS_BITS, bit = 1ull << cookie % 64;
	struct netns_seen *seen;
	__u32 zero = 0;

	seen = bpf_map_lookup_elem(&netns_seen, &zero);
	if (seen && !(seen->word[cookie / 64] & bit))
		__sync_fetch_and_or(&seen->word[cookie / 64], bit);
}

static __always_inline void remember_connection(struct bpf_sock_addr *ctx, const struct dest *dest,
                                                __u32 svc, __u32 id, const struct be *be)
{
	struct peer *peer;

	if (!ctx->sk)
		return;
	peer = bpf_sk_storage_get(&connected, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!peer)
		return;
	if (!peer->port)
		mark_netns(ctx);
	remember(peer, dest, svc, id, be);
}

/* connect() */
static __always_inline int translate(struct bpf_sock_addr *ctx, bool v6, struct dest *dest)
{
	struct fe_val fe;
	bool udp = ctx->protocol == IPPROTO_UDP;
	const struct be *be;
	__be32 addr[4];
	__u32 id = 0;

	if (!frontend(ctx, dest, &fe)) {
		if (udp)
			forget_connection(ctx);
		return ALLOW;
	}
	be = backend_select(ctx, &fe, &id);
	if (!be)
		return refuse(ctx, v6, dest);
	name_loopback(dest);
	backend_addr(addr, dest, be);
	if (udp)
		remember_connection(ctx, dest, fe.svc, id, be);
	else
		remember_recent(ctx, dest, addr, be->port);
	set_dest(ctx, v6, addr, be->port);
	return ALLOW;
}

/*
 * The backend this UDP socket talks to for 'dest' already, as id and generation.  It is the newest
 * then: an answer of it is to this datagram.
 */
static __always_inline bool recall(struct peers *peers, const struct dest *dest, __u32 svc,
                                   __u32 *ret_id, __u32 *ret_gen)
{
	bool found = false;

	bpf_spin_lock(&peers->lock);
#pragma unroll
	for (__u32 i = 0; i < PEERS_MAX; i++) {
		const struct peer *p = &peers->peer[i];

		if (p->vip_port == dest->port && same(p->vip, dest->addr) && p->svc == svc) {
			*ret_id = p->be;
			*ret_gen = p->gen;
			peers->last = i;
			found = true;
		}
	}
	bpf_spin_unlock(&peers->lock);
	return found;
}

/* Replaces what is known of the same Service address, else one that was not used last. */
static __always_inline void record(struct peers *peers, const struct peer *now)
{
	__u32 at;

	bpf_spin_lock(&peers->lock);
	at = peers->last + 1;
#pragma unroll
	for (__u32 i = 0; i < PEERS_MAX; i++) {
		const struct peer *p = &peers->peer[i];

		if (p->vip_port == now->vip_port && same(p->vip, now->vip))
			at = i;
	}
	at %= PEERS_MAX;
	peers->peer[at] = *now;
	peers->last = at;
	bpf_spin_unlock(&peers->lock);
}

/* The socket talks to 'dest' itself now: what comes from there is no longer a Service's. */
static __always_inline void forget(struct peers *peers, const struct dest *dest)
{
	bpf_spin_lock(&peers->lock);
#pragma unroll
	for (__u32 i = 0; i < PEERS_MAX; i++) {
		struct peer *p = &peers->peer[i];

		if (p->port == dest->port && same(p->addr, dest->addr)) {
			p->port = 0;
			p->vip_port = 0;
		}
	}
	bpf_spin_unlock(&peers->lock);
}

/* sendto() and sendmsg() with an address */
static __always_inline int translate_datagram(struct bpf_sock_addr *ctx, bool v6, struct dest *dest)
{
	struct fe_val fe;
	struct peers *peers = NULL;
	const struct be *be = NULL;
	__u32 id = 0, gen = 0, window;
	struct peer now;

	if (!frontend(ctx, dest, &fe)) {
		if (ctx->sk)
			peers = bpf_sk_storage_get(&unconnected, ctx->sk, NULL, 0);
		if (peers)
			forget(peers, dest);
		return ALLOW;
	}
	name_loopback(dest);
	if (ctx->sk)
		peers = bpf_sk_storage_get(&unconnected, ctx->sk, NULL,
		                           BPF_SK_STORAGE_GET_F_CREATE);
	window = fe.flags >> FE_INTERNAL_SHIFT & FE_WINDOW_MASK;
	if (peers && recall(peers, dest, fe.svc, &id, &gen))
		be = backend_again(id, gen, window);
	if (be) {
		remember(&now, dest, fe.svc, id, be);
	} else {
		be = backend_select(ctx, &fe, &id);
		if (!be)
			return refuse(ctx, v6, dest);
		remember(&now, dest, fe.svc, id, be);
		if (peers)
			record(peers, &now);
	}
	set_dest(ctx, v6, now.addr, now.port);
	return ALLOW;
}

/* recvmsg() and getpeername() of a connected UDP socket */
static __always_inline void restore(struct bpf_sock_addr *ctx, bool v6, const struct dest *from)
{
	const struct peer *peer = NULL;

	if (ctx->sk)
		peer = bpf_sk_storage_get(&connected, ctx->sk, NULL, 0);
	if (peer && peer->port == from->port && same(peer->addr, from->addr))
		set_dest(ctx, v6, peer->vip, peer->vip_port);
}

/* getpeername() of a TCP socket */
static __always_inline void restore_recent(struct bpf_sock_addr *ctx, bool v6,
                                           const struct dest *from)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	const volatile struct recent *r = recent_get(cookie);
	struct recent at;

	if (!r)
		return;
	/* a copy: the element may become another socket's while it is read */
	at.seal = r->seal;
	at.vip[0] = r->vip[0];
	at.vip[1] = r->vip[1];
	at.vip[2] = r->vip[2];
	at.vip[3] = r->vip[3];
	at.addr = r->addr;
	at.vip_port = r->vip_port;
	at.port = r->port;
	if ((at.seal ^ recent_sum(&at)) == cookie && at.port == from->port &&
	    at.addr == addr_sum(from->addr))
		set_dest(ctx, v6, at.vip, at.vip_port);
}

static __always_inline void restore_peer(struct bpf_sock_addr *ctx, bool v6,
                                         const struct dest *from)
{
	if (ctx->protocol == IPPROTO_UDP)
		restore(ctx, v6, from);
	else
		restore_recent(ctx, v6, from);
}

/* Two Services with the same backend on one socket cannot be told apart: the newest is meant. */
static __always_inline bool find_sender(struct peers *peers, const struct dest *from,
                                        struct dest *ret_vip)
{
	bool found = false;

	bpf_spin_lock(&peers->lock);
#pragma unroll
	for (__u32 i = 0; i < PEERS_MAX; i++) {
		const struct peer *p = &peers->peer[i];

		if (p->vip_port && p->port == from->port && same(p->addr, from->addr) &&
		    (!found || peers->last == i)) {
			copy(ret_vip->addr, p->vip);
			ret_vip->port = p->vip_port;
			found = true;
		}
	}
	bpf_spin_unlock(&peers->lock);
	return found;
}

/* recvfrom() and recvmsg() with an address */
static __always_inline void restore_datagram(struct bpf_sock_addr *ctx, bool v6,
                                             const struct dest *from)
{
	struct dest vip = { 0 };
	struct peers *peers;

	if (!ctx->sk)
		return;
	if (ctx->sk->state == BPF_TCP_ESTABLISHED) {
		restore(ctx, v6, from);
		return;
	}
	peers = bpf_sk_storage_get(&unconnected, ctx->sk, NULL, 0);
	if (peers && find_sender(peers, from, &vip))
		set_dest(ctx, v6, vip.addr, vip.port);
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	struct dest dest = dest4(ctx);

	return translate(ctx, false, &dest);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	struct dest dest = dest6(ctx);

	return translate(ctx, true, &dest);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	struct dest dest = dest4(ctx);

	return translate_datagram(ctx, false, &dest);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	struct dest dest = dest6(ctx);

	return translate_datagram(ctx, true, &dest);
}

SEC("cgroup/recvmsg4")
int recvmsg4(struct bpf_sock_addr *ctx)
{
	struct dest from = dest4(ctx);

	restore_datagram(ctx, false, &from);
	return ALLOW;
}

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx)
{
	struct dest from = dest6(ctx);

	restore_datagram(ctx, true, &from);
	return ALLOW;
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx)
{
	struct dest from = dest4(ctx);

	restore_peer(ctx, false, &from);
	return ALLOW;
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
	struct dest from = dest6(ctx);

	restore_peer(ctx, true, &from);
	return ALLOW;
}
