/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "kube/json.h"
#include "kube/types.h"
#include "kube/types_decode.h"

static bool is_ready(const json_t *conditions)
{
	const json_t *condition;
	size_t i;

	json_array_foreach(conditions, i, condition)
		if (strcmp(json_path_str(condition, "type"), "Ready") == 0)
			return strcmp(json_path_str(condition, "status"), "True") == 0;
	return false;
}

static void add_ip(struct pod *pod, const char *text)
{
	struct ipaddr addr;

	if (pod->n_ips == ARRAY_SIZE(pod->ips) || ipaddr_parse(text, &addr) < 0 ||
	    (pod->n_ips && pod->ips[0].family == addr.family))
		return;
	pod->ips[pod->n_ips++] = addr;
}

static void read_ips(struct pod *pod, const json_t *status)
{
	const json_t *ips = json_path(status, "podIPs"), *json;
	size_t i;

	json_array_foreach(ips, i, json)
		add_ip(pod, json_path_str(json, "ip"));
	if (json_array_size(ips) == 0)
		add_ip(pod, json_path_str(status, "podIP"));
}

static size_t count_ports(const json_t *containers)
{
	const json_t *container;
	size_t i, n = 0;

	json_array_foreach(containers, i, container)
		n += json_array_size(json_path(container, "ports"));
	return n;
}

static void add_ports(struct pod *pod, const json_t *container, struct arena *arena)
{
	const json_t *json;
	size_t i;

	json_array_foreach(json_path(container, "ports"), i, json) {
		struct container_port *port = &pod->ports[pod->n_ports];
		const char *protocol = json_path_str(json, "protocol");

		port->name = types_string(json, "name", arena);
		port->protocol = protocol_parse(protocol[0] ? protocol : "TCP");
		port->port = types_port(json, "containerPort");
		if (port->protocol && port->port)
			pod->n_ports++;
	}
}

/* Those of the containers, then of the init containers that go on running (sidecars). */
static void read_ports(struct pod *pod, const json_t *spec, struct arena *arena)
{
	const json_t *containers = json_path(spec, "containers");
	const json_t *inits = json_path(spec, "initContainers"), *container;
	size_t i;

	pod->ports = types_array(arena, struct container_port,
	                         count_ports(containers) + count_ports(inits));
	json_array_foreach(containers, i, container)
		add_ports(pod, container, arena);
	json_array_foreach(inits, i, container)
		if (strcmp(json_path_str(container, "restartPolicy"), "Always") == 0)
			add_ports(pod, container, arena);
}

/* 0 is as good as missing for all of these but the delay, whose default it is. */
static uint32_t read_count(const json_t *probe, const char *member, uint32_t otherwise)
{
	int64_t n = json_path_int(probe, member, 0);

	return n > 0 && n <= INT32_MAX ? (uint32_t)n : otherwise;
}

static const char *string_or(const json_t *json, const char *path, const char *otherwise,
                             struct arena *arena)
{
	return json_path_str(json, path)[0] ? types_string(json, path, arena) : otherwise;
}

/* A probe that names no port it could use is one we cannot run. */
static void read_probe(struct probe *probe, const json_t *json, struct arena *arena)
{
	const json_t *get = json_path(json, "httpGet"), *tcp = json_path(json, "tcpSocket");
	const json_t *handler = get ? get : tcp;

	probe->type = get ? PROBE_HTTP : tcp ? PROBE_TCP : json ? PROBE_OTHER : PROBE_NONE;
	probe->path = string_or(get, "path", "/", arena);
	probe->scheme = string_or(get, "scheme", "HTTP", arena);
	probe->host = types_string(handler, "host", arena);
	probe->port_name = types_string(handler, "port", arena);
	probe->port = types_port(handler, "port");
	probe->initial_delay_s = read_count(json, "initialDelaySeconds", 0);
	probe->period_s = read_count(json, "periodSeconds", 10);
	probe->timeout_s = read_count(json, "timeoutSeconds", 1);
	probe->success_threshold = read_count(json, "successThreshold", 1);
	probe->failure_threshold = read_count(json, "failureThreshold", 3);
	if (handler && !probe->port && !probe->port_name[0])
		probe->type = PROBE_OTHER;
}

static const json_t *find_probe(const json_t *containers)
{
	const json_t *container;
	size_t i;

	json_array_foreach(containers, i, container)
		if (json_is_object(json_path(container, "readinessProbe")))
			return json_path(container, "readinessProbe");
	return NULL;
}

struct pod *pod_from_json(const json_t *object)
{
	const json_t *spec = json_path(object, "spec"), *status = json_path(object, "status");
	struct arena arena = ARENA_INIT;
	struct pod *pod = arena_new(&arena, struct pod);
	const char *address;

	pod->meta = types_meta(object, &arena);
	address = labels_get(&pod->meta.annotations, ANNOTATION_ADDRESS);
	pod->address = address ? address : "";
	pod->node = types_string(spec, "nodeName", &arena);
	pod->hostname = types_string(spec, "hostname", &arena);
	pod->subdomain = types_string(spec, "subdomain", &arena);
	pod->phase = types_string(status, "phase", &arena);
	pod->ready = is_ready(json_path(status, "conditions"));
	read_ips(pod, status);
	read_ports(pod, spec, &arena);
	read_probe(&pod->probe, find_probe(json_path(spec, "containers")), &arena);
	pod->arena = arena;
	return pod;
}

void pod_free(struct pod *pod)
{
	struct arena arena;

	if (!pod)
		return;
	/* The object is in its own arena. */
	arena = pod->arena;
	arena_done(&arena);
}
