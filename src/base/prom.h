/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prom - text of metrics as Prometheus reads it (exposition format 0.0.4).
 *
 * A metric is a head and then a line a series:  NAME{LABEL="VALUE",...} NUMBER
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define PROM_TYPE "text/plain; version=0.0.4; charset=utf-8" /* the media type */

/* 'type' is "counter", "gauge" or "histogram"; 'help' is one line without a backslash. */
void prom_head(struct buf *b, const char *name, const char *type, const char *help);

/* Observations counted by upper bounds, which are in ascending order and not owned. */
#define PROM_BOUNDS_MAX 96

struct prom_histogram {
	const double *bounds;
	size_t n_bounds;                   /* at most PROM_BOUNDS_MAX */
	uint64_t buckets[PROM_BOUNDS_MAX]; /* each without those below it */
	uint64_t n;
	double sum;
};

void prom_observe(struct prom_histogram *h, double value);

/* One series of it; 'labels' as VERB="GET",CODE="200", "" for none. */
void prom_histogram(struct buf *b, const char *name, const char *labels,
                    const struct prom_histogram *h);

/* What every process says of itself; it was started at 'started' (clock_wall()). */
void prom_process(struct buf *b, int64_t started);

/* The head, and the one series without labels. */
void prom_value(struct buf *b, const char *name, const char *type, const char *help, double value);
