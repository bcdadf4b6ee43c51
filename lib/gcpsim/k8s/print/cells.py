"""Cells of kubectl's tables for built-in kinds; those of pods are in `podcolumns`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from gcpsim.k8s.print.shown import age, labels_text

Doc = dict[str, Any]
Cell = Callable[[Doc, float], Any]


def at(*path: str, default: Any = "") -> Cell:
    """The value at a path, or the default."""

    def cell(obj: Doc, now: float) -> Any:
        value: Any = obj
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        return default if value is None else value

    return cell


def of_replicas(ready: str, wanted: str = "replicas") -> Cell:
    def cell(obj: Doc, now: float) -> str:
        have = obj.get("status", {}).get(ready, 0)
        return f"{have}/{obj.get('spec', {}).get(wanted, 1)}"

    return cell


def service_external(obj: Doc, now: float) -> str:
    spec, status = obj.get("spec", {}), obj.get("status", {})
    extra = list(spec.get("externalIPs") or ())
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    if spec.get("type") == "LoadBalancer":
        ingress = (status.get("loadBalancer") or {}).get("ingress") or ()
        found = [item.get("ip") or item.get("hostname", "") for item in ingress] + extra
        return ",".join(sorted(set(found))) or "<pending>"
    return ",".join(extra) or "<none>"


def service_ports(obj: Doc, now: float) -> str:
    texts = []
    for port in obj.get("spec", {}).get("ports") or ():
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        texts.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(texts) or "<none>"


def endpoints(obj: Doc, now: float) -> str:
    found = [
        f"{address['ip']}:{port['port']}" if port else address["ip"]
        for subset in obj.get("subsets") or ()
        for address in subset.get("addresses") or ()
        for port in subset.get("ports") or (None,)
    ]
    return shortened(found)


def shortened(found: list[str]) -> str:
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more if found else "<none>"


def slice_ports(obj: Doc, now: float) -> str:
    ports = obj.get("ports")
    if not ports:
        return "<unset>"
    return shortened([str(port.get("port", "*")) for port in ports])


def slice_endpoints(obj: Doc, now: float) -> str:
    found = [ip for endpoint in obj.get("endpoints") or () for ip in endpoint.get("addresses", ())]
    return shortened(found) if found else "<unset>"


def ingress_hosts(obj: Doc, now: float) -> str:
    hosts = [rule.get("host") for rule in obj.get("spec", {}).get("rules") or ()]
    named = [host for host in hosts if host]
    return shortened(named) if named else "*"


def ingress_address(obj: Doc, now: float) -> str:
    ingress = (obj.get("status", {}).get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(item.get("ip") or item.get("hostname", "") for item in ingress)


def ingress_class(obj: Doc, now: float) -> str:
    return str(obj.get("spec", {}).get("ingressClassName") or "<none>")


def role(obj: Doc, now: float) -> str:
    role = obj.get("roleRef", {})
    return f"{role.get('kind')}/{role.get('name')}"


def last_seen(obj: Doc, now: float) -> str:
    series = obj.get("series") or {}
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or obj.get("eventTime")
    return age(last or obj["metadata"].get("creationTimestamp"), now)


def event_object(obj: Doc, now: float) -> str:
    about = obj.get("involvedObject", {})
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def event_source(obj: Doc, now: float) -> str:
    source = obj.get("source") or {}
    named = (source.get("component") or obj.get("reportingComponent", ""), source.get("host"))
    return ", ".join(part for part in named if part)


def node_roles(obj: Doc, now: float) -> str:
    prefix = "node-role.kubernetes.io/"
    names = obj["metadata"].get("labels") or {}
    return ",".join(sorted(k[len(prefix) :] for k in names if k.startswith(prefix))) or "<none>"


def node_status(obj: Doc, now: float) -> str:
    ready = "Unknown"
    for condition in obj.get("status", {}).get("conditions") or ():
        if condition["type"] == "Ready":
            ready = "Ready" if condition["status"] == "True" else "NotReady"
    return ready + (",SchedulingDisabled" if obj.get("spec", {}).get("unschedulable") else "")


def node_address(kind: str) -> Cell:
    def cell(obj: Doc, now: float) -> str:
        for item in obj.get("status", {}).get("addresses") or ():
            if item["type"] == kind:
                return str(item["address"])
        return "<none>"

    return cell


def node_info(field: str) -> Cell:
    return at("status", "nodeInfo", field, default="<unknown>")


def hpa_reference(obj: Doc, now: float) -> str:
    target = obj.get("spec", {}).get("scaleTargetRef", {})
    return f"{target.get('kind')}/{target.get('name')}"


def bound(field: str) -> Cell:
    def cell(obj: Doc, now: float) -> str:
        value = obj.get("spec", {}).get(field)
        return "N/A" if value is None else str(value)

    return cell


def crd_created(obj: Doc, now: float) -> str:
    text = obj["metadata"].get("creationTimestamp", "")
    return datetime.fromisoformat(text).strftime("%Y-%m-%dT%H:%M:%SZ") if text else ""


SHORT_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX",
               "ReadWriteOncePod": "RWOP"}  # fmt: skip


def access_modes(obj: Doc, now: float) -> str:
    modes = obj.get("spec", {}).get("accessModes") or ()
    return ",".join(short for mode, short in SHORT_MODES.items() if mode in modes)


def claim(obj: Doc, now: float) -> str:
    """The claim of a volume, as namespace/name."""
    ref = obj.get("spec", {}).get("claimRef") or {}
    return f"{ref.get('namespace')}/{ref.get('name')}" if ref else ""


def selector(obj: Doc, now: float) -> str:
    """Of a ReplicationController, whose selector is plain labels."""
    return labels_text((obj.get("spec") or {}).get("selector"))


def last_schedule(obj: Doc, now: float) -> str:
    last = obj.get("status", {}).get("lastScheduleTime")
    return age(last, now) if last else "<none>"
