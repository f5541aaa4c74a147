/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse - numbers in text, strictly.
 */
#pragma once

#include <stdint.h>

/* Decimal digits only, the whole of 'text', at most 'max'; -EINVAL, -ERANGE otherwise. */
int parse_u64(const char *text, uint64_t max, uint64_t *ret);

/* A duration in Go's form, "1m30s", "250ms", in nanoseconds; -EINVAL otherwise. */
int parse_duration(const char *text, int64_t *ret_ns);
