/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rand - random bytes, UIDs and name suffixes from the kernel's generator.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RAND_UUID_SIZE   37 /* with the NUL */
#define RAND_SUFFIX_SIZE 6  /* five characters and the NUL */

void rand_bytes(void *p, size_t n);

/* Uniform in [0, n); n > 0. */
uint32_t rand_below(uint32_t n);

/* A version 4 UUID (RFC 9562) in text. */
void rand_uuid(char ret_uuid[static RAND_UUID_SIZE]);

/* Five characters of Kubernetes' name alphabet (apimachinery util/rand), for generateName. */
void rand_suffix(char ret_suffix[static RAND_SUFFIX_SIZE]);
