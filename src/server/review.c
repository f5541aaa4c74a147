/* SPDX-License-Identifier: Apache-2.0 */
#include "server/review.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/authn.h"
#include "server/authz.h"
#include "server/body.h"
#include "server/reply.h"
#include "server/virtual_kinds.h"

/* Fills 'review's status; NULL or the refusal. */
typedef json_t *(*review_fn)(const struct server *server, const struct identity *who,
                             json_t *review);

static json_t *refuse_invalid(const struct kind *kind, const char *field, const json_t *value,
                              const char *detail)
{
	struct field_errors errs = { 0 };
	struct kind nameless = *kind;
	json_t *status;

	/* Kubernetes knows the group of these objects here, but not their kind. */
	nameless.name = "";
	field_invalid(&errs, field, value, detail);
	status = status_invalid(&nameless, "", &errs);
	json_path_del(status, "details.kind");
	field_errors_done(&errs);
	return status;
}

/* Exactly one of the two kinds of attributes (pkg/apis/authorization/validation). */
static json_t *check_attributes(const struct kind *kind, const json_t *review)
{
	const json_t *resource = json_path(review, "spec.resourceAttributes");
	const json_t *path = json_path(review, "spec.nonResourceAttributes");

	auto_json json_t *shown = json_pack("{s:s,s:s}", "Path", json_path_str(path, "path"),
	                                    "Verb", json_path_str(path, "verb"));

	if (resource && path)
		return refuse_invalid(kind, "spec.nonResourceAttributes", shown,
		                      "cannot be specified in combination with "
		                      "resourceAttributes");
	if (!resource && !path)
		return refuse_invalid(kind, "spec.resourceAttributes", NULL,
		                      "exactly one of nonResourceAttributes or "
		                      "resourceAttributes must be specified");
	return NULL;
}

static void answer_access(const struct server *server, const struct identity *who, json_t *review)
{
	const json_t *resource = json_path(review, "spec.resourceAttributes");
	const json_t *of = resource ? resource : json_path(review, "spec.nonResourceAttributes");
	const struct authz_attributes asked = {
		.verb = json_path_str(of, "verb"),
		.resource = resource != NULL,
		.group = json_path_str(of, "group"),
		.plural = json_path_str(of, "resource"),
		.subresource = json_path_str(of, "subresource"),
		.ns = json_path_str(of, "namespace"),
		.name = json_path_str(of, "name"),
		.path = json_path_str(of, "path"),
	};
	auto_free char *reason = NULL;
	bool allowed = authz_allowed(server, who, &asked, &reason);
	json_t *status = json_pack("{s:b}", "allowed", allowed);

	if (reason)
		json_object_set_new(status, "reason", json_string_of(reason));
	json_object_set_new(review, "status", status);
}

static json_t *self_access(const struct server *server, const struct identity *who, json_t *review)
{
	json_t *status = check_attributes(&kind_self_subject_access_review, review);

	if (!status)
		answer_access(server, who, review);
	return status;
}

static json_t *subject_access(const struct server *server, const struct identity *who,
                              json_t *review)
{
	const json_t *groups = json_path(review, "spec.groups"), *group;
	const char *user = json_path_str(review, "spec.user");
	json_t *status = check_attributes(&kind_subject_access_review, review);
	struct identity subject;
	size_t i;

	(void)who;
	if (!status && !user[0] && json_array_size(groups) == 0)
		status = refuse_invalid(&kind_subject_access_review, "spec.user",
		                        json_path(review, "spec.user"),
		                        "at least one of user or group must be specified");
	if (status)
		return status;
	identity_init(&subject, user, json_path_str(review, "spec.uid"));
	json_array_foreach(groups, i, group)
		identity_add_group(&subject, json_string_value(group));
	answer_access(server, &subject, review);
	identity_done(&subject);
	return NULL;
}

static json_t *self_rules(const struct server *server, const struct identity *who, json_t *review)
{
	(void)server;
	if (!json_path_str(review, "spec.namespace")[0])
		return status_new(400, "BadRequest", "no namespace on request");
	json_object_set_new(review, "status", authz_rules(who));
	return NULL;
}

static json_t *self(const struct server *server, const struct identity *who, json_t *review)
{
	char now[CLOCK_TEXT_SIZE];

	(void)server;
	clock_format(clock_wall(), now);
	json_path_set(review, "metadata.creationTimestamp", json_string(now));
	json_object_set_new(review, "status",
	                    json_pack("{s:o}", "userInfo", identity_user_info(who)));
	return NULL;
}

static json_t *token(const struct server *server, const struct identity *who, json_t *review)
{
	const char *text = json_path_str(review, "spec.token");
	const json_t *wanted = json_path(review, "spec.audiences");
	struct identity subject;
	json_t *audiences = NULL;
	struct err err = { 0 };

	(void)who;
	if (!text[0])
		return status_new(400, "BadRequest",
		                  "token is required for TokenReview in "
		                  "authentication");
	if (json_array_size(wanted) == 0)
		wanted = NULL;
	if (authn_token(server, text, wanted, &subject, &audiences, &err) < 0) {
		json_object_set_new(review, "status",
		                    json_pack("{s:{},s:o}", "user", "error",
		                              json_sprintf("[invalid bearer token, %s]", err.msg)));
		return NULL;
	}
	json_object_set_new(review, "status",
	                    json_pack("{s:b,s:o}", "authenticated", 1, "user",
	                              identity_user_info(&subject)));
	if (audiences)
		json_path_set(review, "status.audiences", audiences);
	identity_done(&subject);
	return NULL;
}

static const struct {
	const struct kind *kind;
	review_fn answer;
} reviews[] = {
	{ &kind_self_subject_review, self },
	{ &kind_token_review, token },
	{ &kind_self_subject_access_review, self_access },
	{ &kind_self_subject_rules_review, self_rules },
	{ &kind_subject_access_review, subject_access },
};

void review_create(struct server *server, struct http_request *req, const struct route *route)
{
	json_t *review = NULL, *status;
	struct view view;

	/* There is no Table of what is not stored. */
	if (!reply_view(req, route->kind, ACCEPT_METADATA, &view))
		return;
	status = body_virtual(req, route->kind, &review);
	for (size_t i = 0; i < ARRAY_SIZE(reviews) && !status; i++)
		if (reviews[i].kind == route->kind)
			status = reviews[i].answer(server, route->who, review);
	if (status) {
		json_decref(review);
		reply_status(req, status);
		return;
	}
	reply_tree(req, 201, &view, review);
}
