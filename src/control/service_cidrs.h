/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_cidrs - ServiceCIDRs get their finalizer and say that they are ready; deleted, they wait until
 * no address in use would be in none (Kubernetes' service-cidr-controller).
 *
 * The addresses are watched only while a ServiceCIDR waits: there is one for each Service.
 */
#pragma once

#include "client/client.h"

struct service_cidrs;

struct service_cidrs *service_cidrs_new(struct client *client);
void service_cidrs_free(struct service_cidrs *controller);
