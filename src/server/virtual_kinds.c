/* SPDX-License-Identifier: Apache-2.0 */
#include "server/virtual_kinds.h"

#include <string.h>

#include "base/mem.h"
#include "kube/schema.h"

/* clang-format off */
#define FIELD(n, t)        { .name = (n), .type = (t) }
#define STRINGS(n)         { .name = (n), .type = SCHEMA_STRING, .shape = SCHEMA_LIST }
#define STRUCT(n, go, s)   { .name = (n), .type = SCHEMA_OBJECT, .go_type = (go), .schema = &(s) }
#define ALWAYS(n, go, s)   { .name = (n), .type = SCHEMA_OBJECT, .go_type = (go), .schema = &(s), \
                             .presence = SCHEMA_ALWAYS }
#define FIELDS(...)        .fields = (const struct schema_field[]){ __VA_ARGS__, { .name = NULL } }
#define TYPE_META          FIELD("apiVersion", SCHEMA_STRING), FIELD("kind", SCHEMA_STRING), \
                           ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta)

static const struct schema resource_attributes = { .go_name = "ResourceAttributes", FIELDS(
	FIELD("namespace", SCHEMA_STRING),
	FIELD("verb", SCHEMA_STRING),
	FIELD("group", SCHEMA_STRING),
	FIELD("version", SCHEMA_STRING),
	FIELD("resource", SCHEMA_STRING),
	FIELD("subresource", SCHEMA_STRING),
	FIELD("name", SCHEMA_STRING),
	FIELD("fieldSelector", SCHEMA_ANY),
	FIELD("labelSelector", SCHEMA_ANY)) };

static const struct schema path_attributes = { .go_name = "NonResourceAttributes", FIELDS(
	FIELD("path", SCHEMA_STRING),
	FIELD("verb", SCHEMA_STRING)) };

static const struct schema self_access_spec = { .go_name = "SelfSubjectAccessReviewSpec", FIELDS(
	STRUCT("resourceAttributes", "v1.ResourceAttributes", resource_attributes),
	STRUCT("nonResourceAttributes", "v1.NonResourceAttributes", path_attributes)) };

static const struct schema access_spec = { .go_name = "SubjectAccessReviewSpec", FIELDS(
	STRUCT("resourceAttributes", "v1.ResourceAttributes", resource_attributes),
	STRUCT("nonResourceAttributes", "v1.NonResourceAttributes", path_attributes),
	FIELD("user", SCHEMA_STRING),
	STRINGS("groups"),
	{ .name = "extra", .type = SCHEMA_ANY },
	FIELD("uid", SCHEMA_STRING)) };

static const struct schema rules_spec = { .go_name = "SelfSubjectRulesReviewSpec", FIELDS(
	FIELD("namespace", SCHEMA_STRING)) };

static const struct schema token_review_spec = { .go_name = "TokenReviewSpec", FIELDS(
	FIELD("token", SCHEMA_STRING),
	STRINGS("audiences")) };

static const struct schema bound_reference = { .go_name = "BoundObjectReference", FIELDS(
	FIELD("kind", SCHEMA_STRING),
	FIELD("apiVersion", SCHEMA_STRING),
	FIELD("name", SCHEMA_STRING),
	FIELD("uid", SCHEMA_STRING)) };

static const struct schema token_request_spec = { .go_name = "TokenRequestSpec", FIELDS(
	STRINGS("audiences"),
	{ .name = "expirationSeconds", .type = SCHEMA_INT64, .presence = SCHEMA_POINTER },
	STRUCT("boundObjectRef", "v1.BoundObjectReference", bound_reference)) };

static const struct schema object_reference = { .go_name = "ObjectReference", FIELDS(
	FIELD("kind", SCHEMA_STRING),
	FIELD("namespace", SCHEMA_STRING),
	FIELD("name", SCHEMA_STRING),
	FIELD("uid", SCHEMA_STRING),
	FIELD("apiVersion", SCHEMA_STRING),
	FIELD("resourceVersion", SCHEMA_STRING),
	FIELD("fieldPath", SCHEMA_STRING)) };

#define REVIEW_SCHEMA(var, go, spec_schema)                                                    \
	static const struct schema var = { .go_name = (go), FIELDS(                            \
		TYPE_META,                                                                     \
		ALWAYS("spec", "v1." go "Spec", spec_schema),                                  \
		FIELD("status", SCHEMA_ANY)) }

