"""Everything that can be known to be wrong before anything is changed.

Credentials, permissions, enabled APIs, quotas, clusters, Services, DNS. A question that cannot be
asked is uncertain, never silently passed over.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from edgebook.base.errors import AccessError, ApiError, ConnectError, EdgebookError
from edgebook.base.text import counted
from edgebook.desired import firewall
from edgebook.front_door import FrontDoor, Moment
from edgebook.live.clusters import annotation_content
from edgebook.model.firewall_rules import Verdict
from edgebook.model.kinds import KINDS, named
from edgebook.model.paths import compute_scope, name_of
from edgebook.model.values import Action, CheckResult, CheckState, ResourceKey, Step
from edgebook.verify import (
    backend_checks,
    dns_checks,
    failures,
    firewalling,
    foresight,
    preflight_traffic,
)
from edgebook.verify.facts import FAILED, OK, SKIPPED, UNCERTAIN, joined, result
from edgebook.verify.facts import facts as facts_of
from edgebook.verify.failures import of_text
from edgebook.verify.preflight_access import apis, permissions

Check = Callable[[FrontDoor, Moment], Iterable[CheckResult]]


def run(door: FrontDoor) -> list[CheckResult]:
    """All checks; what cannot be asked is uncertain, what cannot be read at all is failed."""
    found: list[CheckResult] = []
    for name, check in (("project", project), ("permissions", permissions), ("APIs", apis)):
        found += _asked(door, name, lambda check=check: check(door))  # type: ignore[misc]
    try:
        moment = door.read()
    except EdgebookError as error:
        why = f"{error.what}: {error.why}" if error.why else error.what
        found.append(result(FAILED, "everything can be read", error.where, why, error.next))
        return found
    made: tuple[tuple[str, Check], ...] = (
        ("quotas", quotas),
        ("clusters", clusters),
        ("Services", services),
        ("pods and NGINX", ahead),
        ("firewall policies", policies),
        ("address", address),
        ("DNS", names),
        ("real users are seen", preflight_traffic.real_users),
        ("the meter reaches", preflight_traffic.reached),
        ("plan", plan),
    )
    for name, of_moment in made:
        found += _asked(door, name, lambda ask=of_moment: ask(door, moment))  # type: ignore[misc]
    return found


def _asked(
    door: FrontDoor, name: str, ask: Callable[[], Iterable[CheckResult]]
) -> list[CheckResult]:
    try:
        return list(ask())
    except EdgebookError as error:
        why = error.why or error.what
        return [result(UNCERTAIN, name, door.spec.project, why, error.next)]


def project(door: FrontDoor) -> Iterator[CheckResult]:
    """The project answers to these credentials."""
    name = door.spec.project
    found = door.wire.find("cloudresourcemanager", f"v3/projects/{name}")
    if found is None:
        remedy = "correct `project` in the params, or ask for access to it"
        yield result(FAILED, "project", name, "not found, or not visible to you", remedy)
    else:
        state = str(found.get("state", "ACTIVE"))
        good = state == "ACTIVE"
        yield result(OK if good else FAILED, "project", name, _world(door) or state)


def _world(door: FrontDoor) -> str:
    world = door.connection.world
    return world.name if world else ""


def quotas(door: FrontDoor, moment: Moment) -> Iterator[CheckResult]:
    """What the plan creates fits into the project's quotas."""
    body = door.wire.get("compute", f"compute/v1/projects/{door.spec.project}")
    limits = {q["metric"]: (float(q["limit"]), float(q["usage"])) for q in body.get("quotas") or ()}
    wanted: Counter[str] = Counter()
    for change in moment.plan.to_do:
        if change.action is Action.CREATE:
            wanted.update(KINDS[change.key.kind].quotas)
    short = [
        f"{metric}: {usage:g} of {limit:g} used, {wanted[metric]} more wanted"
        for metric, (limit, usage) in sorted(limits.items())
        if wanted[metric] and usage + wanted[metric] > limit
    ]
    if short:
        remedy = failures.QUOTA.remedy
        yield result(FAILED, "quotas suffice", door.spec.project, "; ".join(short), remedy)
    elif not limits:
        yield result(UNCERTAIN, "quotas suffice", door.spec.project, "the project shows none")
    else:
        asked = sum(metric in limits for metric in wanted)
        why = f"{asked} quotas looked at" if asked else "nothing that is counted would be created"
        if unlisted := sorted(wanted.keys() - limits.keys()):
            why += f"; the project does not list {', '.join(unlisted)}"
        yield result(OK if asked else SKIPPED, "quotas suffice", door.spec.project, why)


