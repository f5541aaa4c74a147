/* SPDX-License-Identifier: Apache-2.0 */
#include "server/authz.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/status.h"
#include "store/store.h"

#define NODE_LEASE_NAMESPACE "kube-node-lease"

#define LEASE_NAME_TEXT "can only access node lease with the same name as the requesting node"

/* Checks a rule's further condition: NULL, or why it does not hold; heap. */
typedef char *(*condition_fn)(const struct server *server, const char *node,
                              const struct authz_attributes *asked);

/* Lists of words are separated by blanks; "*" is any. */
struct rule {
	const char *subjects; /* the group whose members it is for */
	const char *verbs;
	const char *groups; /* API groups; "core" is "" */
	const char *resources;
	const char *paths; /* instead of resources; a "*" at the end is any more */
	condition_fn condition;
	bool by_authorizer; /* what the condition says stands behind the usual sentence */
};

/* NodeRestriction's texts (plugin/pkg/admission/noderestriction). */
static char *own_node(const struct server *server, const char *node,
                      const struct authz_attributes *asked)
{
	(void)server;
	if (strcmp(asked->name, node) == 0)
		return NULL;
	return xasprintf("node \"%s\" is not allowed to modify node \"%s\"", node, asked->name);
}

static char *own_pod(const struct server *server, const char *node,
                     const struct authz_attributes *asked)
{
	const struct store_object *object = store_get(server->store, &kind_pod, asked->ns,
	                                              asked->name);
	json_t *pod = object ? store_object_json(object) : NULL;
	bool own = pod && strcmp(json_path_str(pod, "spec.nodeName"), node) == 0;

	json_decref(pod);
	if (own)
		return NULL;
	return xasprintf("node \"%s\" can only update pod status for pods with spec.nodeName set "
	                 "to itself",
	                 node);
}

static char *own_lease(const struct server *server, const char *node,
                       const struct authz_attributes *asked)
{
	(void)server;
	if (strcmp(asked->ns, NODE_LEASE_NAMESPACE) != 0)
		return xstrdup("can only access leases in the \"" NODE_LEASE_NAMESPACE
		               "\" system namespace");
	/* The name of a new one is in its body: authz_check_new(). */
	if (strcmp(asked->verb, "create") == 0 || strcmp(asked->name, node) == 0)
		return NULL;
	return xstrdup(LEASE_NAME_TEXT);
}

/* Secrets and ConfigMaps only as far as a Pod of the node uses them: for us none does. */
static char *used_here(const struct server *server, const char *node,
                       const struct authz_attributes *asked)
{
	(void)server;
	if (!asked->name[0])
		return xstrdup("No Object name found");
	return xasprintf("no relationship found between node '%s' and this object", node);
}

static const struct rule rules[] = {
	{ .subjects = GROUP_MASTERS, .verbs = "*", .groups = "*", .resources = "*" },
	{ .subjects = GROUP_MASTERS, .verbs = "*", .paths = "*" },
	/* system:basic-user */
	{ .subjects = GROUP_AUTHENTICATED,
	  .verbs = "create",
	  .groups = "authorization.k8s.io",
	  .resources = "selfsubjectaccessreviews selfsubjectrulesreviews" },
	{ .subjects = GROUP_AUTHENTICATED,
	  .verbs = "create",
	  .groups = "authentication.k8s.io",
	  .resources = "selfsubjectreviews" },
	/* system:discovery and system:public-info-viewer */
	{ .subjects = GROUP_AUTHENTICATED,
	  .verbs = "get",
	  .paths = "/api /api/* /apis /apis/* /healthz /healthz/* /livez /livez/* /openapi "
	           "/openapi/* /readyz /readyz/* /version /version/" },
	{ .subjects = GROUP_UNAUTHENTICATED,
	  .verbs = "get",
	  .paths = "/healthz /healthz/* /livez /livez/* /readyz /readyz/* /version /version/" },
	/* system:node, and the NodeRestriction admission */
	{ .subjects = GROUP_NODES,
	  .verbs = "get list watch",
	  .groups = "core",
	  .resources = "services nodes pods namespaces" },
	{ .subjects = GROUP_NODES,
	  .verbs = "get list watch",
	  .groups = "discovery.k8s.io",
	  .resources = "endpointslices" },
	{ .subjects = GROUP_NODES, .verbs = "create", .groups = "core", .resources = "nodes" },
	{ .subjects = GROUP_NODES,
	  .verbs = "update patch",
	  .groups = "core",
	  .resources = "nodes nodes/status",
	  .condition = own_node },
	{ .subjects = GROUP_NODES,
	  .verbs = "update patch",
	  .groups = "core",
	  .resources = "pods/status",
	  .condition = own_pod },
	{ .subjects = GROUP_NODES,
	  .verbs = "get create update patch delete",
	  .groups = "coordination.k8s.io",
	  .resources = "leases",
	  .condition = own_lease,
	  .by_authorizer = true },
	{ .subjects = GROUP_NODES,
	  .verbs = "get list watch",
	  .groups = "core",
	  .resources = "secrets configmaps",
	  .condition = used_here,
	  .by_authorizer = true },
	{ .subjects = GROUP_NODES,
	  .verbs = "create update patch",
	  .groups = "core events.k8s.io",
	  .resources = "events" },
};

