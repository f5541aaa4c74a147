/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of a Pod: what Fairlead's roles rely on, in the words of core/validation. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/ipaddr.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/pod.h"
#include "kube/quantity.h"
#include "kube/types.h"
#include "kube/validate.h"

#define ADDRESS_PATH "metadata.annotations[" ANNOTATION_ADDRESS "]"

static void check_ports(const json_t *ports, const char *path, struct field_errors *errs)
{
	struct validate_set names = { 0 };
	const json_t *port;
	size_t i;

	json_array_foreach(ports, i, port) {
		const char *name = json_path_str(port, "name");
		const char *name_path = field_path("%s.ports[%zu].name", path, i);
		const char *port_path = field_path("%s.ports[%zu].containerPort", path, i);

		if (name[0]) {
			validate_port_name(errs, name_path, name);
			if (validate_set_has(&names, name, 0))
				field_duplicate(errs, name_path, json_path(port, "name"));
		}
		if (json_path_int(port, "containerPort", 0) == 0)
			field_required(errs, port_path, "");
		else
			validate_port(errs, port_path, json_path(port, "containerPort"));
		if (json_path_int(port, "hostPort", 0) != 0)
			validate_port(errs, field_path("%s.ports[%zu].hostPort", path, i),
			              json_path(port, "hostPort"));
		validate_protocol(errs, field_path("%s.ports[%zu].protocol", path, i),
		                  json_path_str(port, "protocol"));
	}
	validate_set_done(&names);
}

static void check_http_get(const json_t *get, const char *path, struct field_errors *errs)
{
	static const char *const schemes[] = { "HTTP", "HTTPS", NULL };

	if (!json_path_str(get, "path")[0])
		field_required(errs, field_path("%s.httpGet.path", path), "");
	validate_port_or_name(errs, field_path("%s.httpGet.port", path), json_path(get, "port"));
	validate_one_of(errs, field_path("%s.httpGet.scheme", path), json_path_str(get, "scheme"),
	                schemes);
}

/* Exactly one way to probe; more than one is refused at the later ones. */
static void check_handler(const json_t *probe, const char *path, struct field_errors *errs)
{
	static const char *const handlers[] = { "exec", "httpGet", "tcpSocket", "grpc" };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
		if (!json_path(probe, handlers[i]))
			continue;
		if (n++ > 0)
			field_forbidden(errs, field_path("%s.%s", path, handlers[i]),
			                "may not specify more than 1 handler type");
	}
	if (n == 0)
		field_required(errs, path, "must specify a handler type");
	if (json_path(probe, "exec") && json_array_size(json_path(probe, "exec.command")) == 0)
		field_required(errs, field_path("%s.exec.command", path), "");
	if (json_path(probe, "httpGet"))
		check_http_get(json_path(probe, "httpGet"), path, errs);
	if (json_path(probe, "tcpSocket"))
		validate_port_or_name(errs, field_path("%s.tcpSocket.port", path),
		                      json_path(probe, "tcpSocket.port"));
	if (json_path(probe, "grpc"))
		validate_port(errs, field_path("%s.grpc.port", path),
		              json_path(probe, "grpc.port"));
}

static void check_probe(const json_t *container, const char *member, const char *path,
                        struct field_errors *errs)
{
	static const char *const counts[] = { "initialDelaySeconds", "timeoutSeconds",
		                              "periodSeconds", "successThreshold",
		                              "failureThreshold" };
	const json_t *probe = json_path(container, member);
	int64_t successes = json_path_int(probe, "successThreshold", 1);
	char probe_path[128];

	if (!probe)
		return;
	(void)snprintf(probe_path, sizeof(probe_path), "%s.%s", path, member);
	check_handler(probe, probe_path, errs);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		validate_at_least(errs, field_path("%s.%s", probe_path, counts[i]),
		                  json_path(probe, counts[i]), 0);
	if (successes != 1 && strcmp(member, "readinessProbe") != 0)
		field_invalid(errs, field_path("%s.successThreshold", probe_path),
		              json_path(probe, "successThreshold"), "must be 1");
}

static void check_image(const char *image, const char *path, struct field_errors *errs)
{
	size_t n = strlen(image);

	if (n == 0)
		field_required(errs, path, "");
	else if (isspace((unsigned char)image[0]) || isspace((unsigned char)image[n - 1]))
		field_invalid_string(errs, path, image,
		                     "must not have leading or trailing whitespace");
}

