/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admit_ips.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/status.h"
#include "server/object.h"

bool admit_ips_wanted(const json_t *service)
{
	const char *first =
		json_string_value(json_array_get(json_path(service, "spec.clusterIPs"), 0));

	return !admit_type_is(service, "ExternalName") &&
	       strcmp(json_path_str(service, "spec.clusterIP"), "None") != 0 &&
	       !(first && strcmp(first, "None") == 0);
}

uint64_t admit_ips_parent(const json_t *service)
{
	return ip_pool_parent("", "services", json_path_str(service, "metadata.namespace"),
	                      json_path_str(service, "metadata.name"));
}

json_t *admit_ips_object(const char *name, const json_t *service)
{
	json_t *object = json_pack("{s:{s:s,s:{s:s,s:s}},s:{s:{s:s,s:s,s:s}}}", "metadata", "name",
	                           name, "labels", LABEL_IP_FAMILY,
	                           strchr(name, ':') ? "IPv6" : "IPv4", LABEL_IP_MANAGED_BY,
	                           IP_ALLOCATOR_NAME, "spec", "parentRef", "resource", "services",
	                           "namespace", json_path_str(service, "metadata.namespace"),
	                           "name", json_path_str(service, "metadata.name"));

	object_stamp_new(object, &kind_ip_address);
	return object;
}

static void note(struct admit_claim *claim, const struct ipaddr *addr, bool taken)
{
	struct admit_ip *ip = &claim->ips[claim->n_ips++];

	ip->addr = *addr;
	ip->taken = taken;
	ipaddr_format(addr, ip->name);
}

bool admit_ips_has(const json_t *service, const struct ipaddr *addr)
{
	const json_t *value;
	struct ipaddr one;
	size_t i;

	if (!admit_ips_wanted(service))
		return false;
	json_array_foreach(json_path(service, "spec.clusterIPs"), i, value)
		if (json_is_string(value) && ipaddr_parse(json_string_value(value), &one) == 0 &&
		    ipaddr_equal(&one, addr))
			return true;
	return false;
}

void admit_ips_note_gone(const struct admission *admission, const json_t *object, const json_t *old,
                         struct admit_claim *claim)
{
	const uint64_t parent = admit_ips_parent(old);
	const json_t *value;
	struct ipaddr addr;
	size_t i;

	if (!admit_ips_wanted(old))
		return;
	json_array_foreach(json_path(old, "spec.clusterIPs"), i, value) {
		const struct ip_entry *entry;

		if (!json_is_string(value) || ipaddr_parse(json_string_value(value), &addr) < 0 ||
		    (object && admit_ips_has(object, &addr)) ||
		    claim->n_ips == ARRAY_SIZE(claim->ips))
			continue;
		/* Another's IPAddress, which somebody made by hand, stays. */
		entry = ip_pool_get(&admission->pool, &addr);
		if (entry && entry->stored && entry->parent == parent)
			note(claim, &addr, false);
	}
}

json_t *admit_ips_own(struct admission *admission, json_t *object, const json_t *old,
                      struct admit_claim *claim)
{
	const char *name = json_path_str(object, "metadata.name");
	const struct ip_entry *entry;
	struct ipaddr addr;

	if (old || claim->dry_run || ipaddr_parse(name, &addr) < 0)
		return NULL;
	entry = ip_pool_get(&admission->pool, &addr);
	if (entry && !entry->stored)
		return status_already_exists(&kind_ip_address, name);
	if (entry || ip_pool_claim(&admission->pool, &addr) < 0)
		return NULL; /* it is there: the store says so */
	claim->own = true;
	note(claim, &addr, true);
	return NULL;
}

/* 'text' NULL: of an address that was left open. */
static void refuse(struct admit_txn *txn, const char *text, const char *why)
{
	auto_free char *detail = xasprintf("failed to allocate IP%s%s: %s", text ? " " : "",
	                                   text ? text : "", why);

	field_invalid(&txn->errs, "spec.clusterIPs", json_path(txn->object, "spec.clusterIPs"),
	              detail);
}

static const char *service_ns(const json_t *service)
{
	return json_path_str(service, "metadata.namespace");
}

/* Whether the IPAddress may be written; that it refers to a Service without a name comes out here. */
static void check_address(struct admit_txn *txn, const char *text, const struct ipaddr *addr)
{
	const char *service = json_path_str(txn->object, "metadata.name");
	struct field_errors errs = { 0 };
	char name[IPADDR_TEXT_SIZE];
	auto_json json_t *object = NULL;

	/* What an IPAddress may refer to is any part of a path; names of Services are mostly. */
	if (service[0] && !strpbrk(service, "/%.") && !strpbrk(service_ns(txn->object), "/%."))
		return;
	ipaddr_format(addr, name);
	object = admit_ips_object(name, txn->object);
	kind_ip_address.validate(object, NULL, KIND_CREATE, &errs);
	if (errs.n) {
		auto_json json_t *status = status_invalid(&kind_ip_address, name, &errs);

		refuse(txn, text, json_path_str(status, "message"));
	}
	field_errors_done(&errs);
}