def clusters(door: FrontDoor, moment: Moment) -> Iterator[CheckResult]:
    """Each cluster answers, has ready nodes, and its nodes' tag is known."""
    active = {name for backend in door.spec.backends.values() for name in backend.active}
    for name in sorted(door.spec.clusters):
        seen = moment.observed.clusters[name]
        if not seen.reachable:
            yield _unreachable(door, moment, name, name in active)
            continue
        zones = f"{len(seen.zones)} zones: {joined(seen.zones)}" if seen.zones else "no ready node"
        yield result(OK if seen.zones else FAILED, "cluster answers", name, zones)
        yield from _vpc_native(door, name)
        tags = door.spec.clusters[name].node_tags or seen.node_tags
        if tags:
            yield result(OK, "node tag known", name, joined(tags))
        elif door.spec.firewall.manage:
            remedy = f"set clusters.{name}.node_tags"
            yield result(FAILED, "node tag known", name, "no firewall rule names one", remedy)


def _vpc_native(door: FrontDoor, name: str) -> Iterator[CheckResult]:
    """NEGs need pod addresses that belong to the subnetwork."""
    where = door.cluster_path(name)
    found = door.wire.find("container", f"v1/{where}") if where else None
    if found is None:
        why = "its context does not say where it is in GKE"
        yield result(SKIPPED, "cluster is VPC-native", name, why)
    elif (found.get("ipAllocationPolicy") or {}).get("useIpAliases"):
        yield result(OK, "cluster is VPC-native", name, where)
    else:
        trouble = failures.ROUTES_BASED
        yield result(FAILED, "cluster is VPC-native", name, trouble.cause, trouble.remedy)


def _unreachable(door: FrontDoor, moment: Moment, name: str, active: bool) -> CheckResult:
    why, remedy = "it does not answer", ""
    if facts_of(door, moment).gone(name):
        trouble = failures.CLUSTER_GONE
        state = FAILED if active else UNCERTAIN
        remedy = f"correct clusters.{name}, when it is misspelt; else {trouble.remedy}"
        why = "GKE has no cluster of that name: nobody is behind its NEGs"
        return result(state, "cluster answers", name, why, remedy)
    try:
        moment.reader.cluster(name).request("GET", "version")
    except (ConnectError, AccessError, ApiError) as error:
        why, remedy = f"{error.what}: {error.why}", error.next
    state = FAILED if active else UNCERTAIN
    return result(state, "cluster answers", name, why, remedy)


def services(door: FrontDoor, moment: Moment) -> Iterator[CheckResult]:
    """The Services exist with these ports and endpoints, and their NEG annotation is usable."""
    for name, backend in sorted(door.spec.backends.items()):
        for cluster_name in sorted(backend.active):
            cluster = moment.observed.clusters[cluster_name]
            neg = backend.neg
            subject = f"{cluster_name}/{neg.namespace}/{neg.service}:{neg.port}"
            service = cluster.service(neg.namespace, neg.service)
            if not cluster.reachable:
                yield result(SKIPPED, "Service", subject, "the cluster was not read")
            elif service is None or not service.found:
                remedy = f"deploy it, or correct backends.{name}.neg"
                yield result(FAILED, "Service", subject, "not found", remedy)
            elif neg.port not in service.target_ports:
                trouble = failures.of_backend(failures.ANNOTATION_PORT, name, neg)
                ports = joined(str(port) for port in service.target_ports)
                yield result(FAILED, "Service", subject, f"has ports {ports}", trouble.remedy)
            elif service.external or not any(neg.port in pod.ports for pod in service.pods):
                found = failures.of_no_endpoints(service, neg.port)
                trouble = failures.of_backend(found, name, neg)
                yield result(FAILED, "Service", subject, trouble.cause, trouble.remedy)
            else:
                pods = joined(str(port) for port in service.target_ports[neg.port])
                yield result(OK, "Service", subject, f"pods listen on {pods}")
                yield _annotation(subject, service.annotation)


