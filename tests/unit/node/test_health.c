/* SPDX-License-Identifier: Apache-2.0 */
/* What /healthz, /livez and the metrics say (proxy_health, agent_metrics). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "kube/json.h"
#include "node/agent_metrics.h"
#include "node/proxy_health.h"

static const int64_t now = 1790000000 * NSEC_PER_SEC;

static void set_node(struct proxy_health *health, const char *text)
{
	auto_json json_t *node = text ? json_loads(text, 0, NULL) : NULL;

	assert_true(!text || node);
	proxy_health_set_node(health, node);
}

static void check(struct proxy_health *health, bool livez, int status, const char *body)
{
	auto_buf struct buf b = BUF_INIT;

	assert_int_equal(proxy_health_answer(health, livez, &b), status);
	assert_string_equal(buf_str(&b), body);
}

#define NOW  "\"currentTime\":\"2026-09-21T14:13:20.000000Z\""
#define LAST "\"lastUpdated\":\"2026-09-21T14:13:20.000000Z\""
#define BOTH(healthy)                                                             \
	"\"status\":{\"IPv4\":{" LAST ",\"healthy\":" healthy "},\"IPv6\":{" LAST \
	",\"healthy\":" healthy "}}}"

static void answers(void **state)
{
	struct proxy_health health = { 0 };

	(void)state;
	clock_set_wall(now);
	/* The Node is not known: alive, and not eligible. */
	check(&health, true, 200, "{" LAST "," NOW ",\"healthy\":true}");
	check(&health, false, 503,
	      "{\"lastUpdated\":\"0001-01-01T00:00:00Z\"," NOW
	      ",\"nodeEligible\":false,\"healthy\":true}");
	set_node(&health, "{\"metadata\":{\"name\":\"n1\"}}");
	proxy_health_queued(&health);
	proxy_health_updated(&health);
	check(&health, false, 200,
	      "{" LAST "," NOW ",\"nodeEligible\":true,\"healthy\":true," BOTH("true"));
	check(&health, true, 200, "{" LAST "," NOW ",\"healthy\":true," BOTH("true"));

	/* A change that just came is no reason, one that waits for a minute is, for both. */
	proxy_health_queued(&health);
	check(&health, false, 200,
	      "{" LAST "," NOW ",\"nodeEligible\":true,\"healthy\":true," BOTH("true"));
	health.pending -= 60 * NSEC_PER_SEC;
	assert_false(proxy_health_ok(&health));
	check(&health, false, 503,
	      "{" LAST "," NOW ",\"nodeEligible\":true,\"healthy\":false," BOTH("false"));
	check(&health, true, 503, "{" LAST "," NOW ",\"healthy\":false," BOTH("false"));
	proxy_health_queued(&health); /* the oldest counts */
	assert_false(proxy_health_ok(&health));
	proxy_health_updated(&health);
	assert_true(proxy_health_ok(&health));
	assert_int_equal(health.healthz[0], 2);
	assert_int_equal(health.healthz[1], 2);
	assert_int_equal(health.livez[0], 2);
	assert_int_equal(health.livez[1], 1);
	clock_set_wall(0);
}

static void eligible_nodes(void **state)
{
	static const struct {
		const char *node;
		bool eligible;
	} rows[] = {
		{ NULL, false },
		{ "{\"metadata\":{}}", true },
		{ "{\"metadata\":{\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"}}", false },
		{ "{\"spec\":{\"taints\":[{\"key\":\"node.kubernetes.io/not-ready\"}]}}", true },
		{ "{\"spec\":{\"taints\":[{\"key\":\"a\"},"
		  "{\"key\":\"ToBeDeletedByClusterAutoscaler\",\"value\":\"1\"}]}}",
		  false },
		{ "{\"spec\":{\"taints\":\"nonsense\"}}", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct proxy_health health = { 0 };
		auto_buf struct buf b = BUF_INIT;

		set_node(&health, rows[i].node);
		assert_int_equal(proxy_health_answer(&health, false, &b),
		                 rows[i].eligible ? 200 : 503);
		assert_int_equal(proxy_health_answer(&health, true, &b), 200);
	}
}

static const char *text_of(const struct agent_metrics *m, struct buf *b)
{
	const struct proxy_health health = { .healthz = { 3, 1 } };
	const struct datapath_stats stats = { .ports = 7, .reattached = 2 };

	buf_reset(b);
	agent_metrics_text(m, &health, &stats, b);
	return buf_str(b);
}

static void assert_line(const char *text, const char *line)
{
	char found[256];

	(void)snprintf(found, sizeof(found), "\n%s\n", line);
	if (!strstr(text, found))
		fail_msg("no '%s' in %s", line, text);
}

