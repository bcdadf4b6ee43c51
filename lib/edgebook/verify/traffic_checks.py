"""Checks with real connections: what clients of each frontend see, by every way to it.

The meter asks, not a single probe: a frontend is ok when every client has had answers in a row from
each location, uncertain when only some were good (changes still spread), failed when none was.
Skipped where there is nothing to connect to (a simulator without its data plane), and before the
frontend is there.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from edgebook.cloud.reach import Way
from edgebook.model.hostnames import Hostname
from edgebook.model.values import CheckResult, Step
from edgebook.params.types import Environment, FrontendProtocol, FrontendSpec, IpVersion
from edgebook.traffic import Protocol, Target
from edgebook.traffic.desk import current
from edgebook.traffic.steady import IN_A_ROW, steady
from edgebook.traffic.streaks import Streak
from edgebook.traffic.targets import LOCAL, POLITE, targets
from edgebook.verify import failures, traffic
from edgebook.verify.backend_checks import groups_of
from edgebook.verify.facts import FAILED, OK, SKIPPED, UNCERTAIN, Facts, result
from edgebook.verify.health import health_of

SOON = 14
SPREAD_SECONDS = 120.0  # of the environment: that long a change may take to be everywhere
LONGEST = 0.3  # seconds, in a simulator: a redirect is asked for every four seconds else
LEAST_SECONDS = 12.0  # of this machine
ANSWERS = {
    Protocol.HTTPS: "HTTPS answers",
    Protocol.HTTP: "HTTP redirects to HTTPS",
    Protocol.SSL: "SSL connection stands",
    Protocol.TCP: "TCP connection stands",
}


def frontends(facts: Facts, wanted: Iterable[Step] = tuple(Step)) -> Iterator[CheckResult]:
    """Handshakes, redirects, answers and connections: those that speak for the wanted steps."""
    steps, asked = set(wanted), []
    for frontend in sorted(facts.spec.frontends, key=lambda item: item.name):
        for version in facts.versions:
            why = _not_yet(facts, frontend, version)
            if why is not None:
                yield why
                continue
            address = facts.address(version)
            if Step.CERTIFICATE_MAP in steps and frontend.protocol is not FrontendProtocol.TCP:
                yield from _handshakes(facts, frontend, address)
            asked += [item for item in _asked(facts, frontend, address) if _step(item) in steps]
    if asked:
        yield from _steady(facts, asked)


def _not_yet(facts: Facts, frontend: FrontendSpec, version: IpVersion) -> CheckResult | None:
    """Why a frontend cannot be asked; None when it can."""
    connection = facts.reader.wire.connection
    check, subject = f"{frontend.protocol} frontend answers", f"{frontend.name}:{frontend.port}"
    step = Step.FRONTENDS if frontend.protocol is FrontendProtocol.TCP else Step.CERTIFICATE_MAP
    rule = facts.names.forwarding_rule(frontend.name, version)
    why = facts.pending("forwardingRule", rule) or connection.no_data_plane
    address = facts.address(version)
    if why or not address:
        why = why or "no address yet: 10 Address and DNS reserves it"
        return result(SKIPPED, check, subject, why, step=step)
    if not connection.reach(address, frontend.port):
        why = f"no front end serves {address}:{frontend.port} here: gcpsim reach"
        return result(UNCERTAIN, check, subject, why, step=step)
    return None


def _asked(facts: Facts, frontend: FrontendSpec, address: str) -> list[Target]:
    ca_file = facts.reader.wire.connection.ca_file
    found = targets(facts.spec, [address], ca_file=ca_file)
    return [item for item in found if item.frontend == frontend.name]


def _step(target: Target) -> Step:
    return Step.FRONTENDS if target.protocol is Protocol.HTTP else Step.BACKENDS


def _steady(facts: Facts, asked: list[Target]) -> Iterator[CheckResult]:
    """One result for each target and location, by the worst of its clients."""
    named = {target.frontend for target in asked if _step(target) is Step.BACKENDS}
    zones = {
        item.name: _zones(facts, item) if item.name in named else frozenset()
        for item in facts.spec.frontends
    }
    local = facts.spec.environment is Environment.SIMULATOR
    found = steady(
        asked,
        facts.reader.wire.connection.reach,
        rate=LOCAL * 2 if local else POLITE,
        patience=patience(facts),
        enough=lambda streaks: not _unseen(zones, streaks.values()),
        shared=current(),
        longest=LONGEST if local else None,
    )
    grouped: dict[tuple[str, str, str, int], list[Streak]] = defaultdict(list)
    for streak in found:
        target = streak.series.target
        key = (target.frontend, target.hostname, streak.series.location, target.port)
        grouped[key].append(streak)
    for _, streaks in sorted(grouped.items()):
        yield _judged(streaks)
    for name, missing in sorted(_unseen(zones, found).items()):
        why = f"nobody answered from {', '.join(sorted(missing))} yet"
        remedy = "book.endpoints() shows the health in each zone; changes may still spread"
        yield result(UNCERTAIN, "each zone answers", name, why, remedy, step=Step.BACKENDS)


def _judged(streaks: list[Streak]) -> CheckResult:
    worst = min(streaks, key=lambda item: (item.in_a_row, item.answered))
    target, location = worst.series.target, worst.series.location
    check, step = ANSWERS[target.protocol], _step(target)
    where = f" from {location}" if location else ""
    subject = f"{target.hostname or target.frontend}:{target.port}{where}"
    if worst.in_a_row >= IN_A_ROW:
        clusters = sorted({name for streak in streaks for name in streak.clusters})
        by = f", by {', '.join(clusters)}" if clusters else ""
        words = f"{len(streaks)} clients had answers in a row{by}"
        return result(OK, check, subject, words, step=step)
    sent, answered = sum(s.sent for s in streaks), sum(s.answered for s in streaks)
    words = f"{answered} of {sent} requests answered; {worst.series.client}: {worst.failure}"
    state = UNCERTAIN if worst.answered else FAILED
    return result(state, check, subject, words, _remedy(worst.failure), step=step)


def _remedy(failure: str) -> str:
    if failure == "HTTP 502":
        return failures.ROLLOUT_502.remedy
    return "book.endpoints() shows the health; changes take minutes to be everywhere"


def _zones(facts: Facts, frontend: FrontendSpec) -> frozenset[str]:
    """The zones that a frontend should be answered from: those with healthy endpoints."""
    if not frontend.backend:
        return frozenset()
    name = facts.names.backend_service(frontend.backend)
    groups = {key: found for key, found in groups_of(facts).items() if key.name == name}
    seen = health_of(facts.reader, groups)
    return frozenset(e.zone for item in seen for e in item.endpoints if e.health == "HEALTHY")


def _unseen(
    zones: Mapping[str, frozenset[str]], streaks: Iterable[Streak]
) -> dict[str, frozenset[str]]:
    """Zones from which nobody answered, of frontends whose answers say where they come from."""
    seen: dict[str, set[str]] = defaultdict(set)
    for streak in streaks:
        seen[streak.series.target.frontend] |= streak.zones
    return {name: zones[name] - got for name, got in seen.items() if got and zones[name] - got}


def _handshakes(facts: Facts, frontend: FrontendSpec, address: str) -> Iterator[CheckResult]:
    for way in facts.reader.wire.connection.reach(address, frontend.port):
        for hostname in sorted(set(facts.spec.hostnames)):
            yield _handshake(facts, way, frontend, hostname)


def _handshake(facts: Facts, way: Way, frontend: FrontendSpec, hostname: str) -> CheckResult:
    connection = facts.reader.wire.connection
    name = str(Hostname(hostname).probe)
    check, step = "TLS handshake", Step.CERTIFICATE_MAP
    where = f" from {way.location}" if way.location else ""
    subject = f"{hostname}:{frontend.port}{where}"
    seen = traffic.handshake_in_time(
        way.host, way.port, name, connection.clock, ca_file=connection.ca_file,
        patience=patience(facts),
    )  # fmt: skip
    if not seen.ok:
        return result(FAILED, check, subject, seen.words, failures.HANDSHAKE.remedy, step=step)
    days = (seen.expires - connection.utc()).days if seen.expires else None
    if days is not None and days < SOON:
        remedy = "Google renews a month before: check the CNAME and CAA records"
        return result(UNCERTAIN, check, subject, f"expires in {days} days", remedy, step=step)
    return result(OK, check, subject, seen.words, step=step)


def patience(facts: Facts) -> float:
    """How long changes may take to be everywhere, in seconds of this machine."""
    rate = facts.reader.wire.connection.clock.rate
    return max(LEAST_SECONDS, SPREAD_SECONDS / rate if rate else 0.0)
