"""What Gateways and HTTPRoutes say together: who is bound to whom, and what is wrong. Reads only.

One reading is of one moment; everything else (Compute Engine, conditions, Services) follows from
it.
"""

from dataclasses import dataclass, field

from gcpsim.gke.gateway import routes
from gcpsim.k8s.controllers.objects import Obj, deleting, key_of
from gcpsim.k8s.objects.cluster import Cluster

CLASS = "gke-l7-global-external-managed"
PROTOCOLS = ("HTTP", "HTTPS")
Backend = tuple[str, str, int]  # namespace, Service, port


@dataclass
class Reading:
    """A Gateway with its routes. `refused` and `broken` are route key -> why: the first are not
    bound, the second lead to nowhere in part."""

    gateway: Obj
    bound: dict[str, list[tuple[Obj, list[str]]]] = field(default_factory=dict)  # by listener
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    broken: dict[str, tuple[str, str]] = field(default_factory=dict)
    backends: list[Backend] = field(default_factory=list)
    problem: tuple[str, str] = ("", "")

    @property
    def key(self) -> str:
        return key_of(self.gateway)

    @property
    def listeners(self) -> list[Obj]:
        return list(self.gateway["spec"].get("listeners") or ())

    def routes(self) -> list[Obj]:
        """All routes that are bound, each once."""
        found = {key_of(route): route for bound in self.bound.values() for route, _ in bound}
        return [found[key] for key in sorted(found)]


def is_ours(gateway: Obj) -> bool:
    return bool((gateway.get("spec") or {}).get("gatewayClassName") == CLASS)


def living(cluster: Cluster) -> list[Obj]:
    """The Gateways of the class that are to be there."""
    return [one for one in cluster.list("gateways") if is_ours(one) and not deleting(one)]


def read(cluster: Cluster, gateway: Obj) -> Reading:
    """A Gateway as it is now."""
    found = Reading(gateway)
    found.problem = _problem(gateway)
    for route in cluster.list("httproutes"):
        parents = routes.refers(route, gateway)
        if parents and not deleting(route):
            _bind(cluster, found, route, parents)
    for route in found.routes():
        for rule in (route.get("spec") or {}).get("rules") or ():
            for ref in _refs(rule):
                backend, why = resolve(cluster, route, ref)
                if backend is None:
                    found.broken.setdefault(key_of(route), why)
                elif backend not in found.backends:
                    found.backends.append(backend)
    found.backends.sort()
    return found


def _problem(gateway: Obj) -> tuple[str, str]:
    named = key_of(gateway)
    start = f'Error GWCER106: Gateway "{named}" is invalid, err: '
    for address in gateway["spec"].get("addresses") or ():
        kind = address.get("type") or "IPAddress"
        if kind != "NamedAddress":
            why = f'unsupported address type "{kind}", only "NamedAddress" is supported.'
            return "UnsupportedAddress", start + why
    for listener in gateway["spec"].get("listeners") or ():
        if listener.get("protocol") not in PROTOCOLS:
            why = f'listener "{listener.get("name")}" has unsupported protocol'
            return "ListenersNotValid", f"{start}{why} {listener.get('protocol')}."
    return "", ""


def _bind(cluster: Cluster, found: Reading, route: Obj, parents: list[Obj]) -> None:
    key, reasons, taken = key_of(route), ["NoMatchingParent"], False
    try:
        routes.rules([(route, ["*"])], "*", lambda one, ref: "", "nowhere")
    except (routes.Misfit, KeyError, TypeError) as error:
        why = f'Error GWCER104: HTTPRoute "{key}" is misconfigured, err: {error}.'
        found.refused[key] = ("UnsupportedValue", why)
        return
    namespace = cluster.get("namespaces", None, route["metadata"]["namespace"]) or {"metadata": {}}
    for listener in found.listeners:
        if not any(_names(parent, listener) for parent in parents):
            continue
        reason = routes.refused(listener, route, found.gateway, namespace)
        if reason:
            reasons.append(reason)
            continue
        taken = True
        names = routes.hosts(listener, route)
        found.bound.setdefault(listener["name"], []).append((route, names))
    if not taken:
        why = f'HTTPRoute "{key}" is not bound to any listener of Gateway "{found.key}".'
        found.refused[key] = (reasons[-1], why)


def _names(parent: Obj, listener: Obj) -> bool:
    section, port = parent.get("sectionName"), parent.get("port")
    return section in (None, listener["name"]) and port in (None, listener.get("port"))


def _refs(rule: Obj) -> list[Obj]:
    mirrors = (one.get("requestMirror") or {} for one in rule.get("filters") or ())
    refs = [one["backendRef"] for one in mirrors if one.get("backendRef")]
    return [*(rule.get("backendRefs") or ()), *refs]


def resolve(cluster: Cluster, route: Obj, ref: Obj) -> tuple[Backend | None, tuple[str, str]]:
    """The Service port that a reference leads to, or None and why it leads nowhere."""
    at, key = route["metadata"]["namespace"], key_of(route)
    namespace, name = ref.get("namespace") or at, ref.get("name") or ""
    start = f'Error GWCER104: HTTPRoute "{key}" is misconfigured, err: '
    if (ref.get("kind") or "Service") != "Service" or ref.get("group"):
        return None, ("InvalidKind", f"{start}unsupported backend kind {ref.get('kind')}.")
    if namespace != at and not _granted(cluster, at, namespace, name):
        why = f"reference to Service {namespace}/{name} is not permitted by any ReferenceGrant."
        return None, ("RefNotPermitted", start + why)
    service = cluster.get("services", namespace, name)
    if service is None:
        return None, ("BackendNotFound", f'{start}service "{namespace}/{name}" not found.')
    ports = [port["port"] for port in service["spec"].get("ports") or ()]
    if ref.get("port") not in ports:
        why = f'port {ref.get("port")} not found in service "{namespace}/{name}".'
        return None, ("BackendNotFound", start + why)
    return (namespace, name, int(ref["port"])), ("", "")


def _granted(cluster: Cluster, source: str, target: str, name: str) -> bool:
    for grant in cluster.list("referencegrants", target):
        spec = grant.get("spec") or {}
        asks = any(
            one.get("kind") == "HTTPRoute" and one.get("namespace") == source
            for one in spec.get("from") or ()
        )
        if asks and any(
            one.get("kind") == "Service" and one.get("name") in (None, "", name)
            for one in spec.get("to") or ()
        ):
            return True
    return False
