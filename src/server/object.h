/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object - the metadata that the server rules over, and the place of an object in the API.
 *
 * Each check returns NULL or the Status of the refusal, in the words of apiserver's handlers.
 */
#pragma once

#include <jansson.h>

#include "kube/kind.h"

/* That 'object' says, as far as it says it, that it is of 'kind'. */
json_t *object_check_kind(const json_t *object, const struct kind *kind);

/*
 * That its namespace is that of the URL, which it gets where it has none; 'object' has metadata
 * afterwards.
 */
json_t *object_check_namespace(json_t *object, const struct kind *kind, const char *ns);

/* That its name is that of the URL. */
json_t *object_check_name(const json_t *object, const char *name);

/* Optimistic concurrency: metadata.resourceVersion or uid, where given, is that of 'old'. */
json_t *object_check_version(const json_t *object, const struct kind *kind, const json_t *old);
json_t *object_check_uid(const json_t *object, const struct kind *kind, const json_t *old);

/* Gives an object with only metadata.generateName a name that is free in 'taken's eyes. */
void object_generate_name(json_t *object, bool (*taken)(void *arg, const char *name), void *arg);

/* What every new object gets: uid, creationTimestamp, generation. */
void object_stamp_new(json_t *object, const struct kind *kind);

/* Counts metadata.generation up where the spec differs from 'old'. */
void object_count_generation(json_t *object, const struct kind *kind, const json_t *old);

/* Makes it say its kind and apiVersion, which clients may leave out. */
void object_set_kind(json_t *object, const struct kind *kind);

/* True if something still has to be done before the object may go (its finalizers). */
bool object_has_finalizers(const json_t *object, const struct kind *kind);
bool object_deleting(const json_t *object);
