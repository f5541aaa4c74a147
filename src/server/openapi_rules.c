/* SPDX-License-Identifier: Apache-2.0 */
#include "server/openapi_rules.h"

#include <string.h>

#include "base/mem.h"

/* The fields that have to be there, separated by blanks. */
static const struct {
	const char *type, *fields;
} required_rows[] = {
	{ "apps.v1.DeploymentCondition", "type status" },
	{ "apps.v1.DeploymentSpec", "selector template" },
	{ "apps.v1.ReplicaSetCondition", "type status" },
	{ "apps.v1.ReplicaSetSpec", "selector" },
	{ "apps.v1.ReplicaSetStatus", "replicas" },
	{ "authentication.v1.TokenReview", "spec" },
	{ "authentication.v1.TokenReviewSpec", "token" },
	{ "authorization.v1.NonResourceRule", "verbs" },
	{ "authorization.v1.ResourceRule", "verbs" },
	{ "authorization.v1.SelfSubjectAccessReview", "spec" },
	{ "authorization.v1.SelfSubjectRulesReview", "spec" },
	{ "authorization.v1.SubjectAccessReview", "spec" },
	{ "authorization.v1.SubjectAccessReviewStatus", "allowed" },
	{ "authorization.v1.SubjectRulesReviewStatus",
	  "resourceRules nonResourceRules incomplete" },
	{ "autoscaling.v1.ScaleStatus", "replicas" },
	{ "core.v1.AWSElasticBlockStoreVolumeSource", "volumeID" },
	{ "core.v1.AppArmorProfile", "type" },
	{ "core.v1.AttachedVolume", "name devicePath" },
	{ "core.v1.AzureDiskVolumeSource", "diskName diskURI" },
	{ "core.v1.AzureFileVolumeSource", "secretName shareName" },
	{ "core.v1.Binding", "target" },
	{ "core.v1.CSIVolumeSource", "driver" },
	{ "core.v1.CephFSVolumeSource", "monitors" },
	{ "core.v1.CinderVolumeSource", "volumeID" },
	{ "core.v1.ClusterTrustBundleProjection", "path" },
	{ "core.v1.ConfigMapKeySelector", "key" },
	{ "core.v1.ConfigMapNodeConfigSource", "namespace name kubeletConfigKey" },
	{ "core.v1.Container", "name" },
	{ "core.v1.ContainerExtendedResourceRequest", "containerName resourceName requestName" },
	{ "core.v1.ContainerPort", "containerPort" },
	{ "core.v1.ContainerResizePolicy", "resourceName restartPolicy" },
	{ "core.v1.ContainerRestartRule", "action" },
	{ "core.v1.ContainerRestartRuleOnExitCodes", "operator" },
	{ "core.v1.ContainerStateTerminated", "exitCode" },
	{ "core.v1.ContainerStatus", "name ready restartCount image imageID" },
	{ "core.v1.DaemonEndpoint", "Port" },
	{ "core.v1.DownwardAPIVolumeFile", "path" },
	{ "core.v1.EndpointAddress", "ip" },
	{ "core.v1.EndpointPort", "port" },
	{ "core.v1.EnvVar", "name" },
	{ "core.v1.EphemeralContainer", "name" },
	{ "core.v1.Event", "metadata involvedObject" },
	{ "core.v1.FileKeySelector", "volumeName path key" },
	{ "core.v1.FlexVolumeSource", "driver" },
	{ "core.v1.GCEPersistentDiskVolumeSource", "pdName" },
	{ "core.v1.GRPCAction", "port" },
	{ "core.v1.GitRepoVolumeSource", "repository" },
	{ "core.v1.GlusterfsVolumeSource", "endpoints path" },
	{ "core.v1.HTTPGetAction", "port" },
	{ "core.v1.HTTPHeader", "name value" },
	{ "core.v1.HostAlias", "ip" },
	{ "core.v1.HostIP", "ip" },
	{ "core.v1.HostPathVolumeSource", "path" },
	{ "core.v1.ISCSIVolumeSource", "targetPortal iqn lun" },
	{ "core.v1.ImageVolumeStatus", "imageRef" },
	{ "core.v1.KeyToPath", "key path" },
	{ "core.v1.LinuxContainerUser", "uid gid" },
	{ "core.v1.NFSVolumeSource", "server path" },
	{ "core.v1.NamespaceCondition", "type status" },
	{ "core.v1.NodeAddress", "type address" },
	{ "core.v1.NodeAllocatableResourceClaimStatus", "resourceClaimName resources" },
	{ "core.v1.NodeCondition", "type status" },
	{ "core.v1.NodeSelector", "nodeSelectorTerms" },
	{ "core.v1.NodeSelectorRequirement", "key operator" },
	{ "core.v1.NodeSystemInfo",
	  "machineID systemUUID bootID kernelVersion osImage containerRuntimeVersion kubeletVersion kubeProxyVersion operatingSystem architecture" },
	{ "core.v1.ObjectFieldSelector", "fieldPath" },
	{ "core.v1.PersistentVolumeClaimTemplate", "spec" },
	{ "core.v1.PersistentVolumeClaimVolumeSource", "claimName" },
	{ "core.v1.PhotonPersistentDiskVolumeSource", "pdID" },
	{ "core.v1.PodAffinityTerm", "topologyKey" },
	{ "core.v1.PodCertificateProjection", "signerName keyType" },
	{ "core.v1.PodCondition", "type status" },
	{ "core.v1.PodExtendedResourceClaimStatus", "requestMappings resourceClaimName" },
	{ "core.v1.PodIP", "ip" },
	{ "core.v1.PodOS", "name" },
	{ "core.v1.PodReadinessGate", "conditionType" },
	{ "core.v1.PodResourceClaim", "name" },
	{ "core.v1.PodResourceClaimStatus", "name" },
	{ "core.v1.PodSchedulingGate", "name" },
	{ "core.v1.PodSpec", "containers" },
	{ "core.v1.PortStatus", "port protocol" },
	{ "core.v1.PortworxVolumeSource", "volumeID" },
	{ "core.v1.PreferredSchedulingTerm", "weight preference" },
	{ "core.v1.QuobyteVolumeSource", "registry volume" },
	{ "core.v1.RBDVolumeSource", "monitors image" },
	{ "core.v1.ResourceClaim", "name" },
	{ "core.v1.ResourceFieldSelector", "resource" },
	{ "core.v1.ResourceHealth", "resourceID" },
	{ "core.v1.ResourceStatus", "name" },
	{ "core.v1.ScaleIOVolumeSource", "gateway system secretRef" },
	{ "core.v1.SeccompProfile", "type" },
	{ "core.v1.SecretKeySelector", "key" },
	{ "core.v1.ServiceAccountTokenProjection", "path" },
	{ "core.v1.ServicePort", "port" },
	{ "core.v1.SleepAction", "seconds" },
	{ "core.v1.Sysctl", "name value" },
	{ "core.v1.TCPSocketAction", "port" },
	{ "core.v1.Taint", "key effect" },
	{ "core.v1.TopologySpreadConstraint", "maxSkew topologyKey whenUnsatisfiable" },
	{ "core.v1.TypedLocalObjectReference", "kind name" },
	{ "core.v1.TypedObjectReference", "kind name" },
	{ "core.v1.Volume", "name" },
	{ "core.v1.VolumeDevice", "name devicePath" },
	{ "core.v1.VolumeMount", "name mountPath" },
	{ "core.v1.VolumeMountStatus", "name mountPath" },
	{ "core.v1.VsphereVirtualDiskVolumeSource", "volumePath" },
	{ "core.v1.WeightedPodAffinityTerm", "weight podAffinityTerm" },
	{ "discovery.v1.Endpoint", "addresses" },
	{ "discovery.v1.EndpointSlice", "addressType" },
	{ "discovery.v1.ForNode", "name" },
	{ "discovery.v1.ForZone", "name" },
	{ "events.v1.Event", "eventTime" },
	{ "events.v1.EventSeries", "count lastObservedTime" },
	{ "meta.v1.Condition", "type status lastTransitionTime reason message" },
	{ "meta.v1.FieldSelectorRequirement", "key operator" },
	{ "meta.v1.LabelSelectorRequirement", "key operator" },
	{ "meta.v1.OwnerReference", "apiVersion kind name uid" },
	{ "networking.v1.IPAddress", "spec" },
	{ "networking.v1.IPAddressSpec", "parentRef" },
	{ "networking.v1.ParentReference", "resource name" },
};

