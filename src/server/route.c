/* SPDX-License-Identifier: Apache-2.0 */
#include "server/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/subresource.h"
#include "server/virtual_kinds.h"

#define STEPS_MAX 8 /* /apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/SUBRESOURCE */

/* Cuts 'text' at its slashes; a trailing one is ignored.  False: an empty or too many steps. */
static bool split(char *text, char *steps[static STEPS_MAX], size_t *ret_n)
{
	size_t len = strlen(text), n = 0;

	if (text[0] != '/')
		return false;
	if (len > 1 && text[len - 1] == '/')
		text[len - 1] = '\0';
	for (char *p = text; p; n++) {
		*p++ = '\0';
		if (n == STEPS_MAX || *p == '\0' || *p == '/')
			return false;
		steps[n] = p;
		p = strchr(p, '/');
	}
	*ret_n = n;
	return true;
}

static enum verb verb_of(const char *method, bool named, bool below, bool watch)
{
	if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		return named ? VERB_GET : watch ? VERB_WATCH : VERB_LIST;
	if (strcmp(method, "DELETE") == 0)
		return named ? VERB_DELETE : VERB_DELETE_COLLECTION;
	if (strcmp(method, "POST") == 0)
		return named && !below ? VERB_NONE : VERB_CREATE;
	if (strcmp(method, "PUT") == 0)
		return named ? VERB_UPDATE : VERB_NONE;
	if (strcmp(method, "PATCH") == 0)
		return named ? VERB_PATCH : VERB_NONE;
	return VERB_NONE;
}

/* True for "namespaces/NS/status": there the namespace itself is the resource. */
static bool of_namespace_itself(char *const *steps, size_t n)
{
	return n < 3 ||
	       (n == 3 && (strcmp(steps[2], "status") == 0 || strcmp(steps[2], "finalize") == 0));
}

/* Keeps 'kind' only where this kind of object is reached by this kind of path. */
static void check_scope(struct route *route)
{
	const struct kind *kind = route->kind;

	if (!kind)
		return;
	if (kind->namespaced ? route->name[0] && !route->ns[0] : route->ns[0] != '\0') {
		route->kind = NULL;
		return;
	}
	/* Across all namespaces one may only look. */
	if (kind->namespaced && !route->ns[0] && route->verb != VERB_LIST &&
	    route->verb != VERB_WATCH)
		route->verb = VERB_NONE;
}

/* Of a review there is nothing but its create. */
static void check_virtual(struct route *route)
{
	if (!route->kind || !virtual_kinds_is(route->kind))
		return;
	if (route->name[0])
		route->kind = NULL;
	else if (route->verb != VERB_CREATE)
		route->verb = VERB_NONE;
}

static void check_subresource(struct route *route)
{
	if (!route->kind || !route->subresource[0])
		return;
	route->sub = subresource_find(route->kind, route->subresource);
	if (route->sub) {
		if (route->verb == VERB_NONE || !(route->sub->verbs & (1U << route->verb)))
			route->verb = VERB_NONE;
		return;
	}
	if (strcmp(route->subresource, "status") != 0 || !route->kind->has_status) {
		route->kind = NULL;
		return;
	}
	route->status = true;
	if (route->verb != VERB_GET && route->verb != VERB_UPDATE && route->verb != VERB_PATCH)
		route->verb = VERB_NONE;
}

/* 'steps' are those behind the version. */
static void parse_resource(struct route *route, const char *method, char *const *steps, size_t n,
                           bool watch)
{
	bool deprecated_watch = n > 1 && strcmp(steps[0], "watch") == 0;

	if (deprecated_watch) {
		steps++;
		n--;
		watch = false;
	}
	if (strcmp(steps[0], "namespaces") == 0 && !of_namespace_itself(steps, n)) {
		route->ns = steps[1];
		steps += 2;
		n -= 2;
	}
	route->resource = true;
	route->plural = steps[0];
	if (n > 1)
		route->name = steps[1];
	if (n > 2)
		route->subresource = steps[2];
	route->verb = verb_of(method, n > 1, n > 2, watch);
	if (n > 3 || (deprecated_watch && n > 2))
		return;
	if (deprecated_watch)
		route->verb = route->verb == VERB_GET || route->verb == VERB_LIST ? VERB_WATCH
		                                                                  : VERB_NONE;
	route->kind = virtual_kinds_by_path(route->group, route->version, route->plural);
	check_scope(route);
	check_virtual(route);
	check_subresource(route);
}

void route_parse(const char *method, const char *path, bool watch, struct route *ret)
{
	struct route route = { .text = xstrdup(path), .verb = VERB_NONE };
	char *steps[STEPS_MAX];
	size_t n, head;

	route.group = route.version = route.plural = route.ns = route.name = route.subresource = "";
	if (split(route.text, steps, &n)) {
		bool core = strcmp(steps[0], "api") == 0;

		route.api = core || strcmp(steps[0], "apis") == 0;
		head = core ? 2 : 3;
		if (route.api && n > head) {
			route.group = core ? "" : steps[1];
			route.version = steps[head - 1];
			parse_resource(&route, method, steps + head, n - head, watch);
		}
	} else {
		route.api = strncmp(path, "/api/", 5) == 0 || strncmp(path, "/apis/", 6) == 0;
	}
	*ret = route;
}

void route_done(struct route *route)
{
	free(route->text);
	*route = (struct route){ 0 };
}

const char *verb_name(enum verb verb)
{
	static const char *const names[] = {
		[VERB_GET] = "get",       [VERB_LIST] = "list",
		[VERB_WATCH] = "watch",   [VERB_CREATE] = "create",
		[VERB_UPDATE] = "update", [VERB_PATCH] = "patch",
		[VERB_DELETE] = "delete", [VERB_DELETE_COLLECTION] = "deletecollection",
		[VERB_NONE] = "",
	};

	return names[verb];
}
