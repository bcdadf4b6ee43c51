"""Why endpoints are not healthy: the one cause that fits, where it is, and a way out that works.

Asked from the outside in: does anything lead here, is the zone up, does the network let probes in,
is there such a pod and is it ready, does anybody listen on the probed port, does the probe speak
the pods' language, and only then whether the page answers 200. It must not probe pods.
"""

from collections.abc import Iterable, Iterator

from edgebook.base.errors import AccessError, ApiError
from edgebook.base.text import counted
from edgebook.model.firewall_rules import Verdict
from edgebook.model.kinds import noun
from edgebook.model.links import canonical
from edgebook.model.marks import neg_owner
from edgebook.model.observed import ObservedCluster, ObservedService, Pod
from edgebook.model.paths import name_of, zone_of
from edgebook.model.values import Action, ResourceKey
from edgebook.params.types import BackendSpec
from edgebook.plan.live_index import holders_in
from edgebook.verify import failures, listening
from edgebook.verify.facts import Facts, joined
from edgebook.verify.firewalling import way_in
from edgebook.verify.health import Endpoint
from edgebook.verify.led_away import why_nothing_comes
from edgebook.verify.listening import Cause, ports_of

NAMED = 3  # pods that a sentence names


def why_unhealthy(
    facts: Facts, name: str, backend: BackendSpec, endpoint: Endpoint, seen: Iterable[Endpoint]
) -> Cause:
    """The likeliest cause, and what it was seen by; `seen` are all endpoints of the backend."""
    cluster = cluster_of(facts, name, endpoint.group)
    trouble, words = next(_asked(facts, name, cluster, endpoint, tuple(seen)))
    return failures.of_backend(trouble, name, backend.neg), words


def _asked(
    facts: Facts,
    name: str,
    cluster: ObservedCluster | None,
    endpoint: Endpoint,
    seen: tuple[Endpoint, ...],
) -> Iterator[Cause]:
    backend = facts.spec.backends[name]
    address, _, text = endpoint.address.rpartition(":")
    group, port = endpoint.group, int(text or 0)
    probed = backend.health_check.port or port
    if cluster is None:
        unread = sorted(n for n, c in facts.observed.clusters.items() if not c.reachable)
        if unread:
            yield _unread(facts, unread)
        words = f"no cluster of the params calls NEG {name_of(group)} its own"
        yield failures.SVCNEG_GONE, f"{words}{_whose(facts, group)}"
        return
    yield from _zone(cluster, group)
    yield from _drifted(facts, name)
    way = way_in(facts, cluster, probed, address=address)
    if way.verdict in (Verdict.DENIED, Verdict.MISSING) and way.trouble:
        yield way.trouble, way.words
    service = cluster.service(backend.neg.namespace, backend.neg.service)
    where = f"{backend.neg.namespace}/{backend.neg.service}"
    if service is None or not service.found:
        yield failures.NO_SERVICE, f"Service {where} does not exist in cluster {cluster.name}"
        return
    yield from _pod(service, address, seen)
    ports = ports_of(facts, cluster.name, service, address)
    yield from listening.not_listening(ports, backend, where, port)
    yield from listening.language(ports, backend, probed)
    if way.verdict is Verdict.UNSURE and way.trouble:
        yield way.trouble, way.words
    yield from _alone(service, endpoint, seen)
    yield from listening.kept_out(facts, cluster.name, service, probed)
    yield listening.answer(ports, backend, where, probed)


def _alone(
    service: ObservedService, endpoint: Endpoint, seen: tuple[Endpoint, ...]
) -> Iterator[Cause]:
    """Others of the same Service answer the same probe, so it is not the probe that is wrong."""
    groups = {canonical(neg.link) for neg in service.negs}
    others = [one for one in seen if canonical(one.group) in groups]
    well = [one for one in others if one.health == "HEALTHY"]
    if not well:
        return
    answer = "answers" if len(well) == 1 else "answer"
    words = f"{counted(len(well), 'other endpoint')} of it {answer} the same probe"
    ill = {pod.name or pod.address for pod in _pods(service, others)}
    named = f"; {_said(ill, 'without an answer')}" if len(ill) > 1 else ""
    here = [one for one in others if one.zone == endpoint.zone]
    if len(here) > 1 and not any(one.health == "HEALTHY" for one in here):
        words += f", and none of the {len(here)} in {endpoint.zone}"
        yield failures.ZONE_APART, words + named
    yield failures.PODS_APART, words + named


def _unread(facts: Facts, names: list[str]) -> Cause:
    """Clusters that do not answer: deleted, or nobody knows."""
    if gone := [name for name in names if facts.gone(name)]:
        return failures.CLUSTER_GONE, f"cluster {joined(gone)} is not in GKE any more"
    return failures.CLUSTER_UNREAD, f"cluster {joined(names)} cannot be read"


