/* SPDX-License-Identifier: Apache-2.0 */
#include "server/service_account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rand.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/body.h"
#include "server/jwt.h"
#include "server/object.h"
#include "server/reply.h"
#include "server/virtual_kinds.h"

#define KEY_MAX           (64 << 10)
#define SECONDS_DEFAULT   3600
#define SECONDS_MIN       600
#define SECONDS_MAX       (1LL << 32)
#define CREDENTIAL_ID_KEY "authentication.kubernetes.io/credential-id"
#define POD_NAME_KEY      "authentication.kubernetes.io/pod-name"
#define POD_UID_KEY       "authentication.kubernetes.io/pod-uid"

int service_account_key(const char *data_dir, EVP_PKEY **ret, struct err *err)
{
	auto_free char *path = xasprintf("%s/pki/sa.key", data_dir);
	auto_free char *pem = NULL;
	int r;

	if (access(path, F_OK) == 0) {
		r = file_read(path, KEY_MAX, &pem, NULL, err);
	} else {
		r = jwt_make_key(&pem, err);
		if (r == 0)
			r = file_write(path, pem, strlen(pem), 0600, err);
	}
	if (r == 0)
		r = jwt_load_key(pem, ret, err);
	return r < 0 ? err_wrap(err, r, "%s", path) : 0;
}

static const struct kind *account_kind(void)
{
	return kind_by_path("", "v1", "serviceaccounts");
}

/* The living object of that uid; a new reference, or NULL. */
static json_t *find_living(const struct server *server, const struct kind *kind, const char *ns,
                           const char *name, const char *uid)
{
	const struct store_object *object = kind ? store_get(server->store, kind, ns, name) : NULL;
	json_t *tree = object ? store_object_json(object) : NULL;

	if (tree && !object_deleting(tree) && strcmp(json_path_str(tree, "metadata.uid"), uid) == 0)
		return tree;
	json_decref(tree);
	return NULL;
}

/* The audiences of the token that are wanted; a new reference. */
static json_t *common_audiences(const json_t *claims, const json_t *wanted)
{
	const json_t *own = json_object_get(claims, "aud");
	json_t *common = json_array(), *a, *b;
	size_t i, k;

	json_array_foreach(own, i, a)
		if (!wanted && strcmp(json_string_value(a) ? json_string_value(a) : "",
		                      SERVICE_ACCOUNT_ISSUER) == 0)
			json_array_append(common, a);
	json_array_foreach(own, i, a)
		json_array_foreach(wanted, k, b)
			if (json_equal(a, b))
				json_array_append(common, a);
	return common;
}

static int check_claims(const struct server *server, const json_t *claims, const json_t *about,
                        struct err *err)
{
	int64_t now = clock_wall() / NSEC_PER_SEC;
	const char *ns = json_path_str(about, "namespace"), *pod = json_path_str(about, "pod.name");
	auto_json json_t *account = NULL;
	auto_json json_t *bound = NULL;

	if (strcmp(json_path_str(claims, "iss"), SERVICE_ACCOUNT_ISSUER) != 0)
		return err_set(err, -EBADMSG, "the token has another issuer");
	if (json_path_int(claims, "exp", 0) <= now)
		return err_set(err, -EBADMSG, "service account token has expired");
	if (json_path_int(claims, "nbf", 0) > now)
		return err_set(err, -EBADMSG, "service account token is not valid yet");
	account = find_living(server, account_kind(), ns,
	                      json_path_str(about, "serviceaccount.name"),
	                      json_path_str(about, "serviceaccount.uid"));
	if (!account)
		return err_set(err, -EBADMSG, "service account token has been invalidated");
	if (!pod[0])
		return 0;
	bound = find_living(server, &kind_pod, ns, pod, json_path_str(about, "pod.uid"));
	return bound ? 0 : err_set(err, -EBADMSG, "the Pod that the token is bound to is gone");
}

static void fill(struct identity *who, const json_t *claims, const json_t *about)
{
	const char *ns = json_path_str(about, "namespace");
	auto_free char *group = xasprintf("system:serviceaccounts:%s", ns);
	auto_free char *user = xasprintf("system:serviceaccount:%s:%s", ns,
	                                 json_path_str(about, "serviceaccount.name"));
	auto_free char *id = xasprintf("JTI=%s", json_path_str(claims, "jti"));

	identity_init(who, user, json_path_str(about, "serviceaccount.uid"));
	identity_add_group(who, "system:serviceaccounts");
	identity_add_group(who, group);
	identity_add_extra(who, CREDENTIAL_ID_KEY, id);
	if (json_path(about, "pod")) {
		identity_add_extra(who, POD_NAME_KEY, json_path_str(about, "pod.name"));
		identity_add_extra(who, POD_UID_KEY, json_path_str(about, "pod.uid"));
	}
}

int service_account_authenticate(const struct server *server, const char *token,
                                 const json_t *wanted, struct identity *ret, json_t **ret_audiences,
                                 struct err *err)
{
	auto_json json_t *claims = NULL;
	auto_json json_t *audiences = NULL;
	const json_t *about;
	int r = jwt_verify(server->account_key, token, &claims, err);

	if (r < 0)
		return r;
	about = json_object_get(claims, "kubernetes.io"); /* the dot is not one of a path */
	r = check_claims(server, claims, about, err);
	if (r < 0)
		return r;
	audiences = common_audiences(claims, wanted);
	if (json_array_size(audiences) == 0)
		return err_set(err, -EBADMSG, "token audiences are not those that are wanted");
	fill(ret, claims, about);
	*ret_audiences = json_incref(audiences);
	return 0;
}

