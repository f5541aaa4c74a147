/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kind - the table of what the API serves: one row a kind.
 *
 * The router, the store, discovery, Tables and the CLI read the row; adding a kind adds a row and
 * its hooks and touches none of them.  Rows are constant and live for the whole program; compare
 * kinds by pointer.
 *
 * A write goes through the hooks in this order: decode, kind_check_types() (400), kind_normalise(),
 * 'prepare' (create: drop status, update: what the old object hands on), 'set_defaults', the
 * server's admission (service_default_families(), allocation), 'validate' (422), 'warn'.
 * All hooks take any JSON object without harm, also one whose types were not checked.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kube/field_error.h"
#include "kube/names.h"
#include "kube/patch.h"

struct schema;

enum kind_write {
	KIND_CREATE,
	KIND_UPDATE,        /* PUT and PATCH of the object */
	KIND_UPDATE_STATUS, /* PUT and PATCH of /status */
};

struct table_column {
	const char *name;        /* "Cluster-IP" */
	const char *type;        /* "string", "integer", "date" */
	const char *format;      /* "name" for the name column, else "" */
	const char *description; /* may be "" */
	int priority;            /* 1: only with -o wide */
};

struct kind {
	const char *group;       /* "" is the core group */
	const char *version;     /* "v1" */
	const char *api_version; /* "v1" or "discovery.k8s.io/v1"; kind_api_version() gives it */
	const char *name;        /* "Service", the "kind" field */
	const char *plural;      /* "services", in paths and messages */
	const char *singular;
	const char *const *short_names; /* NULL-terminated, or NULL */
	const char *const *categories;  /* NULL-terminated, or NULL */
	bool namespaced;
	bool has_status;       /* serves /status; the main resource then keeps the old status */
	bool has_generation;   /* metadata.generation counts changes of anything but metadata and
	                              status */
	bool create_on_update; /* PUT to a missing name creates */
	bool delete_returns_object; /* DELETE answers the object, not a Status */
	bool has_scale;             /* serves /scale; see scale.h */
	bool no_deletecollection;   /* DELETE of the whole collection is not served (405) */
	const char *generation_meta; /* member of metadata whose changes metadata.generation counts as
	                                well: "labels", "annotations"; or NULL */
	const char *deprecation_warning; /* sent with the answer to every request, or NULL */
	/*
	 * Another row whose stored objects this one shows in its own version, or NULL.  A body is read
	 * by this row's schema, then to_stored() makes it what is stored; all hooks, also this row's
	 * own, work on that form.  from_stored() makes a copy of a stored object what clients of this
	 * row see; patches and field selectors work on that one.  Both also set apiVersion and kind.
	 */
	const struct kind *stored_as;
	void (*to_stored)(json_t *object);
	void (*from_stored)(json_t *object);
	const char *const *fields; /* field selectors besides metadata.name and .namespace */
	const struct merge_key *merge_keys;
	const struct table_column *columns;
	size_t n_columns;
	const struct schema *schema; /* the types of its fields */
	void (*check_name)(const char *name, struct name_errors *errs); /* metadata.name's format */

	/* Hooks; each may be NULL.  'old' is NULL on create. */
	/*
	 * Create: drops deletionTimestamp and status (a Node keeps it); uid, creationTimestamp,
	 * resourceVersion and generation are the server's to set.  Update: creationTimestamp,
	 * generation, a missing uid and a deletionTimestamp that is there are the old object's; KIND_UPDATE keeps the old status,
	 * KIND_UPDATE_STATUS all but status and metadata.
	 */
	void (*prepare)(json_t *object, const json_t *old, enum kind_write write);
	void (*set_defaults)(json_t *object);
	/* Checks metadata (kind_validate_meta()) and everything else; 'write' tells what changes. */
	void (*validate)(const json_t *object, const json_t *old, enum kind_write write,
	                 struct field_errors *errs);
	/* Appends strings for "Warning: 299" headers to the JSON array 'warnings'. */
	void (*warn)(const json_t *object, const json_t *old, json_t *warnings);
	/*
	 * What a field selector compares for 'field' of 'object', where it is not the text found at
	 * that path; NULL: it is.
	 */
	const char *(*field_value)(const json_t *object, const char *field);
	/* Appends the cells of 'object's Table row, one a column; 'now' is clock_wall(). */
	void (*row)(const json_t *object, int64_t now, json_t *cells);
};

