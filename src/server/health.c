/* SPDX-License-Identifier: Apache-2.0 */
#include "server/health.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/store.h"

#define TYPE_TEXT "text/plain; charset=utf-8"

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

static bool is_serving(const struct server *server)
{
	return !server->closing;
}

static const struct check {
	const char *name;
	bool (*good)(const struct server *server);
	bool ready_only; /* not a matter of living */
} checks[] = {
	{ "ping", ping_good, false },
	{ "store", store_good, false },
	{ "shutdown", is_serving, true },
};

static bool belongs(const struct check *check, const char *group)
{
	return !check->ready_only || strcmp(group, "readyz") == 0;
}

static void reply_all(const struct server *server, struct http_request *req, const char *group)
{
	const char *verbose = http_query(req, "verbose"), *exclude = http_query(req, "exclude");
	auto_buf struct buf b = BUF_INIT;
	bool good = true;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const struct check *check = &checks[i];
		bool passed;

		if (!belongs(check, group))
			continue;
		if (exclude && strcmp(exclude, check->name) == 0) {
			buf_printf(&b, "[+]%s excluded: ok\n", check->name);
			continue;
		}
		passed = check->good(server);
		good = good && passed;
		buf_printf(&b, passed ? "[+]%s ok\n" : "[-]%s failed: reason withheld\n",
		           check->name);
	}
	buf_printf(&b, "%s check %s\n", group, good ? "passed" : "failed");
	if (good && !verbose)
		http_reply(req, 200, TYPE_TEXT, "ok", 2);
	else
		http_reply(req, good ? 200 : 500, TYPE_TEXT, b.p, b.n);
}

static bool reply_one(const struct server *server, struct http_request *req, const char *group,
                      const char *name)
{
	static const char failed[] = "internal server error: reason withheld\n";

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		if (!belongs(&checks[i], group) || strcmp(checks[i].name, name) != 0)
			continue;
		if (checks[i].good(server))
			http_reply(req, 200, TYPE_TEXT, "ok", 2);
		else
			http_reply(req, 500, TYPE_TEXT, failed, sizeof(failed) - 1);
		return true;
	}
	return false;
}

bool health_handle(const struct server *server, struct http_request *req, const char *path)
{
	static const char *const groups[] = { "healthz", "livez", "readyz" };

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		size_t n = strlen(groups[i]);

		if (strncmp(path + 1, groups[i], n) != 0)
			continue;
		if (path[n + 1] == '/' && path[n + 2])
			return reply_one(server, req, groups[i], path + n + 2);
		if (path[n + 1] && path[n + 1] != '/')
			continue;
		reply_all(server, req, groups[i]);
		return true;
	}
	return false;
}