/* The values of a Go type, separated by blanks. */
static const struct {
	const char *go_type, *values;
} value_rows[] = {
	{ "v1.AddressType", "FQDN IPv4 IPv6" },
	{ "v1.DNSPolicy", "ClusterFirst ClusterFirstWithHostNet Default None" },
	{ "v1.DeploymentStrategyType", "Recreate RollingUpdate" },
	{ "v1.IPFamily", "IPv4 IPv6" },
	{ "v1.IPFamilyPolicy", "PreferDualStack RequireDualStack SingleStack" },
	{ "v1.NamespacePhase", "Active Terminating" },
	{ "v1.NodePhase", "Pending Running Terminated" },
	{ "v1.PodPhase", "Failed Pending Running Succeeded Unknown" },
	{ "v1.PodQOSClass", "BestEffort Burstable Guaranteed" },
	{ "v1.PreemptionPolicy", "Never PreemptLowerPriority" },
	{ "v1.Protocol", "SCTP TCP UDP" },
	{ "v1.PullPolicy", "Always IfNotPresent Never" },
	{ "v1.RestartPolicy", "Always Never OnFailure" },
	{ "v1.ServiceAffinity", "ClientIP None" },
	{ "v1.ServiceExternalTrafficPolicy", "Cluster Local" },
	{ "v1.ServiceInternalTrafficPolicy", "Cluster Local" },
	{ "v1.ServiceType", "ClusterIP ExternalName LoadBalancer NodePort" },
	{ "v1.TaintEffect", "NoExecute NoSchedule PreferNoSchedule" },
	{ "v1.TerminationMessagePolicy", "FallbackToLogsOnError File" },
	{ "v1.TolerationOperator", "Equal Exists Gt Lt" },
	{ "v1.URIScheme", "HTTP HTTPS" },
};

