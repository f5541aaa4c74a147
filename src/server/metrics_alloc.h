/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_alloc - how full the ranges of clusterIPs and nodePorts are, under the names of
 * kube-apiserver (registry/core/service/ipallocator/metrics.go and portallocator/metrics.go).
 */
#pragma once

#include "base/buf.h"

struct admission;

void metrics_add_allocators(struct buf *b, struct admission *admission);
