"""The resources that a cluster serves: built-in ones as a table, custom ones from CRD objects.

A resource's `key` names its table in the store and is what in-process callers say: the plural for
built-in and preinstalled kinds, `plural.group` for what users define. A view has the key of the
resource whose objects it shows in another form (see `conversion`). No behaviour lives here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Doc = dict[str, Any]

ALL_VERBS = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of one API group; `model` is its type in the Kubernetes OpenAPI, if built in."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    model: str = ""
    other_versions: tuple[str, ...] = ()
    returns_deleted: bool = False
    key: str = ""
    singular: str = ""
    generation: bool = False
    view: bool = False  # other names for the objects of the resource that has this key
    crd: Doc | None = field(default=None, compare=False)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def versions(self) -> tuple[str, ...]:
        return (self.version, *self.other_versions)

    @property
    def has_status(self) -> bool:
        return "status" in self.subresources


def _resource(group_version: str, plural: str, kind: str, *names: str, **options: Any) -> Resource:
    group, _, version = group_version.rpartition("/")
    options.setdefault("model", "V1" + kind)
    options.setdefault("key", plural)
    return Resource(group, version, plural, kind, short=names, singular=kind.lower(), **options)


CLUSTER_WIDE: Doc = {"namespaced": False}
STATUS: Doc = {"subresources": ("status",)}
SCALED: Doc = {"subresources": ("scale", "status"), "categories": ("all",), "generation": True}
ADMISSION = "admissionregistration.k8s.io/v1"
RBAC = "rbac.authorization.k8s.io/v1"

BUILT_IN: tuple[Resource, ...] = (
    _resource("v1", "namespaces", "Namespace", "ns", namespaced=False,
              subresources=("finalize", "status")),
    _resource("v1", "nodes", "Node", "no", namespaced=False,
              subresources=("proxy", "status")),
    _resource("v1", "pods", "Pod", "po", categories=("all",), returns_deleted=True,
              generation=True,
              subresources=("attach", "binding", "ephemeralcontainers", "eviction", "exec", "log",
                            "portforward", "proxy", "resize", "status")),
    _resource("v1", "services", "Service", "svc", categories=("all",), returns_deleted=True,
              subresources=("proxy", "status")),
    _resource("v1", "endpoints", "Endpoints", "ep"),
    _resource("v1", "events", "Event", "ev", model="CoreV1Event"),
    _resource("v1", "configmaps", "ConfigMap", "cm"),
    _resource("v1", "secrets", "Secret"),
    _resource("v1", "serviceaccounts", "ServiceAccount", "sa", returns_deleted=True,
              subresources=("token",)),
    _resource("v1", "replicationcontrollers", "ReplicationController", "rc", **SCALED),
    _resource("v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc",
              returns_deleted=True, **STATUS),
    _resource("v1", "persistentvolumes", "PersistentVolume", "pv", namespaced=False,
              returns_deleted=True, **STATUS),
    _resource("v1", "resourcequotas", "ResourceQuota", "quota", returns_deleted=True, **STATUS),
    _resource("v1", "limitranges", "LimitRange", "limits"),
    _resource("apps/v1", "deployments", "Deployment", "deploy", **SCALED),
    _resource("apps/v1", "replicasets", "ReplicaSet", "rs", **SCALED),
    _resource("apps/v1", "statefulsets", "StatefulSet", "sts", **SCALED),
    _resource("apps/v1", "daemonsets", "DaemonSet", "ds", categories=("all",), generation=True,
              **STATUS),
    _resource("apps/v1", "controllerrevisions", "ControllerRevision"),
    _resource("batch/v1", "jobs", "Job", categories=("all",), generation=True, **STATUS),
    _resource("batch/v1", "cronjobs", "CronJob", "cj", categories=("all",), generation=True,
              **STATUS),
    _resource("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", generation=True),
    _resource("networking.k8s.io/v1", "ingresses", "Ingress", "ing", generation=True, **STATUS),
    _resource("networking.k8s.io/v1", "ingressclasses", "IngressClass", generation=True,
              **CLUSTER_WIDE),
    _resource("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", "netpol",
              generation=True),
    _resource("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", "pdb",
              generation=True, **STATUS),
    _resource("coordination.k8s.io/v1", "leases", "Lease"),
    _resource("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition",
              "crd", "crds", namespaced=False, generation=True, categories=("api-extensions",),
              **STATUS),
    _resource("v1", "bindings", "Binding", verbs=("create",)),
    _resource("v1", "componentstatuses", "ComponentStatus", "cs", verbs=("get", "list"),
              **CLUSTER_WIDE),
    _resource("networking.k8s.io/v1", "ipaddresses", "IPAddress", "ip", generation=True,
              **CLUSTER_WIDE),
    _resource("networking.k8s.io/v1", "servicecidrs", "ServiceCIDR", namespaced=False,
              generation=True, **STATUS),
    _resource("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa",
              model="V2HorizontalPodAutoscaler", categories=("all",), generation=True, **STATUS),
    _resource("storage.k8s.io/v1", "storageclasses", "StorageClass", "sc",
              returns_deleted=True, **CLUSTER_WIDE),
    _resource("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", "pc", generation=True,
              **CLUSTER_WIDE),
    _resource(RBAC, "roles", "Role"),
    _resource(RBAC, "rolebindings", "RoleBinding"),
    _resource(RBAC, "clusterroles", "ClusterRole", **CLUSTER_WIDE),
    _resource(RBAC, "clusterrolebindings", "ClusterRoleBinding", **CLUSTER_WIDE),
    _resource("v1", "podtemplates", "PodTemplate"),
    _resource(ADMISSION, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration",
              generation=True, categories=("api-extensions",), **CLUSTER_WIDE),
    _resource(ADMISSION, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration",
              generation=True, categories=("api-extensions",), **CLUSTER_WIDE),
    _resource(ADMISSION, "validatingadmissionpolicies", "ValidatingAdmissionPolicy",
              generation=True, namespaced=False, **STATUS),
    _resource(ADMISSION, "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding",
              generation=True, **CLUSTER_WIDE),
    _resource("apiregistration.k8s.io/v1", "apiservices", "APIService", namespaced=False,
              categories=("api-extensions",), **STATUS),
    _resource("certificates.k8s.io/v1", "certificatesigningrequests",
              "CertificateSigningRequest", "csr", namespaced=False,
              subresources=("approval", "status")),
    _resource("node.k8s.io/v1", "runtimeclasses", "RuntimeClass", **CLUSTER_WIDE),
    _resource("storage.k8s.io/v1", "csidrivers", "CSIDriver", **CLUSTER_WIDE),
    _resource("storage.k8s.io/v1", "csinodes", "CSINode", **CLUSTER_WIDE),
    _resource("storage.k8s.io/v1", "csistoragecapacities", "CSIStorageCapacity"),
    _resource("storage.k8s.io/v1", "volumeattachments", "VolumeAttachment", namespaced=False,
              **STATUS),
    _resource("flowcontrol.apiserver.k8s.io/v1", "flowschemas", "FlowSchema", namespaced=False,
              **STATUS),
    _resource("flowcontrol.apiserver.k8s.io/v1", "prioritylevelconfigurations",
              "PriorityLevelConfiguration", namespaced=False, **STATUS),
    _resource("authorization.k8s.io/v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview",
              namespaced=False, verbs=("create",)),
    _resource("authorization.k8s.io/v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview",
              namespaced=False, verbs=("create",)),
    _resource("authorization.k8s.io/v1", "subjectaccessreviews", "SubjectAccessReview",
              namespaced=False, verbs=("create",)),
    _resource("authorization.k8s.io/v1", "localsubjectaccessreviews",
              "LocalSubjectAccessReview", verbs=("create",)),
    _resource("authentication.k8s.io/v1", "tokenreviews", "TokenReview", namespaced=False,
              verbs=("create",)),
    _resource("authentication.k8s.io/v1", "selfsubjectreviews", "SelfSubjectReview",
              namespaced=False, verbs=("create",)),
)  # fmt: skip

VIEWS: tuple[Resource, ...] = (
    _resource("autoscaling/v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa",
              categories=("all",), generation=True, view=True, **STATUS),
    _resource("events.k8s.io/v1", "events", "Event", "ev", model="EventsV1Event", view=True),
)  # fmt: skip

BUILT_IN_BY_KEY = {resource.key: resource for resource in BUILT_IN}
BUILT_IN_BY_PATH = {
    (resource.group, version, resource.plural): resource
    for resource in (*BUILT_IN, *VIEWS)
    for version in resource.versions
}
PREINSTALLED_GROUPS = frozenset(
    {
        "acme.cert-manager.io",
        "cert-manager.io",
        "cloud.google.com",
        "gateway.networking.k8s.io",
        "monitoring.googleapis.com",
        "net.gke.io",
        "networking.gke.io",
    }
)


class Registry:
    """Built-in resources plus those that the given CRDs define."""

    def __init__(self) -> None:
        self._custom: dict[tuple[str, str, str], Resource] = {}
        self._by_key: dict[str, Resource] = dict(BUILT_IN_BY_KEY)
        self._seen: tuple[int, ...] | None = None

    def refresh(self, crds: Iterable[Doc]) -> None:
        """Follow the CRD objects; cheap when none changed since the last call."""
        documents = list(crds)
        seen = tuple(id(crd) for crd in documents)
        if seen == self._seen:
            return
        self._documents = documents  # keeps the ids above from being used again
        self._seen = seen
        self._custom = {}
        self._by_key = dict(BUILT_IN_BY_KEY)
        for crd in documents:
            resource = from_crd(crd)
            self._by_key[resource.key] = resource
            for version in resource.versions:
                self._custom[resource.group, version, resource.plural] = resource

    def by_path(self, group: str, version: str, plural: str) -> Resource | None:
        path = (group, version, plural)
        return BUILT_IN_BY_PATH.get(path) or self._custom.get(path)

    def by_key(self, key: str) -> Resource | None:
        """By key, or by a custom resource's plural when only one has it."""
        found = self._by_key.get(key)
        if found is None:
            named = [item for item in self._by_key.values() if item.plural == key]
            found = named[0] if len(named) == 1 else None
        return found

    def by_kind(self, group: str, kind: str) -> Resource | None:
        for resource in self._by_key.values():
            if resource.group == group and resource.kind == kind:
                return resource
        return None

    def all(self) -> list[Resource]:
        """Each resource that has objects of its own."""
        return list(self._by_key.values())

    def served(self) -> list[Resource]:
        """Those and the views of them: what a client can ask for."""
        return [*self._by_key.values(), *VIEWS]


def stored_as(resource: Resource) -> Resource:
    """The resource in whose form the objects of this one are stored; itself, if it is no view."""
    return BUILT_IN_BY_KEY[resource.key] if resource.view else resource


def from_crd(crd: Doc) -> Resource:
    """The resource that a CustomResourceDefinition object describes."""
    spec = crd["spec"]
    names = spec["names"]
    served = [version for version in spec["versions"] if version.get("served")]
    stored = next(version for version in spec["versions"] if version.get("storage"))
    main = stored if stored in served or not served else served[0]
    subresources = sorted((main.get("subresources") or {}).keys() & {"status", "scale"})
    preinstalled = spec["group"] in PREINSTALLED_GROUPS
    plural, group = names["plural"], spec["group"]
    return Resource(
        group,
        main["name"],
        plural,
        names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        short=tuple(names.get("shortNames") or ()),
        subresources=tuple(subresources),
        categories=tuple(names.get("categories") or ()),
        other_versions=tuple(v["name"] for v in served if v["name"] != main["name"]),
        key=plural if preinstalled else f"{plural}.{group}",
        singular=names.get("singular") or names["kind"].lower(),
        generation=True,
        crd=crd,
    )
