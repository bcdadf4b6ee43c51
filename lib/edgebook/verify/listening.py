"""What pods say of a port that Google probes: the ports that their containers name, and what their
own readiness probes ask there.

Google does not say why a probe failed, and nothing here connects to pods: what the kubelet asks,
and finds well while a pod is Ready, is all there is to compare with.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgebook.base.errors import EdgebookError
from edgebook.model.observed import ObservedService
from edgebook.model.pods import is_nginx
from edgebook.model.ranges import IPV4_RANGES
from edgebook.params.types import BackendProtocol, BackendSpec, HealthCheckType
from edgebook.verify import failures
from edgebook.verify.facts import Facts
from edgebook.verify.failures import Failure
from edgebook.verify.network_policies import WHERE, keeping_out

Cause = tuple[Failure, str]
Object = Mapping[str, Any]
HTTP_PROBES = (HealthCheckType.HTTP, HealthCheckType.HTTPS, HealthCheckType.HTTP2)

# Which pods understand which probe; TCP and SSL pods are not told apart from here.
UNDERSTOOD = {
    HealthCheckType.GRPC: ("H2C", "HTTP2"),
    HealthCheckType.HTTP: ("H2C", "HTTP", "TCP"),
    HealthCheckType.HTTPS: ("HTTP2", "HTTPS", "SSL", "TCP"),
    HealthCheckType.HTTP2: ("HTTP2", "HTTPS", "SSL", "TCP"),
    HealthCheckType.SSL: ("HTTP2", "HTTPS", "SSL", "TCP"),
}
# What a port answers on which the kubelet speaks so; the first is what to set, with the protocol.
ANSWERS = {
    "HTTP": (HealthCheckType.HTTP, HealthCheckType.TCP),
    "HTTPS": (
        HealthCheckType.HTTPS, HealthCheckType.HTTP2, HealthCheckType.SSL, HealthCheckType.TCP,
    ),
    "GRPC": (HealthCheckType.GRPC, HealthCheckType.TCP),
}  # fmt: skip
PROTOCOLS = {
    "HTTP": BackendProtocol.HTTP,
    "HTTPS": BackendProtocol.HTTPS,
    "GRPC": BackendProtocol.H2C,
}


@dataclass(frozen=True, order=True)
class Asked:
    """A container's readiness probe: HTTP, HTTPS, TCP or GRPC on a port, or exec on none (0)."""

    how: str
    port: int = 0
    path: str = ""

    @property
    def words(self) -> str:
        if not self.port:
            return "a command"
        return f"{self.how} on port {self.port}{f' ({self.path})' if self.path else ''}"


@dataclass(frozen=True)
class Ports:
    """What some pods say of their ports; `read` when there was a pod to read."""

    declared: frozenset[int] = frozenset()
    asked: tuple[Asked, ...] = ()
    nginx: bool = False
    read: bool = False

    def on(self, port: int) -> tuple[Asked, ...]:
        """The readiness probes that ask a port."""
        return tuple(one for one in self.asked if one.port == port)

    @property
    def known(self) -> frozenset[int]:
        """Ports that somebody listens on, as far as the pods say."""
        return self.declared | {one.port for one in self.asked if one.port}


def ports_of(facts: Facts, cluster: str, service: ObservedService, address: str = "") -> Ports:
    """What the pod at an address says, or else all of a Service; nothing when none can be read."""
    try:
        path = f"api/v1/namespaces/{service.namespace}/pods"
        pods = {p["metadata"]["name"]: p for p in facts.reader.objects(cluster, path).result()}
    except EdgebookError:
        return Ports()
    names = {pod.name: pod.address for pod in service.pods if pod.name in pods}
    chosen = [name for name, at in names.items() if at == address] or list(names)
    return said_by(pods[name] for name in chosen)


def kept_out(facts: Facts, cluster: str, service: ObservedService, probed: int) -> Iterator[Cause]:
    """NetworkPolicies that let Google not in to the pods of a Service."""
    try:
        path = f"api/v1/namespaces/{service.namespace}/pods"
        pods = facts.reader.objects(cluster, path).result()
        where = WHERE.format(service.namespace)
        policies = facts.reader.objects(cluster, where, missing_ok=True).result()
    except EdgebookError:
        return
    names = {pod.name for pod in service.pods}
    for pod in pods:
        found = keeping_out(policies, pod, probed) if pod["metadata"]["name"] in names else ()
        if found:
            words = f"NetworkPolicy {', '.join(f'{service.namespace}/{name}' for name in found)}"
            words += f" lets {' and '.join(IPV4_RANGES)} not in to port {probed}"
            yield failures.NETWORK_POLICY, f"{words}, where the cluster enforces them"
            return


def said_by(pods: Iterable[Object]) -> Ports:
    """The same of pod objects."""
    pods = list(pods)
    containers = [one for pod in pods for one in _running(pod.get("spec") or {})]
    declared = {
        int(port["containerPort"])
        for container in containers
        for port in container.get("ports") or ()
        if port.get("containerPort")
    }
    asked = {found for container in containers for found in _asked(container)}
    return Ports(frozenset(declared), tuple(sorted(asked)), any(map(is_nginx, pods)), bool(pods))


def _running(spec: Object) -> Iterator[Object]:
    """Containers, and those that start before them and stay."""
    yield from spec.get("containers") or ()
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            yield container


