/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node_status.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "kube/json.h"
#include "kube/types.h"

#define LEASE_SECONDS  40
#define SMALL_FILE_MAX (64 << 10)
#define UNNAMED_OS     "Linux"

const char *node_status_arch(void)
{
	static const char *const names[][2] = {
		{ "x86_64", "amd64" },    { "aarch64", "arm64" },   { "armv7l", "arm" },
		{ "i686", "386" },        { "ppc64le", "ppc64le" }, { "s390x", "s390x" },
		{ "riscv64", "riscv64" },
	};
	struct utsname uts;

	if (uname(&uts) < 0)
		return "unknown";
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i][0], uts.machine) == 0)
			return names[i][1];
	return "unknown";
}

json_t *node_status_labels(const char *name)
{
	return json_pack("{s:{s:{s:s, s:s, s:s}}}", "metadata", "labels", LABEL_HOSTNAME, name,
	                 "kubernetes.io/os", "linux", "kubernetes.io/arch", node_status_arch());
}

/* The first line of a small file, "" if there is none. */
static char *first_line(const char *path)
{
	char *text = NULL;

	if (file_read(path, SMALL_FILE_MAX, &text, NULL, NULL) < 0)
		return xstrdup("");
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* PRETTY_NAME of os-release(5). */
static char *os_image(void)
{
	static const char key[] = "PRETTY_NAME=";
	auto_free char *text = NULL;
	const char *p;

	if (file_read("/etc/os-release", SMALL_FILE_MAX, &text, NULL, NULL) < 0)
		return xstrdup(UNNAMED_OS);
	for (p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, key, strlen(key)) == 0) {
			p += strlen(key);
			p += *p == '"';
			return xstrndup(p, strcspn(p, "\"\n"));
		}
	}
	return xstrdup(UNNAMED_OS);
}

static json_t *node_info(void)
{
	auto_free char *boot = first_line("/proc/sys/kernel/random/boot_id");
	auto_free char *machine = first_line("/etc/machine-id");
	auto_free char *os = os_image();
	struct utsname uts = { 0 };

	(void)uname(&uts);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "architecture",
	                 node_status_arch(), "bootID", boot, "containerRuntimeVersion", "",
	                 "kernelVersion", uts.release, "kubeProxyVersion", "", "kubeletVersion",
	                 "fairlead/" FAIRLEAD_VERSION, "machineID", machine, "operatingSystem",
	                 "linux", "osImage", os, "systemUUID", "");
}

static json_t *time_json(int64_t wall)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(wall, text);
	return json_string(text);
}

/* Ours anew at its place, the others as they are. */
static json_t *conditions(const json_t *node, int64_t now)
{
	json_t *old = json_path(node, "status.conditions"), *list = json_array(), *condition;
	json_t *since = time_json(now), *ready;
	size_t i;

	json_array_foreach(old, i, condition) {
		if (strcmp(json_path_str(condition, "type"), "Ready") != 0) {
			json_array_append(list, condition);
		} else if (strcmp(json_path_str(condition, "status"), "True") == 0) {
			json_decref(since);
			since = json_incref(json_object_get(condition, "lastTransitionTime"));
		}
	}
	ready = json_pack("{s:s, s:s, s:o, s:o?, s:s, s:s}", "type", "Ready", "status", "True",
	                  "lastHeartbeatTime", time_json(now), "lastTransitionTime", since,
	                  "reason", "FairleadReady", "message", "the agent is running");
	json_array_append_new(list, ready);
	return list;
}

json_t *node_status_patch(const json_t *node, const char *name, const struct ipaddr *ip,
                          int64_t now)
{
	char text[IPADDR_TEXT_SIZE];

	ipaddr_format(ip, text);
	return json_pack("{s:{s:o, s:[{s:s, s:s}, {s:s, s:s}], s:o}}", "status", "conditions",
	                 conditions(node, now), "addresses", "type", "InternalIP", "address", text,
	                 "type", "Hostname", "address", name, "nodeInfo", node_info());
}

json_t *node_status_lease(const char *name, int64_t now)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format_micro(now, text);
	return json_pack("{s:{s:s, s:i, s:s}}", "spec", "holderIdentity", name,
	                 "leaseDurationSeconds", LEASE_SECONDS, "renewTime", text);
}
