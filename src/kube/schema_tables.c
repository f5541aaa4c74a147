/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of the kinds we serve, from Kubernetes' api/core/v1, discovery/v1 and coordination/v1. */
#include <stddef.h>

#include "kube/schema.h"

/* clang-format off */
#define FIELD(n, t)        { .name = (n), .type = (t) }
#define FIELD_PTR(n, t)    { .name = (n), .type = (t), .presence = SCHEMA_POINTER }
#define FIELD_ALWAYS(n, t) { .name = (n), .type = (t), .presence = SCHEMA_ALWAYS }
#define NAMED(n, go)       { .name = (n), .type = SCHEMA_STRING, .go_type = (go) }
#define NAMED_PTR(n, go)   { .name = (n), .type = SCHEMA_STRING, .go_type = (go), \
                             .presence = SCHEMA_POINTER }
#define NAMED_ALWAYS(n, go) { .name = (n), .type = SCHEMA_STRING, .go_type = (go), \
                             .presence = SCHEMA_ALWAYS }
#define STRINGS(n)         { .name = (n), .type = SCHEMA_STRING, .shape = SCHEMA_LIST }
#define STRING_MAP(n)      { .name = (n), .type = SCHEMA_STRING, .shape = SCHEMA_MAP }
#define BYTES_MAP(n)       { .name = (n), .type = SCHEMA_BYTES, .shape = SCHEMA_MAP }
#define QUANTITIES(n)      { .name = (n), .type = SCHEMA_QUANTITY, .shape = SCHEMA_MAP, \
                             .go_type = "resource.Quantity" }
#define STRUCT(n, go, s)   { .name = (n), .type = SCHEMA_OBJECT, .go_type = (go), .schema = &(s) }
#define STRUCT_ALWAYS(n, go, s) { .name = (n), .type = SCHEMA_OBJECT, .go_type = (go), \
                             .schema = &(s), .presence = SCHEMA_ALWAYS }
#define STRUCTS(n, go, s)  { .name = (n), .type = SCHEMA_OBJECT, .shape = SCHEMA_LIST, \
                             .go_type = (go), .schema = &(s) }
#define SOURCE(n)          FIELD_PTR(n, SCHEMA_OBJECT) /* not looked into */
#define STRUCTS_ALWAYS(n, go, s) { .name = (n), .type = SCHEMA_OBJECT, .shape = SCHEMA_LIST, \
                             .go_type = (go), .schema = &(s), .presence = SCHEMA_ALWAYS }
#define TYPE_META          FIELD("apiVersion", SCHEMA_STRING), FIELD("kind", SCHEMA_STRING)
#define FIELDS(...)        .fields = (const struct schema_field[]){ __VA_ARGS__, { .name = NULL } }

static const struct schema owner_reference = { .go_name = "OwnerReference", FIELDS(
	FIELD_ALWAYS("apiVersion", SCHEMA_STRING),
	FIELD_ALWAYS("kind", SCHEMA_STRING),
	FIELD_ALWAYS("name", SCHEMA_STRING),
	NAMED_ALWAYS("uid", "types.UID"),
	FIELD_PTR("controller", SCHEMA_BOOL),
	FIELD_PTR("blockOwnerDeletion", SCHEMA_BOOL)) };

static const struct schema managed_fields = { .go_name = "ManagedFieldsEntry", FIELDS(
	FIELD("manager", SCHEMA_STRING),
	NAMED("operation", "v1.ManagedFieldsOperationType"),
	FIELD("apiVersion", SCHEMA_STRING),
	FIELD_PTR("time", SCHEMA_TIME),
	FIELD("fieldsType", SCHEMA_STRING),
	FIELD("fieldsV1", SCHEMA_ANY),
	FIELD("subresource", SCHEMA_STRING)) };

const struct schema schema_object_meta = { .go_name = "ObjectMeta", FIELDS(
	FIELD("name", SCHEMA_STRING),
	FIELD("generateName", SCHEMA_STRING),
	FIELD("namespace", SCHEMA_STRING),
	FIELD("selfLink", SCHEMA_STRING),
	NAMED("uid", "types.UID"),
	FIELD("resourceVersion", SCHEMA_STRING),
	FIELD("generation", SCHEMA_INT64),
	FIELD("creationTimestamp", SCHEMA_TIME),
	FIELD_PTR("deletionTimestamp", SCHEMA_TIME),
	FIELD_PTR("deletionGracePeriodSeconds", SCHEMA_INT64),
	STRING_MAP("labels"),
	STRING_MAP("annotations"),
	STRUCTS("ownerReferences", "v1.OwnerReference", owner_reference),
	STRINGS("finalizers"),
	STRUCTS("managedFields", "v1.ManagedFieldsEntry", managed_fields)) };

static const struct schema condition = { .go_name = "Condition", FIELDS(
	FIELD_ALWAYS("type", SCHEMA_STRING),
	NAMED_ALWAYS("status", "v1.ConditionStatus"),
	FIELD("observedGeneration", SCHEMA_INT64),
	FIELD_ALWAYS("lastTransitionTime", SCHEMA_TIME),
	FIELD_ALWAYS("reason", SCHEMA_STRING),
	FIELD_ALWAYS("message", SCHEMA_STRING)) };

static const struct schema object_reference = { .go_name = "ObjectReference", FIELDS(
	FIELD("kind", SCHEMA_STRING),
	FIELD("namespace", SCHEMA_STRING),
	FIELD("name", SCHEMA_STRING),
	NAMED("uid", "types.UID"),
	FIELD("apiVersion", SCHEMA_STRING),
	FIELD("resourceVersion", SCHEMA_STRING),
	FIELD("fieldPath", SCHEMA_STRING)) };

/* Service */

