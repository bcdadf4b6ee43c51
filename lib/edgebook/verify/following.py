"""Whether the NEGs still follow the pods: what should be behind a backend against what is.

Health alone is blind here: the endpoints of a NEG whose Service, annotation or cluster is gone stay
as they were, and look fine until the pods roll. So the Service, its pods, the svcneg object and the
endpoints are compared, cluster by cluster and zone by zone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from edgebook.base.clock import moment
from edgebook.desired.backends import annotation_key
from edgebook.model.links import canonical
from edgebook.model.observed import Neg, ObservedCluster, ObservedService
from edgebook.model.paths import zone_of
from edgebook.model.values import CheckResult, ResourceKey, Step
from edgebook.params.types import BackendSpec
from edgebook.verify import failures
from edgebook.verify.backend_checks import groups_of
from edgebook.verify.causes import leads_here
from edgebook.verify.facts import FAILED, OK, SKIPPED, UNCERTAIN, Facts, joined, result
from edgebook.verify.health import Endpoint, health_of
from edgebook.verify.led_away import why_nothing_comes

CHECK = "NEGs follow the pods"
STEP = Step.BACKENDS
SHOWN = 3
LAG_S = 60  # GKE syncs seconds after pods change: what it has not seen by then, it does not see


def following(facts: Facts) -> Iterator[CheckResult]:
    """Every active cluster of every backend: its Service, its svcneg and its endpoints."""
    seen = {item.service: item.endpoints for item in health_of(facts.reader, groups_of(facts))}
    for name, backend in sorted(facts.spec.backends.items()):
        service = facts.names.backend_service(name)
        body = facts.body("backendService", service)
        if body is None or not body.get("backends"):
            why = facts.pending("backendService", service) or "no NEG is attached yet"
            yield result(SKIPPED, CHECK, service, why, step=STEP)
            continue
        yield from _capacity(service, body)
        for cluster_name in sorted(backend.active):
            cluster = facts.observed.clusters.get(cluster_name)
            if cluster is not None:
                for found in _cluster(facts, name, backend, cluster, seen.get(service, ())):
                    remedy = failures.for_backend(found.remedy, name, backend.neg)
                    yield replace(found, remedy=remedy)


def _capacity(service: str, body: Mapping[str, Any]) -> Iterator[CheckResult]:
    """Some entry takes traffic, and one that takes none is told."""
    scalers = [entry.get("capacityScaler", 1.0) for entry in body["backends"]]
    if any(scalers) and not all(scalers):
        left = sorted(zone_of(str(e["group"])) for e in body["backends"]
                      if e.get("capacityScaler", 1.0) == 0)  # fmt: skip
        why = f"capacity 0 in {len(left)} of {len(scalers)} NEGs: no request goes to {joined(left)}"
        remedy = "the way back of the failover that left it; else set the capacity back to 1"
        yield result(UNCERTAIN, "every NEG takes traffic", service, why, remedy, step=STEP)
    if not any(scalers):
        why = f"capacity 0 in all {len(scalers)} NEGs: nothing gets traffic"
        remedy = "a move is half done: edgebook status; else set the capacity back to 1"
        yield result(FAILED, "some NEG takes traffic", service, why, remedy, step=STEP)


def _cluster(
    facts: Facts,
    name: str,
    backend: BackendSpec,
    cluster: ObservedCluster,
    endpoints: tuple[Endpoint, ...],
) -> Iterator[CheckResult]:
    neg, subject = backend.neg, f"{facts.names.backend_service(name)} {cluster.name}"
    if not cluster.reachable and facts.gone(cluster.name):
        why = f"cluster {cluster.name} is not in GKE any more: nobody is behind its NEGs"
        yield result(FAILED, CHECK, subject, why, failures.CLUSTER_GONE.remedy, step=STEP)
        return
    if not cluster.reachable:
        why = f"cluster {cluster.name} cannot be read: its endpoints may be frozen"
        remedy = f"`kubectl cluster-info` of it; while it stays so, roll no pods of {cluster.name}"
        yield result(UNCERTAIN, CHECK, subject, why, remedy, step=STEP)
        return
    service = cluster.service(neg.namespace, neg.service)
    wanted = facts.names.neg(name, cluster.name)
    negs = tuple(n for n in (service.negs if service else ()) if n.name == wanted)
    if service is None or not service.found:
        yield _gone(facts, name, backend, cluster.name, negs)
    elif negs and (unread := _unreadable(facts, backend, cluster)):
        trouble = failures.ANNOTATION_INVALID
        why = f"the annotation of Service {neg.namespace}/{neg.service} is {unread}"
        yield result(FAILED, CHECK, subject, why, trouble.remedy, step=STEP)
    elif not negs or not _asks(facts, backend, cluster, wanted):
        why = "" if negs else facts.pending("backends", facts.names.backend_service(name))
        state = SKIPPED if why else FAILED
        trouble = failures.SERVICE_ANEW if service.anew else failures.SVCNEG_GONE
        said = f"{trouble.cause} (Service {neg.namespace}/{neg.service}, {service.anew})"
        why = why or (said if service.anew else trouble.cause)
        yield result(state, CHECK, subject, why, trouble.remedy, step=STEP)
    elif said := next((n.trouble for n in negs if n.trouble), ""):
        trouble = failures.of_text(said) or failures.NEG_NOT_SYNCED
        why = f"svcneg {negs[0].name}: {said}"
        yield result(FAILED, CHECK, subject, why, trouble.remedy, step=STEP)
    else:
        found = _compared(facts, subject, backend, service, negs, endpoints)
        found = _stale(facts, found, service, negs)
        yield _leaving(found, negs[0], service) if any(n.leaving for n in negs) else found


def _gone(
    facts: Facts, name: str, backend: BackendSpec, cluster: str, negs: tuple[Neg, ...]
) -> CheckResult:
    """The application is not there: what still serves are endpoints that nobody updates."""
    neg, service = backend.neg, facts.names.backend_service(name)
    why = f"Service {neg.namespace}/{neg.service} does not exist in active cluster {cluster}"
    held = [n for n in negs if n.leaving]
    if held and _terminating(facts, cluster, neg.namespace):
        why += (
            f"; namespace {neg.namespace} waits for svcneg {held[0].name}, "
            f"which backend service {service} holds"
        )
    elif held:
        why += f"; backend service {service} still holds its NEG {held[0].name}"
    return result(
        FAILED,
        CHECK,
        f"{service} {cluster}",
        why,
        "deploy it again, or serve from another cluster "
        "(edgebook plan operate/swap -p to CLUSTER), "
        "or take it out: edgebook teardown --step backends",
        step=STEP,
    )


def _terminating(facts: Facts, cluster: str, namespace: str) -> bool:
    found = facts.reader.objects(cluster, "api/v1/namespaces").result()
    return any(
        item["metadata"]["name"] == namespace and item["metadata"].get("deletionTimestamp")
        for item in found
    )


def _asks(facts: Facts, backend: BackendSpec, cluster: ObservedCluster, name: str) -> bool:
    """Whether the Service's annotation asks for a NEG of this name."""
    found = facts.live.get(annotation_key(cluster.name, backend))
    ports = found.body.get("exposed_ports") if found else None
    entries = ports.values() if isinstance(ports, Mapping) else ()
    return any((entry or {}).get("name") == name for entry in entries)


