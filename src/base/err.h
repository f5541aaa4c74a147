/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err - why something failed, for a human to read.
 *
 * Every function that can fail returns 0 or a negative errno; that code is what programs decide on.
 * A function whose failure a human must understand (configuration, API validation, loading BPF)
 * takes a 'struct err *' as last parameter as well and fills it where the failure happens.  The
 * caller owns the struct, usually on its stack; nothing in it is allocated, so there is nothing to
 * free and describing an error cannot fail.
 *
 *	if (fd < 0)
 *		return err_errno(err, "cannot open %s", path);
 *	...
 *	r = conf_parse(text, &conf, err);
 *	if (r < 0)
 *		return err_wrap(err, r, "%s", path);
 *
 * All three return the code they were given or found in errno, so that an error path is one line.
 * 'err' may be NULL.
 */
#pragma once

#define ERR_MSG_SIZE 508

struct err {
	int code; /* negative errno; 0 while nothing has failed */
	char msg[ERR_MSG_SIZE];
};

/* Sets code and message; 'code' is a negative errno. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same from errno, whose description is appended: "cannot open x: No such file". */
int err_errno(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " before the message of an error already set, and returns its code. */
int err_wrap(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