static const struct schema service_port = { .go_name = "ServicePort", FIELDS(
	FIELD("name", SCHEMA_STRING),
	NAMED("protocol", "v1.Protocol"),
	FIELD_PTR("appProtocol", SCHEMA_STRING),
	FIELD_ALWAYS("port", SCHEMA_INT32),
	FIELD("targetPort", SCHEMA_INT_OR_STRING),
	FIELD("nodePort", SCHEMA_INT32)) };

static const struct schema client_ip_config = { .go_name = "ClientIPConfig", FIELDS(
	FIELD_PTR("timeoutSeconds", SCHEMA_INT32)) };

static const struct schema session_affinity_config = { .go_name = "SessionAffinityConfig", FIELDS(
	STRUCT("clientIP", "v1.ClientIPConfig", client_ip_config)) };

static const struct schema service_spec = { .go_name = "ServiceSpec", FIELDS(
	STRUCTS("ports", "v1.ServicePort", service_port),
	STRING_MAP("selector"),
	FIELD("clusterIP", SCHEMA_STRING),
	STRINGS("clusterIPs"),
	NAMED("type", "v1.ServiceType"),
	STRINGS("externalIPs"),
	NAMED("sessionAffinity", "v1.ServiceAffinity"),
	FIELD("loadBalancerIP", SCHEMA_STRING),
	STRINGS("loadBalancerSourceRanges"),
	FIELD("externalName", SCHEMA_STRING),
	NAMED("externalTrafficPolicy", "v1.ServiceExternalTrafficPolicy"),
	FIELD("healthCheckNodePort", SCHEMA_INT32),
	FIELD("publishNotReadyAddresses", SCHEMA_BOOL),
	STRUCT("sessionAffinityConfig", "v1.SessionAffinityConfig", session_affinity_config),
	/* Not omitted, for errors tell an empty list from a missing one. */
	{ .name = "ipFamilies", .shape = SCHEMA_LIST, .go_type = "v1.IPFamily",
	  .presence = SCHEMA_POINTER },
	NAMED_PTR("ipFamilyPolicy", "v1.IPFamilyPolicy"),
	FIELD_PTR("allocateLoadBalancerNodePorts", SCHEMA_BOOL),
	FIELD_PTR("loadBalancerClass", SCHEMA_STRING),
	NAMED_PTR("internalTrafficPolicy", "v1.ServiceInternalTrafficPolicy"),
	FIELD_PTR("trafficDistribution", SCHEMA_STRING)) };

static const struct schema port_status = { .go_name = "PortStatus", FIELDS(
	FIELD_ALWAYS("port", SCHEMA_INT32),
	NAMED_ALWAYS("protocol", "v1.Protocol"),
	FIELD_PTR("error", SCHEMA_STRING)) };

static const struct schema load_balancer_ingress = { .go_name = "LoadBalancerIngress", FIELDS(
	FIELD("ip", SCHEMA_STRING),
	FIELD("hostname", SCHEMA_STRING),
	NAMED_PTR("ipMode", "v1.LoadBalancerIPMode"),
	STRUCTS("ports", "v1.PortStatus", port_status)) };

static const struct schema load_balancer_status = { .go_name = "LoadBalancerStatus", FIELDS(
	STRUCTS("ingress", "v1.LoadBalancerIngress", load_balancer_ingress)) };

static const struct schema service_status = { .go_name = "ServiceStatus", FIELDS(
	STRUCT_ALWAYS("loadBalancer", "v1.LoadBalancerStatus", load_balancer_status),
	STRUCTS("conditions", "v1.Condition", condition)) };

const struct schema schema_service = { .go_name = "Service", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCT_ALWAYS("spec", "v1.ServiceSpec", service_spec),
	STRUCT_ALWAYS("status", "v1.ServiceStatus", service_status)) };

/* EndpointSlice */

static const struct schema endpoint_conditions = { .go_name = "EndpointConditions", FIELDS(
	FIELD_PTR("ready", SCHEMA_BOOL),
	FIELD_PTR("serving", SCHEMA_BOOL),
	FIELD_PTR("terminating", SCHEMA_BOOL)) };

static const struct schema for_zone = { .go_name = "ForZone", FIELDS(
	FIELD_ALWAYS("name", SCHEMA_STRING)) };

static const struct schema for_node = { .go_name = "ForNode", FIELDS(
	FIELD_ALWAYS("name", SCHEMA_STRING)) };

static const struct schema endpoint_hints = { .go_name = "EndpointHints", FIELDS(
	STRUCTS("forZones", "v1.ForZone", for_zone),
	STRUCTS("forNodes", "v1.ForNode", for_node)) };

static const struct schema endpoint = { .go_name = "Endpoint", FIELDS(
	STRINGS("addresses"),
	STRUCT_ALWAYS("conditions", "v1.EndpointConditions", endpoint_conditions),
	FIELD_PTR("hostname", SCHEMA_STRING),
	STRUCT("targetRef", "v1.ObjectReference", object_reference),
	STRING_MAP("deprecatedTopology"),
	FIELD_PTR("nodeName", SCHEMA_STRING),
	FIELD_PTR("zone", SCHEMA_STRING),
	STRUCT("hints", "v1.EndpointHints", endpoint_hints)) };

static const struct schema endpoint_port = { .go_name = "EndpointPort", FIELDS(
	FIELD_PTR("name", SCHEMA_STRING),
	NAMED_PTR("protocol", "v1.Protocol"),
	FIELD_PTR("port", SCHEMA_INT32),
	FIELD_PTR("appProtocol", SCHEMA_STRING)) };

