/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock - the time, replaceable in tests, and its text form in the Kubernetes API.
 *
 * Times are int64_t nanoseconds: of CLOCK_MONOTONIC for intervals (clock_now), since the epoch for
 * what people and objects see (clock_wall).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define NSEC_PER_SEC    1000000000LL
#define NSEC_PER_MSEC   1000000LL
#define CLOCK_TEXT_SIZE 40 /* any text below, with the NUL */

int64_t clock_now(void);
int64_t clock_wall(void);

/* For tests: from now on clock_wall() gives 'ns'; 0 goes back to the real time. */
void clock_set_wall(int64_t ns);

/* "2026-01-02T03:04:05Z" (metav1.Time), or with ".000000" before the Z (metav1.MicroTime). */
void clock_format(int64_t wall, char ret_text[static CLOCK_TEXT_SIZE]);
void clock_format_micro(int64_t wall, char ret_text[static CLOCK_TEXT_SIZE]);

/* RFC 3339 with any fraction and zone; -EINVAL otherwise. */
int clock_parse(const char *text, int64_t *ret_wall);

/* A duration as kubectl's AGE column has it: "5m", "2d3h" (apimachinery duration.HumanDuration). */
void clock_format_age(int64_t duration_ns, char ret_text[static CLOCK_TEXT_SIZE]);
