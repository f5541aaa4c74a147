/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "kube/json.h"
#include "node/node_status.h"

#define NOW (1767322800LL * NSEC_PER_SEC) /* 2026-01-02T03:00:00Z */

static const struct ipaddr ip = { 4, { 192, 0, 2, 1 } };

static void labels(void **state)
{
	auto_json json_t *j = node_status_labels("n1");
	const json_t *map = json_path(j, "metadata.labels");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(map, "kubernetes.io/hostname")),
	                    "n1");
	assert_string_equal(json_string_value(json_object_get(map, "kubernetes.io/os")), "linux");
	assert_string_equal(json_string_value(json_object_get(map, "kubernetes.io/arch")),
	                    node_status_arch());
	assert_string_not_equal(node_status_arch(), "x86_64"); /* Go's names, not uname's */
}

static void new_status(void **state)
{
	auto_json json_t *j = node_status_patch(NULL, "n1", &ip, NOW);
	auto_json json_t *addresses = json_pack("[{s:s, s:s}, {s:s, s:s}]", "type", "InternalIP",
	                                        "address", "192.0.2.1", "type", "Hostname",
	                                        "address", "n1");
	auto_json json_t *ready = json_pack("[{s:s, s:s, s:s, s:s, s:s, s:s}]", "type", "Ready",
	                                    "status", "True", "lastHeartbeatTime",
	                                    "2026-01-02T03:00:00Z", "lastTransitionTime",
	                                    "2026-01-02T03:00:00Z", "reason", "FairleadReady",
	                                    "message", "the agent is running");
	const json_t *info = json_path(j, "status.nodeInfo");

	(void)state;
	assert_true(json_equal(json_path(j, "status.addresses"), addresses));
	assert_true(json_equal(json_path(j, "status.conditions"), ready));
	assert_string_equal(json_path_str(info, "operatingSystem"), "linux");
	assert_string_equal(json_path_str(info, "kubeletVersion"), "fairlead/" FAIRLEAD_VERSION);
	assert_true(json_path_str(info, "kernelVersion")[0]);
	assert_true(json_path_str(info, "osImage")[0]);
}

/* Others' conditions stay, Ready keeps its time while it was True. */
static void kept_conditions(void **state)
{
	static const struct {
		const char *ready, *since; /* before, and the transition time expected */
	} rows[] = {
		{ "True", "2020-01-01T00:00:00Z" },
		{ "Unknown", "2026-01-02T03:00:00Z" },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		auto_json json_t *node = json_pack("{s:{s:[{s:s, s:s, s:s}, {s:s, s:s}]}}",
		                                   "status", "conditions", "type", "Ready",
		                                   "status", rows[i].ready, "lastTransitionTime",
		                                   "2020-01-01T00:00:00Z", "type", "DiskPressure",
		                                   "status", "False");
		auto_json json_t *j = node_status_patch(node, "n1", &ip, NOW);
		const json_t *list = json_path(j, "status.conditions");

		assert_int_equal(json_array_size(list), 2);
		assert_string_equal(json_path_str(json_array_get(list, 0), "type"), "DiskPressure");
		assert_string_equal(json_path_str(json_array_get(list, 1), "type"), "Ready");
		assert_string_equal(json_path_str(json_array_get(list, 1), "lastTransitionTime"),
		                    rows[i].since);
	}
}

static void lease(void **state)
{
	auto_json json_t *j = node_status_lease("n1", NOW + 5000);

	(void)state;
	assert_string_equal(json_path_str(j, "spec.holderIdentity"), "n1");
	assert_int_equal(json_path_int(j, "spec.leaseDurationSeconds", 0), 40);
	assert_string_equal(json_path_str(j, "spec.renewTime"), "2026-01-02T03:00:00.000005Z");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels),
		cmocka_unit_test(new_status),
		cmocka_unit_test(kept_conditions),
		cmocka_unit_test(lease),
	};

	return cmocka_run_group_tests_name("node node_status", tests, NULL, NULL);
}
