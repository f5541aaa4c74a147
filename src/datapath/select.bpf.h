/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * From a destination to a frontend, and from a frontend to a backend.
 */
#pragma once

#include "maps.bpf.h"

#include <bpf/bpf_endian.h>

#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define SELECT_TRIES 4
#define NSEC_PER_SEC 1000000000ull
#define V4_MAPPED    bpf_htonl(0xffff)

/* Set before loading: of the maps the programs are loaded against. */
const volatile __u64 fe_mult[2] = { 1, 1 };
const volatile __u32 fe4_shift = 63, fe6_shift = 63;

static __always_inline const struct config *config_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&config, &zero);
}

/* Only the loopback of the agent's own network namespace is the node's. */
static __always_inline bool own_netns(struct bpf_sock_addr *ctx, const struct config *c)
{
	return bpf_get_netns_cookie(ctx) == c->netns_cookie;
}

static __always_inline bool is_node_address4(struct bpf_sock_addr *ctx, const struct config *c,
                                             __be32 addr)
{
	struct node_addr key = { .addr = { 0, 0, V4_MAPPED, addr } };

	/* connect() to 0.0.0.0 goes to the loopback */
	if (!addr || (addr & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000))
		return (c->flags & CONFIG_LOOPBACK4) && own_netns(ctx, c);
	return bpf_map_lookup_elem(&node_addrs, &key);
}

static __always_inline bool is_node_address6(struct bpf_sock_addr *ctx, const struct config *c,
                                             const __be32 addr[4])
{
	struct node_addr key = { .addr = { addr[0], addr[1], addr[2], addr[3] } };

	if (!addr[0] && !addr[1] && !addr[2] && (!addr[3] || addr[3] == bpf_htonl(1)))
		return (c->flags & CONFIG_LOOPBACK6) && own_netns(ctx, c);
	return bpf_map_lookup_elem(&node_addrs, &key);
}

static __always_inline bool filtered(const struct filter *f, __u32 addr, __be16 port)
{
	__u32 bit = filter_bit(addr, port);

	return !(f->word[bit / 64 % FILTER_WORDS] >> bit % 64 & 1);
}

/* No frontend is at 'addr':'port', nor any nodePort of this number. */
static __always_inline bool no_frontend(__u32 addr, __be16 port)
{
	const struct filter *f;
	__u32 zero = 0;

	f = bpf_map_lookup_elem(&filter, &zero);
	return !f || (filtered(f, addr, port) && filtered(f, 0, port));
}

static __always_inline bool value_of(__u64 value, __u32 tag, struct fe_val *ret)
{
	ret->svc = FE_VALUE_SVC(value);
	ret->flags = FE_VALUE_FLAGS(value);
	return FE_VALUE_TAG(value) == tag;
}

static __always_inline bool in_bucket4(__u32 at, __u64 key, __u32 tag, struct fe_val *ret)
{
	const struct fe4_bucket *b = bpf_map_lookup_elem(&fe4, &at);

	if (!b)
		return false;
#pragma unroll
	for (int i = 0; i < FE_CELLS; i++) {
		if (READ_ONCE(b->cell[i].key) == key)
			return value_of(READ_ONCE(b->cell[i].value), tag, ret);
	}
	return false;
}

static __always_inline bool in_bucket6(__u32 at, __u64 key, const __be32 vip[4], __u32 tag,
                                       struct fe_val *ret)
{
	const struct fe6_bucket *b = bpf_map_lookup_elem(&fe6, &at);

	if (!b)
		return false;
#pragma unroll
	for (int i = 0; i < FE_CELLS; i++) {
		const struct fe6_cell *c = &b->cell[i];

		if (READ_ONCE(c->key) == key && c->vip[0] == vip[0] && c->vip[1] == vip[1] &&
		    c->vip[2] == vip[2] && c->vip[3] == vip[3])
			return value_of(READ_ONCE(c->value), tag, ret);
	}
	return false;
}

static __always_inline bool find4(__be32 vip, __be16 port, __u8 proto, struct fe_val *ret)
{
	__u64 key = FE_KEY(vip, port, proto), hash = fe_hash4(key, fe_mult[0]);

	return in_bucket4((__u32)(hash >> fe4_shift), key, FE_TAG(hash), ret) ||
	       in_bucket4((__u32)(hash * fe_mult[1] >> fe4_shift), key, FE_TAG(hash), ret);
}

static __always_inline bool find6(const __be32 vip[4], __be16 port, __u8 proto, struct fe_val *ret)
{
	__u64 key = FE_KEY(addr_sum(vip), port, proto), hash = fe_hash6(vip, key, fe_mult[0]);

	return in_bucket6((__u32)(hash >> fe6_shift), key, vip, FE_TAG(hash), ret) ||
	       in_bucket6((__u32)(hash * fe_mult[1] >> fe6_shift), key, vip, FE_TAG(hash), ret);
}

