/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data - what ConfigMaps and Secrets share: maps of keys to values, of a limited size, that can be
 * made immutable.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "kube/field_error.h"

#define DATA_SIZE_MAX ((size_t)1 << 20) /* bytes of all values of an object */

/* Checks the keys of 'map', the member 'path'; returns the size of the values by 'size_of'. */
size_t data_validate(const json_t *map, const char *path, size_t (*size_of)(const char *text),
                     struct field_errors *errs);

/* strlen(), as a 'size_of'. */
size_t data_text_size(const char *text);

/* Of an immutable object neither that nor 'members' (ends with NULL) may change. */
void data_validate_immutable(const json_t *object, const json_t *old, const char *const *members,
                             struct field_errors *errs);
