/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/pod.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "kube/json.h"
#include "kube/kind_meta.h"
#include "kube/schema.h"

static const char *const short_names[] = { "po", NULL };
static const char *const categories[] = { "all", NULL };
static const char *const fields[] = {
	"spec.nodeName",
	"spec.restartPolicy",
	"spec.schedulerName",
	"spec.hostNetwork",
	"spec.serviceAccountName",
	"status.phase",
	"status.podIP",
	"status.podIPs",
	"status.nominatedNodeName",
	NULL,
};

static const struct merge_key merge_keys[] = {
	{ "spec.containers", "name" },
	{ "spec.containers.ports", "containerPort" },
	{ "spec.containers.env", "name" },
	{ "spec.containers.volumeMounts", "mountPath" },
	{ "spec.containers.volumeDevices", "devicePath" },
	{ "spec.initContainers", "name" },
	{ "spec.initContainers.ports", "containerPort" },
	{ "spec.initContainers.env", "name" },
	{ "spec.initContainers.volumeMounts", "mountPath" },
	{ "spec.initContainers.volumeDevices", "devicePath" },
	{ "spec.ephemeralContainers", "name" },
	{ "spec.volumes", "name" },
	{ "spec.imagePullSecrets", "name" },
	{ "spec.hostAliases", "ip" },
	{ "spec.topologySpreadConstraints", "topologyKey" },
	{ "spec.schedulingGates", "name" },
	{ "spec.resourceClaims", "name" },
	{ "status.conditions", "type" },
	{ "status.podIPs", "ip" },
	{ "status.hostIPs", "ip" },
	{ "metadata.ownerReferences", "uid" },
	{ "metadata.finalizers", NULL },
	{ NULL, NULL },
};

static const struct table_column columns[] = {
	{ "Name", "string", "name", "Name must be unique within a namespace.", 0 },
	{ "Ready", "string", "", "The aggregate readiness state of this pod for accepting traffic.",
	  0 },
	{ "Status", "string", "", "The aggregate status of the containers in this pod.", 0 },
	{ "Restarts", "string", "",
	  "The number of times the containers in this pod have been restarted.", 0 },
	{ "Age", "string", "", "The time since the object was created.", 0 },
	{ "IP", "string", "", "IP address allocated to the pod.", 1 },
	{ "Node", "string", "", "The node this pod runs on.", 1 },
	{ "Nominated Node", "string", "", "The node the pod may be scheduled to.", 1 },
	{ "Readiness Gates", "string", "", "How many of the readiness gates are passed.", 1 },
};

/* The oldest answer wins: a Pod's classes never change. */
static void set_qos_class(json_t *object)
{
	json_path_set(object, "status.qosClass",
	              json_string(pod_qos_class(json_path(object, "spec"))));
}

static void pod_prepare(json_t *object, const json_t *old, enum kind_write write)
{
	kind_meta_prepare(object, old, write);
	if (write != KIND_CREATE)
		return;
	json_object_set_new(object, "status", json_pack("{s:s}", "phase", "Pending"));
	set_qos_class(object);
}

const struct kind kind_pod = {
	.group = "",
	.version = "v1",
	.api_version = "v1",
	.name = "Pod",
	.plural = "pods",
	.singular = "pod",
	.short_names = short_names,
	.categories = categories,
	.namespaced = true,
	.has_status = true,
	.has_generation = true,
	.delete_returns_object = true,
	.fields = fields,
	.merge_keys = merge_keys,
	.columns = columns,
	.n_columns = ARRAY_SIZE(columns),
	.schema = &schema_pod,
	.check_name = name_check_dns_subdomain,
	.prepare = pod_prepare,
	.set_defaults = pod_set_defaults,
	.validate = pod_validate,
	.row = pod_row,
};