/* Takes the next word off '*list'; false at its end. */
static bool next_word(const char **list, const char **ret, size_t *ret_n)
{
	*list += strspn(*list, " ");
	*ret = *list;
	*ret_n = strcspn(*list, " ");
	*list += *ret_n;
	return *ret_n != 0;
}

static bool has_word(const char *list, const char *wanted)
{
	const char *word;
	size_t n, wanted_n = strlen(wanted);

	while (next_word(&list, &word, &n))
		if ((n == 1 && *word == '*') || (n == wanted_n && memcmp(word, wanted, n) == 0))
			return true;
	return false;
}

static bool has_path(const char *list, const char *path)
{
	const char *word;
	size_t n;

	while (next_word(&list, &word, &n)) {
		if (word[n - 1] == '*' ? strncmp(path, word, n - 1) == 0
		                       : strlen(path) == n && memcmp(path, word, n) == 0)
			return true;
	}
	return false;
}

static bool has_resource(const struct rule *rule, const struct authz_attributes *asked)
{
	char *name;
	bool found;

	if (!rule->resources || !has_word(rule->groups, asked->group[0] ? asked->group : "core"))
		return false;
	name = xasprintf("%s%s%s", asked->plural, asked->subresource[0] ? "/" : "",
	                 asked->subresource);
	found = has_word(rule->resources, name);
	free(name);
	return found;
}

static bool applies(const struct rule *rule, const struct identity *who)
{
	return identity_in_group(who, rule->subjects) &&
	       (strcmp(rule->subjects, GROUP_NODES) != 0 || identity_node(who));
}

static bool covers(const struct rule *rule, const struct authz_attributes *asked)
{
	if (!has_word(rule->verbs, asked->verb))
		return false;
	return asked->resource ? has_resource(rule, asked)
	                       : rule->paths && has_path(rule->paths, asked->path);
}

void authz_attributes_of(const struct route *route, const char *method, const char *path,
                         struct authz_attributes *ret)
{
	*ret = (struct authz_attributes){
		.verb = verb_name(route->verb),
		.resource = route->resource,
		.group = route->group,
		.plural = route->plural,
		.subresource = route->subresource,
		.ns = route->ns,
		.name = route->name,
		.path = path,
	};
	/* Of a path the verb is the method, in lower case. */
	if (!route->resource)
		ret->verb = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ? "get"
		            : strcmp(method, "POST") == 0                             ? "post"
		            : strcmp(method, "PUT") == 0                              ? "put"
		            : strcmp(method, "PATCH") == 0                            ? "patch"
		            : strcmp(method, "DELETE") == 0                           ? "delete"
		            : strcmp(method, "OPTIONS") == 0                          ? "options"
		                                                                      : "";
}

/* As authz_allowed(), with the rule that gave the reason. */
static bool decide(const struct server *server, const struct identity *who,
                   const struct authz_attributes *asked, char **ret_reason,
                   const struct rule **ret_rule)
{
	char *reason = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		char *why = NULL;

		if (!applies(&rules[i], who) || !covers(&rules[i], asked))
			continue;
		if (rules[i].condition)
			why = rules[i].condition(server, identity_node(who), asked);
		if (!why) {
			free(reason);
			return true;
		}
		free(reason);
		reason = why;
		*ret_rule = &rules[i];
	}
	*ret_reason = reason;
	return false;
}

bool authz_allowed(const struct server *server, const struct identity *who,
                   const struct authz_attributes *asked, char **ret_reason)
{
	const struct rule *rule;

	return decide(server, who, asked, ret_reason, &rule);
}

