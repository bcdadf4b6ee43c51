"""Rules of Services, Ingresses, EndpointSlices and their like."""

from ipaddress import ip_address, ip_network
from typing import Any

from gcpsim.k8s.rules.pods import PROTOCOLS, port_number
from gcpsim.k8s.types import names
from gcpsim.k8s.types.status import Cause, duplicate, invalid_value, required, unsupported

Doc = dict[str, Any]

SERVICE_TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
PATH_TYPES = ["Exact", "ImplementationSpecific", "Prefix"]
ADDRESS_TYPES = ["FQDN", "IPv4", "IPv6"]
POLICIES = ["Cluster", "Local"]


def service(new: Doc, old: Doc | None) -> list[Cause]:
    spec = new["spec"]
    kind = spec.get("type")
    if kind not in SERVICE_TYPES:
        return [unsupported("spec.type", kind, SERVICE_TYPES)]
    causes: list[Cause] = []
    ports = spec.get("ports") or []
    headless = spec.get("clusterIP") == "None"
    if not ports and not headless and kind != "ExternalName":
        causes.append(required("spec.ports"))
    if kind == "ExternalName":
        name = (spec.get("externalName") or "").rstrip(".")
        causes += (
            names.check(names.subdomain, "spec.externalName", name)
            if name
            else [required("spec.externalName")]
        )
    if headless and kind in ("NodePort", "LoadBalancer"):
        why = f"may not be set to 'None' for {kind} services"
        causes.append(invalid_value("spec.clusterIPs[0]", "None", why))
    causes += names.labels_causes("spec.selector", spec.get("selector"))
    if spec.get("sessionAffinity") not in ("None", "ClientIP"):
        allowed = ["ClientIP", "None"]
        causes.append(unsupported("spec.sessionAffinity", spec.get("sessionAffinity"), allowed))
    for name in ("externalTrafficPolicy", "internalTrafficPolicy"):
        if spec.get(name) is not None and spec[name] not in POLICIES:
            causes.append(unsupported(f"spec.{name}", spec[name], POLICIES))
    if spec.get("externalTrafficPolicy") and kind not in ("NodePort", "LoadBalancer"):
        why = "may only be set for externally-accessible services"
        causes.append(
            invalid_value("spec.externalTrafficPolicy", spec["externalTrafficPolicy"], why)
        )
    for index, text in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        causes += _network(text, f"spec.loadBalancerSourceRanges[{index}]")
    return causes + _service_ports(ports, kind)


def _service_ports(ports: list[Doc], kind: str) -> list[Cause]:
    causes: list[Cause] = []
    seen_names: set[str] = set()
    seen: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        where = f"spec.ports[{index}]"
        name = port.get("name") or ""
        if not name and len(ports) > 1:
            causes.append(required(f"{where}.name"))
        elif name:
            causes += names.check(names.label, f"{where}.name", name)
            if name in seen_names:
                causes.append(duplicate(f"{where}.name", name))
            seen_names.add(name)
        causes += port_number(port.get("port") or 0, f"{where}.port")
        if port.get("protocol") not in PROTOCOLS:
            causes.append(unsupported(f"{where}.protocol", port.get("protocol"), PROTOCOLS))
        causes += _target(port.get("targetPort"), f"{where}.targetPort")
        if port.get("nodePort") and kind == "ClusterIP":
            message = "Forbidden: may not be used when `type` is 'ClusterIP'"
            causes.append(Cause("FieldValueForbidden", message, f"{where}.nodePort"))
        key = (port.get("port"), port.get("protocol"))
        if key in seen:
            value = {"port": key[0], "protocol": key[1]}
            causes.append(duplicate(where, value))
        seen.add(key)
    return causes


def _target(target: Any, field: str) -> list[Cause]:
    if isinstance(target, str):
        return names.check(names.port_name, field, target)
    return [] if target is None else port_number(target, field)


def _network(text: str, field: str) -> list[Cause]:
    try:
        ip_network(text.strip(), strict=False)
    except ValueError:
        why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
        return [invalid_value(field, text, why)]
    return []


def ingress(new: Doc, old: Doc | None) -> list[Cause]:
    spec = new.get("spec") or {}
    rules, default = spec.get("rules") or [], spec.get("defaultBackend")
    causes: list[Cause] = []
    if not rules and default is None:
        why = "either `defaultBackend` or `rules` must be specified"
        causes.append(invalid_value("spec", spec or None, why))
    if default is not None:
        causes += _backend(default, "spec.defaultBackend")
    if spec.get("ingressClassName"):
        field = "spec.ingressClassName"
        causes += names.check(names.subdomain, field, spec["ingressClassName"])
    for index, rule in enumerate(rules):
        where = f"spec.rules[{index}]"
        causes += _host(rule.get("host") or "", f"{where}.host")
        http = rule.get("http")
        if http is not None and not http.get("paths"):
            causes.append(required(f"{where}.http.paths"))
        for number, path in enumerate((http or {}).get("paths") or ()):
            causes += _path(path, f"{where}.http.paths[{number}]")
    for index, tls in enumerate(spec.get("tls") or ()):
        for number, host in enumerate(tls.get("hosts") or ()):
            causes += _host(host, f"spec.tls[{index}].hosts[{number}]")
    return causes