/* A Service of two ports with an endpoint elsewhere: neither policy Local has one here. */
static void sums(void **state)
{
	struct plan_frontend fronts[] = {
		{ .type = PLAN_CLUSTER_IP,
		  .internal = PLAN_WINDOW_LOCAL,
		  .external = PLAN_WINDOW_LOCAL },
		{ .type = PLAN_NODE_PORT,
		  .internal = PLAN_WINDOW_ALL,
		  .external = PLAN_WINDOW_LOCAL },
		{ .type = PLAN_EXTERNAL_IP,
		  .internal = PLAN_WINDOW_ALL,
		  .external = PLAN_WINDOW_LOCAL },
	};
	struct plan_port ports[] = {
		{ .family = 4,
		  .frontends = fronts,
		  .n_frontends = 3,
		  .windows[PLAN_WINDOW_ALL].n = 1 },
		{ .family = 6,
		  .frontends = fronts,
		  .n_frontends = 1,
		  .windows[PLAN_WINDOW_ALL].n = 1 },
	};
	struct plan_service plan = { .ports = ports, .n_ports = 2, .n_bad = 4 };
	struct metrics_sums before = { 0 };
	auto_buf struct buf b = BUF_INIT;
	struct agent_metrics m;

	(void)state;
	agent_metrics_init(&m);
	agent_metrics_plan(&m, &before, &plan);
	agent_metrics_plan(&m, &before, &plan); /* again: nothing is counted twice */
#define NONE "kubeproxy_sync_proxy_rules_no_local_endpoints_total{traffic_policy="
	assert_line(text_of(&m, &b), NONE "\"internal\",ip_family=\"IPv4\"} 1");
	assert_line(buf_str(&b), NONE "\"internal\",ip_family=\"IPv6\"} 1");
	assert_line(buf_str(&b), NONE "\"external\",ip_family=\"IPv4\"} 1");
	assert_line(buf_str(&b), NONE "\"external\",ip_family=\"IPv6\"} 0");
	assert_line(buf_str(&b), "fairlead_invalid_values 4");
	ports[0].windows[PLAN_WINDOW_LOCAL].n = 1;
	agent_metrics_plan(&m, &before, &plan);
	assert_line(text_of(&m, &b), NONE "\"internal\",ip_family=\"IPv4\"} 0");
	assert_line(buf_str(&b), NONE "\"internal\",ip_family=\"IPv6\"} 1");
	agent_metrics_plan(&m, &before, NULL);
	assert_line(text_of(&m, &b), NONE "\"internal\",ip_family=\"IPv6\"} 0");
	assert_line(buf_str(&b), "fairlead_invalid_values 0");
}

static void times(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	struct agent_metrics m;

	(void)state;
	clock_set_wall(now);
	agent_metrics_init(&m);
	agent_metrics_service(&m);
	agent_metrics_endpoints(&m, now - 1); /* before we looked */
	agent_metrics_endpoints(&m, now + NSEC_PER_SEC);
	assert_line(text_of(&m, &b), "kubeproxy_sync_proxy_rules_endpoint_changes_pending 2");
	assert_line(buf_str(&b), "kubeproxy_sync_proxy_rules_service_changes_total 1");
	clock_set_wall(now + 3 * NSEC_PER_SEC);
	agent_metrics_synced(&m, 0.003, true);
	agent_metrics_synced(&m, 0.0005, false);
	clock_set_wall(0);
	assert_line(text_of(&m, &b), "kubeproxy_sync_proxy_rules_endpoint_changes_pending 0");
	assert_line(buf_str(&b), "kubeproxy_sync_proxy_rules_endpoint_changes_total 2");
#define SYNC "kubeproxy_sync_proxy_rules_duration_seconds_bucket{ip_family=\"IPv6\",le="
	assert_line(buf_str(&b), SYNC "\"0.001\"} 1");
	assert_line(buf_str(&b), SYNC "\"0.004\"} 2");
	assert_line(buf_str(&b), SYNC "\"+Inf\"} 2");
	assert_line(buf_str(&b),
	            "kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} 1");
#define PROGRAMMING "kubeproxy_network_programming_duration_seconds_"
	assert_line(buf_str(&b), PROGRAMMING "bucket{ip_family=\"IPv4\",le=\"1\"} 0");
	assert_line(buf_str(&b), PROGRAMMING "bucket{ip_family=\"IPv4\",le=\"2\"} 1");
	assert_line(buf_str(&b), PROGRAMMING "bucket{ip_family=\"IPv4\",le=\"300\"} 1");
	assert_line(buf_str(&b), PROGRAMMING "count{ip_family=\"IPv4\"} 1");
	assert_line(buf_str(&b),
	            "kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family=\"IPv4\"} "
	            "1790000003.000000");
	assert_line(buf_str(&b), "kubeproxy_proxy_healthz_total{code=\"503\"} 1");
	assert_line(buf_str(&b), "fairlead_datapath_ports 7");
	assert_line(buf_str(&b), "fairlead_datapath_reattached_total 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(eligible_nodes),
		cmocka_unit_test(sums),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