static bool has_volume(const json_t *spec, const char *name)
{
	const json_t *volume;
	size_t i;

	json_array_foreach(json_path(spec, "volumes"), i, volume)
		if (name[0] && strcmp(json_path_str(volume, "name"), name) == 0)
			return true;
	return false;
}

static void check_mounts(const json_t *spec, const json_t *mounts, const char *path,
                         struct field_errors *errs)
{
	struct validate_set paths = { 0 };
	const json_t *mount;
	size_t i;

	json_array_foreach(mounts, i, mount) {
		const char *name = json_path_str(mount, "name");
		const char *at = json_path_str(mount, "mountPath");
		const char *name_path = field_path("%s.volumeMounts[%zu].name", path, i);
		const char *at_path = field_path("%s.volumeMounts[%zu].mountPath", path, i);

		if (!name[0])
			field_required(errs, name_path, "");
		if (!has_volume(spec, name))
			field_not_found(errs, name_path, name);
		if (!at[0])
			field_required(errs, at_path, "");
		if (validate_set_has(&paths, at, 0))
			field_invalid_string(errs, at_path, at, "must be unique");
	}
	validate_set_done(&paths);
}

/* Amounts are not negative, and no more is asked for than may be used. */
static void check_amounts(const json_t *resources, const char *member, const char *path,
                          struct field_errors *errs)
{
	const json_t *limits = json_path(resources, "limits");
	bool requests = strcmp(member, "requests") == 0;
	const char *name;
	json_t *amount;

	json_object_foreach(json_path(resources, member), name, amount) {
		const char *text = json_string_value(amount);
		const char *limit = json_string_value(json_object_get(limits, name));
		struct quantity asked, allowed;

		if (!text || quantity_parse(text, &asked, NULL) < 0)
			continue;
		if (asked.nano < 0)
			field_invalid_string(errs,
			                     field_path("%s.resources.%s[%s]", path, member, name),
			                     text, "must be greater than or equal to 0");
		if (requests && limit && quantity_parse(limit, &allowed, NULL) == 0 &&
		    asked.nano > allowed.nano) {
			auto_free char *detail = xasprintf(
				"must be less than or equal to %s limit of %s", name, limit);

			field_invalid_string(errs, field_path("%s.resources.requests", path), text,
			                     detail);
		}
	}
}

static void check_container(const json_t *spec, const json_t *container, const char *path,
                            struct validate_set *names, struct field_errors *errs)
{
	static const char *const pull[] = { "Always", "IfNotPresent", "Never", NULL };
	static const char *const message[] = { "FallbackToLogsOnError", "File", NULL };
	const char *name = json_path_str(container, "name");

	if (!name[0])
		field_required(errs, field_path("%s.name", path), "");
	else
		validate_name(errs, field_path("%s.name", path), name, name_check_dns_label);
	if (name[0] && validate_set_has(names, name, 0))
		field_duplicate(errs, field_path("%s.name", path), json_path(container, "name"));
	check_image(json_path_str(container, "image"), field_path("%s.image", path), errs);
	check_ports(json_path(container, "ports"), path, errs);
	check_mounts(spec, json_path(container, "volumeMounts"), path, errs);
	check_probe(container, "livenessProbe", path, errs);
	check_probe(container, "readinessProbe", path, errs);
	check_probe(container, "startupProbe", path, errs);
	validate_one_of(errs, field_path("%s.terminationMessagePolicy", path),
	                json_path_str(container, "terminationMessagePolicy"), message);
	validate_one_of(errs, field_path("%s.imagePullPolicy", path),
	                json_path_str(container, "imagePullPolicy"), pull);
	check_amounts(json_path(container, "resources"), "limits", path, errs);
	check_amounts(json_path(container, "resources"), "requests", path, errs);
}

static void check_volumes(const json_t *volumes, const char *at, struct field_errors *errs)
{
	struct validate_set names = { 0 };
	const json_t *volume;
	size_t i;

	json_array_foreach(volumes, i, volume) {
		const char *name = json_path_str(volume, "name");
		const char *path = field_path("%s.volumes[%zu].name", at, i);

		if (!name[0])
			field_required(errs, path, "");
		else
			validate_name(errs, path, name, name_check_dns_label);
		if (name[0] && validate_set_has(&names, name, 0))
			field_duplicate(errs, path, json_path(volume, "name"));
	}
	validate_set_done(&names);
}

static void check_containers(const json_t *spec, const char *at, const char *member,
                             struct field_errors *errs)
{
	struct validate_set names = { 0 };
	const json_t *container;
	size_t i;

