/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dplab - where the datapath is measured alone: a network namespace and a cgroup of its own, one CPU,
 * and Services made by number.
 */
#pragma once

#include <netinet/in.h>
#include <stdint.h>

#include "datapath/datapath.h"

#define DPLAB_BACKENDS 4 /* of each Service */

extern char dplab_cgroup[], dplab_pin_dir[];

/* Enters them; what was made goes when the process exits.  Ends it with the reason where it cannot. */
void dplab_enter(void);

/* A number from the command line, or exits with 'usage'. */
unsigned int dplab_number(const char *text, uint64_t max, const char *usage);

struct datapath *dplab_open(void);
void dplab_close(struct datapath *dp);

/*
 * The Service 'i': TCP or UDP, port 80 of its clusterIP.  Its backends are on port 8080 of 127.1.0.0/24,
 * which needs no address to be set; with 'shift' it has others of the same number.
 */
void dplab_apply(struct datapath *dp, unsigned int i, enum protocol protocol, unsigned int shift);

struct sockaddr_in dplab_service(unsigned int i);
struct sockaddr_in dplab_backend(unsigned int i);

/* Sorts; the value below which 'part' of them are. */
double dplab_quantile(double *v, size_t n, double part);
