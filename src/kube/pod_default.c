/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults of a Pod, as in core/v1/defaults.go; those of admission plugins are not among them. */
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "kube/json.h"
#include "kube/pod.h"

/* Takes 'value' over. */
static void set_if_missing(json_t *object, const char *member, json_t *value)
{
	json_t *old = json_path(object, member);

	if (!old || (json_is_string(old) && json_string_length(old) == 0))
		json_object_set_new(object, member, value);
	else
		json_decref(value);
}

static void set_string(json_t *object, const char *member, const char *value)
{
	set_if_missing(object, member, json_string(value));
}

/* Integers of probes are not pointers: 0 is as good as missing. */
static void set_count(json_t *object, const char *member, int value)
{
	if (json_path_int(object, member, 0) == 0)
		json_object_set_new(object, member, json_integer(value));
}

static void default_http_get(json_t *get)
{
	if (!json_is_object(get))
		return;
	set_string(get, "path", "/");
	set_string(get, "scheme", "HTTP");
}

static void default_probe(json_t *probe)
{
	if (!json_is_object(probe))
		return;
	default_http_get(json_path(probe, "httpGet"));
	set_count(probe, "timeoutSeconds", 1);
	set_count(probe, "periodSeconds", 10);
	set_count(probe, "successThreshold", 1);
	set_count(probe, "failureThreshold", 3);
}

/* True for an image named without a tag or digest, or with the tag "latest". */
static bool is_latest(const char *image)
{
	const char *slash = strrchr(image, '/');
	const char *tag = strchr(slash ? slash : image, ':');

	if (strchr(image, '@'))
		return false;
	return !tag || strcmp(tag, ":latest") == 0;
}

/* A limit without a request is a request as well. */
static void default_requests(json_t *container)
{
	const json_t *limits = json_path(container, "resources.limits");
	const char *name;
	json_t *limit;

	json_object_foreach((json_t *)limits, name, limit) {
		json_t *requests = json_path(container, "resources.requests");

		if (!requests) {
			json_path_set(container, "resources.requests", json_object());
			requests = json_path(container, "resources.requests");
		}
		if (!json_object_get(requests, name))
			json_object_set(requests, name, limit);
	}
}

/* References to fields of the Pod name the version of the API they mean. */
static void default_env(json_t *container)
{
	json_t *variable;
	size_t i;

	json_array_foreach(json_path(container, "env"), i, variable) {
		json_t *reference = json_path(variable, "valueFrom.fieldRef");

		if (json_is_object(reference))
			set_string(reference, "apiVersion", "v1");
	}
}

/* Defaults of Pods, which templates do not have. */
static void default_host_ports(json_t *container)
{
	json_t *port;
	size_t i;

	json_array_foreach(json_path(container, "ports"), i, port)
		if (json_is_object(port) && json_path_int(port, "hostPort", 0) == 0 &&
		    json_path(port, "containerPort"))
			json_object_set(port, "hostPort", json_path(port, "containerPort"));
}

static void default_ports(json_t *container)
{
	json_t *port;
	size_t i;

	json_array_foreach(json_path(container, "ports"), i, port) {
		if (!json_is_object(port))
			continue;
		set_string(port, "protocol", "TCP");
	}
}

static void default_container(json_t *container)
{
	if (!json_is_object(container))
		return;
	set_string(container, "imagePullPolicy",
	           is_latest(json_path_str(container, "image")) ? "Always" : "IfNotPresent");
	set_string(container, "terminationMessagePath", "/dev/termination-log");
	set_string(container, "terminationMessagePolicy", "File");
	set_if_missing(container, "resources", json_object());
	default_ports(container);
	default_env(container);
	default_probe(json_path(container, "livenessProbe"));
	default_probe(json_path(container, "readinessProbe"));
	default_probe(json_path(container, "startupProbe"));
}

static void default_containers(json_t *spec, const char *member)
{
	json_t *container;
	size_t i;

	json_array_foreach(json_path(spec, member), i, container)
		default_container(container);
}