REVIEW_SCHEMA(self_access_review, "SelfSubjectAccessReview", self_access_spec);
REVIEW_SCHEMA(access_review, "SubjectAccessReview", access_spec);
REVIEW_SCHEMA(rules_review, "SelfSubjectRulesReview", rules_spec);
REVIEW_SCHEMA(token_review, "TokenReview", token_review_spec);
REVIEW_SCHEMA(token_request, "TokenRequest", token_request_spec);

static const struct schema self_review = { .go_name = "SelfSubjectReview", FIELDS(
	TYPE_META,
	FIELD("status", SCHEMA_ANY)) };

static const struct schema binding = { .go_name = "Binding", FIELDS(
	TYPE_META,
	ALWAYS("target", "v1.ObjectReference", object_reference)) };

static const struct schema eviction = { .go_name = "Eviction", FIELDS(
	TYPE_META,
	{ .name = "deleteOptions", .type = SCHEMA_ANY }) };
/* clang-format on */

#define AUTHENTICATION \
	.group = "authentication.k8s.io", .version = "v1", .api_version = "authentication.k8s.io/v1"
#define AUTHORIZATION \
	.group = "authorization.k8s.io", .version = "v1", .api_version = "authorization.k8s.io/v1"

const struct kind kind_self_subject_review = {
	AUTHENTICATION,
	.name = "SelfSubjectReview",
	.plural = "selfsubjectreviews",
	.singular = "selfsubjectreview",
	.schema = &self_review,
};

const struct kind kind_token_review = {
	AUTHENTICATION,           .name = "TokenReview",
	.plural = "tokenreviews", .singular = "tokenreview",
	.schema = &token_review,
};

const struct kind kind_token_request = {
	AUTHENTICATION,
	.name = "TokenRequest",
	.plural = "tokenrequests",
	.singular = "tokenrequest",
	.namespaced = true,
	.schema = &token_request,
};

const struct kind kind_self_subject_access_review = {
	AUTHORIZATION,
	.name = "SelfSubjectAccessReview",
	.plural = "selfsubjectaccessreviews",
	.singular = "selfsubjectaccessreview",
	.schema = &self_access_review,
};

const struct kind kind_self_subject_rules_review = {
	AUTHORIZATION,
	.name = "SelfSubjectRulesReview",
	.plural = "selfsubjectrulesreviews",
	.singular = "selfsubjectrulesreview",
	.schema = &rules_review,
};

const struct kind kind_subject_access_review = {
	AUTHORIZATION,
	.name = "SubjectAccessReview",
	.plural = "subjectaccessreviews",
	.singular = "subjectaccessreview",
	.schema = &access_review,
};

const struct kind kind_binding = {
	.group = "",
	.version = "v1",
	.api_version = "v1",
	.name = "Binding",
	.plural = "bindings",
	.singular = "binding",
	.namespaced = true,
	.schema = &binding,
};

const struct kind kind_eviction = {
	.group = "policy",
	.version = "v1",
	.api_version = "policy/v1",
	.name = "Eviction",
	.plural = "evictions",
	.singular = "eviction",
	.namespaced = true,
	.schema = &eviction,
};

static const struct kind *const reviews[] = {
	&kind_self_subject_review,        &kind_token_review,
	&kind_self_subject_access_review, &kind_self_subject_rules_review,
	&kind_subject_access_review,
};

const struct kind *const *virtual_kinds_all(void)
{
	static const struct kind **all;
	size_t n = 0;

	if (all)
		return all;
	while (kinds[n])
		n++;
	all = xcalloc(n + ARRAY_SIZE(reviews) + 1, sizeof(*all));
	memcpy(all, kinds, n * sizeof(*all));
	memcpy(all + n, reviews, sizeof(reviews));
	return all;
}

bool virtual_kinds_is(const struct kind *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(reviews); i++)
		if (reviews[i] == kind)
			return true;
	return false;
}

const struct kind *virtual_kinds_by_path(const char *group, const char *version, const char *plural)
{
	for (const struct kind *const *k = virtual_kinds_all(); *k; k++)
		if (strcmp((*k)->group, group) == 0 && strcmp((*k)->version, version) == 0 &&
		    strcmp((*k)->plural, plural) == 0)
			return *k;
	return NULL;
}