const struct schema schema_endpoint_slice = { .go_name = "EndpointSlice", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	NAMED_ALWAYS("addressType", "v1.AddressType"),
	STRUCTS_ALWAYS("endpoints", "v1.Endpoint", endpoint),
	STRUCTS_ALWAYS("ports", "v1.EndpointPort", endpoint_port)) };

/* Pod */

static const struct schema container_port = { .go_name = "ContainerPort", FIELDS(
	FIELD("name", SCHEMA_STRING),
	FIELD("hostPort", SCHEMA_INT32),
	FIELD_ALWAYS("containerPort", SCHEMA_INT32),
	NAMED("protocol", "v1.Protocol"),
	FIELD("hostIP", SCHEMA_STRING)) };

static const struct schema exec_action = { .go_name = "ExecAction", FIELDS(
	STRINGS("command")) };

static const struct schema http_header = { .go_name = "HTTPHeader", FIELDS(
	FIELD_ALWAYS("name", SCHEMA_STRING),
	FIELD_ALWAYS("value", SCHEMA_STRING)) };

static const struct schema http_get_action = { .go_name = "HTTPGetAction", FIELDS(
	FIELD("path", SCHEMA_STRING),
	FIELD("port", SCHEMA_INT_OR_STRING),
	FIELD("host", SCHEMA_STRING),
	NAMED("scheme", "v1.URIScheme"),
	STRUCTS("httpHeaders", "v1.HTTPHeader", http_header)) };

static const struct schema tcp_socket_action = { .go_name = "TCPSocketAction", FIELDS(
	FIELD("port", SCHEMA_INT_OR_STRING),
	FIELD("host", SCHEMA_STRING)) };

static const struct schema grpc_action = { .go_name = "GRPCAction", FIELDS(
	FIELD_ALWAYS("port", SCHEMA_INT32),
	FIELD_PTR("service", SCHEMA_STRING)) };

static const struct schema probe = { .go_name = "Probe", FIELDS(
	STRUCT("exec", "v1.ExecAction", exec_action),
	STRUCT("httpGet", "v1.HTTPGetAction", http_get_action),
	STRUCT("tcpSocket", "v1.TCPSocketAction", tcp_socket_action),
	STRUCT("grpc", "v1.GRPCAction", grpc_action),
	FIELD("initialDelaySeconds", SCHEMA_INT32),
	FIELD("timeoutSeconds", SCHEMA_INT32),
	FIELD("periodSeconds", SCHEMA_INT32),
	FIELD("successThreshold", SCHEMA_INT32),
	FIELD("failureThreshold", SCHEMA_INT32),
	FIELD_PTR("terminationGracePeriodSeconds", SCHEMA_INT64)) };

static const struct schema env_var = { .go_name = "EnvVar", FIELDS(
	FIELD_ALWAYS("name", SCHEMA_STRING),
	FIELD("value", SCHEMA_STRING),
	FIELD("valueFrom", SCHEMA_ANY)) };

static const struct schema resources = { .go_name = "ResourceRequirements", FIELDS(
	QUANTITIES("limits"),
	QUANTITIES("requests"),
	FIELD("claims", SCHEMA_ANY)) };

static const struct schema volume_mount = { .go_name = "VolumeMount", FIELDS(
	FIELD_ALWAYS("name", SCHEMA_STRING),
	FIELD("readOnly", SCHEMA_BOOL),
	NAMED_PTR("recursiveReadOnly", "v1.RecursiveReadOnlyMode"),
	FIELD_ALWAYS("mountPath", SCHEMA_STRING),
	FIELD("subPath", SCHEMA_STRING),
	NAMED_PTR("mountPropagation", "v1.MountPropagationMode"),
	FIELD("subPathExpr", SCHEMA_STRING)) };

static const struct schema volume_device = { .go_name = "VolumeDevice", FIELDS(
	FIELD_ALWAYS("name", SCHEMA_STRING),
	FIELD_ALWAYS("devicePath", SCHEMA_STRING)) };

#define CONTAINER_FIELDS \
	FIELD_ALWAYS("name", SCHEMA_STRING), \
	FIELD("image", SCHEMA_STRING), \
	STRINGS("command"), \
	STRINGS("args"), \
	FIELD("workingDir", SCHEMA_STRING), \
	STRUCTS("ports", "v1.ContainerPort", container_port), \
	FIELD("envFrom", SCHEMA_ANY), \
	STRUCTS("env", "v1.EnvVar", env_var), \
	STRUCT_ALWAYS("resources", "v1.ResourceRequirements", resources), \
	FIELD("resizePolicy", SCHEMA_ANY), \
	NAMED_PTR("restartPolicy", "v1.ContainerRestartPolicy"), \
	FIELD("restartPolicyRules", SCHEMA_ANY), \
	STRUCTS("volumeMounts", "v1.VolumeMount", volume_mount), \
	STRUCTS("volumeDevices", "v1.VolumeDevice", volume_device), \
	STRUCT("livenessProbe", "v1.Probe", probe), \
	STRUCT("readinessProbe", "v1.Probe", probe), \
	STRUCT("startupProbe", "v1.Probe", probe), \
	FIELD("lifecycle", SCHEMA_ANY), \
	FIELD("terminationMessagePath", SCHEMA_STRING), \
	NAMED("terminationMessagePolicy", "v1.TerminationMessagePolicy"), \
	NAMED("imagePullPolicy", "v1.PullPolicy"), \
	FIELD("securityContext", SCHEMA_ANY), \
	FIELD("stdin", SCHEMA_BOOL), \
	FIELD("stdinOnce", SCHEMA_BOOL), \
	FIELD("tty", SCHEMA_BOOL)

static const struct schema container = { .go_name = "Container", FIELDS(CONTAINER_FIELDS) };

static const struct schema ephemeral_container = { .go_name = "EphemeralContainer", FIELDS(
	CONTAINER_FIELDS,
	FIELD("targetContainerName", SCHEMA_STRING)) };