#define LIST_KEYS OPENAPI_LIST_KEYS
#define LIST_TYPE OPENAPI_LIST_TYPE
#define MAP_TYPE  "x-kubernetes-map-type"
#define STRATEGY  OPENAPI_STRATEGY

/* What else is said of a type (field NULL) or field, where it does not follow from a merge key. */
static const struct {
	const char *type, *field, *name, *value; /* the value as JSON */
} extension_rows[] = {
	{ "apps.v1.DeploymentSpec", "strategy", STRATEGY, "\"retainKeys\"" },
	{ "core.v1.ConfigMapKeySelector", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.Container", "ports", LIST_KEYS, "[\"containerPort\",\"protocol\"]" },
	{ "core.v1.ContainerRestartRuleOnExitCodes", "values", LIST_TYPE, "\"set\"" },
	{ "core.v1.EndpointAddress", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.EndpointPort", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.EphemeralContainer", "ports", LIST_KEYS, "[\"containerPort\",\"protocol\"]" },
	{ "core.v1.FileKeySelector", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.LocalObjectReference", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.NodeAllocatableResourceClaimStatus", "containers", LIST_TYPE, "\"set\"" },
	{ "core.v1.NodeSelector", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.NodeSelectorTerm", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.ObjectFieldSelector", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.ObjectReference", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.PodSpec", "nodeSelector", MAP_TYPE, "\"atomic\"" },
	{ "core.v1.PodSpec", "resourceClaims", STRATEGY, "\"merge,retainKeys\"" },
	{ "core.v1.PodSpec", "topologySpreadConstraints", LIST_KEYS,
	  "[\"topologyKey\",\"whenUnsatisfiable\"]" },
	{ "core.v1.PodSpec", "volumes", STRATEGY, "\"merge,retainKeys\"" },
	{ "core.v1.PodStatus", "hostIPs", LIST_TYPE, "\"atomic\"" },
	{ "core.v1.ResourceFieldSelector", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.ResourceRequirements", "claims", LIST_KEYS, "[\"name\"]" },
	{ "core.v1.ResourceRequirements", "claims", LIST_TYPE, "\"map\"" },
	{ "core.v1.ResourceStatus", "resources", LIST_KEYS, "[\"resourceID\"]" },
	{ "core.v1.ResourceStatus", "resources", LIST_TYPE, "\"map\"" },
	{ "core.v1.SecretKeySelector", NULL, MAP_TYPE, "\"atomic\"" },
	{ "core.v1.ServiceSpec", "ports", LIST_KEYS, "[\"port\",\"protocol\"]" },
	{ "core.v1.ServiceSpec", "selector", MAP_TYPE, "\"atomic\"" },
	{ "core.v1.TypedLocalObjectReference", NULL, MAP_TYPE, "\"atomic\"" },
	{ "discovery.v1.Endpoint", "addresses", LIST_TYPE, "\"set\"" },
	{ "discovery.v1.EndpointPort", NULL, MAP_TYPE, "\"atomic\"" },
	{ "meta.v1.LabelSelector", NULL, MAP_TYPE, "\"atomic\"" },
	{ "meta.v1.OwnerReference", NULL, MAP_TYPE, "\"atomic\"" },
};

static json_t *words(const char *text)
{
	json_t *list = json_array();

	for (const char *p = text; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		json_array_append_new(list, json_stringn(p, n));
		p += n;
	}
	return list;
}

json_t *openapi_rules_required(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(required_rows); i++)
		if (strcmp(required_rows[i].type, type) == 0)
			return words(required_rows[i].fields);
	return NULL;
}

json_t *openapi_rules_values(const char *go_type)
{
	for (size_t i = 0; i < ARRAY_SIZE(value_rows); i++)
		if (strcmp(value_rows[i].go_type, go_type) == 0)
			return words(value_rows[i].values);
	return NULL;
}

void openapi_rules_extend(json_t *to, const char *type, const char *field)
{
	for (size_t i = 0; i < ARRAY_SIZE(extension_rows); i++) {
		const char *of = extension_rows[i].field;

		if (strcmp(extension_rows[i].type, type) == 0 &&
		    (field ? of && strcmp(of, field) == 0 : !of))
			json_object_set_new(to, extension_rows[i].name,
			                    json_loads(extension_rows[i].value, JSON_DECODE_ANY,
			                               NULL));
	}
}
