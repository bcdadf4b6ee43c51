"""How lists and maps of built-in types merge: what Kubernetes' OpenAPI says in its extensions.

`Model.field` -> the keys by which server-side apply tells items apart, and the one key of strategic
merge patches where it differs. Everything not named here is replaced as a whole (atomic).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Merging:
    """List items by `keys`; no keys means a set of primitives. `retain`: siblings are exclusive."""

    keys: tuple[str, ...] = ()
    retain: bool = False

    @property
    def patch_key(self) -> str:
        return self.keys[0] if self.keys else ""


BY_NAME = Merging(("name",))
BY_TYPE = Merging(("type",))
BY_IP = Merging(("ip",))
SET = Merging()

LISTS: dict[str, Merging] = {
    "V1ObjectMeta.ownerReferences": Merging(("uid",)),
    "V1ObjectMeta.finalizers": SET,
    "V1PodSpec.volumes": Merging(("name",), retain=True),
    "V1PodSpec.containers": BY_NAME,
    "V1PodSpec.initContainers": BY_NAME,
    "V1PodSpec.ephemeralContainers": BY_NAME,
    "V1PodSpec.imagePullSecrets": BY_NAME,
    "V1PodSpec.resourceClaims": Merging(("name",), retain=True),
    "V1PodSpec.schedulingGates": BY_NAME,
    "V1PodSpec.hostAliases": BY_IP,
    "V1PodSpec.topologySpreadConstraints": Merging(("topologyKey", "whenUnsatisfiable")),
    "V1PodStatus.conditions": BY_TYPE,
    "V1PodStatus.podIPs": BY_IP,
    "V1PodStatus.resourceClaimStatuses": BY_NAME,
    "V1ServiceAccount.secrets": BY_NAME,
    "V1ServiceSpec.ports": Merging(("port", "protocol")),
    "V1ServiceStatus.conditions": BY_TYPE,
    "V1NodeSpec.podCIDRs": SET,
    "V1NodeStatus.conditions": BY_TYPE,
    "V1NodeStatus.addresses": BY_TYPE,
    "V1NamespaceStatus.conditions": BY_TYPE,
    "V1PersistentVolumeClaimStatus.conditions": BY_TYPE,
    "V1ReplicationControllerStatus.conditions": BY_TYPE,
    "V1DeploymentStatus.conditions": BY_TYPE,
    "V1ReplicaSetStatus.conditions": BY_TYPE,
    "V1StatefulSetStatus.conditions": BY_TYPE,
    "V1DaemonSetStatus.conditions": BY_TYPE,
    "V1PodDisruptionBudgetStatus.conditions": BY_TYPE,
    "V2HorizontalPodAutoscalerStatus.conditions": BY_TYPE,
    "V1CustomResourceDefinitionStatus.conditions": BY_TYPE,
    "V1ResourceRequirements.claims": BY_NAME,
    "V1MutatingWebhookConfiguration.webhooks": BY_NAME,
    "V1MutatingWebhook.matchConditions": BY_NAME,
    "V1ValidatingWebhookConfiguration.webhooks": BY_NAME,
    "V1ValidatingWebhook.matchConditions": BY_NAME,
    "V1ValidatingAdmissionPolicySpec.matchConditions": BY_NAME,
    "V1ValidatingAdmissionPolicySpec.variables": BY_NAME,
    "V1ValidatingAdmissionPolicyStatus.conditions": BY_TYPE,
    "V1APIServiceStatus.conditions": BY_TYPE,
    "V1CertificateSigningRequestStatus.conditions": BY_TYPE,
    "V1FlowSchemaStatus.conditions": BY_TYPE,
    "V1PriorityLevelConfigurationStatus.conditions": BY_TYPE,
    "V1CSINodeSpec.drivers": BY_NAME,
} | {
    f"{container}.{field}": merging
    for container in ("V1Container", "V1EphemeralContainer")
    for field, merging in {
        "ports": Merging(("containerPort", "protocol")),
        "env": BY_NAME,
        "volumeMounts": Merging(("mountPath",)),
        "volumeDevices": Merging(("devicePath",)),
    }.items()
}

KEY_DEFAULTS = {"protocol": "TCP"}

RETAIN_KEYS = {"V1DeploymentSpec.strategy"}

ATOMIC_FIELDS = {
    "V1ServiceSpec.selector",
    "V1PodSpec.nodeSelector",
    "V1ReplicationControllerSpec.selector",
}
ATOMIC_MODELS = {
    "V1LabelSelector",
    "V1ObjectReference",
    "V1LocalObjectReference",
    "V1TypedLocalObjectReference",
    "V1SecretReference",
    "V1SecretKeySelector",
    "V1ConfigMapKeySelector",
    "V1ObjectFieldSelector",
    "V1ResourceFieldSelector",
    "V1NodeSelector",
    "V1NodeSelectorTerm",
    "V1OwnerReference",
    "V1RoleRef",
}

QUANTITIES = {
    "V1ResourceRequirements.limits",
    "V1ResourceRequirements.requests",
    "V1VolumeResourceRequirements.limits",
    "V1VolumeResourceRequirements.requests",
    "V1NodeStatus.capacity",
    "V1NodeStatus.allocatable",
    "V1PodSpec.overhead",
    "V1EmptyDirVolumeSource.sizeLimit",
    "V1ResourceFieldSelector.divisor",
    "V1PersistentVolumeSpec.capacity",
    "V1PersistentVolumeClaimStatus.capacity",
    "V1ResourceQuotaSpec.hard",
    "V1ResourceQuotaStatus.hard",
    "V1ResourceQuotaStatus.used",
    "V2MetricTarget.averageValue",
    "V2MetricTarget.value",
}
