/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/service_families.h"

#include <string.h>

#include "kube/json.h"
#include "kube/service.h"

struct cluster {
	const uint8_t *families;
	size_t n;
};

static const char *family_name(uint8_t family)
{
	return family == 6 ? "IPv6" : "IPv4";
}

static const char *other_family(const char *name)
{
	return strcmp(name, "IPv4") == 0 ? "IPv6" : "IPv4";
}

static bool has_family(const struct cluster *cluster, const char *name)
{
	for (size_t i = 0; i < cluster->n; i++)
		if (strcmp(family_name(cluster->families[i]), name) == 0)
			return true;
	return false;
}

static const char *policy_of(const json_t *spec)
{
	return json_path_str(spec, "ipFamilyPolicy");
}

static bool has_policy(const json_t *spec, const char *policy)
{
	return strcmp(policy_of(spec), policy) == 0;
}

static size_t count(const json_t *spec, const char *member)
{
	return json_array_size(json_path(spec, member));
}

static void bad_policy(const json_t *spec, const char *detail, struct field_errors *errs)
{
	field_invalid_string(errs, "spec.ipFamilyPolicy", policy_of(spec), detail);
}

/* A PreferDualStack Service does not follow a change of the cluster until its user touches it. */
static bool is_left_alone(const json_t *spec, const json_t *old)
{
	const char *old_policy = policy_of(old);

	return has_policy(spec, "PreferDualStack") &&
	       (!old_policy[0] || has_policy(old, "PreferDualStack")) &&
	       service_same(spec, old, "type") && service_same(spec, old, "clusterIPs") &&
	       service_same(spec, old, "ipFamilies");
}

static bool is_headless_selectorless(const json_t *spec)
{
	return strcmp(json_path_str(spec, "clusterIP"), "None") == 0 &&
	       json_object_size(json_path(spec, "selector")) == 0;
}

static void default_policy(json_t *spec, const json_t *old)
{
	const char *policy = old ? policy_of(old) : "";

	if (policy_of(spec)[0])
		return;
	if (!policy[0])
		policy = is_headless_selectorless(spec) ? "RequireDualStack" : "SingleStack";
	json_object_set_new(spec, "ipFamilyPolicy", json_string(policy));
}

static void trim(json_t *spec, const json_t *old, const char *member)
{
	json_t *list = json_path(spec, member);

	if (service_same(spec, old, member))
		while (json_array_size(list) > 1)
			json_array_remove(list, 1);
}

/* SingleStack with nothing else changed is a wish to release the secondary address. */
static void release_secondary(json_t *spec, const json_t *old, struct field_errors *errs)
{
	size_t ips = count(spec, "clusterIPs"), families = count(spec, "ipFamilies");

	if (has_policy(spec, "SingleStack")) {
		trim(spec, old, "clusterIPs");
		trim(spec, old, "ipFamilies");
		return;
	}
	if (ips > 0 && ips < count(old, "clusterIPs"))
		bad_policy(spec, "must be 'SingleStack' to release the secondary cluster IP", errs);
	if (families > 0 && families < count(old, "ipFamilies"))
		bad_policy(spec, "must be 'SingleStack' to release the secondary IP family", errs);
}

static void check_single_stack(const json_t *spec, struct field_errors *errs)
{
	if (!has_policy(spec, "SingleStack"))
		return;
	if (count(spec, "clusterIPs") == 2)
		bad_policy(spec,
		           "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster "
		           "IPs are specified",
		           errs);
	if (count(spec, "ipFamilies") == 2)
		bad_policy(spec,
		           "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP "
		           "families are specified",
		           errs);
}

static json_t *families_of(json_t *spec)
{
	json_t *families = json_path(spec, "ipFamilies");

	if (!json_is_array(families)) {
		families = json_array();
		json_object_set_new(spec, "ipFamilies", families);
	}
	return families;
}

static const char *first_family(const json_t *families)
{
	const char *name = json_string_value(json_array_get(families, 0));

	return name ? name : "IPv4";
}

/* The families of clusterIPs the user gave are the families asked for. */
static void infer_from_ips(json_t *spec, const struct cluster *cluster, struct field_errors *errs)
{
	json_t *ips = json_path(spec, "clusterIPs"), *families = families_of(spec);
	const json_t *ip;
	size_t i;

	json_array_foreach(ips, i, ip) {
		const char *text = json_string_value(ip);
		const char *family = text && strchr(text, ':') ? "IPv6" : "IPv4";

		if (!text || strcmp(text, "None") == 0)
			break;
		if (i < json_array_size(families))
			continue;
		if (has_family(cluster, family))
			json_array_append_new(families, json_string(family));
		else
			field_invalid(errs, field_path("spec.clusterIPs[%zu]", i), ips,
			              strcmp(family, "IPv6") == 0
			                      ? "IPv6 is not configured on this cluster"
			                      : "IPv4 is not configured on this cluster");
	}
}

static void check_configured(json_t *spec, const struct cluster *cluster, struct field_errors *errs)
{
	const json_t *family;
	size_t i;

	if (has_policy(spec, "RequireDualStack") && cluster->n < 2)
		bad_policy(spec, "this cluster is not configured for dual-stack services", errs);
	json_array_foreach(families_of(spec), i, family)
		if (json_is_string(family) && !has_family(cluster, json_string_value(family)))
			field_invalid(errs, field_path("spec.ipFamilies[%zu]", i), family,
			              "not configured on this cluster");
}

/* The families left open: the cluster's primary one, then the other where two are wanted. */
static void fill_families(json_t *spec, const struct cluster *cluster, bool other_too)
{
	json_t *families = families_of(spec);

	if (json_array_size(families) == 0)
		json_array_append_new(families, json_string(family_name(cluster->families[0])));
	if (other_too && !has_policy(spec, "SingleStack") && json_array_size(families) == 1)
		json_array_append_new(families, json_string(other_family(first_family(families))));
}

void service_default_families(json_t *object, const json_t *old, const uint8_t *cluster_families,
                              size_t n, struct field_errors *errs)
{
	const struct cluster cluster = { cluster_families, n };
	const json_t *old_spec = json_path(old, "spec");
	json_t *spec = json_path(object, "spec");
	size_t before = errs->n;

	if (!json_is_object(spec) || service_is_type(spec, "ExternalName") ||
	    (old && is_left_alone(spec, old_spec)))
		return;
	default_policy(spec, old_spec);
	service_validate_ips(spec, old_spec, errs);
	if (errs->n > before)
		return;
	if (old)
		release_secondary(spec, old_spec, errs);
	check_single_stack(spec, errs);
	infer_from_ips(spec, &cluster, errs);
	if (errs->n > before)
		return;
	if (is_headless_selectorless(spec)) {
		/* Its endpoints are the user's: two families even where the cluster has one. */
		fill_families(spec, &cluster, true);
		return;
	}
	check_configured(spec, &cluster, errs);
	if (errs->n == before)
		fill_families(spec, &cluster, n == 2);
}
