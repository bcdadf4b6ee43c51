"""Whose the attached NEGs are: what GKE wrote into their descriptions against what the params say.

Health is blind here: a NEG of another cluster or of another Service may be HEALTHY, and its pods
answer our users. It must not judge NEGs that GKE did not make.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from edgebook.base.errors import AccessError, ApiError, EdgebookError
from edgebook.model.links import canonical
from edgebook.model.marks import MadeFor, made_for
from edgebook.model.paths import name_of, project_of, zone_of
from edgebook.model.values import CheckResult, Step
from edgebook.params.types import BackendSpec
from edgebook.verify import failures
from edgebook.verify.backend_checks import groups_of
from edgebook.verify.causes import cluster_of
from edgebook.verify.facts import FAILED, OK, SKIPPED, UNCERTAIN, Facts, result

CHECK = "NEGs are our Services' own"
STEP = Step.BACKENDS
SYSTEM = "kube-system"  # its uid is the cluster's, in GKE's descriptions


def owners(facts: Facts) -> Iterator[CheckResult]:
    """Every attached NEG was made by the cluster that keeps it, for the Service of its backend."""
    attached = {key.name: groups for key, groups in groups_of(facts).items()}
    zonal = [g for groups in attached.values() for g in groups if "/networkEndpointGroups/" in g]
    bodies = {g: facts.reader.one("compute", f"compute/v1/{canonical(g)}") for g in zonal}
    for name, backend in sorted(facts.spec.backends.items()):
        service = facts.names.backend_service(name)
        found, ours = [], 0
        for group in attached.get(service, ()):
            if group not in bodies:
                continue
            try:
                body = bodies[group].result() or {}
            except (AccessError, ApiError) as error:
                said = (error.why or error.what).partition("\n")[0]
                why = f"NEG {_named(group)} cannot be read: {said}"
                found.append(result(UNCERTAIN, CHECK, service, why, error.next, step=STEP))
                break
            wrong = _judged(facts, name, backend, group, made_for(body))
            ours += wrong is None
            found += [wrong] if wrong else []
        if not found:
            state, words = (OK, f"{ours} NEGs") if ours else (SKIPPED, "no NEG is attached yet")
            found = [result(state, CHECK, service, words, step=STEP)]
        yield from found


def _judged(
    facts: Facts, name: str, backend: BackendSpec, group: str, maker: MadeFor | None
) -> CheckResult | None:
    """What is wrong with one attached NEG; None when nothing is."""
    if maker is None:
        return None  # not made by GKE: what it holds is up to whoever made it
    neg, service = backend.neg, facts.names.backend_service(name)
    wanted = f"{neg.namespace}/{neg.service}"
    cluster = cluster_of(facts, name, group)
    keeper = cluster.name if cluster else _cluster_of(facts, maker.cluster)
    uid = _uid(facts, keeper) if keeper else ""
    strange = bool(uid) and maker.cluster != uid
    right = (maker.service, maker.port) == (wanted, str(neg.port))
    if keeper and right and not strange:
        return None
    subject = f"{service} {_named(group)}"
    if keeper is None and not all(c.reachable for c in facts.observed.clusters.values()):
        why = f"{maker}; whether that is ours cannot be told while a cluster cannot be read"
        return result(SKIPPED, CHECK, subject, why, step=STEP)
    expected = f"{wanted} port {neg.port}" + (f" of cluster {keeper}" if keeper else "")
    where = "" if keeper and not strange else ", which is no cluster of the params"
    why = f"{maker} port {maker.port}{where}; the params want {expected}"
    own = {facts.names.neg(name, cluster) for cluster in facts.spec.clusters}
    if cluster is not None or name_of(group) in own:
        trouble = failures.of_backend(failures.NEG_OF_OTHERS, name, neg)
        remedy = f"{trouble.remedy}; then {_detach(service, group)}"
        return result(FAILED, CHECK, subject, why, remedy, step=STEP)
    if maker.service == wanted:
        why += "; nobody of ours updates it: its endpoints are as they were"
        remedy = f"unless its cluster still runs: {_detach(service, group)}"
        return result(UNCERTAIN, CHECK, subject, why, remedy, step=STEP)
    return result(SKIPPED, CHECK, subject, f"{maker} port {maker.port}: left alone", step=STEP)


def _named(group: str) -> str:
    return f"{name_of(group)} {zone_of(group)}"


def _detach(service: str, group: str) -> str:
    """The line that takes one NEG out, for whoever knows that it may go."""
    return (
        f"`gcloud compute backend-services remove-backend {service} --global "
        f"--network-endpoint-group {name_of(group)} --network-endpoint-group-zone {zone_of(group)} "
        f"--project {project_of(group)}`"
    )


def _uid(facts: Facts, cluster: str) -> str:
    """A cluster's uid as GKE writes it; empty where its namespaces may not be read."""
    try:
        found = facts.reader.objects(cluster, "api/v1/namespaces").result()
    except EdgebookError:
        return ""
    return next((_uid_of(item) for item in found if item["metadata"]["name"] == SYSTEM), "")


def _uid_of(item: Mapping[str, Any]) -> str:
    return str(item["metadata"].get("uid", ""))


def _cluster_of(facts: Facts, uid: str) -> str | None:
    """The cluster of the params that a description names."""
    clusters = facts.observed.clusters.items()
    reached = sorted(name for name, cluster in clusters if cluster.reachable)
    return next((name for name in reached if _uid(facts, name) == uid), None)
