/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authz - who may do what: a fixed table of rules, as Kubernetes' built-in ClusterRoles give them.
 *
 * system:masters may do everything.  Everybody known may review what they may do and read the
 * discovery documents.  A node (system:nodes, system:node:NAME) reads what a node needs and writes
 * its own Node, the status of its own Pods, its own Lease, and Events.  Who is not known sees only
 * whether the server lives.
 */
#pragma once

#include <jansson.h>

#include "server/identity.h"
#include "server/route.h"
#include "server/state.h"

/* What is asked for; strings are "" where they do not apply, and borrowed. */
struct authz_attributes {
	const char *verb;
	bool resource; /* else a path */
	const char *group, *plural, *subresource, *ns, *name;
	const char *path;
};

/* Those of a request. */
void authz_attributes_of(const struct route *route, const char *method, const char *path,
                         struct authz_attributes *ret);

/* True if 'who' may; otherwise '*ret_reason' is on the heap, or NULL where no rule says more. */
bool authz_allowed(const struct server *server, const struct identity *who,
                   const struct authz_attributes *asked, char **ret_reason);

/* The 403 for what 'who' may not do; 'reason' NULL: that no rule allows it. */
json_t *authz_forbidden(const struct identity *who, const struct authz_attributes *asked,
                        const char *reason);

/* NULL if 'who' may do it, else the 403; a new reference. */
json_t *authz_check(const struct server *server, const struct identity *who,
                    const struct authz_attributes *asked);

/* NULL if 'who' may create 'object', which is of a kind that it may create; else the 403. */
json_t *authz_check_new(const struct identity *who, const struct kind *kind, const json_t *object);

/* All that 'who' may: the status of a SelfSubjectRulesReview; a new reference. */
json_t *authz_rules(const struct identity *who);