/* The frontend at 'addr':'port', or that of the nodePort where 'addr' is one of the node's. */
static __always_inline bool frontend4(struct bpf_sock_addr *ctx, __be32 addr, __be16 port,
                                      struct fe_val *ret)
{
	__u8 proto = (__u8)ctx->protocol;
	const struct config *c;

	/* an address of zero must not meet the key of the nodePorts */
	if (addr && find4(addr, port, proto, ret))
		return true;
	c = config_get();
	return c && is_node_address4(ctx, c, addr) && find4(0, port, proto, ret);
}

static __always_inline bool frontend6(struct bpf_sock_addr *ctx, const __be32 addr[4], __be16 port,
                                      struct fe_val *ret)
{
	const __be32 any[4] = { 0 };
	__u8 proto = (__u8)ctx->protocol;
	const struct config *c;

	if ((addr[0] | addr[1] | addr[2] | addr[3]) && find6(addr, port, proto, ret))
		return true;
	c = config_get();
	return c && is_node_address6(ctx, c, addr) && find6(any, port, proto, ret);
}

/*
 * The backend 'id' if it still is the one that had generation 'gen', is to be used, and is in the
 * window; the caller remembered it from an earlier choice.
 */
static __always_inline const struct be *backend_again(__u32 id, __u32 gen, __u32 window)
{
	const struct be *be = bpf_map_lookup_elem(&backends, &id);
	__u32 word;

	if (!be)
		return NULL;
	word = READ_ONCE(be->word);
	if (BE_GEN(word) != gen || BE_STATE(word) == BE_DEAD || !(BE_WINDOWS(word) & 1u << window))
		return NULL;
	return be;
}

/* xorshift64* (Vigna): one of 2^32.  Two connections that race on a CPU may get the same. */
static __always_inline __u32 random32(void)
{
	__u32 zero = 0;
	__u64 *state = bpf_map_lookup_elem(&rng, &zero), x;

	if (!state)
		return bpf_get_prandom_u32();
	x = *state;
	if (!x)
		x = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32() | 1;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return (__u32)(x * 0x2545f4914f6cdd1dull >> 32);
}

/*
 * One of the window at random.  A backend that died meanwhile is chosen anew from the word as it is
 * then: the word without it was stored before it was marked.
 */
static __always_inline const struct be *backend_random(const struct svc *svc, __u32 window,
                                                       __u32 *ret_id)
{
	for (int i = 0; i < SELECT_TRIES; i++) {
		__u64 word = READ_ONCE(svc->window[window]);
		__u32 count = WINDOW_COUNT(word);
		const struct slot_line *line;
		const struct be *be;
		__u32 at, key;

		if (!count)
			return NULL;
		at = WINDOW_BASE(word) + (__u32)((__u64)random32() * count >> 32);
		key = at / SLOTS_PER_LINE;
		line = bpf_map_lookup_elem(&slots, &key);
		if (!line)
			return NULL;
		*ret_id = line->id[at % SLOTS_PER_LINE];
		be = bpf_map_lookup_elem(&backends, ret_id);
		if (!be)
			return NULL;
		if (BE_STATE(READ_ONCE(be->word)) != BE_DEAD)
			return be;
	}
	return NULL;
}

/* The same client gets the same backend until 'affinity_s' after its last connection. */
static __always_inline const struct be *backend_affine(struct bpf_sock_addr *ctx,
                                                       const struct svc *svc, __u32 svc_id,
                                                       __u32 window, __u32 *ret_id)
{
	struct affinity_key key = {
		.client = bpf_get_netns_cookie(ctx),
		.svc = svc_id,
		.window = window,
	};
	struct affinity_val *known = bpf_map_lookup_elem(&affinity, &key), fresh = { 0 };
	__u64 now = bpf_ktime_get_ns();
	const struct be *be;

	if (known && now - known->seen_ns < svc->affinity_s * NSEC_PER_SEC) {
		*ret_id = known->be;
		be = backend_again(known->be, known->gen, window);
		if (be) {
			known->seen_ns = now;
			return be;
		}
	}
	be = backend_random(svc, window, ret_id);
	if (!be)
		return NULL;
	fresh.seen_ns = now;
	fresh.be = *ret_id;
	fresh.gen = BE_GEN(READ_ONCE(be->word));
	bpf_map_update_elem(&affinity, &key, &fresh, BPF_ANY);
	return be;
}

/* NULL: the window of the frontend is empty. */
static __always_inline const struct be *backend_select(struct bpf_sock_addr *ctx,
                                                       const struct fe_val *fe, __u32 *ret_id)
{
	__u32 window = fe->flags >> FE_INTERNAL_SHIFT & FE_WINDOW_MASK, id = fe->svc;
	const struct svc *svc = bpf_map_lookup_elem(&svcs, &id);

	if (!svc || window >= WINDOWS)
		return NULL;
	if (svc->affinity_s)
		return backend_affine(ctx, svc, id, window, ret_id);
	return backend_random(svc, window, ret_id);
}
