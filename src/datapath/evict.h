/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evict - connected UDP sockets whose backend is gone are destroyed: send() on them passes no hook,
 * so the application has to be told (ECONNABORTED) to connect anew.  TCP connections are left alone.
 *
 * A thread of its own does it, because it visits every network namespace of the machine that ever
 * had such a socket: 30 ms after a backend went, later if that takes long, once for all that went
 * meanwhile.  An eBPF program finds them, by the storage of the socket and the word of the backend;
 * it destroys them itself (6.5), or names them for sock_diag.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "datapath/maps.h"

struct evict {
	bool no_destroy; /* behave as on kernels before 6.5 */
	bool started;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	bool wanted, stop;
	struct maps next; /* descriptors of our own; .generation 0: those in use are right */
	unsigned int generation;
	unsigned long destroyed, failures;
};

void evict_init(struct evict *evict);

/* Ends the thread; a pass that was asked for and not begun is not made. */
void evict_done(struct evict *evict);

/* A UDP backend in 'maps' was marked dead. */
void evict_kick(struct evict *evict, const struct maps *maps);

void evict_stats(struct evict *evict, uint64_t *ret_destroyed, uint64_t *ret_failures);
