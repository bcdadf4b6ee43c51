"""Checks of backends and firewall: health per NEG and zone, zones missing, what gets in.

An unhealthy group is explained by the first known failure that fits: firewall, wrong port, health
check. It must not probe pods: Google's own verdict is what counts.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from edgebook.model.observed import ObservedCluster
from edgebook.model.values import CheckResult, ResourceKey, Step
from edgebook.params.types import BackendSpec, IpVersion
from edgebook.verify import failures
from edgebook.verify.facts import FAILED, OK, SKIPPED, UNCERTAIN, Facts, joined, result
from edgebook.verify.failures import Failure
from edgebook.verify.firewall_rules import IPV4_RANGES, IPV6_RANGES, Verdict, evaluate, speaks_of
from edgebook.verify.health import GroupHealth, health_of


def groups_of(facts: Facts) -> dict[ResourceKey, list[str]]:
    """Our backend services with the groups that are attached to them now."""
    found = {}
    for name in sorted(facts.spec.backends):
        service = facts.names.backend_service(name)
        body = facts.body("backendService", service)
        if body is not None:
            groups = [str(entry["group"]) for entry in body.get("backends") or ()]
            found[ResourceKey("backendService", facts.compute, service)] = groups
    return found


def health(facts: Facts) -> Iterator[CheckResult]:
    """All endpoints of every attached NEG are HEALTHY."""
    check, step = "endpoints HEALTHY", Step.BACKENDS
    seen = {item.service: item for item in health_of(facts.reader, groups_of(facts))}
    for name, backend in sorted(facts.spec.backends.items()):
        service = facts.names.backend_service(name)
        why = facts.pending("backendService", service) or facts.pending("backends", service)
        found = seen.get(service)
        body = facts.body("backendService", service) or {}
        if found is None or why or not body.get("backends"):
            state = SKIPPED if why or found is None else FAILED
            yield result(state, check, service, why or "no NEG is attached: run 60", step=step)
            continue
        yield from _by_zone(facts, name, backend, found, bool(body.get("usedBy")))


def _by_zone(
    facts: Facts, name: str, backend: BackendSpec, found: GroupHealth, referenced: bool
) -> Iterator[CheckResult]:
    check, step = "endpoints HEALTHY", Step.BACKENDS
    if not found.total and not referenced:
        trouble = failures.HEALTH_UNKNOWN
        yield result(SKIPPED, check, found.service, trouble.cause, trouble.remedy, step=step)
        return
    if not found.total:
        trouble = failures.NEG_EMPTY
        yield result(FAILED, check, found.service, trouble.cause, trouble.remedy, step=step)
        return
    by_group = defaultdict(list)
    for endpoint in found.endpoints:
        by_group[endpoint.group].append(endpoint)
    for group, endpoints in sorted(by_group.items()):
        healthy = sum(endpoint.health == "HEALTHY" for endpoint in endpoints)
        subject = f"{found.service} {endpoints[0].neg} {endpoints[0].zone}"
        reason = f"{healthy} of {len(endpoints)}"
        if healthy == len(endpoints):
            yield result(OK, check, subject, reason, step=step)
            continue
        trouble, seen = why_unhealthy(facts, name, backend, group, endpoints[0].address)
        state = FAILED if not healthy else UNCERTAIN
        yield result(state, check, subject, f"{reason}: {seen}", trouble.remedy, step=step)


def why_unhealthy(
    facts: Facts, name: str, backend: BackendSpec, group: str, endpoint: str
) -> tuple[Failure, str]:
    """The likeliest cause, and what it was seen by."""
    port = int(endpoint.rsplit(":", 1)[-1] or 0)
    probed = backend.health_check.port or port
    for cluster in _clusters_of(facts, name, group):
        for trouble, words in _blocked(facts, cluster, probed):
            return trouble, words
    if backend.health_check.port and backend.health_check.port != port:
        return (
            failures.HEALTH_CHECK_PORT,
            f"probes go to port {probed}, the endpoints serve on {port}",
        )
    tls_probe = backend.health_check.type in ("HTTPS", "HTTP2", "SSL")
    tls_pods = backend.protocol in ("HTTPS", "HTTP2", "SSL")
    if tls_probe != tls_pods and backend.health_check.type != "TCP":
        words = f"{backend.health_check.type} probes against {backend.protocol} pods"
        return failures.HEALTH_CHECK_PROTOCOL, words
    if backend.health_check.type in ("HTTP", "HTTPS", "HTTP2"):
        words = f"the firewall lets probes in; {backend.health_check.path} must answer 200"
        return failures.HEALTH_CHECK_PATH, words
    return failures.UNHEALTHY, f"the firewall lets probes in to port {probed}"


def _clusters_of(facts: Facts, name: str, group: str) -> list[ObservedCluster]:
    names = facts.spec.backends[name].neg
    return [
        cluster
        for cluster in facts.observed.clusters.values()
        if (service := cluster.service(names.namespace, names.service))
        and any(neg.link.endswith(group.split("/compute/v1/")[-1]) for neg in service.negs)
    ]


def _blocked(facts: Facts, cluster: ObservedCluster, port: int) -> Iterator[tuple[Failure, str]]:
    rules = firewall_rules(facts)
    for source in IPV4_RANGES:
        answer = evaluate(
            rules,
            network=network_name(facts),
            source=source,
            port=port,
            tags=tags_of(facts, cluster),
        )
        if answer.verdict is Verdict.DENIED:
            words = f"rule {answer.rules[0]} denies {source} to tcp:{port}"
            yield failures.FIREWALL_MISSING, words
        elif answer.verdict is Verdict.MISSING:
            near = speaks_of(rules, source, tags_of(facts, cluster))
            if near:
                words = f"{near[0]}, but the pods listen on {port}"
                yield failures.FIREWALL_WRONG_PORT, words
            else:
                yield failures.FIREWALL_MISSING, f"no rule allows {source} to tcp:{port}"


def firewall(facts: Facts) -> Iterator[CheckResult]:
    """Google's ranges reach the pods' ports in every cluster, denies and priorities considered."""
    check, step = "firewall allows", Step.FIREWALL
    rules = firewall_rules(facts)
    for cluster in facts.observed.clusters.values():
        if not cluster.reachable:
            yield result(UNCERTAIN, check, cluster.name, "the cluster was not read", step=step)
            continue
        ranges = IPV4_RANGES + (IPV6_RANGES if cluster.ipv6 else ())
        for port in ports_of(facts, cluster):
            subject = f"{cluster.name} tcp:{port}"
            ours = {facts.names.firewall(cluster.name, version) for version in IpVersion}
            pending = [
                change.key.name
                for change in facts.plan.to_do
                if change.key.kind == "firewall" and change.key.name in ours
            ]
            yield _reaches(facts, cluster, rules, ranges, port, subject, bool(pending))


def _reaches(
    facts: Facts,
    cluster: ObservedCluster,
    rules: list[Mapping[str, Any]],
    ranges: tuple[str, ...],
    port: int,
    subject: str,
    pending: bool,
) -> CheckResult:
    check, step = "firewall allows", Step.FIREWALL
    used: set[str] = set()
    for source in ranges:
        answer = evaluate(
            rules,
            network=network_name(facts),
            source=source,
            port=port,
            tags=tags_of(facts, cluster),
        )
        if answer.verdict is Verdict.ALLOWED:
            used.update(answer.rules)
        elif answer.verdict is Verdict.UNSURE:
            why = f"{joined(answer.rules)} aims at service accounts"
            return result(UNCERTAIN, check, subject, why, "check it by hand", step=step)
        elif pending:
            return result(SKIPPED, check, subject, "not there yet: 50 Firewall opens it", step=step)
        elif answer.verdict is Verdict.DENIED:
            why = f"rule {answer.rules[0]} denies {source}"
            remedy = "give our rule a higher priority (a lower number): firewall.priority"
            return result(FAILED, check, subject, why, remedy, step=step)
        else:
            near = speaks_of(rules, source, tags_of(facts, cluster))
            trouble = failures.FIREWALL_WRONG_PORT if near else failures.FIREWALL_MISSING
            why = f"nothing lets {source} in" + (f"; {joined(near)}" if near else "")
            return result(FAILED, check, subject, why, trouble.remedy, step=step)
    return result(OK, check, subject, f"by {joined(used)}", step=step)


def zones(facts: Facts) -> Iterator[CheckResult]:
    """Every zone in which an active cluster has nodes is attached, and no other."""
    check, step = "all zones attached", Step.BACKENDS
    for name, backend in sorted(facts.spec.backends.items()):
        service = facts.names.backend_service(name)
        body = facts.body("backendService", service) or {}
        attached = {str(e["group"]).split("/compute/v1/")[-1] for e in body.get("backends") or ()}
        for cluster_name in sorted(backend.active):
            cluster = facts.observed.clusters.get(cluster_name)
            found = cluster and cluster.service(backend.neg.namespace, backend.neg.service)
            subject = f"{service} {cluster_name}"
            why = facts.pending("backends", service) or facts.pending("backendService", service)
            if not found or not found.negs or (why and not attached):
                yield result(SKIPPED, check, subject, why or "no NEGs yet", step=step)
                continue
            assert cluster is not None
            wanted = facts.names.neg(name, cluster_name)
            negs = [neg for neg in found.negs if neg.name == wanted and neg.state == "ACTIVE"]
            missing = {n.zone for n in negs if n.link.split("/compute/v1/")[-1] not in attached}
            without = set(cluster.zones) - {neg.zone for neg in negs}
            if missing:
                trouble = failures.ZONE_NOT_ATTACHED
                reason = f"{joined(missing)}: {trouble.cause}"
                yield result(FAILED, check, subject, reason, trouble.remedy, step=step)
            elif without:
                reason = f"nodes in {joined(without)} have no NEG yet"
                yield result(UNCERTAIN, check, subject, reason, "GKE makes it soon", step=step)
            else:
                yield result(OK, check, subject, joined(n.zone for n in negs), step=step)


def firewall_rules(facts: Facts) -> list[Mapping[str, Any]]:
    return [item.body for key, item in facts.live.items() if key.kind == "firewall"]


def network_name(facts: Facts) -> str:
    return facts.spec.network.rsplit("/", 1)[-1]


def tags_of(facts: Facts, cluster: ObservedCluster) -> tuple[str, ...]:
    own = facts.spec.clusters[cluster.name].node_tags
    return own or cluster.node_tags


def ports_of(facts: Facts, cluster: ObservedCluster) -> list[int]:
    """The ports on which probes and traffic reach this cluster's pods."""
    found: set[int] = set()
    for backend in facts.spec.backends.values():
        service = cluster.service(backend.neg.namespace, backend.neg.service)
        serving = service.target_ports.get(backend.neg.port, ()) if service else ()
        found.update(serving)
        if serving and backend.health_check.port:
            found.add(backend.health_check.port)
    return sorted(found)
