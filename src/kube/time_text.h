/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_text - times in objects, read as strictly as Go reads them.
 *
 * metav1.Time takes any RFC 3339 text; metav1.MicroTime must have exactly six digits of a fraction.
 * What is refused is refused in the words of Go's time.Parse, which clients get to see.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define TIME_TEXT_SIZE 32

/*
 * Checks 'text' and writes it as Kubernetes stores it: UTC, whole seconds or (micro) six digits; ""
 * for the year 1, with which Go says "no time".  -EBADMSG with Go's text if it is none.
 */
int time_text_read(const char *text, bool micro, char ret_canonical[static TIME_TEXT_SIZE],
                   struct err *err) __attribute__((warn_unused_result));
