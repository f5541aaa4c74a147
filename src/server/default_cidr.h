/* SPDX-License-Identifier: Apache-2.0 */
/*
 * default_cidr - the ServiceCIDR "kubernetes" of the command line's ranges
 * (pkg/controlplane/controller/defaultservicecidr).
 *
 * It is made where it is missing, and gets its second family where the command line has one more.
 * What else differs is told in an Event and stays: addresses are taken from what the object says.
 */
#pragma once

#include "server/state.h"

struct mutation;

/* The write it needs now, not yet started; NULL: none. */
struct mutation *default_cidr_sync(struct server *server);
