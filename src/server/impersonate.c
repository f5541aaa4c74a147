/* SPDX-License-Identifier: Apache-2.0 */
#include "server/impersonate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "io/http_server.h"
#include "kube/status.h"

#define EXTRA_PREFIX   "Impersonate-Extra-"
#define ACCOUNT_PREFIX "system:serviceaccount:"
#define NODE_PREFIX    "system:node:"
#define ACCOUNTS_GROUP "system:serviceaccounts"

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The key of an extra: lower case, percent-decoded where it can be; heap. */
static char *extra_key(const char *text)
{
	char *key = xstrdup(text), *out = key;

	for (const char *p = text; *p; p++) {
		int high = *p == '%' ? hex_digit(p[1]) : -1, low = high >= 0 ? hex_digit(p[2]) : -1;

		if (low >= 0 && high + low > 0) {
			*out++ = (char)(high << 4 | low);
			p += 2;
		} else {
			*out++ = (char)tolower((unsigned char)*p);
		}
	}
	*out = '\0';
	return key;
}

/* What the headers ask for; false: nothing. */
static bool read_headers(struct http_request *req, struct identity *ret)
{
	const char *name, *value, *user = http_header(req, "Impersonate-User");
	const char *uid = http_header(req, "Impersonate-Uid");
	bool any = (user && user[0]) || (uid && uid[0]);

	identity_init(ret, user ? user : "", uid ? uid : "");
	for (size_t i = 0; http_header_at(req, i, &name, &value); i++) {
		if (strcasecmp(name, "Impersonate-Group") == 0) {
			identity_add_group(ret, value);
			any = true;
		} else if (strncasecmp(name, EXTRA_PREFIX, strlen(EXTRA_PREFIX)) == 0) {
			auto_free char *key = extra_key(name + strlen(EXTRA_PREFIX));

			identity_add_extra(ret, key, value);
			any = true;
		}
	}
	return any;
}

/* "system:serviceaccount:NAMESPACE:NAME": the namespace on the heap, and where the name begins. */
static char *account_namespace(const char *user, const char **ret_name)
{
	const char *ns = user + strlen(ACCOUNT_PREFIX), *colon;

	if (strncmp(user, ACCOUNT_PREFIX, strlen(ACCOUNT_PREFIX)) != 0)
		return NULL;
	colon = strchr(ns, ':');
	if (!colon || colon == ns || !colon[1] || strchr(colon + 1, ':'))
		return NULL;
	*ret_name = colon + 1;
	return xstrndup(ns, (size_t)(colon - ns));
}

static bool may(const struct server *server, const struct identity *who,
                const struct authz_attributes *asked)
{
	char *reason = NULL;
	bool allowed = authz_allowed(server, who, asked, &reason);

	free(reason);
	return allowed;
}

static bool may_be_user(const struct server *server, const struct identity *who, const char *user)
{
	struct authz_attributes asked = { .verb = "impersonate",
		                          .resource = true,
		                          .group = "",
		                          .plural = "users",
		                          .subresource = "",
		                          .ns = "",
		                          .name = user,
		                          .path = "" };
	const char *name = NULL;
	auto_free char *ns = account_namespace(user, &name);

	if (ns) {
		asked.plural = "serviceaccounts";
		asked.ns = ns;
		asked.name = name;
	}
	return may(server, who, &asked);
}

static bool may_be(const struct server *server, const struct identity *who,
                   const struct identity *wanted)
{
	struct authz_attributes asked = { .verb = "impersonate",
		                          .resource = true,
		                          .group = "",
		                          .plural = "groups",
		                          .subresource = "",
		                          .ns = "",
		                          .name = "",
		                          .path = "" };
	const char *key;
	json_t *one;
	size_t i;

	if (!may_be_user(server, who, wanted->user))
		return false;
	json_array_foreach(wanted->groups, i, one) {
		asked.name = json_string_value(one);
		if (!may(server, who, &asked))
			return false;
	}
	asked.group = "authentication.k8s.io";
	asked.plural = "uids";
	asked.name = wanted->uid;
	if (wanted->uid[0] && !may(server, who, &asked))
		return false;
	asked.plural = "userextras";
	json_object_foreach(wanted->extra, key, one) {
		asked.subresource = key;
		if (!may(server, who, &asked))
			return false;
	}
	return true;
}

/* The groups that go without saying. */
static void complete(struct identity *wanted)
{
	const char *name;
	auto_free char *ns = account_namespace(wanted->user, &name);

	if (ns && json_array_size(wanted->groups) == 0) {
		auto_free char *group = xasprintf(ACCOUNTS_GROUP ":%s", ns);

		identity_add_group(wanted, ACCOUNTS_GROUP);
		identity_add_group(wanted, group);
	}
	if (strcmp(wanted->user, USER_ANONYMOUS) == 0)
		identity_add_group(wanted, GROUP_UNAUTHENTICATED);
	else if (!identity_in_group(wanted, GROUP_UNAUTHENTICATED))
		identity_add_group(wanted, GROUP_AUTHENTICATED);
}

static json_t *refuse(const struct identity *who, const struct authz_attributes *asked,
                      const struct identity *wanted)
{
	const char *name;
	auto_free char *ns = account_namespace(wanted->user, &name);
	const char *mode = ns ? "serviceaccount"
	                   : strncmp(wanted->user, NODE_PREFIX, strlen(NODE_PREFIX)) == 0
	                           ? "arbitrary-node"
	                           : "user-info";
	auto_free char *verb = xasprintf("impersonate-on:%s:%s", mode, asked->verb);
	struct authz_attributes refused = *asked;

	refused.verb = verb;
	return authz_forbidden(who, &refused, NULL);
}

json_t *impersonate(const struct server *server, struct http_request *req,
                    const struct authz_attributes *asked, struct identity *who)
{
	struct identity wanted;
	json_t *status = NULL;

	if (!read_headers(req, &wanted)) {
		identity_done(&wanted);
		return NULL;
	}
	if (!wanted.user[0])
		status = status_new(400, "BadRequest",
		                    "requested groups, uid or extra without impersonating a user "
		                    "name");
	else if (!may_be(server, who, &wanted))
		status = refuse(who, asked, &wanted);
	if (status) {
		identity_done(&wanted);
		return status;
	}
	complete(&wanted);
	identity_done(who);
	*who = wanted;
	return NULL;
}
