"""A cut-over as its runbook asks for it: parameters, the zone's history, what must hold before."""

from collections.abc import Mapping
from typing import Any

from edgebook.base.errors import RefusedError, UsageError
from edgebook.front_door import FrontDoor, Moment
from edgebook.model.links import canonical
from edgebook.model.values import CheckResult, CheckState
from edgebook.moves import cut_over, same
from edgebook.moves import wish as wishes
from edgebook.moves.cut_over import CutOver
from edgebook.moves.stages import Ladder
from edgebook.params.types import Spec
from edgebook.verify import dns_checks
from edgebook.verify.facts import facts as facts_of

TAKES = ("names", "steps", "soak", "ttl")
HISTORY = 1000  # changes of a zone that are looked through


def asked(spec: Spec, options: Mapping[str, Any]) -> CutOver:
    """A runbook's parameters, checked."""
    if stray := sorted(set(options) - set(TAKES)):
        why = f"it takes {', '.join(TAKES)}"
        raise UsageError(f"A cut-over takes no {', '.join(stray)}", where="book.move", why=why)
    if spec.dns is None:
        raise UsageError(
            "No DNS zone in the params",
            where="dns",
            why="the records are kept elsewhere, so they are moved there",
            next="lower their TTL, wait the old one out, then point them at the address of "
            "`edgebook status`",
        )
    return CutOver(
        names=tuple(sorted(options.get("names") or ())),
        steps=wishes.steps(options.get("steps") or ()),
        soak_s=wishes.seconds(options.get("soak") or wishes.SOAK, "soak"),
        ttl_s=wishes.seconds(options.get("ttl") or cut_over.LOW_TTL, "ttl"),
    )


def ladder(door: FrontDoor, moment: Moment, wanted: CutOver) -> Ladder:
    return cut_over.ladder(door.spec, moment.desired, moment.live, history(door, moment), wanted)


def history(door: FrontDoor, moment: Moment) -> list[dict[str, Any]]:
    """The zone's changes, newest first."""

    def read() -> list[dict[str, Any]]:
        path, found = f"dns/v1/{door.zone}/changes", []
        for page in moment.reader.wire.pages("dns", path, sortOrder="descending"):
            found += list(page.get("changes") or ())
            if len(found) >= HISTORY:
                break
        return found

    return moment.reader.start(("dns-changes", door.zone), read).result()


def require(door: FrontDoor, moment: Moment, wanted: CutOver) -> None:
    """Raises RefusedError for records in the way, or when the new side answers otherwise."""
    found = cut_over.origins(door.spec, moment.live, history(door, moment), wanted)
    problems = cut_over.obstacles(door.spec, moment.live, found)
    named = {*wanted.names, *(door.spec.dns.take_over if door.spec.dns else ())}
    left = cut_over.unmovable(door.spec, moment.live, wanted)
    problems += [text for name, text in left.items() if name in named]
    problems += _not_ready(door, moment)
    problems += _not_renewed(door, moment)
    problems += [
        f"{result.subject}: {result.reason}"
        for result in answers(door, moment, wanted)
        if result.state is CheckState.FAILED
    ]
    if problems:
        raise RefusedError(
            f"The names cannot move yet: {len(problems)} problem{'s' if len(problems) > 1 else ''}",
            where=door.zone,
            why="\n".join(problems),
            next="mend them, then plan again; nothing was changed, traffic is where it was",
        )


def _not_renewed(door: FrontDoor, moment: Moment) -> list[str]:
    """CAA records by which a managed certificate could not be renewed once the name is ours."""
    certificate = door.spec.certificate
    if certificate is None or certificate.adopt or certificate.map:
        return []
    return [
        f"a CAA record keeps Google from renewing the certificate: {result.reason}"
        for result in dns_checks.caa(facts_of(door, moment))
        if result.state is CheckState.FAILED
    ]


def answers(door: FrontDoor, moment: Moment, wanted: CutOver) -> list[CheckResult]:
    """Every name and path of `checks:`, asked through the old and the new address."""
    ours = cut_over.addresses(door.spec, moment.live)
    found = cut_over.origins(door.spec, moment.live, history(door, moment), wanted)
    results = []
    for key, origin in sorted(found.items()):
        name, _, kind = key.name.rpartition("./")
        paths = sorted(
            {c.path for c in door.spec.checks if c.host in ("", name) and c.path} or {"/"}
        )
        asked_for = [(name, path) for path in paths]
        results += same.compare(
            moment.reader.wire.connection, origin.rrdatas[0], ours[kind], asked_for
        )
    return results


def _not_ready(door: FrontDoor, moment: Moment) -> list[str]:
    """What of the front door is missing: a name must not lead to where nothing serves."""
    wanted = [r for r in moment.desired.resources if r.kind in ("forwardingRule", "backends")]
    missing = []
    for resource in wanted:
        if resource.kind == "forwardingRule" and resource.key not in moment.live:
            missing.append(f"forwarding rule {resource.name} is not there: run 30 and 40 first")
        if resource.kind == "backends" and not _attached(moment, resource.name):
            missing.append(f"backend service {resource.name} has no NEG: run 60 first")
    return missing


def _attached(moment: Moment, service: str) -> bool:
    negs = {
        canonical(neg.link)
        for cluster in moment.observed.clusters.values()
        for found in cluster.services
        for neg in found.negs
    }
    return any(
        canonical(str(entry.get("group"))) in negs
        for key, item in moment.live.items()
        if key.kind == "backendService" and key.name == service
        for entry in item.body.get("backends") or ()
    )
