/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a Service about its addresses, about what may change, and about its status. */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/service.h"
#include "kube/validate.h"

#define ADDRESSES_MAX 2

static void check_sync(const json_t *spec, struct field_errors *errs)
{
	const json_t *ips = json_path(spec, "clusterIPs");
	const char *first = json_string_value(json_array_get(ips, 0));
	const char *ip = json_path_str(spec, "clusterIP");

	if (ip[0] && json_array_size(ips) == 0)
		field_required(errs, "spec.clusterIPs", "");
	else if (ip[0] && (!first || strcmp(first, ip) != 0))
		field_invalid(errs, "spec.clusterIPs", ips, "first value must match `clusterIP`");
	else if (!ip[0] && json_array_size(ips) > 0)
		field_invalid(errs, "spec.clusterIPs", ips,
		              "must be empty when `clusterIP` is not specified");
}

/* One of the first 'n' strings of 'list' is 'text'. */
static bool is_among(const json_t *list, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		const char *one = json_string_value(json_array_get(list, i));

		if (one && strcmp(one, text) == 0)
			return true;
	}
	return false;
}

static void check_families(const json_t *spec, struct field_errors *errs)
{
	static const char *const supported[] = { "IPv4", "IPv6", NULL };
	static const char *const policies[] = { "PreferDualStack", "RequireDualStack",
		                                "SingleStack", NULL };
	const json_t *families = json_path(spec, "ipFamilies"), *family;
	const char *policy = json_path_string(spec, "ipFamilyPolicy");
	size_t i;

	json_array_foreach(families, i, family) {
		const char *path = field_path("spec.ipFamilies[%zu]", i);
		const char *name = json_is_string(family) ? json_string_value(family) : "";

		if (strcmp(name, "IPv4") != 0 && strcmp(name, "IPv6") != 0)
			field_unsupported(errs, path, name, supported);
		if (is_among(families, i, name))
			field_duplicate(errs, path, family);
	}
	if (policy && !policy[0])
		field_unsupported(errs, "spec.ipFamilyPolicy", "", policies);
	else if (policy)
		validate_one_of(errs, "spec.ipFamilyPolicy", policy, policies);
}

/* False if one of them is no address; those the old Service has may stay as they are. */
static bool check_addresses(const json_t *ips, const json_t *known, struct field_errors *errs)
{
	const json_t *value;
	struct ipaddr addr;
	bool good = true;
	size_t i;

	json_array_foreach(ips, i, value) {
		const char *text = json_is_string(value) ? json_string_value(value) : "";

		if (i == 0 && strcmp(text, "None") == 0) {
			if (json_array_size(ips) > 1) {
				field_invalid(errs, "spec.clusterIPs", ips,
				              "'None' must be the first and only value");
				good = false;
			}
			continue;
		}
		if (!validate_has_string(known, text))
			good = validate_ip(errs, field_path("spec.clusterIPs[%zu]", i), text,
			                   &addr) &&
			       good;
	}
	if (json_array_size(ips) > ADDRESSES_MAX)
		field_invalid(errs, "spec.clusterIPs", ips, "may only hold up to 2 values");
	return good;
}

static const char *family_of(const json_t *ip)
{
	const char *text = json_string_value(ip);

	return text && strchr(text, ':') ? "IPv6" : "IPv4";
}

static bool has_both_families(const json_t *ips)
{
	const json_t *ip;
	size_t i;

	json_array_foreach(ips, i, ip)
		if (strcmp(family_of(ip), family_of(json_array_get(ips, 0))) != 0)
			return true;
	return false;
}

static void check_address_families(const json_t *spec, struct field_errors *errs)
{
	const json_t *families = json_path(spec, "ipFamilies"), *ip;
	size_t i;

	json_array_foreach(json_path(spec, "clusterIPs"), i, ip) {
		const char *family = json_string_value(json_array_get(families, i));
		auto_free char *detail = NULL;

		if (!family || strcmp(family, family_of(ip)) == 0 ||
		    (strcmp(family, "IPv4") != 0 && strcmp(family, "IPv6") != 0))
			continue;
		detail = xasprintf("expected an %s value as indicated by `ipFamilies[%zu]`", family,
		                   i);
		field_invalid(errs, field_path("spec.clusterIPs[%zu]", i), ip, detail);
	}
}

/* core/validation ValidateServiceClusterIPsRelatedFields. */
void service_validate_ips(const json_t *spec, const json_t *old_spec, struct field_errors *errs)
{
	const json_t *ips = json_path(spec, "clusterIPs");

	if (service_is_type(spec, "ExternalName"))
		return;
	check_sync(spec, errs);
	check_families(spec, errs);
	if (!check_addresses(ips, json_path(old_spec, "clusterIPs"), errs))
		return;
	if (json_array_size(ips) > 1 && !has_both_families(ips))
		field_invalid(errs, "spec.clusterIPs", ips,
		              "may specify no more than one IP for each IP family");
	if (!service_is_headless(spec))
		check_address_families(spec, errs);
}

/* What differs between the two lists a Service has one entry a family in. */
struct pair_rule {
	const char *member, *unset, *released;
};

