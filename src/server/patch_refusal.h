/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch_refusal - why what a patch made of an object is no object of its kind.
 *
 * A body that cannot be decoded is a bad request; the same from a patch is an invalid one, and the
 * message shows the patch or what it made (apiserver handlers.patcher).
 */
#pragma once

#include <jansson.h>

/* Of a merge or JSON patch: 'object' is what it made. */
json_t *patch_refusal_of_result(const json_t *object, const char *why);

/* Of a strategic merge patch, which itself is shown, as Go prints a map. */
json_t *patch_refusal_of_map(const json_t *patch, const char *why);
