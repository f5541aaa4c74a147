/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz - what a fuzz target is.
 *
 * A target is one file with LLVMFuzzerTestOneInput().  It is linked with driver.c, which runs the
 * files of its corpus through it as a normal test, or with -Dfuzz=true (CC=clang) with libFuzzer:
 *
 *	CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
 *	ninja -C build-fuzz tests/fuzz/kube/fuzz_yaml
 *	build-fuzz/tests/fuzz/kube/fuzz_yaml -max_total_time=60 work/ tests/fuzz/corpus/yaml/
 *
 * What it finds becomes a file of the corpus once it is mended.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Like assert(), in every build. */
#define fuzz_check(condition)                                                                 \
	do {                                                                                  \
		if (!(condition)) {                                                           \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                              \
		}                                                                             \
	} while (0)