static const struct schema volume = { .go_name = "Volume", FIELDS(
	FIELD_ALWAYS("name", SCHEMA_STRING),
	SOURCE("hostPath"),
	SOURCE("emptyDir"),
	SOURCE("gcePersistentDisk"),
	SOURCE("awsElasticBlockStore"),
	SOURCE("gitRepo"),
	SOURCE("secret"),
	SOURCE("nfs"),
	SOURCE("iscsi"),
	SOURCE("glusterfs"),
	SOURCE("persistentVolumeClaim"),
	SOURCE("rbd"),
	SOURCE("flexVolume"),
	SOURCE("cinder"),
	SOURCE("cephfs"),
	SOURCE("flocker"),
	SOURCE("downwardAPI"),
	SOURCE("fc"),
	SOURCE("azureFile"),
	SOURCE("configMap"),
	SOURCE("vsphereVolume"),
	SOURCE("quobyte"),
	SOURCE("azureDisk"),
	SOURCE("photonPersistentDisk"),
	SOURCE("projected"),
	SOURCE("portworxVolume"),
	SOURCE("scaleIO"),
	SOURCE("storageos"),
	SOURCE("csi"),
	SOURCE("ephemeral"),
	SOURCE("image")) };

static const struct schema local_reference = { .go_name = "LocalObjectReference", FIELDS(
	FIELD("name", SCHEMA_STRING)) };

static const struct schema host_alias = { .go_name = "HostAlias", FIELDS(
	FIELD_ALWAYS("ip", SCHEMA_STRING),
	STRINGS("hostnames")) };

static const struct schema toleration = { .go_name = "Toleration", FIELDS(
	FIELD("key", SCHEMA_STRING),
	NAMED("operator", "v1.TolerationOperator"),
	FIELD("value", SCHEMA_STRING),
	NAMED("effect", "v1.TaintEffect"),
	FIELD_PTR("tolerationSeconds", SCHEMA_INT64)) };

static const struct schema readiness_gate = { .go_name = "PodReadinessGate", FIELDS(
	{ .name = "conditionType", .go_type = "v1.PodConditionType",
	  .presence = SCHEMA_ALWAYS }) };

static const struct schema scheduling_gate = { .go_name = "PodSchedulingGate", FIELDS(
	FIELD_ALWAYS("name", SCHEMA_STRING)) };

static const struct schema pod_spec = { .go_name = "PodSpec", FIELDS(
	STRUCTS("volumes", "v1.Volume", volume),
	STRUCTS("initContainers", "v1.Container", container),
	STRUCTS_ALWAYS("containers", "v1.Container", container),
	STRUCTS("ephemeralContainers", "v1.EphemeralContainer", ephemeral_container),
	NAMED("restartPolicy", "v1.RestartPolicy"),
	FIELD_PTR("terminationGracePeriodSeconds", SCHEMA_INT64),
	FIELD_PTR("activeDeadlineSeconds", SCHEMA_INT64),
	NAMED("dnsPolicy", "v1.DNSPolicy"),
	STRING_MAP("nodeSelector"),
	FIELD("serviceAccountName", SCHEMA_STRING),
	FIELD("serviceAccount", SCHEMA_STRING),
	FIELD_PTR("automountServiceAccountToken", SCHEMA_BOOL),
	FIELD("nodeName", SCHEMA_STRING),
	FIELD("hostNetwork", SCHEMA_BOOL),
	FIELD("hostPID", SCHEMA_BOOL),
	FIELD("hostIPC", SCHEMA_BOOL),
	FIELD_PTR("shareProcessNamespace", SCHEMA_BOOL),
	FIELD("securityContext", SCHEMA_ANY),
	STRUCTS("imagePullSecrets", "v1.LocalObjectReference", local_reference),
	FIELD("hostname", SCHEMA_STRING),
	FIELD("subdomain", SCHEMA_STRING),
	FIELD("affinity", SCHEMA_ANY),
	FIELD("schedulerName", SCHEMA_STRING),
	STRUCTS("tolerations", "v1.Toleration", toleration),
	STRUCTS("hostAliases", "v1.HostAlias", host_alias),
	FIELD("priorityClassName", SCHEMA_STRING),
	FIELD_PTR("priority", SCHEMA_INT32),
	FIELD("dnsConfig", SCHEMA_ANY),
	STRUCTS("readinessGates", "v1.PodReadinessGate", readiness_gate),
	FIELD_PTR("runtimeClassName", SCHEMA_STRING),
	FIELD_PTR("enableServiceLinks", SCHEMA_BOOL),
	NAMED_PTR("preemptionPolicy", "v1.PreemptionPolicy"),
	QUANTITIES("overhead"),
	FIELD("topologySpreadConstraints", SCHEMA_ANY),
	FIELD_PTR("setHostnameAsFQDN", SCHEMA_BOOL),
	FIELD("os", SCHEMA_ANY),
	FIELD_PTR("hostUsers", SCHEMA_BOOL),
	STRUCTS("schedulingGates", "v1.PodSchedulingGate", scheduling_gate),
	FIELD("resourceClaims", SCHEMA_ANY),
	STRUCT("resources", "v1.ResourceRequirements", resources),
	FIELD_PTR("hostnameOverride", SCHEMA_STRING),
	FIELD("schedulingGroup", SCHEMA_ANY)) };

static const struct schema pod_condition = { .go_name = "PodCondition", FIELDS(
	NAMED_ALWAYS("type", "v1.PodConditionType"),
	FIELD("observedGeneration", SCHEMA_INT64),
	NAMED_ALWAYS("status", "v1.ConditionStatus"),
	FIELD_ALWAYS("lastProbeTime", SCHEMA_TIME),
	FIELD_ALWAYS("lastTransitionTime", SCHEMA_TIME),
	FIELD("reason", SCHEMA_STRING),
	FIELD("message", SCHEMA_STRING)) };

