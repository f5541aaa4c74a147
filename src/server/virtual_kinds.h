/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtual_kinds - types of the API that are never stored: reviews, which are resources of their
 * own, and the bodies of subresources.
 */
#pragma once

#include "kube/kind.h"

extern const struct kind kind_subject_access_review, kind_self_subject_access_review,
	kind_self_subject_rules_review, kind_self_subject_review, kind_token_review;
extern const struct kind kind_binding, kind_eviction, kind_token_request;

/* The stored kinds, then the reviews, in the order of discovery; NULL-terminated. */
const struct kind *const *virtual_kinds_all(void);

/* True if there is nothing to get, list or change: one only creates it, and has the answer. */
bool virtual_kinds_is(const struct kind *kind);

/* Any kind that a path can lead to; NULL if there is none. */
const struct kind *virtual_kinds_by_path(const char *group, const char *version,
                                         const char *plural);