def _whose(facts: Facts, group: str) -> str:
    """Whose a NEG is by its description, where it can be read."""
    try:
        found = facts.reader.one("compute", f"compute/v1/{canonical(group)}").result()
    except (AccessError, ApiError):
        return ""
    return f"; it is {neg_owner(found)}" if found else ""


def _zone(cluster: ObservedCluster, group: str) -> Iterator[Cause]:
    zone = zone_of(group)
    if zone and cluster.reachable and zone not in cluster.zones:
        yield failures.ZONE_DOWN, f"{zone} has no ready node of {cluster.name}"


def _drifted(facts: Facts, name: str) -> Iterator[Cause]:
    """A live health check that is not the wished one: what the params say of probes is not so."""
    check, service = facts.names.health_check(name), facts.names.backend_service(name)
    for change in facts.plan.to_do:
        at = (change.key.kind, change.key.name)
        probes = at == ("healthCheck", check) and change.action is not Action.CREATE
        other = at == ("backendService", service) and "healthChecks" in change.fields
        if probes or other:
            words = f"{noun(change.key)} {change.key.name} is not as the params say"
            yield failures.HEALTH_CHECK_DRIFT, f"{words}: {change.sentence}"


def _pod(service: ObservedService, address: str, seen: Iterable[Endpoint]) -> Iterator[Cause]:
    pods = {pod.address: pod for pod in service.pods}
    if address not in pods:
        yield (
            failures.ENDPOINTS_FROZEN,
            f"{address} is no pod of {service.namespace}/{service.name}",
        )
    elif not pods[address].ready:
        ill = {pod.name or pod.address for pod in _pods(service, seen) if not pod.ready}
        yield failures.POD_NOT_READY, _said(ill or {pods[address].name or address}, "not Ready")


def _pods(service: ObservedService, seen: Iterable[Endpoint]) -> list[Pod]:
    """The pods behind the endpoints that are not HEALTHY."""
    pods = {pod.address: pod for pod in service.pods}
    ill = {one.address.rpartition(":")[0] for one in seen if one.health != "HEALTHY"}
    return [pods[address] for address in sorted(ill & set(pods))]


def _said(pods: Iterable[str], state: str) -> str:
    """The pods by name, three at most."""
    names = sorted(pods)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (
        f"pods {', '.join(names[:NAMED])}{more} are {state}"
        if len(names) > 1
        else f"pod {names[0]} is {state}"
    )


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


def why_empty(facts: Facts, name: str, backend: BackendSpec, groups: Iterable[str] = ()) -> Cause:
    """Why no endpoint is in any NEG of a backend, or only in `groups`, all those of a cluster."""
    empty, clusters = {canonical(group) for group in groups}, []
    for cluster_name in sorted(backend.active):
        links = _links(facts, name, backend, cluster_name)
        clusters += [cluster_name] if links and links <= empty else []
    trouble, words = _why_empty(facts, name, backend, clusters or sorted(backend.active))
    return failures.of_backend(trouble, name, backend.neg), words


def _links(facts: Facts, name: str, backend: BackendSpec, cluster_name: str) -> set[str]:
    """The NEGs of a backend in one cluster."""
    cluster = facts.observed.clusters.get(cluster_name)
    service = cluster and cluster.service(backend.neg.namespace, backend.neg.service)
    own = facts.names.neg(name, cluster_name)
    return {canonical(neg.link) for neg in (service.negs if service else ()) if neg.name == own}


def _why_empty(facts: Facts, name: str, backend: BackendSpec, clusters: Iterable[str]) -> Cause:
    key = ResourceKey("backendService", facts.compute, facts.names.backend_service(name))
    if not leads_here(facts, key):
        trouble = why_nothing_comes(facts)
        return trouble, trouble.cause
    for cluster_name in clusters:
        cluster = facts.observed.clusters.get(cluster_name)
        if cluster is None or not cluster.reachable:
            return _unread(facts, [cluster_name])
        service = cluster.service(backend.neg.namespace, backend.neg.service)
        if service is None or not service.found:
            where = f"{backend.neg.namespace}/{backend.neg.service}"
            return failures.NO_SERVICE, f"Service {where} does not exist in cluster {cluster_name}"
        if not any(neg.name == facts.names.neg(name, cluster_name) for neg in service.negs):
            return failures.SVCNEG_GONE, failures.SVCNEG_GONE.cause
        return _empty_service(service, backend.neg.port)
    return failures.NEG_EMPTY, failures.NEG_EMPTY.cause


def _empty_service(service: ObservedService, port: int) -> Cause:
    trouble = failures.of_no_endpoints(service, port)
    where = f"{service.namespace}/{service.name}"
    ready = sum(pod.ready for pod in service.pods)
    seen = f"{where} has no pods" if not service.pods else f"{ready} pods of {where} are ready"
    return trouble, f"{trouble.cause}: {seen}"
