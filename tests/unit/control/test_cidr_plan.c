/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "control/cidr_plan.h"
#include "kube/json.h"

#define NOW     "2026-03-01T12:00:00Z"
#define FIN     "\"finalizers\":[\"networking.k8s.io/service-cidr-finalizer\"]"
#define READY   "Kubernetes Service CIDR is ready"
#define DELETED "\"deletionTimestamp\":\"2026-03-01T11:59:55Z\""
#define BLOCKED                                                                                    \
	"There are still IPAddresses referencing the ServiceCIDR, please remove them or create a " \
	"new ServiceCIDR"
#define CONDITION(time, message, reason, status)                                                   \
	"{\"status\":{\"conditions\":[{\"lastTransitionTime\":\"" time "\",\"message\":\"" message \
	"\",\"reason\":\"" reason "\",\"status\":\"" status "\",\"type\":\"Ready\"}]}}"

static json_t *parse(const char *text)
{
	json_t *tree = json_loads(text, 0, NULL);

	assert_non_null(tree);
	return tree;
}

static void each_step_is_planned(void **state)
{
	static const struct {
		const char *meta, *status; /* of the object; 'status' "": none */
		enum cidr_addresses addresses;
		const char *patch; /* NULL: none */
		bool of_status;
		int wait; /* s */
	} cases[] = {
		{ "", "", CIDR_ADDRESSES_NONE, "{\"metadata\":{" FIN "}}", false, 0 },
		{ "\"finalizers\":[\"a.b/c\"]", "", CIDR_ADDRESSES_NONE, "{\"metadata\":{" FIN "}}",
		  false, 0 },
		{ FIN, "", CIDR_ADDRESSES_NONE, CONDITION(NOW, READY, "", "True"), true, 0 },
		/* The words of the default one's first condition are replaced. */
		{ FIN,
		  CONDITION("2026-01-01T00:00:00Z", "Kubernetes default Service CIDR is ready", "",
		            "True"),
		  CIDR_ADDRESSES_NONE, CONDITION(NOW, READY, "", "True"), true, 0 },
		{ FIN, CONDITION("2026-01-01T00:00:00Z", READY, "", "True"), CIDR_ADDRESSES_NONE,
		  NULL, false, 0 },
		{ FIN "," DELETED, CONDITION("2026-01-01T00:00:00Z", READY, "", "True"),
		  CIDR_ADDRESSES_UNKNOWN, NULL, false, 0 },
		{ FIN "," DELETED, CONDITION("2026-01-01T00:00:00Z", READY, "", "True"),
		  CIDR_ADDRESSES_LEFT, CONDITION(NOW, BLOCKED, "Terminating", "False"), true, 0 },
		{ FIN "," DELETED,
		  CONDITION("2026-01-01T00:00:00Z", BLOCKED, "Terminating", "False"),
		  CIDR_ADDRESSES_LEFT, NULL, false, 0 },
		/* Whoever gives addresses has ten seconds to learn of it. */
		{ FIN "," DELETED, "", CIDR_ADDRESSES_NONE, NULL, false, 5 },
		{ FIN ",\"deletionTimestamp\":\"2026-03-01T11:59:50Z\"", "", CIDR_ADDRESSES_NONE,
		  "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":["
		  "\"networking.k8s.io/service-cidr-finalizer\"]}}",
		  false, 0 },
		{ "\"finalizers\":[\"a.b/c\"],\"deletionTimestamp\":\"2026-03-01T11:59:50Z\"", "",
		  CIDR_ADDRESSES_NONE, NULL, false, 0 },
	};
	int64_t now;

	(void)state;
	assert_int_equal(clock_parse(NOW, &now), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *text = xasprintf("{\"metadata\":{%s}}", cases[i].meta);
		auto_json json_t *cidr = parse(text);
		auto_json json_t *status = cases[i].status[0] ? parse(cases[i].status) : NULL;
		auto_json json_t *patch = NULL, *expected = NULL;
		bool of_status;
		int64_t wait;

		if (status)
			json_object_update(cidr, status);
		patch = cidr_plan(cidr, cases[i].addresses, now, &of_status, &wait);
		expected = cases[i].patch ? parse(cases[i].patch) : NULL;
		if (!patch != !expected || (patch && !json_equal(patch, expected)))
			fail_msg("case %zu: %s", i, patch ? json_dumps(patch, 0) : "none");
		if (patch)
			assert_int_equal(of_status, cases[i].of_status);
		assert_int_equal(wait, cases[i].wait * NSEC_PER_SEC);
	}
}

static void others_cover_it(void **state)
{
	static const struct {
		const char *cidrs; /* of the one asked about, "x" */
		const char *others[3];
		bool covered;
	} cases[] = {
		{ "[\"10.0.0.0/24\"]", { NULL }, false },
		{ "[\"10.0.0.0/24\"]", { "[\"10.0.0.0/24\"]" }, true },
		{ "[\"10.0.0.0/24\"]", { "[\"10.0.0.0/16\"]" }, true },
		{ "[\"10.0.0.0/24\"]", { "[\"10.0.0.0/25\"]", "[\"10.0.0.128/25\"]" }, false },
		{ "[\"10.0.0.0/24\"]", { "[\"10.1.0.0/16\"]", "[\"fd00::/64\"]" }, false },
		{ "[\"10.0.0.0/24\",\"fd00::/112\"]", { "[\"10.0.0.0/8\"]" }, false },
		{ "[\"10.0.0.0/24\",\"fd00::/112\"]",
		  { "[\"10.0.0.0/8\"]", "[\"fd00::/64\"]" },
		  true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *text =
			xasprintf("[{\"metadata\":{\"name\":\"x\"},\"spec\":{\"cidrs\":%s}}]",
		                  cases[i].cidrs);
		auto_json json_t *list = parse(text);
		json_t *all[4];
		size_t n;

		for (size_t k = 0; k < 3 && cases[i].others[k]; k++) {
			auto_free char *one =
				xasprintf("{\"metadata\":{\"name\":\"o%zu\"},\"spec\":"
			                  "{\"cidrs\":%s}}",
			                  k, cases[i].others[k]);

			json_array_append_new(list, parse(one));
		}
		n = json_array_size(list);
		for (size_t k = 0; k < n; k++)
			all[k] = json_array_get(list, k);
		if (cidr_plan_covered(all[0], all, n) != cases[i].covered)
			fail_msg("case %zu", i);
	}
}

/* The network and the broadcast address are in no block (IPv6 has only the first). */
static void only_one_has_it(void **state)
{
	static const struct {
		const char *addr;
		bool only;
	} cases[] = {
		{ "10.0.0.1", false },  { "10.0.0.127", true }, { "10.0.0.128", true },
		{ "10.0.0.200", true }, { "10.0.0.0", false },  { "10.0.0.255", false },
		{ "10.0.1.1", false },  { "fd00::1", true },    { "fd00::", false },
		{ "fd00::ffff", true }, { "fd01::1", false },
	};
	auto_json json_t *list = parse(
		"[{\"metadata\":{\"name\":\"x\"},\"spec\":{\"cidrs\":[\"10.0.0.0/24\","
		"\"fd00::/112\"]}},{\"metadata\":{\"name\":\"o\"},\"spec\":{\"cidrs\":["
		"\"10.0.0.0/25\"]}}]");
	json_t *all[] = { json_array_get(list, 0), json_array_get(list, 1) };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ipaddr addr;

		assert_int_equal(ipaddr_parse(cases[i].addr, &addr), 0);
		if (cidr_plan_only_one(all[0], all, 2, &addr) != cases[i].only)
			fail_msg("%s", cases[i].addr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_step_is_planned),
		cmocka_unit_test(others_cover_it),
		cmocka_unit_test(only_one_has_it),
	};

	return cmocka_run_group_tests_name("cidr_plan", tests, NULL, NULL);
}
