/* SPDX-License-Identifier: Apache-2.0 */
#include "server/health.h"

#include <string.h>
#include <sys/statvfs.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/store.h"

#define TYPE_TEXT "text/plain; charset=utf-8"
#define ROOM_MIN  (1 << 20) /* bytes with which a full disk is worth another try */

static bool ping_good(const struct server *server)
{
	(void)server;
	return true;
}

/* Alive but unable to write is not healthy: only a new start helps (store.h). */
static bool store_good(const struct server *server)
{
	struct store_stats stats;

	store_stats(server->store, &stats);
	return !stats.broken;
}

/*
 * While the disk is full reads go on, but who wants to write is better off elsewhere.  Without
 * requests there are no writes that could prove the contrary, hence the look at the disk.
 */
static bool store_writable(const struct server *server)
{
	struct store_stats stats;
	struct statvfs disk;

	store_stats(server->store, &stats);
	if (!stats.full)
		return !stats.broken;
	return statvfs(server->data_dir, &disk) == 0 &&
	       (uint64_t)disk.f_bavail * disk.f_frsize >= ROOM_MIN;
}

/* The objects every cluster has (bootstrap) were there before the first request. */
static bool bootstrap_good(const struct server *server)
{
	return server->reconciles != NULL;
}

static bool is_serving(const struct server *server)
{
	return !server->closing;
}

static const struct check {
	const char *name;
	bool (*good)(const struct server *server);
	bool ready_only;   /* not a matter of living */
	const char *alias; /* what kube-apiserver calls it; NULL: the same, or it has no such check */
} checks[] = {
	{ "ping", ping_good, false, NULL },
	{ "store", store_good, false, "etcd" },
	{ "store-writable", store_writable, true, "etcd-readiness" },
	{ "poststarthook/bootstrap-controller", bootstrap_good, false, NULL },
	{ "shutdown", is_serving, true, NULL },
};

static bool belongs(const struct check *check, const char *group)
{
	return !check->ready_only || strcmp(group, "readyz") == 0;
}

static bool is_called(const struct check *check, const char *name)
{
	return strcmp(check->name, name) == 0 || (check->alias && strcmp(check->alias, name) == 0);
}

static bool is_excluded(struct http_request *req, const struct check *check)
{
	const char *name;

	for (size_t i = 0; (name = http_query_nth(req, "exclude", i)); i++)
		if (is_called(check, name))
			return true;
	return false;
}

/* What was excluded and is no check is told, as it may be a mistake. */
static void add_unknown(struct http_request *req, const char *group, struct buf *b)
{
	const char *name;
	size_t unknown = 0;

	for (size_t i = 0; (name = http_query_nth(req, "exclude", i)); i++) {
		bool known = false;

		for (size_t c = 0; c < ARRAY_SIZE(checks); c++)
			known = known ||
			        (belongs(&checks[c], group) && is_called(&checks[c], name));
		if (known)
			continue;
		buf_printf(b, "%s\"%s\"",
		           unknown++ ? ", "
		                     : "warn: some health checks cannot be excluded: no matches "
		                       "for ",
		           name);
	}
	if (unknown)
		buf_addc(b, '\n');
}

static void reply_all(const struct server *server, struct http_request *req, const char *group)
{
	auto_buf struct buf b = BUF_INIT;
	bool good = true;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const struct check *check = &checks[i];
		bool passed;

		if (!belongs(check, group))
			continue;
		if (is_excluded(req, check)) {
			buf_printf(&b, "[+]%s excluded: ok\n", check->name);
			continue;
		}
		passed = check->good(server);
		good = good && passed;
		buf_printf(&b, passed ? "[+]%s ok\n" : "[-]%s failed: reason withheld\n",
		           check->name);
	}
	add_unknown(req, group, &b);
	buf_printf(&b, "%s check %s\n", group, good ? "passed" : "failed");
	http_add_header(req, "X-Content-Type-Options", "nosniff");
	if (good && !http_query(req, "verbose"))
		http_reply(req, 200, TYPE_TEXT, "ok", 2);
	else
		http_reply(req, good ? 200 : 500, TYPE_TEXT, b.p, b.n);
}

static bool reply_one(const struct server *server, struct http_request *req, const char *group,
                      const char *name)
{
	static const char failed[] = "internal server error: reason withheld\n";

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		if (!belongs(&checks[i], group) || !is_called(&checks[i], name))
			continue;
		if (checks[i].good(server))
			http_reply(req, 200, TYPE_TEXT, "ok", 2);
		else
			http_reply(req, 500, TYPE_TEXT, failed, sizeof(failed) - 1);
		return true;
	}
	return false;
}

static const char *const groups[] = { "healthz", "livez", "readyz" };

bool health_handle(const struct server *server, struct http_request *req, const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		size_t n = strlen(groups[i]);

		if (strncmp(path + 1, groups[i], n) != 0)
			continue;
		if (path[n + 1] == '/' && path[n + 2])
			return reply_one(server, req, groups[i], path + n + 2);
		if (path[n + 1])
			continue;
		reply_all(server, req, groups[i]);
		return true;
	}
	return false;
}

void health_add_paths(json_t *paths)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		json_array_append_new(paths, json_sprintf("/%s", groups[i]));
		for (size_t c = 0; c < ARRAY_SIZE(checks); c++)
			if (belongs(&checks[c], groups[i]))
				json_array_append_new(paths, json_sprintf("/%s/%s", groups[i],
				                                          checks[c].name));
	}
}
