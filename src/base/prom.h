/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prom - text of metrics as Prometheus reads it (exposition format 0.0.4).
 *
 * A metric is a head and then a line a series:  NAME{LABEL="VALUE",...} NUMBER
 */
#pragma once

#include "base/buf.h"

#define PROM_TYPE "text/plain; version=0.0.4; charset=utf-8" /* the media type */

/* 'type' is "counter", "gauge" or "histogram"; 'help' is one line without a backslash. */
void prom_head(struct buf *b, const char *name, const char *type, const char *help);

/* The head, and the one series without labels. */
void prom_value(struct buf *b, const char *name, const char *type, const char *help, double value);