static const struct schema pod_ip = { .go_name = "PodIP", FIELDS(
	FIELD_ALWAYS("ip", SCHEMA_STRING)) };

static const struct schema state_waiting = { .go_name = "ContainerStateWaiting", FIELDS(
	FIELD("reason", SCHEMA_STRING),
	FIELD("message", SCHEMA_STRING)) };

static const struct schema state_running = { .go_name = "ContainerStateRunning", FIELDS(
	FIELD_ALWAYS("startedAt", SCHEMA_TIME)) };

static const struct schema state_terminated = { .go_name = "ContainerStateTerminated", FIELDS(
	FIELD_ALWAYS("exitCode", SCHEMA_INT32),
	FIELD("signal", SCHEMA_INT32),
	FIELD("reason", SCHEMA_STRING),
	FIELD("message", SCHEMA_STRING),
	FIELD_ALWAYS("startedAt", SCHEMA_TIME),
	FIELD_ALWAYS("finishedAt", SCHEMA_TIME),
	FIELD("containerID", SCHEMA_STRING)) };

static const struct schema container_state = { .go_name = "ContainerState", FIELDS(
	STRUCT("waiting", "v1.ContainerStateWaiting", state_waiting),
	STRUCT("running", "v1.ContainerStateRunning", state_running),
	STRUCT("terminated", "v1.ContainerStateTerminated", state_terminated)) };

static const struct schema container_status = { .go_name = "ContainerStatus", FIELDS(
	FIELD_ALWAYS("name", SCHEMA_STRING),
	STRUCT_ALWAYS("state", "v1.ContainerState", container_state),
	STRUCT_ALWAYS("lastState", "v1.ContainerState", container_state),
	FIELD_ALWAYS("ready", SCHEMA_BOOL),
	FIELD_ALWAYS("restartCount", SCHEMA_INT32),
	FIELD_ALWAYS("image", SCHEMA_STRING),
	FIELD_ALWAYS("imageID", SCHEMA_STRING),
	FIELD("containerID", SCHEMA_STRING),
	FIELD_PTR("started", SCHEMA_BOOL),
	QUANTITIES("allocatedResources"),
	STRUCT("resources", "v1.ResourceRequirements", resources),
	FIELD("volumeMounts", SCHEMA_ANY),
	FIELD("user", SCHEMA_ANY),
	FIELD("allocatedResourcesStatus", SCHEMA_ANY),
	NAMED_PTR("stopSignal", "v1.Signal")) };

static const struct schema pod_status = { .go_name = "PodStatus", FIELDS(
	FIELD("observedGeneration", SCHEMA_INT64),
	NAMED("phase", "v1.PodPhase"),
	STRUCTS("conditions", "v1.PodCondition", pod_condition),
	FIELD("message", SCHEMA_STRING),
	FIELD("reason", SCHEMA_STRING),
	FIELD("nominatedNodeName", SCHEMA_STRING),
	FIELD("hostIP", SCHEMA_STRING),
	STRUCTS("hostIPs", "v1.HostIP", pod_ip),
	FIELD("podIP", SCHEMA_STRING),
	STRUCTS("podIPs", "v1.PodIP", pod_ip),
	FIELD_PTR("startTime", SCHEMA_TIME),
	STRUCTS("initContainerStatuses", "v1.ContainerStatus", container_status),
	STRUCTS("containerStatuses", "v1.ContainerStatus", container_status),
	NAMED("qosClass", "v1.PodQOSClass"),
	STRUCTS("ephemeralContainerStatuses", "v1.ContainerStatus", container_status),
	NAMED("resize", "v1.PodResizeStatus"),
	FIELD("resourceClaimStatuses", SCHEMA_ANY),
	FIELD("extendedResourceClaimStatus", SCHEMA_ANY),
	QUANTITIES("allocatedResources"),
	STRUCT("resources", "v1.ResourceRequirements", resources),
	FIELD("nodeAllocatableResourceClaimStatuses", SCHEMA_ANY)) };

const struct schema schema_pod = { .go_name = "Pod", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCT_ALWAYS("spec", "v1.PodSpec", pod_spec),
	STRUCT_ALWAYS("status", "v1.PodStatus", pod_status)) };

/* Node */

static const struct schema taint = { .go_name = "Taint", FIELDS(
	FIELD_ALWAYS("key", SCHEMA_STRING),
	FIELD("value", SCHEMA_STRING),
	NAMED_ALWAYS("effect", "v1.TaintEffect"),
	FIELD_PTR("timeAdded", SCHEMA_TIME)) };

static const struct schema node_spec = { .go_name = "NodeSpec", FIELDS(
	FIELD("podCIDR", SCHEMA_STRING),
	STRINGS("podCIDRs"),
	FIELD("providerID", SCHEMA_STRING),
	FIELD("unschedulable", SCHEMA_BOOL),
	STRUCTS("taints", "v1.Taint", taint),
	FIELD("configSource", SCHEMA_ANY),
	FIELD("externalID", SCHEMA_STRING)) };

static const struct schema node_condition = { .go_name = "NodeCondition", FIELDS(
	NAMED_ALWAYS("type", "v1.NodeConditionType"),
	NAMED_ALWAYS("status", "v1.ConditionStatus"),
	FIELD_ALWAYS("lastHeartbeatTime", SCHEMA_TIME),
	FIELD_ALWAYS("lastTransitionTime", SCHEMA_TIME),
	FIELD("reason", SCHEMA_STRING),
	FIELD("message", SCHEMA_STRING)) };

