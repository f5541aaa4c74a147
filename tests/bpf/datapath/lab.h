/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab - where the eBPF programs are tried with real sockets.
 *
 * The test process is alone in a network namespace, whose loopback has the addresses of nodes and
 * Pods, and in a cgroup of its own, where the programs are attached; what else runs on the machine
 * is not touched.  Servers are processes that answer with their number; the test itself has one
 * thread, so that it can fork.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "datapath/datapath.h"

#define LAB_SKIP 77 /* exit status */

/* Called first in main(); ends the process with LAB_SKIP and a reason where eBPF cannot be had. */
void lab_enter(void);

/* Removes the cgroup and what is pinned; also done at exit. */
void lab_leave(void);

extern char lab_cgroup[], lab_pin_dir[];

/* Opens the datapath of the lab; 'config' (may be NULL) gives what differs. */
struct datapath *lab_open(const struct datapath_config *config);

/* Moves the calling process into a fresh network namespace with loopback and these addresses. */
void lab_netns(const char *const *addrs);

/* ---- plans by hand ---- */

#define ALL      1 /* bits of enum plan_window_id */
#define LOCAL    2
#define TOPOLOGY 4
#define EVERY    7

struct plan_service *plan_make(const char *name);
struct plan_port *plan_add_port(struct plan_service *plan, enum protocol protocol, uint16_t port,
                                uint8_t family);
void plan_add_frontend(struct plan_service *plan, struct plan_port *port,
                       enum plan_frontend_type type, const char *addr, uint16_t number,
                       enum plan_window_id internal);

/* In ascending order. */
void plan_add_backend(struct plan_service *plan, struct plan_port *port, const char *addr,
                      uint16_t number, unsigned int windows);
void plan_destroy(struct plan_service *plan);

/* Applies the plan and frees it. */
void lab_apply_plan(struct datapath *dp, struct plan_service *plan);

/*
 * clusterIP 'vip':80 with the backends 10.1.0.<n>:8080 for each bit n of 'backends'; applied,
 * freed.
 */
void lab_apply(struct datapath *dp, const char *name, enum protocol protocol, const char *vip,
               unsigned int backends);

/* ---- servers ---- */

struct server;

/* Answers 'answer' to every connection or datagram at 'addr':'port'. */
struct server *server_new(enum protocol protocol, const char *addr, uint16_t port, char answer);
void server_free(struct server *server);

/* ---- clients ---- */

/* connect() and read the answer: a character, or a negative errno. */
int ask_tcp(const char *addr, uint16_t port);

/* The same with a UDP socket: connected, or sendto() and recvfrom(), the sender being checked. */
int ask_udp_connected(const char *addr, uint16_t port);
int ask_udp(int fd, const char *addr, uint16_t port);

/* ask_udp() with a socket of its own. */
int ask_udp_fresh(const char *addr, uint16_t port);

socklen_t sock_addr(const char *addr, uint16_t port, struct sockaddr_storage *ret);

/* "addr:port" of a socket address, v4-mapped as IPv6. */
const char *addr_text(const struct sockaddr_storage *addr);

/* Runs 'fn' in a child process and fails the test if it fails. */
void in_child(void (*fn)(void *), void *arg);

#define ASSERT_OK(r, e)                                            \
	do {                                                       \
		int r_ = (r);                                      \
		if (r_ < 0)                                        \
			fail_msg("%s: %s (%d)", #r, (e)->msg, r_); \
	} while (0)