def _annotation(subject: str, text: str) -> CheckResult:
    check = "NEG annotation readable"
    if not text:
        return result(OK, check, subject, "none yet", step=Step.BACKENDS)
    if "invalid" in annotation_content(text):
        trouble = of_text("NEG annotation is invalid") or failures.ANNOTATION_INVALID
        return result(UNCERTAIN, check, subject, trouble.cause, trouble.remedy, step=Step.BACKENDS)
    return result(OK, check, subject, step=Step.BACKENDS)


def names(door: FrontDoor, moment: Moment) -> Iterator[CheckResult]:
    """The zone exists and is delegated; no CAA record forbids the certificate."""
    facts = facts_of(door, moment)
    yield from dns_checks.zone(facts)
    yield from dns_checks.caa(facts)


def ahead(door: FrontDoor, moment: Moment) -> Iterator[CheckResult]:
    """What pods, NGINX and the firewall would do to traffic once it flows."""
    facts = facts_of(door, moment)
    yield from foresight.foresight(facts)
    if not door.spec.firewall.manage:
        yield from backend_checks.firewall(facts)
        return
    for cluster, why, remedy in firewalling.denied_ahead(facts):
        yield result(FAILED, "our firewall rule decides", cluster, why, remedy)


def policies(door: FrontDoor, moment: Moment) -> Iterator[CheckResult]:
    """No hierarchical or network firewall policy denies before our rules are asked."""
    check, facts = "firewall policies let Google in", facts_of(door, moment)
    network, found = firewall.network_path(facts.spec), facts.policies
    if found.unread:
        yield result(UNCERTAIN, check, network, found.unread, found.way)
        return
    looked = 0
    for cluster in moment.observed.clusters.values():
        for port in firewall.ports(facts.spec, cluster):
            looked += 1
            way = firewalling.way_in(facts, cluster, port)
            if way.policy and way.trouble:
                state = UNCERTAIN if way.verdict is Verdict.UNSURE else FAILED
                yield result(state, check, cluster.name, way.words, way.trouble.remedy)
                return
    words = f"{len(found.all)} policies"
    if looked:
        yield result(OK, check, network, words)
    else:
        yield result(SKIPPED, check, network, f"{words}, but no port of pods is known yet")


def address(door: FrontDoor, moment: Moment) -> Iterator[CheckResult]:
    """An address that is only used must be a global one."""
    if not door.spec.address.adopt:
        return
    scope = compute_scope(door.spec.project)
    for version in sorted(set(door.spec.address.ip_versions)):
        name = door.names.address(version)
        if ResourceKey("address", scope, name) in moment.live:
            continue
        found = moment.reader.aggregated("addresses", "addresses").result()
        regions = [name_of(str(i["region"])) for i in found
                   if i["name"] == name and i.get("region")]  # fmt: skip
        if regions:
            why = f"it is an address of region {joined(regions)}, and a regional one cannot move"
            remedy = (
                "reserve a global one: leave address.adopt out; DNS leads to it at the cut-over"
            )
            yield result(FAILED, "address is global", name, why, remedy)


def plan(door: FrontDoor, moment: Moment) -> Iterator[CheckResult]:
    """Nothing of others stands in the way of the plan."""
    blockers = [change for change in moment.plan.changes if change.blocks]
    for change in blockers:
        subject = named(change.key)
        yield result(CheckState.FAILED, "nothing in the way", subject, change.sentence)
    if not blockers:
        text = f"{counted(len(moment.plan.to_do), 'change')} to make"
        yield result(OK, "nothing in the way", moment.plan.front_door, text)