/* A volume of no kind is an empty directory; files of others have the mode 0644. */
static void default_volumes(json_t *spec)
{
	static const char *const with_mode[] = { "secret", "configMap", "downwardAPI",
		                                 "projected" };
	json_t *volume;
	size_t i;

	json_array_foreach(json_path(spec, "volumes"), i, volume) {
		if (!json_is_object(volume))
			continue;
		if (json_object_size(volume) == (json_object_get(volume, "name") ? 1 : 0))
			json_object_set_new(volume, "emptyDir", json_object());
		for (size_t m = 0; m < ARRAY_SIZE(with_mode); m++) {
			json_t *source = json_object_get(volume, with_mode[m]);

			if (json_is_object(source))
				set_if_missing(source, "defaultMode", json_integer(0644));
		}
	}
}

/* serviceAccount is the old name of serviceAccountName, and says the same. */
static void sync_service_account(json_t *spec)
{
	const char *name = json_path_str(spec, "serviceAccountName");

	if (!name[0])
		name = json_path_str(spec, "serviceAccount");
	if (!name[0])
		return;
	json_path_set(spec, "serviceAccountName", json_string(name));
	json_path_set(spec, "serviceAccount",
	              json_string(json_path_str(spec, "serviceAccountName")));
}

static void default_spec(json_t *spec)
{
	set_string(spec, "restartPolicy", "Always");
	set_if_missing(spec, "terminationGracePeriodSeconds", json_integer(30));
	if (json_path_int(spec, "terminationGracePeriodSeconds", 0) < 0)
		json_object_set_new(spec, "terminationGracePeriodSeconds", json_integer(1));
	set_string(spec, "dnsPolicy", "ClusterFirst");
	set_if_missing(spec, "securityContext", json_object());
	set_string(spec, "schedulerName", "default-scheduler");
	sync_service_account(spec);
	default_volumes(spec);
	default_containers(spec, "containers");
	default_containers(spec, "initContainers");
}

void pod_template_set_defaults(json_t *template)
{
	json_t *spec = json_path(template, "spec");

	if (json_is_object(spec))
		default_spec(spec);
}

static void default_pod_containers(json_t *spec, const char *member)
{
	bool host_network = json_path_bool(spec, "hostNetwork", false);
	json_t *container;
	size_t i;

	json_array_foreach(json_path(spec, member), i, container) {
		if (!json_is_object(container))
			continue;
		default_requests(container);
		if (host_network)
			default_host_ports(container);
	}
}

/* podIP and podIPs[0] say the same; old clients write podIP only, which counts where they differ. */
static void sync_pod_ips(json_t *object)
{
	const json_t *ips = json_path(object, "status.podIPs");
	const char *ip = json_path_str(object, "status.podIP");
	const char *first = json_path_str(json_array_get(ips, 0), "ip");

	if (ip[0] && strcmp(ip, first) != 0)
		json_path_set(object, "status.podIPs", json_pack("[{s:s}]", "ip", ip));
	else if (!ip[0] && first[0])
		json_path_set(object, "status.podIP", json_string(first));
}

void pod_set_defaults(json_t *object)
{
	json_t *spec = json_path(object, "spec");

	if (json_is_object(spec)) {
		default_spec(spec);
		set_if_missing(spec, "enableServiceLinks", json_true());
		default_pod_containers(spec, "containers");
		default_pod_containers(spec, "initContainers");
	}
	sync_pod_ips(object);
}

static bool has_resources(const json_t *container)
{
	return json_object_size(json_path(container, "resources.limits")) > 0 ||
	       json_object_size(json_path(container, "resources.requests")) > 0;
}

/* Limits of cpu and memory, and requests that are the same or missing. */
static bool is_guaranteed(const json_t *container)
{
	static const char *const names[] = { "cpu", "memory" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const json_t *limit = json_object_get(json_path(container, "resources.limits"),
		                                      names[i]);
		const json_t *request = json_object_get(json_path(container, "resources.requests"),
		                                        names[i]);

		if (!limit || (request && !json_equal(limit, request)))
			return false;
	}
	return true;
}

const char *pod_qos_class(const json_t *spec)
{
	const json_t *containers = json_path(spec, "containers"), *container;
	bool any = false, all = true;
	size_t i;

	json_array_foreach(containers, i, container) {
		any = any || has_resources(container);
		all = all && is_guaranteed(container);
	}
	return !any ? "BestEffort" : all ? "Guaranteed" : "Burstable";
}
