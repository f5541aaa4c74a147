/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi_rules - what OpenAPI documents say of types and their fields that schemas do not: as
 * tables, from the comments of k8s.io/api.
 *
 * A type is named by the end of its name: "core.v1.ServiceSpec", "meta.v1.ObjectMeta".
 */
#pragma once

#include <jansson.h>

#define OPENAPI_LIST_KEYS "x-kubernetes-list-map-keys"
#define OPENAPI_LIST_TYPE "x-kubernetes-list-type"
#define OPENAPI_STRATEGY  "x-kubernetes-patch-strategy"

/* The fields that have to be there; NULL: none. */
json_t *openapi_rules_required(const char *type);

/* The values of a Go type, as a schema_field has it: "v1.Protocol"; NULL: any. */
json_t *openapi_rules_values(const char *go_type);

/* Adds to the definition of a type (field NULL) or field; replaces what is there. */
void openapi_rules_extend(json_t *to, const char *type, const char *field);
