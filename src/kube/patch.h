/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch - the patches of the API: JSON merge (RFC 7386), JSON patch (RFC 6902) and Kubernetes'
 * strategic merge (apimachinery strategicpatch), which merges some lists by a key.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/*
 * Which lists merge, by path; a path ends in the list's name.  'key' NULL: a list of scalars merged
 * as a set.  Every list not named is atomic.  A table ends with a NULL path.
 */
struct merge_key {
	const char *path; /* "spec.ports", "spec.containers.ports": steps through lists are implied */
	const char *key; /* "port", "uid", "type" */
};

/*
 * Each returns a new tree in '*ret', leaving 'object' and 'patch' as they were.
 * -EINVAL: the patch is malformed (400); -EBADMSG: a JSON patch operation or test failed, or lists
 * are in lists (422); -EFBIG: too many operations (413); -EPROTO: a strategic patch does not fit its
 * object (500).  The texts are those of Kubernetes' server; it does not tell those of -EBADMSG.
 */
int patch_merge(const json_t *object, const json_t *patch, json_t **ret, struct err *err);
int patch_json(const json_t *object, const json_t *patch, json_t **ret, struct err *err);
int patch_strategic(const json_t *object, const json_t *patch, const struct merge_key *keys,
                    json_t **ret, struct err *err);