def _host(host: str, field: str) -> list[Cause]:
    if not host:
        return []
    try:
        ip_address(host)
    except ValueError:
        return names.check(names.subdomain, field, host.removeprefix("*."))
    return [invalid_value(field, host, "must be a DNS name, not an IP address")]


def _path(path: Doc, where: str) -> list[Cause]:
    kind, text = path.get("pathType"), path.get("path") or ""
    causes = []
    if not kind:
        causes.append(required(f"{where}.pathType", "pathType must be specified"))
    elif kind not in PATH_TYPES:
        causes.append(unsupported(f"{where}.pathType", kind, PATH_TYPES))
    elif kind != "ImplementationSpecific" or text:
        if not text.startswith("/"):
            causes.append(invalid_value(f"{where}.path", text, "must be an absolute path"))
        elif kind != "ImplementationSpecific" and "//" in text:
            causes.append(invalid_value(f"{where}.path", text, "must not contain '//'"))
    return causes + _backend(path.get("backend") or {}, f"{where}.backend")


def _backend(backend: Doc, where: str) -> list[Cause]:
    target, resource = backend.get("service"), backend.get("resource")
    if target is None and resource is None:
        message = "resource or service backend is required"
        return [required(where, message)]
    if target is not None and resource is not None:
        return [invalid_value(where, "", "cannot set both resource and service backends")]
    if target is None:
        return []
    causes = []
    if not target.get("name"):
        causes.append(required(f"{where}.service.name"))
    else:
        causes += names.check(names.label_1035, f"{where}.service.name", target["name"])
    port = target.get("port") or {}
    if port.get("name") and port.get("number"):
        causes.append(invalid_value(where, "", "cannot set both port name & port number"))
    elif port.get("name"):
        causes += names.check(names.port_name, f"{where}.service.port.name", port["name"])
    elif port.get("number"):
        causes += port_number(port["number"], f"{where}.service.port.number")
    else:
        causes.append(required(where, "port name or number is required"))
    return causes


def endpointslice(new: Doc, old: Doc | None) -> list[Cause]:
    kind = new.get("addressType")
    if kind not in ADDRESS_TYPES:
        return [unsupported("addressType", kind, ADDRESS_TYPES)]
    causes: list[Cause] = []
    if old is not None and kind != old.get("addressType"):
        causes.append(invalid_value("addressType", kind, "field is immutable"))
    for index, endpoint in enumerate(new.get("endpoints") or ()):
        addresses = endpoint.get("addresses") or []
        if not addresses:
            why = "must contain at least 1 address"
            causes.append(required(f"endpoints[{index}].addresses", why))
        for number, address in enumerate(addresses):
            if kind != "FQDN" and not _is_address(address, kind):
                where = f"endpoints[{index}].addresses[{number}]"
                why = f"must be a valid {kind} address"
                causes.append(invalid_value(where, address, why))
    for index, port in enumerate(new.get("ports") or ()):
        if port.get("protocol") not in PROTOCOLS:
            where = f"ports[{index}].protocol"
            causes.append(unsupported(where, port.get("protocol"), PROTOCOLS))
    return causes


def _is_address(text: str, kind: str) -> bool:
    try:
        return f"IPv{ip_address(text).version}" == kind
    except ValueError:
        return False


def address(new: Doc, old: Doc | None) -> list[Cause]:
    """Of an IPAddress: its name is the address, written in one way, and who has it stays."""
    name = new["metadata"]["name"]
    causes = []
    if not any(_is_address(name, kind) for kind in ("IPv4", "IPv6")):
        why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        causes.append(invalid_value("metadata.name", name, why))
    elif str(ip_address(name)) != name:
        why = f"must be in canonical form ({ip_address(name)!s})"
        causes.append(invalid_value("metadata.name", name, why))
    parent = (new.get("spec") or {}).get("parentRef")
    if old is not None and parent != old["spec"].get("parentRef"):
        causes.append(invalid_value("spec.parentRef", parent, "field is immutable"))
    return causes


def service_range(new: Doc, old: Doc | None) -> list[Cause]:
    """Of a ServiceCIDR: one range, or one of each family; they stay as they are."""
    cidrs = (new.get("spec") or {}).get("cidrs") or []
    if not cidrs:
        return [required("spec.cidrs", "at least one CIDR required")]
    if len(cidrs) > 2:
        return [invalid_value("spec", new["spec"], "may only hold up to 2 values")]
    if old is not None and cidrs != old["spec"].get("cidrs"):
        return [invalid_value("spec.cidrs", cidrs, "field is immutable")]
    return [cause for at, text in enumerate(cidrs) for cause in _network(text, f"spec.cidrs[{at}]")]


RULES = {
    "services": service,
    "ingresses": ingress,
    "endpointslices": endpointslice,
    "ipaddresses": address,
    "servicecidrs": service_range,
}
