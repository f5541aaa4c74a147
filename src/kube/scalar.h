/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scalar - how Kubernetes reads a plain YAML scalar, and writes a number.
 *
 * The rules are those of go-yaml v2 (resolve.go) behind sigs.k8s.io/yaml: YAML 1.1 with y and n as
 * booleans, underscores in numbers, 0777 and 0o777 octal, no base 60.  The decoder asks what a
 * scalar is, the encoder which strings need quotes so as to be read as strings again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCALAR_FLOAT_SIZE 32 /* any text of scalar_format_float(), with the NUL */

enum scalar_type {
	SCALAR_STRING,
	SCALAR_NULL,
	SCALAR_BOOL,
	SCALAR_INT,
	SCALAR_FLOAT,
	SCALAR_HUGE,       /* an integer beyond int64 */
	SCALAR_NOT_FINITE, /* .inf, .nan: nothing JSON has */
	SCALAR_TIME,       /* a date: decoded as a string, but quoted when written */
};

struct scalar {
	enum scalar_type type;
	bool b;
	int64_t i;
	double f;
};

struct scalar scalar_resolve(const char *text);

/* True for "1:30" and the like, which other YAML 1.1 readers take for a number of base 60. */
bool scalar_is_base60(const char *text);

/*
 * The shortest text that is read as 'f' again, as Go's 'g': "0.1", "1e+06"; 'bits' is 32 or 64, the
 * precision that must survive.
 */
void scalar_format_float(double f, int bits, char ret_text[static SCALAR_FLOAT_SIZE]);
