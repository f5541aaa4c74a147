/* SPDX-License-Identifier: Apache-2.0 */
#include "node/proxy_health.h"

#include <string.h>

#include "base/clock.h"
#include "kube/json.h"

#define LATE_NS (60 * NSEC_PER_SEC) /* twice kube-proxy's syncPeriod */

void proxy_health_queued(struct proxy_health *health)
{
	if (!health->pending)
		health->pending = clock_now();
}

void proxy_health_updated(struct proxy_health *health)
{
	health->pending = 0;
	health->updated = clock_wall();
}

void proxy_health_set_node(struct proxy_health *health, const json_t *node)
{
	const json_t *taint;
	size_t i;

	health->node_eligible = node && !json_path_string(node, "metadata.deletionTimestamp");
	json_array_foreach(json_path(node, "spec.taints"), i, taint)
		if (strcmp(json_path_str(taint, "key"), TAINT_TO_BE_DELETED) == 0)
			health->node_eligible = false;
}

bool proxy_health_ok(const struct proxy_health *health)
{
	/* who has just started may take its time */
	return !health->updated || !health->pending || clock_now() - health->pending < LATE_NS;
}

/* The zero of Go's time.Time where there is none. */
static void add_time(struct buf *b, const char *key, int64_t wall)
{
	char text[CLOCK_TEXT_SIZE] = "0001-01-01T00:00:00Z";

	if (wall)
		clock_format_micro(wall, text);
	buf_printf(b, "\"%s\":\"%s\"", key, text);
}

int proxy_health_answer(struct proxy_health *health, bool livez, struct buf *body)
{
	static const char *const families[] = { "IPv4", "IPv6" };
	bool healthy = proxy_health_ok(health);
	bool good = healthy && (livez || health->node_eligible);
	int64_t now = clock_wall();

	++(livez ? health->livez : health->healthz)[good ? 0 : 1];
	buf_addc(body, '{');
	add_time(body, "lastUpdated", good ? now : health->updated);
	buf_addc(body, ',');
	add_time(body, "currentTime", now);
	if (!livez)
		buf_printf(body, ",\"nodeEligible\":%s", health->node_eligible ? "true" : "false");
	buf_printf(body, ",\"healthy\":%s", healthy ? "true" : "false");
	for (int i = 0; i < 2 && health->updated; i++) {
		buf_printf(body, "%s\"%s\":{", i == 0 ? ",\"status\":{" : ",", families[i]);
		add_time(body, "lastUpdated", health->updated);
		buf_printf(body, ",\"healthy\":%s}%s", healthy ? "true" : "false",
		           i == 1 ? "}" : "");
	}
	buf_addc(body, '}');
	return good ? 200 : 503;
}