static const struct schema node_address = { .go_name = "NodeAddress", FIELDS(
	NAMED_ALWAYS("type", "v1.NodeAddressType"),
	FIELD_ALWAYS("address", SCHEMA_STRING)) };

static const struct schema node_info = { .go_name = "NodeSystemInfo", FIELDS(
	FIELD_ALWAYS("machineID", SCHEMA_STRING),
	FIELD_ALWAYS("systemUUID", SCHEMA_STRING),
	FIELD_ALWAYS("bootID", SCHEMA_STRING),
	FIELD_ALWAYS("kernelVersion", SCHEMA_STRING),
	FIELD_ALWAYS("osImage", SCHEMA_STRING),
	FIELD_ALWAYS("containerRuntimeVersion", SCHEMA_STRING),
	FIELD_ALWAYS("kubeletVersion", SCHEMA_STRING),
	FIELD_ALWAYS("kubeProxyVersion", SCHEMA_STRING),
	FIELD_ALWAYS("operatingSystem", SCHEMA_STRING),
	FIELD_ALWAYS("architecture", SCHEMA_STRING),
	FIELD("swap", SCHEMA_ANY)) };

static const struct schema daemon_endpoint = { .go_name = "DaemonEndpoint", FIELDS(
	FIELD_ALWAYS("Port", SCHEMA_INT32)) };

static const struct schema daemon_endpoints = { .go_name = "NodeDaemonEndpoints", FIELDS(
	STRUCT_ALWAYS("kubeletEndpoint", "v1.DaemonEndpoint", daemon_endpoint)) };

static const struct schema node_status = { .go_name = "NodeStatus", FIELDS(
	QUANTITIES("capacity"),
	QUANTITIES("allocatable"),
	NAMED("phase", "v1.NodePhase"),
	STRUCTS("conditions", "v1.NodeCondition", node_condition),
	STRUCTS("addresses", "v1.NodeAddress", node_address),
	STRUCT_ALWAYS("daemonEndpoints", "v1.NodeDaemonEndpoints", daemon_endpoints),
	STRUCT_ALWAYS("nodeInfo", "v1.NodeSystemInfo", node_info),
	FIELD("images", SCHEMA_ANY),
	FIELD("volumesInUse", SCHEMA_ANY),
	FIELD("volumesAttached", SCHEMA_ANY),
	FIELD("config", SCHEMA_ANY),
	FIELD("runtimeHandlers", SCHEMA_ANY),
	FIELD("features", SCHEMA_ANY),
	STRINGS("declaredFeatures")) };

const struct schema schema_node = { .go_name = "Node", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCT_ALWAYS("spec", "v1.NodeSpec", node_spec),
	STRUCT_ALWAYS("status", "v1.NodeStatus", node_status)) };

/* Namespace, Event, Lease */

static const struct schema namespace_spec = { .go_name = "NamespaceSpec", FIELDS(
	{ .name = "finalizers", .shape = SCHEMA_LIST, .go_type = "v1.FinalizerName" }) };

static const struct schema namespace_condition = { .go_name = "NamespaceCondition", FIELDS(
	NAMED_ALWAYS("type", "v1.NamespaceConditionType"),
	NAMED_ALWAYS("status", "v1.ConditionStatus"),
	FIELD_ALWAYS("lastTransitionTime", SCHEMA_TIME),
	FIELD("reason", SCHEMA_STRING),
	FIELD("message", SCHEMA_STRING)) };

static const struct schema namespace_status = { .go_name = "NamespaceStatus", FIELDS(
	NAMED("phase", "v1.NamespacePhase"),
	STRUCTS("conditions", "v1.NamespaceCondition", namespace_condition)) };

const struct schema schema_namespace = { .go_name = "Namespace", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCT_ALWAYS("spec", "v1.NamespaceSpec", namespace_spec),
	STRUCT_ALWAYS("status", "v1.NamespaceStatus", namespace_status)) };

static const struct schema event_source = { .go_name = "EventSource", FIELDS(
	FIELD("component", SCHEMA_STRING),
	FIELD("host", SCHEMA_STRING)) };

static const struct schema event_series = { .go_name = "EventSeries", FIELDS(
	FIELD("count", SCHEMA_INT32),
	FIELD_ALWAYS("lastObservedTime", SCHEMA_MICRO_TIME)) };

const struct schema schema_event = { .go_name = "Event", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCT_ALWAYS("involvedObject", "v1.ObjectReference", object_reference),
	FIELD("reason", SCHEMA_STRING),
	FIELD("message", SCHEMA_STRING),
	STRUCT_ALWAYS("source", "v1.EventSource", event_source),
	FIELD_ALWAYS("firstTimestamp", SCHEMA_TIME),
	FIELD_ALWAYS("lastTimestamp", SCHEMA_TIME),
	FIELD("count", SCHEMA_INT32),
	FIELD("type", SCHEMA_STRING),
	FIELD_ALWAYS("eventTime", SCHEMA_MICRO_TIME),
	STRUCT("series", "v1.EventSeries", event_series),
	FIELD("action", SCHEMA_STRING),
	STRUCT("related", "v1.ObjectReference", object_reference),
	FIELD_ALWAYS("reportingComponent", SCHEMA_STRING),
	FIELD_ALWAYS("reportingInstance", SCHEMA_STRING)) };

static const struct schema lease_spec = { .go_name = "LeaseSpec", FIELDS(
	FIELD_PTR("holderIdentity", SCHEMA_STRING),
	FIELD_PTR("leaseDurationSeconds", SCHEMA_INT32),
	FIELD_PTR("acquireTime", SCHEMA_MICRO_TIME),
	FIELD_PTR("renewTime", SCHEMA_MICRO_TIME),
	FIELD_PTR("leaseTransitions", SCHEMA_INT32),
	NAMED_PTR("strategy", "v1.CoordinatedLeaseStrategy"),
	FIELD_PTR("preferredHolder", SCHEMA_STRING)) };

