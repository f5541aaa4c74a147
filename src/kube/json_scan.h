/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_scan - JSON that jansson refused, looked at again with Go's eyes.
 *
 * Kubernetes reads with Go's encoding/json: its errors have other words than jansson's, and some
 * text that is no Unicode is not an error.  Only texts that failed come here, so speed does not
 * matter; decode_json() uses it.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

/*
 * Whether Go takes the text, of at most 'depth_max' open objects and arrays.  -EBADMSG with Go's
 * message, "invalid character '}' looking for beginning of object key string"; -EFBIG: too deep.
 */
int json_scan_check(const char *text, size_t size, unsigned int depth_max, struct err *err)
	__attribute__((warn_unused_result));

/*
 * A text that json_scan_check() took, with U+FFFD for each byte that is not UTF-8 and for each half
 * of a surrogate pair; heap, its length in '*ret_size'.
 */
char *json_scan_mend(const char *text, size_t size, size_t *ret_size)
	__attribute__((warn_unused_result));
