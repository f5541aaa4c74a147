/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf - bodies in Kubernetes' protobuf form (application/vnd.kubernetes.protobuf).
 *
 * A body is the bytes "k8s\0" and a runtime.Unknown: what kind of object it is, and its message.
 * The descriptors that protoc-c makes of proto/ say what the fields of a message are; the wire is
 * walked with them straight into the JSON a Go client would have sent of the same object: no zero
 * values where Go omits them, times and quantities as text, bytes in base64.  A kind is one row of a
 * table here.  Unknown fields are passed over, text that is not UTF-8 is mended with U+FFFD.
 *
 *	r = protobuf_open(body, size, &envelope, &err);
 *	if (r == 0)
 *		r = protobuf_decode("v1", "Service", envelope.raw, envelope.raw_size, object, &err);
 *	protobuf_envelope_done(&envelope);
 */
#pragma once

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define PROTOBUF_FIELDS_MAX (1 << 19) /* fields in one body; a tree has a node for each */

struct protobuf_envelope {
	char *api_version, *kind; /* owned; "" where the envelope has none */
	const void *raw;          /* the message, borrowed from the body */
	size_t raw_size;
};

/* -EBADMSG: it is not well-formed, with Kubernetes' text.  'ret' is written on success only. */
int protobuf_open(const void *body, size_t size, struct protobuf_envelope *ret, struct err *err)
	__attribute__((warn_unused_result));
void protobuf_envelope_done(struct protobuf_envelope *envelope);

/*
 * Adds the fields of a message to 'object'.  -ENOENT: no such kind here (DeleteOptions is one of any
 * version); -EBADMSG: not well-formed, or not to be said in JSON: a NUL in text, a year beyond 9999;
 * -EFBIG: more than PROTOBUF_FIELDS_MAX fields.  After a failure 'object' has some of the fields.
 */
int protobuf_decode(const char *api_version, const char *kind, const void *raw, size_t size,
                    json_t *object, struct err *err) __attribute__((warn_unused_result));

/* The message of a kind; NULL: no such kind here.  proto/ says how it stands for the JSON. */
const ProtobufCMessageDescriptor *protobuf_type(const char *api_version, const char *kind);
