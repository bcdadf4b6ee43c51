"""What kubectl shows of built-in kinds: columns by name and priority, and how cells are made.

Names, order and wording follow the API server's printers.
"""

from dataclasses import dataclass
from typing import Any

from gcpsim.k8s.print import cells
from gcpsim.k8s.print import podcolumns as pods
from gcpsim.k8s.print.cells import Cell, at
from gcpsim.k8s.print.shown import age, duration, labels_text, selector_text

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; priority 1 is shown with `-o wide` only."""

    name: str
    cell: Cell
    type: str = "string"
    priority: int = 0

    def definition(self) -> Doc:
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" else "",
            "description": "",
            "priority": self.priority,
        }


def age_of(obj: Doc, now: float) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def _columns(*columns: Column, age: bool = True, wide: tuple[Column, ...] = ()) -> list[Column]:
    name = Column("Name", at("metadata", "name"))
    last = (Column("Age", age_of),) if age else ()
    return [name, *columns, *last, *wide]


def _number(name: str, *path: str) -> Column:
    return Column(name, at(*path, default=0), "integer")


def _wide(name: str, cell: Cell) -> Column:
    return Column(name, cell, priority=1)


CREATED = Column("Created At", at("metadata", "creationTimestamp"))


def _containers(field: str, *path: str) -> Cell:
    def cell(obj: Doc, now: float) -> str:
        spec = obj.get("spec", {})
        for step in path:
            spec = spec.get(step) or {}
        return ",".join(item.get(field, "") for item in spec.get("containers", ()))

    return cell


TEMPLATE = ("template", "spec")
WORKLOAD_WIDE = (
    _wide("Containers", _containers("name", *TEMPLATE)),
    _wide("Images", _containers("image", *TEMPLATE)),
    _wide("Selector", lambda obj, now: selector_text(obj["spec"].get("selector"))),
)


COLUMNS: dict[str, list[Column]] = {
    "pods": _columns(
        Column("Ready", pods.ready),
        Column("Status", pods.status),
        Column("Restarts", pods.restarts),
        wide=(
            _wide("IP", at("status", "podIP", default="<none>")),
            _wide("Node", at("spec", "nodeName", default="<none>")),
            _wide("Nominated Node", at("status", "nominatedNodeName", default="<none>")),
            _wide("Readiness Gates", pods.gates),
        ),
    ),
    "nodes": [
        *_columns(Column("Status", cells.node_status), Column("Roles", cells.node_roles)),
        Column("Version", at("status", "nodeInfo", "kubeletVersion")),
        _wide("Internal-IP", cells.node_address("InternalIP")),
        _wide("External-IP", cells.node_address("ExternalIP")),
        _wide("OS-Image", cells.node_info("osImage")),
        _wide("Kernel-Version", cells.node_info("kernelVersion")),
        _wide("Container-Runtime", cells.node_info("containerRuntimeVersion")),
    ],
    "namespaces": _columns(Column("Status", at("status", "phase"))),
    "services": _columns(
        Column("Type", at("spec", "type", default="ClusterIP")),
        Column("Cluster-IP", at("spec", "clusterIP", default="<none>")),
        Column("External-IP", cells.service_external),
        Column("Port(s)", cells.service_ports),
        wide=(_wide("Selector", lambda obj, now: labels_text(obj["spec"].get("selector"))),),
    ),
    "endpoints": _columns(Column("Endpoints", cells.endpoints)),
    "endpointslices": _columns(
        Column("AddressType", at("addressType")),
        Column("Ports", cells.slice_ports),
        Column("Endpoints", cells.slice_endpoints),
    ),
    "events": [
        Column("Last Seen", cells.last_seen),
        Column("Type", at("type")),
        Column("Reason", at("reason")),
        Column("Object", cells.event_object),
        _wide("Subobject", at("involvedObject", "fieldPath")),
        _wide("Source", cells.event_source),
        Column("Message", at("message")),
        _wide("First Seen", lambda obj, now: age(obj.get("firstTimestamp"), now)),
        _wide("Count", at("count", default=1)),
        _wide("Name", at("metadata", "name")),
    ],
    "configmaps": _columns(
        Column(
            "Data",
            lambda obj, now: len(obj.get("data") or ()) + len(obj.get("binaryData") or ()),
            "integer",
        )
    ),
    "secrets": _columns(
        Column("Type", at("type", default="Opaque")),
        Column("Data", lambda obj, now: len(obj.get("data") or ()), "integer"),
    ),
    "serviceaccounts": _columns(
        Column("Secrets", lambda obj, now: len(obj.get("secrets") or ()), "integer")
    ),
    "replicationcontrollers": _columns(
        _number("Desired", "spec", "replicas"),
        _number("Current", "status", "replicas"),
        _number("Ready", "status", "readyReplicas"),
    ),
    "persistentvolumeclaims": _columns(
        Column("Status", at("status", "phase", default="Pending")),
        Column("Volume", at("spec", "volumeName")),
        Column("Capacity", at("status", "capacity", "storage")),
        Column("Access Modes", cells.access_modes),
        Column("StorageClass", at("spec", "storageClassName")),
    ),
    "deployments": _columns(
        Column("Ready", cells.of_replicas("readyReplicas")),
        _number("Up-to-date", "status", "updatedReplicas"),
        _number("Available", "status", "availableReplicas"),
        wide=WORKLOAD_WIDE,
    ),
    "replicasets": _columns(
        _number("Desired", "spec", "replicas"),
        _number("Current", "status", "replicas"),
        _number("Ready", "status", "readyReplicas"),
        wide=WORKLOAD_WIDE,
    ),
    "statefulsets": _columns(
        Column("Ready", cells.of_replicas("readyReplicas")), wide=WORKLOAD_WIDE[:2]
    ),
    "daemonsets": _columns(
        _number("Desired", "status", "desiredNumberScheduled"),
        _number("Current", "status", "currentNumberScheduled"),
        _number("Ready", "status", "numberReady"),
        _number("Up-to-date", "status", "updatedNumberScheduled"),
        _number("Available", "status", "numberAvailable"),
        Column(
            "Node Selector",
            lambda obj, now: labels_text(obj["spec"]["template"]["spec"].get("nodeSelector")),
        ),
        wide=WORKLOAD_WIDE,
    ),
    "jobs": _columns(
        Column("Status", cells.job_status),
        Column("Completions", cells.of_replicas("succeeded", "completions")),
        Column(
            "Duration",
            lambda obj, now: duration(
                obj.get("status", {}).get("startTime"),
                obj.get("status", {}).get("completionTime"),
                now,
            ),
        ),
    ),
    "ingresses": _columns(
        Column("Class", cells.ingress_class),
        Column("Hosts", cells.ingress_hosts),
        Column("Address", cells.ingress_address),
        Column("Ports", lambda obj, now: "80, 443" if obj["spec"].get("tls") else "80"),
    ),
    "ingressclasses": _columns(
        Column("Controller", at("spec", "controller")),
        Column("Parameters", lambda obj, now: "<none>"),
    ),
    "networkpolicies": _columns(
        Column("Pod-Selector", lambda obj, now: selector_text(obj["spec"].get("podSelector")))
    ),
    "poddisruptionbudgets": _columns(
        Column("Min Available", cells.bound("minAvailable")),
        Column("Max Unavailable", cells.bound("maxUnavailable")),
        _number("Allowed Disruptions", "status", "disruptionsAllowed"),
    ),
    "cronjobs": _columns(
        Column("Schedule", at("spec", "schedule")),
        Column("Timezone", at("spec", "timeZone", default="<none>")),
        Column("Suspend", lambda obj, now: str(bool(obj["spec"].get("suspend")))),
        Column(
            "Active", lambda obj, now: len((obj.get("status") or {}).get("active") or ()), "integer"
        ),
        Column("Last Schedule", cells.last_schedule),
    ),
    "persistentvolumes": _columns(
        Column("Capacity", at("spec", "capacity", "storage")),
        Column("Access Modes", cells.access_modes),
        Column("Reclaim Policy", at("spec", "persistentVolumeReclaimPolicy")),
        Column("Status", at("status", "phase", default="Available")),
        Column("Claim", cells.claim),
        Column("StorageClass", at("spec", "storageClassName")),
        Column("VolumeAttributesClass", lambda obj, now: "<unset>"),
        Column("Reason", at("status", "reason")),
        wide=(_wide("VolumeMode", at("spec", "volumeMode", default="<unset>")),),
    ),
    "limitranges": _columns(CREATED, age=False),
    "mutatingwebhookconfigurations": _columns(
        Column("Webhooks", lambda obj, now: len(obj.get("webhooks") or ()), "integer")
    ),
    "validatingwebhookconfigurations": _columns(
        Column("Webhooks", lambda obj, now: len(obj.get("webhooks") or ()), "integer")
    ),
    "runtimeclasses": _columns(Column("Handler", at("handler"))),
    "leases": _columns(Column("Holder", at("spec", "holderIdentity"))),
    "customresourcedefinitions": _columns(Column("Created At", cells.crd_created), age=False),
    "horizontalpodautoscalers": _columns(
        Column("Reference", cells.hpa_reference),
        Column("Targets", lambda obj, now: "<unknown>"),
        Column("MinPods", at("spec", "minReplicas", default="<unset>")),
        _number("MaxPods", "spec", "maxReplicas"),
        _number("Replicas", "status", "currentReplicas"),
    ),
    "priorityclasses": _columns(
        _number("Value", "value"), Column("Global-Default", at("globalDefault", default=False))
    ),
    "storageclasses": _columns(Column("Provisioner", at("provisioner"))),
    "roles": _columns(CREATED, age=False),
    "clusterroles": _columns(CREATED, age=False),
    "rolebindings": _columns(Column("Role", cells.role)),
    "clusterrolebindings": _columns(Column("Role", cells.role)),
}
