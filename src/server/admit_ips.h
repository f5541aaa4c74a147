/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit_ips - the clusterIPs of a Service and the address of an IPAddress.
 */
#pragma once

#include "server/admit_txn.h"

/* networking.k8s.io/v1 LabelIPAddressFamily, LabelManagedBy; ipallocator.ControllerName. */
#define LABEL_IP_FAMILY     "ipaddress.kubernetes.io/ip-family"
#define LABEL_IP_MANAGED_BY "ipaddress.kubernetes.io/managed-by"
#define IP_ALLOCATOR_NAME   "ipallocator.k8s.io"

/* One address a family.  NULL, or a Status; 422s are in txn->errs. */
json_t *admit_ips(struct admit_txn *txn);

/* Whether the Service is of a type that has clusterIPs of its own. */
bool admit_ips_wanted(const json_t *service);

bool admit_ips_has(const json_t *service, const struct ipaddr *addr);

/* Notes in 'claim' the addresses of 'old' that are its own and that 'object' (NULL: it goes) has not. */
void admit_ips_note_gone(const struct admission *admission, const json_t *object, const json_t *old,
                         struct admit_claim *claim);

/* The address of a new IPAddress is the write's own. */
json_t *admit_ips_own(struct admission *admission, json_t *object, const json_t *old,
                      struct admit_claim *claim);

/* The IPAddress 'name' of a Service, as the allocator makes it; without kind and apiVersion. */
json_t *admit_ips_object(const char *name, const json_t *service);

/* What ip_pool_parent() is of the parentRef of a Service's addresses. */
uint64_t admit_ips_parent(const json_t *service);