static void check_pair(const json_t *spec, const json_t *old_spec, const struct pair_rule *rule,
                       struct field_errors *errs)
{
	const json_t *now = json_path(spec, rule->member);
	const json_t *before = json_path(old_spec, rule->member);
	size_t n = json_array_size(now), n_before = json_array_size(before);
	const char *policy = json_path_str(spec, "ipFamilyPolicy");
	/* Of lists of different lengths only the primary entry is compared. */
	size_t common = n == n_before ? n : n && n_before ? 1 : 0;

	if (n_before > 0 && n == 0)
		field_invalid(errs, field_path("spec.%s[0]", rule->member), now, rule->unset);
	for (size_t i = 0; i < common; i++)
		if (!json_equal(json_array_get(now, i), json_array_get(before, i)))
			field_invalid(errs, field_path("spec.%s[%zu]", rule->member, i), now,
			              "may not change once set");
	if (n_before > n && n == 1 && strcmp(policy, "SingleStack") != 0)
		field_invalid(errs, "spec.ipFamilyPolicy", json_path(spec, "ipFamilyPolicy"),
		              rule->released);
}

static void check_load_balancer_class(const json_t *spec, const json_t *old_spec,
                                      struct field_errors *errs)
{
	const json_t *class = json_path(spec, "loadBalancerClass");
	const json_t *old_class = json_path(old_spec, "loadBalancerClass");

	if (!service_is_type(spec, "LoadBalancer") || !service_is_type(old_spec, "LoadBalancer"))
		return;
	if (class != old_class && !(class && old_class && json_equal(class, old_class)))
		field_invalid(errs, "spec.loadBalancerClass", class, "may not change once set");
}

void service_validate_update(const json_t *spec, const json_t *old_spec, struct field_errors *errs)
{
	static const struct pair_rule rules[] = {
		{ "clusterIPs", "primary clusterIP can not be unset",
		  "must be set to 'SingleStack' when releasing the secondary clusterIP" },
		{ "ipFamilies", "primary ipFamily can not be unset",
		  "must be set to 'SingleStack' when releasing the secondary ipFamily" },
	};
	bool free_to_change = service_is_type(spec, "ExternalName") ||
	                      service_is_type(old_spec, "ExternalName") ||
	                      (service_is_headless(spec) && service_is_headless(old_spec));

	for (size_t i = 0; i < ARRAY_SIZE(rules) && !free_to_change; i++)
		check_pair(spec, old_spec, &rules[i], errs);
	check_load_balancer_class(spec, old_spec, errs);
	if (service_needs_health_check(spec) && service_needs_health_check(old_spec) &&
	    !service_same(spec, old_spec, "healthCheckNodePort"))
		field_forbidden(errs, "spec.healthCheckNodePort", "field is immutable");
}

static void check_ip_mode(const json_t *point, const char *path, struct field_errors *errs)
{
	static const char *const modes[] = { "Proxy", "VIP", NULL };
	const char *mode = json_path_string(point, "ipMode");
	bool has_ip = json_path_str(point, "ip")[0];

	if (!mode && has_ip)
		field_required(errs, path, "must be specified when `ip` is set");
	else if (mode && !has_ip)
		field_forbidden(errs, path, "may not be specified when `ip` is not set");
	else if (mode && !mode[0])
		field_unsupported(errs, path, "", modes);
	else if (mode)
		validate_one_of(errs, path, mode, modes);
}

/* True if a point of 'ingress' has the address: what is known may stay. */
static bool has_ingress_ip(const json_t *ingress, const char *ip)
{
	const json_t *point;
	size_t i;

	json_array_foreach(ingress, i, point)
		if (strcmp(json_path_str(point, "ip"), ip) == 0)
			return true;
	return false;
}

static void check_ingress(const json_t *point, size_t i, const json_t *known,
                          struct field_errors *errs)
{
	const char *ip = json_path_str(point, "ip"), *host = json_path_str(point, "hostname");
	struct ipaddr addr;

	if (ip[0] && !has_ingress_ip(known, ip))
		(void)validate_ip(errs, field_path("status.loadBalancer.ingress[%zu].ip", i), ip,
		                  &addr);
	check_ip_mode(point, field_path("status.loadBalancer.ingress[%zu].ipMode", i), errs);
	if (host[0]) {
		const char *path = field_path("status.loadBalancer.ingress[%zu].hostname", i);

		validate_name(errs, path, host, name_check_dns_subdomain);
		if (ipaddr_parse(host, &addr) == 0)
			field_invalid_string(errs, path, host,
			                     "must be a DNS name, not an IP address");
	}
}

void service_validate_status(const json_t *object, const json_t *old, struct field_errors *errs)
{
	const json_t *ingress = json_path(object, "status.loadBalancer.ingress"), *point;
	const json_t *known = json_path(old, "status.loadBalancer.ingress");
	size_t i;

	if (json_array_size(ingress) > 0 &&
	    !service_is_type(json_path(object, "spec"), "LoadBalancer")) {
		if (!known || !json_equal(known, ingress))
			field_forbidden(errs, "status.loadBalancer.ingress",
			                "may only be used when `spec.type` is 'LoadBalancer'");
		return;
	}
	json_array_foreach(ingress, i, point)
		check_ingress(point, i, known, errs);
}
