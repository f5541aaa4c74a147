/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit_service - the clusterIPs and nodePorts of a Service, as registry/core/service/storage/alloc.go
 * of kube-apiserver gives them: admit_ips and admit_ports one after the other.
 *
 * A dry run takes nothing and is answered as Kubernetes does: with the address of the network, and
 * with ports from 32769 on.
 */
#pragma once

#include "server/admit.h"

json_t *admit_service(struct admission *admission, json_t *object, const json_t *old,
                      struct admit_claim *claim);
