/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit_ports - the nodePorts and the healthCheckNodePort of a Service.
 */
#pragma once

#include "server/admit_txn.h"

/* NULL, or a Status; 422s are in txn->errs. */
json_t *admit_ports(struct admit_txn *txn);

/* The numbers that 'service' has; returns how many of its ports the range has not. */
size_t admit_ports_holdings(struct admission *admission, const json_t *service,
                            struct holdings *ret);
