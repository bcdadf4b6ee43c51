"""Why endpoints are not healthy: the one cause that fits, where it is, and a way out that works.

Asked from the outside in: does anything lead here, is the zone up, does the network let probes in,
is there such a pod and is it ready, does anybody listen on the probed port, does the probe speak
the pods' language, and only then whether the page answers 200. It must not probe pods.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from edgebook.base.errors import AccessError, ApiError, EdgebookError
from edgebook.model.links import canonical
from edgebook.model.marks import neg_owner
from edgebook.model.observed import ObservedCluster, ObservedService
from edgebook.model.paths import name_of, zone_of
from edgebook.model.values import ResourceKey
from edgebook.params.types import BackendSpec, HealthCheckType
from edgebook.plan.live_index import holders_in
from edgebook.verify import failures
from edgebook.verify.facts import Facts, joined
from edgebook.verify.failures import Failure
from edgebook.verify.firewall_rules import Verdict
from edgebook.verify.firewalling import way_in

Cause = tuple[Failure, str]
HTTP_PROBES = (HealthCheckType.HTTP, HealthCheckType.HTTPS, HealthCheckType.HTTP2)


def why_unhealthy(
    facts: Facts, name: str, backend: BackendSpec, group: str, endpoint: str
) -> Cause:
    """The likeliest cause, and what it was seen by."""
    address, _, text = endpoint.rpartition(":")
    port = int(text or 0)
    probed = backend.health_check.port or port
    cluster = cluster_of(facts, name, group)
    for trouble, words in _asked(facts, backend, cluster, group, address, port, probed):
        return failures.of_backend(trouble, name), words
    words = f"the firewall lets probes in to port {probed}"
    if backend.health_check.type in HTTP_PROBES:
        page = f"{words}; {backend.health_check.path} must answer 200"
        return failures.of_backend(failures.HEALTH_CHECK_PATH, name), page
    return failures.UNHEALTHY, words


def _asked(
    facts: Facts,
    backend: BackendSpec,
    cluster: ObservedCluster | None,
    group: str,
    address: str,
    port: int,
    probed: int,
) -> Iterator[Cause]:
    if cluster is None:
        unread = joined(n for n, c in facts.observed.clusters.items() if not c.reachable)
        if unread != "nothing":
            yield failures.CLUSTER_UNREAD, f"cluster {unread} cannot be read"
        words = f"no cluster of the params calls NEG {name_of(group)} its own"
        yield failures.SVCNEG_GONE, f"{words}{_whose(facts, group)}"
        return
    yield from _zone(cluster, group)
    way = way_in(facts, cluster, probed, address=address)
    if way.verdict in (Verdict.DENIED, Verdict.MISSING) and way.trouble:
        yield way.trouble, way.words
    service = cluster.service(backend.neg.namespace, backend.neg.service)
    if service is None or not service.found:
        where = f"{backend.neg.namespace}/{backend.neg.service}"
        yield failures.NO_SERVICE, f"Service {where} does not exist in cluster {cluster.name}"
    else:
        yield from _pod(service, backend, address)
        yield from _listening(facts, cluster, service, backend, port)
    yield from _language(backend)
    if way.verdict is Verdict.UNSURE and way.trouble:
        yield way.trouble, way.words


def _whose(facts: Facts, group: str) -> str:
    """Whose a NEG is by its description, where it can be read."""
    try:
        found = facts.reader.one("compute", f"compute/v1/{canonical(group)}").result()
    except (AccessError, ApiError):
        return ""
    return f"; it is {neg_owner(found)}" if found else ""


def _zone(cluster: ObservedCluster, group: str) -> Iterator[Cause]:
    zone = zone_of(group)
    if zone and cluster.zones and zone not in cluster.zones:
        yield failures.ZONE_DOWN, f"{zone} has no ready node of {cluster.name}"


def _pod(service: ObservedService, backend: BackendSpec, address: str) -> Iterator[Cause]:
    pods = {pod.address: pod for pod in service.pods}
    if address not in pods:
        yield (
            failures.ENDPOINTS_FROZEN,
            f"{address} is no pod of {service.namespace}/{service.name}",
        )
    elif not pods[address].ready:
        yield failures.POD_NOT_READY, f"pod {pods[address].name or address} is not Ready"


def _listening(
    facts: Facts,
    cluster: ObservedCluster,
    service: ObservedService,
    backend: BackendSpec,
    port: int,
) -> Iterator[Cause]:
    """What the containers say of their ports: no proof, but nobody names a port by chance."""
    declared = container_ports(facts, cluster.name, service)
    probe = backend.health_check.port
    where = f"{service.namespace}/{service.name}"
    if declared and port not in declared:
        words = f"the pods of {where} name {_named(declared)}; the endpoints are on {port}"
        remedy = (
            f"correct targetPort of Service {where} (port {backend.neg.port}), or let the pods "
            f"listen on {port}"
        )
        yield replace(failures.NOBODY_LISTENS, remedy=remedy), words
    elif probe and probe != port and (not declared or probe not in declared):
        named = f"; the pods name {_named(declared)}" if declared else ""
        yield (
            failures.HEALTH_CHECK_PORT,
            f"probes go to port {probe}, the endpoints serve on {port}{named}",
        )


def _named(ports: Iterable[int]) -> str:
    return ", ".join(str(port) for port in sorted(ports))


def container_ports(facts: Facts, cluster: str, service: ObservedService) -> set[int]:
    """The ports that the containers of a Service's pods declare; empty when none can be read."""
    names = {pod.name for pod in service.pods}
    try:
        path = f"api/v1/namespaces/{service.namespace}/pods"
        pods = facts.reader.objects(cluster, path).result()
    except EdgebookError:
        return set()
    return {
        int(port["containerPort"])
        for pod in pods
        if pod["metadata"]["name"] in names
        for container in (pod.get("spec") or {}).get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("containerPort")
    }


