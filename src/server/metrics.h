/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics - what the server counts, as Prometheus text at /metrics, under the names kube-apiserver
 * uses where it has them.
 */
#pragma once

#include "io/http_server.h"
#include "server/route.h"
#include "server/state.h"

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/* Counts 'req' once it is answered. */
void metrics_observe(struct server *server, struct http_request *req, const struct route *route);

/* Answers /metrics. */
void metrics_reply(const struct server *server, struct http_request *req);
