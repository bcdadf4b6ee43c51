"""Defaults that the API server fills in, by kind; changes the given object, which is a fresh copy.

Pod templates and pods share theirs, in `poddefaults`. A default depends on nothing but the object
itself (and, for custom kinds, on the schema of their definition).
"""

import base64
from collections.abc import Callable
from typing import Any

from gcpsim.k8s.rules import hooks
from gcpsim.k8s.rules.poddefaults import fill_pod, fill_spec
from gcpsim.k8s.types import structural
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]

NODE_INFO = (
    "architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion",
    "kubeletVersion", "machineID", "operatingSystem", "osImage", "systemUUID",
)  # fmt: skip
RBAC_GROUP = "rbac.authorization.k8s.io"


def fill(cluster: Objects, resource: Resource, new: Doc, old: Doc | None) -> None:
    """Complete an object that is about to be created (`old` is None) or changed."""
    if resource.crd is not None:
        structural.fill_defaults(structural.schema_of(resource), new)
        return
    if old is None and resource.has_status and resource.key not in NO_EMPTY_STATUS:
        new.setdefault("status", {})
    found = DEFAULTS.get(resource.key)
    if found is not None:
        found(new, old)


def _spec(new: Doc) -> Doc:
    spec: Doc = new.setdefault("spec", {})
    return spec


def _fill(doc: Doc, values: Doc) -> None:
    for name, value in values.items():
        if doc.get(name) is None:
            doc[name] = value


def _template(spec: Doc) -> None:
    template = spec.get("template")
    if template is not None:
        template.setdefault("metadata", {})
        fill_spec(template.setdefault("spec", {}))


def _node(new: Doc, old: Doc | None) -> None:
    _spec(new)
    status = new.setdefault("status", {})
    _fill(status, {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}})
    info = status.setdefault("nodeInfo", {})
    _fill(info, dict.fromkeys(NODE_INFO, ""))


def _namespace(new: Doc, old: Doc | None) -> None:
    labels = new["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = new["metadata"]["name"]
    if old is None:
        _spec(new)["finalizers"] = ["kubernetes"]
        new["status"] = {"phase": "Active"}
    else:
        _spec(new)["finalizers"] = list(old["spec"].get("finalizers", ()))


def _pod(new: Doc, old: Doc | None) -> None:
    fill_pod(new, old)


def _deployment(new: Doc, old: Doc | None) -> None:
    spec = _spec(new)
    _fill(spec, {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600})
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        if isinstance(rolling, dict):
            _fill(rolling, {"maxUnavailable": "25%", "maxSurge": "25%"})
    _template(spec)


def _replicaset(new: Doc, old: Doc | None) -> None:
    spec = _spec(new)
    _fill(spec, {"replicas": 1})
    _template(spec)
    new["status"] = new.get("status") or {"replicas": 0}


def _statefulset(new: Doc, old: Doc | None) -> None:
    spec = _spec(new)
    _fill(
        spec,
        {"replicas": 1, "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10,
         "serviceName": "", "updateStrategy": {"type": "RollingUpdate"},
         "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"}},
    )  # fmt: skip
    if spec["updateStrategy"].setdefault("type", "RollingUpdate") == "RollingUpdate":
        spec["updateStrategy"].setdefault("rollingUpdate", {"partition": 0})
    _template(spec)
    new["status"] = new.get("status") or {"replicas": 0, "availableReplicas": 0}


def _daemonset(new: Doc, old: Doc | None) -> None:
    spec = _spec(new)
    _fill(spec, {"revisionHistoryLimit": 10, "updateStrategy": {"type": "RollingUpdate"}})
    if spec["updateStrategy"].setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = spec["updateStrategy"].setdefault("rollingUpdate", {})
        _fill(rolling, {"maxUnavailable": 1, "maxSurge": 0})
    _template(spec)
    counts = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled",
              "numberReady")  # fmt: skip
    new["status"] = new.get("status") or dict.fromkeys(counts, 0)


def _job(new: Doc, old: Doc | None) -> None:
    spec = _spec(new)
    _fill(spec, {"completions": 1, "parallelism": 1, "backoffLimit": 6, "suspend": False,
                 "completionMode": "NonIndexed", "manualSelector": False})  # fmt: skip
    replaced = "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"
    _fill(spec, {"podReplacementPolicy": replaced})
    _template(spec)
    if old is None and new["metadata"].get("uid") and isinstance(spec.get("template"), dict):
        _select(new["metadata"], spec)


def _select(metadata: Doc, spec: Doc) -> None:
    """The labels and the selector by which a Job knows its pods, unless it says them itself."""
    if spec["manualSelector"]:
        return
    name, uid = metadata["name"], metadata["uid"]
    labels = spec["template"]["metadata"].setdefault("labels", {})
    for prefix in ("", "batch.kubernetes.io/"):
        _fill(labels, {f"{prefix}job-name": name, f"{prefix}controller-uid": uid})
    selector = spec.setdefault("selector", {}).setdefault("matchLabels", {})
    _fill(selector, {"batch.kubernetes.io/controller-uid": uid})


