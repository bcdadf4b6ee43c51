"""What kubectl shows of built-in kinds: columns by name and priority, and how cells are made.

Names, order and wording follow the API server's printers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gcpsim.k8s import podcolumns as pods
from gcpsim.k8s.shown import age, duration, labels_text, selector_text

Doc = dict[str, Any]
Cell = Callable[[Doc, float], Any]


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


def _at(*path: str, default: Any = "") -> Cell:
    def cell(obj: Doc, now: float) -> Any:
        value: Any = obj
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        return default if value is None else value

    return cell


def _columns(*columns: Column, age: bool = True, wide: tuple[Column, ...] = ()) -> list[Column]:
    name = Column("Name", _at("metadata", "name"))
    last = (Column("Age", age_of),) if age else ()
    return [name, *columns, *last, *wide]


def _number(name: str, *path: str) -> Column:
    return Column(name, _at(*path, default=0), "integer")


def _wide(name: str, cell: Cell) -> Column:
    return Column(name, cell, priority=1)


CREATED = Column("Created At", _at("metadata", "creationTimestamp"))


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


def _of_replicas(ready: str, wanted: str = "replicas") -> Cell:
    def cell(obj: Doc, now: float) -> str:
        have = obj.get("status", {}).get(ready, 0)
        return f"{have}/{obj.get('spec', {}).get(wanted, 1)}"

    return cell


def _service_external(obj: Doc, now: float) -> str:
    spec, status = obj.get("spec", {}), obj.get("status", {})
    extra = list(spec.get("externalIPs") or ())
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    if spec.get("type") == "LoadBalancer":
        ingress = (status.get("loadBalancer") or {}).get("ingress") or ()
        found = [item.get("ip") or item.get("hostname", "") for item in ingress] + extra
        return ",".join(sorted(set(found))) or "<pending>"
    return ",".join(extra) or "<none>"


def _service_ports(obj: Doc, now: float) -> str:
    texts = []
    for port in obj.get("spec", {}).get("ports") or ():
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        texts.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(texts) or "<none>"


def _endpoints(obj: Doc, now: float) -> str:
    found = [
        f"{address['ip']}:{port['port']}" if port else address["ip"]
        for subset in obj.get("subsets") or ()
        for address in subset.get("addresses") or ()
        for port in subset.get("ports") or (None,)
    ]
    return _shortened(found)


def _shortened(found: list[str]) -> str:
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more if found else "<none>"


def _slice_ports(obj: Doc, now: float) -> str:
    ports = obj.get("ports")
    if not ports:
        return "<unset>"
    return _shortened([str(port.get("port", "*")) for port in ports])


def _slice_endpoints(obj: Doc, now: float) -> str:
    found = [ip for endpoint in obj.get("endpoints") or () for ip in endpoint.get("addresses", ())]
    return _shortened(found) if found else "<unset>"


def _ingress_hosts(obj: Doc, now: float) -> str:
    hosts = [rule.get("host") for rule in obj.get("spec", {}).get("rules") or ()]
    named = [host for host in hosts if host]
    return _shortened(named) if named else "*"


def _ingress_address(obj: Doc, now: float) -> str:
    ingress = (obj.get("status", {}).get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(item.get("ip") or item.get("hostname", "") for item in ingress)


def _class(obj: Doc, now: float) -> str:
    return str(obj.get("spec", {}).get("ingressClassName") or "<none>")


def _role(obj: Doc, now: float) -> str:
    role = obj.get("roleRef", {})
    return f"{role.get('kind')}/{role.get('name')}"


def _last_seen(obj: Doc, now: float) -> str:
    series = obj.get("series") or {}
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or obj.get("eventTime")
    return age(last or obj["metadata"].get("creationTimestamp"), now)


def _event_object(obj: Doc, now: float) -> str:
    about = obj.get("involvedObject", {})
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _event_source(obj: Doc, now: float) -> str:
    source = obj.get("source") or {}
    named = (source.get("component") or obj.get("reportingComponent", ""), source.get("host"))
    return ", ".join(part for part in named if part)


def _job_status(obj: Doc, now: float) -> str:
    for condition in obj.get("status", {}).get("conditions") or ():
        if condition.get("status") == "True" and condition["type"] in ("Complete", "Failed"):
            return str(condition["type"])
    return "Running"


def _node_roles(obj: Doc, now: float) -> str:
    prefix = "node-role.kubernetes.io/"
    names = obj["metadata"].get("labels") or {}
    return ",".join(sorted(k[len(prefix) :] for k in names if k.startswith(prefix))) or "<none>"


def _node_status(obj: Doc, now: float) -> str:
    ready = "Unknown"
    for condition in obj.get("status", {}).get("conditions") or ():
        if condition["type"] == "Ready":
            ready = "Ready" if condition["status"] == "True" else "NotReady"
    return ready + (",SchedulingDisabled" if obj.get("spec", {}).get("unschedulable") else "")


def _node_address(kind: str) -> Cell:
    def cell(obj: Doc, now: float) -> str:
        for item in obj.get("status", {}).get("addresses") or ():
            if item["type"] == kind:
                return str(item["address"])
        return "<none>"

    return cell


def _node_info(field: str) -> Cell:
    return _at("status", "nodeInfo", field, default="<unknown>")


def _hpa_reference(obj: Doc, now: float) -> str:
    target = obj.get("spec", {}).get("scaleTargetRef", {})
    return f"{target.get('kind')}/{target.get('name')}"


def _bound(field: str) -> Cell:
    def cell(obj: Doc, now: float) -> str:
        value = obj.get("spec", {}).get(field)
        return "N/A" if value is None else str(value)

    return cell


def _crd_created(obj: Doc, now: float) -> str:
    text = obj["metadata"].get("creationTimestamp", "")
    return datetime.fromisoformat(text).strftime("%Y-%m-%dT%H:%M:%SZ") if text else ""


COLUMNS: dict[str, list[Column]] = {
    "pods": _columns(
        Column("Ready", pods.ready),
        Column("Status", pods.status),
        Column("Restarts", pods.restarts),
        wide=(
            _wide("IP", _at("status", "podIP", default="<none>")),
            _wide("Node", _at("spec", "nodeName", default="<none>")),
            _wide("Nominated Node", _at("status", "nominatedNodeName", default="<none>")),
            _wide("Readiness Gates", pods.gates),
        ),
    ),
    "nodes": [
        *_columns(Column("Status", _node_status), Column("Roles", _node_roles)),
        Column("Version", _at("status", "nodeInfo", "kubeletVersion")),
        _wide("Internal-IP", _node_address("InternalIP")),
        _wide("External-IP", _node_address("ExternalIP")),
        _wide("OS-Image", _node_info("osImage")),
        _wide("Kernel-Version", _node_info("kernelVersion")),
        _wide("Container-Runtime", _node_info("containerRuntimeVersion")),
    ],
    "namespaces": _columns(Column("Status", _at("status", "phase"))),
    "services": _columns(
        Column("Type", _at("spec", "type", default="ClusterIP")),
        Column("Cluster-IP", _at("spec", "clusterIP", default="<none>")),
        Column("External-IP", _service_external),
        Column("Port(s)", _service_ports),
        wide=(_wide("Selector", lambda obj, now: labels_text(obj["spec"].get("selector"))),),
    ),
    "endpoints": _columns(Column("Endpoints", _endpoints)),
    "endpointslices": _columns(
        Column("AddressType", _at("addressType")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_endpoints),
    ),
    "events": [
        Column("Last Seen", _last_seen),
        Column("Type", _at("type")),
        Column("Reason", _at("reason")),
        Column("Object", _event_object),
        _wide("Subobject", _at("involvedObject", "fieldPath")),
        _wide("Source", _event_source),
        Column("Message", _at("message")),
        _wide("First Seen", lambda obj, now: age(obj.get("firstTimestamp"), now)),
        _wide("Count", _at("count", default=1)),
        _wide("Name", _at("metadata", "name")),
    ],
    "configmaps": _columns(
        Column(
            "Data",
            lambda obj, now: len(obj.get("data") or ()) + len(obj.get("binaryData") or ()),
            "integer",
        )
    ),
    "secrets": _columns(
        Column("Type", _at("type", default="Opaque")),
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
        Column("Status", _at("status", "phase", default="Pending")),
        Column("Volume", _at("spec", "volumeName")),
        Column("Capacity", _at("status", "capacity", "storage")),
        Column("Access Modes", lambda obj, now: ",".join(obj["spec"].get("accessModes") or ())),
        Column("StorageClass", _at("spec", "storageClassName")),
    ),
    "deployments": _columns(
        Column("Ready", _of_replicas("readyReplicas")),
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
        Column("Ready", _of_replicas("readyReplicas")), wide=WORKLOAD_WIDE[:2]
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
        Column("Status", _job_status),
        Column("Completions", _of_replicas("succeeded", "completions")),
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
        Column("Class", _class),
        Column("Hosts", _ingress_hosts),
        Column("Address", _ingress_address),
        Column("Ports", lambda obj, now: "80, 443" if obj["spec"].get("tls") else "80"),
    ),
    "ingressclasses": _columns(
        Column("Controller", _at("spec", "controller")),
        Column("Parameters", lambda obj, now: "<none>"),
    ),
    "networkpolicies": _columns(
        Column("Pod-Selector", lambda obj, now: selector_text(obj["spec"].get("podSelector")))
    ),
    "poddisruptionbudgets": _columns(
        Column("Min Available", _bound("minAvailable")),
        Column("Max Unavailable", _bound("maxUnavailable")),
        _number("Allowed Disruptions", "status", "disruptionsAllowed"),
    ),
    "leases": _columns(Column("Holder", _at("spec", "holderIdentity"))),
    "customresourcedefinitions": _columns(Column("Created At", _crd_created), age=False),
    "horizontalpodautoscalers": _columns(
        Column("Reference", _hpa_reference),
        Column("Targets", lambda obj, now: "<unknown>"),
        Column("MinPods", _at("spec", "minReplicas", default="<unset>")),
        _number("MaxPods", "spec", "maxReplicas"),
        _number("Replicas", "status", "currentReplicas"),
    ),
    "priorityclasses": _columns(
        _number("Value", "value"), Column("Global-Default", _at("globalDefault", default=False))
    ),
    "storageclasses": _columns(Column("Provisioner", _at("provisioner"))),
    "roles": _columns(CREATED, age=False),
    "clusterroles": _columns(CREATED, age=False),
    "rolebindings": _columns(Column("Role", _role)),
    "clusterrolebindings": _columns(Column("Role", _role)),
}
