"""Checks of backends and firewall: health per NEG and zone, zones missing, what gets in.

An unhealthy group is explained by the first known failure that fits: firewall, wrong port, health
check. It must not probe pods: Google's own verdict is what counts.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from edgebook.desired.firewall import network_path, ports
from edgebook.model.firewall_rules import Verdict
from edgebook.model.links import canonical
from edgebook.model.observed import ObservedCluster
from edgebook.model.values import CheckResult, ResourceKey, Step
from edgebook.params.types import BackendSpec, IpVersion
from edgebook.plan.leading import is_led_to
from edgebook.plan.live_index import holders_in
from edgebook.verify import failures
from edgebook.verify.causes import why_empty, why_unhealthy
from edgebook.verify.facts import FAILED, OK, SKIPPED, UNCERTAIN, Facts, joined, result
from edgebook.verify.firewalling import was_open, way_in
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
    bare = {item.subject: item for item in without_neg(facts)}
    for name, backend in sorted(facts.spec.backends.items()):
        service = facts.names.backend_service(name)
        if service in bare:
            yield replace(bare[service], check=check)
            continue
        why = facts.pending("backendService", service) or facts.pending("backends", service)
        found = seen.get(service)
        body = facts.body("backendService", service) or {}
        if found is None or why or not body.get("backends"):
            state = SKIPPED if why or found is None else FAILED
            yield result(state, check, service, why or "no NEG is attached: run 60", step=step)
            continue
        yield from _by_zone(facts, name, backend, found)


def without_neg(facts: Facts) -> Iterator[CheckResult]:
    """Backend services that clients are led to and no NEG is attached to; silent about others."""
    holders, attached = holders_in(facts.live), groups_of(facts)
    for key, groups in sorted(attached.items()) if any(attached.values()) else ():
        if not groups and is_led_to(key, holders, facts.live):
            why = "no NEG is attached, and requests are led there: whoever asks gets 503"
            remedy = "run 60 backends: it attaches them; and find out who took them off"
            yield result(FAILED, "some NEG is attached", key.name, why, remedy, step=Step.BACKENDS)


def _by_zone(
    facts: Facts, name: str, backend: BackendSpec, found: GroupHealth
) -> Iterator[CheckResult]:
    check, step = "endpoints HEALTHY", Step.BACKENDS
    if not found.total and any(c.key.kind == "forwardingRule" for c in facts.plan.to_do):
        trouble = failures.HEALTH_UNKNOWN
        yield result(SKIPPED, check, found.service, trouble.cause, trouble.remedy, step=step)
        return
    if not found.total:
        trouble, seen = why_empty(facts, name, backend)
        yield result(FAILED, check, found.service, seen, trouble.remedy, step=step)
        return
    idle = _idle(facts, found.service)
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
        if canonical(group) in idle:
            why = f"{reason}; at capacity 0, so nobody is sent there"
            remedy = "once they are HEALTHY: the way back of the failover that left it"
            yield result(SKIPPED, check, subject, why, remedy, step=step)
            continue
        first = next(endpoint for endpoint in endpoints if endpoint.health != "HEALTHY")
        trouble, seen = why_unhealthy(facts, name, backend, first, found.endpoints)
        state = FAILED if not healthy else UNCERTAIN
        yield result(state, check, subject, f"{reason}: {seen}", trouble.remedy, step=step)


def _idle(facts: Facts, service: str) -> set[str]:
    """Groups that get no traffic: they were left, or are about to be joined."""
    entries = (facts.body("backendService", service) or {}).get("backends") or ()
    return {canonical(str(e["group"])) for e in entries if e.get("capacityScaler") == 0}


def firewall(facts: Facts) -> Iterator[CheckResult]:
    """Google's ranges reach the pods' ports in every cluster, denies and priorities considered."""
    check, step = "firewall allows", Step.FIREWALL
    if facts.policies.unread:
        where, why = network_path(facts.spec), f"firewall policies: {facts.policies.unread}"
        yield result(UNCERTAIN, check, where, why, facts.policies.way, step=step)
    for cluster in facts.observed.clusters.values():
        if not cluster.reachable:
            yield result(UNCERTAIN, check, cluster.name, "the cluster was not read", step=step)
            continue
        policies = facts.policies_of(cluster)
        if policies.unread and not facts.policies.unread:
            why = f"firewall policies of its region: {policies.unread}"
            yield result(UNCERTAIN, check, cluster.name, why, policies.way, step=step)
        for port in ports(facts.spec, cluster):
            subject = f"{cluster.name} tcp:{port}"
            ours = {facts.names.firewall(cluster.name, version) for version in IpVersion}
            pending = [
                change.key.name
                for change in facts.plan.to_do
                if change.key.kind == "firewall" and change.key.name in ours
            ]
            yield _reached(facts, cluster, port, subject, bool(pending))


def _reached(
    facts: Facts, cluster: ObservedCluster, port: int, subject: str, pending: bool
) -> CheckResult:
    check, step = "firewall allows", Step.FIREWALL
    way = way_in(facts, cluster, port)
    if way.verdict is Verdict.ALLOWED:
        return result(OK, check, subject, f"by {joined(way.rules)}", step=step)
    remedy = way.trouble.remedy if way.trouble else ""
    if way.verdict is Verdict.UNSURE:
        return result(UNCERTAIN, check, subject, way.words, remedy, step=step)
    if pending and not way.policy and not was_open(facts, cluster, way.version):
        why = "not there yet: 50 Firewall opens it"
        why += " for IPv6" if way.version is IpVersion.IPV6 else ""
        return result(SKIPPED, check, subject, why, step=step)
    return result(FAILED, check, subject, way.words, remedy, step=step)


def nodes(facts: Facts) -> Iterator[CheckResult]:
    """No attached zone that should take traffic is without a ready node; says nothing of others.

    GKE empties its NEG as the pods go elsewhere, and what is left looks healthy.
    """
    check, step, trouble = "zones have nodes", Step.BACKENDS, failures.ZONE_DOWN
    attached: defaultdict[str, set[str]] = defaultdict(set)  # zones that should take traffic
    for name, backend in facts.spec.backends.items():
        body = facts.body("backendService", facts.names.backend_service(name)) or {}
        entries = [e for e in body.get("backends") or () if e.get("capacityScaler", 1) != 0]
        groups = {canonical(str(entry["group"])) for entry in entries}
        for cluster_name in backend.active:
            cluster = facts.observed.clusters.get(cluster_name)
            found = cluster and cluster.service(backend.neg.namespace, backend.neg.service)
            if cluster and cluster.reachable and found:
                ours = {neg.zone for neg in found.negs if canonical(neg.link) in groups}
                attached[cluster_name] |= ours
    for cluster_name, ours in sorted(attached.items()):
        if down := ours - set(facts.observed.clusters[cluster_name].zones):
            why = f"{joined(down)} has no ready node of {cluster_name}"
            why += f": traffic goes to {joined(ours - down)}" if ours - down else ""
            yield result(UNCERTAIN, check, cluster_name, why, trouble.remedy, step=step)


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
