/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit_service - the clusterIPs and nodePorts of a Service, as registry/core/service/storage/alloc.go
 * of kube-apiserver gives them.
 */
#pragma once

#include "server/admit.h"

json_t *admit_service(struct admission *admission, json_t *object, const json_t *old,
                      struct admit_claim *claim);
size_t admit_service_holdings(struct admission *admission, const json_t *object,
                              struct holdings *ret);
