/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addresses - keeps admission's pool equal to the ServiceCIDRs and IPAddresses that are stored, and
 * these equal to what Services have (registry/core/service/ipallocator/controller/repairip.go).
 *
 * A Service and its IPAddresses are written together, so there is something to repair only where a
 * user changed or deleted an IPAddress, or where a database is older than them.  The first comes out
 * of the store's events, the second is looked for once, at the start.
 */
#pragma once

#include "server/state.h"

/* From here on the pool follows the store. */
int addresses_init(struct server *server, struct err *err);

/* The search of the start: once the default ServiceCIDR is there. */
void addresses_repair(struct server *server);
void addresses_done(struct server *server);
