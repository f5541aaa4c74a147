/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema - the types of the fields of the API's objects, as tables.
 *
 * Kubernetes decodes a body into Go structs, and a field of the wrong type is a decode error (400)
 * before any validation; what has no place in a struct is lost, and a struct writes some fields
 * always and others only if they are not empty.  Our objects stay trees; these tables give the same
 * errors and the same form.  kind_check_types(), kind_normalise() and kind_unknown_fields() of
 * kind.h walk them.  Where a table ends (SCHEMA_ANY, an object without a schema) all goes as it came.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"

enum schema_type {
	SCHEMA_STRING,
	SCHEMA_BOOL,
	SCHEMA_INT32,
	SCHEMA_INT64,
	SCHEMA_INT_OR_STRING,
	SCHEMA_TIME,       /* RFC 3339 text, metav1.Time: of seconds */
	SCHEMA_MICRO_TIME, /* the same with six digits of a fraction, metav1.MicroTime */
	SCHEMA_QUANTITY,   /* "100m", or a number */
	SCHEMA_BYTES,      /* base64 */
	SCHEMA_OBJECT,
	SCHEMA_ANY, /* not looked into */
};

enum schema_shape {
	SCHEMA_ONE,
	SCHEMA_LIST,
	SCHEMA_MAP, /* an object with any keys */
};

/* What Go writes for a value that is zero or empty. */
enum schema_presence {
	SCHEMA_OMITTED, /* nothing: "omitempty" */
	SCHEMA_POINTER, /* the value, for only a missing one is nothing: "omitempty" of a pointer */
	SCHEMA_ALWAYS,  /* the value, also of a missing one; null of a time or list */
};

struct schema_field {
	const char *name;
	enum schema_type type;
	enum schema_shape shape;
	enum schema_presence presence; /* objects are pointers unless they are there always */
	const char *go_type;           /* of one value, as errors name it; NULL: Go's basic type */
	const struct schema *schema;   /* of a SCHEMA_OBJECT */
};

struct schema {
	const char *go_name;               /* "ServiceSpec" */
	const struct schema_field *fields; /* ends with a NULL name */
};

extern const struct schema schema_config_map, schema_delete_options, schema_deployment,
	schema_endpoint_slice, schema_endpoints, schema_event, schema_events_event,
	schema_ip_address, schema_lease, schema_namespace, schema_node, schema_object_meta,
	schema_pod, schema_pod_template, schema_replica_set, schema_scale, schema_secret,
	schema_service, schema_service_account, schema_service_cidr;

/*
 * The fields of an object that is no resource; -EBADMSG with the words of encoding/json: "json: cannot
 * unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64".
 */
int schema_check(const struct schema *schema, const json_t *object, struct err *err);