def _asked(container: Object) -> Iterator[Asked]:
    probe = container.get("readinessProbe") or {}
    named = {p.get("name"): p.get("containerPort") for p in container.get("ports") or ()}

    def number(port: Any) -> int:
        found = str(named.get(port) or port or 0)
        return int(found) if found.isdigit() else 0

    if page := probe.get("httpGet"):
        scheme = str(page.get("scheme") or "HTTP").upper()
        yield Asked(scheme, number(page.get("port")), str(page.get("path") or "/"))
    elif probe.get("tcpSocket"):
        yield Asked("TCP", number(probe["tcpSocket"].get("port")))
    elif probe.get("grpc"):
        yield Asked("GRPC", number(probe["grpc"].get("port")))
    elif probe.get("exec"):
        yield Asked("exec")


def not_listening(ports: Ports, backend: BackendSpec, where: str, port: int) -> Iterator[Cause]:
    """What the containers name: no proof, but nobody names a port by chance.

    `where` is the Service, `port` that of the endpoints.
    """
    probe = backend.health_check.port
    if ports.declared and port not in ports.known:
        words = f"the pods of {where} name {_named(ports.declared)}; the endpoints are on {port}"
        remedy = (
            f"correct targetPort of Service {where} (port {backend.neg.port}), or let the pods "
            f"listen on {port}"
        )
        yield replace(failures.NOBODY_LISTENS, remedy=remedy), words
    elif probe and probe != port and probe not in ports.known:
        named = f"; the pods name {_named(ports.declared)}" if ports.declared else ""
        yield (
            failures.HEALTH_CHECK_PORT,
            f"probes go to port {probe}, the endpoints serve on {port}{named}",
        )


def _named(ports: Iterable[int]) -> str:
    return ", ".join(str(port) for port in sorted(ports))


def language(ports: Ports, backend: BackendSpec, probed: int) -> Iterator[Cause]:
    """A probe that the pods do not understand: by the params, or by what the kubelet speaks there.

    On a port of its own the probe meets whoever listens there.
    """
    probe, pods = backend.health_check.type, backend.protocol
    if backend.health_check.port is None and pods not in UNDERSTOOD.get(probe, (pods,)):
        yield failures.HEALTH_CHECK_PROTOCOL, f"{probe} probes against {pods} pods"
        return
    spoken = [one.how for one in ports.on(probed) if one.how in ANSWERS]
    if not spoken or any(probe in ANSWERS[how] for how in spoken):
        return
    how = spoken[0]
    right = ANSWERS[how][0]
    remedy = f"set backends.<name>.health_check.type to {right}"
    if backend.health_check.port is None and pods not in UNDERSTOOD[right]:
        remedy += f" and backends.<name>.protocol to {PROTOCOLS[how]}"
    words = f"{probe} probes on port {probed}, where the pods' readinessProbe speaks {how}"
    yield replace(failures.HEALTH_CHECK_PROTOCOL, remedy=remedy), words


def doubts(ports: Ports, backend: BackendSpec, where: str, probed: int) -> Iterator[Cause]:
    """Another page than the kubelet asks for, or a port that it does not ask at all.

    Whether anybody listens, and what is a page there, the kubelet knows. `where` is the Service.
    """
    shown, page = ports.on(probed), backend.health_check.path
    if ports.read and not shown and not ports.nginx:
        yield _unproven(ports, backend, where, probed)
    pages = sorted({one.path for one in shown if one.path})
    if backend.health_check.type in HTTP_PROBES and pages and page not in pages:
        words = f"{page} must answer 200, and the pods' readinessProbe asks {pages[0]} there"
        remedy = f"set backends.<name>.health_check.path to {pages[0]}, as the readinessProbe"
        yield replace(failures.HEALTH_CHECK_PATH, remedy=remedy), words


def answer(ports: Ports, backend: BackendSpec, where: str, probed: int) -> Cause:
    """What is left when the way is open, the pods are Ready, and nothing else is wrong."""
    words = f"the firewall lets probes in to port {probed}"
    for trouble, doubt in doubts(ports, backend, where, probed):
        return trouble, f"{words}; {doubt}"
    shown = ports.on(probed)
    if backend.health_check.type not in HTTP_PROBES:
        knows = "; the pods' own readinessProbe gets an answer there" if shown else ""
        return failures.UNHEALTHY, f"{words}{knows}"
    same = " (their readinessProbe takes any 2xx and 3xx)" if any(o.path for o in shown) else ""
    page = f"{backend.health_check.path} must answer 200"
    return failures.HEALTH_CHECK_PATH, f"{words}; {page}{same}"


def _unproven(ports: Ports, backend: BackendSpec, where: str, probed: int) -> Cause:
    """Pods that are Ready by something else, or by nothing."""
    if asked := [one.words for one in ports.asked]:
        words = f"no readinessProbe asks port {probed}, the pods are Ready by {', '.join(asked)}"
    else:
        words = f"the pods have no readinessProbe: they are Ready whoever listens on port {probed}"
    where_to = "backends.<name>.health_check.port" if backend.health_check.port else "targetPort"
    remedy = (
        f"a port-forward to port {probed} of a pod tells: when it is refused, let the pods "
        f"of {where} listen there, or correct {where_to}"
    )
    if backend.health_check.type in HTTP_PROBES:
        remedy += "; when it answers, correct backends.<name>.health_check.path"
    return replace(failures.PORT_UNPROVEN, remedy=remedy), words