def _cronjob(new: Doc, old: Doc | None) -> None:
    _fill(_spec(new), {"concurrencyPolicy": "Allow", "suspend": False,
                       "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1})  # fmt: skip


def _service(new: Doc, old: Doc | None) -> None:
    spec = _spec(new)
    _fill(spec, {"type": "ClusterIP", "sessionAffinity": "None"})
    if spec["type"] != "ExternalName":
        _fill(spec, {"internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"],
                     "ipFamilyPolicy": "SingleStack"})  # fmt: skip
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _fill(spec, {"externalTrafficPolicy": "Cluster"})
    elif old is not None:
        for name in ("externalTrafficPolicy", "allocateLoadBalancerNodePorts"):
            if spec.get(name) == old["spec"].get(name):
                spec.pop(name, None)
    if spec["type"] == "LoadBalancer":
        _fill(spec, {"allocateLoadBalancerNodePorts": True})
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10800}})
    for port in spec.get("ports") or ():
        _fill(port, {"protocol": "TCP"})
        if port.get("targetPort") in (None, 0, "") and spec.get("clusterIP") != "None":
            port["targetPort"] = port.get("port")
    if old is None:
        new["status"] = {"loadBalancer": {}}


def _endpoints(new: Doc, old: Doc | None) -> None:
    for subset in new.get("subsets") or ():
        for port in subset.get("ports") or ():
            _fill(port, {"protocol": "TCP"})


def _endpointslice(new: Doc, old: Doc | None) -> None:
    if new.get("endpoints") is None:
        new["endpoints"] = []
    for port in new.get("ports") or ():
        _fill(port, {"name": "", "protocol": "TCP"})


def _ingress(new: Doc, old: Doc | None) -> None:
    if old is None:
        new["status"] = {"loadBalancer": {}}


def _networkpolicy(new: Doc, old: Doc | None) -> None:
    spec = _spec(new)
    spec.setdefault("podSelector", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress"] + (["Egress"] if spec.get("egress") else [])
    for rule in [*(spec.get("ingress") or ()), *(spec.get("egress") or ())]:
        for port in rule.get("ports") or ():
            _fill(port, {"protocol": "TCP"})


def _secret(new: Doc, old: Doc | None) -> None:
    new.setdefault("type", "Opaque")
    plain = new.pop("stringData", None)
    if plain:
        coded = {name: base64.b64encode(text.encode()).decode() for name, text in plain.items()}
        new["data"] = {**(new.get("data") or {}), **coded}


def _pdb(new: Doc, old: Doc | None) -> None:
    if old is None:
        counts = ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")
        new["status"] = dict.fromkeys(counts, 0)


def _hpa(new: Doc, old: Doc | None) -> None:
    spec = _spec(new)
    _fill(spec, {"minReplicas": 1})
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    new["status"] = new.get("status") or {"currentMetrics": None, "desiredReplicas": 0}
    if new["status"].get("currentMetrics", 0) is None:
        del new["status"]["currentMetrics"]


def _claim(new: Doc, old: Doc | None) -> None:
    _fill(_spec(new), {"volumeMode": "Filesystem"})
    if old is None:
        new["status"] = {"phase": "Pending"}


def _volume(new: Doc, old: Doc | None) -> None:
    _fill(_spec(new), {"volumeMode": "Filesystem", "persistentVolumeReclaimPolicy": "Retain"})
    if old is None:
        new["status"] = {"phase": "Available"}


def _binding(new: Doc, old: Doc | None) -> None:
    if isinstance(new.get("roleRef"), dict):
        _fill(new["roleRef"], {"apiGroup": RBAC_GROUP})
    for subject in new.get("subjects") or ():
        account = subject.get("kind") == "ServiceAccount"
        if not account:
            _fill(subject, {"apiGroup": RBAC_GROUP})


def _storageclass(new: Doc, old: Doc | None) -> None:
    _fill(new, {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"})


def _csidriver(new: Doc, old: Doc | None) -> None:
    known = {"attachRequired": True, "fsGroupPolicy": "ReadWriteOnceWithFSType",
             "podInfoOnMount": False, "requiresRepublish": False, "seLinuxMount": False,
             "storageCapacity": False}  # fmt: skip
    _fill(_spec(new), known)
    _fill(new["spec"], {"volumeLifecycleModes": ["Persistent"]})


def _priorityclass(new: Doc, old: Doc | None) -> None:
    _fill(new, {"preemptionPolicy": "PreemptLowerPriority", "value": 0})


def _replicationcontroller(new: Doc, old: Doc | None) -> None:
    spec = _spec(new)
    _fill(spec, {"replicas": 1})
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels and not spec.get("selector"):
        spec["selector"] = dict(labels)
    _template(spec)
    new["status"] = new.get("status") or {"replicas": 0}


NO_EMPTY_STATUS = {"customresourcedefinitions", "nodes"}
DEFAULTS: dict[str, Callable[[Doc, Doc | None], None]] = {
    "namespaces": _namespace,
    "nodes": _node,
    "pods": _pod,
    "deployments": _deployment,
    "replicasets": _replicaset,
    "statefulsets": _statefulset,
    "daemonsets": _daemonset,
    "replicationcontrollers": _replicationcontroller,
    "jobs": _job,
    "cronjobs": _cronjob,
    "services": _service,
    "endpoints": _endpoints,
    "endpointslices": _endpointslice,
    "ingresses": _ingress,
    "networkpolicies": _networkpolicy,
    "secrets": _secret,
    "poddisruptionbudgets": _pdb,
    "horizontalpodautoscalers": _hpa,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "rolebindings": _binding,
    "clusterrolebindings": _binding,
    "storageclasses": _storageclass,
    "csidrivers": _csidriver,
    "priorityclasses": _priorityclass,
    **dict.fromkeys(hooks.KINDS, hooks.fill),
}
