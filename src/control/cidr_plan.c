/* SPDX-License-Identifier: Apache-2.0 */
#include "control/cidr_plan.h"

#include <string.h>

#include "base/clock.h"
#include "kube/json.h"

#define BLOCKED                                                                                    \
	"There are still IPAddresses referencing the ServiceCIDR, please remove them or create a " \
	"new ServiceCIDR"

static bool is_named(const json_t *cidr, const json_t *other)
{
	return strcmp(json_path_str(cidr, "metadata.name"),
	              json_path_str(other, "metadata.name")) == 0;
}

/* 'addr' is one that Services may have of the block (pkg/api/servicecidr PrefixContainsIP). */
static bool is_usable(const struct cidr *block, const struct ipaddr *addr)
{
	size_t size = block->addr.family == 4 ? 4 : 16;
	bool first = true, last = true;

	if (!cidr_contains(block, addr))
		return false;
	for (size_t i = block->prefix; i < size * 8; i++) {
		bool bit = addr->bytes[i / 8] >> (7 - i % 8) & 1;

		first = first && !bit;
		last = last && bit;
	}
	return !first && !(last && size == 4);
}

static bool has_usable(const json_t *cidr, const struct ipaddr *addr)
{
	const json_t *one;
	struct cidr block;
	size_t i;

	json_array_foreach(json_path(cidr, "spec.cidrs"), i, one)
		if (json_is_string(one) && cidr_parse(json_string_value(one), &block) == 0 &&
		    is_usable(&block, addr))
			return true;
	return false;
}

static bool has_block(const json_t *cidr, const struct cidr *within)
{
	const json_t *one;
	struct cidr block;
	size_t i;

	json_array_foreach(json_path(cidr, "spec.cidrs"), i, one)
		if (json_is_string(one) && cidr_parse(json_string_value(one), &block) == 0 &&
		    block.prefix <= within->prefix && cidr_contains(&block, &within->addr))
			return true;
	return false;
}

bool cidr_plan_covered(const json_t *cidr, json_t *const *all, size_t n)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_path(cidr, "spec.cidrs"), i, one) {
		struct cidr block;
		bool found = false;

		if (!json_is_string(one) || cidr_parse(json_string_value(one), &block) < 0)
			continue;
		for (size_t k = 0; k < n; k++)
			found = found || (!is_named(cidr, all[k]) && has_block(all[k], &block));
		if (!found)
			return false;
	}
	return true;
}

bool cidr_plan_only_one(const json_t *cidr, json_t *const *all, size_t n, const struct ipaddr *addr)
{
	if (!has_usable(cidr, addr))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_named(cidr, all[i]) && has_usable(all[i], addr))
			return false;
	return true;
}

static bool has_finalizer(const json_t *cidr)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_path(cidr, "metadata.finalizers"), i, one)
		if (json_is_string(one) && strcmp(json_string_value(one), CIDR_FINALIZER) == 0)
			return true;
	return false;
}

/* The patch that sets the condition Ready; NULL where it is so. */
static json_t *condition(const json_t *cidr, const char *status, const char *reason,
                         const char *message, int64_t now)
{
	char time[CLOCK_TEXT_SIZE];
	const json_t *one;
	size_t i;

	json_array_foreach(json_path(cidr, "status.conditions"), i, one)
		if (strcmp(json_path_str(one, "type"), "Ready") == 0 &&
		    strcmp(json_path_str(one, "status"), status) == 0 &&
		    strcmp(json_path_str(one, "reason"), reason) == 0 &&
		    strcmp(json_path_str(one, "message"), message) == 0)
			return NULL;
	clock_format(now, time);
	return json_pack("{s:{s:[{s:s,s:s,s:s,s:s,s:s}]}}", "status", "conditions",
	                 "lastTransitionTime", time, "message", message, "reason", reason, "status",
	                 status, "type", "Ready");
}

static json_t *plan_deleted(const json_t *cidr, enum cidr_addresses addresses, int64_t now,
                            bool *ret_status, int64_t *ret_wait_ns)
{
	int64_t since = 0;

	if (addresses == CIDR_ADDRESSES_UNKNOWN)
		return NULL;
	if (addresses == CIDR_ADDRESSES_LEFT) {
		*ret_status = true;
		return condition(cidr, "False", "Terminating", BLOCKED, now);
	}
	if (clock_parse(json_path_str(cidr, "metadata.deletionTimestamp"), &since) == 0 &&
	    now < since + CIDR_GRACE_NS) {
		*ret_wait_ns = since + CIDR_GRACE_NS - now;
		return NULL;
	}
	return has_finalizer(cidr)
	               ? json_pack("{s:{s:[s]}}", "metadata", "$deleteFromPrimitiveList/finalizers",
	                           CIDR_FINALIZER)
	               : NULL;
}

json_t *cidr_plan(const json_t *cidr, enum cidr_addresses addresses, int64_t now, bool *ret_status,
                  int64_t *ret_wait_ns)
{
	*ret_status = false;
	*ret_wait_ns = 0;
	if (json_path_string(cidr, "metadata.deletionTimestamp"))
		return plan_deleted(cidr, addresses, now, ret_status, ret_wait_ns);
	if (!has_finalizer(cidr))
		return json_pack("{s:{s:[s]}}", "metadata", "finalizers", CIDR_FINALIZER);
	*ret_status = true;
	return condition(cidr, "True", "", "Kubernetes Service CIDR is ready", now);
}
