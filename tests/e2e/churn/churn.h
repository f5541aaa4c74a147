/* SPDX-License-Identifier: Apache-2.0 */
/*
 * churn - what the parts of the test program share: the backends, when each was taken out of the
 * EndpointSlices, and what the clients found.
 *
 * A backend is an address of this machine with an echo server for TCP and UDP that never stops: what
 * is refused, or answered by the wrong one, is the balancing's fault.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/ipaddr.h"

#define BACKENDS     24
#define WRITERS      3    /* each with its own EndpointSlice and every WRITERS-th backend */
#define BACKEND_PORT 9000 /* in host order */

/*
 * A backend must not be chosen this long after the API server confirmed that it is out; a connected
 * UDP socket must not stay with it for longer.
 */
#define LATE_NS      (100 * NSEC_PER_MSEC)
#define LATE_MOVE_NS (300 * NSEC_PER_MSEC)

#define TIME_NEVER INT64_MAX

/* What a client sends; a server sets 'backend' and sends it back. */
struct message {
	uint64_t nonce;
	uint32_t backend;
	uint32_t reserved;
};

/* One client's findings; of its thread until it is joined. */
struct found {
	const char *name;
	int64_t late_ns; /* LATE_NS or LATE_MOVE_NS */
	uint64_t answered;
	uint64_t refused; /* connect() or a datagram, although a ready endpoint existed throughout */
	uint64_t failed;  /* any other error, and no answer within seconds */
	uint64_t late;    /* answered by an endpoint removed more than late_ns before */
	uint64_t wrong_peer; /* the answer's, or getpeername()'s, address was not the Service's */
	uint64_t moved;      /* connected UDP sockets destroyed because their backend went */
	int64_t latest_ns;   /* answered by an endpoint removed this long before, at most */
};

/* Set before the threads start. */
struct setup {
	const char *api_socket;
	const char *namespace, *service;
	struct ipaddr vip;
	uint16_t port;
	double rate; /* changes of EndpointSlices a second, of all writers */
	uint64_t seed;
	int64_t end; /* clock_now() */
};

extern struct setup setup;

/* True until the end. */
static inline bool goes_on(void)
{
	return clock_now() < setup.end;
}

/* The address of backend 'i', of the family of the Service's. */
struct ipaddr backend_address(uint32_t i);

/*
 * Of backend 'i': when the API server confirmed that no client shall have it any more; TIME_NEVER
 * while it may be chosen.
 */
int64_t backend_gone_since(uint32_t i);
void backend_set_gone(uint32_t i, int64_t since);

/* While nobody follows the API nothing is late; resumed LATE_MOVE_NS after 'suspend' false. */
void lateness_suspend(bool suspend);

/* Counts an answer of 'backend' to what was begun at 'start'. */
void found_answer(struct found *found, uint32_t backend, int64_t start);

/* A number that looks random, from 'state' != 0 alone. */
uint64_t next_random(uint64_t *state);

/* Threads.  They end at setup.end, the servers with the process; a failure ends the process. */
void servers_start(void);
void *writer_run(void *arg);   /* uint32_t *: number of the writer */
extern atomic_ullong changes;  /* that the API server confirmed */
void *client_tcp(void *found); /* struct found * */
void *client_udp(void *found); /* one unconnected socket */
void *client_udp_connected(void *found);

void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