/* Any block will do where nothing is taken. */
static void rehearse_ip(struct admit_txn *txn, const char *text, const struct ipaddr *addr)
{
	const struct ip_pool *pool = &txn->admission->pool;
	const struct ip_block *block = ip_pool_first_block(pool, addr->family, DEFAULT_CIDR_NAME);
	char range[IP_RANGE_TEXT_SIZE];
	auto_free char *why = NULL;

	if (!block) {
		refuse(txn, text, "allocator not ready");
	} else if (!ip_pool_block(pool, addr, false)) {
		ip_range_format(&block->range, range);
		why = xasprintf("the provided IP (%s) is not in the valid range. The range of "
		                "valid IPs is %s",
		                text, range);
		refuse(txn, text, why);
	}
}

/* The claimed address is the Service's, with which its IPAddress comes. */
static void note_taken(struct admit_txn *txn, const char *text, const struct ipaddr *addr)
{
	struct ip_entry *entry = ip_pool_get(&txn->admission->pool, addr);

	note(txn->claim, addr, true);
	entry->confirmed = true;
	entry->parent = admit_ips_parent(txn->object);
	check_address(txn, text, addr);
}

/* Takes the address that the user asked for; what is no address is left to validation. */
static void take_ip(struct admit_txn *txn, const char *text)
{
	struct ipaddr addr;
	int r;

	if (!text || ipaddr_parse(text, &addr) < 0)
		return;
	if (txn->claim->dry_run) {
		rehearse_ip(txn, text, &addr);
		return;
	}
	r = ip_pool_claim_from_block(&txn->admission->pool, &addr);
	if (r == -ERANGE)
		refuse(txn, text, "the provided network does not match the current range");
	else if (r < 0)
		refuse(txn, text, "provided IP is already allocated");
	else
		note_taken(txn, text, &addr);
}

static json_t *full(const struct admit_txn *txn)
{
	auto_free char *why =
		xasprintf("failed to allocate a serviceIP for Service \"%s\": range is full",
	                  json_path_str(txn->object, "metadata.name"));

	return admit_internal_error(why);
}

static json_t *give_ip(struct admit_txn *txn, uint8_t family, json_t *ips, size_t i)
{
	struct ip_pool *pool = &txn->admission->pool;
	const struct ip_block *block = ip_pool_first_block(pool, family, DEFAULT_CIDR_NAME);
	char text[IPADDR_TEXT_SIZE];
	struct ipaddr addr;

	if (txn->claim->dry_run) {
		if (!block) {
			refuse(txn, NULL, "allocator not ready");
			return NULL;
		}
		addr = block->range.cidr.addr;
	} else {
		if (ip_pool_claim_any(pool, family, &addr) < 0)
			return full(txn);
		note_taken(txn, NULL, &addr);
	}
	ipaddr_format(&addr, text);
	if (!txn->errs.n)
		json_array_set_new(ips, i, json_string(text));
	return NULL;
}

/* How many addresses the old Service has: changing those is refused by validation, and better. */
static size_t n_before(const struct admit_txn *txn)
{
	return txn->old && !admit_type_is(txn->old, "ExternalName")
	               ? json_array_size(json_path(txn->old, "spec.clusterIPs"))
	               : 0;
}

json_t *admit_ips(struct admit_txn *txn)
{
	json_t *families = json_path(txn->object, "spec.ipFamilies");
	json_t *ips = json_array(), *status = NULL;
	size_t n_asked, n_old = n_before(txn);

	if (n_old && !admit_ips_wanted(txn->old)) {
		json_decref(ips);
		return NULL; /* headless it stays, or is refused */
	}
	json_array_extend(ips, json_path(txn->object, "spec.clusterIPs"));
	n_asked = json_array_size(ips);
	/* Messages show the open places as empty. */
	while (json_array_size(ips) < json_array_size(families))
		json_array_append_new(ips, json_string(""));
	if (json_array_size(ips) == 0) {
		json_decref(ips);
		return NULL;
	}
	json_path_set(txn->object, "spec.clusterIPs", ips);
	for (size_t i = 0; i < json_array_size(families) && !status && !txn->errs.n; i++) {
		const char *family = json_string_value(json_array_get(families, i));

		if (i >= n_asked)
			status = give_ip(txn, family && strcmp(family, "IPv6") == 0 ? 6 : 4, ips,
			                 i);
		else if (i >= n_old)
			take_ip(txn, json_string_value(json_array_get(ips, i)));
	}
	json_path_set(txn->object, "spec.clusterIP", json_incref(json_array_get(ips, 0)));
	return status;
}