/* "User "jane" cannot list resource "services" in API group "" in the namespace "default"" */
static void add_refusal(struct buf *b, const struct identity *who,
                        const struct authz_attributes *asked)
{
	buf_printf(b, "User \"%s\" cannot %s resource \"%s%s%s\" in API group \"%s\" ", who->user,
	           asked->verb, asked->plural, asked->subresource[0] ? "/" : "", asked->subresource,
	           asked->group);
	if (asked->ns[0])
		buf_printf(b, "in the namespace \"%s\"", asked->ns);
	else
		buf_adds(b, "at the cluster scope");
}

json_t *authz_forbidden(const struct identity *who, const struct authz_attributes *asked,
                        const char *reason)
{
	auto_buf struct buf b = BUF_INIT;
	json_t *status, *details = json_object();

	if (!asked->resource) {
		status = status_new(403, "Forbidden",
		                    "forbidden: User \"%s\" cannot %s path \"%s\"", who->user,
		                    asked->verb, asked->path);
		json_object_set_new(status, "details", details);
		return status;
	}
	buf_printf(&b, "%s%s%s", asked->plural, asked->group[0] ? "." : "", asked->group);
	if (asked->name[0])
		buf_printf(&b, " \"%s\"", asked->name);
	buf_adds(&b, " is forbidden: ");
	if (reason)
		buf_adds(&b, reason);
	else
		add_refusal(&b, who, asked);
	status = status_new(403, "Forbidden", "%s", buf_str(&b));
	if (asked->name[0])
		json_object_set_new(details, "name", json_string_of(asked->name));
	if (asked->group[0])
		json_object_set_new(details, "group", json_string_of(asked->group));
	json_object_set_new(details, "kind", json_string_of(asked->plural));
	json_object_set_new(status, "details", details);
	return status;
}

json_t *authz_check(const struct server *server, const struct identity *who,
                    const struct authz_attributes *asked)
{
	const struct rule *rule = NULL;
	auto_buf struct buf whole = BUF_INIT;
	auto_free char *reason = NULL;

	if (decide(server, who, asked, &reason, &rule))
		return NULL;
	if (!reason || !rule->by_authorizer)
		return authz_forbidden(who, asked, reason);
	add_refusal(&whole, who, asked);
	buf_printf(&whole, ": %s", reason);
	return authz_forbidden(who, asked, buf_str(&whole));
}

json_t *authz_check_new(const struct identity *who, const struct kind *kind, const json_t *object)
{
	const char *node = identity_in_group(who, GROUP_MASTERS) ? NULL : identity_node(who);
	const char *name = json_path_str(object, "metadata.name");
	char *reason = NULL;
	json_t *status;

	if (!node || strcmp(name, node) == 0)
		return NULL;
	if (kind == &kind_node)
		reason = xasprintf("node \"%s\" is not allowed to modify node \"%s\"", node, name);
	else if (kind == &kind_lease)
		reason = xstrdup(LEASE_NAME_TEXT);
	if (!reason)
		return NULL;
	status = authz_forbidden(who,
	                         &(struct authz_attributes){ .resource = true,
	                                                     .group = kind->group,
	                                                     .plural = kind->plural,
	                                                     .name = name },
	                         reason);
	free(reason);
	return status;
}

static json_t *words(const char *list)
{
	json_t *array = json_array();
	const char *word;
	size_t n;

	while (next_word(&list, &word, &n))
		json_array_append_new(array, n == 4 && memcmp(word, "core", n) == 0
		                                     ? json_string("")
		                                     : json_stringn(word, n));
	return array;
}

json_t *authz_rules(const struct identity *who)
{
	json_t *resources = json_array(), *paths = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *rule = &rules[i];

		if (!applies(rule, who) || rule->condition == used_here)
			continue;
		if (rule->paths)
			json_array_append_new(paths,
			                      json_pack("{s:o,s:o}", "verbs", words(rule->verbs),
			                                "nonResourceURLs", words(rule->paths)));
		else
			json_array_append_new(resources, json_pack("{s:o,s:o,s:o}", "verbs",
			                                           words(rule->verbs), "apiGroups",
			                                           words(rule->groups), "resources",
			                                           words(rule->resources)));
	}
	return json_pack("{s:o,s:o,s:b}", "resourceRules", resources, "nonResourceRules", paths,
	                 "incomplete", 0);
}