# Which pods understand which probe; TCP and SSL pods are not told apart from here.
UNDERSTOOD = {
    HealthCheckType.GRPC: ("H2C", "HTTP2"),
    HealthCheckType.HTTP: ("H2C", "HTTP", "TCP"),
    HealthCheckType.HTTPS: ("HTTP2", "HTTPS", "SSL", "TCP"),
    HealthCheckType.HTTP2: ("HTTP2", "HTTPS", "SSL", "TCP"),
    HealthCheckType.SSL: ("HTTP2", "HTTPS", "SSL", "TCP"),
}


def _language(backend: BackendSpec) -> Iterator[Cause]:
    """On a port of its own the probe meets whoever listens there."""
    probe, pods = backend.health_check.type, backend.protocol
    if backend.health_check.port is None and pods not in UNDERSTOOD.get(probe, (pods,)):
        yield failures.HEALTH_CHECK_PROTOCOL, f"{probe} probes against {pods} pods"


def cluster_of(facts: Facts, name: str, group: str) -> ObservedCluster | None:
    """The cluster that says that a NEG is its own."""
    neg = facts.spec.backends[name].neg
    wanted = canonical(group)
    for cluster in facts.observed.clusters.values():
        service = cluster.service(neg.namespace, neg.service)
        if service and any(canonical(one.link) == wanted for one in service.negs):
            return cluster
    return None


def leads_here(facts: Facts, service: ResourceKey) -> bool:
    """Whether a forwarding rule leads to a backend service, over proxies and URL maps."""
    holders = holders_in(facts.live)
    seen: set[ResourceKey] = set()
    todo = [service]
    while todo:
        key = todo.pop()
        if key.kind == "forwardingRule":
            return True
        if key not in seen:
            seen.add(key)
            todo += holders.of(key)
    return False


def why_empty(facts: Facts, name: str, backend: BackendSpec) -> Cause:
    """Why no endpoint is in any NEG of a backend."""
    trouble, words = _why_empty(facts, name, backend)
    return failures.of_backend(trouble, name), words


def _why_empty(facts: Facts, name: str, backend: BackendSpec) -> Cause:
    key = ResourceKey("backendService", facts.compute, facts.names.backend_service(name))
    if not leads_here(facts, key):
        trouble = failures.NO_RULE
        return trouble, trouble.cause
    for cluster_name in sorted(backend.active):
        cluster = facts.observed.clusters.get(cluster_name)
        if cluster is None or not cluster.reachable:
            return failures.CLUSTER_UNREAD, f"cluster {cluster_name} cannot be read"
        service = cluster.service(backend.neg.namespace, backend.neg.service)
        if service is None or not service.found:
            where = f"{backend.neg.namespace}/{backend.neg.service}"
            return failures.NO_SERVICE, f"Service {where} does not exist in cluster {cluster_name}"
        if not any(neg.name == facts.names.neg(name, cluster_name) for neg in service.negs):
            return failures.SVCNEG_GONE, failures.SVCNEG_GONE.cause
        if found := _empty_service(service, backend.neg.port):
            return found
    return failures.NEG_EMPTY, failures.NEG_EMPTY.cause


def _empty_service(service: ObservedService, port: int) -> Cause | None:
    trouble: Failure = failures.of_no_endpoints(service.pods, port)
    if any(port in pod.ports for pod in service.pods):
        return None  # GKE is about to put them in
    where = f"{service.namespace}/{service.name}"
    ready = sum(pod.ready for pod in service.pods)
    seen = f"{where} has no pods" if not service.pods else f"{ready} pods of {where} are ready"
    return trouble, f"{trouble.cause}: {seen}"
