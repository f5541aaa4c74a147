/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings about a Service, as in Kubernetes' pkg/api/service/warnings.go. */
#include <string.h>

#include "base/ipaddr.h"
#include "kube/json.h"
#include "kube/service.h"
#include "kube/validate.h"

static void warn_text(json_t *warnings, const char *text)
{
	json_array_append_new(warnings, json_string(text));
}

static void warn_cidr(json_t *warnings, const char *path, const char *value)
{
	char canonical[IPADDR_TEXT_SIZE];
	struct cidr cidr;
	size_t n = strcspn(value, "/");

	if (cidr_parse(value, &cidr) < 0 || cidr.addr.family != 6)
		return;
	ipaddr_format(&cidr.addr, canonical);
	if (strlen(canonical) != n || strncmp(canonical, value, n) != 0)
		json_array_append_new(warnings,
		                      json_sprintf("%s: IPv6 CIDR value \"%s\" should be in RFC "
		                                   "5952 canonical format (\"%s/%u\")",
		                                   path, value, canonical, cidr.prefix));
}

static void warn_list(json_t *warnings, const json_t *spec, const char *member,
                      void (*warn)(json_t *warnings, const char *path, const char *value))
{
	const json_t *value;
	size_t i;

	json_array_foreach(json_path(spec, member), i, value)
		if (json_is_string(value))
			warn(warnings, field_path("spec.%s[%zu]", member, i),
			     json_string_value(value));
}

static void warn_headless(json_t *warnings, const json_t *spec)
{
	const char *affinity = json_path_str(spec, "sessionAffinity");

	if (json_path_str(spec, "loadBalancerIP")[0])
		warn_text(warnings, "spec.loadBalancerIP is ignored for headless services");
	if (json_array_size(json_path(spec, "externalIPs")) > 0)
		warn_text(warnings, "spec.externalIPs is ignored for headless services");
	if (affinity[0] && strcmp(affinity, "None") != 0)
		warn_text(warnings, "spec.SessionAffinity is ignored for headless services");
}

static void warn_external_ips(json_t *warnings, const json_t *spec, bool headless)
{
	warn_list(warnings, spec, "externalIPs", validate_warn_ip);
	if (json_array_size(json_path(spec, "externalIPs")) > 0 && !headless &&
	    !service_is_type(spec, "ExternalName"))
		warn_text(warnings,
		          "spec.externalIPs is deprecated and may no longer be implemented "
		          "in some clusters");
}

static void warn_external_name(json_t *warnings, const json_t *spec)
{
	bool external_name = service_is_type(spec, "ExternalName");

	if (external_name && json_array_size(json_path(spec, "externalIPs")) > 0)
		warn_text(warnings,
		          "spec.externalIPs is ignored when spec.type is \"ExternalName\"");
	if (!external_name && json_path_str(spec, "externalName")[0])
		warn_text(warnings,
		          "spec.externalName is ignored when spec.type is not \"ExternalName\"");
}

void service_warn(const json_t *object, const json_t *old, json_t *warnings)
{
	const json_t *annotations = json_path(object, "metadata.annotations");
	const json_t *spec = json_path(object, "spec");
	bool headless = service_is_headless(spec) && service_is_type(spec, "ClusterIP");
	const char *load_balancer_ip = json_path_str(spec, "loadBalancerIP");

	(void)old;
	if (json_object_get(annotations, ANNOTATION_TOPOLOGY_HINTS))
		warn_text(warnings,
		          "annotation " ANNOTATION_TOPOLOGY_HINTS
		          " is deprecated, please use " ANNOTATION_TOPOLOGY_MODE " instead");
	warn_list(warnings, spec, "clusterIPs", validate_warn_ip);
	if (headless)
		warn_headless(warnings, spec);
	warn_external_ips(warnings, spec, headless);
	validate_warn_ip(warnings, "spec.loadBalancerIP", load_balancer_ip);
	warn_list(warnings, spec, "loadBalancerSourceRanges", warn_cidr);
	warn_external_name(warnings, spec);
	if (strcmp(json_path_str(spec, "trafficDistribution"), "PreferClose") == 0)
		warn_text(warnings, "spec.trafficDistribution: \"PreferClose\" is deprecated; use "
		                    "\"PreferSameZone\"");
}
