/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi_paths - the paths of an OpenAPI document: what can be asked about each resource.
 *
 * They follow from the kinds and the tables of subresources; clients read from them which type a
 * path speaks, and which parameters a server knows (kubectl: dryRun and fieldValidation of PATCH).
 */
#pragma once

#include <jansson.h>

#include "kube/kind.h"
#include "server/openapi_types.h"

/* Takes the item, a Path Item Object, over. */
typedef void (*openapi_path_fn)(void *arg, const char *path, json_t *item);

/* Calls 'fn' for each path of the resource 'kind' (of virtual_kinds_all()), subresources too. */
void openapi_paths_each(const struct kind *kind, enum openapi_dialect dialect, openapi_path_fn fn,
                        void *arg);
