/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openapi_proto - an OpenAPI document of version 2 in protobuf: openapi.v2.Document of gnostic,
 * the only form of it that kubectl takes.
 *
 * The parts are those of the JSON document, and what has no place in a message of gnostic's is left
 * out.  'paths' and 'definitions' collect parts until the document is written.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

void openapi_proto_path(struct buf *paths, const char *path, const json_t *item);
void openapi_proto_definition(struct buf *definitions, const char *name, const json_t *schema);

/* 'version' is that of the API. */
void openapi_proto_document(struct buf *out, const char *version, const struct buf *paths,
                            const struct buf *definitions);
