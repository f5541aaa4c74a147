/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * layout - what the maps hold, shared by the eBPF programs and user space.
 *
 * A new connection costs one look-up in a hash (frontend) and three array elements (descriptor, slots,
 * backend).  The arrays are mapped into the agent, which changes them by plain stores; what makes
 * an update visible is always one aligned store of a 64-bit window word or of a 32-bit backend
 * word, made after everything it leads to is complete.
 *
 * The folder the maps are pinned in carries LAYOUT_VERSION: change it with any layout below.
 */
#pragma once

#include <linux/types.h>

#define LAYOUT_VERSION 3

/* An address as a number: of IPv4 (mapped) the address itself but for a constant. */
static inline __u32 addr_sum(const __be32 addr[4])
{
	return addr[0] ^ addr[1] ^ addr[2] ^ addr[3];
}

/*
 * Frontends: ARRAY of buckets, a hash table of our own, because looking an element up in one of the
 * kernel's costs more than all the rest.  A frontend is in one of two buckets, in any cell.
 *
 * A cell is free when its 'key' is 0, and found by its 'key', which is stored after the rest.  It may
 * be given away between a reader's loads of key and value: a value bears the tag of its key.
 */
#define FE_CELLS 8

struct fe4_cell {
	__u64 key;
	__u64 value;
};

struct fe6_cell {
	__be32 vip[4];
	__u64 key;
	__u64 value;
};

struct fe4_bucket {
	struct fe4_cell cell[FE_CELLS];
};

struct fe6_bucket {
	struct fe6_cell cell[FE_CELLS];
};

/*
 * Ports are in network order; 'addr' is an IPv4 address or addr_sum() of an IPv6 one.  0 is the
 * nodePort of every address of the node.  The last byte is left for frontends that clients from
 * outside must see differently.
 */
#define FE_KEY(addr, port, proto) \
	((__u64)(addr) << 32 | (__u64)(port) << 16 | (__u64)(proto) << 8 | 1)
#define FE_KEY_ADDR(key)  ((__u32)((key) >> 32))
#define FE_KEY_PORT(key)  ((__be16)((key) >> 16))
#define FE_KEY_PROTO(key) ((__u8)((key) >> 8))

/* The multipliers are odd random numbers, so that nobody can choose addresses that share buckets. */
static inline __u64 fe_hash4(__u64 key, __u64 mult)
{
	__u64 x = key * mult;

	return (x ^ x >> 32) * mult;
}

static inline __u64 fe_hash6(const __be32 vip[4], __u64 key, __u64 mult)
{
	__u64 x = ((__u64)vip[0] << 32 | vip[1]) * mult;

	x = ((x ^ x >> 32) + ((__u64)vip[2] << 32 | vip[3])) * mult;
	return ((x ^ x >> 32) + key) * mult;
}

struct fe_val {
	__u32 svc; /* index of the descriptor */
	__u32 flags;
};

/* {svc:32 | tag:24 | flags:8} */
#define FE_TAG(hash)          ((__u32)((hash) >> 8) & 0xffffff)
#define FE_VALUE(val, tag)    ((__u64)(val)->svc << 32 | (__u64)(tag) << 8 | ((val)->flags & 0xff))
#define FE_VALUE_SVC(value)   ((__u32)((value) >> 32))
#define FE_VALUE_TAG(value)   ((__u32)((value) >> 8) & 0xffffff)
#define FE_VALUE_FLAGS(value) ((__u32)(value)&0xff)

#define SVC_NONE 0xffffffffu /* no descriptor has it: refused, see effect.h */

/*
 * What has no frontend must cost next to nothing: most connections are no Service's.  A bit per hash
 * of address and port says whether the hash of frontends is worth asking; one array element.  With
 * 10,000 frontends 4 of 100 are asked in vain.  Set before a frontend is, cleared after.
 */
#define FILTER_BITS  (1u << 18)
#define FILTER_WORDS (FILTER_BITS / 64)

