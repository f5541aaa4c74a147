/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of what kinds refuse, with the exact texts. */
#pragma once

#include <string.h>

#include "kind_run.h"

struct refusal {
	const struct kind *kind;
	const char *old; /* NULL: a create */
	const char *object;
	const char *errors; /* "[]": none */
	enum kind_write write;
};

static inline void assert_refused(const struct refusal *c)
{
	const char *ns = c->kind->namespaced ? "default" : NULL;
	auto_json json_t *old = c->old ? object_of(c->old, ns) : NULL;
	auto_json json_t *object = object_of(c->object, ns);
	enum kind_write write = c->old && !c->write ? KIND_UPDATE : c->write;
	auto_free char *errors = NULL;

	if (old)
		run_hooks(c->kind, old, NULL, KIND_CREATE);
	run_hooks(c->kind, object, old, write);
	errors = errors_of(c->kind, object, old, write);
	if (strcmp(errors, c->errors) != 0)
		fail_msg("%s:\n got %s\nnot %s", c->object, errors, c->errors);
}
