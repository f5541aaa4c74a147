/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_families - which IP families, and so how many clusterIPs, a Service asks for.
 *
 * This is the pure part of Kubernetes' dual-stack defaulting (KEP-563; initIPFamilyFields of
 * registry/core/service/storage/alloc.go).  The server calls it after 'set_defaults' and before it
 * allocates; the allocator then gives spec.clusterIPs one address a member of spec.ipFamilies.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/field_error.h"

/*
 * Fills spec.ipFamilyPolicy and spec.ipFamilies of the Service 'object', from its clusterIPs and
 * the 'n' (1 or 2) families 4 and 6 of the cluster, the primary one first; on update ('old' not
 * NULL) with policy SingleStack it also trims an unchanged secondary clusterIP and family.  An
 * ExternalName Service and an unchanged PreferDualStack one are left as they are.
 *
 * What is wrong is appended to 'errs'; the object must then not be allocated for.  Fields of the
 * wrong type were refused before (kind_check_types).
 */
void service_default_families(json_t *object, const json_t *old, const uint8_t *cluster_families,
                              size_t n, struct field_errors *errs);