	json_array_foreach(json_path(spec, member), i, container) {
		char path[96];

		(void)snprintf(path, sizeof(path), "%s.%s[%zu]", at, member, i);
		check_container(spec, container, path, &names, errs);
	}
	validate_set_done(&names);
}

static void check_name_at(const json_t *spec, const char *at, const char *member,
                          void (*check)(const char *value, struct name_errors *found),
                          struct field_errors *errs)
{
	const char *value = json_path_str(spec, member);

	if (value[0])
		validate_name(errs, field_path("%s.%s", at, member), value, check);
}

static void check_spec(const json_t *spec, const char *at, struct field_errors *errs)
{
	static const char *const restart[] = { "Always", "OnFailure", "Never", NULL };
	static const char *const dns[] = { "ClusterFirstWithHostNet", "ClusterFirst", "Default",
		                           "None", NULL };

	check_volumes(json_path(spec, "volumes"), at, errs);
	if (json_array_size(json_path(spec, "containers")) == 0)
		field_required(errs, field_path("%s.containers", at), "");
	check_containers(spec, at, "containers", errs);
	check_containers(spec, at, "initContainers", errs);
	validate_one_of(errs, field_path("%s.restartPolicy", at),
	                json_path_str(spec, "restartPolicy"), restart);
	validate_one_of(errs, field_path("%s.dnsPolicy", at), json_path_str(spec, "dnsPolicy"),
	                dns);
	validate_labels(errs, field_path("%s.nodeSelector", at), json_path(spec, "nodeSelector"));
	check_name_at(spec, at, "nodeName", name_check_dns_subdomain, errs);
	check_name_at(spec, at, "serviceAccountName", name_check_dns_subdomain, errs);
	check_name_at(spec, at, "hostname", name_check_dns_label, errs);
	check_name_at(spec, at, "subdomain", name_check_dns_label, errs);
	validate_at_least(errs, field_path("%s.terminationGracePeriodSeconds", at),
	                  json_path(spec, "terminationGracePeriodSeconds"), 0);
}

void pod_template_validate(const json_t *template, const char *path, struct field_errors *errs)
{
	char at[80];

	(void)snprintf(at, sizeof(at), "%s.spec", path);
	validate_labels(errs, field_path("%s.labels", path),
	                json_path(template, "metadata.labels"));
	check_spec(json_path(template, "spec"), at, errs);
}

/* Both addresses are there, and of different families. */
static void check_dual_stack(const json_t *ips, const struct ipaddr addrs[2],
                             struct field_errors *errs)
{
	auto_json json_t *shown = json_array();
	const json_t *entry;
	size_t i;

	if (json_array_size(ips) < 2)
		return;
	json_array_foreach(ips, i, entry) {
		auto_free char *why = xasprintf("failed to check for dual stack with error:invalid "
		                                "IP[%zu]: %s",
		                                i, json_path_str(entry, "ip"));

		json_array_append_new(shown, json_pack("{s:s}", "IP", json_path_str(entry, "ip")));
		if (i < 2 && !addrs[i].family && (i == 0 || addrs[0].family))
			field_internal(errs, "status.podIPs", why);
	}
	if (json_array_size(ips) > 2 || !addrs[0].family || !addrs[1].family ||
	    addrs[0].family == addrs[1].family)
		field_invalid(errs, "status.podIPs", shown,
		              "may specify no more than one IP for each IP family");
}

static void check_status(const json_t *object, struct field_errors *errs)
{
	const json_t *ips = json_path(object, "status.podIPs"), *entry;
	struct ipaddr addrs[2] = { 0 };
	size_t i;

	json_array_foreach(ips, i, entry) {
		struct ipaddr addr;

		if (validate_ip(errs, field_path("status.podIPs[%zu]", i),
		                json_path_str(entry, "ip"), &addr) &&
		    i < 2)
			addrs[i] = addr;
	}
	check_dual_stack(ips, addrs, errs);
}

void pod_validate(const json_t *object, const json_t *old, enum kind_write write,
                  struct field_errors *errs)
{
	const json_t *annotations = json_path(object, "metadata.annotations");
	const char *address = json_string_value(json_object_get(annotations, ANNOTATION_ADDRESS));
	struct ipaddr addr;

	kind_validate_meta(&kind_pod, object, old, errs);
	if (address)
		(void)validate_ip(errs, ADDRESS_PATH, address, &addr);
	if (write == KIND_UPDATE_STATUS) {
		check_status(object, errs);
		return;
	}
	check_spec(json_path(object, "spec"), "spec", errs);
	if (old)
		pod_validate_update(json_path(object, "spec"), json_path(old, "spec"), errs);
}
