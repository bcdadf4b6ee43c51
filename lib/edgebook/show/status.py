"""The status of a front door on one page: is it healthy, and if not, why not.

Nothing here reads, writes or waits; the tables are those of `views`.
"""

from collections.abc import Iterator

from edgebook.base.text import counted
from edgebook.model.hostnames import Hostname
from edgebook.model.kinds import named
from edgebook.model.paths import record_of
from edgebook.model.values import Action, CheckResult, Plan
from edgebook.show.tables import Pages, Table
from edgebook.show.views import Memory, backends_short, certificates, dns, endpoints, frontends
from edgebook.verify import (
    backend_checks,
    certificate_checks,
    dns_checks,
    following,
    led_away,
    neg_owners,
    set_by_hand,
)
from edgebook.verify.checks import in_the_way
from edgebook.verify.facts import FAILED, UNCERTAIN, Facts

SAID = 2  # differences that a headline tells


def status(facts: Facts, memory: Memory) -> Pages:
    """Everything on one page, with whether it is healthy and, if not, why not.

    It cannot be told where a cluster that serves cannot be read: what is attached may be frozen.
    What serves and will not stay so is in doubt, and the headline says it.
    """
    plan = facts.plan
    left = _left(plan)
    seen = endpoints(facts, memory)
    fronts, issued = frontends(facts), certificates(facts)
    follow = [
        *following.following(facts),
        *neg_owners.owners(facts),
        *backend_checks.nodes(facts),
        *backend_checks.without_neg(facts),
        *led_away.led_away(facts),
        *set_by_hand.left(facts),
        *set_by_hand.refusing(facts),
        *dns_checks.answers_nothing(facts),
        *dns_checks.beside(facts),
        *dns_checks.led_off(facts),
        *dns_checks.lost(facts),
        *certificate_checks.without_entry(facts),
        *in_the_way(facts),
    ]
    problems = [*_not_listening(fronts), *_not_active(facts, issued), *_not_healthy(seen)]
    problems += [f"{item.subject}: {item.reason}" for item in follow if item.state is FAILED]
    problems += _without_record(facts)
    unsure = [] if problems else _not_readable(facts)
    doubted = [] if unsure else [item for item in follow if item.state is UNCERTAIN]
    doubts = [f"{item.subject}: {item.reason}" for item in doubted]
    doubts += [] if unsure else _not_renewed(facts)
    doubts += [] if unsure else _forbidden(facts)
    if not seen.rows and not any(row.cells["address"] for row in fronts.rows):
        gone = [f"{item.subject} {item.reason}" for item in dns_checks.lost(facts)]
        problems = [f"its address is gone: {one}" for one in gone] or ["it is not built"]
    tables = (
        fronts,
        issued,
        dns(facts),
        _titled(
            backends_short(facts, seen), f"backends: {seen.title}", (*seen.notes, *_ways_on(follow))
        ),
    )
    said = f"healthy now, but in doubt: {'; '.join(doubts)}" if doubts else "healthy"
    said = f"cannot be told: {'; '.join(unsure)}" if unsure else said
    said = f"NOT HEALTHY: {'; '.join(problems)}" if problems else said
    title = f"front door {facts.names.front_door} in {facts.spec.project}: {said}; {left}"
    data = {
        "front_door": facts.names.front_door,
        "healthy": not problems and not unsure,
        "problems": problems,
        "unsure": unsure,
        "doubts": doubts,
        "changes": len(plan.to_do),
        "hash": plan.hash,
    }
    return Pages(tables, title, data=data)


def _left(plan: Plan) -> str:
    """How much there is to change, and what of it is there and not as the params say."""
    if not plan.to_do:
        return "nothing to change"
    differ = [c for c in plan.to_do if c.action is Action.UPDATE]
    said = [f"{named(change.key)}: {change.sentence}" for change in differ[:SAID]]
    said += [f"{len(differ) - SAID} more"] if len(differ) > SAID else []
    words = f" ({'; '.join(said)})" if said else ""
    return f"{counted(len(plan.to_do), 'change')} to make{words}"


def _missing_records(facts: Facts) -> Iterator[tuple[str, str]]:
    """(name, type) of record sets that the plan would make."""
    for change in facts.plan.to_do:
        if change.key.kind == "dnsRecordSet" and change.action is Action.CREATE:
            name, kind = record_of(change.key.name)
            yield name.rstrip("."), kind


def _without_record(facts: Facts) -> list[str]:
    """Hostnames that were built and that nobody finds any more; what is new is only a change."""
    built = {h for h in facts.spec.hostnames if _has_entry(facts, h)}
    missing = sorted(_missing_records(facts))
    return [f"{name} has no {kind} record" for name, kind in missing if name in built]


def _has_entry(facts: Facts, hostname: str) -> bool:
    """Whether the front door serves a hostname by now."""
    if facts.spec.certificate is None:
        return True
    scope = f"{facts.certificates}/certificateMaps/{facts.names.certificate_map()}"
    return facts.body("certificateMapEntry", facts.names.map_entry(hostname), scope) is not None


def _not_renewed(facts: Facts) -> list[str]:
    gone = [name.partition(".")[2] for name, kind in _missing_records(facts) if kind == "CNAME"]
    return [
        f"the validation CNAME of {domain} is gone: its certificate will not be renewed"
        for domain in sorted(gone)
        if any(_has_entry(facts, h) for h in facts.spec.hostnames if Hostname(h).domain == domain)
    ]


def _forbidden(facts: Facts) -> list[str]:
    """Domains whose certificates serve, and that nobody may renew."""
    built = {Hostname(h).domain for h in facts.spec.hostnames if _has_entry(facts, h)}
    return [
        f"CAA keeps {item.subject} from being renewed: {item.reason}"
        for item in dns_checks.caa(facts)
        if item.state is FAILED and item.subject in built
    ]


def _ways_on(checks: list[CheckResult]) -> tuple[str, ...]:
    """What to do about what is in doubt, or wrong."""
    found = [item for item in checks if item.state in (FAILED, UNCERTAIN) and item.remedy]
    return tuple(f"{item.subject}: {item.reason}. {item.remedy}" for item in found)


def _not_readable(facts: Facts) -> list[str]:
    active = {name for backend in facts.spec.backends.values() for name in backend.active}
    clusters = facts.observed.clusters
    silent = sorted(n for n in active if n in clusters and not clusters[n].reachable)
    return [f"cluster {name} cannot be read" for name in silent]


def _not_listening(fronts: Table) -> list[str]:
    absent = sorted({str(r.cells["frontend"]) for r in fronts.rows if not r.cells["address"]})
    return [f"frontend {name} is not there" for name in absent]


def _not_active(facts: Facts, issued: Table) -> list[str]:
    """Certificates that are not issued, or expired; one that is only wished for is a change."""
    states = {str(r.cells["certificate"]): str(r.cells["state"]) for r in issued.rows}
    return [
        f"certificate {name}: {state}"
        for name, state in sorted(states.items())
        if state != "ACTIVE" and not facts.pending("certificate", name)
    ]


def _not_healthy(seen: Table) -> list[str]:
    good = sum(row.cells["health"] == "HEALTHY" for row in seen.rows)
    if not seen.rows:
        return ["no endpoint"]
    return [] if good == len(seen.rows) else [seen.title]


def _titled(table: Table, title: str, notes: tuple[str, ...] = ()) -> Table:
    return Table(table.columns, table.rows, title, notes=(*table.notes, *notes))