def _unreadable(facts: Facts, backend: BackendSpec, cluster: ObservedCluster) -> str:
    """The annotation's text where it is no annotation: GKE then changes no NEG any more."""
    found = facts.live.get(annotation_key(cluster.name, backend))
    text = str(found.body.get("invalid", "")) if found else ""
    return f"no JSON object with exposed_ports: {text[:60]!r}" if text else ""


def _leaving(found: CheckResult, neg: Neg, service: ObservedService) -> CheckResult:
    """GKE syncs what is marked for deletion and wanted again; it fails where it does not."""
    trouble = failures.SVCNEG_ANEW if service.anew else failures.SVCNEG_LEAVING
    why = f"svcneg {neg.name} is marked for deletion: {trouble.cause}; {found.reason}"
    state = UNCERTAIN if found.state is OK else FAILED
    return result(state, CHECK, found.subject, why, trouble.remedy, step=STEP)


def _stale(
    facts: Facts, found: CheckResult, service: ObservedService, negs: tuple[Neg, ...]
) -> CheckResult:
    """A sync that is older than the pods' last change: what fits now is left over from before."""
    synced = max((neg.synced for neg in negs), default="")
    then, changed = moment(synced), moment(service.changed)
    if then is None or changed is None or found.state in (FAILED, SKIPPED):
        return found
    behind = (changed - then).total_seconds()
    if behind <= 0:
        return found
    now = facts.reader.wire.connection.utc()
    if (now - changed).total_seconds() <= LAG_S:
        return found
    trouble = failures.SVCNEG_STALE
    why = f"svcneg {negs[0].name} was last synced at {synced}, its pods changed at "
    why += f"{service.changed}: {trouble.cause}; {found.reason.partition('; svcneg ')[0]}"
    state = UNCERTAIN if found.state is OK else FAILED
    return result(state, CHECK, found.subject, why, trouble.remedy, step=STEP)