const struct schema schema_lease = { .go_name = "Lease", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCT_ALWAYS("spec", "v1.LeaseSpec", lease_spec)) };

/* ConfigMap, Secret, ServiceAccount */

const struct schema schema_config_map = { .go_name = "ConfigMap", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	FIELD_PTR("immutable", SCHEMA_BOOL),
	STRING_MAP("data"),
	BYTES_MAP("binaryData")) };

const struct schema schema_secret = { .go_name = "Secret", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	FIELD_PTR("immutable", SCHEMA_BOOL),
	BYTES_MAP("data"),
	STRING_MAP("stringData"),
	NAMED("type", "v1.SecretType")) };

const struct schema schema_service_account = { .go_name = "ServiceAccount", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCTS("secrets", "v1.ObjectReference", object_reference),
	STRUCTS("imagePullSecrets", "v1.LocalObjectReference", local_reference),
	FIELD_PTR("automountServiceAccountToken", SCHEMA_BOOL)) };

/* Endpoints */

static const struct schema endpoint_address = { .go_name = "EndpointAddress", FIELDS(
	FIELD_ALWAYS("ip", SCHEMA_STRING),
	FIELD("hostname", SCHEMA_STRING),
	FIELD_PTR("nodeName", SCHEMA_STRING),
	STRUCT("targetRef", "v1.ObjectReference", object_reference)) };

static const struct schema endpoints_port = { .go_name = "EndpointPort", FIELDS(
	FIELD("name", SCHEMA_STRING),
	FIELD_ALWAYS("port", SCHEMA_INT32),
	NAMED("protocol", "v1.Protocol"),
	FIELD_PTR("appProtocol", SCHEMA_STRING)) };

static const struct schema endpoint_subset = { .go_name = "EndpointSubset", FIELDS(
	STRUCTS("addresses", "v1.EndpointAddress", endpoint_address),
	STRUCTS("notReadyAddresses", "v1.EndpointAddress", endpoint_address),
	STRUCTS("ports", "v1.EndpointPort", endpoints_port)) };

const struct schema schema_endpoints = { .go_name = "Endpoints", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCTS("subsets", "v1.EndpointSubset", endpoint_subset)) };

/* ServiceCIDR, IPAddress */

static const struct schema service_cidr_spec = { .go_name = "ServiceCIDRSpec", FIELDS(
	STRINGS("cidrs")) };

static const struct schema service_cidr_status = { .go_name = "ServiceCIDRStatus", FIELDS(
	STRUCTS("conditions", "v1.Condition", condition)) };

const struct schema schema_service_cidr = { .go_name = "ServiceCIDR", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCT_ALWAYS("spec", "v1.ServiceCIDRSpec", service_cidr_spec),
	STRUCT_ALWAYS("status", "v1.ServiceCIDRStatus", service_cidr_status)) };

static const struct schema parent_reference = { .go_name = "ParentReference", FIELDS(
	FIELD("group", SCHEMA_STRING),
	FIELD("resource", SCHEMA_STRING),
	FIELD("namespace", SCHEMA_STRING),
	FIELD("name", SCHEMA_STRING)) };

static const struct schema ip_address_spec = { .go_name = "IPAddressSpec", FIELDS(
	STRUCT("parentRef", "v1.ParentReference", parent_reference)) };

const struct schema schema_ip_address = { .go_name = "IPAddress", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCT_ALWAYS("spec", "v1.IPAddressSpec", ip_address_spec)) };

/* PodTemplate, Deployment, ReplicaSet, Scale */

static const struct schema pod_template_spec = { .go_name = "PodTemplateSpec", FIELDS(
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCT_ALWAYS("spec", "v1.PodSpec", pod_spec)) };

const struct schema schema_pod_template = { .go_name = "PodTemplate", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCT_ALWAYS("template", "v1.PodTemplateSpec", pod_template_spec)) };

static const struct schema selector_requirement = { .go_name = "LabelSelectorRequirement", FIELDS(
	FIELD_ALWAYS("key", SCHEMA_STRING),
	NAMED_ALWAYS("operator", "v1.LabelSelectorOperator"),
	STRINGS("values")) };

static const struct schema label_selector = { .go_name = "LabelSelector", FIELDS(
	STRING_MAP("matchLabels"),
	STRUCTS("matchExpressions", "v1.LabelSelectorRequirement", selector_requirement)) };

static const struct schema rolling_update = { .go_name = "RollingUpdateDeployment", FIELDS(
	FIELD("maxUnavailable", SCHEMA_INT_OR_STRING),
	FIELD("maxSurge", SCHEMA_INT_OR_STRING)) };

static const struct schema deployment_strategy = { .go_name = "DeploymentStrategy", FIELDS(
	NAMED("type", "v1.DeploymentStrategyType"),
	STRUCT("rollingUpdate", "v1.RollingUpdateDeployment", rolling_update)) };

static const struct schema deployment_spec = { .go_name = "DeploymentSpec", FIELDS(
	FIELD_PTR("replicas", SCHEMA_INT32),
	STRUCT("selector", "v1.LabelSelector", label_selector),
	STRUCT_ALWAYS("template", "v1.PodTemplateSpec", pod_template_spec),
	STRUCT_ALWAYS("strategy", "v1.DeploymentStrategy", deployment_strategy),
	FIELD("minReadySeconds", SCHEMA_INT32),
	FIELD_PTR("revisionHistoryLimit", SCHEMA_INT32),
	FIELD("paused", SCHEMA_BOOL),
	FIELD_PTR("progressDeadlineSeconds", SCHEMA_INT32)) };