static void validate(const json_t *request, struct field_errors *errs)
{
	int64_t seconds = json_path_int(request, "spec.expirationSeconds", SECONDS_DEFAULT);

	if (seconds < SECONDS_MIN)
		field_invalid(errs, "spec.expirationSeconds",
		              json_path(request, "spec.expirationSeconds"),
		              "may not specify a duration less than 10 minutes");
	if (seconds > SECONDS_MAX)
		field_invalid(errs, "spec.expirationSeconds",
		              json_path(request, "spec.expirationSeconds"),
		              "may not specify a duration larger than 2^32 seconds");
}

/* Adds the Pod that spec.boundObjectRef names to the claims; NULL or the refusal. */
static json_t *bind_to(const struct server *server, const json_t *request, const char *ns,
                       json_t *about)
{
	const char *kind = json_path_str(request, "spec.boundObjectRef.kind");
	const char *name = json_path_str(request, "spec.boundObjectRef.name");
	const char *uid = json_path_str(request, "spec.boundObjectRef.uid");
	auto_json json_t *pod = NULL;
	const struct store_object *object;

	if (!json_path(request, "spec.boundObjectRef"))
		return NULL;
	if (strcmp(kind, kind_pod.name) != 0)
		return status_new(400, "BadRequest", "cannot bind token to object of type %s",
		                  kind);
	object = store_get(server->store, &kind_pod, ns, name);
	if (!object)
		return status_not_found(&kind_pod, name);
	pod = store_object_json(object);
	if (uid[0] && strcmp(uid, json_path_str(pod, "metadata.uid")) != 0)
		return status_for(409, "Conflict", &kind_pod, name,
		                  "Operation cannot be fulfilled on pods \"%s\": the UID in the "
		                  "bound object reference (%s) does not match the UID in record. "
		                  "The object might have been deleted and then recreated",
		                  name, uid);
	json_object_set_new(about, "pod",
	                    json_pack("{s:s,s:O}", "name", name, "uid",
	                              json_path(pod, "metadata.uid")));
	return NULL;
}

static json_t *claims_new(const char *ns, const json_t *account, const json_t *audiences,
                          int64_t now, int64_t seconds)
{
	const char *name = json_path_str(account, "metadata.name");
	char id[RAND_UUID_SIZE];

	rand_uuid(id);
	return json_pack("{s:O,s:I,s:I,s:s,s:s,s:{s:s,s:{s:s,s:O}},s:I,s:o}", "aud", audiences,
	                 "exp", (json_int_t)(now + seconds), "iat", (json_int_t)now, "iss",
	                 SERVICE_ACCOUNT_ISSUER, "jti", id, "kubernetes.io", "namespace", ns,
	                 "serviceaccount", "name", name, "uid", json_path(account, "metadata.uid"),
	                 "nbf", (json_int_t)now, "sub",
	                 json_sprintf("system:serviceaccount:%s:%s", ns, name));
}

/* Turns the request into its answer. */
static json_t *issue(const struct server *server, json_t *request, const json_t *account,
                     const char *ns)
{
	int64_t now = clock_wall() / NSEC_PER_SEC;
	int64_t seconds = json_path_int(request, "spec.expirationSeconds", SECONDS_DEFAULT);
	auto_free char *token = NULL;
	auto_json json_t *claims = NULL;
	char end[CLOCK_TEXT_SIZE];
	struct err err = { 0 };
	json_t *status;

	if (json_array_size(json_path(request, "spec.audiences")) == 0)
		json_path_set(request, "spec.audiences", json_pack("[s]", SERVICE_ACCOUNT_ISSUER));
	json_path_set(request, "spec.expirationSeconds", json_integer(seconds));
	if (!json_path(request, "spec.boundObjectRef"))
		json_path_set(request, "spec.boundObjectRef", json_null());
	claims = claims_new(ns, account, json_path(request, "spec.audiences"), now, seconds);
	status = bind_to(server, request, ns, json_object_get(claims, "kubernetes.io"));
	if (status)
		return status;
	if (jwt_sign(server->account_key, claims, &token, &err) < 0)
		return status_new(500, "InternalError", "Internal error occurred: %s", err.msg);
	clock_format((now + seconds) * NSEC_PER_SEC, end);
	json_object_set_new(request, "status",
	                    json_pack("{s:s,s:s}", "token", token, "expirationTimestamp", end));
	return NULL;
}

static json_t *answer(const struct server *server, json_t *request, const struct route *route)
{
	const struct store_object *object = store_get(server->store, route->kind, route->ns,
	                                              route->name);
	struct field_errors errs = { 0 };
	auto_json json_t *account = NULL;
	json_t *status = NULL;
	char now[CLOCK_TEXT_SIZE], uid[RAND_UUID_SIZE];

	if (!object)
		return status_not_found(route->kind, route->name);
	validate(request, &errs);
	if (errs.n)
		status = status_invalid(&kind_token_request,
		                        json_path_str(request, "metadata.name"), &errs);
	field_errors_done(&errs);
	if (status)
		return status;
	account = store_object_json(object);
	clock_format(clock_wall(), now);
	rand_uuid(uid);
	json_object_set_new(request, "metadata",
	                    json_pack("{s:s,s:s,s:s,s:s}", "name", route->name, "namespace",
	                              route->ns, "uid", uid, "creationTimestamp", now));
	return issue(server, request, account, route->ns);
}

void service_account_token(struct server *server, struct http_request *req,
                           const struct route *route)
{
	json_t *request = NULL;
	json_t *status = body_virtual(req, &kind_token_request, &request);

	if (!status)
		status = answer(server, request, route);
	if (status) {
		json_decref(request);
		reply_status(req, status);
		return;
	}
	reply_json(req, 201, request);
}