struct filter {
	__u64 word[FILTER_WORDS];
};

/* 'addr' is an IPv4 address, or addr_sum() of an IPv6 one. */
static inline __u32 filter_bit(__u32 addr, __be16 port)
{
	__u64 x = ((__u64)addr << 16 | port) * 0x9e3779b97f4a7c15ull;

	return (__u32)(x >> 46);
}

/*
 * Bits of fe_val.flags: which window clients of the node use, which those from outside, the type.
 */
#define FE_INTERNAL_SHIFT 0
#define FE_EXTERNAL_SHIFT 2
#define FE_WINDOW_MASK    3
#define FE_TYPE_SHIFT     4
#define FE_TYPE_MASK      15

/* The numbers are those of enum plan_window_id. */
enum window_id {
	WINDOW_ALL,
	WINDOW_LOCAL,
	WINDOW_TOPOLOGY,
	WINDOWS,
};

/*
 * A window word says which slots are the window: {base:32 | count:16 | gen:16}.  One word, so that
 * nobody ever sees the count of one version with the slots of another.
 */
#define WINDOW_BASE(word)  ((__u32)((word) >> 32))
#define WINDOW_COUNT(word) ((__u32)((word) >> 16) & 0xffff)
#define WINDOW_GEN(word)   ((__u32)(word)&0xffff)
#define WINDOW_WORD(base, count, gen) \
	((__u64)(base) << 32 | (__u64)((count)&0xffff) << 16 | (__u64)((gen)&0xffff))
#define WINDOW_COUNT_MAX 65535

/* Service port descriptor: ARRAY, one cache line. */
struct svc {
	__u64 window[WINDOWS];
	__u64 maglev;     /* {base:32 | log2 size:8 | gen:16}; 0 = none */
	__u32 affinity_s; /* session affinity of a client, 0 = none */
	__u16 algorithm;  /* 0 = random */
	__u16 gen;        /* counts the uses of this index */
	__u32 median_us;
	__u32 srcrange_id;
	__u32 revnat_first;
	__u32 stat;
	__u64 owner; /* names the Service port across restarts */
};

/* Whose a descriptor is, at its index: ARRAY, for those who read the maps; no program looks at it. */
#define SVC_LABEL_SIZE 64 /* a label of DNS and the NUL */

struct svc_name {
	char namespace[SVC_LABEL_SIZE];
	char name[SVC_LABEL_SIZE];
	char port_name[SVC_LABEL_SIZE]; /* "" for the only port */
	__u16 port;
	__u8 proto;
	__u8 family; /* 4 or 6 */
	__u8 reserved[4];
};

/* Slots: ARRAY of u32 backend ids, a cache line an element. */
#define SLOTS_PER_LINE 16

struct slot_line {
	__u32 id[SLOTS_PER_LINE];
};

/* Backend: ARRAY, belongs to one descriptor; immutable while reachable but for 'word'. */
struct be {
	__u32 addr[4]; /* network order; IPv4 in the first, the rest 0 */
	__be16 port;
	__u8 proto;
	__u8 zone;
	__u32 node;
	__u8 family; /* 4 or 6 */
	__u8 reserved[3];
	__u32 word; /* {gen:16 | windows:4 | state:4 | weight:8} */
};

enum be_state {
	BE_DEAD, /* what an element never used is */
	BE_ACTIVE,
	BE_TERMINATING, /* still to be used where a window has it */
};

#define BE_GEN(word)     ((__u32)(word) >> 16)
#define BE_WINDOWS(word) ((__u32)(word) >> 12 & 15) /* 1 << enum window_id, or-ed */
#define BE_STATE(word)   ((__u32)(word) >> 8 & 15)
#define BE_WORD(gen, windows, state) \
	((__u32)((gen)&0xffff) << 16 | (__u32)((windows)&15) << 12 | (__u32)((state)&15) << 8 | 1)

