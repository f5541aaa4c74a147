/* SPDX-License-Identifier: Apache-2.0 */
#include "server/auth.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/status.h"

#define MASTERS "system:masters"

static const char *const public_paths[] = { "/healthz", "/livez", "/readyz", "/version" };
static const char *const discovery_paths[] = { "/api", "/apis", "/openapi" };

static bool is_master(const struct http_peer *peer)
{
	if (peer->unix_socket)
		return true;
	if (!peer->certified)
		return false;
	for (const char *const *group = peer->groups; *group; group++)
		if (strcmp(*group, MASTERS) == 0)
			return true;
	return false;
}

/* True for 'tree' itself and what lies below it. */
static bool below(const char *path, const char *tree)
{
	size_t n = strlen(tree);

	return strncmp(path, tree, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool below_any(const char *path, const char *const *trees, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (below(path, trees[i]))
			return true;
	return false;
}

/* "User "jane" cannot list resource "services" in API group "" in the namespace "default"" */
static void add_reason(struct buf *b, const char *user, const struct route *route)
{
	buf_printf(b, "User \"%s\" cannot %s resource \"%s%s%s\" in API group \"%s\" ", user,
	           verb_name(route->verb), route->plural, route->subresource[0] ? "/" : "",
	           route->subresource, route->group);
	if (route->ns[0])
		buf_printf(b, "in the namespace \"%s\"", route->ns);
	else
		buf_adds(b, "at the cluster scope");
}

static void add_lower(struct buf *b, const char *text)
{
	for (; *text; text++)
		buf_addc(b, (char)tolower((unsigned char)*text));
}

static json_t *forbidden(const char *user, const struct route *route, const char *method,
                         const char *path)
{
	auto_buf struct buf b = BUF_INIT;

	if (!route->resource) {
		add_lower(&b, method);
		return status_new(403, "Forbidden", "forbidden: User \"%s\" cannot %s path \"%s\"",
		                  user, buf_str(&b), path);
	}
	buf_printf(&b, "%s%s%s", route->plural, route->group[0] ? "." : "", route->group);
	if (route->name[0])
		buf_printf(&b, " \"%s\"", route->name);
	buf_adds(&b, " is forbidden: ");
	add_reason(&b, user, route);
	if (route->kind)
		return status_for(403, "Forbidden", route->kind, route->name, "%s", buf_str(&b));
	return status_new(403, "Forbidden", "%s", buf_str(&b));
}

json_t *auth_check(const struct http_peer *peer, const struct route *route, const char *method,
                   const char *path)
{
	if (is_master(peer))
		return NULL;
	if (strcmp(method, "GET") == 0 && below_any(path, public_paths, ARRAY_SIZE(public_paths)))
		return NULL;
	if (!peer->certified)
		return status_new(401, "Unauthorized", "Unauthorized");
	if (strcmp(method, "GET") == 0 && !route->resource &&
	    below_any(path, discovery_paths, ARRAY_SIZE(discovery_paths)))
		return NULL;
	return forbidden(peer->user, route, method, path);
}
