/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session - a command's conversation with an API: which one, and requests answered one by one.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "cli/command.h"
#include "client/client.h"
#include "kube/kind.h"

struct session {
	struct loop *loop;
	struct client *client;
	const char *namespace; /* of --namespace or the context */
	struct kubeconfig config;
};

/* From the OPTIONS_API (and --namespace, where the command has it) of 'args'. */
int session_open(struct session *session, const struct args *args, struct err *err);
void session_close(struct session *session);

#define auto_session __attribute__((cleanup(session_close)))

/*
 * One request, awaited.  'body' is borrowed, NULL for none; 'type' NULL is application/json.  Returns the HTTP
 * status with the answer in '*ret' (a new reference; NULL if it was not JSON), or a negative errno
 * when there was no answer.  For a status of 400 and more 'err' has the server's message in
 * kubectl's words ("Error from server (NotFound): ..."); '*ret' is the Status then.
 */
int session_request(struct session *session, const struct client_request *request, json_t **ret,
                    struct err *err);

/*
 * GET of one object: 1 with '*ret', 0 if there is none, or a negative errno.
 */
int session_get(struct session *session, const struct kind *kind, const char *ns, const char *name,
                json_t **ret, struct err *err);

/* The namespace to use for objects of 'kind': NULL for a cluster-scoped kind. */
const char *session_namespace(const struct session *session, const struct kind *kind);

/* The kind a user named, or a usage error in 'err' that lists what there is. */
const struct kind *session_kind(const char *word, struct err *err);
