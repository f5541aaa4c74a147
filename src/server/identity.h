/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity - who a request speaks for: Kubernetes' authentication.k8s.io/v1 UserInfo.
 *
 *	struct identity who;
 *
 *	identity_init(&who, "jane", "");
 *	identity_add_group(&who, "dev");
 *	... identity_in_group(&who, "dev") ...
 *	identity_done(&who);
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#define GROUP_MASTERS         "system:masters"
#define GROUP_AUTHENTICATED   "system:authenticated"
#define GROUP_UNAUTHENTICATED "system:unauthenticated"
#define GROUP_NODES           "system:nodes"
#define USER_NODE_PREFIX      "system:node:"
#define USER_ANONYMOUS        "system:anonymous"

struct identity {
	char *user;     /* owned, like the rest */
	char *uid;      /* "": none */
	json_t *groups; /* an array of strings */
	json_t *extra;  /* NULL, or an object of arrays of strings */
};

void identity_init(struct identity *who, const char *user, const char *uid);
void identity_done(struct identity *who);

/* Adds it where it is not there already. */
void identity_add_group(struct identity *who, const char *group);
bool identity_in_group(const struct identity *who, const char *group);

/* One more value of that key. */
void identity_add_extra(struct identity *who, const char *key, const char *value);

/* The NAME of a member of system:nodes called system:node:NAME; NULL for everybody else. */
const char *identity_node(const struct identity *who);

/* {"username","uid","groups","extra"}; a new reference. */
json_t *identity_user_info(const struct identity *who);
