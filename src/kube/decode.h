/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode - bytes from outside to JSON trees: JSON and YAML, with limits.
 *
 * JSON is RFC 8259, strictly but for Unicode: as in Go, U+FFFD stands for what is not UTF-8; YAML is what Kubernetes' sigs.k8s.io/yaml takes: YAML 1.1 scalars
 * (yes/no/on/off are booleans, 0777 is octal), plain scalars typed, quoted ones strings; aliases
 * are expanded within a limit; a repeated key is an error.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

#define DECODE_BODY_MAX  (3 << 20)  /* bytes, as kube-apiserver's limit of a request body */
#define DECODE_DEPTH_MAX 256        /* open objects and arrays */
#define DECODE_ALIAS_MAX (16 << 20) /* bytes of memory that aliases in a YAML stream may add */

/*
 * One JSON value and nothing after it; of a repeated key the last one counts, as in Kubernetes.
 * Takes text of any size, lists are large: who reads from outside limits it (DECODE_BODY_MAX).
 * -EBADMSG: it is not JSON, in the words of Go's encoding/json.  -EFBIG: deeper than
 * DECODE_DEPTH_MAX.
 */
int decode_json(const char *text, size_t size, json_t **ret, struct err *err)
	__attribute__((warn_unused_result));

/*
 * A stream of YAML (or JSON) documents: '*ret' is a JSON array with one element a document; empty
 * documents are left out.  'name' is what messages call the input ("service.yaml").
 * -EBADMSG ("service.yaml:3:1: found character that cannot start any token"); -EFBIG: deeper than
 * DECODE_DEPTH_MAX, or aliases that expand beyond DECODE_ALIAS_MAX.
 */
int decode_yaml(const char *text, size_t size, const char *name, json_t **ret, struct err *err)
	__attribute__((warn_unused_result));

/* The other way, as kubectl -o yaml prints it (sorted keys, two spaces); heap, never NULL. */
char *encode_yaml(const json_t *value) __attribute__((warn_unused_result));