def _compared(
    facts: Facts,
    subject: str,
    backend: BackendSpec,
    service: ObservedService,
    negs: tuple[Neg, ...],
    endpoints: tuple[Endpoint, ...],
) -> CheckResult:
    """Endpoint by endpoint: those of no pod, and ready pods that are no endpoint."""
    groups = {canonical(n.link) for n in negs}
    there = {e.address for e in endpoints if canonical(e.group) in groups}
    port = backend.neg.port
    pods = {f"{p.address}:{p.ports[port]}": p for p in service.pods if port in p.ports}
    dead = sorted(there - set(pods))
    missing = sorted(a for a, pod in pods.items() if pod.ready and a not in there)
    if dead:
        trouble = failures.ENDPOINTS_FROZEN
        why = f"{len(dead)} of {len(there)} endpoints belong to no pod ({_some(dead)})"
        why += _last_sync(negs)
        return result(FAILED, CHECK, subject, why, trouble.remedy, step=STEP)
    key = ResourceKey("backendService", facts.compute, subject.partition(" ")[0])
    if missing and not leads_here(facts, key):
        trouble = why_nothing_comes(facts)
        why = "no forwarding rule leads there, so Google tells no endpoints"
        why = trouble.cause if trouble is not failures.NO_RULE else why
        coming = any(change.key.kind == "forwardingRule" for change in facts.plan.to_do)
        state = SKIPPED if coming else FAILED
        return result(state, CHECK, subject, why, trouble.remedy, step=STEP)
    body = facts.body("backendService", subject.partition(" ")[0]) or {}
    held = {canonical(str(entry["group"])) for entry in body.get("backends") or ()}
    apart = {n.zone for n in negs if n.state == "ACTIVE" and canonical(n.link) not in held}
    if missing and {pods[a].zone for a in missing} <= apart:
        trouble = failures.ZONE_NOT_ATTACHED
        why = f"{len(missing)} ready pods in {joined(apart)} get no traffic: {trouble.title}"
        return result(UNCERTAIN, CHECK, subject, why, trouble.remedy, step=STEP)
    if missing:
        ready = sum(pod.ready for pod in pods.values())
        zones = joined({pods[a].zone for a in missing})
        why = f"{len(missing)} of {ready} ready pods are no endpoint ({_some(missing)} in {zones})"
        why += _last_sync(negs)
        state = FAILED if len(missing) == ready else UNCERTAIN
        trouble = failures.PODS_NOT_IN_NEG
        return result(state, CHECK, subject, why, trouble.remedy, step=STEP)
    if not pods:
        trouble = failures.of_no_endpoints(service, port)
        return result(FAILED, CHECK, subject, trouble.cause, trouble.remedy, step=STEP)
    return result(OK, CHECK, subject, f"{len(there)} endpoints, {len(pods)} pods", step=STEP)


def _last_sync(negs: tuple[Neg, ...]) -> str:
    """When GKE last looked: an old time means that nobody updates the NEG any more."""
    times = [neg.synced for neg in negs if neg.synced]
    return f"; svcneg {negs[0].name} was last synced at {max(times)}" if times else ""


def _some(values: list[str]) -> str:
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return ", ".join(values[:SHOWN]) + more