extern const struct kind kind_config_map, kind_deployment, kind_endpoint_slice, kind_endpoints,
	kind_event, kind_events_event, kind_ip_address, kind_lease, kind_namespace, kind_node,
	kind_pod, kind_pod_template, kind_replica_set, kind_secret, kind_service,
	kind_service_account, kind_service_cidr;

/* All rows, NULL-terminated, in the order of discovery. */
extern const struct kind *const kinds[];

/* By path: group "" or "discovery.k8s.io", version, plural; NULL if there is none. */
const struct kind *kind_by_path(const char *group, const char *version, const char *plural);

/* By the fields of an object: apiVersion "v1" or "discovery.k8s.io/v1", kind "Service". */
const struct kind *kind_by_type(const char *api_version, const char *name);

/* As users name it on a command line: plural, singular, short name or kind, any case. */
const struct kind *kind_by_word(const char *word);

/* "v1" or "discovery.k8s.io/v1", a static string of the row's; never NULL. */
const char *kind_api_version(const struct kind *kind);

/*
 * The path of the collection (name NULL) or object: "/api/v1/namespaces/default/services/web".
 * 'ns' NULL or "": all namespaces (or a cluster-scoped kind).  Heap.
 */
char *kind_path(const struct kind *kind, const char *ns, const char *name)
	__attribute__((warn_unused_result));

/* The row for the apiVersion and kind of 'object'; NULL if missing or unknown. */
const struct kind *kind_of(const json_t *object);

/* The row under which objects of 'kind' are stored: mostly itself. */
static inline const struct kind *kind_stored(const struct kind *kind)
{
	return kind->stored_as ? kind->stored_as : kind;
}

/*
 * True if anything outside metadata and status differs (metadata.generation counts such changes),
 * or the kind's 'generation_meta' does.
 */
bool kind_spec_changed(const json_t *object, const json_t *old);

/*
 * Checks what of any value says what it is: that it is an object (-EBADMSG), whose apiVersion and kind
 * are strings, if there (-EBADMSG), and that the apiVersion has the form of one (-ENOTSUP).  In Go's
 * words.
 */
int kind_check_type_meta(const json_t *value, struct err *err) __attribute__((warn_unused_result));

/*
 * Checks that every field of 'object' has the type the API gives it; null is as good as absent.
 * -EBADMSG with the text of Kubernetes' 400 BadRequest: 'Service in version "v1" cannot be handled
 * as a Service: json: cannot unmarshal string into Go struct field ServiceSpec.spec.ports of type
 * []v1.ServicePort'.
 */
int kind_check_types(const struct kind *kind, const json_t *object, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The same of what a strategic merge patch left, in the words of what makes an object of that:
 * "cannot restore slice from string".
 */
int kind_check_restored(const struct kind *kind, const json_t *object, struct err *err)
	__attribute__((warn_unused_result));

/*
 * Makes the object what it would be after a stay in Kubernetes' structs, whose fields schema.h has:
 * members that are unknown or null go, and so do empty ones that are not written; the ones that are
 * always written come; a null in a list or map becomes the empty value of its type; times are in UTC.
 * For an object that kind_check_types() took.
 */
void kind_normalise(const struct kind *kind, json_t *object);

/*
 * Appends the text 'unknown field "spec.x"' for each unknown field to the array 'ret_texts', for
 * fieldValidation=Warn and =Strict.  Parts of the API that our tables do not look into are passed
 * over.
 */
void kind_unknown_fields(const struct kind *kind, const json_t *object, json_t *ret_texts);

/*
 * Checks of metadata all kinds share (apimachinery validation.ValidateObjectMeta).  Every 'validate'
 * hook begins with it.
 */
void kind_validate_meta(const struct kind *kind, const json_t *object, const json_t *old,
                        struct field_errors *errs);

/* Names of finalizers at 'path': with a domain, or Kubernetes' own. */
void kind_validate_finalizers(const json_t *finalizers, const char *path,
                              struct field_errors *errs);

/* A Table of 'n' objects (meta.k8s.io/v1); 'include' is "None", "Metadata" or "Object". */
json_t *kind_table(const struct kind *kind, json_t *const *objects, size_t n, const char *include,
                   int64_t now);