static const struct schema deployment_condition = { .go_name = "DeploymentCondition", FIELDS(
	NAMED_ALWAYS("type", "v1.DeploymentConditionType"),
	NAMED_ALWAYS("status", "v1.ConditionStatus"),
	FIELD_ALWAYS("lastUpdateTime", SCHEMA_TIME),
	FIELD_ALWAYS("lastTransitionTime", SCHEMA_TIME),
	FIELD("reason", SCHEMA_STRING),
	FIELD("message", SCHEMA_STRING)) };

static const struct schema deployment_status = { .go_name = "DeploymentStatus", FIELDS(
	FIELD("observedGeneration", SCHEMA_INT64),
	FIELD("replicas", SCHEMA_INT32),
	FIELD("updatedReplicas", SCHEMA_INT32),
	FIELD("readyReplicas", SCHEMA_INT32),
	FIELD("availableReplicas", SCHEMA_INT32),
	FIELD("unavailableReplicas", SCHEMA_INT32),
	FIELD_PTR("terminatingReplicas", SCHEMA_INT32),
	STRUCTS("conditions", "v1.DeploymentCondition", deployment_condition),
	FIELD_PTR("collisionCount", SCHEMA_INT32)) };

const struct schema schema_deployment = { .go_name = "Deployment", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCT_ALWAYS("spec", "v1.DeploymentSpec", deployment_spec),
	STRUCT_ALWAYS("status", "v1.DeploymentStatus", deployment_status)) };

static const struct schema replica_set_spec = { .go_name = "ReplicaSetSpec", FIELDS(
	FIELD_PTR("replicas", SCHEMA_INT32),
	FIELD("minReadySeconds", SCHEMA_INT32),
	STRUCT("selector", "v1.LabelSelector", label_selector),
	STRUCT_ALWAYS("template", "v1.PodTemplateSpec", pod_template_spec)) };

static const struct schema replica_set_condition = { .go_name = "ReplicaSetCondition", FIELDS(
	NAMED_ALWAYS("type", "v1.ReplicaSetConditionType"),
	NAMED_ALWAYS("status", "v1.ConditionStatus"),
	FIELD_ALWAYS("lastTransitionTime", SCHEMA_TIME),
	FIELD("reason", SCHEMA_STRING),
	FIELD("message", SCHEMA_STRING)) };

static const struct schema replica_set_status = { .go_name = "ReplicaSetStatus", FIELDS(
	FIELD_ALWAYS("replicas", SCHEMA_INT32),
	FIELD("fullyLabeledReplicas", SCHEMA_INT32),
	FIELD("readyReplicas", SCHEMA_INT32),
	FIELD("availableReplicas", SCHEMA_INT32),
	FIELD_PTR("terminatingReplicas", SCHEMA_INT32),
	FIELD("observedGeneration", SCHEMA_INT64),
	STRUCTS("conditions", "v1.ReplicaSetCondition", replica_set_condition)) };

const struct schema schema_replica_set = { .go_name = "ReplicaSet", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCT_ALWAYS("spec", "v1.ReplicaSetSpec", replica_set_spec),
	STRUCT_ALWAYS("status", "v1.ReplicaSetStatus", replica_set_status)) };

static const struct schema scale_spec = { .go_name = "ScaleSpec", FIELDS(
	FIELD("replicas", SCHEMA_INT32)) };

static const struct schema scale_status = { .go_name = "ScaleStatus", FIELDS(
	FIELD_ALWAYS("replicas", SCHEMA_INT32),
	FIELD("selector", SCHEMA_STRING)) };

const struct schema schema_scale = { .go_name = "Scale", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	STRUCT_ALWAYS("spec", "v1.ScaleSpec", scale_spec),
	STRUCT_ALWAYS("status", "v1.ScaleStatus", scale_status)) };

/* meta.k8s.io */

static const struct schema preconditions = { .go_name = "Preconditions", FIELDS(
	FIELD("resourceVersion", SCHEMA_STRING),
	FIELD("uid", SCHEMA_STRING)) };

const struct schema schema_delete_options = { .go_name = "DeleteOptions", FIELDS(
	TYPE_META,
	STRINGS("dryRun"),
	FIELD("gracePeriodSeconds", SCHEMA_INT64),
	FIELD("orphanDependents", SCHEMA_BOOL),
	STRUCT("preconditions", "v1.Preconditions", preconditions),
	FIELD("propagationPolicy", SCHEMA_STRING)) };

/* events.k8s.io */

const struct schema schema_events_event = { .go_name = "Event", FIELDS(
	TYPE_META,
	STRUCT_ALWAYS("metadata", "v1.ObjectMeta", schema_object_meta),
	FIELD_ALWAYS("eventTime", SCHEMA_MICRO_TIME),
	STRUCT("series", "v1.EventSeries", event_series),
	FIELD("reportingController", SCHEMA_STRING),
	FIELD("reportingInstance", SCHEMA_STRING),
	FIELD("action", SCHEMA_STRING),
	FIELD("reason", SCHEMA_STRING),
	STRUCT_ALWAYS("regarding", "v1.ObjectReference", object_reference),
	STRUCT("related", "v1.ObjectReference", object_reference),
	FIELD("note", SCHEMA_STRING),
	FIELD("type", SCHEMA_STRING),
	STRUCT_ALWAYS("deprecatedSource", "v1.EventSource", event_source),
	FIELD_ALWAYS("deprecatedFirstTimestamp", SCHEMA_TIME),
	FIELD_ALWAYS("deprecatedLastTimestamp", SCHEMA_TIME),
	FIELD("deprecatedCount", SCHEMA_INT32)) };
/* clang-format on */
