/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest - the objects in the files that a user names with -f.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"

#define MANIFEST_SIZE_MAX (32 << 20) /* bytes of one file */

/*
 * All objects of 'files' (NULL-terminated; "-" is standard input, a folder stands for the .yaml, .yml
 * and .json files in it), Lists taken apart: '*ret' is a JSON array.  Every file is read before
 * anything is returned, so that nothing is done when one is bad.  Errors name file, line and column.
 */
int manifest_read(const char *const *files, json_t **ret, struct err *err);

/* The same, and each object must be of a kind that the API serves and have a name. */
int manifest_read_known(const char *const *files, json_t **ret, struct err *err);
