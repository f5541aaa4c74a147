/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit_txn - the admission of one Service under way, for the parts of it.
 */
#pragma once

#include "server/admit.h"

struct admit_txn {
	struct admission *admission;
	json_t *object;
	const json_t *old; /* NULL on create */
	struct admit_claim *claim;
	struct field_errors errs; /* the first one ends it, as in Kubernetes */
};

/* The 500 for what is not the user's fault. */
json_t *admit_internal_error(const char *text);

bool admit_type_is(const json_t *service, const char *type);