/* ARRAY of one.  The high-water marks spare a restart reading all of the arrays. */
struct config {
	__u64 netns_cookie; /* the agent's network namespace, whose loopback is the node's */
	__u32 flags;
	__u32 ready; /* 1: this generation of maps is complete */
	__u32 svc_high, be_high;
	__u64 fe_mult[2];  /* of the frontends' hash */
	__be16 probe_port; /* see effect.h */
	__u16 synced; /* 1: holds all Services, not only some that were applied since the start */
	__u32 reserved[5];
};

#define CONFIG_LOOPBACK4 1u /* nodePorts answer on 127/8 */
#define CONFIG_LOOPBACK6 2u /* ... and on ::1 */

/* Node addresses: HASH of addresses in 16 bytes, IPv4 as ::ffff:a.b.c.d. */
struct node_addr {
	__be32 addr[4];
};

/* Session affinity: LRU_HASH. */
struct affinity_key {
	__u64 client; /* network namespace cookie */
	__u32 svc;
	__u32 window;
};

struct affinity_val {
	__u64 seen_ns; /* of the last connection, CLOCK_MONOTONIC */
	__u32 be;
	__u32 gen;
};

/* What a socket was translated from and to: SK_STORAGE.  Addresses as in struct node_addr. */
struct peer {
	__be32 vip[4];
	__be32 addr[4];
	__be16 vip_port;
	__be16 port;
	__u32 svc;
	__u32 be;
	__u32 gen;
};

/*
 * What the newest TCP connections were translated from: ARRAY, at the socket's cookie modulo its
 * size.  Cookies are given out in order, so that an element lives until about RECENT_MAX later
 * sockets.  A storage of the socket itself would cost each connection more than all the rest.
 */
#define RECENT_MAX (1u << 16)

/*
 * Two sockets may write an element at once, without a lock: 'seal' is the cookie xor recent_sum(), so
 * that a mixture of both is nobody's.
 */
struct recent {
	__u64 seal;
	__be32 vip[4];
	__be32 addr; /* the backend's, see addr_sum(): the socket may be at another one meanwhile */
	__be16 vip_port;
	__be16 port;
};

static inline __u64 recent_sum(const struct recent *r)
{
	const __u64 k = 0x9e3779b97f4a7c15ull;
	__u64 sum = ((__u64)r->vip[0] << 32 | r->vip[1]) * k;

	sum = (sum ^ ((__u64)r->vip[2] << 32 | r->vip[3])) * k;
	return (sum ^ ((__u64)r->addr << 32 | (__u32)r->vip_port << 16 | r->port)) * k;
}

/*
 * Network namespaces that ever had a connected UDP socket to a Service: a bit at the cookie modulo
 * NETNS_BITS.  Cookies are given out in order from 1.
 */
#define NETNS_BITS (1u << 16)

struct netns_seen {
	__u64 word[NETNS_BITS / 64];
};

#define PEERS_MAX 4 /* Services an unconnected UDP socket talks to at once; resolvers use 1 to 3 */

_Static_assert(sizeof(struct fe4_bucket) == 128, "fe4_bucket");
_Static_assert(sizeof(struct fe6_bucket) == 256, "fe6_bucket");
_Static_assert(sizeof(struct svc) == 64, "svc");
_Static_assert(sizeof(struct svc_name) == 200, "svc_name");
_Static_assert(sizeof(struct slot_line) == 64, "slot_line");
_Static_assert(sizeof(struct be) == 32, "be");
_Static_assert(sizeof(struct config) == 64, "config");
_Static_assert(sizeof(struct node_addr) == 16, "node_addr");
_Static_assert(sizeof(struct affinity_key) == 16, "affinity_key");
_Static_assert(sizeof(struct affinity_val) == 16, "affinity_val");
_Static_assert(sizeof(struct peer) == 48, "peer");
_Static_assert(sizeof(struct filter) == FILTER_BITS / 8, "filter");
_Static_assert(sizeof(struct recent) == 32, "recent");
