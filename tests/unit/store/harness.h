/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness - a store in a folder of its own, and writes to it one can wait for.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/kind.h"
#include "store/store.h"

struct harness {
	char dir[64];
	char path[96];
	struct store_config config; /* path is set; the rest is the test's before harness_open() */
	struct store *store;
};

/* One mutation and what became of it. */
struct op {
	struct harness *h;
	const struct kind *kind; /* NULL: Services */
	const char *ns, *name;
	enum store_op op;
	const char *value; /* of PUT: metadata.labels.value and spec.value; of REMOVE: may be NULL */
	const char *json;  /* of PUT, instead of 'value': the object */
	int refuse;        /* what 'change' returns */
	struct {
		const char *name, *value; /* an IPAddress; 'value' NULL: it is removed */
	} with[3];                        /* companions, up to the first without a name */

	int changed, done; /* how often called */
	int r;
	uint64_t revision, old_revision; /* 0: no object */
	char *text;                      /* of 'done's object; heap */
	void (*on_change)(struct op *op, const struct store_object *old);
	void (*on_done)(struct op *op, const struct store_object *object);
	void *arg;
};

/* cmocka fixtures: an open store. */
int harness_setup(void **state);
int harness_teardown(void **state);

void harness_init(struct harness *h);
void harness_open(struct harness *h);
void harness_close(struct harness *h);
void harness_done(struct harness *h); /* closes and removes the folder */

/* Begins 'op'; the caller keeps it until it is done. */
void op_start(struct harness *h, struct op *op);

/* Runs the store until 'op' is done; fails the test after ten seconds. */
void op_wait(struct harness *h, struct op *op);
void op_done(struct op *op); /* frees what it holds */

/* All of it in one; the new revision, and the test fails unless it succeeds. */
uint64_t put(struct harness *h, const char *ns, const char *name, const char *value);
uint64_t drop(struct harness *h, const char *ns, const char *name);

/* 'n' Services n0000, n0001 .. of the namespace "default" at once. */
void put_many(struct harness *h, int n, const char *value);

/* As put() where failure is expected: 'done's r. */
int try_put(struct harness *h, const char *ns, const char *name, const char *value);

/* "a/b=value@revision " for each Service listed; heap. */
char *listing(struct harness *h, const char *ns, const char *after);
