/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi_types - the definitions of an OpenAPI document: the types of the API, each once.
 *
 * They follow from the schemas of the kinds and their merge keys; where a schema does not look into
 * a field, from the descriptors of the kind's protobuf form; and from openapi_rules.  No type may be
 * left half described: kubectl follows lists into it when it makes a patch, and dies there.
 * Names are Kubernetes': "io.k8s.api.core.v1.ServiceSpec".
 *
 *	types = openapi_types_new();
 *	openapi_types_add(types, &kind_service, true);
 *	for (size_t i = 0; i < openapi_types_count(types); i++)
 *		use(openapi_types_name(types, i), openapi_types_schema(types, i, OPENAPI_V3));
 *	openapi_types_free(types);
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "kube/kind.h"

enum openapi_dialect {
	OPENAPI_V2, /* Swagger 2.0 */
	OPENAPI_V3, /* OpenAPI 3.0 */
};

/* Types that documents name and no kind has. */
#define OPENAPI_META           "io.k8s.apimachinery.pkg.apis.meta.v1."
#define OPENAPI_DELETE_OPTIONS OPENAPI_META "DeleteOptions"
#define OPENAPI_PATCH          OPENAPI_META "Patch"
#define OPENAPI_STATUS         OPENAPI_META "Status"

/* The types of one document; with the three above from the beginning. */
struct openapi_types;

struct openapi_types *openapi_types_new(void);
void openapi_types_free(struct openapi_types *types);

/* Adds the type of 'kind' and all that its fields are of, 'listed': that of its lists as well. */
void openapi_types_add(struct openapi_types *types, const struct kind *kind, bool listed);

size_t openapi_types_count(const struct openapi_types *types);

/* Borrowed from 'types'. */
const char *openapi_types_name(const struct openapi_types *types, size_t i);
json_t *openapi_types_schema(const struct openapi_types *types, size_t i,
                             enum openapi_dialect dialect);

/* "io.k8s.api.core.v1.Service", or "…ServiceList".  Heap. */
char *openapi_kind_name(const struct kind *kind, bool list);

/* {"$ref": …} to a type of the document. */
json_t *openapi_ref(const char *name, enum openapi_dialect dialect);

/* {"group", "kind", "version"} */
json_t *openapi_gvk(const struct kind *kind);
